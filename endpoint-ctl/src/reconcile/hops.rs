//! Next hops: which are wanted, and what the kernel's neighbours say of them.
//!
//! May import: model, compiler (numbers), dataplane, nexthop, endpoint-common::abi.

use std::collections::BTreeMap;
use std::net::IpAddr;

use endpoint_common::abi::service::{HOP_RESOLVED, HOP_TO_CLIENT, Hop};

use super::ReconcileError;
use crate::compiler::{HopTo, Numbers};
use crate::dataplane::{Dataplane, DataplaneError};
use crate::model::Model;
use crate::nexthop::{Link, Mac, Netlink};

/// A next hop toward a backend, for `status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HopStatus {
    /// The backend.
    pub backend: IpAddr,
    /// The address packets are handed to.
    pub via: IpAddr,
    /// Its MAC address, once known.
    pub mac: Option<Mac>,
}

#[derive(Debug)]
struct Wanted {
    link: Link,
    backend: IpAddr,
    via: IpAddr,
    mac: Option<Mac>,
}

/// The hops toward backends, by row of `HOPS`.
#[derive(Debug, Default)]
pub(super) struct Hops {
    wanted: BTreeMap<u32, Wanted>,
}

impl Hops {
    /// Takes over what `model` needs; rows of hops that lead to clients are written at once.
    pub(super) fn want(
        &mut self,
        model: &Model,
        numbers: &Numbers,
        links: &BTreeMap<&str, &Link>,
        dataplane: &mut Dataplane,
    ) -> Result<(), DataplaneError> {
        let mut before = std::mem::take(&mut self.wanted);
        for (hop, row) in numbers.hops() {
            match hop {
                HopTo::Clients(vswitch) => {
                    let interface = model.vswitches.get(vswitch).map(|found| &found.interface);
                    if let Some(link) = interface.and_then(|name| links.get(name.as_str())) {
                        let flags = HOP_RESOLVED | HOP_TO_CLIENT;
                        dataplane.set_hop(row, Hop::new(link.index, flags, [0; 6], link.mac))?;
                    }
                }
                HopTo::Backend(network, backend) => {
                    let found = model.provider_networks.get(network);
                    let link = found.and_then(|network| links.get(network.interface.as_str()));
                    let Some(link) = link else { continue };
                    let known = before.remove(&row).filter(|wanted| wanted.link == **link);
                    let wanted = known.unwrap_or_else(|| Wanted {
                        link: (*link).clone(),
                        backend: *backend,
                        via: *backend,
                        mac: None,
                    });
                    self.wanted.insert(row, wanted);
                }
            }
        }
        Ok(())
    }

    /// Looks at routes and neighbours, writes what changed, and has the kernel ask for the rest.
    pub(super) async fn refresh(
        &mut self,
        netlink: &Netlink,
        dataplane: &mut Dataplane,
    ) -> Result<(), ReconcileError> {
        let neighbours = netlink.neighbours().await?;
        for (row, wanted) in &mut self.wanted {
            let index = wanted.link.index;
            wanted.via = netlink.next_hop(wanted.backend, index).await;
            let neighbour = neighbours.get(&(index, wanted.via)).copied();
            if !neighbour.is_some_and(|neighbour| neighbour.fresh) {
                netlink.ask_for(index, wanted.via).await;
            }
            let mac = neighbour.map(|neighbour| neighbour.mac);
            if mac.is_some() && mac != wanted.mac {
                wanted.mac = mac;
                let dst = mac.unwrap_or_default();
                dataplane.set_hop(*row, Hop::new(index, HOP_RESOLVED, dst, wanted.link.mac))?;
            }
        }
        Ok(())
    }

    pub(super) fn all_resolved(&self) -> bool {
        self.wanted.values().all(|wanted| wanted.mac.is_some())
    }

    pub(super) fn status(&self) -> Vec<HopStatus> {
        let status = |wanted: &Wanted| HopStatus {
            backend: wanted.backend,
            via: wanted.via,
            mac: wanted.mac,
        };
        self.wanted.values().map(status).collect()
    }
}
