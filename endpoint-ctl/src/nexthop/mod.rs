//! The host's links, routes and neighbours, over netlink.
//!
//! May import: rtnetlink, tokio, std. Never: any sibling.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures_util::TryStreamExt as _;
use rtnetlink::packet_route::link::LinkAttribute;
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteVia};
use rtnetlink::{Handle, RouteMessageBuilder};

/// A MAC address.
pub type Mac = [u8; 6];

/// What can go wrong on netlink.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// No socket.
    #[error("cannot open a netlink socket: {0}")]
    Socket(#[from] std::io::Error),
    /// A request failed.
    #[error("netlink: {0}")]
    Request(#[from] rtnetlink::Error),
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Interface index.
    pub index: u32,
    /// MAC address.
    pub mac: Mac,
    /// MTU in bytes.
    pub mtu: u32,
}

/// What the kernel knows of a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// MAC address.
    pub mac: Mac,
    /// Confirmed lately; otherwise it is worth asking again.
    pub fresh: bool,
}

/// Neighbours of both families by interface and address.
pub type Neighbours = HashMap<(u32, IpAddr), Neighbour>;

/// A netlink connection, in the network namespace it was opened in.
#[derive(Clone)]
pub struct Netlink {
    handle: Handle,
}

impl Netlink {
    /// Opens a connection; must be called on a tokio runtime.
    ///
    /// # Errors
    /// No socket could be had.
    pub fn open() -> Result<Self, NetlinkError> {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        tokio::spawn(connection);
        Ok(Self { handle })
    }

    /// The interface called `name`, if there is one with a MAC address.
    ///
    /// # Errors
    /// The kernel refused for another reason than that there is none.
    pub async fn link(&self, name: &str) -> Result<Option<Link>, NetlinkError> {
        let mut links = self
            .handle
            .link()
            .get()
            .match_name(name.to_owned())
            .execute();
        let message = match links.try_next().await {
            Ok(Some(message)) => message,
            Ok(None) => return Ok(None),
            Err(rtnetlink::Error::NetlinkError(error)) if error.raw_code() == -libc::ENODEV => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let mut link = Link {
            index: message.header.index,
            mac: [0; 6],
            mtu: 0,
        };
        let mut has_mac = false;
        for attribute in message.attributes {
            match attribute {
                LinkAttribute::Address(bytes) => {
                    if let Ok(mac) = Mac::try_from(bytes) {
                        link.mac = mac;
                        has_mac = true;
                    }
                }
                LinkAttribute::Mtu(mtu) => link.mtu = mtu,
                _ => {}
            }
        }
        Ok(has_mac.then_some(link))
    }

    /// The address that packets to `destination` are handed to on interface `ifindex`: a gateway's
    /// where the routes name one, else its own. An IPv6 gateway's is often link-local, and so has a
    /// meaning on that interface alone.
    pub async fn next_hop(&self, destination: IpAddr, ifindex: u32) -> IpAddr {
        let mut answers = self
            .handle
            .route()
            .get(question(destination, ifindex))
            .execute();
        let Ok(Some(route)) = answers.try_next().await else {
            return destination;
        };
        let gateway = route.attributes.iter().find_map(gateway);
        gateway.unwrap_or(destination)
    }

    /// All neighbours with a known MAC address, of both families.
    ///
    /// # Errors
    /// The kernel refused.
    pub async fn neighbours(&self) -> Result<Neighbours, NetlinkError> {
        let mut known = Neighbours::new();
        let mut messages = self.handle.neighbours().get().execute();
        while let Some(message) = messages.try_next().await? {
            if let Some((address, neighbour)) = neighbour(&message) {
                known.insert((message.header.ifindex, address), neighbour);
            }
        }
        Ok(known)
    }

    /// Has the kernel ask for a neighbour's MAC address (by ARP or neighbor solicitation), as if it
    /// had a packet for it. For IPv6 the interface needs a link-local address to ask from.
    pub async fn ask_for(&self, ifindex: u32, address: IpAddr) {
        let request = self
            .handle
            .neighbours()
            .add(ifindex, address)
            .flags(NeighbourFlags::Use)
            .state(NeighbourState::None)
            .replace();
        // What fails now is asked again at the next look.
        let _ = request.execute().await;
    }
}

/// Asks by which route packets to `destination` leave through `ifindex`.
fn question(destination: IpAddr, ifindex: u32) -> RouteMessage {
    match destination {
        IpAddr::V4(ip) => RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(ip, 32)
            .output_interface(ifindex)
            .build(),
        IpAddr::V6(ip) => RouteMessageBuilder::<Ipv6Addr>::new()
            .destination_prefix(ip, 128)
            .output_interface(ifindex)
            .build(),
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

fn neighbour(message: &NeighbourMessage) -> Option<(IpAddr, Neighbour)> {
    let fresh = match message.header.state {
        NeighbourState::Reachable | NeighbourState::Permanent | NeighbourState::Noarp => true,
        NeighbourState::Stale | NeighbourState::Delay | NeighbourState::Probe => false,
        _ => return None,
    };
    let mut address = None;
    let mut mac = None;
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
    Some((address?, Neighbour { mac: mac?, fresh }))
}
