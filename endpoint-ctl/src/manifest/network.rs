//! The kinds `Vpc` and `VSwitch`.
//!
//! May import: std, ipnet, `model`, `context`, `fault`, `fields`, `ip`, `kind`, `node`,
//! `scalar`.

use ipnet::{Ipv4Net, Ipv6Net};

use super::context::Context;
use super::fault::{Place, Told, Wrong};
use super::fields::Fields;
use super::node::Node;
use super::{about, ip, scalar};
use crate::model::{Hook, Kind, NodeId, VSwitch, VSwitchId, Vpc, VpcId, ZoneId};

/// IPv4 networks a VPC may not use, as CreateVpc documents them.
const RESERVED: [(Ipv4Net, &str); 4] = [
    (net([100, 64, 0, 0], 10), "shared address space"),
    (net([127, 0, 0, 0], 8), "loopback"),
    (net([169, 254, 0, 0], 16), "link-local"),
    (net([224, 0, 0, 0], 4), "multicast"),
];

const fn net(octets: [u8; 4], length: u8) -> Ipv4Net {
    let [a, b, c, d] = octets;
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(a, b, c, d), length)
}

/// IPv6 networks a VPC may not use (RFC 4291 section 2.4, and section 2.5.5 for what is in the
/// first: the unspecified address, loopback, IPv4 in IPv6's clothes).
const RESERVED_IPV6: [(Ipv6Net, &str); 3] = [
    (ipv6_net(0, 8), "reserved"),
    (ipv6_net(0xfe80, 10), "link-local"),
    (ipv6_net(0xff00, 8), "multicast"),
];

const fn ipv6_net(first_group: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(
        std::net::Ipv6Addr::new(first_group, 0, 0, 0, 0, 0, 0, 0),
        length,
    )
}

/// Prefix lengths of a VPC's and of a vSwitch's IPv6 network.
const VPC_IPV6_LENGTHS: std::ops::RangeInclusive<u8> = 48..=64;
const VSWITCH_IPV6_LENGTHS: std::ops::RangeInclusive<u8> = 64..=64;

/// Reads a `Vpc`.
pub(super) fn vpc(mut fields: Fields<'_>, context: &mut Context<'_>) -> Result<(), Told> {
    let id = fields.required("VpcId", |node| scalar::id(node).map(VpcId::new));
    let cidr_block = fields.required("CidrBlock", vpc_cidr);
    let about = about::read(&mut fields, Kind::Vpc);
    let ipv6_cidr_block = fields.optional("Ipv6CidrBlock", vpc_ipv6_cidr);
    fields.unsupported(
        &["EnableIpv6"],
        "remove it, and write the network under Ipv6CidrBlock",
    );
    fields.finish();
    let vpc = Vpc {
        id: id?,
        cidr_block: cidr_block?,
        ipv6_cidr_block: ipv6_cidr_block?,
    };
    context.describe(Kind::Vpc, vpc.id.as_str(), about?);
    context.model.vpcs.insert(vpc.id.clone(), vpc);
    Ok(())
}

fn vpc_cidr(node: &Node<'_>) -> Result<Ipv4Net, Wrong> {
    let cidr = ip::sized_ipv4_cidr(node, &(16..=28))?;
    let reserved = RESERVED
        .iter()
        .find(|(net, _)| net.contains(&cidr) || cidr.contains(net));
    let Some((net, use_)) = reserved else {
        return Ok(cidr);
    };
    Err(Wrong::new(
        format!("{cidr} is within {net} ({use_}), which no VPC may use"),
        "choose a private network, such as one of 10.0.0.0/8",
    ))
}

fn vpc_ipv6_cidr(node: &Node<'_>) -> Result<Ipv6Net, Wrong> {
    let cidr = ip::sized_ipv6_cidr(node, &VPC_IPV6_LENGTHS)?;
    let reserved = RESERVED_IPV6.iter().find(|(net, _)| net.contains(&cidr));
    let Some((net, use_)) = reserved else {
        return Ok(cidr);
    };
    Err(Wrong::new(
        format!("{cidr} is within {net} ({use_}), which no VPC may use"),
        "choose a unique local network, such as one of fd00::/8, or one that was assigned to you",
    ))
}

/// Reads a `VSwitch`.
pub(super) fn vswitch<'a>(mut fields: Fields<'a>, context: &mut Context<'a>) -> Result<(), Told> {
    let id = fields.required("VSwitchId", |node| scalar::id(node).map(VSwitchId::new));
    let vpc = fields.required("VpcId", |node| scalar::id(node).map(VpcId::new));
    let zone = fields.required("ZoneId", |node| scalar::id(node).map(ZoneId::new));
    let cidr = fields.required("CidrBlock", |node| ip::sized_ipv4_cidr(node, &(16..=29)));
    let node = fields.optional("NodeId", |node| scalar::id(node).map(NodeId::new));
    let interface = fields.optional("Interface", |node| scalar::interface(node));
    let hook = fields.defaulted("Hook", Hook::default(), hook);
    let about = about::read(&mut fields, Kind::VSwitch);
    let ipv6_cidr = fields.optional("Ipv6CidrBlock", |node| {
        ip::sized_ipv6_cidr(node, &VSWITCH_IPV6_LENGTHS)
    });
    let [vpc_place, cidr_place, ipv6_place, interface_place] =
        ["VpcId", "CidrBlock", "Ipv6CidrBlock", "Interface"].map(|name| fields.place_of(name));
    fields.finish();

    let node = node?;
    let interface = interface.and_then(|name| {
        if let Some(name) = &name {
            context.take_interface(node.as_ref(), name, &interface_place)?;
        }
        Ok(name)
    });
    let vpc = vpc?;
    let network = context.find(Kind::Vpc, &context.model.vpcs, &vpc, &vpc_place)?;
    let (cidr_block, ipv6_cidr_block) = (
        inside(cidr, network, &cidr_place),
        inside_ipv6(ipv6_cidr, network, &ipv6_place),
    );
    let id = id?;
    let cidr_block = cidr_block.and_then(|net| {
        context.take_subnet(&vpc, net.into(), &id, &cidr_place)?;
        Ok(net)
    });
    if let Ok(Some(net)) = ipv6_cidr_block {
        context.take_subnet(&vpc, net.into(), &id, &ipv6_place)?;
    }
    let (cidr_block, ipv6_cidr_block, interface) = (cidr_block?, ipv6_cidr_block?, interface?);
    let vswitch = VSwitch {
        id,
        vpc,
        zone: zone?,
        cidr_block,
        ipv6_cidr_block,
        node,
        interface,
        hook: hook?,
        network_acl: None,
    };
    context.describe(Kind::VSwitch, vswitch.id.as_str(), about?);
    context.model.vswitches.insert(vswitch.id.clone(), vswitch);
    Ok(())
}

/// Where an interface's packets are handled.
pub(super) fn hook(node: &Node<'_>) -> Result<Hook, Wrong> {
    scalar::one_of(node, &Hook::ALL.map(|hook| (hook.name(), hook)))
}

/// The vSwitch's network, if the VPC's holds it.
fn inside(net: Result<Ipv4Net, Told>, vpc: &Vpc, place: &Place<'_>) -> Result<Ipv4Net, Told> {
    let (net, whole) = (net?, vpc.cidr_block);
    if whole.contains(&net) {
        return Ok(net);
    }
    Err(place.fault(
        format!("{net} is not inside {whole} of {}", vpc.id),
        format!("choose a part of {whole}"),
    ))
}

/// The same of IPv6, which either may lack.
fn inside_ipv6(
    net: Result<Option<Ipv6Net>, Told>,
    vpc: &Vpc,
    place: &Place<'_>,
) -> Result<Option<Ipv6Net>, Told> {
    let Some(net) = net? else {
        return Ok(None);
    };
    match vpc.ipv6_cidr_block {
        Some(whole) if whole.contains(&net) => Ok(Some(net)),
        Some(whole) => Err(place.fault(
            format!("{net} is not inside {whole} of {}", vpc.id),
            format!("choose a /64 of {whole}"),
        )),
        None => Err(place.fault(
            format!("{} has no Ipv6CidrBlock", vpc.id),
            "add one to the VPC that holds this one, or remove this one",
        )),
    }
}
