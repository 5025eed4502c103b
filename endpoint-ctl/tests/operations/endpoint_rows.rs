//! What the reference says of endpoints in rows of its own: kinds (F02, F55), regions (F09), zones (F11), families (F13), what goes
//! with an endpoint (F17), zone affinity (F28, F29), names (F42, F45).

use endpoint_ctl::api::Product::{Ecs, PrivateLink, Vpc};
use serde_json::json;

use crate::ecs_groups::listed;
use crate::endpoint::{create, rig};
use crate::provider::Provider;
use crate::rig::{Rig, text};

const CREATE: &str = "CreateVpcEndpoint";
const UPDATE: &str = "UpdateVpcEndpointAttribute";
const CONFLICT: &str = "PrivateDnsConflict";

fn made(rig: &Rig, parameters: &[(&str, &str)]) -> String {
    text(&rig.call(PrivateLink, CREATE, parameters), "EndpointId")
}

#[test]
fn another_region_is_refused() {
    let (rig, vpc, [first, _]) = rig();
    let refused = |more: (&str, &str), code: &str| {
        let all = create(&vpc, &first, &[more]);
        rig.refused(PrivateLink, CREATE, &all, code)
    };
    refused(("RegionId", "mars"), "InvalidRegionId.NotFound");
    refused(("RegionId", ""), "MissingRegionId");
    refused(("ServiceRegionId", "mars"), "InvalidServiceRegionId");
    refused(
        ("CrossRegionBandwidth", "100"),
        "InvalidCrossRegionBandwidth",
    );
}

#[test]
fn other_kinds_of_endpoints_are_refused() {
    let (rig, vpc, [first, _]) = rig();
    for kind in ["GatewayLoadBalancer", "Gateway", "interface"] {
        let all = create(&vpc, &first, &[("EndpointType", kind)]);
        rig.refused(PrivateLink, CREATE, &all, "InvalidEndpointType");
    }
}

#[test]
fn one_zone_is_enough_and_each_has_a_vswitch_of_its_own() {
    let (rig, vpc, [first, second]) = rig();
    let refused = |more: &[(&str, &str)], code: &str| {
        let all = create(&vpc, &first, more);
        rig.refused(PrivateLink, CREATE, &all, code)
    };
    // The vSwitch of another zone, and of another VPC.
    let two = |vswitch| [("Zone.2.ZoneId", "z-b"), ("Zone.2.VSwitchId", vswitch)];
    let message = refused(&two(&first), "InvalidZoneId");
    assert!(message.contains("Zone.2.ZoneId"), "{message}");
    let elsewhere = rig.call(Vpc, "CreateVpc", &[("CidrBlock", "10.0.0.0/16")]);
    let elsewhere = rig.vswitch(&text(&elsewhere, "VpcId"), "z-b", "10.0.2.0/24");
    refused(&two(&elsewhere), "InvalidVSwitchId");
    let zones: Vec<_> = (2..=11).map(|n| format!("Zone.{n}.ZoneId")).collect();
    let eleven: Vec<_> = zones.iter().map(|name| (name.as_str(), "z-b")).collect();
    refused(&eleven, "InvalidZone");

    let one = made(&rig, &create(&vpc, &first, &[]));
    let zones = |id: &str| {
        let answer = rig.call(PrivateLink, "ListVpcEndpointZones", &[("EndpointId", id)]);
        answer["TotalCount"].clone()
    };
    assert_eq!(zones(&one), 1);
    assert_eq!(zones(&made(&rig, &create(&vpc, &first, &two(&second)))), 2);
}

#[test]
fn a_dual_stack_endpoint_needs_a_dual_stack_service() {
    let provider = Provider::new();
    let (vpc, vswitch) = provider.rig.network("z-a");
    provider.rig.groups(&vpc, &["sg-1"]);
    let service = provider.service(&[]);
    let of = [
        ("VpcId", vpc.as_str()),
        ("ServiceId", &service),
        ("SecurityGroupId.1", "sg-1"),
        ("Zone.1.ZoneId", "z-a"),
        ("Zone.1.VSwitchId", &vswitch),
        ("AddressIpVersion", "DualStack"),
    ];
    let code = "InvalidAddressIpVersion";
    let message = provider.rig.refused(PrivateLink, CREATE, &of, code);
    assert!(message.contains("IPv4"), "{message}");
    made(&provider.rig, &of[..5]);
}

/// Rows F28 and F29, of endpoints that are new; `connections` has those that are there.
#[test]
fn a_new_endpoint_has_zone_affinity_only_where_its_service_offers_it() {
    let provider = Provider::new();
    let service = provider.service(&[]);
    let (vpc, vswitch) = provider.rig.network("z-a");
    provider.rig.groups(&vpc, &["sg-1"]);
    let of = [
        ("VpcId", vpc.as_str()),
        ("ServiceId", &service),
        ("SecurityGroupId.1", "sg-1"),
        ("Zone.1.ZoneId", "z-a"),
        ("Zone.1.VSwitchId", &vswitch),
        ("ZoneAffinityEnabled", "true"),
    ];
    let code = "InvalidZoneAffinityEnabled";
    provider.rig.refused(PrivateLink, CREATE, &of, code);
    let offered = [("ServiceId", service.as_str()), of[5]];
    provider.call("UpdateVpcEndpointServiceAttribute", &offered);
    made(&provider.rig, &of);
}

fn turn<'p>(id: &'p str, is_on: &'p str) -> [(&'p str, &'p str); 2] {
    [("EndpointId", id), ("PrivateDnsEnabled", is_on)]
}

/// Of the endpoints of a VPC, the first has the domain, until it gives it up.
#[test]
fn a_domain_is_free_again_once_it_is_turned_off_or_its_endpoint_goes() {
    let (rig, vpc, [vswitch, _]) = rig();
    let turned_on = create(&vpc, &vswitch, &[("PrivateDnsEnabled", "true")]);
    let first = made(&rig, &turned_on);
    rig.refused(PrivateLink, CREATE, &turned_on, CONFLICT);
    let second = made(&rig, &create(&vpc, &vswitch, &[]));
    rig.refused(PrivateLink, UPDATE, &turn(&second, "true"), CONFLICT);
    let is_on = |id: &str| {
        let shown = rig.call(
            PrivateLink,
            "GetVpcEndpointAttribute",
            &[("EndpointId", id)],
        );
        shown["PrivateDnsEnabled"].clone()
    };
    assert_eq!((is_on(&first), is_on(&second)), (json!(true), json!(false)));

    rig.call(PrivateLink, UPDATE, &turn(&first, "false"));
    rig.call(PrivateLink, UPDATE, &turn(&second, "true"));
    rig.refused(PrivateLink, UPDATE, &turn(&first, "true"), CONFLICT);
    rig.call(PrivateLink, "DeleteVpcEndpoint", &[("EndpointId", &second)]);
    rig.call(PrivateLink, UPDATE, &turn(&first, "true"));
    assert_eq!(is_on(&first), true);
}

#[test]
fn the_managed_group_goes_with_its_endpoint() {
    let (rig, vpc, [vswitch, _]) = rig();
    let managed = || listed(&rig, &[("ServiceManaged", "True")]).0;
    let id = made(&rig, &create(&vpc, &vswitch, &[]));
    assert_eq!(managed(), [format!("sg-managed-{id}")]);
    rig.call(PrivateLink, "DeleteVpcEndpoint", &[("EndpointId", &id)]);
    assert_eq!(managed(), Vec::<String>::new());
    rig.settle();
    let group = format!("sg-managed-{id}");
    let of = [("SecurityGroupId", group.as_str())];
    let code = "InvalidSecurityGroupId.NotFound";
    rig.refused(Ecs, "DescribeSecurityGroupAttribute", &of, code);
}
