//! A live flow as users see it: both directions in one row.
//!
//! May import: endpoint-common::abi, names, clock, record, expiry.

use std::net::IpAddr;

use endpoint_common::abi::flow::{FlowEntry, FlowKey};
use endpoint_common::wire::{protocol, tcp_flags};
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
    pub(super) fn new(
        names: &Names,
        clock: &Clock,
        key: &FlowKey,
        request: &FlowEntry,
        reply: Option<&FlowEntry>,
    ) -> Self {
        let (consumer, service) = record::tuples(key, request);
        let eni = names.eni(request.state.eni);
        let last = request
            .state
            .last_seen
            .max(reply.map_or(0, |reply| reply.state.last_seen));
        Self {
            eni_id: eni.map(|eni| eni.eni.to_string()),
            endpoint_id: eni.map(|eni| eni.endpoint.to_string()),
            protocol: key.protocol,
            client: consumer.src,
            client_port: consumer.src_port,
            eni_ip: consumer.dst,
            eni_port: consumer.dst_port,
            nat: service.map(|tuple| tuple.src),
            nat_port: service.map(|tuple| tuple.src_port),
            backend: service.map(|tuple| tuple.dst),
            backend_port: service.map(|tuple| tuple.dst_port),
            state: state(key, request, reply),
            reason: (request.state.verdict != 0).then(|| Names::reason(request.state.verdict)),
            rule_id: names.rule(request.state.rules[1]).map(str::to_owned),
            generation: request.state.generation,
            packets_in: request.state.packets,
            bytes_in: request.state.bytes,
            packets_out: reply.map_or(0, |reply| reply.state.packets),
            bytes_out: reply.map_or(0, |reply| reply.state.bytes),
            age: clock.age(request.state.created).as_secs(),
            idle: clock.age(last).as_secs(),
        }
    }
}

fn state(key: &FlowKey, request: &FlowEntry, reply: Option<&FlowEntry>) -> &'static str {
    if request.state.verdict != 0 {
        return "cut";
    }
    let Some(reply) = reply.filter(|reply| reply.state.packets > 0) else {
        return "half-open";
    };
    let flags = request.state.tcp_flags | reply.state.tcp_flags;
    if key.protocol == protocol::TCP && flags & (tcp_flags::FIN | tcp_flags::RST) != 0 {
        "closing"
    } else {
        "established"
    }
}
