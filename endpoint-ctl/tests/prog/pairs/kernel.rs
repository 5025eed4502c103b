//! The loaded program, and what it says of a packet, in names.
//!
//! May import: endpoint-common, endpoint-ctl, packets, world.

use std::collections::BTreeMap;
use std::net::IpAddr;

use endpoint_common::abi::explain::{Explanation, JUDGED};
use endpoint_common::abi::flow::Family;
use endpoint_common::abi::meta::{Port, Tags};
use endpoint_common::abi::service::{HOP_RESOLVED, Hop};
use endpoint_ctl::compiler::{Capacity, Numbers, compile};
use endpoint_ctl::dataplane::{Dataplane, FRAGMENT_TIME, IdleTimes, LoadOptions, OBJECT, TellRate};
use endpoint_ctl::explain::{End, Protocol, Question};
use endpoint_ctl::model::{Model, VSwitchId};

use super::packets::Packet;
use crate::packet::Mac;
use crate::world;

const MAC: Mac = [2, 0xee, 0, 0, 0, 1];
const HOPS: u32 = 4_096;
/// Where the protocol stands in a frame of each family.
const PROTOCOL_AT: (usize, usize) = (14 + 9, 14 + 6);

/// See the module.
pub(super) struct Kernel {
    dataplane: Dataplane,
    capacity: Capacity,
    generation: u32,
    /// The interface that each vSwitch's packets arrive on.
    ports: BTreeMap<VSwitchId, u32>,
    names: BTreeMap<u32, String>,
}

impl Kernel {
    pub(super) fn load() -> Self {
        let capacity = Capacity {
            policy_rows: 1 << 18,
            rules: 1 << 16,
            enis: 256,
            hops: HOPS,
            ..world::capacity(64)
        };
        let options = LoadOptions {
            object: OBJECT,
            capacity,
            secret: [1, 2],
            idle: IdleTimes::default(),
            fragment_time: FRAGMENT_TIME,
            told: TellRate::default(),
            log_packets: false,
        };
        let (mut dataplane, _) =
            Dataplane::load(&options).unwrap_or_else(|error| panic!("{error}"));
        for row in 1..HOPS {
            let hop = Hop::new(7, HOP_RESOLVED, [2, 0xb0, 0, 0, 0, 1], MAC);
            dataplane.set_hop(row, hop).expect("a row of HOPS");
        }
        Self {
            dataplane,
            capacity,
            generation: 0,
            ports: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// Puts a model in force, with numbers of its own.
    pub(super) fn put_in_force(&mut self, model: &Model) {
        self.generation += 1;
        let mut numbers = Numbers::default();
        numbers.assign(model);
        let tables = compile(model, &numbers, self.generation, &self.capacity);
        self.dataplane
            .apply(&tables.expect("a model that fits"))
            .expect("a generation that fits");
        for (ifindex, vswitch) in (100..).zip(model.vswitches.keys()) {
            let port = Port::new(ifindex, numbers.vswitch_scope(vswitch), MAC);
            self.dataplane.set_port(port).expect("a row of PORTS");
            self.ports.insert(vswitch.clone(), ifindex);
        }
        let names = numbers.rules();
        self.names = names.map(|(name, at)| (at, name.to_owned())).collect();
    }

    /// What the program would make of a packet to an ENI. No packet of another family's ICMP.
    pub(super) fn explain(
        &mut self,
        vswitch: &VSwitchId,
        eni: IpAddr,
        packet: Packet,
    ) -> Explanation {
        let (family, at) = match eni {
            IpAddr::V4(_) => (Family::V4, PROTOCOL_AT.0),
            IpAddr::V6(_) => (Family::V6, PROTOCOL_AT.1),
        };
        let ports = matches!(packet.protocol, 6 | 17);
        let question = Question {
            from: End {
                ip: packet.peer,
                port: ports.then_some(packet.source_port),
            },
            to: End {
                ip: eni,
                port: ports.then_some(packet.port),
            },
            protocol: match packet.protocol {
                6 => Protocol::Tcp,
                1 => Protocol::Icmp,
                58 => Protocol::Icmpv6,
                // Of what endpoints do not carry, no header is looked at.
                _ => Protocol::Udp,
            },
            vpc: None,
        };
        let mut frame = question.frame(MAC);
        frame[at] = packet.protocol;
        let ifindex = self.ports[vswitch];
        let found = self.dataplane.explain(family, &frame, ifindex, Tags::NONE);
        let found = found.unwrap_or_else(|error| panic!("{packet:?}: {error}"));
        assert_eq!(found.outcome, JUDGED, "{packet:?}");
        assert_eq!(found.generation, self.generation, "{packet:?}");
        found
    }

    /// The name of a rule, empty if there is none of that number.
    pub(super) fn name(&self, number: u32) -> &str {
        self.names.get(&number).map_or("", String::as_str)
    }
}
