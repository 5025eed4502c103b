//! Loading the object: capacities, constants, the layout check.
//!
//! May import: aya, endpoint-common::abi, compiler (capacities), the module's own.

use aya::maps::{Array, MapError};
use aya::programs::{ProgramError, Xdp};
use aya::{Ebpf, EbpfError, EbpfLoader};
use endpoint_common::abi::layout;

use super::pod::Row;
use super::{DataplaneError, attach, rows};
use crate::compiler::Capacity;

/// The object this daemon was built with.
pub const OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/endpoint"));

const ABI_MAP: &str = ".rodata.abi";

/// How to load.
#[derive(Debug, Clone)]
pub struct LoadOptions<'a> {
    /// The ELF object.
    pub object: &'a [u8],
    /// Sizes of the tables.
    pub capacity: Capacity,
    /// Secret of the NAT port choice.
    pub seed: u32,
    /// Log every packet's outcome (slow).
    pub log_packets: bool,
}

/// Loads maps and programs, and checks that the object's tables are laid out as ours.
pub(super) fn load(options: &LoadOptions<'_>) -> Result<Ebpf, DataplaneError> {
    let capacity = &options.capacity;
    let log = u8::from(options.log_packets);
    let mut loader = EbpfLoader::new();
    for (name, rows) in rows(capacity) {
        loader.map_max_entries(name, rows);
    }
    loader
        .override_global("LOG", &log, true)
        .override_global("POLICY_ROWS", &capacity.policy_nodes, true)
        .override_global("MAGLEV_ROWS", &capacity.maglev_slots, true)
        .override_global("BACKEND_ROWS", &capacity.backends, true)
        .override_global("NAT_ROWS", &capacity.nat_addresses, true);
    let mut ebpf = loader
        .load(options.object)
        .map_err(|error| refused(&error))?;
    check_layout(&ebpf)?;
    let program = program_mut(&mut ebpf)?;
    program.load().map_err(|error| program_refused(&error))?;
    Ok(ebpf)
}

/// The reader of what the program logs, to the process's logger.
pub(super) type PacketLog = aya_log::EbpfLogger<&'static dyn log::Log>;

pub(super) fn packet_log(ebpf: &mut Ebpf) -> Result<PacketLog, DataplaneError> {
    PacketLog::init(ebpf).map_err(|error| DataplaneError::Load {
        reason: chain(&error),
    })
}

/// The loaded XDP program.
pub(super) fn program_mut(ebpf: &mut Ebpf) -> Result<&mut Xdp, DataplaneError> {
    let program = ebpf.program_mut(attach::PROGRAM);
    program
        .and_then(|program| program.try_into().ok())
        .ok_or(DataplaneError::Missing("program endpoint_xdp"))
}

fn check_layout(ebpf: &Ebpf) -> Result<(), DataplaneError> {
    let map = ebpf
        .map(ABI_MAP)
        .ok_or(DataplaneError::Missing("layout fingerprint"))?;
    let read = Array::<_, Row<u64>>::try_from(map).and_then(|array| array.get(&0, 0));
    let found = read
        .map_err(|source| DataplaneError::Map {
            table: ABI_MAP,
            source,
        })?
        .0;
    let ours = layout::fingerprint();
    if found == ours {
        Ok(())
    } else {
        Err(DataplaneError::Layout { found, ours })
    }
}

/// Instructions the verifier walked through.
pub(super) fn verified_instructions(ebpf: &Ebpf, name: &str) -> Option<u32> {
    ebpf.program(name)?
        .info()
        .ok()?
        .verified_instruction_count()
}

fn refused(error: &EbpfError) -> DataplaneError {
    if let EbpfError::MapError(MapError::CreateError { io_error, .. }) = error
        && io_error.kind() == std::io::ErrorKind::PermissionDenied
    {
        return DataplaneError::NotPermitted;
    }
    DataplaneError::Load {
        reason: chain(error),
    }
}

fn program_refused(error: &ProgramError) -> DataplaneError {
    match error {
        ProgramError::LoadError { io_error, .. }
            if io_error.kind() == std::io::ErrorKind::PermissionDenied
                && !nix::unistd::geteuid().is_root() =>
        {
            DataplaneError::NotPermitted
        }
        ProgramError::LoadError {
            io_error,
            verifier_log,
        } => {
            let log = verifier_log.to_string();
            let mut tail: Vec<&str> = log.lines().rev().take(12).collect();
            tail.reverse();
            DataplaneError::Load {
                reason: format!("{io_error}\n{}", tail.join("\n")),
            }
        }
        other => DataplaneError::Load {
            reason: chain(other),
        },
    }
}

/// An error with its sources, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
