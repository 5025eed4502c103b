//! A node with an endpoint or two: manifest to loaded program, as the daemon does it.
//!
//! May import: std, anyhow, endpoint-common, endpoint-ctl, rig.

use std::fmt::Write as _;

use anyhow::{Context, Result, anyhow, bail, ensure};
use aya::programs::ProgramFd;
use endpoint_common::abi::flow::{Family, FlowEntry, HALF_OPEN, Side};
use endpoint_common::abi::reason::DropReason;
use endpoint_common::abi::service::{HOP_RESOLVED, HOP_TO_CLIENT, Hop};
use endpoint_common::abi::{meta, unmapped};
use endpoint_ctl::compiler::{Capacity, HopTo, Numbers, Tables, compile};
use endpoint_ctl::dataplane::{
    Dataplane, FRAGMENT_TIME, IdleTimes, LoadOptions, OBJECT, Observed, TellRate, XdpAction,
};
use endpoint_ctl::manifest;
use endpoint_ctl::model::Model;

use super::rig::Rig;

pub(crate) const SYN: u8 = 0x02;
pub(crate) const ACK: u8 = 0x10;
/// The node's own MAC.
pub(crate) const MAC: [u8; 6] = [2, 0xee, 0, 0, 0, 1];

/// Where packets are aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// A service, its rules let everybody in.
    Open,
    /// The same, at a port that no rule lets in.
    Closed,
    /// Such a port, where there are a thousand rules.
    ClosedByMany,
    /// An address that is nobody's here.
    NotOurs,
    /// An ether type that is none of ours.
    NotIpv4,
}

impl Port {
    /// Ether type, address and port.
    pub(crate) fn target(self) -> (u16, [u8; 4], u16) {
        match self {
            Self::Open => (0x0800, [10, 0, 1, 100], 80),
            Self::Closed => (0x0800, [10, 0, 1, 100], 22),
            Self::ClosedByMany => (0x0800, [10, 0, 1, 101], 22),
            Self::NotOurs => (0x0800, [10, 0, 1, 1], 80),
            Self::NotIpv4 => (0x86dd, [10, 0, 1, 1], 80),
        }
    }
}

const MANIFEST: &str = "
kind: Vpc
VpcId: vpc
CidrBlock: 10.0.0.0/16
Ipv6CidrBlock: 2001:db8::/56
---
kind: VSwitch
VSwitchId: vsw
VpcId: vpc
ZoneId: z
CidrBlock: 10.0.1.0/24
Ipv6CidrBlock: 2001:db8:0:1::/64
Interface: vsw
---
kind: NetworkAcl
NetworkAclId: nacl
VpcId: vpc
Resources: [{ ResourceId: vsw, ResourceType: VSwitch }]
IngressAclEntries:
  - { Policy: drop, Protocol: TCP, Port: 23/23, SourceCidrIp: 0.0.0.0/0 }
  - { Policy: accept, Protocol: ALL, Port: -1/-1, SourceCidrIp: 0.0.0.0/0 }
  - { Policy: accept, Protocol: ALL, Port: -1/-1, SourceCidrIp: \"::/0\", IpVersion: IPv6 }
EgressAclEntries:
  - { Policy: accept, Protocol: ALL, Port: -1/-1, DestinationCidrIp: 0.0.0.0/0 }
  - { Policy: accept, Protocol: ALL, Port: -1/-1, DestinationCidrIp: \"::/0\", IpVersion: IPv6 }
---
kind: ProviderNetwork
ProviderNetworkId: pnet
CidrBlock: 10.0.1.0/24
Ipv6CidrBlock: 2001:db8:1::/64
Interface: provider
NatAddresses:
  [10.0.1.200, 10.0.1.201, 10.0.1.202, 10.0.1.203, 10.0.1.204, 10.0.1.205, 10.0.1.206, 10.0.1.207,
  10.0.1.208, 10.0.1.209, 10.0.1.210, 10.0.1.211, 10.0.1.212, 10.0.1.213, 10.0.1.214, 10.0.1.215,
  \"2001:db8:1::200\", \"2001:db8:1::201\"]
---
kind: LoadBalancer
LoadBalancerId: nlb
ProviderNetworkId: pnet
Listeners:
  - ListenerProtocol: TCP
    ListenerPort: 80
    Servers:
      - { ServerIp: 10.0.1.10, Port: 8080 }
      - { ServerIp: 10.0.1.11, Port: 8080 }
      - { ServerIp: 10.0.1.12, Port: 8080 }
      - { ServerIp: 10.0.1.13, Port: 8080 }
      - { ServerIp: \"2001:db8:1::10\", Port: 8080 }
      - { ServerIp: \"2001:db8:1::11\", Port: 8080 }
---
kind: VpcEndpointService
ServiceId: epsrv
AddressIpVersion: DualStack
Resources: [{ ResourceId: nlb, ResourceType: nlb }]
";

/// The endpoint of this number, with its own security group of `rules` rules, of which one matters for
/// each family. No two groups are alike.
fn endpoint(endpoint: u32, rules: u32) -> String {
    let (name, host) = (endpoint.to_string(), 100 + endpoint);
    let mut text = format!(
        "---\nkind: SecurityGroup\nSecurityGroupId: sg-{name}\nVpcId: vpc\nPermissions:\n  \
         - {{ Direction: ingress, IpProtocol: TCP, PortRange: 80/80, SourceCidrIp: 0.0.0.0/0 }}\n  \
         - {{ Direction: ingress, IpProtocol: TCP, PortRange: 80/80, Ipv6SourceCidrIp: \"::/0\" }}\n"
    );
    let first = endpoint * MOST_RULES;
    for number in first + 2..first + rules {
        // Networks of many sizes around the clients, ports of many ranges around the one asked for.
        let length = 12 + number % 21;
        let network =
            (0x0a80_0000 | number.wrapping_mul(0x9e37_79b1) >> 12) & (!0 << (32 - length));
        let [a, b, c, d] = network.to_be_bytes();
        // No two are alike: such rules are refused.
        let first = 100 + number % 1_000 * 60 + number / 1_000 % 50;
        let last = first + number % 50;
        let _ = writeln!(
            text,
            "  - {{ Direction: ingress, IpProtocol: TCP, PortRange: {first}/{last}, \
             SourceCidrIp: {a}.{b}.{c}.{d}/{length}, Priority: {} }}",
            1 + number % 100
        );
    }
    text + &format!(
        "---\nkind: VpcEndpoint\nEndpointId: ep-{name}\nVpcId: vpc\nServiceId: epsrv\n\
         AddressIpVersion: DualStack\nSecurityGroupIds: [sg-{name}]\n\
         Zones: [{{ ZoneId: z, VSwitchId: vsw, ip: 10.0.1.{host}, \
         Ipv6Address: \"2001:db8:0:1::{host}\" }}]\n"
    )
}

/// A manifest with one endpoint of so many rules.
pub(crate) fn text(rules: u32) -> String {
    MANIFEST.to_owned() + &endpoint(0, rules)
}

/// Room for so many flows and rules.
pub(crate) fn capacity(flows: u32, rules: u32) -> Capacity {
    Capacity {
        flows,
        rules: Capacity::default().rules.max(2 * rules),
        policy_rows: POLICY_ROWS.max(rules * ROWS_PER_RULE),
        ..Capacity::default()
    }
}

const POLICY_ROWS: u32 = 65_536;
/// Rules that an endpoint may have.
pub(crate) const MOST_RULES: u32 = 1_000;
/// More than the rules of this bench take.
const ROWS_PER_RULE: u32 = 8;
/// Flows opened at a time: fewer than may be half-open.
const AT_ONCE: u32 = 256;

/// A backend's answer to a flow's first packet.
fn answer(family: Family, flow: &FlowEntry) -> Vec<u8> {
    let mut frame = Rig::frame(family, 0, SYN | ACK);
    let key = &flow.half(Side::Back).key;
    let ports_at = match family {
        Family::V4 => {
            frame[26..30].copy_from_slice(&unmapped(key.src));
            frame[30..34].copy_from_slice(&unmapped(key.dst));
            34
        }
        Family::V6 => {
            frame[22..38].copy_from_slice(&key.src);
            frame[38..54].copy_from_slice(&key.dst);
            54
        }
    };
    frame[ports_at..ports_at + 2].copy_from_slice(&key.src_port);
    frame[ports_at + 2..ports_at + 4].copy_from_slice(&key.dst_port);
    frame
}

/// See the module.
pub(crate) struct Node {
    /// What its rule sets take, in bytes.
    pub(crate) policy_bytes: usize,
    dataplane: Dataplane,
    observed: Observed,
    vswitch: meta::Port,
    provider: meta::Port,
}

/// Packets counted so far, at all ENIs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted {
    accepted: u64,
    dropped: u64,
    untold: u64,
}

impl Node {
    /// A node with room for so many flows, all hops resolved, an endpoint of ten rules, and `others` of
    /// as many as one may have.
    pub(crate) fn load(flows: u32, others: u32, told: TellRate) -> Result<Self> {
        let others = 1..=others;
        let rules = others.clone().count() as u32 * MOST_RULES;
        let mut text = MANIFEST.to_owned() + &endpoint(0, 10);
        others.for_each(|number| text += &endpoint(number, MOST_RULES));
        let model = manifest::load(&text, "bench", None)?;
        Self::of(&model, &capacity(flows, rules), told)
    }

    /// A node of this model, all hops resolved.
    pub(crate) fn of(model: &Model, capacity: &Capacity, told: TellRate) -> Result<Self> {
        let mut numbers = Numbers::default();
        numbers.assign(model);
        let tables = compile(model, &numbers, 1, capacity)?;
        let (mut dataplane, observed) = Dataplane::load(&LoadOptions {
            object: OBJECT,
            capacity: *capacity,
            secret: [7, 9],
            idle: IdleTimes::default(),
            fragment_time: FRAGMENT_TIME,
            told,
            log_packets: false,
        })?;
        dataplane.apply(&tables)?;
        let policy_bytes = tables.policy.bytes();
        let vswitch = model.vswitches.keys().next().context("a vSwitch")?;
        let vswitch = meta::Port::new(1, numbers.vswitch_scope(vswitch), MAC);
        let provider = model
            .provider_networks
            .keys()
            .next()
            .context("a provider")?;
        let provider = meta::Port::new(1, numbers.provider_scope(provider), MAC);
        dataplane.set_port(vswitch)?;
        for (to, row) in numbers.hops() {
            let flags = match to {
                HopTo::Clients(_) | HopTo::Callers(_) => HOP_RESOLVED | HOP_TO_CLIENT,
                HopTo::Backend(..) | HopTo::Resource(..) => HOP_RESOLVED,
            };
            dataplane.set_hop(row, Hop::new(2, flags, [2, 0, 0, 0, 0, 9], MAC))?;
        }
        Ok(Self {
            policy_bytes,
            dataplane,
            observed,
            vswitch,
            provider,
        })
    }

    /// Puts a generation in force.
    pub(crate) fn apply(&mut self, tables: &Tables) -> Result<()> {
        Ok(self.dataplane.apply(tables)?)
    }

    pub(crate) fn program(&self) -> Result<&ProgramFd> {
        let program = self.dataplane.program_fd();
        program.ok_or_else(|| anyhow!("the packet program is not loaded"))
    }

    /// Opens the rig's flows, each by a whole handshake; from then on they come by chance.
    pub(crate) fn establish(&mut self, rig: &mut Rig, family: Family, flows: u32) -> Result<()> {
        for first in (0..flows).step_by(AT_ONCE as usize) {
            let some = first..flows.min(first + AT_ONCE);
            self.send(some.clone(), |flow| Rig::frame(family, flow, SYN))?;
            // An empty table gives its entries out in their order.
            let opened = some.clone().filter_map(|entry| {
                let (_, flow) = self.observed.flow(family as u8, entry)?;
                (flow.common.phase == HALF_OPEN).then_some(flow)
            });
            let answers: Vec<_> = opened.map(|flow| answer(family, &flow)).collect();
            ensure!(
                answers.len() == some.len(),
                "{} flows are half-open",
                answers.len()
            );
            self.dataplane.set_port(self.provider)?;
            self.send(answers, |frame| frame)?;
            self.dataplane.set_port(self.vswitch)?;
            self.send(some, |flow| Rig::frame(family, flow, ACK))?;
        }
        rig.meet_by_chance()?;
        self.expect_flows(flows)
    }

    fn send<T>(
        &mut self,
        what: impl IntoIterator<Item = T>,
        frame: impl Fn(T) -> Vec<u8>,
    ) -> Result<()> {
        for one in what {
            let result = self.dataplane.test_run(&frame(one), 1)?;
            if result.action != XdpAction::Redirect {
                let why = self.observed.next_event().map(|event| event.reason);
                bail!(
                    "{:?}, {:?}",
                    result.action,
                    why.and_then(DropReason::from_number)
                );
            }
        }
        Ok(())
    }

    /// Counters of all ENIs together, by packets.
    pub(crate) fn counters(&self) -> Counted {
        let mut sum = Counted::default();
        for eni in 0..4 {
            let row = self.observed.counters(eni);
            sum.accepted += row.accepted_in.packets;
            let drops = self.observed.eni_drops(eni);
            let by_direction = drops.counters.iter().flatten();
            sum.dropped += by_direction.map(|counter| counter.packets).sum::<u64>();
            sum.untold += drops.untold.packets;
        }
        sum
    }

    /// That what was measured is what was meant.
    pub(crate) fn expect_accepted(&self, before: &Counted, packets: u32) -> Result<()> {
        let now = self.counters();
        let accepted = now.accepted - before.accepted;
        ensure!(
            accepted == u64::from(packets),
            "{accepted} of {packets} packets were accepted"
        );
        Ok(())
    }

    /// As above, for drops: so many, and each told or counted as untold. Empties the event ring.
    pub(crate) fn expect_dropped(
        &mut self,
        before: &Counted,
        packets: u32,
        told: TellRate,
    ) -> Result<()> {
        let now = self.counters();
        let dropped = now.dropped - before.dropped;
        let untold = now.untold - before.untold;
        let seen = std::iter::from_fn(|| self.observed.next_event()).count() as u64;
        let all = told == TellRate::ALL;
        if dropped != u64::from(packets) || seen + untold != dropped || all && untold > 0 {
            bail!("{dropped} of {packets} packets were dropped, {seen} told, {untold} not told");
        }
        Ok(())
    }

    pub(crate) fn expect_flows(&self, flows: u32) -> Result<()> {
        let found = self.observed.flows().count();
        ensure!(found == flows as usize, "{found} flows, not {flows}");
        Ok(())
    }
}
