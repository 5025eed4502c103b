//! Models of both families by chance: VPCs that use the same addresses, each with a vSwitch, maybe a
//! network ACL, and dual-stack endpoints that share security groups.
//!
//! May import: endpoint-ctl (model), ipnet, fastrand, chance.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use endpoint_ctl::model::{
    AddressIpVersion, Connection, Endpoint, EndpointId, EndpointLimits, EndpointPolicy,
    EndpointService, EndpointType, EndpointZone, EniId, Hook, LoadBalancerId, Model, NetworkAcl,
    NetworkAclId, Payer, SecurityGroupId, ServiceId, ServiceResource, VSwitch, VSwitchId, VpcId,
    ZoneId, managed_group,
};
use fastrand::Rng;

use super::chance::{self, Scene};

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) vpcs: usize,
    /// Endpoints of a VPC, each with one ENI.
    pub(crate) endpoints: usize,
    /// The most rules of a security group.
    pub(crate) rules: usize,
}

/// See the module. Services have no load balancers, and policies let everything through.
pub(crate) fn model(size: Size, rng: &mut Rng) -> Model {
    let mut model = Model::default();
    let lists = chance::lists(rng).into_iter();
    model
        .prefix_lists
        .extend(lists.map(|list| (list.id.clone(), list)));
    for number in 0..size.vpcs {
        vpc(&mut model, number, size, rng);
    }
    model
}

fn vpc(model: &mut Model, number: usize, size: Size, rng: &mut Rng) {
    let vpc = VpcId::new(format!("vpc-{number}"));
    let vswitch = vswitch(number, &vpc, rng);
    if let Some(id) = &vswitch.network_acl {
        let acl = NetworkAcl {
            id: id.clone(),
            vpc: vpc.clone(),
            ingress: chance::entries(&format!("{id}-in"), rng),
            egress: chance::entries(&format!("{id}-out"), rng),
        };
        model.network_acls.insert(id.clone(), acl);
    }
    let ids: Vec<_> = (0..=size.endpoints)
        .map(|place| SecurityGroupId::new(format!("sg-{number}-{place}")))
        .collect();
    let endpoints: Vec<_> = (0..size.endpoints)
        .map(|place| endpoint(&vswitch, number, place, &ids, rng))
        .collect();
    let zones = endpoints.iter().flat_map(|endpoint| &endpoint.zones);
    let enis: Vec<IpAddr> = zones.flat_map(EndpointZone::addresses).collect();
    let scene = Scene {
        vpc: &vpc,
        groups: &ids,
        enis: &enis,
        most: size.rules,
    };
    for id in &ids {
        let group = chance::group(id, scene, rng);
        model.security_groups.insert(id.clone(), group);
    }
    let service = EndpointService {
        id: service_id(number),
        name: format!("service-{number}"),
        resources: vec![ServiceResource {
            load_balancer: balancer_id(number),
            zone: None,
            auto_allocated: true,
        }],
        address_ip_version: AddressIpVersion::DualStack,
        auto_accept: true,
        payer: Payer::default(),
        users: BTreeSet::new(),
        zone_affinity: true,
        connect_bandwidth: None,
        domain: None,
    };
    model.services.insert(service.id.clone(), service);
    for endpoint in endpoints {
        let managed = managed_group(&endpoint.id, EndpointType::Interface, &vpc);
        model.security_groups.insert(managed.id.clone(), managed);
        model.endpoints.insert(endpoint.id.clone(), endpoint);
    }
    model.vswitches.insert(vswitch.id.clone(), vswitch);
}

fn service_id(vpc: usize) -> ServiceId {
    ServiceId::new(format!("epsrv-{vpc}"))
}

pub(crate) fn balancer_id(vpc: usize) -> LoadBalancerId {
    LoadBalancerId::new(format!("nlb-{vpc}"))
}

fn vswitch(number: usize, vpc: &VpcId, rng: &mut Rng) -> VSwitch {
    let has_acl = rng.u8(..8) > 0;
    let cidr_block = format!("10.0.1.0/{}", rng.u8(16..=24));
    let cidr_block: ipnet::Ipv4Net = cidr_block.parse().expect("a network");
    VSwitch {
        id: VSwitchId::new(format!("vsw-{number}")),
        vpc: vpc.clone(),
        zone: ZoneId::new("z"),
        cidr_block: cidr_block.trunc(),
        ipv6_cidr_block: "fd00:0:0:1::/64".parse().ok(),
        node: None,
        interface: Some(format!("vsw-{number}")),
        hook: Hook::default(),
        network_acl: has_acl.then(|| NetworkAclId::new(format!("nacl-{number}"))),
    }
}

fn endpoint(
    vswitch: &VSwitch,
    vpc: usize,
    place: usize,
    groups: &[SecurityGroupId],
    rng: &mut Rng,
) -> Endpoint {
    let id = EndpointId::new(format!("ep-{vpc}-{place}"));
    let mut attached = groups.to_vec();
    rng.shuffle(&mut attached);
    attached.truncate(rng.usize(1..=3));
    let last = 100 + place as u8;
    Endpoint {
        zone_affinity: false,
        private_dns: false,
        connection: Connection {
            accepted: true,
            ..Connection::default()
        },
        vpc: vswitch.vpc.clone(),
        service: service_id(vpc),
        endpoint_type: EndpointType::Interface,
        resources: Vec::new(),
        address_ip_version: AddressIpVersion::DualStack,
        security_groups: attached,
        managed_group: managed_group(&id, EndpointType::Interface, &vswitch.vpc).id,
        policy: EndpointPolicy::default(),
        audit_mode: false,
        limits: EndpointLimits::default(),
        zones: vec![EndpointZone {
            zone: vswitch.zone.clone(),
            vswitch: vswitch.id.clone(),
            eni: EniId::new(format!("eni-{id}")),
            ip: Ipv4Addr::new(10, 0, 1, last),
            ipv6: Some(Ipv6Addr::new(0xfd00, 0, 0, 1, 0, 0, 0, last.into())),
            connected: true,
            resource: None,
            replaced: None,
        }],
        id,
    }
}
