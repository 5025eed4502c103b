//! The flow table: entries in an array, found through an index of buckets, without the kernel's hash
//! maps. One entry holds both directions of a flow, a look-up touches one bucket and one half, and
//! what gives way under a flood is ours to say.
//!
//! - [`index`]: from a key to a half. Every key has two buckets of eight slots.
//! - [`arena`]: which entries are free, which are half-open, and how flows begin and end.
//!
//! Several CPUs use the table at once. A slot changes in one atomic step. A key is added under a
//! lock of its stripe, so that no two entries get one key: that is what reserves a NAT port. A packet
//! that found its half checks, once it is rewritten, that the slot still says so
//! ([`Found::is_current`]): an entry is taken out of the index before it is used again.
//!
//! May import: core, abi, hash.

pub(super) mod arena;
pub(super) mod index;
mod memory;

pub use arena::reap;
pub use index::{Found, STRIPES, find};
pub use memory::{Bucket, Entry, FlowMemory, FlowSizes, Repeated};
