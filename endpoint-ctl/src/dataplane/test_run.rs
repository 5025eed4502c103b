//! `BPF_PROG_TEST_RUN`: the loaded program on a frame of ours, sent nowhere.
//!
//! May import: aya, libc, the module's own.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use aya::Ebpf;
use aya::programs::{ProgramFd, TestRun, TestRunOptions};

use super::{DataplaneError, load};

/// What an XDP program returned (`enum xdp_action` of linux/bpf.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XdpAction {
    /// 0: the program failed.
    Aborted,
    /// 1.
    Drop,
    /// 2.
    Pass,
    /// 3: out by the interface it came from.
    Transmit,
    /// 4.
    Redirect,
    /// A number the kernel does not define.
    Unknown(u32),
}

impl From<u32> for XdpAction {
    fn from(number: u32) -> Self {
        match number {
            0 => Self::Aborted,
            1 => Self::Drop,
            2 => Self::Pass,
            3 => Self::Transmit,
            4 => Self::Redirect,
            other => Self::Unknown(other),
        }
    }
}

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunResult {
    /// The verdict.
    pub action: XdpAction,
    /// The frame afterwards.
    pub frame: Vec<u8>,
    /// Mean time of one repetition, as the kernel measured it.
    pub duration: Duration,
}

pub(super) fn run(ebpf: &mut Ebpf, frame: &[u8], repeat: u32) -> Result<RunResult, DataplaneError> {
    let program = load::xdp_program(ebpf)?;
    let mut out = vec![0; frame.len() + 64];
    let mut options = TestRunOptions::new();
    options.data_in = Some(frame);
    options.data_out = Some(&mut out);
    options.repeat = repeat;
    let result = program.test_run(options).map_err(DataplaneError::TestRun)?;
    out.truncate(result.data_size_out as usize);
    Ok(RunResult {
        action: result.return_value.into(),
        frame: out,
        duration: result.duration,
    })
}

/// The part of `union bpf_attr` that `BPF_PROG_TEST_RUN` reads (linux/bpf.h).
#[repr(C)]
struct TestRunAttr {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
}

/// The command of bpf(2).
const BPF_PROG_TEST_RUN: libc::c_long = 10;

/// A frame for programs that it does not matter to.
pub(super) const ANY_FRAME: &[u8] = &[0; 64];

/// Runs a program `repeat` times on a frame. By descriptor: aya runs programs only through the object,
/// which another thread has.
pub(super) fn run_bare(program: &ProgramFd, frame: &[u8], repeat: u32) -> io::Result<()> {
    let attr = TestRunAttr {
        prog_fd: program.as_fd().as_raw_fd().cast_unsigned(),
        retval: 0,
        data_size_in: frame.len() as u32,
        data_size_out: 0,
        data_in: frame.as_ptr() as u64,
        data_out: 0,
        repeat,
        duration: 0,
    };
    // SAFETY: the attributes are laid out as the command reads them, and the frame outlives the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_PROG_TEST_RUN,
            &raw const attr,
            size_of::<TestRunAttr>(),
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
