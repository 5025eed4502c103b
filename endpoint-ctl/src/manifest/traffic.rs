//! The words that security group rules and network ACL entries share: policy, protocol, ports.
//!
//! May import: std, ipnet, `model`, `fault`, `fields`, `node`, `scalar`.

use ipnet::Ipv4Net;

use super::fault::{Told, Wrong};
use super::fields::Fields;
use super::node::{Node, Value, quote};
use super::scalar;
use crate::model::{Policy, PortRange, ProtocolMatch, Transport};

const POLICIES: [(&str, Policy); 2] = [("accept", Policy::Accept), ("drop", Policy::Drop)];
const PROTOCOLS: [(&str, ProtocolMatch); 6] = [
    ("TCP", ProtocolMatch::Number(6)),
    ("UDP", ProtocolMatch::Number(17)),
    ("ICMP", ProtocolMatch::Number(1)),
    ("ICMPv6", ProtocolMatch::Number(58)),
    ("GRE", ProtocolMatch::Number(47)),
    ("ALL", ProtocolMatch::All),
];
const ANY_PORTS: &str = "-1/-1";

/// `accept` or `drop`.
pub(super) fn policy(node: &Node) -> Result<Policy, Wrong> {
    scalar::one_of(node, &POLICIES)
}

/// A protocol by its name.
pub(super) fn protocol_name(node: &Node) -> Result<ProtocolMatch, Wrong> {
    scalar::one_of(node, &PROTOCOLS)
}

/// A protocol by its name or its IANA number.
pub(super) fn protocol(node: &Node) -> Result<ProtocolMatch, Wrong> {
    let number = match &node.value {
        Value::Integer(_) => true,
        Value::Text(text) => text.parse::<i128>().is_ok(),
        _ => false,
    };
    if number {
        return scalar::integer(node, 0..=u8::MAX).map(ProtocolMatch::Number);
    }
    protocol_name(node).map_err(|wrong| {
        Wrong::new(
            wrong.problem,
            wrong.mend + ", or an IANA protocol number from 0 to 255",
        )
    })
}

/// `TCP` or `UDP`.
pub(super) fn transport(node: &Node) -> Result<Transport, Wrong> {
    scalar::one_of(node, &[("TCP", Transport::Tcp), ("UDP", Transport::Udp)])
}

/// Ports as `first/last`; `protocol`, if it could be read, says whether there can be any.
pub(super) fn ports(node: &Node, protocol: Option<ProtocolMatch>) -> Result<PortRange, Wrong> {
    let (first, last) = match &node.value {
        Value::Text(text) if text == ANY_PORTS => return Ok(PortRange::ANY),
        Value::Text(text) => text
            .split_once('/')
            .ok_or_else(|| no_range(&quote(text), text))?,
        _ => return Err(no_range(&node.describe(), &node.describe())),
    };
    let described = node.describe();
    let (Some(first), Some(last)) = (port(first), port(last)) else {
        return Err(Wrong::new(
            format!("{described} is not a port range"),
            format!("write first/last with ports from 1 to 65535, or {ANY_PORTS} for all"),
        ));
    };
    if first > last {
        return Err(Wrong::new(
            format!("{described} runs backwards"),
            format!("write {last}/{first}"),
        ));
    }
    if protocol.is_some_and(|protocol| !has_ports(protocol)) {
        return Err(Wrong::new(
            format!("{described} names ports, but only TCP and UDP have them"),
            format!("write {ANY_PORTS}, or choose TCP or UDP"),
        ));
    }
    Ok(PortRange { first, last })
}

fn has_ports(protocol: ProtocolMatch) -> bool {
    [Transport::Tcp, Transport::Udp]
        .into_iter()
        .any(|transport| protocol == ProtocolMatch::Number(transport.number()))
}

fn port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

fn no_range(described: &str, text: &str) -> Wrong {
    let example = match (port(text), text.split_once('-')) {
        (Some(port), _) => format!("{port}/{port}"),
        (None, Some((a, b))) if port(a).is_some() && port(b).is_some() => format!("{a}/{b}"),
        _ => "80/80".to_owned(),
    };
    Wrong::new(
        format!("{described} is not a port range"),
        format!("write first/last, such as {example}"),
    )
}

/// The field that holds the peer of a rule, by direction; the other one has no meaning there.
pub(super) fn peer(
    fields: &mut Fields<'_>,
    mine: &'static str,
    other: &'static str,
    direction: &str,
) -> Result<Ipv4Net, Told> {
    let stray = fields.has(other);
    let told = fields.optional(other, |_| {
        Err::<(), _>(Wrong::new(
            format!("has no meaning in the {direction} direction"),
            format!("remove it; the peer is {mine}"),
        ))
    });
    // Whoever wrote the wrong one of the two has been told already.
    let peer = if stray {
        fields.optional(mine, scalar::cidr)?.ok_or(Told)
    } else {
        fields.required(mine, scalar::cidr)
    };
    told.and(peer)
}
