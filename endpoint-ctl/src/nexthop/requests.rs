//! Questions to the kernel, and the one request it gets: to ask for a neighbour.
//!
//! May import: rtnetlink, tokio, std, the module's own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rtnetlink::packet_route::neighbour::{NeighbourFlags, NeighbourState};
use rtnetlink::packet_route::route::RouteMessage;
use rtnetlink::{Handle, RouteMessageBuilder};

use super::decode;
use super::{Link, Neighbours, NetlinkError, Way};

/// How many requests are under way at once.
const AT_ONCE: usize = 32;

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

    /// All interfaces that have a MAC address.
    ///
    /// # Errors
    /// The kernel refused.
    pub async fn links(&self) -> Result<Vec<Link>, NetlinkError> {
        let messages = self.handle.link().get().execute();
        let links: Vec<_> = messages.try_collect().await?;
        Ok(links.into_iter().filter_map(decode::link).collect())
    }

    /// How packets to each destination leave through the interface beside it, in the same order;
    /// `None` where the kernel did not say.
    pub async fn ways(&self, destinations: &[(IpAddr, u32)]) -> Vec<Option<Way>> {
        stream::iter(destinations)
            .map(|(destination, ifindex)| self.way(*destination, *ifindex))
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    async fn way(&self, destination: IpAddr, ifindex: u32) -> Option<Way> {
        let question = question(destination, ifindex);
        let mut answers = self.handle.route().get(question).execute();
        let on_link = Way::Via {
            neighbour: destination,
            mtu: None,
        };
        match answers.try_next().await {
            Ok(Some(route)) => Some(decode::way(destination, &route)),
            Err(rtnetlink::Error::NetlinkError(error)) => match -error.raw_code() {
                libc::ENETUNREACH => Some(on_link),
                libc::EHOSTUNREACH | libc::EACCES | libc::EINVAL => Some(Way::Forbidden),
                _ => None,
            },
            Ok(None) | Err(_) => None,
        }
    }

    /// All neighbours that something is known of, of both families.
    ///
    /// # Errors
    /// The kernel refused.
    pub async fn neighbours(&self) -> Result<Neighbours, NetlinkError> {
        let mut known = Neighbours::new();
        let mut messages = self.handle.neighbours().get().execute();
        while let Some(message) = messages.try_next().await? {
            if let Some((key, Some(neighbour))) = decode::neighbour(&message) {
                known.insert(key, neighbour);
            }
        }
        Ok(known)
    }

    /// Has the kernel ask for neighbours' MAC addresses (by ARP or neighbor solicitation), as if it
    /// had a packet for each. For IPv6 the interface needs a link-local address to ask from. Not
    /// for neighbours that were set by hand: they would be forgotten.
    pub async fn ask_for(&self, neighbours: &[(u32, IpAddr)]) {
        let requests = stream::iter(neighbours).map(|(ifindex, address)| {
            self.handle
                .neighbours()
                .add(*ifindex, *address)
                .flags(NeighbourFlags::Use)
                .state(NeighbourState::None)
                .replace()
                .execute()
        });
        // What fails now is asked again.
        requests.buffered(AT_ONCE).for_each(async |_| {}).await;
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
