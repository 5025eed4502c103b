//! Attaching to interfaces: the first of the hooks that are allowed that works, and never silently:
//! which it is, and why not an earlier one, is kept for `status`.
//!
//! May import: aya, the module's own.

use std::fmt;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use aya::Ebpf;
use aya::programs::tc::{NlOptions, SchedClassifierLinkId, TcAttachOptions, TcError};
use aya::programs::xdp::XdpLinkId;
use aya::programs::{LinkOrder, ProgramError, SchedClassifier, TcAttachType, XdpMode, tc};

use super::{DataplaneError, load};

/// The XDP program's name.
pub(super) const XDP_PROGRAM: &str = "endpoint_xdp";
/// The TC program's name. An object without it has no TC hook: [`has_tc`] is all that asks.
pub(super) const TC_PROGRAM: &str = "endpoint_tc";
/// Where the filter stands among others of the interface, on kernels without tcx: first.
const TC_PRIORITY: u16 = 1;
const ANOTHER_DAEMON: &str =
    "another endpoint daemon is attached to it; stop that daemon, then start again";

/// How the program is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachMode {
    /// XDP in the driver.
    Native,
    /// XDP in the kernel's stack, after an skb was made: works everywhere, slower.
    Generic,
    /// TC ingress.
    Tc,
}

impl fmt::Display for AttachMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "xdp",
            Self::Generic => "xdp-generic",
            Self::Tc => "tc",
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
    /// Why not a better mode, if so.
    pub note: Option<String>,
    /// Those that were allowed, the best first.
    modes: Vec<AttachMode>,
    made: Made,
}

impl Attached {
    /// Whether attaching by the first of `modes` that works would change nothing.
    pub(super) fn serves(&mut self, modes: &[AttachMode]) -> bool {
        if self.modes != modes && modes.first() == Some(&self.mode) {
            self.modes = modes.to_vec();
            self.note.clone_from(&self.made.by);
        }
        self.modes == modes
    }
}

enum Link {
    Xdp(XdpLinkId),
    Tc(SchedClassifierLinkId),
}

/// What attaching gave.
struct Made {
    link: Link,
    /// By what, if not as usual.
    by: Option<String>,
    /// Keeps other daemons off, where the kernel does not.
    _claim: Option<UnixDatagram>,
}

/// Why a hook was not to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    reason: String,
    /// Somebody else has it: another hook of the same interface is no way out.
    is_busy: bool,
}

/// Whether the object has a program for the TC hook.
pub(super) fn has_tc(ebpf: &Ebpf) -> bool {
    ebpf.program(TC_PROGRAM).is_some()
}

/// Attaches by the first of `modes` that works.
pub(super) fn attach(
    ebpf: &mut Ebpf,
    interface: &str,
    ifindex: u32,
    modes: &[AttachMode],
) -> Result<Attached, DataplaneError> {
    remove_old_filter(interface, ifindex);
    let step = |mode| match mode {
        AttachMode::Native => attach_xdp(ebpf, interface, ifindex, XdpMode::Driver),
        AttachMode::Generic => attach_xdp(ebpf, interface, ifindex, XdpMode::Skb),
        AttachMode::Tc => attach_tc(ebpf, interface, ifindex),
    };
    match climb_down(modes, step) {
        Ok((mode, made, refused)) => Ok(Attached {
            interface: interface.to_owned(),
            ifindex,
            mode,
            note: join(refused.into_iter().chain(made.by.clone())),
            modes: modes.to_vec(),
            made,
        }),
        Err(reason) => Err(DataplaneError::Attach {
            interface: interface.to_owned(),
            reason,
        }),
    }
}

/// Tries one mode after the other: the first that works with what it gave and why the earlier ones
/// did not, or why none did.
fn climb_down<L>(
    modes: &[AttachMode],
    mut step: impl FnMut(AttachMode) -> Result<L, Refusal>,
) -> Result<(AttachMode, L, Option<String>), String> {
    let mut refused = Vec::new();
    for mode in modes {
        match step(*mode) {
            Ok(link) => return Ok((*mode, link, join(refused))),
            Err(refusal) if refusal.is_busy => return Err(refusal.reason),
            Err(refusal) => refused.push(format!("{}: {}", spelled(*mode), refusal.reason)),
        }
    }
    let mend = match modes {
        [_] => "; no other hook was asked for: `Hook: auto` takes the best one that works",
        _ => "",
    };
    Err(join(refused).unwrap_or_default() + mend)
}

fn join(reasons: impl IntoIterator<Item = String>) -> Option<String> {
    let reasons: Vec<_> = reasons.into_iter().collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn spelled(mode: AttachMode) -> &'static str {
    match mode {
        AttachMode::Native => "native XDP",
        AttachMode::Generic => "generic XDP",
        AttachMode::Tc => "TC",
    }
}

fn attach_xdp(
    ebpf: &mut Ebpf,
    interface: &str,
    ifindex: u32,
    mode: XdpMode,
) -> Result<Made, Refusal> {
    let program = load::xdp_program(ebpf).map_err(|error| refusal(error.to_string()))?;
    match program.attach_to_if_index(ifindex, mode) {
        Ok(link) => Ok(made(Link::Xdp(link))),
        Err(error) => Err(match os_error(&error) {
            Some(libc::EBUSY | libc::EEXIST) => busy(format!(
                "another XDP program is attached; stop the program that attached it \
                 (`bpftool net show dev {interface}` names it), then start again"
            )),
            Some(libc::ERANGE) => refusal("the MTU is larger than the driver takes with XDP"),
            _ => refusal(reason(&error)),
        }),
    }
}

/// TC ingress by tcx, before all other programs; where the kernel has no tcx, by a filter of the
/// clsact qdisc.
fn attach_tc(ebpf: &mut Ebpf, interface: &str, ifindex: u32) -> Result<Made, Refusal> {
    // aya attaches by name alone, and a name may have moved on.
    if nix::net::if_::if_nametoindex(interface) != Ok(ifindex) {
        return Err(refusal("the interface has another name by now"));
    }
    let program = load::tc_program(ebpf).map_err(|error| refusal(error.to_string()))?;
    // Many may be attached at once, and the first to be there would take all packets.
    if let Ok((_, attached)) = SchedClassifier::query_tcx(interface, TcAttachType::Ingress)
        && attached
            .iter()
            .any(|one| one.name_as_str() == Some(TC_PROGRAM))
    {
        return Err(busy(ANOTHER_DAEMON.to_owned()));
    }
    let first = TcAttachOptions::TcxOrder(LinkOrder::first());
    let tcx = match program.attach_with_options(interface, TcAttachType::Ingress, first) {
        Ok(link) => return Ok(made(Link::Tc(link))),
        Err(error) => error,
    };
    // What Linux before 6.6 says to a kind of link it does not know.
    if os_error(&tcx) != Some(libc::EINVAL) {
        return Err(refusal(reason(&tcx)));
    }
    let claim = claim(ifindex)?;
    let link = attach_filter(program, interface)?;
    let why = reason(&tcx);
    Ok(Made {
        by: Some(format!(
            "by the clsact qdisc, since the kernel has no tcx ({why})"
        )),
        _claim: Some(claim),
        ..made(Link::Tc(link))
    })
}

fn made(link: Link) -> Made {
    Made {
        link,
        by: None,
        _claim: None,
    }
}

/// Claims an interface among the daemons of this network namespace: a name that goes with its owner,
/// unlike a filter.
fn claim(ifindex: u32) -> Result<UnixDatagram, Refusal> {
    let name = format!("endpoint-ctl/tc/{ifindex}");
    let claimed =
        SocketAddr::from_abstract_name(name).and_then(|name| UnixDatagram::bind_addr(&name));
    claimed.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => busy(ANOTHER_DAEMON.to_owned()),
        _ => refusal(format!("it cannot be claimed: {error}")),
    })
}

fn attach_filter(
    program: &mut SchedClassifier,
    interface: &str,
) -> Result<SchedClassifierLinkId, Refusal> {
    match tc::qdisc_add_clsact(interface) {
        Ok(()) => {}
        Err(TcError::NetlinkError(error)) if error.raw_os_error() == Some(libc::EEXIST) => {}
        Err(error) => return Err(refusal(format!("clsact: {error}"))),
    }
    let options = TcAttachOptions::Netlink(NlOptions {
        priority: TC_PRIORITY,
        ..NlOptions::default()
    });
    let attached = program.attach_with_options(interface, TcAttachType::Ingress, options);
    attached.map_err(|error| refusal(reason(&error)))
}

/// A filter outlives a daemon that was killed, and would go on by that one's rules, also behind XDP.
fn remove_old_filter(interface: &str, ifindex: u32) {
    // Whoever has the claim is alive, and so is its filter.
    let Ok(_claim) = claim(ifindex) else { return };
    match tc::qdisc_detach_program(interface, TcAttachType::Ingress, TC_PROGRAM) {
        Ok(()) => tracing::warn!("interface {interface}: an old filter was in place, and is gone"),
        Err(error) => tracing::debug!("interface {interface}: no old filter: {error}"),
    }
}

pub(super) fn detach(ebpf: &mut Ebpf, attached: Attached) -> Result<(), DataplaneError> {
    let detached = match attached.made.link {
        Link::Xdp(link) => load::xdp_program(ebpf)?.detach(link),
        Link::Tc(link) => load::tc_program(ebpf)?.detach(link),
    };
    match detached {
        // Somebody was faster, or the interface is gone.
        Err(error) if !matches!(os_error(&error), Some(libc::ENOENT | libc::ENODEV)) => {
            Err(DataplaneError::Attach {
                interface: attached.interface,
                reason: format!("cannot be detached: {}", reason(&error)),
            })
        }
        _ => Ok(()),
    }
}

fn refusal(reason: impl Into<String>) -> Refusal {
    Refusal {
        reason: reason.into(),
        is_busy: false,
    }
}

fn busy(reason: String) -> Refusal {
    Refusal {
        reason,
        is_busy: true,
    }
}

fn os_error(error: &ProgramError) -> Option<i32> {
    match error {
        ProgramError::SyscallError(call) => call.io_error.raw_os_error(),
        ProgramError::NetlinkError(error) | ProgramError::TcError(TcError::NetlinkError(error)) => {
            error.raw_os_error()
        }
        _ => None,
    }
}

fn reason(error: &ProgramError) -> String {
    match error {
        ProgramError::SyscallError(call) => call.io_error.to_string(),
        other => load::chain(other),
    }
}

#[cfg(test)]
mod tests {
    use super::AttachMode::{Generic, Native, Tc};
    use super::*;

    type Climbed = Result<(AttachMode, Option<String>), String>;

    /// Climbs down with these refusals, and says which were tried.
    fn climb(
        modes: &[AttachMode],
        refused: &[(AttachMode, Refusal)],
    ) -> (Climbed, Vec<AttachMode>) {
        let mut tried = Vec::new();
        let climbed = climb_down(modes, |mode| {
            tried.push(mode);
            let found = refused.iter().find(|(one, _)| *one == mode);
            found.map_or(Ok(()), |(_, refusal)| Err(refusal.clone()))
        });
        (climbed.map(|(mode, (), note)| (mode, note)), tried)
    }

    #[test]
    fn the_first_that_works_is_taken_and_the_note_says_why_not_an_earlier_one() {
        let no_native = (Native, refusal("not in this driver"));
        let no_tc = (Tc, refusal("not in this kernel"));
        let all = [Native, Tc, Generic];
        assert_eq!(climb(&all, &[]), (Ok((Native, None)), vec![Native]));
        let note = "native XDP: not in this driver".to_owned();
        let got = climb(&all, std::slice::from_ref(&no_native));
        assert_eq!(got, (Ok((Tc, Some(note.clone()))), vec![Native, Tc]));
        let note = note + "; TC: not in this kernel";
        let got = climb(&all, &[no_native, no_tc]);
        assert_eq!(got, (Ok((Generic, Some(note))), all.to_vec()));
    }

    #[test]
    fn what_was_asked_for_is_never_weakened() {
        let refused = [(Native, refusal("not in this driver"))];
        let (got, tried) = climb(&[Native], &refused);
        let error = got.expect_err("no other hook was asked for");
        assert!(
            error.contains("not in this driver") && error.contains("Hook: auto"),
            "{error}"
        );
        assert_eq!(tried, [Native]);
    }

    #[test]
    fn a_hook_that_another_has_is_no_reason_for_a_weaker_one() {
        let refused = [(Native, busy("taken".to_owned()))];
        let got = climb(&[Native, Tc, Generic], &refused);
        assert_eq!(got, (Err("taken".to_owned()), vec![Native]));
    }
}
