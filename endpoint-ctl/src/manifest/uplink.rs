//! `Uplinks`: how nodes reach a provider network. Where there is one node, its fields may stand in the
//! network itself.
//!
//! May import: std, `model`, `context`, `fault`, `fields`, `ip`, `network`, `scalar`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::context::Context;
use super::fault::Told;
use super::fields::Fields;
use super::{ip, scalar};
use crate::model::{Hook, NodeId, Uplink};

const MOST_NAT_ADDRESSES: usize = 64;
const MOST_UPLINKS: usize = 256;
const FIELD: &str = "Uplinks";

/// Reads them all. Without an IPv6 network there can be no IPv6 NAT addresses.
pub(super) fn read<'a>(
    fields: &mut Fields<'a>,
    ipv4_only: bool,
    context: &mut Context<'a>,
) -> Result<Vec<Uplink>, Told> {
    let mut reading = Reading {
        ipv4_only,
        addresses: BTreeSet::new(),
        nodes: BTreeSet::new(),
    };
    if !fields.has(FIELD) {
        return Ok(vec![reading.uplink(fields, None, context)?]);
    }
    let uplinks = fields.items(FIELD, |mut fields| {
        let node = fields.required("NodeId", |node| scalar::id(node).map(NodeId::new));
        let place = fields.place_of("NodeId");
        if let Ok(node) = &node
            && !reading.nodes.insert(node.clone())
        {
            return Err(place.fault(
                format!("{node} is given twice"),
                "give each node one uplink to a network",
            ));
        }
        let uplink = reading.uplink(&mut fields, node.as_ref().ok(), context);
        fields.finish();
        node?;
        uplink
    })?;
    for field in ["Interface", "Hook", "NatAddresses"] {
        if fields.has(field) {
            return Err(fields.place_of(field).fault(
                "stands beside Uplinks",
                "move it into the uplink of the node that it is of",
            ));
        }
    }
    let count = uplinks.len();
    if (1..=MOST_UPLINKS).contains(&count) {
        return Ok(uplinks);
    }
    Err(fields.place_of(FIELD).fault(
        format!("{count} uplinks"),
        format!("write 1 to {MOST_UPLINKS}, one for each node that reaches the network"),
    ))
}

struct Reading {
    ipv4_only: bool,
    /// Of all nodes: each answers for its own.
    addresses: BTreeSet<IpAddr>,
    nodes: BTreeSet<NodeId>,
}

impl Reading {
    fn uplink<'a>(
        &mut self,
        fields: &mut Fields<'a>,
        node: Option<&NodeId>,
        context: &mut Context<'a>,
    ) -> Result<Uplink, Told> {
        let interface = fields.required("Interface", scalar::interface);
        let hook = fields.defaulted("Hook", Hook::default(), super::network::hook);
        let nat_addresses = self.nat_addresses(fields);
        let place = fields.place_of("Interface");
        let interface = interface?;
        context.take_interface(node, &interface, &place)?;
        Ok(Uplink {
            node: node.cloned(),
            interface,
            hook: hook?,
            nat_addresses: nat_addresses?,
        })
    }

    fn nat_addresses(&mut self, fields: &mut Fields<'_>) -> Result<Vec<IpAddr>, Told> {
        const FIELD: &str = "NatAddresses";
        let addresses = fields.values(FIELD, |place, node| {
            let ip = place.tell(ip::host_address(node))?;
            if ip.is_ipv6() && self.ipv4_only {
                return Err(place.fault(
                    format!("{ip} is IPv6, but the network has no Ipv6CidrBlock"),
                    "add `Ipv6CidrBlock:` to it, or remove the address",
                ));
            }
            if self.addresses.insert(ip) {
                Ok(ip)
            } else {
                Err(place.fault(format!("{ip} is given twice"), "remove one of the two"))
            }
        })?;
        if !fields.has(FIELD) {
            return Err(fields.missing(FIELD));
        }
        let count = addresses.len();
        if (1..=MOST_NAT_ADDRESSES).contains(&count) {
            return Ok(addresses);
        }
        Err(fields.place_of(FIELD).fault(
            format!("{count} NAT addresses"),
            format!("name 1 to {MOST_NAT_ADDRESSES} free addresses of the provider network"),
        ))
    }
}
