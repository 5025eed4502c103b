//! Preflight: what about bound interfaces costs packets although everything is attached, and how to
//! mend it. It only looks, and what it finds blocks nothing.
//!
//! May import: dataplane (its modes), endpoint-common::abi, rtnetlink's packets, nix, std. Never: tokio (it blocks for some
//! milliseconds, on a thread of its own for a namespace that is not ours).

mod genetlink;
mod judge;
mod kernel;
mod namespace;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use endpoint_common::abi::meta::Tags;

use crate::dataplane::AttachMode;
use kernel::Kernel;
use namespace::Place;

/// A bound interface to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// Its name.
    pub interface: String,
    /// Its index.
    pub ifindex: u32,
    /// The interface at the bottom, if it is a VLAN device.
    pub trunk: Option<Trunk>,
    /// How the program is attached.
    pub mode: AttachMode,
    /// Whether another mode would have been taken as well.
    pub is_chosen: bool,
}

/// The interface at the bottom of a VLAN device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trunk {
    /// Its index.
    pub ifindex: u32,
    /// The tags of the VLAN device's frames there.
    pub tags: Tags,
    /// Whether the program is attached there, instead of to the VLAN device.
    pub has_program: bool,
}

impl Bound {
    /// The tags that the program is to see in frames.
    fn tags(&self) -> Tags {
        let trunk = self.trunk.filter(|trunk| trunk.has_program);
        trunk.map_or(Tags::NONE, |trunk| trunk.tags)
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may matter, or could not be seen.
    Note,
    /// Packets are lost, or are not seen as they are.
    Warning,
}

impl Severity {
    /// In a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
        }
    }
}

/// Something about an interface that costs packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// The device that it is about, and where it is.
    pub place: String,
    /// What is so.
    pub problem: String,
    /// The command that mends it, or what to write.
    pub mend: String,
}

/// What was seen of a network device.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Device {
    name: String,
    /// As rtnetlink calls it; a NIC has none.
    kind: Option<String>,
    /// In bytes.
    mtu: u32,
    /// A veth's other end: its index, and the number of its namespace if that is another.
    peer: Option<(u32, Option<i32>)>,
    /// An XDP program is attached.
    has_xdp: bool,
    /// Active features, as ethtool calls them; nothing if they could not be asked for.
    features: Option<BTreeSet<String>>,
    /// The driver's XDP features as bits; nothing on kernels that do not tell (before 6.3).
    xdp_features: Option<u64>,
}

/// What was seen of a veth's other end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Peer {
    /// All there is to see.
    Seen(Device, Place),
    /// Nothing, and why.
    Unseen(String),
}

/// Looks at all bound interfaces; what was found, by interface. It blocks.
pub fn look(bound: &[Bound]) -> BTreeMap<String, Vec<Finding>> {
    let mut found = BTreeMap::new();
    let kernel = match Kernel::open() {
        Ok(kernel) => kernel,
        Err(error) => {
            tracing::debug!("preflight: netlink: {error}");
            return found;
        }
    };
    // By any of these, frames are redirected natively to all others and back to itself.
    let native: Vec<_> = bound
        .iter()
        .filter(|one| one.mode == AttachMode::Native)
        .map(|one| one.interface.as_str())
        .collect();
    for one in bound {
        match look_at(&kernel, one, &native) {
            Ok(findings) => {
                found.insert(one.interface.clone(), findings);
            }
            Err(error) => tracing::debug!("preflight: interface {}: {error}", one.interface),
        }
    }
    found
}

/// Looks at one: where the program is attached, and where XDP's redirected frames go, which of a VLAN
/// device is its trunk.
fn look_at(kernel: &Kernel, bound: &Bound, native: &[&str]) -> io::Result<Vec<Finding>> {
    let see = |index| {
        let device = kernel.device(index)?;
        let peer = device.peer.map(|peer| look_at_peer(kernel, peer));
        io::Result::Ok((device, peer))
    };
    let below = bound.trunk.map(|trunk| see(trunk.ifindex)).transpose()?;
    let has_program = bound.trunk.is_some_and(|trunk| trunk.has_program);
    let (device, peer) = match &below {
        Some(below) if has_program => below.clone(),
        _ => see(bound.ifindex)?,
    };
    let mut found = judge::findings(bound, &device, peer.as_ref());
    let (device, peer) = below.unwrap_or((device, peer));
    found.extend(judge::lost_redirects(&device, peer.as_ref(), native));
    Ok(found)
}

fn look_at_peer(kernel: &Kernel, (index, namespace): (u32, Option<i32>)) -> Peer {
    let Some(id) = namespace else {
        return match kernel.device(index) {
            Ok(device) => Peer::Seen(device, Place::Here),
            Err(error) => Peer::Unseen(format!("interface index {index}: {error}")),
        };
    };
    let Some((file, place)) = namespace::find(kernel, id) else {
        let what =
            format!("interface index {index}, in a namespace that cannot be entered from here");
        return Peer::Unseen(what);
    };
    let seen = namespace::inside(&file, || Kernel::open()?.device(index));
    match seen.and_then(|seen| seen) {
        Ok(device) => Peer::Seen(device, place),
        Err(error) => Peer::Unseen(format!(
            "interface index {index}{}: {error}",
            place.within()
        )),
    }
}
