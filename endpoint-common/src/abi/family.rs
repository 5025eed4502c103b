//! The two address families as types: what a table or a packet of one family is made of. Code that is
//! generic over the family is compiled, and verified, for each alone.
//!
//! May import: core, bytemuck, wire, flow (the rows).

use bytemuck::Pod;

use super::flow::{Family, FlowEntry, FlowEntry4, FlowKey, FlowKey4, Half4, Half6, narrow};
use super::{Addr, mapped, unmapped};
use crate::wire::{Ipv4, Port};

/// A family. Names are those of `AF_INET` and `AF_INET6`.
pub trait AddressFamily: Copy + Sized + 'static {
    /// Which.
    const FAMILY: Family;
    /// Whether it is IPv4.
    const V4: bool;
    /// An address.
    type Addr: Pod + PartialEq;
    /// The key of a half.
    type Key: Pod + PartialEq;
    /// An entry of its flow table.
    type Entry: FlowRow<Self>;

    /// A key.
    fn key(addresses: [Self::Addr; 2], ports: [Port; 2], scope: u16, protocol: u8) -> Self::Key;
    /// A wide key as this family keeps it.
    fn narrow(key: &FlowKey) -> Self::Key;
    /// A key as every family's.
    fn widen(key: &Self::Key) -> FlowKey;
    /// Hashes a key (see [`crate::hash::keyed`]).
    fn hash(secret: [u64; 2], key: &Self::Key) -> u64;
    /// The same for a wide key.
    fn hash_wide(secret: [u64; 2], key: &FlowKey) -> u64;
    /// An address in its 16-byte form.
    fn wide(address: Self::Addr) -> Addr;
    /// An address from its 16-byte form.
    fn from_wide(address: Addr) -> Self::Addr;
}

/// IPv4.
#[derive(Debug, Clone, Copy)]
pub struct Inet;
/// IPv6.
#[derive(Debug, Clone, Copy)]
pub struct Inet6;

impl AddressFamily for Inet {
    const FAMILY: Family = Family::V4;
    const V4: bool = true;
    type Addr = Ipv4;
    type Key = FlowKey4;
    type Entry = FlowEntry4;

    #[inline(always)]
    fn key(addresses: [Ipv4; 2], ports: [Port; 2], scope: u16, protocol: u8) -> FlowKey4 {
        let ([src, dst], [src_port, dst_port]) = (addresses, ports);
        FlowKey4 {
            src,
            dst,
            src_port,
            dst_port,
            scope,
            protocol,
            family: Family::V4 as u8,
        }
    }

    #[inline(always)]
    fn narrow(key: &FlowKey) -> FlowKey4 {
        narrow(key)
    }

    #[inline(always)]
    fn widen(key: &FlowKey4) -> FlowKey {
        key.widen()
    }

    #[inline(always)]
    fn hash(secret: [u64; 2], key: &FlowKey4) -> u64 {
        let words: &[u64; 2] = bytemuck::cast_ref(key);
        crate::hash::keyed(secret, words)
    }

    #[inline(always)]
    fn hash_wide(secret: [u64; 2], key: &FlowKey) -> u64 {
        Self::hash(secret, &narrow(key))
    }

    #[inline(always)]
    fn wide(address: Ipv4) -> Addr {
        mapped(address)
    }

    #[inline(always)]
    fn from_wide(address: Addr) -> Ipv4 {
        unmapped(address)
    }
}

impl AddressFamily for Inet6 {
    const FAMILY: Family = Family::V6;
    const V4: bool = false;
    type Addr = Addr;
    type Key = FlowKey;
    type Entry = FlowEntry;

    #[inline(always)]
    fn key(addresses: [Addr; 2], ports: [Port; 2], scope: u16, protocol: u8) -> FlowKey {
        let ([src, dst], [src_port, dst_port]) = (addresses, ports);
        FlowKey {
            src,
            dst,
            src_port,
            dst_port,
            scope,
            protocol,
            family: Family::V6 as u8,
        }
    }

    #[inline(always)]
    fn narrow(key: &FlowKey) -> FlowKey {
        *key
    }

    #[inline(always)]
    fn widen(key: &FlowKey) -> FlowKey {
        *key
    }

    #[inline(always)]
    fn hash(secret: [u64; 2], key: &FlowKey) -> u64 {
        let words: &[u64; 5] = bytemuck::cast_ref(key);
        crate::hash::keyed(secret, words)
    }

    #[inline(always)]
    fn hash_wide(secret: [u64; 2], key: &FlowKey) -> u64 {
        Self::hash(secret, key)
    }

    #[inline(always)]
    fn wide(address: Addr) -> Addr {
        address
    }

    #[inline(always)]
    fn from_wide(address: Addr) -> Addr {
        address
    }
}

/// Where fields are, for memory that is not one struct to the compiler: bytes from an entry's start.
pub trait FlowRow<A: AddressFamily>: Pod {
    /// Size of a half.
    const HALF: usize;
    /// Of its state, from the half's start. The key is at 0.
    const STATE: usize;
    /// Of the common part.
    const COMMON: usize;
}

macro_rules! flow_row {
    ($row:ty, $half:ty, $family:ty) => {
        impl FlowRow<$family> for $row {
            const HALF: usize = size_of::<$half>();
            const STATE: usize = core::mem::offset_of!($half, state);
            const COMMON: usize = core::mem::offset_of!($row, common);
        }
    };
}

flow_row!(FlowEntry4, Half4, Inet);
flow_row!(FlowEntry, Half6, Inet6);
