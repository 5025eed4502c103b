//! VLAN tags (IEEE 802.1Q, 802.1ad), where frames arrive and leave with them: at the XDP hook. They are
//! taken off before all other stages and put on after them.
//!
//! May import: core, bytemuck, abi, frame.

use super::frame::Frame;
use crate::abi::meta::{TAG_CUSTOMER, TAG_PROVIDER, Tags};

/// Where tags stand: behind the link-level addresses.
const AT: usize = 12;

/// Whether an ether type says that a tag follows.
#[inline(always)]
pub(super) fn is_tag(ether_type: u16) -> bool {
    ether_type == TAG_CUSTOMER || ether_type == TAG_PROVIDER
}

/// The tags of a frame that has some, priority and all; `None` if there are more than two, or the frame
/// ends before.
#[inline(always)]
pub(super) fn read<F: Frame>(frame: &F) -> Option<Tags> {
    let [outer, second]: [[u8; 4]; 2] = bytemuck::cast(frame.read::<8>(AT)?);
    let outer = tag(outer)?;
    let Some(inner) = tag(second) else {
        let inner = [0; 4];
        return Some(Tags { outer, inner });
    };
    let third: [u8; 2] = frame.read(AT.wrapping_add(8))?;
    let tags = Tags { outer, inner };
    (!is_tag(u16::from_be_bytes(third))).then_some(tags)
}

/// The bytes, if they are a tag.
#[inline(always)]
fn tag(bytes: [u8; 4]) -> Option<[u8; 4]> {
    let [p0, p1, _, _] = bytes;
    is_tag(u16::from_be_bytes([p0, p1])).then_some(bytes)
}

/// Takes `length` bytes of tags off.
#[inline(always)]
pub(super) fn take_off<F: Frame>(frame: &mut F, length: usize) -> Option<()> {
    let macs: [u8; AT] = frame.read(0)?;
    frame.cut_front(length)?;
    frame.write(0, macs)
}

/// Puts tags on.
#[inline(always)]
pub(super) fn put_on<F: Frame>(frame: &mut F, tags: Tags) -> Option<()> {
    let macs: [u8; AT] = frame.read(0)?;
    frame.add_front(tags.length())?;
    frame.write(0, macs)?;
    frame.write(AT, tags.outer)?;
    if tags.length() > 4 {
        frame.write(AT.wrapping_add(4), tags.inner)?;
    }
    Some(())
}
