//! One packet to one ENI: the program's word against the oracle's, rule set by rule set.
//!
//! May import: endpoint-common, endpoint-ctl, fastrand, the module's own.

use std::net::IpAddr;

use endpoint_common::abi::explain::Explanation;
use endpoint_common::abi::reason::DropReason;
use endpoint_ctl::model::{Direction, Endpoint, EndpointPolicy, Model, Policy};
use endpoint_ctl::oracle::{
    self, Verdict, judge_endpoint_policy, judge_network_acl, judge_security_groups,
};
use fastrand::Rng;

use super::chance::choose;
use super::judges::is_as_good;
use super::kernel::Kernel;
use super::packets::{self, Edges, Packet};
use super::services::{listener, takers};

/// A packet to an ENI that somebody may send; often to a port that somebody listens on.
pub(super) fn packet(
    model: &Model,
    endpoint: &Endpoint,
    edges: &[Edges],
    eni: IpAddr,
    rng: &mut Rng,
) -> Packet {
    let mut drawn = std::iter::repeat_with(|| packets::packet(edges, eni, rng));
    let may_be = |packet: &Packet| !is_martian(packet.peer) && packet.peer != eni;
    let mut packet = drawn.find(may_be).expect("most packets are such");
    let other_icmp = if eni.is_ipv4() { 58 } else { 1 };
    if packet.protocol == other_icmp {
        packet.protocol = 59 - other_icmp;
    }
    let service = &model.services[&endpoint.service];
    let listeners = &model.load_balancers[&service.resources[0].load_balancer].listeners;
    if matches!(packet.protocol, 6 | 17) && !listeners.is_empty() && rng.bool() {
        let listener = &listeners[rng.usize(..listeners.len())];
        packet.protocol = choose(&[listener.transport.number(), packet.protocol], rng);
        packet.port = listener.port;
    }
    packet
}

/// Sources that are refused whatever the rules say.
fn is_martian(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => matches!(ip.octets()[0], 0 | 127 | 224..),
        IpAddr::V6(ip) => ip.octets()[0] == 0xff || ip.segments()[..5] == [0; 5],
    }
}

/// See the module.
pub(super) struct Trial<'t> {
    kernel: &'t Kernel,
    model: &'t mut Model,
    endpoint: &'t Endpoint,
    eni: IpAddr,
    packet: Packet,
    found: &'t Explanation,
    /// Rule sets that were asked.
    pub(super) asked: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Acl,
    Groups,
    Policy,
}

impl<'t> Trial<'t> {
    pub(super) fn new(
        kernel: &'t Kernel,
        model: &'t mut Model,
        endpoint: &'t Endpoint,
        eni: IpAddr,
        packet: Packet,
        found: &'t Explanation,
    ) -> Self {
        Self {
            kernel,
            model,
            endpoint,
            eni,
            packet,
            found,
            asked: 0,
        }
    }

    /// What becomes of the packet, on which both agree: `accepted`, or the reason for its end.
    ///
    /// # Errors
    /// Where they do not.
    pub(super) fn hold(&mut self) -> Result<&'static str, String> {
        let (reason, back) = self.expected()?;
        let name = |number| DropReason::from_number(number).map_or("accepted", DropReason::name);
        let number = |reason: Option<DropReason>| reason.map_or(0, |reason| reason as u8);
        let (said, said_of_answers) = (self.found.reason, self.found.back_reason);
        if number(reason) != said {
            let reason = name(number(reason));
            return Err(self.differs(reason, name(said)));
        }
        if said == 0 && number(back) != said_of_answers {
            let back = format!("of answers {}", name(number(back)));
            return Err(self.differs(&back, name(said_of_answers)));
        }
        // What rules say of answers is as good as what they say of packets.
        Ok(name(if said == 0 { said_of_answers } else { said }))
    }

    /// What must become of the packet, and of answers to it.
    fn expected(&mut self) -> Result<(Option<DropReason>, Option<DropReason>), String> {
        let (packet, rules) = (self.packet, self.found.rules);
        if !matches!(packet.protocol, 1 | 6 | 17 | 58) {
            return Ok((Some(DropReason::ProtocolUnsupported), None));
        }
        let of_acl = Packet {
            source_port: 0,
            ..packet
        };
        let (ingress, egress) = (Direction::Ingress, Direction::Egress);
        if !self.ask(Layer::Acl, ingress, of_acl, rules.acl_in)? {
            return Ok((Some(DropReason::AclIngress), None));
        }
        if !self.ask(Layer::Groups, ingress, packet, rules.group_in)? {
            return Ok((Some(DropReason::GroupIngress), None));
        }
        // Nobody asks about the policy of an endpoint that was given none.
        let has_policy = self.endpoint.policy != EndpointPolicy::default();
        if !has_policy && rules.policy_in != 0 {
            return Err(self.differs("no policy", self.kernel.name(rules.policy_in)));
        }
        if has_policy && !self.ask(Layer::Policy, ingress, packet, rules.policy_in)? {
            return Ok((Some(DropReason::EndpointPolicy), None));
        }
        let has_ports = matches!(packet.protocol, 6 | 17);
        if has_ports && let Some(reason) = self.behind_listener()? {
            return Ok((Some(reason), None));
        }
        let answer = Packet {
            source_port: 0,
            port: packet.source_port,
            ..packet
        };
        let back = !self.ask(Layer::Acl, egress, answer, rules.acl_out)?;
        let back = back.then_some(DropReason::AclEgress);
        // An echo request is answered at once: what binds the answer binds the request.
        Ok((if has_ports { None } else { back }, back))
    }

    /// Why the packet gets no further than that, if it does not.
    fn behind_listener(&mut self) -> Result<Option<DropReason>, String> {
        let Packet { protocol, port, .. } = self.packet;
        let Some(listener) = listener(self.model, self.endpoint, protocol, port) else {
            return Ok(Some(DropReason::NoListener));
        };
        let ip = IpAddr::from(self.found.backend).to_canonical();
        let chosen = (ip, u16::from_be_bytes(self.found.backend_port));
        let takers: Vec<_> = takers(listener, self.eni.is_ipv4()).collect();
        if takers.is_empty() {
            return Ok(Some(DropReason::NoBackend));
        }
        if !takers.contains(&chosen) {
            return Err(self.differs(&format!("one of {takers:?}"), &format!("{chosen:?}")));
        }
        let forwarded = Packet {
            peer: chosen.0,
            port: chosen.1,
            ..self.packet
        };
        let number = self.found.rules.group_out;
        let accepts = self.ask(Layer::Groups, Direction::Egress, forwarded, number)?;
        Ok((!accepts).then_some(DropReason::GroupEgress))
    }

    /// Whether a rule set lets the packet go on; both must say so by the same rule, or one as good.
    fn ask(
        &mut self,
        layer: Layer,
        direction: Direction,
        packet: Packet,
        number: u32,
    ) -> Result<bool, String> {
        self.asked += 1;
        let asked = oracle::Packet {
            direction,
            eni: self.eni,
            peer: packet.peer,
            protocol: packet.protocol,
            source_port: packet.source_port,
            port: packet.port,
        };
        let vswitch = &self.endpoint.zones[0].vswitch;
        let expected = match layer {
            Layer::Acl => judge_network_acl(self.model, vswitch, &asked),
            Layer::Groups => judge_security_groups(self.model, &self.endpoint.id, &asked),
            Layer::Policy => judge_endpoint_policy(self.model, &self.endpoint.id, asked.peer),
        };
        let rule = match (self.kernel.name(number), layer) {
            ("", Layer::Acl) if number == 0 => "no-acl",
            (name, _) => name,
        };
        let found = Verdict {
            rule: rule.to_owned(),
            policy: expected.policy,
        };
        let agree = found == expected
            || layer == Layer::Groups
                && is_as_good(self.model, &self.endpoint.id, &asked, &expected, &found);
        if !agree {
            let expected = format!("{layer:?} {direction:?}: {expected:?}");
            return Err(self.differs(&expected, rule));
        }
        Ok(expected.policy == Policy::Accept || self.endpoint.audit_mode)
    }

    fn differs(&self, expected: &str, found: &str) -> String {
        let Self {
            endpoint,
            eni,
            packet,
            ..
        } = self;
        format!(
            "{packet:?} to {eni} of {}\n  oracle  {expected}\n  program {found}",
            endpoint.id
        )
    }
}
