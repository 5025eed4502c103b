//! Models of both families by chance.
//!
//! May import: endpoint-common, endpoint-ctl (model), ipnet, fastrand.

use std::net::IpAddr;

use endpoint_common::abi::Addr;
use endpoint_ctl::model::{
    AddressFamily, AddressIpVersion, Direction, Endpoint, EndpointId, EndpointLimits,
    EndpointPolicy, EndpointType, EndpointZone, EniId, Hook, Model, NetworkAcl, NetworkAclEntry,
    NetworkAclId, Peer, Policy, PolicyCondition, PolicyStatement, PortRange, PrefixList,
    PrefixListId, ProtocolMatch, SecurityGroup, SecurityGroupId, SecurityGroupRule,
    SecurityGroupType, ServiceId, VSwitch, VSwitchId, VpcId, ZoneId, managed_group,
};
use fastrand::Rng;
use ipnet::IpNet;

pub(crate) const PROTOCOLS: [u8; 6] = [1, 6, 17, 47, 58, 132];
pub(crate) const V4_LENGTHS: [u8; 6] = [0, 1, 8, 15, 31, 32];
pub(crate) const V6_LENGTHS: [u8; 7] = [0, 1, 48, 63, 64, 127, 128];
/// Addresses are drawn near these, so that rules and packets meet.
pub(crate) const BASES: [&str; 6] = [
    "10.0.1.0",
    "10.0.2.128",
    "203.0.113.7",
    "fd00:0:0:1::",
    "fd00:0:0:1:8000::",
    "2001:db8::7",
];

pub(crate) fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// An address of the family of `like` with these bits, the uppermost of which may not count.
pub(crate) fn address(like: IpAddr, bits: u128) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4((bits as u32).into()),
        IpAddr::V6(_) => IpAddr::V6(bits.into()),
    }
}

pub(crate) fn near(rng: &mut Rng) -> IpAddr {
    let base: IpAddr = BASES[rng.usize(..BASES.len())].parse().expect("an address");
    match rng.u8(..4) {
        0 => address(base, bits(base) ^ (1 << rng.u32(..128))),
        1 => address(base, rng.u128(..)),
        _ => base,
    }
}

pub(crate) fn network(rng: &mut Rng) -> IpNet {
    let ip = near(rng);
    let length = match ip {
        IpAddr::V4(_) => V4_LENGTHS[rng.usize(..V4_LENGTHS.len())],
        IpAddr::V6(_) if rng.bool() => rng.u8(0..=128),
        IpAddr::V6(_) => V6_LENGTHS[rng.usize(..V6_LENGTHS.len())],
    };
    IpNet::new(ip, length).expect("a length").trunc()
}

pub(crate) fn traffic(rng: &mut Rng) -> (ProtocolMatch, PortRange) {
    let protocol = PROTOCOLS[rng.usize(..PROTOCOLS.len())];
    let (a, b) = (rng.u16(..), rng.u16(..));
    let ports = match rng.u8(..3) {
        0 if protocol == 6 || protocol == 17 => PortRange {
            first: a.min(b),
            last: a.max(b),
        },
        1 if protocol == 6 || protocol == 17 => PortRange {
            first: 80,
            last: 80,
        },
        _ => PortRange::ANY,
    };
    if rng.u8(..3) == 0 {
        return (ProtocolMatch::All, PortRange::ANY);
    }
    (ProtocolMatch::Number(protocol), ports)
}

pub(crate) fn policy(rng: &mut Rng) -> Policy {
    if rng.bool() {
        Policy::Accept
    } else {
        Policy::Drop
    }
}

pub(crate) const LISTS: usize = 3;

pub(crate) fn list_id(number: usize) -> PrefixListId {
    PrefixListId::new(format!("pl-{number}"))
}

/// Networks of one family each.
pub(crate) fn lists(rng: &mut Rng) -> Vec<PrefixList> {
    let list = |number| {
        let family = [AddressFamily::Ipv4, AddressFamily::Ipv6][number % 2];
        let networks = std::iter::repeat_with(|| network(rng)).take(12);
        let is_v4 = |net: &IpNet| matches!(net, IpNet::V4(_));
        PrefixList {
            id: list_id(number),
            family,
            max_entries: 12,
            entries: networks
                .filter(|net| is_v4(net) == (family == AddressFamily::Ipv4))
                .collect(),
        }
    };
    (0..LISTS).map(list).collect()
}

/// A network around an address of the ENI.
pub(crate) fn enis(rng: &mut Rng) -> IpNet {
    let (ip, most) = if rng.bool() {
        (IpAddr::from([10, 0, 1, 100]), 32)
    } else {
        (IpAddr::from(eni_ipv6()), 128)
    };
    IpNet::new(ip, rng.u8(..=most)).expect("a length").trunc()
}

pub(crate) fn statements(rng: &mut Rng) -> Vec<PolicyStatement> {
    let statement = |_| PolicyStatement {
        effect: policy(rng),
        conditions: (0..rng.usize(..3))
            .map(|_| PolicyCondition::SourceIp {
                within: rng.bool(),
                networks: (0..rng.usize(1..4)).map(|_| network(rng)).collect(),
            })
            .collect(),
        undecided: if rng.u8(..5) == 0 {
            vec!["Resource".to_owned()]
        } else {
            Vec::new()
        },
    };
    (0..4).map(statement).collect()
}

pub(crate) fn group(rng: &mut Rng, number: usize) -> SecurityGroup {
    let rules = (0..rng.usize(..30)).map(|place| {
        let (protocol, ports) = traffic(rng);
        SecurityGroupRule {
            id: format!("sgr-{number}-{place}"),
            direction: if rng.bool() {
                Direction::Ingress
            } else {
                Direction::Egress
            },
            policy: policy(rng),
            priority: rng.u8(1..=4),
            protocol,
            ports,
            // Only tries that tell source ports apart judge them as the oracle does.
            source_ports: PortRange::ANY,
            peer: match rng.u8(..6) {
                0 => Peer::PrefixList(list_id(rng.usize(..LISTS))),
                1 => Peer::Group(SecurityGroupId::new(format!("sg-{}", rng.usize(..3)))),
                _ => network(rng).into(),
            },
            local: match rng.u8(..6) {
                0 => Some(network(rng)),
                1 => Some(enis(rng)),
                _ => None,
            },
        }
    });
    let rules = rules.collect();
    let members = (0..rng.usize(..4)).map(|_| network(rng)).collect();
    SecurityGroup {
        id: SecurityGroupId::new(format!("sg-{number}")),
        vpc: VpcId::new("vpc"),
        group_type: if rng.bool() {
            SecurityGroupType::Normal
        } else {
            SecurityGroupType::Enterprise
        },
        service_managed: false,
        inner_access: policy(rng),
        members,
        rules,
    }
}

pub(crate) fn entries(rng: &mut Rng, direction: &str) -> Vec<NetworkAclEntry> {
    let entry = |place| {
        let (protocol, ports) = traffic(rng);
        NetworkAclEntry {
            id: format!("nacl-{direction}-{place}"),
            policy: policy(rng),
            protocol,
            ports,
            peer: network(rng),
        }
    };
    (0..20).map(entry).collect()
}

/// One dual-stack ENI behind a network ACL and up to three security groups.
pub(crate) fn model(rng: &mut Rng) -> Model {
    let mut model = Model::default();
    let (vpc, acl) = (VpcId::new("vpc"), NetworkAclId::new("nacl"));
    let vswitch = VSwitch {
        id: VSwitchId::new("vsw"),
        vpc: vpc.clone(),
        zone: ZoneId::new("z"),
        cidr_block: "10.0.1.0/24".parse().expect("a network"),
        ipv6_cidr_block: "fd00:0:0:1::/64".parse().ok(),
        interface: "vsw".to_owned(),
        hook: Hook::default(),
        network_acl: Some(acl.clone()),
    };
    let acl = NetworkAcl {
        id: acl,
        vpc: vpc.clone(),
        ingress: entries(rng, "in"),
        egress: entries(rng, "out"),
    };
    let groups: Vec<_> = (0..rng.usize(1..=3)).map(|n| group(rng, n)).collect();
    let id = EndpointId::new("ep");
    let managed = managed_group(&id, EndpointType::Interface, &vpc);
    let endpoint = Endpoint {
        id: id.clone(),
        name: None,
        vpc,
        service: ServiceId::new("epsrv"),
        endpoint_type: EndpointType::Interface,
        resources: Vec::new(),
        address_ip_version: AddressIpVersion::DualStack,
        security_groups: groups.iter().map(|group| group.id.clone()).collect(),
        managed_group: managed.id.clone(),
        policy: EndpointPolicy {
            document: "as told".to_owned(),
            statements: statements(rng),
        },
        audit_mode: false,
        limits: EndpointLimits::default(),
        zones: vec![EndpointZone {
            zone: ZoneId::new("z"),
            vswitch: vswitch.id.clone(),
            eni: EniId::new("eni"),
            ip: [10, 0, 1, 100].into(),
            ipv6: "fd00:0:0:1::100".parse().ok(),
        }],
    };
    let lists = lists(rng).into_iter().map(|list| (list.id.clone(), list));
    model.prefix_lists.extend(lists);
    model.vswitches.insert(vswitch.id.clone(), vswitch);
    model.network_acls.insert(acl.id.clone(), acl);
    model.endpoints.insert(id, endpoint);
    for group in groups.into_iter().chain([managed]) {
        model.security_groups.insert(group.id.clone(), group);
    }
    model
}

pub(crate) fn eni_ipv6() -> Addr {
    let ip: std::net::Ipv6Addr = "fd00:0:0:1::100".parse().expect("an address");
    ip.octets()
}
