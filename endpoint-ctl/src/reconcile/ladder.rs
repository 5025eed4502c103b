//! Which hooks an interface may be attached by, the best first. Pure.
//!
//! May import: model, dataplane (its modes), nexthop (links).

use crate::dataplane::AttachMode;
use crate::model::Hook;
use crate::nexthop::Link;

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoHook {
    /// TC is asked for, and there is no program for it.
    NoTcProgram,
    /// VLANs of the interface need native XDP there, and another hook is asked for.
    CarriesVlans,
}

/// The hooks that `hook` allows for an interface. `auto` may go down the ladder; everything else is
/// what was asked for, or nothing. An interface that `carries` VLANs for the programs in its driver
/// has these programs for its untagged frames, too.
pub(super) fn modes(
    hook: Hook,
    link: &Link,
    has_tc: bool,
    carries: bool,
) -> Result<Vec<AttachMode>, NoHook> {
    use AttachMode::{Generic, Native, Tc};
    let all = match hook {
        Hook::Xdp => return Ok(vec![Native]),
        Hook::Auto if carries => return Ok(vec![Native]),
        Hook::Tc | Hook::XdpGeneric if carries => return Err(NoHook::CarriesVlans),
        Hook::XdpGeneric => return Ok(vec![Generic]),
        Hook::Tc if has_tc => return Ok(vec![Tc]),
        Hook::Tc => return Err(NoHook::NoTcProgram),
        // Generic XDP comes last: it copies what TC takes as it is.
        Hook::Auto if is_hardware(link) => [Native, Tc, Generic],
        Hook::Auto => [Tc, Native, Generic],
    };
    Ok(all
        .into_iter()
        .filter(|mode| has_tc || *mode != Tc)
        .collect())
}

/// Whether frames come from a driver of real hardware, or what stands for it in a virtual machine.
/// A bond hands XDP on to the NICs it is made of.
pub(super) fn is_hardware(link: &Link) -> bool {
    match link.kind.as_deref() {
        None => link.has_parent,
        Some(kind) => kind == "bond",
    }
}

#[cfg(test)]
mod tests {
    use super::AttachMode::{Generic, Native, Tc};
    use super::*;

    fn link(kind: Option<&str>, has_parent: bool) -> Link {
        Link {
            index: 7,
            name: "x0".to_owned(),
            mac: [2; 6],
            mtu: 1500,
            up: true,
            kind: kind.map(str::to_owned),
            has_parent,
            vlan: None,
        }
    }

    #[test]
    fn auto_is_native_xdp_on_hardware_and_tc_on_virtual_devices() {
        for (kind, has_parent) in [(None, true), (Some("bond"), false)] {
            let modes = modes(Hook::Auto, &link(kind, has_parent), true, false);
            assert_eq!(modes, Ok(vec![Native, Tc, Generic]), "{kind:?}");
        }
        for (kind, has_parent) in [
            (Some("veth"), false),
            (Some("tun"), false),
            (Some("bridge"), false),
            (Some("vlan"), false),
            (Some("vxlan"), false),
            (Some("macvlan"), true),
            // Such as an old driver's that tells no kind.
            (None, false),
        ] {
            let modes = modes(Hook::Auto, &link(kind, has_parent), true, false);
            assert_eq!(modes, Ok(vec![Tc, Native, Generic]), "{kind:?}");
        }
    }

    #[test]
    fn what_is_asked_for_by_name_is_the_only_one() {
        for (hook, mode) in [
            (Hook::Xdp, Native),
            (Hook::XdpGeneric, Generic),
            (Hook::Tc, Tc),
        ] {
            let modes = modes(hook, &link(Some("veth"), false), true, false);
            assert_eq!(modes, Ok(vec![mode]));
        }
    }

    #[test]
    fn without_a_tc_program_auto_is_xdp_and_tc_is_refused() {
        for (kind, has_parent) in [(None, true), (Some("veth"), false)] {
            let modes = modes(Hook::Auto, &link(kind, has_parent), false, false);
            assert_eq!(modes, Ok(vec![Native, Generic]));
        }
        let refused = modes(Hook::Tc, &link(Some("veth"), false), false, false);
        assert_eq!(refused, Err(NoHook::NoTcProgram));
    }

    #[test]
    fn an_interface_that_carries_vlans_has_native_xdp_or_is_refused() {
        let veth = link(Some("veth"), false);
        for hook in [Hook::Xdp, Hook::Auto] {
            assert_eq!(modes(hook, &veth, true, true), Ok(vec![Native]), "{hook:?}");
        }
        for hook in [Hook::Tc, Hook::XdpGeneric] {
            let refused = modes(hook, &veth, true, true);
            assert_eq!(refused, Err(NoHook::CarriesVlans), "{hook:?}");
        }
    }
}
