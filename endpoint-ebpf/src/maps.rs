//! Every map. The capacities here are small defaults; the loader sets the real ones.
//!
//! Banked tables hold two generations: index `bank * rows + i`, or the bank in the key.
//!
//! May import: aya-ebpf, endpoint-common.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, LruHashMap, PerCpuArray, ProgramArray, RingBuf};
use endpoint_common::abi::Addr;
use endpoint_common::abi::counter::{EniCounters, EniDrops, RuleDrops};
use endpoint_common::abi::explain::Explanation;
use endpoint_common::abi::flow::{
    Bucket, FlowControl, FlowEntry, FlowEntry4, FlowLimits, RateBuckets,
};
use endpoint_common::abi::fragment::{FragmentKey, FragmentPorts};
use endpoint_common::abi::meta::{Meta, PORT_ROWS, Port};
use endpoint_common::abi::policy::{PolicyNode, PolicySet, PolicySkip};
use endpoint_common::abi::service::{
    Address, AddressKey, Backend, Hop, Listener, ListenerKey, TargetKey,
};
use endpoint_common::path::flows::STRIPES;
use endpoint_common::path::{Leg, Scratch};

const NO_PREALLOC: u32 = 1;
/// Lies page-aligned, and so do rows of whole cache lines; the daemon reads it without system calls.
const MMAPABLE: u32 = 1 << 10;

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
/// Ways without branches through the address tries of rule sets; banked.
#[map]
pub(crate) static POLICY_SKIPS: Array<PolicySkip> = Array::with_max_entries(1024, 0);
/// The rules of prefixes; banked.
#[map]
pub(crate) static POLICY_SETS: Array<PolicySet> = Array::with_max_entries(1024, 0);
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
/// IPv4 flows.
#[map]
pub(crate) static FLOWS4: Array<FlowEntry4> = Array::with_max_entries(16, MMAPABLE);
/// IPv6 flows.
#[map]
pub(crate) static FLOWS6: Array<FlowEntry> = Array::with_max_entries(16, MMAPABLE);
/// Where the halves of IPv4 flows are.
#[map]
pub(crate) static INDEX4: Array<Bucket> = Array::with_max_entries(8, MMAPABLE);
/// Where the halves of IPv6 flows are.
#[map]
pub(crate) static INDEX6: Array<Bucket> = Array::with_max_entries(8, MMAPABLE);
/// Free entries of `FLOWS4`.
#[map]
pub(crate) static FREE4: Array<u32> = Array::with_max_entries(16, MMAPABLE);
/// Free entries of `FLOWS6`.
#[map]
pub(crate) static FREE6: Array<u32> = Array::with_max_entries(16, MMAPABLE);
/// Half-open IPv4 flows.
#[map]
pub(crate) static HALF_OPEN4: Array<u64> = Array::with_max_entries(4, MMAPABLE);
/// Half-open IPv6 flows.
#[map]
pub(crate) static HALF_OPEN6: Array<u64> = Array::with_max_entries(4, MMAPABLE);
/// How far the lists have gone: row 0 of IPv4, row 1 of IPv6.
#[map]
pub(crate) static FLOW_CONTROL: Array<FlowControl> = Array::with_max_entries(2, MMAPABLE);
/// Locks of the index, by stripe.
#[map]
pub(crate) static STRIPE_LOCKS: Array<u32> = Array::with_max_entries(STRIPES, 0);
/// Limits of flows, by ENI index.
#[map]
pub(crate) static LIMITS: Array<FlowLimits> = Array::with_max_entries(1024, 0);
/// Bandwidth taken, by ENI index.
#[map]
pub(crate) static RATE_BUCKETS: Array<RateBuckets> = Array::with_max_entries(1024, 0);
/// How many flows there are, by ENI index.
#[map]
pub(crate) static ENI_FLOWS: Array<u32> = Array::with_max_entries(1024, 0);
/// Flows that ended.
#[map]
pub(crate) static ENDS: RingBuf = RingBuf::with_byte_size(4096, 0);
/// The clock that ticks are read from, as [`crate::endpoint_reap`] last saw it.
#[map]
pub(crate) static CLOCK: Array<u32> = Array::with_max_entries(1, 0);
/// Ports of datagrams in fragments.
#[map]
pub(crate) static FRAGMENTS: LruHashMap<FragmentKey, FragmentPorts> =
    LruHashMap::with_max_entries(1024, 0);
/// Counters by ENI index.
#[map]
pub(crate) static ENI_COUNTERS: PerCpuArray<EniCounters> = PerCpuArray::with_max_entries(1024, 0);
/// Drops by ENI index.
#[map]
pub(crate) static DROPS: PerCpuArray<EniDrops> = PerCpuArray::with_max_entries(1024, 0);
/// Drops by rule number.
#[map]
pub(crate) static RULE_DROPS: PerCpuArray<RuleDrops> = PerCpuArray::with_max_entries(1024, 0);
/// Drop events.
#[map]
pub(crate) static EVENTS: RingBuf = RingBuf::with_byte_size(4096, 0);
/// The packet's memory.
#[map]
pub(crate) static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);
/// The packet that is explained, and what became of it.
#[map]
pub(crate) static EXPLAIN: Array<Explanation> = Array::with_max_entries(1, 0);
/// Its memory: packets that arrive meanwhile use the other.
#[map]
pub(crate) static EXPLAIN_SCRATCH: Array<Scratch> = Array::with_max_entries(1, 0);
/// The legs of the TC hook, by number.
#[map]
pub(crate) static TC_LEGS: ProgramArray = ProgramArray::with_max_entries(Leg::ALL.len() as u32, 0);
/// The legs of the XDP hook, by number.
#[map]
pub(crate) static XDP_LEGS: ProgramArray = ProgramArray::with_max_entries(Leg::ALL.len() as u32, 0);
