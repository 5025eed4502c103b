//! What is asked: from where, to where, by which protocol.
//!
//! May import: endpoint-common::wire, serde, std, frame.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use endpoint_common::wire::Mac;
use serde::{Deserialize, Serialize};

use super::frame;

/// The source port of a packet that names none: the first of those that hosts choose themselves (RFC 6335).
pub const EPHEMERAL: u16 = 49_152;

/// One end of a packet, as users write it: `10.0.1.10`, `10.0.1.10:80`, `2001:db8::1`, `[2001:db8::1]:80`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct End {
    /// The address.
    pub ip: IpAddr,
    /// The port, if named.
    pub port: Option<u16>,
}

impl FromStr for End {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self { ip, port: None });
        }
        match text.parse::<SocketAddr>() {
            Ok(end) if end.port() != 0 => Ok(Self {
                ip: end.ip(),
                port: Some(end.port()),
            }),
            Ok(_) => Err("port 0 is none: name one from 1 to 65535".to_owned()),
            Err(_) => Err(
                "not an address: write IP or IP:PORT, of IPv6 [IP]:PORT, such as 10.0.1.10:80"
                    .to_owned(),
            ),
        }
    }
}

impl TryFrom<String> for End {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}", SocketAddr::new(self.ip, port)),
            None => write!(f, "{}", self.ip),
        }
    }
}

impl From<End> for String {
    fn from(end: End) -> Self {
        end.to_string()
    }
}

/// What can be explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// A segment that opens a connection.
    Tcp,
    /// A datagram.
    Udp,
    /// An echo request.
    Icmp,
    /// An echo request.
    Icmpv6,
}

impl Protocol {
    /// Its name, as users write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
        }
    }

    /// The IANA protocol number.
    pub fn number(self) -> u8 {
        match self {
            Self::Icmp => 1,
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Icmpv6 => 58,
        }
    }

    /// Whether its packets have ports.
    pub fn has_ports(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp)
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Question {
    /// Who sends.
    pub from: End,
    /// To whom.
    pub to: End,
    /// By which protocol.
    pub protocol: Protocol,
    /// The VPC or provider network that the target address is in, if it is named.
    pub vpc: Option<String>,
}

impl Question {
    /// The source port, or the identifier of an echo request.
    pub fn source_port(&self) -> u16 {
        self.from.port.unwrap_or(EPHEMERAL)
    }

    /// The destination port, 0 if there is none.
    pub fn port(&self) -> u16 {
        self.to.port.unwrap_or(0)
    }

    /// The packet that is asked about, to an interface with this MAC address.
    pub fn frame(&self, mac: Mac) -> Vec<u8> {
        frame::frame(self, mac)
    }

    /// Whether it can be asked at all.
    ///
    /// # Errors
    /// What is wrong, and the mend.
    pub fn check(&self) -> Result<(), String> {
        let (from, to, name) = (self.from.ip, self.to.ip, self.protocol.name());
        if from.is_ipv4() != to.is_ipv4() {
            return Err(format!(
                "--from {from} and --to {to} are of different families: name two IPv4 or two IPv6 addresses"
            ));
        }
        match self.protocol {
            Protocol::Icmp if to.is_ipv6() => {
                return Err(format!(
                    "--proto icmp is IPv4, {to} is not: use --proto icmpv6"
                ));
            }
            Protocol::Icmpv6 if to.is_ipv4() => {
                return Err(format!(
                    "--proto icmpv6 is IPv6, {to} is not: use --proto icmp"
                ));
            }
            _ => {}
        }
        if self.protocol.has_ports() && self.to.port.is_none() {
            let mend = End {
                ip: to,
                port: Some(80),
            };
            return Err(format!(
                "--to {to}: {name} needs a destination port: write for example --to {mend}"
            ));
        }
        if !self.protocol.has_ports() && (self.to.port.is_some() || self.from.port.is_some()) {
            return Err(format!("--proto {name} has no ports: leave :PORT off"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{End, Protocol, Question};

    fn check(from: &str, to: &str, protocol: Protocol) -> Result<(), String> {
        let end = |text: &str| text.parse::<End>();
        Question {
            from: end(from)?,
            to: end(to)?,
            protocol,
            vpc: None,
        }
        .check()
    }

    #[test]
    fn bad_questions_are_refused_with_the_mend() {
        use Protocol::{Icmp, Icmpv6, Tcp, Udp};
        for (from, to, protocol, mend) in [
            ("10.0.1.10", "2001:db8::1", Tcp, "two IPv4 or two IPv6"),
            ("10.0.1.10", "10.0.1.100", Tcp, "--to 10.0.1.100:80"),
            ("2001:db8::1", "2001:db8::2", Udp, "--to [2001:db8::2]:80"),
            ("10.0.1.10", "10.0.1.100:80", Icmp, "leave :PORT off"),
            ("10.0.1.10", "10.0.1.100", Icmpv6, "use --proto icmp"),
            ("::2", "::1", Icmp, "use --proto icmpv6"),
            ("10.0.1.10:0", "10.0.1.100", Tcp, "1 to 65535"),
            ("client", "10.0.1.100", Tcp, "write IP or IP:PORT"),
        ] {
            let error = check(from, to, protocol).expect_err(from);
            assert!(error.contains(mend), "{error}");
        }
        check("10.0.1.10:1", "10.0.1.100:80", Tcp).expect("a question");
        check("2001:db8::1", "2001:db8::2", Icmpv6).expect("a question");
    }

    #[test]
    fn ends_are_written_as_they_are_read() {
        for text in [
            "10.0.1.10",
            "10.0.1.10:80",
            "2001:db8::1",
            "[2001:db8::1]:80",
        ] {
            let end: End = text.parse().expect(text);
            assert_eq!(end.to_string(), text);
        }
    }
}
