//! A flow-log record: one direction of one flow, or one kind of refusal, in one window.
//!
//! Keys are those of Alibaba's and AWS's flow logs where they have one, with ours beside them
//! (`nat-*`, `layer`, `rule-id`, `reason`, `generation`, `endpoint-id`).
//!
//! May import: endpoint-common::abi, names, serde.

use std::net::IpAddr;

use endpoint_common::abi::event::DropEvent;
use endpoint_common::abi::flow::{FlowEntry, FlowKey, KIND_ECHO, KIND_REVERSED, Side};
use endpoint_common::abi::reason::DropReason;
use endpoint_common::abi::{self, Addr};
use endpoint_common::wire::protocol;
use serde::Serialize;

use super::clock::Clock;
use super::names::Names;

/// Seen from the ENI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Toward the ENI.
    In,
    /// From the ENI to the client, or to a resource.
    Out,
}

/// Addresses and ports of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tuple {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// Format of this record.
    pub version: u32,
    /// The ENI, if one is known.
    pub eni_id: Option<String>,
    /// Its endpoint.
    pub endpoint_id: Option<String>,
    /// Its VPC.
    pub vpc_id: Option<String>,
    /// Its vSwitch.
    pub vswitch_id: Option<String>,
    /// Its zone.
    pub zone_id: Option<String>,
    /// Seen from the ENI.
    pub direction: Direction,
    /// Source on the consumer leg.
    pub srcaddr: IpAddr,
    /// Destination on the consumer leg.
    pub dstaddr: IpAddr,
    /// Source port on the consumer leg; an ICMP echo's identifier at the client's end. 0 where a
    /// request toward a resource was refused before it got one.
    pub srcport: u16,
    /// Destination port on the consumer leg.
    pub dstport: u16,
    /// Source on the service leg.
    pub nat_srcaddr: Option<IpAddr>,
    /// Destination on the service leg.
    pub nat_dstaddr: Option<IpAddr>,
    /// Source port on the service leg.
    pub nat_srcport: Option<u16>,
    /// Destination port on the service leg.
    pub nat_dstport: Option<u16>,
    /// IANA protocol number.
    pub protocol: u8,
    /// Packets in the window.
    pub packets: u64,
    /// IP bytes in the window.
    pub bytes: u64,
    /// Unix seconds of the first packet, or of the window's start.
    pub start: u64,
    /// Unix seconds of the last packet.
    pub end: u64,
    /// TCP flags seen, all together.
    pub tcp_flags: u8,
    /// `ACCEPT`, `REJECT`, or `AUDIT`: rules refuse it, and audit mode let it pass.
    pub action: &'static str,
    /// `OK`.
    pub log_status: &'static str,
    /// The layer that decided.
    pub layer: &'static str,
    /// The rule that decided.
    pub rule_id: Option<String>,
    /// Why it was refused.
    pub reason: Option<&'static str>,
    /// The generation that judged it last.
    pub generation: u32,
}

/// What a record counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) first_tick: u32,
    pub(super) last_tick: u32,
    pub(super) tcp_flags: u8,
}

/// Refusals of one kind.
pub(super) struct Refusal {
    /// The first of them.
    pub(super) event: DropEvent,
    /// The flow it belongs to, and the side, if its packets show another leg than the client's.
    pub(super) flow: Option<(FlowEntry, Side)>,
    pub(super) counted: Counted,
}

/// The tuples of one side of a flow on the consumer leg and, if it is NATed, on the service leg.
pub(super) fn tuples(flow: &FlowEntry, side: Side) -> (Tuple, Option<Tuple>) {
    let opened = of_key(&flow.half(Side::Forward).key);
    let sent_on = of_key(&flow.half(Side::Back).key).reversed();
    let (consumer, service) = match flow.common.kind {
        KIND_ECHO => (opened, None),
        KIND_REVERSED => (sent_on, Some(opened)),
        _ => (opened, Some(sent_on)),
    };
    match side {
        Side::Forward => (consumer, service),
        Side::Back => (consumer.reversed(), service.map(Tuple::reversed)),
    }
}

/// The security-group rule that admitted a flow.
pub(super) fn admitting_rule(flow: &FlowEntry) -> u32 {
    let rules = &flow.common.rules;
    if flow.common.kind == KIND_REVERSED {
        rules.group_out
    } else {
        rules.group_in
    }
}

fn of_key(key: &FlowKey) -> Tuple {
    tuple(key.src, key.dst, key.src_port, key.dst_port)
}

fn tuple(src: Addr, dst: Addr, src_port: [u8; 2], dst_port: [u8; 2]) -> Tuple {
    Tuple {
        src: IpAddr::from(src).to_canonical(),
        dst: IpAddr::from(dst).to_canonical(),
        src_port: u16::from_be_bytes(src_port),
        dst_port: u16::from_be_bytes(dst_port),
    }
}

impl Tuple {
    /// The same with its ends exchanged.
    fn reversed(self) -> Self {
        Self {
            src: self.dst,
            dst: self.src,
            src_port: self.dst_port,
            dst_port: self.src_port,
        }
    }
}

impl From<abi::flow::Direction> for Direction {
    fn from(direction: abi::flow::Direction) -> Self {
        match direction {
            abi::flow::Direction::In => Self::In,
            abi::flow::Direction::Out => Self::Out,
        }
    }
}

/// The direction of an event.
fn event_direction(event: &DropEvent) -> Direction {
    if event.direction == abi::flow::Direction::In as u8 {
        Direction::In
    } else {
        Direction::Out
    }
}

/// The tuple of an event whose flow is not known.
fn event_tuple(event: &DropEvent) -> Tuple {
    let (src, dst) = (event.src, event.dst);
    let is_answer = event.flow != 0 && event_direction(event) == Direction::Out;
    if protocol::is_icmp(event.protocol) && is_answer {
        // The event shows the request whose answer was refused.
        return tuple(dst, src, event.dst_port, event.src_port);
    }
    tuple(src, dst, event.src_port, event.dst_port)
}

/// The tuples of a request toward a resource that opened no flow: it arrived on the service leg, and
/// got no NAT port.
fn reversed_tuples(names: &Names, event: &DropEvent) -> Option<(Tuple, Option<Tuple>)> {
    let arrived = tuple(event.src, event.dst, event.src_port, event.dst_port);
    let (dst, dst_port) =
        names.resource(event.eni, arrived.dst, event.protocol, arrived.dst_port)?;
    let consumer = Tuple {
        src: IpAddr::V4(names.eni(event.eni)?.ip),
        dst,
        src_port: 0,
        dst_port,
    };
    Some((consumer, Some(arrived)))
}

impl Record {
    /// What a flow's packets of one side came to.
    pub(super) fn accept(
        names: &Names,
        clock: &Clock,
        flow: &FlowEntry,
        side: Side,
        counted: Counted,
    ) -> Self {
        let state = &flow.half(side).state;
        let (consumer, service) = tuples(flow, side);
        let mut record = Self::blank(names, clock, state.eni, consumer, counted);
        record.direction = state.direction().into();
        record.set_service_leg(service);
        record.protocol = flow.half(side).key.protocol;
        record.layer = "security-group";
        record.rule_id = names.rule(admitting_rule(flow)).map(str::to_owned);
        record.generation = state.generation;
        record
    }

    /// What refusals of one kind came to.
    pub(super) fn reject(names: &Names, clock: &Clock, refusal: &Refusal) -> Self {
        let event = &refusal.event;
        let known = refusal
            .flow
            .as_ref()
            .map(|(flow, side)| tuples(flow, *side));
        let known = known.or_else(|| reversed_tuples(names, event));
        let (consumer, service) = known.unwrap_or_else(|| (event_tuple(event), None));
        let reason = DropReason::from_number(event.reason);
        let mut record = Self::blank(names, clock, event.eni, consumer, refusal.counted);
        record.direction = event_direction(event);
        record.set_service_leg(service);
        record.protocol = event.protocol;
        record.action = if event.audited == 0 {
            "REJECT"
        } else {
            "AUDIT"
        };
        record.layer = reason.map_or("internal", DropReason::layer);
        record.rule_id = names.rule(event.rule).map(str::to_owned);
        record.reason = reason.map(DropReason::name);
        record.generation = event.generation;
        record
    }

    fn set_service_leg(&mut self, service: Option<Tuple>) {
        self.nat_srcaddr = service.map(|tuple| tuple.src);
        self.nat_dstaddr = service.map(|tuple| tuple.dst);
        self.nat_srcport = service.map(|tuple| tuple.src_port);
        self.nat_dstport = service.map(|tuple| tuple.dst_port);
    }

    fn blank(names: &Names, clock: &Clock, eni: u16, tuple: Tuple, counted: Counted) -> Self {
        let name = names.eni(eni);
        Self {
            version: 1,
            eni_id: name.map(|name| name.eni.to_string()),
            endpoint_id: name.map(|name| name.endpoint.to_string()),
            vpc_id: name.map(|name| name.vpc.to_string()),
            vswitch_id: name.map(|name| name.vswitch.to_string()),
            zone_id: name.map(|name| name.zone.to_string()),
            direction: Direction::In,
            srcaddr: tuple.src,
            dstaddr: tuple.dst,
            srcport: tuple.src_port,
            dstport: tuple.dst_port,
            nat_srcaddr: None,
            nat_dstaddr: None,
            nat_srcport: None,
            nat_dstport: None,
            protocol: 0,
            packets: counted.packets,
            bytes: counted.bytes,
            start: clock.unix_seconds(counted.first_tick),
            end: clock.unix_seconds(counted.last_tick),
            tcp_flags: counted.tcp_flags,
            action: "ACCEPT",
            log_status: "OK",
            layer: "parse",
            rule_id: None,
            reason: None,
            generation: 0,
        }
    }
}
