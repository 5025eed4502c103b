//! The layout of every row as one table, its fingerprint, and const asserts on sizes.
//!
//! May import: core, the other `abi` modules.

use core::mem::{align_of, offset_of, size_of};

use super::{VERSION, counter, event, explain, flow, fragment, meta, policy, reason, service};

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
    meta::Meta as "Meta" [generation, bank, secret]
    meta::Tags as "Tags" [outer, inner]
    meta::Port as "Port" [ifindex, scope, mac, tags]
    counter::Counter as "Counter" [packets, bytes]
    counter::EniCounters as "EniCounters" [accepted_in, accepted_out, unreported]
    counter::EniDrops as "EniDrops" [
        counters, untold, told, audited, audited_untold, audited_told
    ]
    counter::RuleDrops as "RuleDrops" [counter, last]
    counter::Told as "Told" [since, events]
    event::DropEvent as "DropEvent" [
        src, dst, src_port, dst_port, bytes, tick, generation, rule, eni, reason, direction,
        protocol, tcp_flags, audited, flow
    ]
    event::FlowEnd as "FlowEnd" [entry, number, tick, family, cause]
    flow::FlowKey as "FlowKey" [src, dst, src_port, dst_port, scope, protocol, family]
    flow::FlowKey4 as "FlowKey4" [src, dst, src_port, dst_port, scope, protocol, family]
    flow::FlowState as "FlowState" [
        bytes, packets, last_seen, generation, verdict, flags, eni, src_port, dst_port,
        address_delta, port_delta, hop, client_mac
    ]
    flow::FlowRules as "FlowRules" [acl_in, group_in, group_out, acl_out, policy_in]
    flow::FlowCommon as "FlowCommon" [rules, phase, serial, created, kind, tcp_flags, audited]
    flow::Half4 as "Half4" [key, src, dst, state]
    flow::Half6 as "Half6" [key, state]
    flow::FlowEntry4 as "FlowEntry4" [halves, common]
    flow::FlowEntry as "FlowEntry" [halves, common]
    flow::FlowControl as "FlowControl" [words]
    flow::FlowLimits as "FlowLimits" [
        flows, half_open, established, closing, udp, icmp, rate, burst, bucket
    ]
    fragment::FragmentKey as "FragmentKey" [src, dst, id, scope, protocol, family]
    fragment::FragmentPorts as "FragmentPorts" [src_port, dst_port, tick]
    policy::PolicySlot as "PolicySlot" [child, value]
    policy::PolicyNode as "PolicyNode" [slots]
    policy::PolicySkip as "PolicySkip" [prefix, mask, child, value, level]
    policy::PolicyRange as "PolicyRange" [first, last, first_source, last_source, word]
    policy::PolicySet as "PolicySet" [own, ports, sources]
    explain::Explanation as "Explanation" [
        ifindex, outcome, tags, generation, flow, reason, back_reason, flow_reason, flow_side,
        flow_verdicts, begins_anew, rules, flow_rules, listener, eni, backend_port, nat_port, backend,
        nat, hop, back_hop, entry
    ]
    service::AddressKey as "AddressKey" [address, scope, bank]
    service::Address as "Address" [
        kind, eni, load_balancer, acl_in, acl_out, group_in, group_out, policy_in, hop, flags
    ]
    service::ListenerKey as "ListenerKey" [load_balancer, port, protocol, bank, family]
    service::Listener as "Listener" [first, slots, nat_first, nat_count, scope, flags]
    service::TargetKey as "TargetKey" [address, port, listener_port, load_balancer, protocol, bank]
    service::Backend as "Backend" [address, port, hop]
    service::Hop as "Hop" [ifindex, mtu, dst_mac, flags, src_mac, trunk, tags]
}

const _: () = {
    // A half of an IPv4 flow is a cache line, its entry three.
    assert!(size_of::<flow::Half4>() == 64);
    assert!(size_of::<flow::FlowEntry4>() == 192);
    assert!(size_of::<flow::Bucket>() == 64);
    assert!(size_of::<policy::PolicySet>() == 64);
    // Memory per flow, index and free list included: 256 bytes are the budget.
    assert!(size_of::<flow::FlowEntry>() + 32 + 4 <= 256);
    // Generation, verdict, flags and ENI are written as one aligned word.
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
