//! VPCs, their vSwitches, and provider networks.
//!
//! May import: model, the module's own.

use serde_json::Value;

use super::Document;
use crate::model::{Hook, ProviderNetwork, VSwitch, Vpc};

pub(super) fn vpc(vpc: &Vpc, document: &mut Document) {
    document.set("CidrBlock", vpc.cidr_block.to_string());
    document.set_if_some(
        "Ipv6CidrBlock",
        vpc.ipv6_cidr_block.map(|net| net.to_string()),
    );
}

pub(super) fn vswitch(vswitch: &VSwitch, document: &mut Document) {
    document.set("VpcId", vswitch.vpc.as_str());
    document.set("ZoneId", vswitch.zone.as_str());
    document.set("CidrBlock", vswitch.cidr_block.to_string());
    let ipv6 = vswitch.ipv6_cidr_block.map(|net| net.to_string());
    document.set_if_some("Ipv6CidrBlock", ipv6);
    document.set_if_some("Interface", vswitch.interface.as_deref());
    document.set_if_some("Hook", hook(vswitch.hook));
}

pub(super) fn provider_network(network: &ProviderNetwork, document: &mut Document) {
    document.set("CidrBlock", network.cidr_block.to_string());
    let ipv6 = network.ipv6_cidr_block.map(|net| net.to_string());
    document.set_if_some("Ipv6CidrBlock", ipv6);
    document.set("Interface", network.interface.as_str());
    document.set_if_some("Hook", hook(network.hook));
    let addresses = network.nat_addresses.iter();
    let addresses: Vec<_> = addresses.map(ToString::to_string).collect();
    document.set("NatAddresses", addresses);
}

fn hook(hook: Hook) -> Option<Value> {
    (hook != Hook::default()).then(|| Value::from(hook.name()))
}
