//! One test per sentence of the reference.

use ipnet::{IpNet, Ipv4Net};

use super::*;
use crate::model::{
    AddressIpVersion, Connection, EndpointLimits, EndpointPolicy, EndpointType, EndpointZone,
    EniId, Hook, NetworkAcl, NetworkAclId, SecurityGroupId, ServiceId, VSwitch, VpcId, ZoneId,
    managed_group,
};

mod families;
mod peers;
mod policy;

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn net(text: &str) -> IpNet {
    text.parse().expect("a network")
}

fn rule(id: &str, direction: Direction, policy: Policy, priority: u8) -> SecurityGroupRule {
    SecurityGroupRule {
        id: id.to_owned(),
        direction,
        policy,
        priority,
        protocol: ProtocolMatch::All,
        ports: PortRange::ANY,
        source_ports: PortRange::ANY,
        peer: Ipv4Net::default().into(),
        local: None,
    }
}

fn group(id: &str, group_type: SecurityGroupType, rules: Vec<SecurityGroupRule>) -> SecurityGroup {
    SecurityGroup {
        id: SecurityGroupId::new(id),
        vpc: VpcId::new("vpc-a"),
        group_type,
        service_managed: false,
        inner_access: match group_type {
            SecurityGroupType::Normal => Policy::Accept,
            SecurityGroupType::Enterprise => Policy::Drop,
        },
        members: Vec::new(),
        rules,
    }
}

fn normal(id: &str, rules: Vec<SecurityGroupRule>) -> SecurityGroup {
    group(id, SecurityGroupType::Normal, rules)
}

/// A model of one endpoint `ep` with these groups attached, and the managed one.
fn endpoint_with(groups: Vec<SecurityGroup>) -> Model {
    let mut model = Model::default();
    let id = EndpointId::new("ep");
    let vpc = VpcId::new("vpc-a");
    let managed = managed_group(&id, EndpointType::Interface, &vpc);
    let endpoint = Endpoint {
        id: id.clone(),
        zone_affinity: false,
        private_dns: false,
        connection: Connection {
            accepted: true,
            ..Connection::default()
        },
        vpc,
        service: ServiceId::new("epsrv"),
        endpoint_type: EndpointType::Interface,
        resources: Vec::new(),
        address_ip_version: AddressIpVersion::Ipv4,
        security_groups: groups.iter().map(|group| group.id.clone()).collect(),
        managed_group: managed.id.clone(),
        policy: EndpointPolicy::default(),
        audit_mode: false,
        limits: EndpointLimits::default(),
        zones: vec![EndpointZone {
            zone: ZoneId::new("z"),
            vswitch: VSwitchId::new("vsw"),
            eni: EniId::new("eni-ep-z"),
            ip: [10, 0, 1, 100].into(),
            ipv6: None,
            connected: true,
            resource: None,
            replaced: None,
        }],
    };
    model.endpoints.insert(id, endpoint);
    for group in groups.into_iter().chain([managed]) {
        model.security_groups.insert(group.id.clone(), group);
    }
    model
}

/// A packet of the ENI, from port 40000.
fn packet(direction: Direction, peer: &str, protocol: u8, port: u16) -> Packet {
    let peer = ip(peer);
    Packet {
        direction,
        eni: ip(if peer.is_ipv4() {
            "10.0.1.100"
        } else {
            "fd00:0:0:1::100"
        }),
        peer,
        protocol,
        source_port: 40_000,
        port,
    }
}

/// What the groups of the endpoint say about a packet.
fn judge(model: &Model, packet: &Packet) -> Verdict {
    judge_security_groups(model, &EndpointId::new("ep"), packet)
}

fn groups(model: &Model, direction: Direction, protocol: u8, port: u16) -> Verdict {
    judge(model, &packet(direction, "10.0.1.10", protocol, port))
}

fn egress(rules: Vec<SecurityGroupRule>) -> Verdict {
    groups(
        &endpoint_with(vec![normal("sg", rules)]),
        Direction::Egress,
        TCP,
        80,
    )
}

fn ingress(rules: Vec<SecurityGroupRule>, protocol: u8, port: u16) -> Verdict {
    groups(
        &endpoint_with(vec![normal("sg", rules)]),
        Direction::Ingress,
        protocol,
        port,
    )
}

#[test]
fn custom_egress_drop_at_priority_1_beats_the_managed_accept() {
    let verdict = egress(vec![rule("deny", Direction::Egress, Policy::Drop, 1)]);
    assert_eq!(verdict, Verdict::new(Policy::Drop, "deny"));
}

#[test]
fn custom_egress_drop_at_priority_2_does_not_beat_the_managed_accept() {
    let verdict = egress(vec![rule("deny", Direction::Egress, Policy::Drop, 2)]);
    assert_eq!(
        verdict,
        Verdict::new(Policy::Accept, "sgr-managed-ep-egress")
    );
}

#[test]
fn inbound_is_denied_unless_a_rule_matches() {
    assert_eq!(
        ingress(vec![], TCP, 80),
        Verdict::new(Policy::Drop, "default-ingress")
    );
}

#[test]
fn only_listed_addresses_reach_the_service() {
    let listed = SecurityGroupRule {
        peer: net("10.0.1.10/32").into(),
        ..rule("listed", Direction::Ingress, Policy::Accept, 1)
    };
    let model = endpoint_with(vec![normal("sg", vec![listed])]);
    let from = |peer| judge(&model, &packet(Direction::Ingress, peer, TCP, 80));
    assert_eq!(from("10.0.1.10"), Verdict::new(Policy::Accept, "listed"));
    assert_eq!(
        from("10.0.1.11"),
        Verdict::new(Policy::Drop, "default-ingress")
    );
}

#[test]
fn priority_1_comes_first_whatever_the_order_of_the_list() {
    let rules = vec![
        rule("late", Direction::Ingress, Policy::Drop, 2),
        rule("early", Direction::Ingress, Policy::Accept, 1),
    ];
    assert_eq!(
        ingress(rules, TCP, 80),
        Verdict::new(Policy::Accept, "early")
    );
}

#[test]
fn drop_comes_before_accept_at_equal_priority() {
    let rules = vec![
        rule("allow", Direction::Ingress, Policy::Accept, 5),
        rule("deny", Direction::Ingress, Policy::Drop, 5),
    ];
    assert_eq!(ingress(rules, TCP, 80), Verdict::new(Policy::Drop, "deny"));
}

#[test]
fn rules_of_all_attached_groups_are_merged() {
    let allow = normal(
        "sg-a",
        vec![rule("allow", Direction::Ingress, Policy::Accept, 2)],
    );
    let deny = normal(
        "sg-b",
        vec![rule("deny", Direction::Ingress, Policy::Drop, 1)],
    );
    let model = endpoint_with(vec![allow, deny]);
    let verdict = groups(&model, Direction::Ingress, TCP, 80);
    assert_eq!(verdict, Verdict::new(Policy::Drop, "deny"));
}

#[test]
fn a_tie_is_won_by_the_group_attached_first_and_the_managed_group_is_last() {
    let b = normal(
        "sg-b",
        vec![rule("b", Direction::Egress, Policy::Accept, 1)],
    );
    let a = normal(
        "sg-a",
        vec![rule("a", Direction::Egress, Policy::Accept, 1)],
    );
    let model = endpoint_with(vec![b, a]);
    assert_eq!(groups(&model, Direction::Egress, TCP, 80).rule, "b");
}

#[test]
fn a_rule_of_one_direction_says_nothing_about_the_other() {
    let verdict = ingress(
        vec![rule("out", Direction::Egress, Policy::Accept, 1)],
        TCP,
        80,
    );
    assert_eq!(verdict, Verdict::new(Policy::Drop, "default-ingress"));
}

#[test]
fn ports_are_destination_ports_with_both_ends_included() {
    let web = SecurityGroupRule {
        protocol: ProtocolMatch::Number(TCP),
        ports: PortRange {
            first: 80,
            last: 81,
        },
        ..rule("web", Direction::Ingress, Policy::Accept, 1)
    };
    let at = |protocol, port| ingress(vec![web.clone()], protocol, port).policy;
    assert_eq!(at(TCP, 79), Policy::Drop);
    assert_eq!(at(TCP, 80), Policy::Accept);
    assert_eq!(at(TCP, 81), Policy::Accept);
    assert_eq!(at(TCP, 82), Policy::Drop);
    assert_eq!(at(UDP, 80), Policy::Drop);
    assert_eq!(at(ICMP, 80), Policy::Drop);
}

#[test]
fn outbound_of_a_normal_group_is_allowed_by_default_and_of_an_enterprise_group_denied() {
    let default = |group_type| {
        let mut model = endpoint_with(vec![group("sg", group_type, vec![])]);
        // Without the managed accept, which otherwise decides first.
        model
            .security_groups
            .remove(&SecurityGroupId::new("sg-managed-ep"));
        groups(&model, Direction::Egress, TCP, 80)
    };
    let accept = Verdict::new(Policy::Accept, "default-egress");
    assert_eq!(default(SecurityGroupType::Normal), accept);
    assert_eq!(
        default(SecurityGroupType::Enterprise),
        Verdict::new(Policy::Drop, "default-egress")
    );
}

#[test]
fn an_unknown_endpoint_or_vswitch_gets_nothing_through() {
    let model = Model::default();
    assert_eq!(
        groups(&model, Direction::Egress, TCP, 80).policy,
        Policy::Drop
    );
    assert_eq!(
        acl(&model, Direction::Ingress, "10.0.2.1", TCP, 80).policy,
        Policy::Drop
    );
}

fn entry(id: &str, policy: Policy, peer: &str) -> NetworkAclEntry {
    NetworkAclEntry {
        id: id.to_owned(),
        policy,
        protocol: ProtocolMatch::All,
        ports: PortRange::ANY,
        peer: net(peer),
    }
}

/// A model of one vSwitch `vsw`, 10.0.1.0/24 and fd00:0:0:1::/64, with this ACL.
fn vswitch_with(acl: Option<(Vec<NetworkAclEntry>, Vec<NetworkAclEntry>)>) -> Model {
    let mut model = Model::default();
    let vpc = VpcId::new("vpc-a");
    let id = NetworkAclId::new("nacl");
    let vswitch = VSwitch {
        id: VSwitchId::new("vsw"),
        vpc: vpc.clone(),
        zone: ZoneId::new("z"),
        cidr_block: "10.0.1.0/24".parse().expect("a network"),
        ipv6_cidr_block: "fd00:0:0:1::/64".parse().ok(),
        node: None,
        interface: Some("vsw".to_owned()),
        hook: Hook::default(),
        network_acl: acl.is_some().then(|| id.clone()),
    };
    model.vswitches.insert(vswitch.id.clone(), vswitch);
    if let Some((ingress, egress)) = acl {
        model.network_acls.insert(
            id.clone(),
            NetworkAcl {
                id,
                vpc,
                ingress,
                egress,
            },
        );
    }
    model
}

fn acl(model: &Model, direction: Direction, peer: &str, protocol: u8, port: u16) -> Verdict {
    let packet = packet(direction, peer, protocol, port);
    judge_network_acl(model, &VSwitchId::new("vsw"), &packet)
}

#[test]
fn a_vswitch_without_acl_is_not_filtered() {
    let model = vswitch_with(None);
    let verdict = acl(&model, Direction::Ingress, "10.0.2.1", TCP, 80);
    assert_eq!(verdict, Verdict::new(Policy::Accept, "no-acl"));
}

#[test]
fn no_entries_deny_everything() {
    let model = vswitch_with(Some((vec![], vec![])));
    let into = acl(&model, Direction::Ingress, "10.0.2.1", TCP, 80);
    let out = acl(&model, Direction::Egress, "10.0.2.1", TCP, 80);
    assert_eq!(into, Verdict::new(Policy::Drop, "default-nacl-ingress"));
    assert_eq!(out, Verdict::new(Policy::Drop, "default-nacl-egress"));
}

#[test]
fn traffic_within_the_vswitch_is_not_filtered() {
    let model = vswitch_with(Some((vec![], vec![])));
    let verdict = acl(&model, Direction::Ingress, "10.0.1.10", TCP, 80);
    assert_eq!(verdict, Verdict::new(Policy::Accept, "same-vswitch"));
}

#[test]
fn the_first_match_wins_and_evaluation_stops() {
    let entries = vec![
        entry("one", Policy::Accept, "10.0.2.0/24"),
        entry("two", Policy::Drop, "10.0.2.1/32"),
        entry("three", Policy::Drop, "0.0.0.0/0"),
    ];
    let model = vswitch_with(Some((entries, vec![])));
    let from = |peer| acl(&model, Direction::Ingress, peer, TCP, 80);
    assert_eq!(from("10.0.2.1"), Verdict::new(Policy::Accept, "one"));
    assert_eq!(from("10.0.3.1"), Verdict::new(Policy::Drop, "three"));
}

#[test]
fn the_acl_is_stateless_inbound_alone_lets_no_answer_out() {
    let all = vec![entry("all", Policy::Accept, "0.0.0.0/0")];
    let model = vswitch_with(Some((all, vec![])));
    assert_eq!(
        acl(&model, Direction::Ingress, "10.0.2.1", TCP, 80).policy,
        Policy::Accept
    );
    assert_eq!(
        acl(&model, Direction::Egress, "10.0.2.1", TCP, 40000).policy,
        Policy::Drop
    );
}

#[test]
fn acl_ports_are_destination_ports_in_both_directions() {
    let ephemeral = NetworkAclEntry {
        protocol: ProtocolMatch::Number(TCP),
        ports: PortRange {
            first: 1024,
            last: 65535,
        },
        ..entry("ephemeral", Policy::Accept, "0.0.0.0/0")
    };
    let model = vswitch_with(Some((vec![], vec![ephemeral])));
    let out = |protocol, port| acl(&model, Direction::Egress, "10.0.2.1", protocol, port).policy;
    assert_eq!(out(TCP, 40000), Policy::Accept);
    assert_eq!(out(TCP, 80), Policy::Drop);
    assert_eq!(out(UDP, 40000), Policy::Drop);
}
