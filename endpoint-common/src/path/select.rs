//! Stages: the listener a request meets, and the backend it gets (Maglev).
//!
//! May import: core, abi, hash, tables, case.

use super::case::Case;
use super::tables::Tables;
use crate::abi::Addr;
use crate::abi::family::AddressFamily;
use crate::abi::reason::DropReason;
use crate::abi::service::ListenerKey;
use crate::hash::mix;

/// Fixed, so that every node sends a tuple to the same backend.
const MAGLEV_SEED: u32 = 0x6d61_676c;

/// The listener for the request's protocol and port.
#[inline(always)]
pub(super) fn listener<T: Tables>(
    tables: &T,
    bank: u32,
    case: &mut Case,
) -> Result<(), DropReason> {
    let key = ListenerKey {
        load_balancer: case.eni.load_balancer,
        port: case.port,
        protocol: case.protocol,
        bank: bank as u8,
        family: case.family,
        reserved: [0; 7],
    };
    case.listener = tables.listener(&key).ok_or(DropReason::NoListener)?;
    Ok(())
}

/// The backend that the tuple's Maglev slot holds.
#[inline(always)]
pub(super) fn backend<A: AddressFamily, T: Tables>(
    tables: &T,
    bank: u32,
    case: &mut Case,
) -> Result<(), DropReason> {
    let hash = tuple_hash::<A>(MAGLEV_SEED, case);
    let slot = hash
        .checked_rem(case.listener.slots)
        .ok_or(DropReason::NoBackend)?;
    let backend = tables
        .maglev(bank, case.listener.first.wrapping_add(slot))
        .and_then(|index| tables.backend(bank, index))
        .ok_or(DropReason::TableMissing)?;
    case.backend = backend.address;
    case.backend_port = backend.port;
    case.backend_hop = backend.hop as u16;
    Ok(())
}

/// The request's tuple as 32 bits.
#[inline(always)]
pub(super) fn tuple_hash<A: AddressFamily>(seed: u32, case: &Case) -> u32 {
    let words = [
        address_word::<A>(case.client),
        address_word::<A>(case.address),
        u32::from_be_bytes(bytemuck::cast([case.client_port, case.port])),
        u32::from(case.protocol),
    ];
    mix(seed, words)
}

/// An address as one word: an IPv4 address itself, an IPv6 address mixed.
#[inline(always)]
fn address_word<A: AddressFamily>(address: Addr) -> u32 {
    let words: [[u8; 4]; 4] = bytemuck::cast(address);
    let [a, b, c, d] = words.map(u32::from_be_bytes);
    if A::V4 { d } else { mix(0, [a, b, c, d]) }
}
