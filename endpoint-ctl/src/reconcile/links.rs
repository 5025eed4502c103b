//! The links of this host, and what VLAN devices among them stand on. Pure.
//!
//! May import: nexthop (links), endpoint-common::abi, std.

use std::collections::BTreeMap;
use std::fmt;

use endpoint_common::abi::meta::Tags;

use crate::nexthop::{Link, Vlan};

/// How many tags the packet path takes off: so many VLAN devices may stand on each other.
const MOST_TAGS: usize = 2;
/// What drivers take beyond the MTU of an interface, in bytes: one tag.
const SPARE: u32 = 4;

/// All links, by index.
#[derive(Debug, Clone, Default)]
pub(super) struct Links(BTreeMap<u32, Link>);

/// An interface as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) link: Link,
    /// What it stands on, if it is a VLAN device.
    pub(super) trunk: Result<Option<Trunk>, NoTrunk>,
}

/// The interface at the bottom of a VLAN device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trunk {
    pub(super) ifindex: u32,
    pub(super) name: String,
    /// The tags of the VLAN device's frames there.
    pub(super) tags: Tags,
    /// The longest IP packet that frames with the tags may carry there, in bytes.
    mtu: u32,
    /// The VLAN's numbers, outermost first.
    vlans: Vec<u16>,
    /// The interfaces below the VLAN device, this one included.
    below: Vec<u32>,
}

/// Why what is at the bottom of a VLAN device is no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoTrunk {
    /// It has more VLAN devices below it than frames may have tags.
    TooDeep,
    /// It is in another namespace, or has no MAC address.
    Unseen,
}

impl fmt::Display for NoTrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooDeep => "more than two VLAN devices stand on each other",
            Self::Unseen => {
                "the interface below the VLAN device is in another namespace, or has no MAC address"
            }
        })
    }
}

impl fmt::Display for Trunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vlans: Vec<_> = self.vlans.iter().map(u16::to_string).collect();
        write!(f, "{}, VLAN {}", self.name, vlans.join("."))
    }
}

impl Seen {
    /// Whether the interface of this index is it, or below it.
    pub(super) fn stands_on(&self, index: u32) -> bool {
        let below = |trunk: &Trunk| trunk.below.contains(&index);
        let trunk = self.trunk.as_ref().ok().and_then(Option::as_ref);
        self.link.index == index || trunk.is_some_and(below)
    }

    /// The trunk, if it is a VLAN device that has one.
    pub(super) fn trunk(&self) -> Option<&Trunk> {
        self.trunk.as_ref().ok()?.as_ref()
    }
}

impl Trunk {
    /// The longest IP packet, in bytes, that frames redirected to the trunk may carry: the kernel
    /// allows one tag beyond its MTU.
    pub(super) fn mtu(&self) -> u32 {
        self.mtu
    }
}

impl Links {
    pub(super) fn new(links: Vec<Link>) -> Self {
        Self(links.into_iter().map(|link| (link.index, link)).collect())
    }

    /// Takes over a link that is new or changed. No two have one name.
    pub(super) fn put(&mut self, link: Link) {
        self.0.retain(|_, other| other.name != link.name);
        self.0.insert(link.index, link);
    }

    pub(super) fn remove(&mut self, index: u32) {
        self.0.remove(&index);
    }

    /// The interface of that name, if there is one.
    pub(super) fn see(&self, name: &str) -> Option<Seen> {
        let link = self.0.values().find(|link| link.name == name)?;
        Some(Seen {
            link: link.clone(),
            trunk: self.trunk(link),
        })
    }

    fn trunk(&self, link: &Link) -> Result<Option<Trunk>, NoTrunk> {
        let (mut bottom, mut vlans, mut below) = (link, Vec::new(), Vec::new());
        while let Some(vlan) = bottom.vlan {
            if vlans.len() == MOST_TAGS {
                return Err(NoTrunk::TooDeep);
            }
            let parent = vlan.parent.and_then(|parent| self.0.get(&parent));
            bottom = parent.ok_or(NoTrunk::Unseen)?;
            vlans.insert(0, vlan);
            below.push(bottom.index);
        }
        let tag = |vlan: &Vlan| Tags::tag(vlan.protocol, vlan.id);
        let tags = match &vlans[..] {
            [] => return Ok(None),
            [outer, inner @ ..] => Tags {
                outer: tag(outer),
                inner: inner.first().map(tag).unwrap_or_default(),
            },
        };
        Ok(Some(Trunk {
            ifindex: bottom.index,
            name: bottom.name.clone(),
            tags,
            mtu: bottom
                .mtu
                .saturating_add(SPARE)
                .saturating_sub(tags.length() as u32),
            vlans: vlans.iter().map(|vlan| vlan.id).collect(),
            below,
        }))
    }
}

#[cfg(test)]
mod tests {
    use endpoint_common::abi::meta::{TAG_CUSTOMER, TAG_PROVIDER};

    use super::*;

    fn link(index: u32, name: &str) -> Link {
        Link {
            index,
            name: name.to_owned(),
            mac: [2, 0, 0, 0, 0, index as u8],
            mtu: 1500,
            up: true,
            kind: None,
            has_parent: true,
            vlan: None,
        }
    }

    fn vlan(index: u32, parent: u32, protocol: u16, id: u16) -> Link {
        Link {
            kind: Some("vlan".to_owned()),
            vlan: Some(Vlan {
                parent: Some(parent),
                protocol,
                id,
            }),
            ..link(index, &format!("v{index}"))
        }
    }

    /// eth0 (3) with v4 (VLAN 100), v5 (provider VLAN 200), and on this v6 (VLAN 7) and v7 on v6.
    fn links() -> Links {
        Links::new(vec![
            link(3, "eth0"),
            vlan(4, 3, TAG_CUSTOMER, 100),
            vlan(5, 3, TAG_PROVIDER, 200),
            vlan(6, 5, TAG_CUSTOMER, 7),
            vlan(7, 6, TAG_CUSTOMER, 8),
        ])
    }

    fn see(links: &Links, name: &str) -> Seen {
        links.see(name).unwrap_or_else(|| panic!("no {name}"))
    }

    #[test]
    fn a_trunk_is_the_interface_at_the_bottom_with_the_tags_outermost_first() {
        let links = links();
        for (name, outer, inner, shown, mtu) in [
            ("v4", [0x81, 0, 0, 100], [0; 4], "eth0, VLAN 100", 1500),
            ("v5", [0x88, 0xa8, 0, 200], [0; 4], "eth0, VLAN 200", 1500),
            // A driver takes one tag beyond its MTU, not two.
            (
                "v6",
                [0x88, 0xa8, 0, 200],
                [0x81, 0, 0, 7],
                "eth0, VLAN 200.7",
                1496,
            ),
        ] {
            let seen = see(&links, name);
            let trunk = seen.trunk().expect("a trunk");
            assert_eq!(trunk.ifindex, 3, "{name}");
            assert_eq!(trunk.tags, Tags { outer, inner }, "{name}");
            assert_eq!(trunk.to_string(), shown);
            assert_eq!(trunk.mtu(), mtu, "{name}");
        }
        assert_eq!(see(&links, "eth0").trunk, Ok(None));
        assert_eq!(links.see("eth1"), None);
    }

    #[test]
    fn what_no_frame_of_ours_can_leave_by_is_no_trunk() {
        let mut links = links();
        assert_eq!(see(&links, "v7").trunk, Err(NoTrunk::TooDeep));
        let mut lone = vlan(8, 3, TAG_CUSTOMER, 1);
        lone.vlan = lone.vlan.map(|vlan| Vlan {
            parent: None,
            ..vlan
        });
        links.put(lone);
        assert_eq!(see(&links, "v8").trunk, Err(NoTrunk::Unseen));
        links.remove(3);
        assert_eq!(see(&links, "v4").trunk, Err(NoTrunk::Unseen));
        assert_eq!(see(&links, "v6").trunk, Err(NoTrunk::Unseen));
    }

    #[test]
    fn an_interface_stands_on_all_below_it() {
        let seen = see(&links(), "v6");
        let on: Vec<_> = (0..10).filter(|index| seen.stands_on(*index)).collect();
        assert_eq!(on, [3, 5, 6]);
        let bottom = see(&links(), "eth0");
        let on: Vec<_> = (0..10).filter(|index| bottom.stands_on(*index)).collect();
        assert_eq!(on, [3]);
    }

    #[test]
    fn a_name_that_moves_on_is_its_new_holders() {
        let mut links = links();
        links.put(link(9, "eth0"));
        assert_eq!(see(&links, "eth0").link.index, 9);
        // Who had it is there no more, under any name that is known.
        assert_eq!(see(&links, "v4").trunk, Err(NoTrunk::Unseen));
        links.put(link(3, "wan"));
        let seen = see(&links, "v4");
        assert_eq!(seen.trunk().map(|trunk| trunk.name.as_str()), Some("wan"));
    }
}
