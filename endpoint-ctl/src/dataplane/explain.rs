//! What the loaded program would make of a packet: asked on the tables in force, leaving nothing behind.
//!
//! May import: aya, bytemuck, endpoint-common::abi, the module's own.

use aya::Ebpf;
use aya::programs::ProgramFd;
use bytemuck::Zeroable as _;
use endpoint_common::abi::explain::Explanation;
use endpoint_common::abi::flow::Family;
use endpoint_common::abi::meta::Tags;

use super::maps::Rows;
use super::{DataplaneError, test_run};

/// The programs that explain, of IPv4 and of IPv6.
pub(super) const PROGRAMS: [&str; 2] = ["endpoint_explain", "endpoint_explain6"];

/// See the module.
pub(super) struct Explainer {
    row: Rows<Explanation>,
    programs: [ProgramFd; 2],
}

impl Explainer {
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, DataplaneError> {
        let program = |name| {
            let program = ebpf.program(name);
            let program = program.and_then(|program| program.fd().ok()?.try_clone().ok());
            program.ok_or(DataplaneError::Missing(name))
        };
        let [ipv4, ipv6] = PROGRAMS;
        let programs = [program(ipv4)?, program(ipv6)?];
        let row = Rows::take(ebpf, "EXPLAIN")?;
        Ok(Self { row, programs })
    }

    /// Explains a frame without VLAN tags that would arrive on interface `ifindex` with these.
    pub(super) fn explain(
        &mut self,
        family: Family,
        frame: &[u8],
        ifindex: u32,
        tags: Tags,
    ) -> Result<Explanation, DataplaneError> {
        let question = Explanation {
            ifindex,
            tags,
            ..Explanation::zeroed()
        };
        self.row.set(0, question)?;
        let [ipv4, ipv6] = &self.programs;
        let program = match family {
            Family::V4 => ipv4,
            Family::V6 => ipv6,
        };
        test_run::run_bare(program, frame, 1).map_err(DataplaneError::Explain)?;
        self.row.get(0)
    }
}
