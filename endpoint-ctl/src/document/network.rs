//! VPCs, their vSwitches, and provider networks.
//!
//! May import: model, the module's own.

use serde_json::Value;

use super::Document;
use crate::model::{Hook, Model, ProviderNetwork, VSwitch, Vpc};

pub(super) fn documents(model: &Model) -> Vec<Document> {
    let vpcs = model.vpcs.values().map(vpc);
    let vswitches = model.vswitches.values().map(vswitch);
    let networks = model.provider_networks.values().map(provider_network);
    vpcs.chain(vswitches).chain(networks).collect()
}

fn vpc(vpc: &Vpc) -> Document {
    let mut document = Document::new("Vpc", "VpcId", vpc.id.as_str());
    document.set("CidrBlock", vpc.cidr_block.to_string());
    document.set_if_some(
        "Ipv6CidrBlock",
        vpc.ipv6_cidr_block.map(|net| net.to_string()),
    );
    document
}

fn vswitch(vswitch: &VSwitch) -> Document {
    let mut document = Document::new("VSwitch", "VSwitchId", vswitch.id.as_str());
    document.set("VpcId", vswitch.vpc.as_str());
    document.set("ZoneId", vswitch.zone.as_str());
    document.set("CidrBlock", vswitch.cidr_block.to_string());
    let ipv6 = vswitch.ipv6_cidr_block.map(|net| net.to_string());
    document.set_if_some("Ipv6CidrBlock", ipv6);
    document.set("Interface", vswitch.interface.as_str());
    document.set_if_some("Hook", hook(vswitch.hook));
    document
}

fn provider_network(network: &ProviderNetwork) -> Document {
    let id = network.id.as_str();
    let mut document = Document::new("ProviderNetwork", "ProviderNetworkId", id);
    document.set("CidrBlock", network.cidr_block.to_string());
    let ipv6 = network.ipv6_cidr_block.map(|net| net.to_string());
    document.set_if_some("Ipv6CidrBlock", ipv6);
    document.set("Interface", network.interface.as_str());
    document.set_if_some("Hook", hook(network.hook));
    let addresses = network.nat_addresses.iter();
    let addresses: Vec<_> = addresses.map(ToString::to_string).collect();
    document.set("NatAddresses", addresses);
    document
}

fn hook(hook: Hook) -> Option<Value> {
    (hook != Hook::default()).then(|| Value::from(hook.name()))
}
