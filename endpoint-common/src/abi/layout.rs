//! The layout of every row as one table, its fingerprint, and const asserts on sizes.
//!
//! May import: core, the other `abi` modules.

use core::mem::{align_of, offset_of, size_of};

use super::{VERSION, counter, event, flow, meta, policy, reason, service};

/// One field of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// `Row.field`, or `Row` for the row as a whole.
    pub name: &'static str,
    /// Offset of the field, or size of the row, in bytes.
    pub bytes: usize,
}

macro_rules! rows {
    ($($row:path as $name:literal [$($field:ident),+])+) => {
        /// Every row with its size, and every field with its offset.
        pub const FIELDS: &[Field] = &[
            $(
                Field { name: $name, bytes: size_of::<$row>() },
                $(Field { name: concat!($name, ".", stringify!($field)), bytes: offset_of!($row, $field) },)+
            )+
        ];
        const _: () = {
            $(assert!(align_of::<$row>() <= 8, concat!($name, " is aligned to more than 8 bytes"));)+
        };
    };
}

rows! {
    meta::Meta as "Meta" [generation, bank, seed]
    meta::Port as "Port" [ifindex, scope, mac]
    counter::Counter as "Counter" [packets, bytes]
    counter::EniCounters as "EniCounters" [accepted_in, accepted_out, dropped_in, dropped_out, untold]
    counter::DropKey as "DropKey" [eni, reason, direction]
    event::DropEvent as "DropEvent" [
        src, dst, src_port, dst_port, bytes, tick, generation, rule, eni, reason, direction,
        protocol, tcp_flags
    ]
    flow::FlowKey as "FlowKey" [src, dst, src_port, dst_port, scope, protocol, family]
    flow::FlowKey4 as "FlowKey4" [src, dst, src_port, dst_port, scope, protocol]
    flow::FlowState as "FlowState" [
        packets, bytes, generation, verdict, role, peer_scope, last_seen, created, src_port,
        dst_port, address_delta, port_delta, rules, eni, hop, client_mac, tcp_flags
    ]
    flow::FlowEntry as "FlowEntry" [state, src, dst]
    flow::FlowEntry4 as "FlowEntry4" [state, src, dst]
    policy::PolicySlot as "PolicySlot" [child, value]
    policy::PolicyNode as "PolicyNode" [slots]
    service::AddressKey as "AddressKey" [address, scope, bank]
    service::Address as "Address" [
        kind, eni, load_balancer, acl_in, acl_out, group_in, group_out, hop
    ]
    service::ListenerKey as "ListenerKey" [load_balancer, port, protocol, bank, family]
    service::Listener as "Listener" [first, slots, nat_first, nat_count, scope]
    service::TargetKey as "TargetKey" [address, port, listener_port, load_balancer, protocol, bank]
    service::Backend as "Backend" [address, port, hop]
    service::Hop as "Hop" [ifindex, flags, dst_mac, src_mac]
}

const _: () = {
    assert!(size_of::<flow::FlowKey4>() == 16);
    assert!(size_of::<flow::FlowEntry4>() == 72);
    // Handles point to the state, whichever family's entry it begins.
    assert!(offset_of!(flow::FlowEntry, state) == 0);
    assert!(offset_of!(flow::FlowEntry4, state) == 0);
    // Generation, verdict, role and peer scope are written as one aligned word.
    assert!(offset_of!(flow::FlowState, generation) % 8 == 0);
    assert!(offset_of!(flow::FlowState, verdict) % 8 == 4);
    assert!(reason::DropReason::ALL.len() < 64);
};

/// FNV-1a over [`FIELDS`] and [`VERSION`]: two builds with the same value read each other's maps.
#[must_use]
pub const fn fingerprint() -> u64 {
    let mut hash = fnv(0xcbf2_9ce4_8422_2325, &VERSION.to_le_bytes());
    let mut rest = FIELDS;
    while let [field, tail @ ..] = rest {
        hash = fnv(hash, field.name.as_bytes());
        hash = fnv(hash, &(field.bytes as u64).to_le_bytes());
        rest = tail;
    }
    hash
}

const fn fnv(mut hash: u64, mut bytes: &[u8]) -> u64 {
    while let [byte, tail @ ..] = bytes {
        hash = (hash ^ *byte as u64).wrapping_mul(0x0000_0100_0000_01b3);
        bytes = tail;
    }
    hash
}
