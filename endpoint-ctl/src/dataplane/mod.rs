//! The kernel side: loads the object, writes generations, binds interfaces, reads back.
//!
//! The only module that speaks to aya, and the only one in this crate with `unsafe`.
//!
//! May import: aya, endpoint-common, compiler (tables and capacities). Never: model, tokio.

mod attach;
mod batch;
mod error;
mod explain;
mod flow_lists;
mod flow_rows;
mod grace;
mod limits;
mod load;
mod mapping;
mod maps;
mod observed;
mod pod;
mod test_run;
mod writer;

use std::collections::BTreeSet;
use std::sync::Arc;

use aya::Ebpf;
use aya::programs::ProgramFd;

use crate::compiler::{Capacity, CompileError, Tables};
use endpoint_common::abi::explain::Explanation;
use endpoint_common::abi::flow::{Family, FlowLimits};
use endpoint_common::abi::meta::{Port, Tags};
use endpoint_common::abi::service::Hop;
use endpoint_common::path::flows::FlowSizes;

pub use attach::{AttachMode, Attached};
pub use error::DataplaneError;
pub use limits::{IdleTimes, TellRate};
pub use load::{FRAGMENT_TIME, LoadOptions, OBJECT};
pub use observed::{FlowId, Observed, TableUse};
pub use test_run::{RunResult, XdpAction};

use explain::Explainer;
use load::PacketLog;
use writer::Writer;

/// The loaded programs and the tables they read.
pub struct Dataplane {
    ebpf: Ebpf,
    writer: Writer,
    explainer: Explainer,
    attached: Vec<Attached>,
    /// The rows of `PORTS` that are bound: several may be of one interface.
    bound: BTreeSet<(u32, Tags)>,
    packet_log: Option<PacketLog>,
}

impl Dataplane {
    /// Loads the object and takes its maps; what is for observers comes apart.
    ///
    /// # Errors
    /// Missing privilege or kernel feature, a verifier refusal, an object of another layout.
    pub fn load(options: &LoadOptions<'_>) -> Result<(Self, Observed), DataplaneError> {
        let mut ebpf = load::load(options)?;
        let writer = Writer::take(&mut ebpf, options.secret, options.idle.row())?;
        let explainer = Explainer::take(&mut ebpf)?;
        let flows = FlowSizes::for_flows(options.capacity.flows);
        let observed = Observed::take(&mut ebpf, flows.entries)?;
        let packet_log = options
            .log_packets
            .then(|| load::packet_log(&mut ebpf))
            .transpose()?;
        Ok((
            Self {
                ebpf,
                writer,
                explainer,
                attached: Vec::new(),
                bound: BTreeSet::new(),
                packet_log,
            },
            observed,
        ))
    }

    /// Hands what the program logged about packets to the daemon's log.
    pub fn flush_packet_log(&mut self) {
        if let Some(log) = &mut self.packet_log {
            log.flush();
        }
    }

    /// Puts a generation in force, whole. On an error the one before stays in force.
    ///
    /// # Errors
    /// A map that refused a row.
    pub fn apply(&mut self, tables: &Tables) -> Result<(), DataplaneError> {
        self.writer.apply(tables)
    }

    /// What the loaded program would make of a frame, on the tables in force; nothing is left behind. The
    /// frame is one of this family without VLAN tags, which would arrive on interface `ifindex` with
    /// `tags`.
    ///
    /// # Errors
    /// The kernel refused the run.
    pub fn explain(
        &mut self,
        family: Family,
        frame: &[u8],
        ifindex: u32,
        tags: Tags,
    ) -> Result<Explanation, DataplaneError> {
        self.explainer.explain(family, frame, ifindex, tags)
    }

    /// The tables in force.
    pub fn tables(&self) -> &Arc<Tables> {
        self.writer.in_force()
    }

    /// The generation in force, 0 before the first.
    pub fn generation(&self) -> u32 {
        self.writer.generation()
    }

    /// Writes a next hop.
    ///
    /// # Errors
    /// A row beyond the table.
    pub fn set_hop(&mut self, row: u32, hop: Hop) -> Result<(), DataplaneError> {
        self.writer.set_hop(row, hop)
    }

    /// Writes how many flows an ENI may have and how long they may be idle. All zero: as for all.
    ///
    /// # Errors
    /// An ENI index beyond the table.
    pub fn set_limits(&mut self, eni: u16, limits: FlowLimits) -> Result<(), DataplaneError> {
        self.writer.set_limits(eni, limits)
    }

    /// Whether the object has a program for the TC hook.
    pub fn has_tc(&self) -> bool {
        attach::has_tc(&self.ebpf)
    }

    /// Makes an interface, or a VLAN of it, known and attaches the program to the interface, which is
    /// called `name`, by the first of `modes` that works, or refreshes what is known of it. Where
    /// other modes than before are allowed, it is attached anew, and for a moment not at all.
    ///
    /// # Errors
    /// No such interface, another program in the way, no room in the table.
    pub fn bind(
        &mut self,
        name: &str,
        port: Port,
        modes: &[AttachMode],
    ) -> Result<(), DataplaneError> {
        self.writer.set_port(port)?;
        self.bound.insert((port.ifindex, port.tags));
        let mut known = self.attached.iter_mut();
        let known = known.find(|known| known.ifindex == port.ifindex);
        if known.is_some_and(|known| known.serves(modes)) {
            return Ok(());
        }
        self.detach(port.ifindex)?;
        match attach::attach(&mut self.ebpf, name, port.ifindex, modes) {
            Ok(attached) => self.attached.push(attached),
            Err(error) => {
                self.forget(port.ifindex, port.tags)?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Forgets an interface, or the VLAN of it that frames with these tags are of, and detaches from
    /// it with the last.
    ///
    /// # Errors
    /// The kernel refused to detach.
    pub fn unbind(&mut self, ifindex: u32, tags: Tags) -> Result<(), DataplaneError> {
        self.bound.remove(&(ifindex, tags));
        let is_last = !self.bound.iter().any(|(other, _)| *other == ifindex);
        if is_last {
            self.detach(ifindex)?;
        }
        self.writer.clear_port(ifindex, tags)
    }

    fn detach(&mut self, ifindex: u32) -> Result<(), DataplaneError> {
        let mut known = self.attached.iter();
        let Some(place) = known.position(|known| known.ifindex == ifindex) else {
            return Ok(());
        };
        let attached = self.attached.remove(place);
        attach::detach(&mut self.ebpf, attached)
    }

    /// Forgets an interface that is gone, or a VLAN of it. The kernel has detached the program from
    /// an interface that is gone.
    ///
    /// # Errors
    /// The table of interfaces refused.
    pub fn forget(&mut self, ifindex: u32, tags: Tags) -> Result<(), DataplaneError> {
        if let Err(error) = self.unbind(ifindex, tags) {
            tracing::debug!("an interface that is gone: {error}");
        }
        self.writer.clear_port(ifindex, tags)
    }

    /// Whether an interface, or the VLAN of these tags, is bound.
    pub fn is_bound(&self, ifindex: u32, tags: Tags) -> bool {
        self.bound.contains(&(ifindex, tags))
    }

    /// Interfaces the program is attached to.
    pub fn attached(&self) -> &[Attached] {
        &self.attached
    }

    /// Runs the loaded program on `frame` as if it had arrived on the interface of index 1
    /// (loopback), without sending anything: `BPF_PROG_TEST_RUN`.
    ///
    /// # Errors
    /// The kernel refused the run.
    pub fn test_run(&mut self, frame: &[u8], repeat: u32) -> Result<RunResult, DataplaneError> {
        test_run::run(&mut self.ebpf, frame, repeat)
    }

    /// Instructions the verifier walked through, by program, if the kernel tells.
    pub fn verified_instructions(&self) -> Vec<(String, Option<u32>)> {
        load::verified_instructions(&self.ebpf)
    }

    /// The loaded program, for benches that enter it by tail call.
    pub fn program_fd(&self) -> Option<&ProgramFd> {
        self.ebpf.program(attach::XDP_PROGRAM)?.fd().ok()
    }

    /// Makes an interface known without attaching to it, for [`Self::test_run`].
    ///
    /// # Errors
    /// No room in the table.
    pub fn set_port(&mut self, port: Port) -> Result<(), DataplaneError> {
        self.writer.set_port(port)
    }
}

impl From<CompileError> for DataplaneError {
    fn from(error: CompileError) -> Self {
        Self::DoesNotFit(error)
    }
}

/// Rows of each map for what `capacity` holds: banked tables hold two generations.
fn rows(capacity: &Capacity) -> [(&'static str, u32); 27] {
    let flows = FlowSizes::for_flows(capacity.flows);
    [
        ("ADDRESSES", capacity.service_rows * 2),
        ("LISTENERS", capacity.service_rows * 2),
        ("TARGETS", capacity.service_rows * 2),
        ("POLICY", capacity.policy_rows * 2),
        ("POLICY_SKIPS", capacity.policy_rows * 2),
        ("POLICY_SETS", capacity.policy_rows * 2),
        ("MAGLEV", capacity.maglev_slots * 2),
        ("BACKENDS", capacity.backends * 2),
        ("NAT_ADDRESSES", capacity.nat_addresses * 2),
        ("HOPS", capacity.hops),
        ("FLOWS4", flows.entries),
        ("FLOWS6", flows.entries),
        ("INDEX4", flows.buckets),
        ("INDEX6", flows.buckets),
        ("FREE4", flows.entries),
        ("FREE6", flows.entries),
        ("HALF_OPEN4", flows.half_open),
        ("HALF_OPEN6", flows.half_open),
        ("FRAGMENTS", capacity.fragments),
        ("ENI_COUNTERS", capacity.enis),
        ("ENI_FLOWS", capacity.enis),
        ("LIMITS", capacity.enis),
        ("RATE_BUCKETS", capacity.enis),
        ("DROPS", capacity.enis),
        ("RULE_DROPS", capacity.rules),
        ("EVENTS", capacity.event_bytes),
        ("ENDS", capacity.event_bytes),
    ]
}
