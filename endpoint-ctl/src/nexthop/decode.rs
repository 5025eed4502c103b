//! From rtnetlink's messages to what the rest of this crate speaks of.
//!
//! May import: rtnetlink, ipnet, std, the module's own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use rtnetlink::packet_core::{NetlinkBuffer, Parseable as _};
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::link::{
    InfoData, InfoVlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteMetric, RouteVia,
};

use super::{Change, Link, Mac, Neighbour, Vlan, Way};

/// Message types, from linux/rtnetlink.h.
mod message {
    pub(super) const NEW_LINK: u16 = 16;
    pub(super) const DEL_LINK: u16 = 17;
    pub(super) const NEW_ROUTE: u16 = 24;
    pub(super) const DEL_ROUTE: u16 = 25;
    pub(super) const NEW_NEIGHBOUR: u16 = 28;
    pub(super) const DEL_NEIGHBOUR: u16 = 29;
}

/// The changes that a datagram of notifications tells.
pub(super) fn changes(datagram: &[u8]) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut rest = datagram;
    while !rest.is_empty() {
        let Ok(buffer) = NetlinkBuffer::new_checked(rest) else {
            changes.push(Change::Overrun);
            break;
        };
        // What cannot be read may have said anything.
        let told = change(buffer.message_type(), buffer.payload());
        changes.extend(told.unwrap_or(Some(Change::Overrun)));
        // Messages are aligned to four bytes.
        let length = (buffer.length() as usize).next_multiple_of(4);
        rest = rest.get(length..).unwrap_or_default();
    }
    changes
}

fn change(kind: u16, payload: &[u8]) -> Result<Option<Change>, Unreadable> {
    let told = match kind {
        message::NEW_LINK | message::DEL_LINK => {
            let told = LinkMessage::parse(payload)?;
            // A bridge tells of its ports by the same types, in its own family.
            if told.header.interface_family != AddressFamily::Unspec {
                return Ok(None);
            }
            let index = told.header.index;
            match link(told) {
                Some(link) if kind == message::NEW_LINK => Some(Change::Link(link)),
                _ => Some(Change::LinkGone(index)),
            }
        }
        message::NEW_NEIGHBOUR | message::DEL_NEIGHBOUR => {
            let told = NeighbourMessage::parse(payload)?;
            let gone = kind == message::DEL_NEIGHBOUR;
            neighbour(&told).map(|((ifindex, address), found)| {
                Change::Neighbour(ifindex, address, found.filter(|_| !gone))
            })
        }
        message::NEW_ROUTE | message::DEL_ROUTE => {
            let told = RouteMessage::parse(payload)?;
            destination(&told).map(Change::Routes)
        }
        // Addresses, rules and next hop objects change routes without a word about these.
        _ => Some(Change::AnyRoute),
    };
    Ok(told)
}

/// A message that rtnetlink cannot read.
struct Unreadable;

impl From<rtnetlink::packet_core::DecodeError> for Unreadable {
    fn from(_: rtnetlink::packet_core::DecodeError) -> Self {
        Self
    }
}

/// An interface, if it has a name and a MAC address.
pub(super) fn link(message: LinkMessage) -> Option<Link> {
    let running = LinkFlags::Up | LinkFlags::LowerUp;
    let mut mac = None;
    let mut link = Link {
        index: message.header.index,
        name: String::new(),
        mac: Mac::default(),
        mtu: 0,
        up: message.header.flags.contains(running),
        kind: None,
        has_parent: false,
        vlan: None,
    };
    let (mut parent, mut is_elsewhere) = (None, false);
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Address(bytes) => mac = Mac::try_from(bytes).ok(),
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::ParentDevName(_) => link.has_parent = true,
            LinkAttribute::Link(index) => parent = Some(index),
            LinkAttribute::LinkNetNsId(_) => is_elsewhere = true,
            LinkAttribute::LinkInfo(infos) => {
                link.vlan = infos.iter().find_map(vlan);
                link.kind = infos.into_iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(kind.to_string()),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    link.mac = mac?;
    if let Some(vlan) = &mut link.vlan {
        vlan.parent = parent.filter(|_| !is_elsewhere);
    }
    Some(link)
}

/// The VLAN of a VLAN device, whose parent is told elsewhere.
fn vlan(info: &LinkInfo) -> Option<Vlan> {
    let LinkInfo::Data(InfoData::Vlan(data)) = info else {
        return None;
    };
    let id = data.iter().find_map(|one| match one {
        InfoVlan::Id(id) => Some(*id),
        _ => None,
    })?;
    let protocol = data.iter().find_map(|one| match one {
        InfoVlan::Protocol(protocol) => Some(u16::from(*protocol)),
        _ => None,
    })?;
    Some(Vlan {
        parent: None,
        protocol,
        id,
    })
}

/// A neighbour's interface and address, and what is known of it; nothing for what has no address of
/// an IP family (a bridge's forwarding table comes by the same messages), or is one that this host
/// answers for.
pub(super) fn neighbour(message: &NeighbourMessage) -> Option<((u32, IpAddr), Option<Neighbour>)> {
    let header = &message.header;
    if header.flags.contains(NeighbourFlags::Proxy) {
        return None;
    }
    let mut address = None;
    let mut mac: Option<Mac> = None;
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(found)) => {
                address = Some(IpAddr::V4(*found));
            }
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(found)) => {
                address = Some(IpAddr::V6(*found));
            }
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = bytes.as_slice().try_into().ok(),
            _ => {}
        }
    }
    let known = match header.state {
        NeighbourState::Reachable | NeighbourState::Permanent | NeighbourState::Noarp => {
            mac.map(Neighbour::Fresh)
        }
        NeighbourState::Stale => mac.map(Neighbour::Stale),
        NeighbourState::Delay | NeighbourState::Probe => mac.map(Neighbour::Probed),
        NeighbourState::Incomplete => Some(Neighbour::Asked),
        NeighbourState::Failed => Some(Neighbour::Failed),
        _ => None,
    };
    Some(((header.ifindex, address?), known))
}

/// The network that a route leads to; nothing for what is no IP route.
fn destination(message: &RouteMessage) -> Option<IpNet> {
    let header = &message.header;
    let given = message.attributes.iter().find_map(|attribute| {
        let RouteAttribute::Destination(address) = attribute else {
            return None;
        };
        match address {
            RouteAddress::Inet(ip) => Some(IpAddr::V4(*ip)),
            RouteAddress::Inet6(ip) => Some(IpAddr::V6(*ip)),
            _ => None,
        }
    });
    let any = match header.address_family {
        AddressFamily::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        AddressFamily::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    // A default route has no destination.
    IpNet::new(given.unwrap_or(any), header.destination_prefix_length).ok()
}

/// How packets to `destination` leave, by a route that the kernel chose.
pub(super) fn way(destination: IpAddr, route: &RouteMessage) -> Way {
    let mtu = route.attributes.iter().find_map(|attribute| {
        let RouteAttribute::Metrics(metrics) = attribute else {
            return None;
        };
        metrics.iter().find_map(|metric| match metric {
            RouteMetric::Mtu(mtu) if *mtu > 0 => Some(*mtu),
            _ => None,
        })
    });
    Way::Via {
        neighbour: route
            .attributes
            .iter()
            .find_map(gateway)
            .unwrap_or(destination),
        mtu,
    }
}

/// The gateway that a route's attribute names; an IPv4 route may have one of IPv6 (RFC 8950).
fn gateway(attribute: &RouteAttribute) -> Option<IpAddr> {
    match attribute {
        RouteAttribute::Gateway(RouteAddress::Inet(ip))
        | RouteAttribute::Via(RouteVia::Inet(ip)) => Some(IpAddr::V4(*ip)),
        RouteAttribute::Gateway(RouteAddress::Inet6(ip))
        | RouteAttribute::Via(RouteVia::Inet6(ip)) => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
