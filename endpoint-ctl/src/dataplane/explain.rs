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

/// The programs that explain: of IPv4 and of IPv6 first the one that looks at the packet's flow, then the
/// one that takes it for a new flow's.
pub(super) const PROGRAMS: [&str; 4] = [
    "endpoint_explain_flow",
    "endpoint_explain_open",
    "endpoint_explain_flow6",
    "endpoint_explain_open6",
];

/// See the module.
pub(super) struct Explainer {
    row: Rows<Explanation>,
    ipv4: [ProgramFd; 2],
    ipv6: [ProgramFd; 2],
}

impl Explainer {
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, DataplaneError> {
        let program = |name| {
            let program = ebpf.program(name);
            let program = program.and_then(|program| program.fd().ok()?.try_clone().ok());
            program.ok_or(DataplaneError::Missing(name))
        };
        let [flow4, open4, flow6, open6] = PROGRAMS;
        let ipv4 = [program(flow4)?, program(open4)?];
        let ipv6 = [program(flow6)?, program(open6)?];
        let row = Rows::take(ebpf, "EXPLAIN")?;
        Ok(Self { row, ipv4, ipv6 })
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
        let programs = match family {
            Family::V4 => &self.ipv4,
            Family::V6 => &self.ipv6,
        };
        for program in programs {
            test_run::run_bare(program, frame, 1).map_err(DataplaneError::Explain)?;
        }
        self.row.get(0)
    }
}
