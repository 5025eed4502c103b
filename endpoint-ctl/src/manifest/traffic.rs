//! The words that security group rules and network ACL entries share: policy, protocol, ports.
//!
//! May import: std, `model`, `fault`, `fields`, `ip`, `node`, `scalar`.

use super::fault::{Place, Told, Wrong};
use super::fields::Fields;
use super::ip::Family;
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
pub(super) fn policy(node: &Node<'_>) -> Result<Policy, Wrong> {
    scalar::one_of(node, &POLICIES)
}

/// A protocol by its name.
pub(super) fn protocol_name(node: &Node<'_>) -> Result<ProtocolMatch, Wrong> {
    scalar::one_of(node, &PROTOCOLS)
}

/// A protocol by its name or its IANA number.
pub(super) fn protocol(node: &Node<'_>) -> Result<ProtocolMatch, Wrong> {
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
pub(super) fn transport(node: &Node<'_>) -> Result<Transport, Wrong> {
    scalar::one_of(node, &[("TCP", Transport::Tcp), ("UDP", Transport::Udp)])
}

/// Ports as `first/last`; `protocol`, if it could be read, says whether there can be any.
pub(super) fn ports(node: &Node<'_>, protocol: Option<ProtocolMatch>) -> Result<PortRange, Wrong> {
    let (first, last) = match &node.value {
        Value::Text(text) if text == ANY_PORTS => return Ok(PortRange::ANY),
        Value::Text(text) => text
            .split_once('/')
            .ok_or_else(|| no_range(&quote(text), text))?,
        _ => return Err(no_range(&node.describe(), &node.describe())),
    };
    let (Some(first), Some(last)) = (port(first), port(last)) else {
        return Err(Wrong::new(
            format!("{} is not a port range", node.describe()),
            format!("write first/last with ports from 1 to 65535, or {ANY_PORTS} for all"),
        ));
    };
    if first > last {
        return Err(Wrong::new(
            format!("{} runs backwards", node.describe()),
            format!("write {last}/{first}"),
        ));
    }
    if protocol.is_some_and(|protocol| !has_ports(protocol)) {
        return Err(Wrong::new(
            format!(
                "{} names ports, but only TCP and UDP have them",
                node.describe()
            ),
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

/// Refuses a field that holds the peer in the other direction; `mine` is the one that counts.
pub(super) fn refuse_stray(
    fields: &mut Fields<'_>,
    stray: &'static str,
    mine: &str,
    direction: &str,
) -> Result<(), Told> {
    let told = fields.optional(stray, |_| {
        Err::<(), _>(Wrong::new(
            format!("has no meaning in the {direction} direction"),
            format!("remove it; the peer is {mine}"),
        ))
    });
    told.map(|_| ())
}

/// Refuses the ICMP of one family together with a peer of the other, which no packet matches.
pub(super) fn same_family(
    protocol: ProtocolMatch,
    family: Family,
    place: &Place<'_>,
) -> Result<(), Told> {
    const ICMP: ProtocolMatch = ProtocolMatch::Number(1);
    const ICMPV6: ProtocolMatch = ProtocolMatch::Number(58);
    let right = match (protocol, family) {
        (ICMP, Family::V6) => "ICMPv6",
        (ICMPV6, Family::V4) => "ICMP",
        _ => return Ok(()),
    };
    let name = family.name();
    Err(place.fault(
        format!("no {name} packet has this protocol, and the peer is {name}"),
        format!("write {right}, or a peer of the other family"),
    ))
}
