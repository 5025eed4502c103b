//! The path's tables and counters over the maps.
//!
//! May import: aya-ebpf, endpoint-common, maps, config.

use aya_ebpf::bindings::BPF_ANY;
use endpoint_common::abi::Addr;
use endpoint_common::abi::counter::{Counter, DropKey};
use endpoint_common::abi::event::DropEvent;
use endpoint_common::abi::flow::Direction;
use endpoint_common::abi::fragment::{FragmentKey, FragmentPorts};
use endpoint_common::abi::meta::{Meta, PORT_PROBES, Port, Tags};
use endpoint_common::abi::policy::{PolicySet, PolicySkip, PolicySlot, RuleWord};
use endpoint_common::abi::service::{
    Address, AddressKey, Backend, Hop, Listener, ListenerKey, TargetKey,
};
use endpoint_common::path::{self, Account, Peer, PolicyKey, Scratch, Tables, tell};

use crate::{config, maps};

/// [`path::classify`] over the maps. Not static, so that the kernel verifies it once, by itself, and
/// not again wherever it is called.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn endpoint_classify(bank: u32, root: u32, high: u64, low: u64, key: u64) -> u32 {
    path::classify(&KernelWorld, bank, root, Peer([high, low]), PolicyKey(key)).0
}

/// The maps of this object.
pub(crate) struct KernelWorld;

impl Tables for KernelWorld {
    type Scratch<'a> = &'a mut Scratch;

    #[inline(always)]
    fn meta(&self) -> Option<Meta> {
        maps::META.get(0).copied()
    }

    #[inline(always)]
    fn port(&self, ifindex: u32, tags: Tags) -> Option<Port> {
        for probe in 0..PORT_PROBES {
            let port = maps::PORTS.get(Port::row(ifindex, tags, probe))?;
            if port.is(ifindex, tags) {
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
    fn classify(&self, bank: u32, root: u32, peer: Peer, key: PolicyKey) -> RuleWord {
        let Peer([high, low]) = peer;
        RuleWord(endpoint_classify(bank, root, high, low, key.0))
    }

    #[inline(always)]
    fn policy_slot(&self, bank: u32, node: u32, slot: u8) -> Option<PolicySlot> {
        let row = maps::POLICY.get_ptr(bank * config::POLICY_ROWS.load() + node)?;
        // SAFETY: the row is a `PolicyNode`, 16 slots; the mask keeps the index below 16.
        Some(unsafe { *row.cast::<PolicySlot>().add(usize::from(slot & 15)) })
    }

    #[inline(always)]
    fn policy_skip(&self, bank: u32, row: u32) -> Option<&PolicySkip> {
        maps::POLICY_SKIPS.get(bank * config::POLICY_ROWS.load() + row)
    }

    #[inline(always)]
    fn policy_set(&self, bank: u32, row: u32) -> Option<&PolicySet> {
        maps::POLICY_SETS.get(bank * config::POLICY_ROWS.load() + row)
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
    fn fragment(&self, key: &FragmentKey) -> Option<FragmentPorts> {
        // SAFETY: a row is written whole before it is found, and its ports stay what they are.
        unsafe { maps::FRAGMENTS.get(key) }.copied()
    }

    #[inline(always)]
    fn remember(&self, key: &FragmentKey, ports: &FragmentPorts) {
        // Without the row later fragments are refused, and counted.
        let _ = maps::FRAGMENTS.insert(key, ports, u64::from(BPF_ANY));
    }

    #[inline(always)]
    fn fragment_ticks(&self) -> u32 {
        config::FRAGMENT_TICKS.load()
    }

    #[inline(always)]
    fn scratch(&self) -> Option<&mut Scratch> {
        let scratch = maps::SCRATCH.get_ptr_mut(0)?;
        // SAFETY: this CPU's own row; packet programs do not interrupt each other on a CPU, and
        // the path does not borrow it twice. Any bytes are a valid scratch.
        Some(unsafe { &mut *scratch })
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
    fn dropped(&self, what: DropKey, rule: u32, bytes: u32, tick: u32) -> bool {
        if rule != 0
            && let Some(row) = maps::RULE_DROPS.get_ptr_mut(rule)
        {
            // SAFETY: this CPU's own row of a per-CPU map.
            unsafe {
                count(&raw mut (*row).counter, bytes);
                (*row).last = tick;
            }
        }
        let Some(row) = maps::DROPS.get_ptr_mut(u32::from(what.eni)) else {
            return true;
        };
        // SAFETY: this CPU's own row of a per-CPU map.
        let drops = unsafe { &mut *row };
        let direction = usize::from(what.direction & 1);
        if let Some(counters) = drops.counters.get_mut(usize::from(what.reason)) {
            count(&raw mut counters[direction], bytes);
        }
        let is_told = tell::is_told(&mut drops.told, config::tell_limit(), tick);
        if !is_told {
            count(&raw mut drops.untold, bytes);
        }
        is_told
    }

    #[inline(always)]
    fn audited(&self, eni: u16, bytes: u32, tick: u32, can_be_told: bool) -> bool {
        let Some(row) = maps::DROPS.get_ptr_mut(u32::from(eni)) else {
            return can_be_told;
        };
        // SAFETY: this CPU's own row of a per-CPU map.
        let drops = unsafe { &mut *row };
        count(&raw mut drops.audited, bytes);
        let is_told =
            can_be_told && tell::is_told(&mut drops.audited_told, config::tell_limit(), tick);
        if !is_told {
            count(&raw mut drops.audited_untold, bytes);
        }
        is_told
    }

    #[inline(always)]
    fn tell(&self, event: &DropEvent) {
        if let Some(mut entry) = maps::EVENTS.reserve::<DropEvent>(0) {
            entry.write(*event);
            entry.submit(0);
        } else if let Some(row) = maps::DROPS.get_ptr_mut(u32::from(event.eni)) {
            // SAFETY: this CPU's own row of a per-CPU map.
            let untold = unsafe {
                if event.audited == 0 {
                    &raw mut (*row).untold
                } else {
                    &raw mut (*row).audited_untold
                }
            };
            count(untold, event.bytes);
        }
    }
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
