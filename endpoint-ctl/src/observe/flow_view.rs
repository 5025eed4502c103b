//! A live flow as users see it: both directions in one row.
//!
//! May import: endpoint-common::abi, names, clock, record.

use std::net::IpAddr;

use endpoint_common::abi::flow::{
    CLOSING, Direction, ESTABLISHED, FlowEntry, KIND_ECHO, KIND_REVERSED, Side,
};
use serde::Serialize;

use super::clock::Clock;
use super::names::Names;
use super::record;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FlowView {
    /// The ENI.
    pub eni_id: Option<String>,
    /// Its endpoint.
    pub endpoint_id: Option<String>,
    /// IANA protocol number.
    pub protocol: u8,
    /// Who opened it: a client, or a host of the provider network.
    pub client: IpAddr,
    /// Its port.
    pub client_port: u16,
    /// The address asked for: the ENI's, or the `ServiceIp` of a resource.
    pub eni_ip: IpAddr,
    /// The port asked for.
    pub eni_port: u16,
    /// The source the backend sees; the ENI's address, if it is a resource.
    pub nat: Option<IpAddr>,
    /// Its port.
    pub nat_port: Option<u16>,
    /// The backend, or the resource.
    pub backend: Option<IpAddr>,
    /// Its port.
    pub backend_port: Option<u16>,
    /// `half-open`, `established`, `closing` or `cut`.
    pub state: &'static str,
    /// Why it was cut.
    pub reason: Option<String>,
    /// Why rules refuse it, if audit mode lets it pass.
    pub audited: Option<String>,
    /// The security-group rule that admitted it.
    pub rule_id: Option<String>,
    /// The generation that judged it last.
    pub generation: u32,
    /// Packets toward the ENI.
    pub packets_in: u64,
    /// Bytes toward the ENI.
    pub bytes_in: u64,
    /// Packets from the ENI, back to the client or toward the resource.
    pub packets_out: u64,
    /// Bytes from the ENI.
    pub bytes_out: u64,
    /// Seconds since it was made.
    pub age: u64,
    /// Seconds since its last packet.
    pub idle: u64,
}

impl FlowView {
    pub(super) fn new(names: &Names, clock: &Clock, flow: &FlowEntry) -> Self {
        let (asked, sent_on) = match record::tuples(flow, Side::Forward) {
            (consumer, Some(service)) if flow.common.kind == KIND_REVERSED => {
                (service, Some(consumer))
            }
            as_it_goes => as_it_goes,
        };
        let (forward, back) = (
            &flow.half(Side::Forward).state,
            &flow.half(Side::Back).state,
        );
        let (toward_eni, from_eni) = match forward.direction() {
            Direction::In => (forward, back),
            Direction::Out => (back, forward),
        };
        let eni = names.eni(forward.eni);
        let idle = clock.age(forward.last_seen).min(clock.age(back.last_seen));
        Self {
            eni_id: eni.map(|eni| eni.eni.to_string()),
            endpoint_id: eni.map(|eni| eni.endpoint.to_string()),
            protocol: flow.half(Side::Forward).key.protocol,
            client: asked.src,
            client_port: asked.src_port,
            eni_ip: asked.dst,
            eni_port: asked.dst_port,
            nat: sent_on.map(|tuple| tuple.src),
            nat_port: sent_on.map(|tuple| tuple.src_port),
            backend: sent_on.map(|tuple| tuple.dst),
            backend_port: sent_on.map(|tuple| tuple.dst_port),
            state: state(flow),
            reason: (forward.verdict != 0).then(|| Names::reason(forward.verdict)),
            audited: (flow.common.audited != 0).then(|| Names::reason(flow.common.audited)),
            rule_id: names.rule(record::admitting_rule(flow)).map(str::to_owned),
            generation: forward.generation,
            packets_in: u64::from(toward_eni.packets),
            bytes_in: toward_eni.bytes,
            packets_out: u64::from(from_eni.packets),
            bytes_out: from_eni.bytes,
            age: clock.age(flow.common.created).as_secs(),
            idle: idle.as_secs(),
        }
    }
}

fn state(flow: &FlowEntry) -> &'static str {
    if flow.half(Side::Forward).state.verdict != 0 {
        return "cut";
    }
    match flow.common.phase {
        ESTABLISHED => "established",
        CLOSING => "closing",
        // An echo flow is answered at once, if at all, and never more than that.
        _ if flow.half(Side::Back).state.packets > 0 && flow.common.kind == KIND_ECHO => {
            "established"
        }
        _ => "half-open",
    }
}
