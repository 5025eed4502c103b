//! From what was seen to findings. Pure.
//!
//! May import: dataplane (its modes), endpoint-common::abi, std, the module's own.

use endpoint_common::abi::meta::{TAG_PROVIDER, Tags};

use super::namespace::Place;
use super::{Bound, Device, Finding, Peer, Severity};
use crate::dataplane::AttachMode;

/// `NETDEV_XDP_ACT_NDO_XMIT`: frames can be redirected to the device (linux/netdev.h). Of a veth, it
/// says that its peer has an XDP program or GRO on.
const TAKES_REDIRECTED: u64 = 4;
/// About the longest packet that drivers take with XDP, in bytes: one page with its overhead.
const NATIVE_MTU: u32 = 3_506;

/// What costs packets of the device that has the program of an interface.
pub(super) fn findings(bound: &Bound, device: &Device, peer: Option<&Peer>) -> Vec<Finding> {
    let mut found = Vec::new();
    if bound.mode == AttachMode::Tc {
        found.extend(xdp_before_tc(device));
    } else {
        found.extend(half_done_checksums(device, peer));
        found.extend(hidden_tags(device, peer, bound.tags()));
        found.extend(long_frames(bound, device));
    }
    found
}

fn warning(place: String, problem: String, mend: String) -> Finding {
    Finding {
        severity: Severity::Warning,
        place,
        problem,
        mend,
    }
}

fn note(place: String, problem: String, mend: String) -> Finding {
    Finding {
        severity: Severity::Note,
        ..warning(place, problem, mend)
    }
}

/// `DEV`, or `DEV, the peer of OTHER in namespace N`.
fn peer_place(device: &Device, peer: &Device, place: &Place) -> String {
    format!(
        "{}, the peer of {}{}",
        peer.name,
        device.name,
        place.within()
    )
}

fn has(device: &Device, is_it: impl Fn(&str) -> bool) -> Option<bool> {
    let features = device.features.as_ref()?;
    Some(features.iter().any(|name| is_it(name)))
}

/// A veth leaves checksums to the far end, where XDP cannot see that they are missing.
fn half_done_checksums(device: &Device, peer: Option<&Peer>) -> Option<Finding> {
    let is_checksum = |name: &str| {
        ["ip-generic", "ipv4", "ipv6"]
            .iter()
            .any(|which| name.strip_prefix("tx-checksum-") == Some(which))
    };
    match peer? {
        Peer::Seen(peer, place) if has(peer, is_checksum) == Some(true) => Some(warning(
            peer_place(device, peer, place),
            "tx checksumming is on: TCP and UDP sent there arrive with half-done checksums, which XDP cannot see, and the receiver drops them".to_owned(),
            place.command(&format!("ethtool -K {} tx off", peer.name)),
        )),
        Peer::Seen(peer, place) if has(peer, is_checksum).is_none() => Some(note(
            peer_place(device, peer, place),
            "its features cannot be read: whether tx checksumming is off, as XDP needs it, is not known".to_owned(),
            place.command(&format!("ethtool -K {} tx off", peer.name)),
        )),
        Peer::Seen(..) => None,
        Peer::Unseen(why) => Some(note(
            format!("the peer of {}", device.name),
            format!("it cannot be seen ({why}): whether tx checksumming is off there, as XDP needs it, is not known"),
            "in its namespace: ethtool -K PEER tx off".to_owned(),
        )),
    }
}

/// VLAN tags that are kept beside the frame are not seen by XDP. Where `tags` are looked for, that
/// costs packets.
fn hidden_tags(device: &Device, peer: Option<&Peer>, tags: Tags) -> Option<Finding> {
    let problem = "VLAN tags are taken out of frames before XDP sees them: tagged frames pass for untagged ones";
    let [inserts, parses] = if tags.outer.starts_with(&TAG_PROVIDER.to_be_bytes()) {
        ["tx-vlan-stag-hw-insert", "rx-vlan-stag-hw-parse"].map(|name| (name, name))
    } else {
        [
            ("tx-vlan-hw-insert", "txvlan"),
            ("rx-vlan-hw-parse", "rxvlan"),
        ]
    };
    // What a veth's peer sends is not touched any more by the veth.
    let (hides, place, mend) = match peer {
        Some(Peer::Unseen(why)) => {
            let what = format!(
                "it cannot be seen ({why}): whether {} is off there, as XDP needs it to see VLAN tags, is not known",
                inserts.1
            );
            let mend = format!("in its namespace: ethtool -K PEER {} off", inserts.1);
            let place = format!("the peer of {}", device.name);
            return tags.any().then(|| note(place, what, mend));
        }
        Some(Peer::Seen(peer, place)) => (
            has(peer, |name| name == inserts.0),
            peer_place(device, peer, place),
            place.command(&format!("ethtool -K {} {} off", peer.name, inserts.1)),
        ),
        None => (
            has(device, |name| name == parses.0),
            device.name.clone(),
            format!("ethtool -K {} {} off", device.name, parses.1),
        ),
    };
    let tell = if tags.any() { warning } else { note };
    (hides == Some(true)).then(|| tell(place, problem.to_owned(), mend))
}

/// Frames that are too long for XDP in the driver were the likely reason to go without.
fn long_frames(bound: &Bound, device: &Device) -> Option<Finding> {
    let went_without = bound.mode == AttachMode::Generic && bound.is_chosen;
    (went_without && device.mtu > NATIVE_MTU).then(|| {
        note(
            device.name.clone(),
            format!(
                "an MTU of {} is more than drivers take with XDP (about {NATIVE_MTU}): generic XDP copies every frame instead",
                device.mtu
            ),
            format!("ip link set {} mtu {NATIVE_MTU}, and start again", device.name),
        )
    })
}

/// A program that is attached before ours sees packets first.
fn xdp_before_tc(device: &Device) -> Option<Finding> {
    device.has_xdp.then(|| {
        warning(
            device.name.clone(),
            "an XDP program is attached as well, and sees packets before TC does".to_owned(),
            format!("ip link set {} xdp off, if nobody needs it", device.name),
        )
    })
}

/// Frames redirected by XDP in a driver are lost at a device that takes none; `native` are the
/// interfaces that redirect so.
pub(super) fn lost_redirects(
    device: &Device,
    peer: Option<&Peer>,
    native: &[&str],
) -> Option<Finding> {
    if native.is_empty() {
        return None;
    }
    let takes = device
        .xdp_features
        .map(|features| features & TAKES_REDIRECTED != 0);
    let Some(peer) = peer else {
        return (takes == Some(false)).then(|| {
            warning(
                device.name.clone(),
                format!(
                    "its driver takes no frames that XDP redirects to it: what {} redirect there is lost",
                    native.join(", ")
                ),
                format!("write `Hook: xdp-generic` or `Hook: tc` for {}", native.join(", ")),
            )
        });
    };
    let problem =
        "it has neither GRO on nor an XDP program: frames that XDP redirects there are lost";
    match peer {
        Peer::Seen(peer, place) => {
            let seen = has(peer, |name| name == "rx-gro").map(|gro| gro || peer.has_xdp);
            (takes.or(seen) == Some(false)).then(|| {
                warning(
                    peer_place(device, peer, place),
                    problem.to_owned(),
                    place.command(&format!("ethtool -K {} gro on", peer.name)),
                )
            })
        }
        Peer::Unseen(why) => {
            let place = format!("the peer of {}", device.name);
            let mend = "in its namespace: ethtool -K PEER gro on".to_owned();
            match takes {
                Some(true) => None,
                Some(false) => Some(warning(place, problem.to_owned(), mend)),
                None => Some(note(
                    place,
                    format!(
                        "it cannot be seen ({why}): whether GRO is on there, as redirecting by XDP needs it, is not known"
                    ),
                    mend,
                )),
            }
        }
    }
}

#[cfg(test)]
mod tests;
