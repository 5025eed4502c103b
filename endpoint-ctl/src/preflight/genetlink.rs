//! Generic netlink, as little as is needed: one question, one answer, of three families.
//!
//! May import: std.

use std::collections::BTreeSet;

/// The family that knows the others (linux/genetlink.h).
pub(super) const CONTROL: u16 = 0x10;

/// A question: the payload of a netlink message, from command byte to attributes.
pub(super) type Question = Vec<u8>;

/// Which number a family has (`CTRL_CMD_GETFAMILY`).
pub(super) fn family(name: &str) -> Question {
    const GET_FAMILY: u8 = 3;
    const FAMILY_NAME: u16 = 2;
    let mut bytes = name.as_bytes().to_vec();
    bytes.push(0);
    question(GET_FAMILY, &attribute(FAMILY_NAME, &bytes))
}

/// The number in the answer.
pub(super) fn family_id(answer: &[u8]) -> Option<u16> {
    const FAMILY_ID: u16 = 1;
    let value = find(attributes(answer)?, FAMILY_ID)?;
    Some(u16::from_ne_bytes(value.try_into().ok()?))
}

/// The features of a device (`ETHTOOL_MSG_FEATURES_GET`), named one by one.
pub(super) fn features(ifindex: u32) -> Question {
    const FEATURES_GET: u8 = 11;
    const HEADER: u16 = 1;
    const DEV_INDEX: u16 = 1;
    let header = attribute(DEV_INDEX, &ifindex.to_ne_bytes());
    question(FEATURES_GET, &attribute(HEADER | NESTED, &header))
}

/// The active ones in the answer.
pub(super) fn active_features(answer: &[u8]) -> Option<BTreeSet<String>> {
    const ACTIVE: u16 = 4;
    const BITS: u16 = 3;
    const BIT: u16 = 1;
    const NAME: u16 = 2;
    let bits = find(find(attributes(answer)?, ACTIVE)?, BITS)?;
    let bits = list(bits).filter(|(kind, _)| *kind == BIT);
    let names = bits.filter_map(|(_, bit)| {
        let name = find(bit, NAME)?;
        let name = name.strip_suffix(&[0]).unwrap_or(name);
        String::from_utf8(name.to_vec()).ok()
    });
    Some(names.collect())
}

/// What a device's driver does with XDP (`NETDEV_CMD_DEV_GET`).
pub(super) fn xdp_features(ifindex: u32) -> Question {
    const DEV_GET: u8 = 1;
    const IFINDEX: u16 = 1;
    question(DEV_GET, &attribute(IFINDEX, &ifindex.to_ne_bytes()))
}

/// The bits in the answer.
pub(super) fn xdp_feature_bits(answer: &[u8]) -> Option<u64> {
    const XDP_FEATURES: u16 = 3;
    let value = find(attributes(answer)?, XDP_FEATURES)?;
    Some(u64::from_ne_bytes(value.try_into().ok()?))
}

/// An attribute's kind says that others are inside.
const NESTED: u16 = 1 << 15;
/// An attribute's kind without what else is said with it.
const KIND: u16 = 0x3fff;
/// A message's: command, version, two reserved bytes. An attribute's: length and kind.
const HEADER_LENGTH: usize = 4;

fn question(command: u8, attributes: &[u8]) -> Question {
    const VERSION: u8 = 1;
    [&[command, VERSION, 0, 0], attributes].concat()
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = HEADER_LENGTH + value.len();
    let mut bytes = (length as u16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(length.next_multiple_of(4), 0);
    bytes
}

fn attributes(answer: &[u8]) -> Option<&[u8]> {
    answer.get(HEADER_LENGTH..)
}

/// The attributes in `bytes`, by kind without flags; those before one that is cut short.
fn list(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let [l0, l1, k0, k1, ..] = *bytes else {
            return None;
        };
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = bytes.get(HEADER_LENGTH..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([k0, k1]) & KIND, value))
    })
}

fn find(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    let mut attributes = list(bytes);
    let found = attributes.find(|(found, _)| *found == kind);
    found.map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_padded_and_its_parts_can_be_read_back() {
        let asked = family("abc");
        assert_eq!(asked[..4], [3, 1, 0, 0]);
        assert_eq!(asked.len(), 12);
        assert_eq!(find(&asked[4..], 2), Some(&b"abc\0"[..]));
        let asked = features(0x0102_0304);
        let header = find(&asked[4..], 1).expect("a header");
        assert_eq!(find(header, 1), Some(&0x0102_0304_u32.to_ne_bytes()[..]));
    }

    #[test]
    fn answers_are_read() {
        let bit = |name: &[u8]| attribute(1 | NESTED, &attribute(2, name));
        let bits = [bit(b"rx-gro\0"), bit(b"tx-checksum-ip-generic\0")].concat();
        let set = [attribute(1, &[]), attribute(3 | NESTED, &bits)].concat();
        let wanted = attribute(3 | NESTED, &attribute(3 | NESTED, &bit(b"rx-lro\0")));
        let answer = question(11, &[wanted, attribute(4 | NESTED, &set)].concat());
        let active = active_features(&answer).expect("features");
        assert_eq!(
            active.into_iter().collect::<Vec<_>>(),
            ["rx-gro", "tx-checksum-ip-generic"]
        );

        let answer = question(1, &attribute(3, &7_u64.to_ne_bytes()));
        assert_eq!(xdp_feature_bits(&answer), Some(7));
        let answer = question(1, &attribute(1, &27_u16.to_ne_bytes()));
        assert_eq!(family_id(&answer), Some(27));
    }

    #[test]
    fn what_is_cut_short_is_no_answer() {
        let answer = question(1, &attribute(3, &7_u64.to_ne_bytes()));
        for length in 0..answer.len() {
            assert_eq!(xdp_feature_bits(&answer[..length]), None, "{length}");
        }
        assert_eq!(family_id(&[]), None);
        assert_eq!(active_features(&question(11, &attribute(4, &[1, 2]))), None);
    }
}
