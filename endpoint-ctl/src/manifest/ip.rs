//! IP addresses and networks of either family, as written.
//!
//! May import: std, ipnet, `model`, `fault`, `node`, `scalar`.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::fault::Wrong;
use super::node::{Node, Value, quote};
use super::scalar;
use crate::model::AddressIpVersion;

/// An IP family (`IpVersion`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::V4 => "10.0.1.0/24",
            Self::V6 => "fd00:0:0:1::/64",
        }
    }
}

/// `IPv4` or `IPv6`.
pub(super) fn family(node: &Node<'_>) -> Result<Family, Wrong> {
    scalar::one_of(node, &[("IPv4", Family::V4), ("IPv6", Family::V6)])
}

/// `IPv4` or `DualStack`.
pub(super) fn address_version(node: &Node<'_>) -> Result<AddressIpVersion, Wrong> {
    const VERSIONS: [(&str, AddressIpVersion); 2] = [
        ("IPv4", AddressIpVersion::Ipv4),
        ("DualStack", AddressIpVersion::DualStack),
    ];
    scalar::one_of(node, &VERSIONS)
}

/// An IPv4 address.
pub(super) fn ipv4(node: &Node<'_>) -> Result<Ipv4Addr, Wrong> {
    match parse_address(node, "an IPv4 address", IPV4_FORM)? {
        IpAddr::V4(ip) => Ok(ip),
        IpAddr::V6(ip) => Err(Wrong::new(
            format!("{ip} is IPv6"),
            "write an IPv4 address, such as 10.0.1.10",
        )),
    }
}

/// An IPv6 address.
pub(super) fn ipv6(node: &Node<'_>) -> Result<Ipv6Addr, Wrong> {
    match parse_address(node, "an IPv6 address", IPV6_FORM)? {
        IpAddr::V6(ip) => Ok(ip),
        IpAddr::V4(ip) => Err(Wrong::new(
            format!("{ip} is IPv4"),
            "write an IPv6 address, such as fd00:0:0:1::10",
        )),
    }
}

const IPV4_FORM: &str = "write four numbers from 0 to 255, such as 10.0.1.10";
const IPV6_FORM: &str = "write eight groups of hexadecimal digits, such as fd00:0:0:1::10";

fn parse_address(node: &Node<'_>, wanted: &str, form: &str) -> Result<IpAddr, Wrong> {
    let Value::Text(text) = &node.value else {
        return Err(Wrong::new(not(&node.describe(), wanted), form));
    };
    text.parse()
        .map_err(|_| Wrong::new(not(&quote(text), wanted), form))
}

fn not(described: &str, wanted: &str) -> String {
    format!("{described} is not {wanted}")
}

/// An address of either family that one host can have, and be reached at through a router.
pub(super) fn host_address(node: &Node<'_>) -> Result<IpAddr, Wrong> {
    let form = format!("{IPV4_FORM}, or an IPv6 address");
    let ip = parse_address(node, "an IP address", &form)?;
    let why = match ip {
        _ if ip.is_unspecified() => "the unspecified address",
        _ if ip.is_loopback() => "a loopback address",
        _ if ip.is_multicast() => "a multicast address",
        IpAddr::V4(ip) if ip.is_broadcast() => "the broadcast address",
        IpAddr::V6(ip) if ip.is_unicast_link_local() => "a link-local address",
        IpAddr::V6(ip) => return not_mapped(ip).map(|()| ip.into()),
        IpAddr::V4(_) => return Ok(ip),
    };
    Err(Wrong::new(
        format!("{ip} is {why}"),
        "write the address of one host",
    ))
}

/// IPv4 addresses are kept in their mapped form everywhere, so none may come in as IPv6.
fn not_mapped(ip: Ipv6Addr) -> Result<(), Wrong> {
    let Some(inner) = ip.to_ipv4_mapped() else {
        return Ok(());
    };
    Err(Wrong::new(
        format!("{ip} is an IPv4 address in IPv6's clothes"),
        format!("write {inner}"),
    ))
}

/// An IPv4 network in CIDR notation, without host bits.
pub(super) fn ipv4_cidr(node: &Node<'_>) -> Result<Ipv4Net, Wrong> {
    ipv4_network(node, true)
}

/// An IPv6 network in CIDR notation, without host bits.
pub(super) fn ipv6_cidr(node: &Node<'_>) -> Result<Ipv6Net, Wrong> {
    ipv6_network(node, true)
}

/// A network of that family; `otherwise` says what to do for one of the other.
pub(super) fn cidr_of(
    family: Family,
    node: &Node<'_>,
    otherwise: impl Display,
) -> Result<IpNet, Wrong> {
    let net = match family {
        Family::V4 => ipv4_cidr(node).map(IpNet::V4),
        Family::V6 => ipv6_cidr(node).map(IpNet::V6),
    };
    net.map_err(|wrong| match &node.value {
        Value::Text(text) => {
            let ip = text.parse().or(text.parse().map(|net: IpNet| net.addr()));
            let found = ip.map_or(family, Family::of);
            if found == family {
                return wrong;
            }
            let found = found.name();
            Wrong::new(format!("{text} is {found}"), otherwise.to_string())
        }
        _ => wrong,
    })
}

/// One address or a network, of either family.
pub(super) fn address_or_network(node: &Node<'_>) -> Result<IpNet, Wrong> {
    let Value::Text(text) = &node.value else {
        return Err(no_address(&node.describe()));
    };
    if let Ok(ip) = text.parse::<IpAddr>() {
        return match ip {
            IpAddr::V4(_) => Ok(ip.into()),
            IpAddr::V6(ip) => not_mapped(ip).map(|()| IpAddr::V6(ip).into()),
        };
    }
    let net: IpNet = text.parse().map_err(|_| no_address(&quote(text)))?;
    cidr_of(Family::of(net.addr()), node, "")
}

fn no_address(described: &str) -> Wrong {
    Wrong::new(
        format!("{described} is neither an address nor a network"),
        "write one, such as 10.0.1.10 or 10.0.1.0/24",
    )
}

/// A network whose prefix length is within bounds.
pub(super) fn sized_ipv4_cidr(
    node: &Node<'_>,
    lengths: &RangeInclusive<u8>,
) -> Result<Ipv4Net, Wrong> {
    let net = ipv4_network(node, false)?;
    sized(net.into(), lengths).map(|()| net)
}

/// The same of IPv6.
pub(super) fn sized_ipv6_cidr(
    node: &Node<'_>,
    lengths: &RangeInclusive<u8>,
) -> Result<Ipv6Net, Wrong> {
    let net = ipv6_network(node, false)?;
    sized(net.into(), lengths).map(|()| net)
}

fn sized(net: IpNet, lengths: &RangeInclusive<u8>) -> Result<(), Wrong> {
    let length = net.prefix_len();
    if lengths.contains(&length) {
        return Ok(());
    }
    let (shortest, longest) = (lengths.start(), lengths.end());
    let mend = if shortest == longest {
        format!("write a network of /{shortest}")
    } else {
        format!("write a network of /{shortest} to /{longest}")
    };
    Err(Wrong::new(
        format!("prefix length {length} of {net} is out of range"),
        mend,
    ))
}

/// `single` says whether one address alone would do as well.
fn ipv4_network(node: &Node<'_>, single: bool) -> Result<Ipv4Net, Wrong> {
    match network(node, Family::V4, single)? {
        IpNet::V4(net) => Ok(net),
        IpNet::V6(net) => Err(other_family(net.into(), Family::V4)),
    }
}

/// The same of IPv6.
fn ipv6_network(node: &Node<'_>, single: bool) -> Result<Ipv6Net, Wrong> {
    match network(node, Family::V6, single)? {
        IpNet::V6(net) => not_mapped_network(net).map(|()| net),
        IpNet::V4(net) => Err(other_family(net.into(), Family::V6)),
    }
}

fn network(node: &Node<'_>, wanted: Family, single: bool) -> Result<IpNet, Wrong> {
    let Value::Text(text) = &node.value else {
        return Err(no_cidr(&node.describe(), wanted));
    };
    if let Ok(ip) = text.parse::<IpAddr>() {
        if Family::of(ip) != wanted {
            return Err(other_family(ip.into(), wanted));
        }
        let net = IpNet::from(ip);
        let mend = match wanted {
            _ if single => format!("write {net} for the one address"),
            Family::V4 => format!("add one, such as {ip}/24"),
            Family::V6 => format!("add one, such as {ip}/64"),
        };
        return Err(Wrong::new(format!("{ip} has no prefix length"), mend));
    }
    let net: IpNet = text.parse().map_err(|_| no_cidr(&quote(text), wanted))?;
    if net.addr() != net.network() && Family::of(net.addr()) == wanted {
        let network = net.trunc();
        let single = if single {
            format!(", or {} for the one address", IpNet::from(net.addr()))
        } else {
            String::new()
        };
        return Err(Wrong::new(
            format!("{net} has host bits set"),
            format!("write {network}{single}"),
        ));
    }
    Ok(net)
}

fn other_family(net: IpNet, wanted: Family) -> Wrong {
    let (found, name) = (Family::of(net.addr()).name(), wanted.name());
    Wrong::new(
        format!("{net} is {found}"),
        format!("write an {name} network, such as {}", wanted.example()),
    )
}

fn no_cidr(described: &str, wanted: Family) -> Wrong {
    Wrong::new(
        format!("{described} is not an {} network", wanted.name()),
        format!("write address/length, such as {}", wanted.example()),
    )
}

fn not_mapped_network(net: Ipv6Net) -> Result<(), Wrong> {
    const MAPPED: u8 = 96;
    match net.network().to_ipv4_mapped() {
        Some(inner) if net.prefix_len() >= MAPPED => Err(Wrong::new(
            format!("{net} is an IPv4 network in IPv6's clothes"),
            format!("write {inner}/{} as IPv4", net.prefix_len() - MAPPED),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(text: &str) -> Node<'_> {
        Node {
            line: 1,
            value: Value::Text(text.into()),
        }
    }

    fn said<T: std::fmt::Debug>(read: Result<T, Wrong>) -> String {
        let wrong = read.expect_err("a wrong value");
        format!("{}; {}", wrong.problem, wrong.mend)
    }

    #[test]
    fn addresses_that_no_host_has_are_refused() {
        for text in [
            "::",
            "::1",
            "ff02::1",
            "fe80::1",
            "::ffff:10.0.0.1",
            "0.0.0.0",
            "127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "10.0.1",
            "fd00::g",
        ] {
            host_address(&node(text)).expect_err(text);
        }
        for text in ["10.0.1.10", "fd00::1", "2001:db8::1", "64:ff9b::1"] {
            host_address(&node(text)).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
        }
    }

    #[test]
    fn every_wrong_network_is_told_with_its_mend() {
        let cases = [
            (
                "fd00::1/64",
                "write fd00::/64, or fd00::1/128 for the one address",
            ),
            ("fd00::1", "write fd00::1/128 for the one address"),
            (
                "10.0.0.0/8",
                "write an IPv6 network, such as fd00:0:0:1::/64",
            ),
            ("10.0.0.1", "write an IPv6 network, such as fd00:0:0:1::/64"),
            (
                "fd00::/129",
                "write address/length, such as fd00:0:0:1::/64",
            ),
            ("::ffff:10.0.0.0/104", "write 10.0.0.0/8 as IPv4"),
        ];
        for (text, mend) in cases {
            let said = said(ipv6_cidr(&node(text)));
            assert!(said.ends_with(mend), "{text}: {said}");
        }
        for text in ["::/0", "8000::/1", "fd00::/127", "::ffff:0:0/95"] {
            let read = ipv6_cidr(&node(text));
            assert!(text.ends_with("/95") || read.is_ok(), "{text}: {read:?}");
        }
        let said = said(ipv4_cidr(&node("fe80::/64")));
        assert_eq!(
            said,
            "fe80::/64 is IPv6; write an IPv4 network, such as 10.0.1.0/24"
        );
    }

    #[test]
    fn the_size_of_a_network_is_bounded() {
        let read = |text| sized_ipv6_cidr(&node(text), &(64..=64));
        assert!(read("fd00::/64").is_ok());
        assert_eq!(
            said(read("fd00::/63")),
            "prefix length 63 of fd00::/63 is out of range; write a network of /64"
        );
    }
}
