//! The host's links, routes and neighbours: asked for over netlink, and followed as they change.
//!
//! May import: rtnetlink, ipnet, tokio, std. Never: any sibling.

mod decode;
mod requests;
mod watch;

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

pub use requests::Netlink;
pub use watch::Watch;

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

/// A network interface that has a MAC address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Interface index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// MAC address.
    pub mac: Mac,
    /// MTU: the longest IP packet, in bytes.
    pub mtu: u32,
    /// Set up, and its carrier is there: frames that are sent go somewhere.
    pub up: bool,
    /// What rtnetlink calls its kind: `veth`, `bridge`, `vlan`, ...; a NIC has none.
    pub kind: Option<String>,
    /// Behind it is a device of a bus, such as PCI or virtio.
    pub has_parent: bool,
    /// What makes it a VLAN device.
    pub vlan: Option<Vlan>,
}

/// A VLAN of the interface below: what a VLAN device (`ip link add ... type vlan`) stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vlan {
    /// The index of the interface below; nothing if that is in another namespace.
    pub parent: Option<u32>,
    /// The tag protocol: 0x8100 (802.1Q) or 0x88a8 (802.1ad).
    pub protocol: u16,
    /// The VLAN's number, 0 to 4095.
    pub id: u16,
}

/// What the kernel knows of a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbour {
    /// Confirmed lately, or set by hand.
    Fresh(Mac),
    /// Known, but not confirmed lately: worth asking again.
    Stale(Mac),
    /// Known, and the kernel is confirming it.
    Probed(Mac),
    /// The kernel is asking, and nobody has answered yet.
    Asked,
    /// Nobody answered.
    Failed,
}

impl Neighbour {
    /// Its MAC address, as far as frames may be sent to it.
    pub fn mac(self) -> Option<Mac> {
        match self {
            Self::Fresh(mac) | Self::Stale(mac) | Self::Probed(mac) => Some(mac),
            Self::Asked | Self::Failed => None,
        }
    }
}

/// Neighbours of both families by interface and address.
pub type Neighbours = HashMap<(u32, IpAddr), Neighbour>;

/// How packets to an address leave through an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By a route, or by none: then the address is taken to be on the link, as the kernel does for
    /// packets that are bound to an interface.
    Via {
        /// The neighbour they are handed to: a gateway, or the address itself. An IPv6 gateway is
        /// often link-local, and so has a meaning on that interface alone.
        neighbour: IpAddr,
        /// The route's own MTU in bytes, if it has one.
        mtu: Option<u32>,
    },
    /// A route forbids it: `unreachable`, `prohibit`, `blackhole`.
    Forbidden,
}

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An interface is there, new or changed.
    Link(Link),
    /// The interface of this index is gone.
    LinkGone(u32),
    /// What is known of the neighbour at this interface and address; `None` is nothing any more.
    Neighbour(u32, IpAddr, Option<Neighbour>),
    /// Routes to addresses within this network.
    Routes(IpNet),
    /// Routes, and it was not said which.
    AnyRoute,
    /// The kernel told more than was taken: anything may have changed.
    Overrun,
}
