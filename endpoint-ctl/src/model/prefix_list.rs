//! Prefix lists: networks under one name, for rules.
//!
//! May import: std, ipnet, the model's own modules.

use ipnet::IpNet;

use super::PrefixListId;

/// `AddressFamily`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFamily {
    /// `IPv4`.
    Ipv4,
    /// `IPv6`.
    Ipv6,
}

/// A prefix list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixList {
    /// `PrefixListId`.
    pub id: PrefixListId,
    /// `AddressFamily`: that of all its entries.
    pub family: AddressFamily,
    /// `MaxEntries`: what a rule with it counts for in the quota of rules.
    pub max_entries: u16,
    /// `Entries`: their `Cidr`s, at most as many as that.
    pub entries: Vec<IpNet>,
}
