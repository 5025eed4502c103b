//! Loading the object: capacities, constants, the layout check.
//!
//! May import: aya, endpoint-common, compiler (capacities, ticks), the module's own.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use aya::maps::{Array, MapError, ProgramArray};
use aya::programs::{Program, ProgramError, ProgramFd, SchedClassifier, Xdp};
use aya::{Ebpf, EbpfError, EbpfLoader};
use endpoint_common::abi::layout;
use endpoint_common::path::Leg;
use endpoint_common::path::flows::FlowSizes;

use super::maps::named;
use super::pod::Row;
use super::{DataplaneError, IdleTimes, TellRate, attach, explain, limits, observed::REAP, rows};
use crate::compiler::{Capacity, ticks};

/// The object this daemon was built with.
pub const OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/endpoint"));

const ABI_MAP: &str = ".rodata.abi";

/// How long later fragments may follow the first one: the time after which Linux gives a datagram up
/// (`net.ipv4.ipfrag_time`).
pub const FRAGMENT_TIME: Duration = Duration::from_secs(30);

/// How to load.
#[derive(Debug, Clone)]
pub struct LoadOptions<'a> {
    /// The ELF object.
    pub object: &'a [u8],
    /// Sizes of the tables.
    pub capacity: Capacity,
    /// Secret of the flow table's hash and of the NAT port choice.
    pub secret: [u64; 2],
    /// How long flows may be idle.
    pub idle: IdleTimes,
    /// How long later fragments may follow the first one; [`FRAGMENT_TIME`] but for tests.
    pub fragment_time: Duration,
    /// How many drops are told.
    pub told: TellRate,
    /// Log every packet's outcome (slow).
    pub log_packets: bool,
}

/// Loads maps and programs, and checks that the object's tables are laid out as ours.
pub(super) fn load(options: &LoadOptions<'_>) -> Result<Ebpf, DataplaneError> {
    let capacity = &options.capacity;
    let log = u8::from(options.log_packets);
    let flows = FlowSizes::for_flows(capacity.flows);
    let fragment_ticks = ticks(options.fragment_time, limits::tick());
    let told = options.told.limit();
    let mut loader = EbpfLoader::new();
    for (name, rows) in rows(capacity) {
        loader.map_max_entries(name, rows);
    }
    loader
        .override_global("LOG", &log, true)
        .override_global("POLICY_ROWS", &capacity.policy_rows, true)
        .override_global("MAGLEV_ROWS", &capacity.maglev_slots, true)
        .override_global("BACKEND_ROWS", &capacity.backends, true)
        .override_global("NAT_ROWS", &capacity.nat_addresses, true)
        .override_global("FLOW_ENTRIES", &flows.entries, true)
        .override_global("FRAGMENT_TICKS", &fragment_ticks, true)
        .override_global("TOLD_MOST", &told.most, true)
        .override_global("TOLD_PERIOD", &told.period, true);
    let mut ebpf = loader
        .load(options.object)
        .map_err(|error| refused(&error))?;
    check_layout(&ebpf)?;
    load_programs(&mut ebpf)?;
    for hook in Hook::BOTH {
        join_legs(&mut ebpf, hook)?;
    }
    Ok(ebpf)
}

/// A hook. The programs of both are loaded at once: they name maps by descriptor, and some maps are
/// handed to the observer afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hook {
    Xdp,
    Tc,
}

impl Hook {
    const BOTH: [Self; 2] = [Self::Xdp, Self::Tc];

    /// The first leg's program; the others' names begin with its.
    fn entry(self) -> &'static str {
        match self {
            Self::Xdp => attach::XDP_PROGRAM,
            Self::Tc => attach::TC_PROGRAM,
        }
    }

    /// The map of its legs.
    fn legs(self) -> &'static str {
        match self {
            Self::Xdp => "XDP_LEGS",
            Self::Tc => "TC_LEGS",
        }
    }
}

/// Loads all programs, on as many threads as there are CPUs: the kernel takes its time to verify each.
fn load_programs(ebpf: &mut Ebpf) -> Result<(), DataplaneError> {
    let mut wanted: BTreeSet<String> = [REAP.to_owned()].into();
    wanted.extend(explain::PROGRAMS.map(str::to_owned));
    for hook in Hook::BOTH {
        wanted.insert(hook.entry().to_owned());
        wanted.extend(Leg::ALL.map(|leg| leg_program(hook, leg)));
    }
    let mut programs = Vec::new();
    for (name, program) in ebpf.programs_mut() {
        if wanted.remove(name) {
            programs.push((name, program));
        }
    }
    if let Some(name) = wanted.pop_first() {
        return Err(no_program(&name));
    }
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let rest = Mutex::new(programs.into_iter());
    let next = || rest.lock().ok().and_then(|mut rest| rest.next());
    let work = || {
        while let Some((name, program)) = next() {
            load_program(name, program)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| {
                Err(DataplaneError::Load {
                    reason: "a thread that loads programs panicked".into(),
                })
            })
        })
    })
}

fn load_program(name: &str, program: &mut Program) -> Result<(), DataplaneError> {
    let loaded = match program {
        Program::Xdp(program) => program.load(),
        Program::SchedClassifier(program) => program.load(),
        _ => return Err(no_program(name)),
    };
    loaded.map_err(|error| program_refused(name, &error))
}

fn no_program(name: &str) -> DataplaneError {
    DataplaneError::Load {
        reason: format!("the object has no program {name} of the kind that is needed"),
    }
}

fn leg_program(hook: Hook, leg: Leg) -> String {
    format!("{}_{}", hook.entry(), suffix(leg))
}

/// What the name of a leg's program ends with.
fn suffix(leg: Leg) -> &'static str {
    match leg {
        Leg::Neighbour => "neighbour",
        Leg::Open => "open",
        Leg::Open6 => "open6",
        Leg::Known => "known",
        Leg::Send => "send",
        Leg::Echo => "echo",
        Leg::Tell => "tell",
        Leg::Arrive6 => "ipv6",
        Leg::Related => "related",
        Leg::Fragment => "fragment",
        Leg::Answer => "answer",
        Leg::Tagged => "tagged",
        Leg::Tag => "tag",
        Leg::Known6 => "known6",
    }
}

/// Leads every leg to its program. The map must live as long as the programs: without it, its slots
/// are emptied.
fn join_legs(ebpf: &mut Ebpf, hook: Hook) -> Result<(), DataplaneError> {
    let program = |leg| {
        let program = ebpf.program(&leg_program(hook, leg))?;
        Some((leg, program.fd().ok()?.try_clone().ok()?))
    };
    let programs: Option<Vec<(Leg, ProgramFd)>> = Leg::ALL.into_iter().map(program).collect();
    let programs = programs.ok_or(DataplaneError::Missing("a leg's program"))?;
    let map = hook.legs();
    let legs = ebpf.map_mut(map).ok_or(DataplaneError::Missing(map))?;
    let mut legs = ProgramArray::try_from(legs).map_err(named(map))?;
    for (leg, program) in programs {
        legs.set(leg as u32, &program, 0).map_err(named(map))?;
    }
    Ok(())
}

/// The reader of what the program logs, to the process's logger.
pub(super) type PacketLog = aya_log::EbpfLogger<&'static dyn log::Log>;

pub(super) fn packet_log(ebpf: &mut Ebpf) -> Result<PacketLog, DataplaneError> {
    PacketLog::init(ebpf).map_err(|error| DataplaneError::Load {
        reason: chain(&error),
    })
}

/// The first leg's program at the XDP hook.
pub(super) fn xdp_program(ebpf: &mut Ebpf) -> Result<&mut Xdp, DataplaneError> {
    let program = ebpf.program_mut(attach::XDP_PROGRAM);
    program
        .and_then(|program| program.try_into().ok())
        .ok_or(DataplaneError::Missing(attach::XDP_PROGRAM))
}

/// The first leg's program at the TC hook.
pub(super) fn tc_program(ebpf: &mut Ebpf) -> Result<&mut SchedClassifier, DataplaneError> {
    let program = ebpf.program_mut(attach::TC_PROGRAM);
    program
        .and_then(|program| program.try_into().ok())
        .ok_or(DataplaneError::Missing(attach::TC_PROGRAM))
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

/// Instructions the verifier walked through, by program.
pub(super) fn verified_instructions(ebpf: &Ebpf) -> Vec<(String, Option<u32>)> {
    let count = |program: &Program| program.info().ok()?.verified_instruction_count();
    ebpf.programs()
        .map(|(name, program)| (name.to_owned(), count(program)))
        .collect()
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

fn program_refused(name: &str, error: &ProgramError) -> DataplaneError {
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
                reason: format!("program {name}: {io_error}\n{}", tail.join("\n")),
            }
        }
        other => DataplaneError::Load {
            reason: chain(other),
        },
    }
}

/// An error with its sources, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
