//! The path's tables, flows and counters over the maps.
//!
//! May import: aya-ebpf, endpoint-common, maps, config.

use core::intrinsics::{AtomicOrdering, atomic_xadd};
use core::ptr;

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST};
use endpoint_common::abi::counter::{Counter, DropKey};
use endpoint_common::abi::event::DropEvent;
use endpoint_common::abi::flow::{Direction, FlowEntry, FlowEntry4, FlowKey, FlowState};
use endpoint_common::abi::meta::{Meta, PORT_PROBES, PORT_ROWS, Port};
use endpoint_common::abi::policy::PolicySlot;
use endpoint_common::abi::service::{
    Address, AddressKey, Backend, Hop, Listener, ListenerKey, TargetKey,
};
use endpoint_common::abi::{Addr, mapped, unmapped};
use endpoint_common::path::{Account, Flow, Flows, Insert, Judged, Scratch, Tables};
use endpoint_common::wire::Ipv4;

use crate::{config, maps};

const EEXIST: i32 = -17;

/// The maps of this object.
pub(crate) struct KernelWorld;

impl Tables for KernelWorld {
    #[inline(always)]
    fn meta(&self) -> Option<Meta> {
        maps::META.get(0).copied()
    }

    #[inline(always)]
    fn port(&self, ifindex: u32) -> Option<Port> {
        for probe in 0..PORT_PROBES {
            let port = maps::PORTS.get((ifindex + probe) % PORT_ROWS)?;
            if port.ifindex == ifindex {
                return Some(*port);
            }
        }
        None
    }

    #[inline(always)]
    fn address(&self, key: &AddressKey) -> Option<Address> {
        // SAFETY: rows of a bank are not changed while it is in force.
        unsafe { maps::ADDRESSES.get(key) }.copied()
    }

    #[inline(always)]
    fn policy_slot(&self, bank: u32, node: u32, slot: u8) -> Option<PolicySlot> {
        let row = maps::POLICY.get_ptr(bank * config::POLICY_ROWS.load() + node)?;
        // SAFETY: the row is a `PolicyNode`, 16 slots; the mask keeps the index below 16.
        Some(unsafe { *row.cast::<PolicySlot>().add(usize::from(slot & 15)) })
    }

    #[inline(always)]
    fn listener(&self, key: &ListenerKey) -> Option<Listener> {
        // SAFETY: as in `address`.
        unsafe { maps::LISTENERS.get(key) }.copied()
    }

    #[inline(always)]
    fn has_target(&self, key: &TargetKey) -> bool {
        maps::TARGETS.get_ptr(key).is_some()
    }

    #[inline(always)]
    fn maglev(&self, bank: u32, slot: u32) -> Option<u32> {
        maps::MAGLEV
            .get(bank * config::MAGLEV_ROWS.load() + slot)
            .copied()
    }

    #[inline(always)]
    fn backend(&self, bank: u32, index: u32) -> Option<Backend> {
        maps::BACKENDS
            .get(bank * config::BACKEND_ROWS.load() + index)
            .copied()
    }

    #[inline(always)]
    fn nat_address(&self, bank: u32, index: u32) -> Option<Addr> {
        maps::NAT_ADDRESSES
            .get(bank * config::NAT_ROWS.load() + index)
            .copied()
    }

    #[inline(always)]
    fn hop(&self, index: u32) -> Option<Hop> {
        maps::HOPS.get(index).copied()
    }

    #[inline(always)]
    fn with_scratch<R>(&self, work: impl FnOnce(&mut Scratch) -> R) -> Option<R> {
        let scratch = maps::SCRATCH.get_ptr_mut(0)?;
        // SAFETY: this CPU's own row; packet programs do not interrupt each other on a CPU, and
        // the path does not borrow it twice. Any bytes are a valid scratch.
        Some(work(unsafe { &mut *scratch }))
    }
}

impl Flows for KernelWorld {
    type Flow = KernelFlow;

    #[inline(always)]
    fn flow<const V4: bool>(&self, key: &FlowKey) -> Option<KernelFlow> {
        if V4 {
            let v4 = maps::FLOWS4.get_ptr_mut(key.narrow())?;
            let v6 = ptr::null_mut();
            Some(KernelFlow { v4, v6 })
        } else {
            let v6 = maps::FLOWS6.get_ptr_mut(key)?;
            let v4 = ptr::null_mut();
            Some(KernelFlow { v4, v6 })
        }
    }

    #[inline(always)]
    fn insert<const V4: bool>(&self, key: &FlowKey, entry: &FlowEntry) -> Insert {
        let flags = u64::from(BPF_NOEXIST);
        let inserted = if V4 {
            let Some(row) = maps::NARROW.get_ptr_mut(0) else {
                return Insert::Full;
            };
            // SAFETY: this CPU's own row, borrowed only here; both begin with a state.
            let row = unsafe {
                copy_words(ptr::from_ref(&entry.state).cast(), row.cast());
                &mut *row
            };
            row.src = unmapped(entry.src);
            row.dst = unmapped(entry.dst);
            maps::FLOWS4.insert(key.narrow(), &*row, flags)
        } else {
            maps::FLOWS6.insert(key, entry, flags)
        };
        match inserted {
            Ok(()) => Insert::Done,
            Err(EEXIST) => Insert::Exists,
            Err(_) => Insert::Full,
        }
    }

    #[inline(always)]
    fn remove<const V4: bool>(&self, key: &FlowKey) {
        // Gone already is as good.
        let _ = if V4 {
            maps::FLOWS4.remove(key.narrow())
        } else {
            maps::FLOWS6.remove(key)
        };
    }
}

/// Copies a flow state word by word: a copy as a whole is first loaded as a whole, more than there
/// are registers, and so goes over the stack.
///
/// # Safety
/// Both must point to live, aligned states.
#[inline(always)]
unsafe fn copy_words(from: *const u64, to: *mut u64) {
    for word in 0..size_of::<FlowState>() / 8 {
        // SAFETY: the caller's promise; the index stays within a state.
        unsafe { to.add(word).write_volatile(from.add(word).read_volatile()) };
    }
}

/// An entry in place, of `FLOWS4` or of `FLOWS6`; the other pointer is null. Two pointers rather
/// than one and a flag: the verifier follows which of them is null, and so which map the other one
/// points into.
#[derive(Clone, Copy)]
pub(crate) struct KernelFlow {
    v4: *mut FlowEntry4,
    v6: *mut FlowEntry,
}

impl KernelFlow {
    #[inline(always)]
    fn state_mut(&self) -> *mut FlowState {
        if self.v4.is_null() {
            self.v6.cast()
        } else {
            self.v4.cast()
        }
    }
}

impl Flow for KernelFlow {
    #[inline(always)]
    fn state(&self) -> FlowState {
        // SAFETY: the look-up gave a live map value, which begins with the state.
        unsafe { *self.state_mut() }
    }

    #[inline(always)]
    fn addresses4(&self) -> Option<[Ipv4; 2]> {
        // SAFETY: if not null, the look-up gave a live map value of this type.
        unsafe { self.v4.as_ref() }.map(|entry| [entry.src, entry.dst])
    }

    #[inline(always)]
    fn addresses6(&self) -> Option<[Addr; 2]> {
        // SAFETY: as in `addresses4`.
        unsafe { self.v6.as_ref() }.map(|entry| [entry.src, entry.dst])
    }

    #[inline(always)]
    fn copy_to(&self, entry: &mut FlowEntry) {
        // SAFETY: as in `addresses4`.
        unsafe {
            copy_words(
                self.state_mut().cast(),
                ptr::from_mut(&mut entry.state).cast(),
            );
            if let Some(v4) = self.v4.as_ref() {
                entry.src = mapped(v4.src);
                entry.dst = mapped(v4.dst);
            } else if let Some(v6) = self.v6.as_ref() {
                entry.src = v6.src;
                entry.dst = v6.dst;
            }
        }
    }

    #[inline(always)]
    fn record(&self, bytes: u32, tick: u32, tcp_flags: u8) {
        let state = self.state_mut();
        // SAFETY: a live map value; the counters are 8-byte aligned and only ever changed
        // atomically; the other fields are single words, last writer wins.
        unsafe {
            add(&raw mut (*state).packets, 1);
            add(&raw mut (*state).bytes, u64::from(bytes));
            (*state).last_seen = tick;
            let seen = (*state).tcp_flags;
            if seen | tcp_flags != seen {
                (*state).tcp_flags = seen | tcp_flags;
            }
        }
    }

    #[inline(always)]
    fn judge(&self, generation: u32, judged: &Judged) {
        let state = self.state_mut();
        // SAFETY: a live map value. Generation and verdict share one aligned word and are written
        // in one store, so no other CPU sees the one without the other.
        unsafe {
            (*state).rules = judged.rules;
            let [_, _, _, _, _, role, scope0, scope1] =
                ptr::read((&raw const (*state).generation).cast::<[u8; 8]>());
            let [g0, g1, g2, g3] = generation.to_ne_bytes();
            let word = [g0, g1, g2, g3, judged.verdict, role, scope0, scope1];
            let place = (&raw mut (*state).generation).cast::<u64>();
            place.write_volatile(u64::from_ne_bytes(word));
        }
    }
}

impl Account for KernelWorld {
    #[inline(always)]
    fn accepted(&self, eni: u16, direction: Direction, bytes: u32) {
        let Some(row) = maps::ENI_COUNTERS.get_ptr_mut(u32::from(eni)) else {
            return;
        };
        // SAFETY: this CPU's own row of a per-CPU map.
        let counter = unsafe {
            match direction {
                Direction::In => &raw mut (*row).accepted_in,
                Direction::Out => &raw mut (*row).accepted_out,
            }
        };
        count(counter, bytes);
    }

    #[inline(always)]
    fn dropped(&self, event: &DropEvent) {
        let told = tell(event);
        if let Some(row) = maps::ENI_COUNTERS.get_ptr_mut(u32::from(event.eni)) {
            // SAFETY: this CPU's own row of a per-CPU map.
            unsafe {
                if event.direction == Direction::In as u8 {
                    count(&raw mut (*row).dropped_in, event.bytes);
                } else {
                    count(&raw mut (*row).dropped_out, event.bytes);
                }
                if !told {
                    count(&raw mut (*row).untold, event.bytes);
                }
            }
        }
        count_reason(event);
    }
}

/// Puts an event into the ring buffer; `false` if it is full.
#[inline(always)]
fn tell(event: &DropEvent) -> bool {
    let Some(mut entry) = maps::EVENTS.reserve::<DropEvent>(0) else {
        return false;
    };
    entry.write(*event);
    entry.submit(0);
    true
}

#[inline(always)]
fn count_reason(event: &DropEvent) {
    let key = DropKey {
        eni: event.eni,
        reason: event.reason,
        direction: event.direction,
    };
    if let Some(counter) = maps::DROPS.get_ptr_mut(key) {
        count(counter, event.bytes);
        return;
    }
    let first = Counter {
        packets: 1,
        bytes: u64::from(event.bytes),
    };
    // A full table costs the split by reason, not the ENI's total.
    let _ = maps::DROPS.insert(key, first, u64::from(BPF_ANY));
}

/// Counts on a row that belongs to this CPU.
#[inline(always)]
fn count(counter: *mut Counter, bytes: u32) {
    // SAFETY: callers pass a row of a per-CPU map, which no other CPU writes.
    unsafe {
        (*counter).packets += 1;
        (*counter).bytes += u64::from(bytes);
    }
}

/// Adds to a counter that all CPUs share.
///
/// # Safety
/// `counter` must be a live, 8-byte aligned `u64` that is only changed atomically.
#[inline(always)]
unsafe fn add(counter: *mut u64, amount: u64) {
    // SAFETY: the caller's promise.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(counter, amount) };
}
