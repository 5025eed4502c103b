//! Load-time constants, which the verifier folds: a branch that is off costs nothing.
//!
//! May import: aya-ebpf, endpoint-common.

use aya_ebpf::Global;
use endpoint_common::abi::layout;
use endpoint_common::path::tell::TellLimit;

/// Not 0: every packet's outcome goes to the debug log.
#[unsafe(no_mangle)]
pub(crate) static LOG: Global<u8> = Global::new(0);

/// Rows per bank of `POLICY`.
#[unsafe(no_mangle)]
pub(crate) static POLICY_ROWS: Global<u32> = Global::new(0);
/// Rows per bank of `MAGLEV`.
#[unsafe(no_mangle)]
pub(crate) static MAGLEV_ROWS: Global<u32> = Global::new(0);
/// Rows per bank of `BACKENDS`.
#[unsafe(no_mangle)]
pub(crate) static BACKEND_ROWS: Global<u32> = Global::new(0);
/// Rows per bank of `NAT_ADDRESSES`.
#[unsafe(no_mangle)]
pub(crate) static NAT_ROWS: Global<u32> = Global::new(0);

/// Entries of a flow table, a power of two: see `FlowSizes`.
#[unsafe(no_mangle)]
pub(crate) static FLOW_ENTRIES: Global<u32> = Global::new(16);

/// How long later fragments may follow the first one.
#[unsafe(no_mangle)]
pub(crate) static FRAGMENT_TICKS: Global<u32> = Global::new(7_500);

/// Drops of an ENI that are told in a period, on each CPU.
#[unsafe(no_mangle)]
pub(crate) static TOLD_MOST: Global<u32> = Global::new(0);
/// Ticks of that period.
#[unsafe(no_mangle)]
pub(crate) static TOLD_PERIOD: Global<u32> = Global::new(250);

/// The layout this object was built with; a section, and so a map, of its own for the loader.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".rodata.abi")]
pub(crate) static FINGERPRINT: Global<u64> = Global::new(layout::fingerprint());

/// How many drops are told.
#[inline(always)]
pub(crate) fn tell_limit() -> TellLimit {
    TellLimit {
        most: TOLD_MOST.load(),
        period: TOLD_PERIOD.load(),
    }
}
