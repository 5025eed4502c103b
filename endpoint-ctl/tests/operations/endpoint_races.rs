//! Endpoints that many ask for at once, and how many there may be.

use std::collections::BTreeSet;

use endpoint_ctl::api::Product::PrivateLink;
use endpoint_ctl::registry::Quotas;
use serde_json::Value;

use crate::endpoint::{create, rig};
use crate::rig::{CONSUMER, Rig, text};

#[test]
fn of_twenty_endpoints_one_gets_the_domain() {
    let (rig, vpc, [first, _]) = rig();
    let ids: Vec<String> = (0..20)
        .map(|_| rig.call(PrivateLink, "CreateVpcEndpoint", &create(&vpc, &first, &[])))
        .map(|made| text(&made, "EndpointId"))
        .collect();
    let rig = &rig;
    let won: usize = std::thread::scope(|scope| {
        let tries = ids.iter().map(|id| {
            scope.spawn(move || {
                let turn_on = [("EndpointId", id.as_str()), ("PrivateDnsEnabled", "true")];
                match rig.call_as(
                    CONSUMER,
                    PrivateLink,
                    "UpdateVpcEndpointAttribute",
                    &turn_on,
                ) {
                    Ok(_) => 1,
                    Err(error) => {
                        assert_eq!(error.code, "PrivateDnsConflict", "{}", error.message);
                        0
                    }
                }
            })
        });
        let tries: Vec<_> = tries.collect();
        tries
            .into_iter()
            .map(|one| one.join().expect("no panic"))
            .sum()
    });
    assert_eq!(won, 1);
    let all = rig.call(PrivateLink, "ListVpcEndpoints", &[]);
    let has = |one: &&Value| one["PrivateDnsEnabled"] == true;
    assert_eq!(
        all["Endpoints"]
            .as_array()
            .expect("list")
            .iter()
            .filter(has)
            .count(),
        1
    );
}

#[test]
fn two_hundred_endpoints_made_at_once_have_two_hundred_addresses() {
    let (rig, vpc, [first, _]) = rig();
    let rig = &rig;
    let (vpc, first) = (vpc.as_str(), first.as_str());
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let count = 200 / 16 + usize::from(thread < 200 % 16);
            scope.spawn(move || {
                for _ in 0..count {
                    rig.call(PrivateLink, "CreateVpcEndpoint", &create(vpc, first, &[]));
                }
            });
        }
    });
    let view = rig.desk.view();
    let zones = view.model().endpoints.values().flat_map(|one| &one.zones);
    let addresses: BTreeSet<_> = zones.map(|zone| zone.ip).collect();
    assert_eq!(addresses.len(), 200);
    assert!(addresses.iter().all(|ip| ip.octets()[..3] == [10, 0, 1]));
    let page = [("MaxResults", "150")];
    let first = rig.call(PrivateLink, "ListVpcEndpoints", &page);
    let next = text(&first, "NextToken");
    let rest = rig.call(
        PrivateLink,
        "ListVpcEndpoints",
        &[page[0], ("NextToken", &next)],
    );
    assert_eq!(rest["Endpoints"].as_array().map(Vec::len), Some(50));
    assert_eq!(rest["NextToken"], "");
}

#[test]
fn managed_groups_count_against_the_quota() {
    let rig = Rig::with(Quotas {
        security_groups: 4,
        ..Quotas::default()
    });
    rig.service();
    let (vpc, first) = rig.network("z-a");
    rig.groups(&vpc, &["sg-1", "sg-2"]);
    for _ in 0..2 {
        rig.call(PrivateLink, "CreateVpcEndpoint", &create(&vpc, &first, &[]));
    }
    let made = create(&vpc, &first, &[]);
    let message = rig.refused(PrivateLink, "CreateVpcEndpoint", &made, "QuotaExceeded");
    assert!(message.contains("q_security-groups"), "{message}");
}
