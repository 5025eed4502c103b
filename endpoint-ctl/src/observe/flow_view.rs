//! A live flow as users see it: both directions in one row.
//!
//! May import: endpoint-common::abi, names, clock, record.

use std::net::IpAddr;

use endpoint_common::abi::flow::{CLOSING, ESTABLISHED, FlowEntry, KIND_ECHO, Side};
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
    /// The client.
    pub client: IpAddr,
    /// Its port.
    pub client_port: u16,
    /// The ENI's address.
    pub eni_ip: IpAddr,
    /// The port asked for.
    pub eni_port: u16,
    /// The source the backend sees.
    pub nat: Option<IpAddr>,
    /// Its port.
    pub nat_port: Option<u16>,
    /// The backend.
    pub backend: Option<IpAddr>,
    /// Its port.
    pub backend_port: Option<u16>,
    /// `half-open`, `established`, `closing` or `cut`.
    pub state: &'static str,
    /// Why it was cut.
    pub reason: Option<String>,
    /// The security-group rule that admitted it.
    pub rule_id: Option<String>,
    /// The generation that judged it last.
    pub generation: u32,
    /// Packets toward the ENI.
    pub packets_in: u64,
    /// Bytes toward the ENI.
    pub bytes_in: u64,
    /// Packets back to the client.
    pub packets_out: u64,
    /// Bytes back to the client.
    pub bytes_out: u64,
    /// Seconds since it was made.
    pub age: u64,
    /// Seconds since its last packet.
    pub idle: u64,
}

impl FlowView {
    pub(super) fn new(names: &Names, clock: &Clock, flow: &FlowEntry) -> Self {
        let (consumer, service) = record::tuples(flow, Side::Forward);
        let (forward, back) = (
            &flow.half(Side::Forward).state,
            &flow.half(Side::Back).state,
        );
        let eni = names.eni(forward.eni);
        let idle = clock.age(forward.last_seen).min(clock.age(back.last_seen));
        Self {
            eni_id: eni.map(|eni| eni.eni.to_string()),
            endpoint_id: eni.map(|eni| eni.endpoint.to_string()),
            protocol: flow.half(Side::Forward).key.protocol,
            client: consumer.src,
            client_port: consumer.src_port,
            eni_ip: consumer.dst,
            eni_port: consumer.dst_port,
            nat: service.map(|tuple| tuple.src),
            nat_port: service.map(|tuple| tuple.src_port),
            backend: service.map(|tuple| tuple.dst),
            backend_port: service.map(|tuple| tuple.dst_port),
            state: state(flow),
            reason: (forward.verdict != 0).then(|| Names::reason(forward.verdict)),
            rule_id: names.rule(flow.common.rules.group_in).map(str::to_owned),
            generation: forward.generation,
            packets_in: u64::from(forward.packets),
            bytes_in: forward.bytes,
            packets_out: u64::from(back.packets),
            bytes_out: back.bytes,
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
