//! The kinds `Vpc` and `VSwitch`.
//!
//! May import: std, ipnet, `model`, `context`, `fault`, `fields`, `kind`, `node`, `scalar`.

use ipnet::Ipv4Net;

use super::context::Context;
use super::fault::{Told, Wrong};
use super::fields::Fields;
use super::kind::Kind;
use super::node::Node;
use super::scalar;
use crate::model::{VSwitch, VSwitchId, Vpc, VpcId, ZoneId};

/// Networks a VPC may not use, as CreateVpc documents them.
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

/// Reads a `Vpc`.
pub(super) fn vpc(mut fields: Fields<'_>, context: &mut Context<'_>) -> Result<(), Told> {
    let id = fields.required("VpcId", |node| scalar::id(node).map(VpcId::new));
    let cidr_block = fields.required("CidrBlock", vpc_cidr);
    let _ = fields.optional("VpcName", scalar::label);
    let _ = fields.optional("Description", scalar::label);
    fields.unsupported(
        &["EnableIpv6", "Ipv6CidrBlock"],
        "remove it: VPCs are IPv4 only",
    );
    fields.finish();
    let vpc = Vpc {
        id: id?,
        cidr_block: cidr_block?,
    };
    context.model.vpcs.insert(vpc.id.clone(), vpc);
    Ok(())
}

fn vpc_cidr(node: &Node) -> Result<Ipv4Net, Wrong> {
    let cidr = scalar::sized_cidr(node, &(16..=28))?;
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

/// Reads a `VSwitch`.
pub(super) fn vswitch<'a>(mut fields: Fields<'a>, context: &mut Context<'a>) -> Result<(), Told> {
    let id = fields.required("VSwitchId", |node| scalar::id(node).map(VSwitchId::new));
    let vpc = fields.required("VpcId", |node| scalar::id(node).map(VpcId::new));
    let zone = fields.required("ZoneId", |node| scalar::id(node).map(ZoneId::new));
    let cidr = fields.required("CidrBlock", |node| scalar::sized_cidr(node, &(16..=29)));
    let interface = fields.required("Interface", scalar::interface);
    let _ = fields.optional("VSwitchName", scalar::label);
    let _ = fields.optional("Description", scalar::label);
    fields.unsupported(&["Ipv6CidrBlock"], "remove it: vSwitches are IPv4 only");
    let (vpc_place, cidr_place) = (fields.place_of("VpcId"), fields.place_of("CidrBlock"));
    let interface_place = fields.place_of("Interface");
    fields.finish();

    let interface = interface.and_then(|name| {
        context.take_interface(&name, &interface_place)?;
        Ok(name)
    });
    let vpc = vpc?;
    let network = context
        .find(Kind::Vpc, &context.model.vpcs, &vpc, &vpc_place)?
        .cidr_block;
    let (id, cidr_block) = (id?, cidr?);
    if !network.contains(&cidr_block) {
        return Err(cidr_place.fault(
            format!("{cidr_block} is not inside {network} of {vpc}"),
            format!("choose a part of {network}"),
        ));
    }
    context.take_subnet(&vpc, cidr_block, &id, &cidr_place)?;
    let interface = interface?;
    let vswitch = VSwitch {
        id,
        vpc,
        zone: zone?,
        cidr_block,
        interface,
        network_acl: None,
    };
    context.model.vswitches.insert(vswitch.id.clone(), vswitch);
    Ok(())
}
