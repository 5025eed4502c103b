//! A record of a flow log, as it is read back: one direction of one flow, or refusals of one kind.
//!
//! May import: model, compiler (numbers), endpoint-common, serde, std.

use std::net::IpAddr;

use endpoint_common::abi::flow::{
    Family, FlowEntry, FlowKey, KIND_ECHO, KIND_FORWARDED, KIND_REVERSED, Side,
};
use endpoint_common::abi::{Addr, mapped};
use serde::Deserialize;

use crate::compiler::Numbers;
use crate::model::{EndpointType, EniId, Model, VSwitchId};

/// What is needed of a record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Record {
    pub(super) eni_id: Option<String>,
    pub(super) vswitch_id: Option<String>,
    pub(super) direction: String,
    srcaddr: IpAddr,
    dstaddr: IpAddr,
    srcport: u16,
    dstport: u16,
    nat_srcaddr: Option<IpAddr>,
    nat_dstaddr: Option<IpAddr>,
    nat_srcport: Option<u16>,
    nat_dstport: Option<u16>,
    protocol: u8,
    pub(super) action: String,
    pub(super) rule_id: Option<String>,
    pub(super) reason: Option<String>,
}

/// The flow a record is of, as far as it says.
pub(super) struct Recorded {
    pub(super) flow: FlowEntry,
    /// Whose packets it counts.
    pub(super) side: Side,
    /// Whether it says which backend the flow had.
    pub(super) has_backend: bool,
}

/// A packet's ends.
#[derive(Clone, Copy)]
struct Ends {
    src: (IpAddr, u16),
    dst: (IpAddr, u16),
}

impl Ends {
    fn turned(self, turn: bool) -> Self {
        let Self { src, dst } = self;
        if turn {
            Self { src: dst, dst: src }
        } else {
            self
        }
    }

    fn key(self, scope: u16, protocol: u8) -> FlowKey {
        let family = if self.dst.0.is_ipv4() {
            Family::V4
        } else {
            Family::V6
        };
        FlowKey {
            src: row(self.src.0),
            dst: row(self.dst.0),
            src_port: self.src.1.to_be_bytes(),
            dst_port: self.dst.1.to_be_bytes(),
            scope,
            protocol,
            family: family as u8,
        }
    }
}

impl Record {
    /// The flow, for tables with these numbers. `None` if it names no ENI that has one.
    pub(super) fn flow(&self, model: &Model, numbers: &Numbers) -> Option<Recorded> {
        let eni = EniId::new(self.eni_id.as_deref()?);
        let vswitch = VSwitchId::new(self.vswitch_id.as_deref()?);
        let mut endpoints = model.endpoints.values();
        let endpoint = endpoints.find(|one| one.zones.iter().any(|zone| zone.eni == eni))?;
        let network = model.provider_network(endpoint);
        let provider = network.map_or(0, |id| numbers.provider_scope(id));
        let consumer = numbers.vswitch_scope(&vswitch);
        let is_reversed = endpoint.endpoint_type == EndpointType::Reverse;
        // The request of an interface endpoint goes toward the ENI, that of a reverse one from it.
        let is_answer = (self.direction == "in") == is_reversed;
        let seen = Ends {
            src: (self.srcaddr, self.srcport),
            dst: (self.dstaddr, self.dstport),
        };
        let sent = self.sent_on();
        let has_backend = is_reversed || sent.is_some();
        let (seen, sent) = (
            seen.turned(is_answer),
            sent.map(|ends| ends.turned(is_answer)),
        );
        let protocol = self.protocol;
        let (forward, back, kind) = match (is_reversed, sent) {
            (true, sent) => {
                let opened = sent?.key(provider, protocol);
                let answers = seen.turned(true).key(consumer, protocol);
                (opened, answers, KIND_REVERSED)
            }
            (false, Some(sent)) => {
                let answers = sent.turned(true).key(provider, protocol);
                (seen.key(consumer, protocol), answers, KIND_FORWARDED)
            }
            (false, None) => {
                let opened = seen.key(consumer, protocol);
                (opened, opened.reversed(), KIND_ECHO)
            }
        };
        let mut flow: FlowEntry = bytemuck::Zeroable::zeroed();
        let [forward_half, back_half] = &mut flow.halves;
        forward_half.key = forward;
        back_half.key = back;
        forward_half.state.eni = numbers.eni(&eni).ok()?;
        flow.common.kind = kind;
        Some(Recorded {
            flow,
            side: if is_answer { Side::Back } else { Side::Forward },
            has_backend,
        })
    }

    fn sent_on(&self) -> Option<Ends> {
        Some(Ends {
            src: (self.nat_srcaddr?, self.nat_srcport?),
            dst: (self.nat_dstaddr?, self.nat_dstport?),
        })
    }
}

fn row(ip: IpAddr) -> Addr {
    match ip {
        IpAddr::V4(ip) => mapped(ip.octets()),
        IpAddr::V6(ip) => ip.octets(),
    }
}
