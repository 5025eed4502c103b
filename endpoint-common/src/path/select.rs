//! Stage: the listener a request meets, and the backend it gets (Maglev).
//!
//! May import: core, abi, hash, tables, parse.

use super::judge::Denied;
use super::parse::Request;
use super::tables::Tables;
use crate::abi::reason::DropReason;
use crate::abi::service::{Backend, Listener, ListenerKey};
use crate::hash::mix;

/// Fixed, so that every node sends a tuple to the same backend.
const MAGLEV_SEED: u32 = 0x6d61_676c;

/// The listener for the request's protocol and port.
#[inline(always)]
pub(super) fn listener<T: Tables>(
    tables: &T,
    bank: u32,
    load_balancer: u32,
    request: &Request,
) -> Result<Listener, Denied> {
    let key = ListenerKey {
        load_balancer,
        port: request.eni_port,
        protocol: request.protocol,
        bank: bank as u8,
    };
    tables.listener(&key).ok_or((DropReason::NoListener, 0))
}

/// The backend that the tuple's Maglev slot holds.
#[inline(always)]
pub(super) fn backend<T: Tables>(
    tables: &T,
    bank: u32,
    listener: &Listener,
    request: &Request,
) -> Result<Backend, Denied> {
    let hash = mix(MAGLEV_SEED, tuple_words(request));
    let slot = hash
        .checked_rem(listener.slots)
        .ok_or((DropReason::NoBackend, 0))?;
    let index = tables
        .maglev(bank, listener.first.wrapping_add(slot))
        .ok_or((DropReason::TableMissing, 0))?;
    tables
        .backend(bank, index)
        .ok_or((DropReason::TableMissing, 0))
}

/// The request as words to hash.
#[inline(always)]
pub(super) fn tuple_words(request: &Request) -> [u32; 4] {
    let ([c0, c1], [e0, e1]) = (request.client_port, request.eni_port);
    [
        u32::from_be_bytes(request.client),
        u32::from_be_bytes(request.eni),
        u32::from_be_bytes([c0, c1, e0, e1]),
        u32::from(request.protocol),
    ]
}
