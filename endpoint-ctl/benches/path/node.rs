//! A node with an endpoint or two: manifest to loaded program, as the daemon does it.
//!
//! May import: std, anyhow, endpoint-common, endpoint-ctl, rig.

use std::fmt::Write as _;

use anyhow::{Context, Result, anyhow, bail, ensure};
use aya::programs::ProgramFd;
use endpoint_common::abi::counter::EniCounters;
use endpoint_common::abi::flow::{FlowEntry, HALF_OPEN, Side};
use endpoint_common::abi::service::{HOP_RESOLVED, HOP_TO_CLIENT, Hop};
use endpoint_common::abi::{meta, unmapped};
use endpoint_ctl::compiler::{Capacity, HopTo, Numbers, compile};
use endpoint_ctl::dataplane::{
    Dataplane, IdleTimes, LoadOptions, OBJECT, Observed, TellRate, XdpAction,
};
use endpoint_ctl::manifest;

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
---
kind: VSwitch
VSwitchId: vsw
VpcId: vpc
ZoneId: z
CidrBlock: 10.0.1.0/24
Interface: vsw
---
kind: NetworkAcl
NetworkAclId: nacl
VpcId: vpc
Resources: [{ ResourceId: vsw, ResourceType: VSwitch }]
IngressAclEntries:
  - { Policy: drop, Protocol: TCP, Port: 23/23, SourceCidrIp: 0.0.0.0/0 }
  - { Policy: accept, Protocol: ALL, Port: -1/-1, SourceCidrIp: 0.0.0.0/0 }
EgressAclEntries:
  - { Policy: accept, Protocol: ALL, Port: -1/-1, DestinationCidrIp: 0.0.0.0/0 }
---
kind: ProviderNetwork
ProviderNetworkId: pnet
CidrBlock: 10.0.1.0/24
Interface: provider
NatAddresses: [10.0.1.200, 10.0.1.201, 10.0.1.202, 10.0.1.203]
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
---
kind: VpcEndpointService
ServiceId: epsrv
Resources: [{ ResourceId: nlb, ResourceType: nlb }]
";

/// An endpoint with its own security group of `rules` rules, of which one matters.
fn endpoint(name: &str, ip: &str, rules: u32) -> String {
    let mut text = format!(
        "---\nkind: SecurityGroup\nSecurityGroupId: sg-{name}\nVpcId: vpc\nPermissions:\n  \
         - {{ Direction: ingress, IpProtocol: TCP, PortRange: 80/80, SourceCidrIp: 0.0.0.0/0 }}\n"
    );
    for number in 1..rules {
        // Networks of many sizes around the clients, ports of many ranges around the one asked for.
        let length = 12 + number % 21;
        let network =
            (0x0a80_0000 | number.wrapping_mul(0x9e37_79b1) >> 12) & (!0 << (32 - length));
        let [a, b, c, d] = network.to_be_bytes();
        let first = 100 + number * 60;
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
         SecurityGroupIds: [sg-{name}]\nZones: [{{ ZoneId: z, VSwitchId: vsw, ip: {ip} }}]\n"
    )
}

/// Flows opened at a time: fewer than may be half-open.
const AT_ONCE: u32 = 256;

/// A backend's answer to a flow's first packet.
fn answer(flow: &FlowEntry) -> Vec<u8> {
    let mut frame = Rig::frame(0, SYN | ACK);
    let key = &flow.half(Side::Back).key;
    frame[26..30].copy_from_slice(&unmapped(key.src));
    frame[30..34].copy_from_slice(&unmapped(key.dst));
    frame[34..36].copy_from_slice(&key.src_port);
    frame[36..38].copy_from_slice(&key.dst_port);
    frame.to_vec()
}

/// See the module.
pub(crate) struct Node {
    dataplane: Dataplane,
    observed: Observed,
    vswitch: meta::Port,
    provider: meta::Port,
}

impl Node {
    /// A node with room for so many flows, all hops resolved.
    pub(crate) fn load(flows: u32, told: TellRate) -> Result<Self> {
        let text = MANIFEST.to_owned()
            + &endpoint("few", "10.0.1.100", 10)
            + &endpoint("many", "10.0.1.101", 1_000);
        let model = manifest::load(&text, "bench", None)?;
        let mut numbers = Numbers::default();
        numbers.assign(&model);
        let capacity = Capacity {
            flows,
            ..Capacity::default()
        };
        let tables = compile(&model, &numbers, 1, &capacity)?;
        let (mut dataplane, observed) = Dataplane::load(&LoadOptions {
            object: OBJECT,
            capacity,
            secret: [7, 9],
            idle: IdleTimes::default(),
            told,
            log_packets: false,
        })?;
        dataplane.apply(&tables)?;
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
            dataplane,
            observed,
            vswitch,
            provider,
        })
    }

    pub(crate) fn program(&self) -> Result<&ProgramFd> {
        let program = self.dataplane.program_fd();
        program.ok_or_else(|| anyhow!("the packet program is not loaded"))
    }

    /// Opens the rig's flows, each by a whole handshake; from then on they come by chance.
    pub(crate) fn establish(&mut self, rig: &mut Rig, flows: u32) -> Result<()> {
        for first in (0..flows).step_by(AT_ONCE as usize) {
            let some = first..flows.min(first + AT_ONCE);
            self.send(some.clone(), |flow| Rig::frame(flow, SYN).to_vec())?;
            let answers: Vec<_> = self.half_open().map(|flow| answer(&flow)).collect();
            ensure!(
                answers.len() == some.len(),
                "{} flows are half-open",
                answers.len()
            );
            self.dataplane.set_port(self.provider)?;
            self.send(answers, |frame| frame)?;
            self.dataplane.set_port(self.vswitch)?;
            self.send(some, |flow| Rig::frame(flow, ACK).to_vec())?;
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
            ensure!(result.action == XdpAction::Redirect, "{:?}", result.action);
        }
        Ok(())
    }

    fn half_open(&self) -> impl Iterator<Item = FlowEntry> {
        let flows = self.observed.flows().map(|(_, flow)| flow);
        flows.filter(|flow| flow.common.phase == HALF_OPEN)
    }

    /// Counters of all ENIs together, by packets.
    pub(crate) fn counters(&self) -> EniCounters {
        let mut sum = EniCounters::default();
        for eni in 0..4 {
            let row = self.observed.counters(eni);
            sum.accepted_in.packets += row.accepted_in.packets;
            sum.dropped_in.packets += row.dropped_in.packets;
            sum.untold.packets += row.untold.packets;
        }
        sum
    }

    /// That what was measured is what was meant.
    pub(crate) fn expect_accepted(&self, before: &EniCounters, packets: u32) -> Result<()> {
        let now = self.counters();
        let accepted = now.accepted_in.packets - before.accepted_in.packets;
        ensure!(
            accepted == u64::from(packets),
            "{accepted} of {packets} packets were accepted"
        );
        Ok(())
    }

    /// As above, for drops: so many, and each told or counted as untold. Empties the event ring.
    pub(crate) fn expect_dropped(
        &mut self,
        before: &EniCounters,
        packets: u32,
        told: TellRate,
    ) -> Result<()> {
        let now = self.counters();
        let dropped = now.dropped_in.packets - before.dropped_in.packets;
        let untold = now.untold.packets - before.untold.packets;
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
