//! The vocabulary that security groups and network ACLs share.
//!
//! May import: std.

use std::fmt;

/// What a matching rule decides (`Policy` on the wire: `accept` or `drop`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Policy {
    /// Let it pass.
    Accept,
    /// Drop it silently.
    Drop,
}

/// The protocols a rule covers (`IpProtocol`, `Protocol`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProtocolMatch {
    /// Every IP protocol.
    All,
    /// One IANA protocol number.
    Number(u8),
}

impl ProtocolMatch {
    /// Whether IANA protocol `number` is covered.
    pub fn covers(self, number: u8) -> bool {
        match self {
            Self::All => true,
            Self::Number(n) => n == number,
        }
    }
}

/// Ports, both ends included. `-1/-1` on the wire is [`PortRange::ANY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    /// Lowest port covered.
    pub first: u16,
    /// Highest port covered.
    pub last: u16,
}

impl PortRange {
    /// Every port, and protocols that have none.
    pub const ANY: Self = Self {
        first: 0,
        last: u16::MAX,
    };

    /// Whether `port` is covered.
    pub fn covers(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ANY {
            f.write_str("-1/-1")
        } else {
            write!(f, "{}/{}", self.first, self.last)
        }
    }
}

/// A transport protocol a listener can speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP, IANA number 6.
    Tcp,
    /// UDP, IANA number 17.
    Udp,
}

impl Transport {
    /// The IANA protocol number.
    pub fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}
