//! What is known of the hops that are wanted, and what follows from it: rows to write, routes to
//! look up, neighbours to ask for. Pure: whoever holds it does these things and tells it what came
//! of them; time is an argument.
//!
//! May import: compiler (numbers), nexthop (its types), endpoint-common::abi, std.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

use endpoint_common::abi::meta::Tags;
use endpoint_common::abi::service::{HOP_RESOLVED, HOP_TO_CLIENT, Hop};
use ipnet::IpNet;

use super::asking::Asking;
use crate::nexthop::{Link, Mac, Neighbour, Neighbours, Way};

/// Whom a hop leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Toward {
    /// Clients, each by the MAC its flow came from.
    Clients,
    /// One backend.
    Backend(IpAddr),
}

/// A hop that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The interface it leaves by.
    pub(super) interface: String,
    /// Whom it leads to.
    pub(super) toward: Toward,
}

/// A next hop toward a backend, for `status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HopStatus {
    /// The backend.
    pub backend: IpAddr,
    /// The interface packets leave by.
    pub interface: String,
    /// The address packets are handed to.
    pub via: IpAddr,
    /// Its MAC address, once known.
    pub mac: Option<Mac>,
    /// The longest IP packet that may leave by it, in bytes; 0 while its interface is not there.
    pub mtu: u32,
    /// Why it cannot be used, if it cannot.
    pub note: Option<&'static str>,
}

/// How packets leave by an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Egress {
    pub(super) link: Link,
    /// If it is a VLAN device, the interface at the bottom and the tags of its frames there.
    pub(super) trunk: Option<(u32, Tags)>,
}

/// What is known of a wanted hop.
#[derive(Debug, Clone)]
struct Known {
    wanted: Wanted,
    /// How packets leave; nothing before the first answer.
    way: Option<Way>,
    /// Whether the routes may have changed since.
    outdated: bool,
    /// The row as it was last written.
    written: Option<Hop>,
    /// Whether it could be used once and cannot now.
    lost: bool,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Picture {
    hops: BTreeMap<u32, Known>,
    /// The backends with their rows, to find those within a network.
    backends: BTreeSet<(IpAddr, u32)>,
    links: BTreeMap<String, Egress>,
    neighbours: Neighbours,
    asking: BTreeMap<(u32, IpAddr), Asking>,
}

impl Picture {
    /// Takes over which hops are wanted, by row of `HOPS`; what is known of those wanted before
    /// stays.
    pub(super) fn want(&mut self, wanted: BTreeMap<u32, Wanted>, now: Instant) {
        let mut before = std::mem::take(&mut self.hops);
        let hops = wanted.into_iter().map(|(row, wanted)| {
            let known = before.remove(&row).filter(|known| known.wanted == wanted);
            let known = known.unwrap_or(Known {
                wanted,
                way: None,
                outdated: true,
                written: None,
                lost: false,
            });
            (row, known)
        });
        self.hops = hops.collect();
        let backend = |(row, known): (&u32, &Known)| match known.wanted.toward {
            Toward::Backend(backend) => Some((backend, *row)),
            Toward::Clients => None,
        };
        self.backends = self.hops.iter().filter_map(backend).collect();
        self.schedule(now);
    }

    /// Takes over the interfaces that hops may leave by, by name. Routes toward those that changed
    /// have to be looked up again: the kernel drops routes with a link and says nothing.
    pub(super) fn set_links(&mut self, links: BTreeMap<String, Egress>, now: Instant) {
        for known in self.hops.values_mut() {
            let name = &known.wanted.interface;
            known.outdated |= self.links.get(name) != links.get(name);
        }
        self.links = links;
        let there: BTreeSet<_> = self.links.values().map(|one| one.link.index).collect();
        self.neighbours
            .retain(|(ifindex, _), _| there.contains(ifindex));
        self.schedule(now);
    }

    /// Takes over all that is known of neighbours.
    pub(super) fn set_neighbours(&mut self, mut neighbours: Neighbours, now: Instant) {
        neighbours.retain(|(ifindex, _), _| self.has_link(*ifindex));
        let before = std::mem::replace(&mut self.neighbours, neighbours);
        for (key, asking) in &mut self.asking {
            let known = self.neighbours.get(key).copied();
            // What is as it was is waited for as it was.
            if asking.due().is_none() || before.get(key).copied() != known {
                asking.told(known, now);
            }
        }
    }

    /// Takes over what is known of one neighbour, `None` for nothing any more.
    pub(super) fn set_neighbour(
        &mut self,
        ifindex: u32,
        address: IpAddr,
        neighbour: Option<Neighbour>,
        now: Instant,
    ) {
        if !self.has_link(ifindex) {
            return;
        }
        let key = (ifindex, address);
        match neighbour {
            Some(neighbour) => self.neighbours.insert(key, neighbour),
            None => self.neighbours.remove(&key),
        };
        if let Some(asking) = self.asking.get_mut(&key) {
            asking.told(neighbour, now);
        }
    }

    fn has_link(&self, ifindex: u32) -> bool {
        self.links.values().any(|one| one.link.index == ifindex)
    }

    fn link(&self, known: &Known) -> Option<&Link> {
        let egress = self.links.get(&known.wanted.interface)?;
        Some(&egress.link)
    }

    /// Routes to addresses within `network` changed.
    pub(super) fn routes_changed(&mut self, network: IpNet) {
        let within = (network.network(), 0)..=(network.broadcast(), u32::MAX);
        for (_, row) in self.backends.range(within) {
            if let Some(known) = self.hops.get_mut(row) {
                known.outdated = true;
            }
        }
    }

    /// Any route may have changed.
    pub(super) fn any_route_changed(&mut self) {
        for known in self.hops.values_mut() {
            known.outdated = true;
        }
    }

    /// Routes to look up: for which row, to whom, by which interface.
    pub(super) fn questions(&self) -> Vec<(u32, IpAddr, u32)> {
        let question = |(row, known): (&u32, &Known)| {
            let Toward::Backend(backend) = known.wanted.toward else {
                return None;
            };
            let link = self.link(known)?;
            known.outdated.then_some((*row, backend, link.index))
        };
        self.hops.iter().filter_map(question).collect()
    }

    /// The answer for one row; `None` if there was none, which leaves what was known.
    pub(super) fn answer(&mut self, row: u32, way: Option<Way>) {
        if let Some(known) = self.hops.get_mut(&row) {
            known.outdated = false;
            known.way = way.or(known.way);
        }
    }

    /// Settles whom to ask for, after what hops hang on has changed.
    pub(super) fn schedule(&mut self, now: Instant) {
        let hops = self.hops.values();
        let needed: BTreeSet<_> = hops.filter_map(|known| self.neighbour_of(known)).collect();
        self.asking.retain(|key, _| needed.contains(key));
        for key in needed {
            let known = self.neighbours.get(&key).copied();
            self.asking.entry(key).or_insert_with(|| {
                let mut asking = Asking::default();
                asking.told(known, now);
                asking
            });
        }
    }

    /// The neighbour a hop's packets are handed to, while its link is up.
    fn neighbour_of(&self, known: &Known) -> Option<(u32, IpAddr)> {
        let link = self.link(known)?;
        match (known.wanted.toward, known.way) {
            (Toward::Backend(_), Some(Way::Via { neighbour, .. })) if link.up => {
                Some((link.index, neighbour))
            }
            _ => None,
        }
    }

    /// Neighbours that are to be asked for now; they count as asked.
    pub(super) fn ask(&mut self, now: Instant) -> Vec<(u32, IpAddr)> {
        let mut due = Vec::new();
        for (key, asking) in &mut self.asking {
            if asking.due().is_some_and(|due| due <= now) {
                let is_known = self.neighbours.get(key).and_then(|known| known.mac());
                asking.asked(is_known.is_some(), now);
                due.push(*key);
            }
        }
        due
    }

    /// When there will be somebody to ask for.
    pub(super) fn next_ask(&self) -> Option<Instant> {
        self.asking.values().filter_map(Asking::due).min()
    }

    /// Rows that are not written as they should be.
    pub(super) fn unwritten(&self) -> Vec<(u32, Hop)> {
        let differs = |(row, known): (&u32, &Known)| {
            let hop = self.row(known)?;
            (known.written != Some(hop)).then_some((*row, hop))
        };
        self.hops.iter().filter_map(differs).collect()
    }

    /// A row was written; tells if it ceased to be usable, or came to be so again.
    pub(super) fn wrote(&mut self, row: u32, hop: Hop) -> Option<Turn> {
        let known = self.hops.get_mut(&row)?;
        let before = known.written.replace(hop);
        let usable = |hop: &Hop| hop.flags & HOP_RESOLVED != 0;
        let (was, is) = (before.as_ref().is_some_and(usable), usable(&hop));
        if was == is || (is && !known.lost) {
            return None;
        }
        known.lost = !is;
        Some(Turn {
            wanted: known.wanted.clone(),
            lost: known.lost,
        })
    }

    /// A hop's row as it should be; nothing for one whose interface was never there.
    fn row(&self, known: &Known) -> Option<Hop> {
        let Some(Egress { link, trunk }) = self.links.get(&known.wanted.interface) else {
            // The interface is gone, and whatever led to it leads nowhere.
            return known.written.map(|hop| Hop {
                flags: hop.flags & !HOP_RESOLVED,
                ..hop
            });
        };
        let usable = if link.up { HOP_RESOLVED } else { 0 };
        let (flags, mac) = match known.wanted.toward {
            Toward::Clients => (HOP_TO_CLIENT | usable, None),
            Toward::Backend(_) => match self.mac(known) {
                Some(mac) => (usable, Some(mac)),
                None => (0, None),
            },
        };
        let hop = Hop::new(link.index, flags, mac.unwrap_or_default(), link.mac);
        let hop = hop.with_mtu(mtu(known, link));
        Some(match *trunk {
            Some((trunk, tags)) => hop.through(trunk, tags),
            None => hop,
        })
    }

    fn mac(&self, known: &Known) -> Option<Mac> {
        let neighbour = self.neighbours.get(&self.neighbour_of(known)?)?;
        neighbour.mac()
    }

    /// Whether every hop toward a backend can be used.
    pub(super) fn all_resolved(&self) -> bool {
        self.hops.values().all(|known| match known.wanted.toward {
            Toward::Clients => true,
            Toward::Backend(_) => self.mac(known).is_some(),
        })
    }

    /// Every hop toward a backend.
    pub(super) fn status(&self) -> Vec<HopStatus> {
        let status = |known: &Known| {
            let Toward::Backend(backend) = known.wanted.toward else {
                return None;
            };
            let via = match known.way {
                Some(Way::Via { neighbour, .. }) => neighbour,
                Some(Way::Forbidden) | None => backend,
            };
            let link = self.link(known);
            let mac = self.mac(known);
            let note = match (link, known.way) {
                (None, _) => Some("its interface is gone"),
                (Some(link), _) if !link.up => Some("its interface is down, or has no carrier"),
                (_, Some(Way::Forbidden)) => Some("a route forbids it"),
                (_, None) => Some("its route is not known yet"),
                _ if mac.is_none() => Some("it does not answer ARP or neighbor solicitations"),
                _ => None,
            };
            Some(HopStatus {
                backend,
                interface: known.wanted.interface.clone(),
                via,
                mac,
                mtu: link.map_or(0, |link| mtu(known, link)),
                note,
            })
        };
        self.hops.values().filter_map(status).collect()
    }
}

/// A hop that ceased to be usable, or came to be so again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) wanted: Wanted,
    pub(super) lost: bool,
}

/// The longest packet, in bytes: the link's MTU, or the route's where that is smaller.
fn mtu(known: &Known, link: &Link) -> u32 {
    match known.way {
        Some(Way::Via { mtu: Some(mtu), .. }) => mtu.min(link.mtu),
        _ => link.mtu,
    }
}

#[cfg(test)]
mod tests;
