//! `Hook` of vSwitches and provider networks.

use endpoint_ctl::model::{Hook, ProviderNetworkId, VSwitchId};

use super::{lab, loaded, refused};

/// The lab with a line after each of its two interfaces.
fn with(vswitch: &str, provider: &str) -> String {
    let with = |text: String, interface: &str, line: &str| {
        let interface = format!("Interface: {interface}\n");
        text.replace(&interface, &format!("{interface}{line}\n"))
    };
    with(with(lab(), "vsw-a", vswitch), "provider", provider)
}

fn hooks(text: &str) -> (Hook, Hook) {
    let model = loaded(text);
    (
        model.vswitches[&VSwitchId::new("vsw-a")].hook,
        model.provider_networks[&ProviderNetworkId::new("pnet-a")].uplinks[0].hook,
    )
}

#[test]
fn each_interface_has_a_hook_of_its_own_and_it_is_auto_unless_said() {
    assert_eq!(hooks(&lab()), (Hook::Auto, Hook::Auto));
    let text = with("Hook: xdp", "Hook: XDP-Generic");
    assert_eq!(hooks(&text), (Hook::Xdp, Hook::XdpGeneric));
    let text = with("Hook: tc", "Hook: auto");
    assert_eq!(hooks(&text), (Hook::Tc, Hook::Auto));
}

#[test]
fn what_is_no_hook_is_refused_with_those_there_are() {
    let faults = refused(&with("Hook: xpd", "Hook: 3")).faults;
    let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    for (told, parts) in told.iter().zip([
        ["VSwitch vsw-a", "Hook: \"xpd\"", "did you mean \"xdp\"?"],
        [
            "ProviderNetwork pnet-a",
            "Hook: 3",
            "is none of the choices",
        ],
    ]) {
        for part in parts {
            assert!(told.contains(part), "{part} is missing: {told}");
        }
        let all = "write one of auto, xdp, xdp-generic, tc";
        assert!(told.contains(all), "{told}");
    }
}
