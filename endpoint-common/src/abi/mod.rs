//! The rows of the BPF maps: plain old data without padding, read by kernel and daemon alike.
//!
//! To change a row: change the type, raise [`VERSION`], run `cargo xtask test unit --bless` and name the
//! change in CHANGELOG.md. [`layout::fingerprint`] is stamped into the object and compared at load.
//! Rows that stand on the BPF stack are aligned to 8 bytes and every field to its own size: the
//! verifier refuses unaligned stack access, while the compiler may join stores of byte arrays.
//! Times are in *ticks*: the lower half of the kernel's jiffies, which wrap; compare them by
//! subtraction. Integers are in host order unless a field is a byte array, which is in network order.
//!
//! May import: core, bytemuck, wire.

pub mod counter;
pub mod event;
pub mod explain;
pub mod family;
pub mod flow;
pub mod fragment;
pub mod layout;
pub mod meta;
pub mod policy;
pub mod reason;
pub mod service;

/// Raised with every change to a row or its meaning.
pub const VERSION: u32 = 8;

/// An IP address of either family, IPv4 in its mapped form `::ffff:a.b.c.d` (RFC 4291).
pub type Addr = [u8; 16];

/// Maps an IPv4 address.
#[must_use]
#[inline(always)]
pub fn mapped(address: [u8; 4]) -> Addr {
    let [a, b, c, d] = address;
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
}

/// The IPv4 address in a mapped one, as far as it is one.
#[must_use]
#[inline(always)]
pub fn unmapped(address: Addr) -> [u8; 4] {
    let [.., a, b, c, d] = address;
    [a, b, c, d]
}
