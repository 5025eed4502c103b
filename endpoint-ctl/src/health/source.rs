//! The address to probe from: this node's own on the interface that leads to the server. An
//! address of another interface would be the wrong source where networks overlap, and answers to a
//! NAT address never reach this node's stack.
//!
//! May import: rtnetlink, ipnet, tokio, std.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use ipnet::IpNet;
use rtnetlink::Handle;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use tokio::sync::Mutex;

/// How long what the kernel said is believed.
const FRESH: Duration = Duration::from_secs(1);

/// An interface's addresses with their networks, or why they are not known.
type Addresses = Result<Vec<IpNet>, String>;

/// The addresses of this node's interfaces, in the network namespace it was opened in.
pub(super) struct Sources {
    handle: Handle,
    known: Mutex<BTreeMap<String, (Instant, Addresses)>>,
}

impl Sources {
    /// Opens a netlink connection; must be called on a tokio runtime.
    ///
    /// # Errors
    /// No socket could be had.
    pub(super) fn open() -> std::io::Result<Self> {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        tokio::spawn(connection);
        Ok(Self {
            handle,
            known: Mutex::default(),
        })
    }

    /// The address to reach `target` from through `interface`, which is none of `not`.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn find(
        &self,
        interface: &str,
        target: IpAddr,
        not: &[IpAddr],
    ) -> Result<IpAddr, String> {
        let own = self.addresses(interface).await?;
        choose(&own, target, not).ok_or_else(|| {
            let family = if target.is_ipv6() { "IPv6" } else { "IPv4" };
            format!("this node has no {family} address of its own on {interface} to probe from")
        })
    }

    async fn addresses(&self, interface: &str) -> Addresses {
        let mut known = self.known.lock().await;
        if let Some((when, addresses)) = known.get(interface)
            && when.elapsed() < FRESH
        {
            return addresses.clone();
        }
        let asked = self.ask(interface).await;
        let asked = asked.map_err(|error| format!("the addresses of {interface}: {error}"));
        known.insert(interface.to_owned(), (Instant::now(), asked.clone()));
        asked
    }

    async fn ask(&self, interface: &str) -> Result<Vec<IpNet>, rtnetlink::Error> {
        let mut links = self
            .handle
            .link()
            .get()
            .match_name(interface.to_owned())
            .execute();
        let Some(link) = links.try_next().await? else {
            return Ok(Vec::new());
        };
        let addresses = self.handle.address().get();
        let mut messages = addresses.set_link_index_filter(link.header.index).execute();
        let mut own = Vec::new();
        while let Some(message) = messages.try_next().await? {
            own.extend(own_address(&message));
        }
        Ok(own)
    }
}

/// On a point-to-point link, `Address` is the other end's.
fn own_address(message: &AddressMessage) -> Option<IpNet> {
    let mut attributes = message.attributes.iter();
    let local = attributes.find_map(|attribute| match attribute {
        AddressAttribute::Local(ip) => Some(*ip),
        _ => None,
    });
    let ip = local.or_else(|| {
        message
            .attributes
            .iter()
            .find_map(|attribute| match attribute {
                AddressAttribute::Address(ip) => Some(*ip),
                _ => None,
            })
    })?;
    IpNet::new(ip, message.header.prefix_len).ok()
}

/// An address whose network the target is in, else any that has a meaning beyond the link.
fn choose(own: &[IpNet], target: IpAddr, not: &[IpAddr]) -> Option<IpAddr> {
    let reaches = |ip: IpAddr| match ip {
        IpAddr::V4(_) => true,
        IpAddr::V6(ip) => !ip.is_unicast_link_local(),
    };
    let fitting = || {
        own.iter().filter(|net| {
            let ip = net.addr();
            ip.is_ipv6() == target.is_ipv6() && reaches(ip) && !not.contains(&ip)
        })
    };
    let near = fitting().find(|net| net.contains(&target));
    let far = || fitting().find(|net| !net.addr().is_loopback());
    near.or_else(far).map(IpNet::addr)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(own: &[&str], target: &str, not: &[&str]) -> Option<String> {
        let ip = |text: &&str| text.parse::<IpAddr>().expect("an address");
        let own: Vec<IpNet> = own
            .iter()
            .map(|net| net.parse().expect("a network"))
            .collect();
        let not: Vec<IpAddr> = not.iter().map(ip).collect();
        choose(&own, ip(&target), &not).map(|ip| ip.to_string())
    }

    #[test]
    fn the_address_in_the_targets_network_is_chosen() {
        let own = [
            "192.0.2.1/24",
            "10.0.50.250/16",
            "fe80::1/64",
            "fd00::250/64",
        ];
        let chosen = |target| chosen(&own, target, &[]);
        assert_eq!(chosen("10.0.50.11").as_deref(), Some("10.0.50.250"));
        assert_eq!(chosen("192.0.2.9").as_deref(), Some("192.0.2.1"));
        assert_eq!(chosen("fd00::11").as_deref(), Some("fd00::250"));
    }

    #[test]
    fn a_target_behind_a_router_is_reached_from_any() {
        let own = ["fe80::1/64", "10.0.50.250/16", "fd00::250/64"];
        assert_eq!(
            chosen(&own, "172.16.0.1", &[]).as_deref(),
            Some("10.0.50.250")
        );
        assert_eq!(chosen(&own, "fd01::1", &[]).as_deref(), Some("fd00::250"));
    }

    #[test]
    fn neither_nat_addresses_nor_the_other_family_nor_link_local_ones_will_do() {
        assert_eq!(chosen(&["fd00::250/64"], "10.0.50.11", &[]), None);
        assert_eq!(chosen(&["fe80::1/64"], "fd00::11", &[]), None);
        let own = ["10.0.50.200/16", "10.0.50.250/16"];
        let nat = ["10.0.50.200", "10.0.50.201"];
        assert_eq!(
            chosen(&own, "10.0.50.11", &nat).as_deref(),
            Some("10.0.50.250")
        );
        assert_eq!(chosen(&own[..1], "10.0.50.11", &nat), None);
    }

    #[tokio::test]
    async fn the_kernel_tells_the_addresses_of_an_interface() {
        let sources = Sources::open().expect("a netlink socket");
        let [target, nowhere] = ["127.0.0.9", "10.9.9.9"].map(|ip| ip.parse().expect("an address"));
        let found = sources.find("lo", target, &[]).await;
        assert_eq!(found, Ok(IpAddr::from([127, 0, 0, 1])));
        let missing = sources.find("absent0", nowhere, &[]).await;
        let reason = missing.expect_err("there is no such interface");
        assert!(reason.contains("absent0"), "{reason}");
    }
}
