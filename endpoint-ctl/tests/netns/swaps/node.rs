//! The loaded programs between a client and a server, without the daemon: tables are put in force as
//! fast as the kernel takes them. Imports the lab.

use std::time::Duration;

use anyhow::{Context as _, Result};
use endpoint_common::abi::counter::{DropKey, EniCounters};
use endpoint_common::abi::flow::Direction;
use endpoint_common::abi::meta::Port;
use endpoint_common::abi::reason::DropReason;
use endpoint_common::abi::service::{HOP_RESOLVED, HOP_TO_CLIENT, Hop};
use endpoint_common::wire::Mac;
use endpoint_ctl::compiler::{Capacity, HopTo, Numbers, Tables, compile};
use endpoint_ctl::dataplane::{
    AttachMode, Dataplane, FRAGMENT_TIME, IdleTimes, LoadOptions, OBJECT, Observed, TellRate,
};
use endpoint_ctl::manifest;
use endpoint_ctl::model::{ProviderNetworkId, VSwitchId};
use serde_json::Value;
use xtask::lab::{Lab, inside};

use super::sets::{self, Kind, SETS};

/// See the module.
pub(super) struct Node {
    dataplane: Dataplane,
    pub(super) observed: Observed,
    sets: Vec<(Kind, Tables)>,
    swaps: u32,
}

/// An interface of the lab.
struct Interface {
    ifindex: u32,
    mac: Mac,
}

impl Interface {
    fn find(lab: &Lab, role: &str, name: &str) -> Result<Self> {
        let text = lab
            .ns(role)
            .must(["ip", "-json", "link", "show", "dev", name])?;
        let links: Value = serde_json::from_str(&text)?;
        let ifindex = links[0]["ifindex"].as_u64().with_context(|| text.clone())?;
        let octets = links[0]["address"].as_str().unwrap_or_default().split(':');
        let octets = octets.map(|octet| u8::from_str_radix(octet, 16));
        let mac: Vec<u8> = octets.collect::<Result<_, _>>()?;
        Ok(Self {
            ifindex: u32::try_from(ifindex)?,
            mac: mac.try_into().ok().context(text)?,
        })
    }
}

impl Node {
    /// Compiles the sets, loads the programs, attaches them to the node's interfaces, and puts the first
    /// set in force.
    pub(super) fn new(lab: &Lab, mode: AttachMode) -> Result<Self> {
        let capacity = Capacity {
            policy_rows: 1 << 18,
            rules: 1 << 16,
            enis: 16,
            ..Capacity::default()
        };
        let mut numbers = Numbers::default();
        let mut sets = Vec::new();
        for (kind, filling) in SETS {
            let text = sets::manifest(kind, filling).text();
            let model = manifest::load(&text, "swaps", None)?;
            numbers.assign(&model);
            let tables = compile(&model, &numbers, 1, &capacity)?;
            sets.push((kind, tables));
        }
        let options = LoadOptions {
            object: OBJECT,
            capacity,
            secret: [0x73_7761, 0x7073],
            idle: IdleTimes::default(),
            fragment_time: FRAGMENT_TIME,
            told: TellRate::default(),
            log_packets: false,
        };
        let (mut dataplane, observed) = Dataplane::load(&options)?;
        hops(lab, &numbers, &mut dataplane)?;
        let (_, first) = &sets[0];
        dataplane.apply(first)?;
        inside(lab.ns("node"), || {
            let (vswitch, pnet) = (VSwitchId::new("vsw-a"), ProviderNetworkId::new("pnet"));
            let scopes = [
                numbers.vswitch_scope(&vswitch),
                numbers.provider_scope(&pnet),
            ];
            for (name, scope) in ["vsw-a", "provider"].into_iter().zip(scopes) {
                let Interface { ifindex, mac } = Interface::find(lab, "node", name)?;
                let port = Port::new(ifindex, scope, mac);
                dataplane.bind(name, port, &[mode])?;
            }
            Ok(())
        })?;
        Ok(Self {
            dataplane,
            observed,
            sets,
            swaps: 0,
        })
    }

    /// Puts the set of this place in [`SETS`] in force.
    pub(super) fn swap(&mut self, place: usize) -> Result<Kind> {
        self.swaps += 1;
        let (kind, tables) = &mut self.sets[place];
        tables.generation = self.swaps + 1;
        self.dataplane.apply(tables)?;
        Ok(*kind)
    }

    /// Rows of the largest table of a set.
    pub(super) fn rows(&self) -> Vec<usize> {
        let policies = self.sets.iter().map(|(_, tables)| &tables.policy);
        policies.map(|policy| policy.nodes.len()).collect()
    }

    /// Packets and bytes in and out of the one ENI.
    pub(super) fn counters(&self) -> EniCounters {
        self.observed.counters(1)
    }

    /// Packets dropped, by reason and direction; only what there was.
    pub(super) fn drops(&self) -> Vec<(DropReason, Direction, u64)> {
        let drops = self.observed.drops().into_iter();
        let named = drops.map(|(key, counter)| {
            let DropKey {
                reason, direction, ..
            } = key;
            let reason = DropReason::from_number(reason).expect("a reason");
            let direction = match direction {
                one if one == Direction::In as u8 => Direction::In,
                _ => Direction::Out,
            };
            (reason, direction, counter.packets)
        });
        named.collect()
    }
}

/// Writes the next hops that the lab has.
fn hops(lab: &Lab, numbers: &Numbers, dataplane: &mut Dataplane) -> Result<()> {
    let vswitch = Interface::find(lab, "node", "vsw-a")?;
    let provider = Interface::find(lab, "node", "provider")?;
    let backend = Interface::find(lab, "b1", "eth0")?;
    for (to, row) in numbers.hops() {
        let hop = match to {
            HopTo::Clients(_) => {
                let flags = HOP_RESOLVED | HOP_TO_CLIENT;
                Hop::new(vswitch.ifindex, flags, [0; 6], vswitch.mac)
            }
            _ => Hop::new(provider.ifindex, HOP_RESOLVED, backend.mac, provider.mac),
        };
        dataplane.set_hop(row, hop)?;
    }
    Ok(())
}

/// How long a swap may take; the longest that was seen is told.
pub(super) const LONGEST: Duration = Duration::from_secs(5);
