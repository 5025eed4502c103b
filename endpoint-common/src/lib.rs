//! What the packet programs and the daemon agree on, bytes and meaning both.
//!
//! - [`wire`]: headers as they stand in a frame, and the Internet checksum.
//! - [`abi`]: the rows of the BPF maps, the drop reasons, the events; version and fingerprint.
//! - [`hash`]: the one tuple hash.
//! - [`path`]: a packet's whole way, generic over frame and tables; runs in the kernel through
//!   endpoint-ebpf and on the host under tests, fuzzing and `explain`.
//!
//! May import: core, bytemuck, network-types. No IO, no allocation, no `unsafe`, no panics.
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm
)]
// bytemuck's derives name `::bytemuck` with full paths.
#![allow(
    unused_qualifications,
    reason = "in code that bytemuck's derives write"
)]

pub mod abi;
pub mod hash;
pub mod path;
pub mod wire;
