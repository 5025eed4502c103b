//! Which addresses of a vSwitch ENIs may have, and which they have: the same for both families,
//! each in its own network of the vSwitch.
//!
//! May import: std, ipnet, thiserror, the model's own modules.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::IpNet;
use thiserror::Error;

use super::{EniId, VSwitchId};

/// Why an address cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IpamError {
    /// It is not one of the vSwitch's.
    #[error("{ip} is outside {cidr_block} of {vswitch}")]
    Outside {
        /// The address.
        ip: IpAddr,
        /// The vSwitch's network.
        cidr_block: IpNet,
        /// The vSwitch.
        vswitch: VSwitchId,
    },
    /// It is the vSwitch's first or one of its last (row F05).
    #[error("{ip} is reserved: the first and the last {last} addresses of {vswitch} are")]
    Reserved {
        /// The address.
        ip: IpAddr,
        /// How many of the last are.
        last: &'static str,
        /// The vSwitch.
        vswitch: VSwitchId,
    },
    /// Another ENI has it.
    #[error("{ip} is used by {eni}")]
    Used {
        /// The address.
        ip: IpAddr,
        /// Who has it.
        eni: EniId,
    },
    /// All are taken.
    #[error("no free IP in {vswitch} ({usable} usable, {used} used)")]
    Full {
        /// The vSwitch.
        vswitch: VSwitchId,
        /// How many addresses ENIs may have there.
        usable: u128,
        /// How many they have.
        used: usize,
    },
}

/// The addresses that ENIs have, by vSwitch. Every vSwitch is an address space of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ipam {
    pools: BTreeMap<(VSwitchId, IpNet), Pool>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Pool {
    used: BTreeMap<u128, EniId>,
    /// No address below this one is free: nothing is ever given back.
    lowest_free: u128,
}

impl Ipam {
    /// The addresses ENIs may have in a vSwitch's network (row F05): all but the first and the last
    /// three (IPv6: nine). Empty if there are no others.
    pub fn usable(cidr_block: IpNet) -> RangeInclusive<IpAddr> {
        let address = |bits| address(cidr_block, bits);
        let usable = usable_bits(cidr_block);
        address(*usable.start())..=address(*usable.end())
    }

    /// Takes a named address for an ENI out of `cidr_block`, a network of the vSwitch.
    pub fn take(
        &mut self,
        vswitch: &VSwitchId,
        cidr_block: IpNet,
        ip: IpAddr,
        eni: &EniId,
    ) -> Result<(), IpamError> {
        let vswitch = vswitch.clone();
        if !cidr_block.contains(&ip) {
            return Err(IpamError::Outside {
                ip,
                cidr_block,
                vswitch,
            });
        }
        if !usable_bits(cidr_block).contains(&bits(ip)) {
            let last = if ip.is_ipv4() { "three" } else { "nine" };
            return Err(IpamError::Reserved { ip, last, vswitch });
        }
        let pool = self.pools.entry((vswitch, cidr_block)).or_default();
        if let Some(owner) = pool.used.get(&bits(ip)) {
            let eni = owner.clone();
            return Err(IpamError::Used { ip, eni });
        }
        pool.used.insert(bits(ip), eni.clone());
        Ok(())
    }

    /// Takes the lowest free address of `cidr_block`, a network of the vSwitch, for an ENI.
    pub fn take_lowest_free(
        &mut self,
        vswitch: &VSwitchId,
        cidr_block: IpNet,
        eni: &EniId,
    ) -> Result<IpAddr, IpamError> {
        let (first, last) = usable_bits(cidr_block).into_inner();
        let key = (vswitch.clone(), cidr_block);
        let pool = self.pools.entry(key).or_default();
        // Looks at no more addresses than are taken, however many there are.
        let free = (pool.lowest_free.max(first)..=last).find(|ip| !pool.used.contains_key(ip));
        let Some(free) = free else {
            return Err(IpamError::Full {
                vswitch: vswitch.clone(),
                usable: (last + 1).saturating_sub(first),
                used: pool.used.len(),
            });
        };
        pool.lowest_free = free + 1;
        pool.used.insert(free, eni.clone());
        Ok(address(cidr_block, free))
    }
}

fn usable_bits(cidr_block: IpNet) -> RangeInclusive<u128> {
    let reserved_last = match cidr_block {
        IpNet::V4(_) => 3,
        IpNet::V6(_) => 9,
    };
    let first = bits(cidr_block.network()).saturating_add(1);
    first..=bits(cidr_block.broadcast()).saturating_sub(reserved_last)
}

/// An address as a number, in its own family's range.
fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// The address with that number, of the network's family.
fn address(cidr_block: IpNet, bits: u128) -> IpAddr {
    match cidr_block {
        IpNet::V4(_) => Ipv4Addr::from_bits(bits as u32).into(),
        IpNet::V6(_) => Ipv6Addr::from_bits(bits).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn net(text: &str) -> IpNet {
        text.parse().expect("a network")
    }

    fn eni(number: u32) -> EniId {
        EniId::new(format!("eni-{number}"))
    }

    #[test]
    fn the_first_and_the_last_nine_ipv6_addresses_are_reserved() {
        let (vswitch, block) = (VSwitchId::new("vsw"), net("fd00:0:0:1::/64"));
        let usable = Ipam::usable(block);
        assert_eq!(
            (*usable.start(), *usable.end()),
            (ip("fd00:0:0:1::1"), ip("fd00::1:ffff:ffff:ffff:fff6"))
        );
        let mut ipam = Ipam::default();
        let mut take = |text: &str| ipam.take(&vswitch, block, ip(text), &eni(1));
        let refused = take("fd00:0:0:1::").expect_err("reserved");
        assert_eq!(
            refused.to_string(),
            "fd00:0:0:1:: is reserved: the first and the last nine addresses of vsw are"
        );
        for last in 0xfff7..=0xffff_u16 {
            let text = format!("fd00:0:0:1:ffff:ffff:ffff:{last:x}");
            assert!(matches!(take(&text), Err(IpamError::Reserved { .. })));
        }
        let outside = take("fd00:0:0:2::1");
        assert!(matches!(outside, Err(IpamError::Outside { .. })));
        assert_eq!(take("fd00:0:0:1::1"), Ok(()));
        assert_eq!(take("fd00::1:ffff:ffff:ffff:fff6"), Ok(()));
    }

    #[test]
    fn the_lowest_free_ipv6_address_of_a_64_is_found_at_once() {
        let (vswitch, block) = (VSwitchId::new("vsw"), net("fd00:0:0:1::/64"));
        let mut ipam = Ipam::default();
        let taken = ipam.take(&vswitch, block, ip("fd00:0:0:1::2"), &eni(0));
        assert_eq!(taken, Ok(()));
        let mut next = |number| ipam.take_lowest_free(&vswitch, block, &eni(number));
        assert_eq!(next(1), Ok(ip("fd00:0:0:1::1")));
        assert_eq!(next(2), Ok(ip("fd00:0:0:1::3")));
    }

    #[test]
    fn families_do_not_take_each_others_addresses() {
        let vswitch = VSwitchId::new("vsw");
        let mut ipam = Ipam::default();
        let four = ipam.take_lowest_free(&vswitch, net("10.0.1.0/29"), &eni(1));
        let six = ipam.take_lowest_free(&vswitch, net("fd00::/64"), &eni(1));
        assert_eq!((four, six), (Ok(ip("10.0.1.1")), Ok(ip("fd00::1"))));
        let wrong = ipam.take(&vswitch, net("10.0.1.0/29"), ip("fd00::2"), &eni(2));
        assert!(matches!(wrong, Err(IpamError::Outside { .. })));
    }

    #[test]
    fn a_network_that_is_all_reserved_is_full() {
        let vswitch = VSwitchId::new("vsw");
        let mut ipam = Ipam::default();
        for block in ["::/125", "10.0.0.0/30", "255.255.255.255/32"] {
            let refused = ipam.take_lowest_free(&vswitch, net(block), &eni(1));
            assert_eq!(
                refused,
                Err(IpamError::Full {
                    vswitch: vswitch.clone(),
                    usable: 0,
                    used: 0
                }),
                "{block}"
            );
        }
    }
}
