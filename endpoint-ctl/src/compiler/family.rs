//! What becomes of an address of either family in the tables.
//!
//! May import: endpoint-common::abi, std.

use std::net::IpAddr;

use endpoint_common::abi::flow::Family;
use endpoint_common::abi::{Addr, mapped};

/// An address as rows hold it.
pub(super) fn row_address(ip: IpAddr) -> Addr {
    match ip {
        IpAddr::V4(ip) => mapped(ip.octets()),
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// The family of an address.
pub(super) fn family_of(ip: IpAddr) -> Family {
    match ip {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    }
}
