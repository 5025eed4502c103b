//! The configuration that packets meet (`universe.yaml`), its generations, and the legs on which
//! packets arrive and leave.
//!
//! May import: endpoint-common, endpoint-ctl, packet, twins, vlan.

use std::collections::BTreeMap;
use std::net::IpAddr;

use endpoint_common::abi::explain::Explanation;
use endpoint_common::abi::meta::{Port, Tags};
use endpoint_common::abi::service::{HOP_RESOLVED, HOP_TO_CLIENT, Hop};
use endpoint_common::path::Outcome;
use endpoint_ctl::compiler::{Capacity, HopTo, Numbers, Tables, compile};
use endpoint_ctl::explain::Asked;
use endpoint_ctl::manifest;
use endpoint_ctl::model::{Model, ProviderNetworkId, VSwitchId};

use crate::packet::Mac;
use crate::twins::{ARRIVAL, Ran, Twins};
use crate::vlan;

/// A network as packets see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Leg {
    VswA,
    VswA2,
    VswB,
    ProviderA,
    ProviderB,
    /// An interface that is not bound.
    Foreign,
}

impl Leg {
    pub(crate) const ALL: [Self; 6] = [
        Self::VswA,
        Self::VswA2,
        Self::VswB,
        Self::ProviderA,
        Self::ProviderB,
        Self::Foreign,
    ];

    /// The name in `universe.yaml`.
    fn name(self) -> &'static str {
        match self {
            Self::VswA => "vsw-a",
            Self::VswA2 => "vsw-a2",
            Self::VswB => "vsw-b",
            Self::ProviderA => "pnet-a",
            Self::ProviderB => "pnet-b",
            Self::Foreign => "foreign",
        }
    }

    fn named(name: &str) -> Self {
        let leg = Self::ALL.into_iter().find(|leg| leg.name() == name);
        leg.unwrap_or_else(|| panic!("no leg {name}"))
    }

    /// By which interface packets leave for it. They all arrive on [`ARRIVAL`].
    pub(crate) fn ifindex(self) -> u32 {
        11 + self as u32
    }

    /// The node's own MAC address there.
    pub(crate) fn mac(self) -> Mac {
        [2, 0xee, 0, 0, 0, 1 + self as u8]
    }
}

/// The MAC of the host that has this address, of those that flows are forwarded to.
pub(crate) fn backend_mac(address: IpAddr) -> Mac {
    let ([.., a, b, c, d], last) = match address {
        IpAddr::V4(ip) => (ip.to_ipv6_mapped().octets(), 0),
        IpAddr::V6(ip) => (ip.octets(), 6),
    };
    [2, 0xb0 ^ a, b, c, d, last]
}

/// How small the tables of tests are, so that they load quickly.
pub(crate) fn capacity(flows: u32) -> Capacity {
    Capacity {
        flows,
        policy_rows: 16_384,
        maglev_slots: 262_144,
        backends: 1_024,
        nat_addresses: 64,
        service_rows: 1_024,
        hops: 1_024,
        fragments: 16_384,
        enis: 64,
        rules: 1_024,
        event_bytes: 1 << 16,
    }
}

/// See the module.
pub(crate) struct World {
    pub(crate) model: Model,
    pub(crate) numbers: Numbers,
    pub(crate) twins: Twins,
    generation: u32,
    capacity: Capacity,
    hops: BTreeMap<u32, Hop>,
    /// Packets arrive on a trunk, where most networks are VLANs.
    is_trunk: bool,
}

/// How many interfaces further the trunk is by which a VLAN's packets leave.
const TRUNK: u32 = 100;

impl World {
    /// The first generation, in force, with every next hop resolved.
    pub(crate) fn new(flows: u32) -> Self {
        let capacity = capacity(flows);
        Self::over(Twins::new(capacity), capacity, false)
    }

    /// The same on a trunk; whoever runs packets need not care.
    pub(crate) fn on_a_trunk(flows: u32) -> Self {
        let capacity = capacity(flows);
        Self::over(Twins::new(capacity), capacity, true)
    }

    /// As [`Self::new`], of twins that tell so many drops of an ENI in all.
    pub(crate) fn telling(flows: u32, most: u32) -> Self {
        let capacity = capacity(flows);
        Self::over(Twins::telling(capacity, most), capacity, false)
    }

    fn over(twins: Twins, capacity: Capacity, is_trunk: bool) -> Self {
        let text = include_str!("universe.yaml");
        let model =
            manifest::load(text, "universe.yaml", None).unwrap_or_else(|errors| panic!("{errors}"));
        let mut world = Self {
            model,
            numbers: Numbers::default(),
            twins,
            generation: 0,
            capacity,
            hops: BTreeMap::new(),
            is_trunk,
        };
        world.change(|_| {});
        world
    }

    /// Changes the model and puts it in force on both sides, as one generation.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Model)) {
        change(&mut self.model);
        let tables = self.compile();
        self.twins.apply(&tables);
        self.resolve_new_hops();
    }

    /// As [`Self::change`], for tables that no model leads to.
    pub(crate) fn tamper(&mut self, tamper: impl FnOnce(&mut Tables)) {
        let mut tables = self.compile();
        tamper(&mut tables);
        self.twins.apply(&tables);
    }

    /// Puts tables before the kernel that it must refuse.
    pub(crate) fn apply_in_vain(&mut self, tamper: impl FnOnce(&mut Tables)) {
        let mut tables = self.compile();
        tamper(&mut tables);
        self.twins.apply_in_vain(&tables);
    }

    fn compile(&mut self) -> Tables {
        self.generation += 1;
        self.numbers.assign(&self.model);
        compile(&self.model, &self.numbers, self.generation, &self.capacity)
            .expect("a model that fits")
    }

    fn resolve_new_hops(&mut self) {
        let rows: Vec<_> = self
            .numbers
            .hops()
            .filter(|(_, row)| !self.hops.contains_key(row))
            .map(|(to, row)| (row, self.hop(to)))
            .collect();
        for (row, hop) in rows {
            self.set_hop(row, hop);
        }
    }

    fn hop(&self, to: &HopTo) -> Hop {
        let (network, address) = match to {
            HopTo::Clients(vswitch) => (vswitch.as_str(), None),
            HopTo::Callers(network) => (network.as_str(), None),
            HopTo::Backend(network, address) => (network.as_str(), Some(*address)),
            HopTo::Resource(vswitch, address) => (vswitch.as_str(), Some(*address)),
        };
        let leg = Leg::named(network);
        let (flags, mac) = match address {
            None => (HOP_RESOLVED | HOP_TO_CLIENT, [0; 6]),
            Some(address) => (HOP_RESOLVED, backend_mac(address)),
        };
        let hop = Hop::new(leg.ifindex(), flags, mac, leg.mac());
        match self.tags(leg) {
            Tags::NONE => hop,
            tags => hop.through(TRUNK + leg.ifindex(), tags),
        }
    }

    fn tags(&self, leg: Leg) -> Tags {
        if self.is_trunk {
            vlan::tags(leg)
        } else {
            Tags::NONE
        }
    }

    fn set_hop(&mut self, row: u32, hop: Hop) {
        self.hops.insert(row, hop);
        self.twins.set_hop(row, hop);
    }

    /// Rows of the next hops that are known.
    pub(crate) fn hop_rows(&self) -> Vec<u32> {
        self.hops.keys().copied().collect()
    }

    /// Rewrites a next hop.
    pub(crate) fn change_hop(&mut self, row: u32, change: impl FnOnce(&mut Hop)) {
        let mut hop = self.hops[&row];
        change(&mut hop);
        self.set_hop(row, hop);
    }

    /// The row of the hop to a backend.
    pub(crate) fn hop_to(&self, network: &str, address: &str) -> u32 {
        let network = ProviderNetworkId::new(network);
        let to = HopTo::Backend(network, address.parse().expect(address));
        self.numbers.hop(&to).expect("a hop").into()
    }

    /// The row of the hop back to a vSwitch's clients.
    pub(crate) fn hop_to_clients(&self, vswitch: &str) -> u32 {
        let to = HopTo::Clients(VSwitchId::new(vswitch));
        self.numbers.hop(&to).expect("a hop").into()
    }

    /// Runs a frame through both sides that arrives on this leg.
    ///
    /// # Errors
    /// What they do not agree on, and what neither should have done.
    pub(crate) fn run(&mut self, leg: Leg, frame: &[u8]) -> Result<Ran, String> {
        self.arrive_on(leg);
        if !self.is_trunk {
            return self.twins.run(frame);
        }
        // Some priority or other: it means nothing, and whoever is answered gets it back.
        let priority = frame.last().map_or(0, |byte| byte & 7);
        let tagged = vlan::put_on(frame, self.tags(leg), priority);
        let ran = self.twins.run(&tagged)?;
        let (untagged, found) = vlan::take_off(&ran.frame);
        let (outcome, tags, priority) = match ran.outcome {
            Outcome::Redirect(ARRIVAL) => (Outcome::Transmit, Tags::NONE, 0),
            Outcome::Redirect(ifindex) if ifindex > TRUNK => {
                let ifindex = ifindex - TRUNK;
                let mut legs = Leg::ALL.into_iter();
                let to = legs.find(|leg| leg.ifindex() == ifindex);
                (Outcome::Redirect(ifindex), self.tags(to.expect("a leg")), 0)
            }
            Outcome::Redirect(_) => (ran.outcome, Tags::NONE, 0),
            Outcome::Transmit | Outcome::Answer(_) => (ran.outcome, self.tags(leg), priority),
            Outcome::Pass | Outcome::Drop(_) => {
                let frame = frame.to_vec();
                return Ok(Ran { frame, ..ran });
            }
        };
        let expected = &vlan::bytes(tags, priority);
        if found != *expected {
            return Err(format!("leaves with tags {found:x?}, not {expected:x?}"));
        }
        Ok(Ran {
            outcome,
            frame: untagged,
            ..ran
        })
    }

    /// What both sides would make of a packet.
    ///
    /// # Errors
    /// What they do not agree on.
    pub(crate) fn explain(&mut self, asked: &Asked<'_>) -> Result<Explanation, String> {
        let (leg, frame) = Self::packet(asked);
        self.arrive_on(leg);
        self.twins.explain(asked.family(), &frame)
    }

    /// The packet that is asked about, and where it arrives.
    pub(crate) fn packet(asked: &Asked<'_>) -> (Leg, Vec<u8>) {
        let name = asked.interface().replace("provider", "pnet");
        let leg = Leg::named(&name);
        (leg, asked.frame(leg.mac()))
    }

    /// The next packets arrive on this leg.
    fn arrive_on(&mut self, leg: Leg) {
        let name = leg.name();
        let scope = match leg {
            Leg::VswA | Leg::VswA2 | Leg::VswB => self.numbers.vswitch_scope(&VSwitchId::new(name)),
            Leg::ProviderA | Leg::ProviderB => {
                self.numbers.provider_scope(&ProviderNetworkId::new(name))
            }
            Leg::Foreign => return self.twins.arrive_on(None),
        };
        let port = Port::new(ARRIVAL, scope, leg.mac());
        self.twins.arrive_on(Some(port.with_tags(self.tags(leg))));
    }

    /// The name of a rule.
    pub(crate) fn rule_name(&self, number: u32) -> &str {
        let mut rules = self.numbers.rules();
        let found = rules.find(|(_, other)| *other == number);
        found.map_or("", |(name, _)| name)
    }
}
