//! Every map. The capacities here are small defaults; the loader sets the real ones.
//!
//! Banked tables hold two generations: index `bank * rows + i`, or the bank in the key.
//!
//! May import: aya-ebpf, endpoint-common.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, PerCpuArray, PerCpuHashMap, RingBuf};
use endpoint_common::abi::Addr;
use endpoint_common::abi::counter::{Counter, DropKey, EniCounters};
use endpoint_common::abi::flow::{FlowEntry, FlowEntry4, FlowKey, FlowKey4};
use endpoint_common::abi::meta::{Meta, PORT_ROWS, Port};
use endpoint_common::abi::policy::PolicyNode;
use endpoint_common::abi::service::{
    Address, AddressKey, Backend, Hop, Listener, ListenerKey, TargetKey,
};
use endpoint_common::path::Scratch;

const NO_PREALLOC: u32 = 1;

/// Row 0: the generation in force.
#[map]
pub(crate) static META: Array<Meta> = Array::with_max_entries(1, 0);
/// Bound interfaces.
#[map]
pub(crate) static PORTS: Array<Port> = Array::with_max_entries(PORT_ROWS, 0);
/// Addresses this node answers for.
#[map]
pub(crate) static ADDRESSES: HashMap<AddressKey, Address> =
    HashMap::with_max_entries(1024, NO_PREALLOC);
/// Nodes of compiled rule sets; banked.
#[map]
pub(crate) static POLICY: Array<PolicyNode> = Array::with_max_entries(1024, 0);
/// Listeners of load balancers.
#[map]
pub(crate) static LISTENERS: HashMap<ListenerKey, Listener> =
    HashMap::with_max_entries(1024, NO_PREALLOC);
/// Targets behind listeners.
#[map]
pub(crate) static TARGETS: HashMap<TargetKey, u32> = HashMap::with_max_entries(1024, NO_PREALLOC);
/// Maglev tables, one after the other; banked.
#[map]
pub(crate) static MAGLEV: Array<u32> = Array::with_max_entries(1024, 0);
/// Backends; banked.
#[map]
pub(crate) static BACKENDS: Array<Backend> = Array::with_max_entries(1024, 0);
/// NAT addresses, pool after pool; banked.
#[map]
pub(crate) static NAT_ADDRESSES: Array<Addr> = Array::with_max_entries(64, 0);
/// Next hops.
#[map]
pub(crate) static HOPS: Array<Hop> = Array::with_max_entries(1024, 0);
/// Tracked IPv4 flows.
#[map]
pub(crate) static FLOWS4: HashMap<FlowKey4, FlowEntry4> = HashMap::with_max_entries(1024, 0);
/// Tracked IPv6 flows.
#[map]
pub(crate) static FLOWS6: HashMap<FlowKey, FlowEntry> = HashMap::with_max_entries(1024, 0);
/// Counters by ENI index.
#[map]
pub(crate) static ENI_COUNTERS: PerCpuArray<EniCounters> = PerCpuArray::with_max_entries(1024, 0);
/// Drops by ENI, reason and direction.
#[map]
pub(crate) static DROPS: PerCpuHashMap<DropKey, Counter> =
    PerCpuHashMap::with_max_entries(1024, NO_PREALLOC);
/// Drop events.
#[map]
pub(crate) static EVENTS: RingBuf = RingBuf::with_byte_size(4096, 0);
/// The packet's memory.
#[map]
pub(crate) static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);
/// An IPv4 entry on its way into `FLOWS4`.
#[map]
pub(crate) static NARROW: PerCpuArray<FlowEntry4> = PerCpuArray::with_max_entries(1, 0);
