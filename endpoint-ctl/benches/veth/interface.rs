//! Where an interface is, and what it is called on the wire.
//!
//! May import: std, anyhow, serde_json, xtask (the lab).

use anyhow::{Context, Result};
use serde_json::Value;
use xtask::lab::Namespace;

/// An interface as `ip` shows it.
pub(crate) struct Interface {
    /// In its own namespace.
    pub(crate) ifindex: u32,
    pub(crate) mac: [u8; 6],
}

impl Interface {
    /// By its name.
    pub(crate) fn find(namespace: &Namespace, name: &str) -> Result<Self> {
        let text = namespace.must(["ip", "-json", "link", "show", "dev", name])?;
        let links: Value = serde_json::from_str(&text)?;
        let link = &links[0];
        let strange = || format!("ip says of {name}: {text}");
        let ifindex = link["ifindex"].as_u64().with_context(strange)?;
        let octets: Vec<u8> = link["address"]
            .as_str()
            .unwrap_or_default()
            .split(':')
            .map(|octet| u8::from_str_radix(octet, 16))
            .collect::<Result<_, _>>()
            .with_context(strange)?;
        let mac = octets.try_into().ok().with_context(strange)?;
        Ok(Self {
            ifindex: u32::try_from(ifindex)?,
            mac,
        })
    }
}
