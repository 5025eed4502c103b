//! Attaching to interfaces: native XDP where the driver has it, else generic XDP, and never
//! silently: the mode is kept for `status`.
//!
//! May import: aya, the module's own.

use std::fmt;

use aya::Ebpf;
use aya::programs::xdp::XdpLinkId;
use aya::programs::{ProgramError, XdpMode};

use super::{DataplaneError, load};

/// The XDP program's name.
pub(super) const PROGRAM: &str = "endpoint_xdp";

/// How the program is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachMode {
    /// In the driver.
    Native,
    /// In the kernel's stack, after an skb was made: works everywhere, slower.
    Generic,
}

impl fmt::Display for AttachMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "xdp",
            Self::Generic => "xdp-generic",
        })
    }
}

/// An interface the program is attached to.
pub struct Attached {
    /// The interface's name when it was bound.
    pub interface: String,
    /// Its index.
    pub ifindex: u32,
    /// How.
    pub mode: AttachMode,
    /// Why not the better mode, if so.
    pub note: Option<String>,
    link: XdpLinkId,
}

pub(super) fn attach(
    ebpf: &mut Ebpf,
    interface: &str,
    ifindex: u32,
) -> Result<Attached, DataplaneError> {
    let program = load::program_mut(ebpf)?;
    let made = |mode, note, link| Attached {
        interface: interface.to_owned(),
        ifindex,
        mode,
        note,
        link,
    };
    let native = match program.attach_to_if_index(ifindex, XdpMode::Driver) {
        Ok(link) => return Ok(made(AttachMode::Native, None, link)),
        Err(error) if is_busy(&error) => return Err(failed(interface, &error)),
        Err(error) => reason(&error),
    };
    match program.attach_to_if_index(ifindex, XdpMode::Skb) {
        Ok(link) => Ok(made(
            AttachMode::Generic,
            Some(format!("native XDP: {native}")),
            link,
        )),
        Err(error) => Err(failed(interface, &error)),
    }
}

pub(super) fn detach(ebpf: &mut Ebpf, attached: Attached) -> Result<(), DataplaneError> {
    let program = load::program_mut(ebpf)?;
    program
        .detach(attached.link)
        .map_err(|error| failed(&attached.interface, &error))
}

fn failed(interface: &str, error: &ProgramError) -> DataplaneError {
    let reason = if is_busy(error) {
        format!(
            "another XDP program is attached; stop the program that attached it \
             (`bpftool net show dev {interface}` names it), then start again"
        )
    } else {
        reason(error)
    };
    DataplaneError::Attach {
        interface: interface.to_owned(),
        reason,
    }
}

fn is_busy(error: &ProgramError) -> bool {
    let ProgramError::SyscallError(call) = error else {
        return false;
    };
    matches!(
        call.io_error.raw_os_error(),
        Some(libc::EBUSY | libc::EEXIST)
    )
}

fn reason(error: &ProgramError) -> String {
    match error {
        ProgramError::SyscallError(call) => call.io_error.to_string(),
        other => other.to_string(),
    }
}
