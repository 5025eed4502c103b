//! Reverse endpoints: what an example becomes, and every fault of their own.

use std::net::Ipv4Addr;

use endpoint_ctl::manifest::load;
use endpoint_ctl::model::{Direction, EndpointId, EndpointType, SecurityGroupId, Transport};

use super::{check_golden, example, loaded, refused};

fn reverse() -> String {
    example("reverse.yaml")
}

#[test]
fn the_reverse_example_loads() {
    let model = loaded(&reverse());
    let endpoint = &model.endpoints[&EndpointId::new("ep-reverse")];
    assert_eq!(endpoint.endpoint_type, EndpointType::Reverse);
    let [web, ssh, far] = &endpoint.resources[..] else {
        panic!("{:?}", endpoint.resources);
    };
    assert_eq!(web.transport, Transport::Tcp);
    assert_eq!(web.ip, Ipv4Addr::new(10, 0, 1, 10));
    assert_eq!(web.service_ip, Ipv4Addr::new(10, 0, 50, 210));
    assert_eq!((web.port, web.service_port), (8080, 80));
    assert_eq!(
        (ssh.port, ssh.service_port),
        (22, 22),
        "the same port, if none is given"
    );
    assert_eq!(
        far.zone.as_str(),
        "lab-a",
        "the only zone, for one outside its vSwitch"
    );
    assert_eq!(endpoint.reversed().count(), 3);
}

/// Row F50: inbound, both families, priority 1.
#[test]
fn its_managed_group_lets_everything_in() {
    let model = loaded(&reverse());
    let group = &model.security_groups[&SecurityGroupId::new("sg-managed-ep-reverse")];
    let rules: Vec<_> = group
        .rules
        .iter()
        .map(|rule| (rule.direction, rule.priority, rule.peer.to_string()))
        .collect();
    let ingress = |peer: &str| (Direction::Ingress, 1, peer.to_owned());
    assert_eq!(rules, [ingress("0.0.0.0/0"), ingress("::/0")]);
}

#[test]
fn every_fault_of_resources_is_listed_with_place_and_mend() {
    check_golden("bad-reverse.yaml", "bad-reverse.expected");
}

/// Row F52, also when a running daemon is told to reload.
#[test]
fn dual_stack_is_refused_also_on_reload() {
    let before = loaded(&reverse());
    let dual = "EndpointType: Reverse\nAddressIpVersion: DualStack";
    let text = reverse().replace("EndpointType: Reverse", dual);
    let first = refused(&text);
    let again = load(&text, "test.yaml", Some(&before)).expect_err("refused");
    assert_eq!(first, again);
    assert!(
        first.to_string().ends_with(
            "AddressIpVersion: a reverse endpoint cannot be dual-stack; write AddressIpVersion: IPv4"
        ),
        "{first}"
    );
}

#[test]
fn the_zone_of_a_resource_is_that_of_its_vswitch() {
    let second = "kind: VSwitch\nVSwitchId: vsw-b\nVpcId: vpc-a\nZoneId: lab-b\n\
                  CidrBlock: 10.0.9.0/24\nInterface: vsw-b\n---\n";
    let zones = "Zones:\n  - { ZoneId: lab-b, VSwitchId: vsw-b }";
    let text = format!("{second}{}", reverse()).replace("Zones:", zones);
    let text = text.replace("10.0.50.210, ServicePort: 81", "10.0.50.211");
    let model = loaded(&text);
    let resources = &model.endpoints[&EndpointId::new("ep-reverse")].resources;
    let zones: Vec<_> = resources.iter().map(|one| one.zone.as_str()).collect();
    assert_eq!(zones, ["lab-a", "lab-a", "lab-b"]);
}
