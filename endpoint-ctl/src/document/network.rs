//! VPCs, their vSwitches, and provider networks.
//!
//! May import: model, the module's own.

use serde_json::{Map, Value};

use super::{Document, text};
use crate::model::{Hook, NodeId, ProviderNetwork, Uplink, VSwitch, Vpc};

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
    document.set_if_some("NodeId", vswitch.node.as_ref().map(NodeId::as_str));
    document.set_if_some("Interface", vswitch.interface.as_deref());
    document.set_if_some("Hook", hook(vswitch.hook));
}

pub(super) fn provider_network(network: &ProviderNetwork, document: &mut Document) {
    document.set("CidrBlock", network.cidr_block.to_string());
    let ipv6 = network.ipv6_cidr_block.map(|net| net.to_string());
    document.set_if_some("Ipv6CidrBlock", ipv6);
    match network.uplinks.as_slice() {
        [only] if only.node.is_none() => {
            for (name, value) in uplink(only) {
                document.set(&name, value);
            }
        }
        uplinks => {
            let uplinks = uplinks.iter().map(uplink).map(Value::Object);
            document.set("Uplinks", uplinks.collect::<Vec<_>>());
        }
    }
}

fn uplink(uplink: &Uplink) -> Map<String, Value> {
    let addresses = uplink.nat_addresses.iter();
    let addresses: Vec<_> = addresses.map(ToString::to_string).collect();
    let fields = [
        ("NodeId", uplink.node.as_ref().map(text)),
        ("Interface", Some(text(&uplink.interface))),
        ("Hook", hook(uplink.hook)),
        ("NatAddresses", Some(addresses.into())),
    ];
    let fields = fields.into_iter();
    let there = fields.filter_map(|(name, value)| Some((name.to_owned(), value?)));
    there.collect()
}

fn hook(hook: Hook) -> Option<Value> {
    (hook != Hook::default()).then(|| Value::from(hook.name()))
}
