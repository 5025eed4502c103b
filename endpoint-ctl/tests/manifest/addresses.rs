//! Which addresses ENIs get.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use endpoint_ctl::manifest::load;
use endpoint_ctl::model::{EndpointId, Model};

use super::{lab, loaded, refused};

/// The lab without its endpoint and with this network for its vSwitch.
fn lab_without_endpoint(cidr: &str) -> String {
    let lab = lab();
    let (rest, _) = lab
        .split_once("---\nkind: VpcEndpoint\n")
        .expect("an endpoint");
    rest.replacen("CidrBlock: 10.0.1.0/24", &format!("CidrBlock: {cidr}"), 1)
}

fn endpoint(id: &str, ip: Option<&str>) -> String {
    let ip = ip.map_or_else(String::new, |ip| format!(", ip: {ip}"));
    format!(
        "---\nkind: VpcEndpoint\nEndpointId: {id}\nVpcId: vpc-a\nServiceId: epsrv-web\n\
         SecurityGroupIds: [sg-web]\nZones: [{{ ZoneId: lab-a, VSwitchId: vsw-a{ip} }}]\n"
    )
}

fn address(model: &Model, endpoint: &str) -> Ipv4Addr {
    model.endpoints[&EndpointId::new(endpoint)].zones[0].ip
}

#[test]
fn a_vswitch_of_8_addresses_has_4_for_enis() {
    let mut text = lab_without_endpoint("10.0.1.8/29");
    for n in 1..=4 {
        text += &endpoint(&format!("ep-{n}"), None);
    }
    let model = loaded(&text);
    let given: Vec<_> = (1..=4)
        .map(|n| address(&model, &format!("ep-{n}")).octets()[3])
        .collect();
    assert_eq!(given, [9, 10, 11, 12]);

    let errors = refused(&(text + &endpoint("ep-5", None)));
    assert_eq!(errors.faults.len(), 1, "{errors}");
    assert_eq!(
        errors.faults[0].problem,
        "no free IP in vsw-a (4 usable, 4 used)"
    );
    assert_eq!(errors.faults[0].id.as_deref(), Some("ep-5"));
}

#[test]
fn reserved_and_foreign_addresses_cannot_be_named() {
    for last in [0, 253, 254, 255] {
        let ip = format!("10.0.1.{last}");
        let errors = refused(&(lab_without_endpoint("10.0.1.0/24") + &endpoint("ep", Some(&ip))));
        assert_eq!(errors.faults.len(), 1, "{errors}");
        assert!(
            errors.faults[0]
                .problem
                .starts_with(&format!("{ip} is reserved")),
            "{errors}"
        );
        assert_eq!(errors.faults[0].path, "Zones[0].ip");
    }
    for last in [1, 252] {
        let ip = format!("10.0.1.{last}");
        loaded(&(lab_without_endpoint("10.0.1.0/24") + &endpoint("ep", Some(&ip))));
    }
    let errors =
        refused(&(lab_without_endpoint("10.0.1.0/24") + &endpoint("ep", Some("10.0.2.5"))));
    assert!(
        errors.faults[0].problem.contains("is outside 10.0.1.0/24"),
        "{errors}"
    );
}

#[test]
fn an_address_in_use_is_refused_and_its_user_named() {
    let text = lab() + "\n" + &endpoint("ep-b", Some("10.0.1.100"));
    let errors = refused(&text);
    assert_eq!(errors.faults.len(), 1, "{errors}");
    assert_eq!(
        errors.faults[0].problem,
        "10.0.1.100 is used by eni-ep-web-lab-a"
    );
    assert_eq!(errors.faults[0].id.as_deref(), Some("ep-b"));
}

#[test]
fn named_addresses_are_taken_before_any_is_chosen() {
    let text = lab_without_endpoint("10.0.1.0/24")
        + &endpoint("ep-a", None)
        + &endpoint("ep-b", Some("10.0.1.1"));
    let model = loaded(&text);
    assert_eq!(address(&model, "ep-a"), Ipv4Addr::new(10, 0, 1, 2));
    assert_eq!(address(&model, "ep-b"), Ipv4Addr::new(10, 0, 1, 1));
}

#[test]
fn an_eni_keeps_its_address() {
    let base = lab_without_endpoint("10.0.1.0/24");
    let first = loaded(&(base.clone() + &endpoint("ep-a", None) + &endpoint("ep-b", None)));
    assert_eq!(address(&first, "ep-b"), Ipv4Addr::new(10, 0, 1, 2));

    // A newcomer in front and a neighbour gone change nothing for it.
    let text = base.clone() + &endpoint("ep-0", None) + &endpoint("ep-b", None);
    let second = load(&text, "test.yaml", Some(&first)).expect("a good manifest");
    assert_eq!(address(&second, "ep-b"), Ipv4Addr::new(10, 0, 1, 2));
    assert_eq!(address(&second, "ep-0"), Ipv4Addr::new(10, 0, 1, 1));

    // Until someone names its address, or the network moves away from it.
    let text = base + &endpoint("ep-b", None) + &endpoint("ep-c", Some("10.0.1.2"));
    let third = load(&text, "test.yaml", Some(&first)).expect("a good manifest");
    assert_eq!(address(&third, "ep-b"), Ipv4Addr::new(10, 0, 1, 1));
    let text = lab_without_endpoint("10.0.7.0/24") + &endpoint("ep-b", None);
    let fourth = load(&text, "test.yaml", Some(&first)).expect("a good manifest");
    assert_eq!(address(&fourth, "ep-b"), Ipv4Addr::new(10, 0, 7, 1));
}

#[test]
fn two_hundred_endpoints_get_two_hundred_addresses() {
    let mut text = lab_without_endpoint("10.0.1.0/24");
    for n in 0..200 {
        text += &endpoint(&format!("ep-{n}"), None);
    }
    let model = loaded(&text);
    let addresses: BTreeSet<_> = model.endpoints.values().map(|e| e.zones[0].ip).collect();
    assert_eq!(addresses.len(), 200);
}
