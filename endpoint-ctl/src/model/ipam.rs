//! Which addresses of a vSwitch ENIs may have, and which they have.
//!
//! May import: std, ipnet, thiserror, the model's own modules.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use ipnet::Ipv4Net;
use thiserror::Error;

use super::{EniId, VSwitch, VSwitchId};

/// Why an address cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IpamError {
    /// It is not one of the vSwitch's.
    #[error("{ip} is outside {cidr_block} of {vswitch}")]
    Outside {
        /// The address.
        ip: Ipv4Addr,
        /// The vSwitch's network.
        cidr_block: Ipv4Net,
        /// The vSwitch.
        vswitch: VSwitchId,
    },
    /// It is the vSwitch's first or one of its last three (row F05).
    #[error("{ip} is reserved: the first and the last three addresses of {vswitch} are")]
    Reserved {
        /// The address.
        ip: Ipv4Addr,
        /// The vSwitch.
        vswitch: VSwitchId,
    },
    /// Another ENI has it.
    #[error("{ip} is used by {eni}")]
    Used {
        /// The address.
        ip: Ipv4Addr,
        /// Who has it.
        eni: EniId,
    },
    /// All are taken.
    #[error("no free IP in {vswitch} ({usable} usable, {used} used)")]
    Full {
        /// The vSwitch.
        vswitch: VSwitchId,
        /// How many addresses ENIs may have there.
        usable: usize,
        /// How many they have.
        used: usize,
    },
}

/// The addresses that ENIs have, by vSwitch. Every vSwitch is an address space of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ipam {
    pools: BTreeMap<VSwitchId, Pool>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Pool {
    used: BTreeMap<Ipv4Addr, EniId>,
    /// No address below this one is free: nothing is ever given back.
    lowest_free: u32,
}

impl Ipam {
    /// The addresses ENIs may have: all but the first and the last three. Empty below a /29.
    pub fn usable(cidr_block: Ipv4Net) -> RangeInclusive<Ipv4Addr> {
        let first = cidr_block.network().to_bits().saturating_add(1);
        let last = cidr_block.broadcast().to_bits().saturating_sub(3);
        Ipv4Addr::from_bits(first)..=Ipv4Addr::from_bits(last)
    }

    /// Takes a named address for an ENI.
    pub fn take(&mut self, vswitch: &VSwitch, ip: Ipv4Addr, eni: &EniId) -> Result<(), IpamError> {
        let cidr_block = vswitch.cidr_block;
        if !cidr_block.contains(&ip) {
            return Err(IpamError::Outside {
                ip,
                cidr_block,
                vswitch: vswitch.id.clone(),
            });
        }
        if !Self::usable(cidr_block).contains(&ip) {
            return Err(IpamError::Reserved {
                ip,
                vswitch: vswitch.id.clone(),
            });
        }
        let pool = self.pools.entry(vswitch.id.clone()).or_default();
        if let Some(owner) = pool.used.get(&ip) {
            return Err(IpamError::Used {
                ip,
                eni: owner.clone(),
            });
        }
        pool.used.insert(ip, eni.clone());
        Ok(())
    }

    /// Takes the lowest free address for an ENI.
    pub fn take_lowest_free(
        &mut self,
        vswitch: &VSwitch,
        eni: &EniId,
    ) -> Result<Ipv4Addr, IpamError> {
        let usable = Self::usable(vswitch.cidr_block);
        let (first, last) = (usable.start().to_bits(), usable.end().to_bits());
        let pool = self.pools.entry(vswitch.id.clone()).or_default();
        let free = (pool.lowest_free.max(first)..=last)
            .map(Ipv4Addr::from_bits)
            .find(|ip| !pool.used.contains_key(ip));
        let Some(ip) = free else {
            return Err(IpamError::Full {
                vswitch: vswitch.id.clone(),
                usable: (first..=last).count(),
                used: pool.used.len(),
            });
        };
        pool.lowest_free = ip.to_bits().saturating_add(1);
        pool.used.insert(ip, eni.clone());
        Ok(ip)
    }
}
