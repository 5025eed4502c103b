//! The Internet checksum: incremental update (RFC 1624), and the whole sum for tests.
//!
//! Sums are kept in the byte order of memory: ones' complement addition does not care which
//! (RFC 1071 section 2B), so no word is ever swapped. Fold a 32-bit sum before it can overflow:
//! up to 65,535 words fit.
//!
//! May import: core, bytemuck.

/// The change that replacing 16-bit word `old` by `new` makes to a ones' complement sum.
#[must_use]
#[inline(always)]
pub fn change(old: [u8; 2], new: [u8; 2]) -> u32 {
    u32::from(!u16::from_ne_bytes(old)).wrapping_add(u32::from(u16::from_ne_bytes(new)))
}

/// [`change`] for a 32-bit word, such as an IPv4 address.
#[must_use]
#[inline(always)]
pub fn change32(old: [u8; 4], new: [u8; 4]) -> u32 {
    let ([old0, old1, old2, old3], [new0, new1, new2, new3]) = (old, new);
    change([old0, old1], [new0, new1]).wrapping_add(change([old2, old3], [new2, new3]))
}

/// [`change`] for an IPv6 address.
#[must_use]
#[inline(always)]
pub fn change128(old: &[u8; 16], new: &[u8; 16]) -> u32 {
    let (old, new) = (words(old), words(new));
    let mut sum = 0u64;
    for (old, new) in old.iter().zip(new) {
        // A sum of wider words, folded, is the same sum.
        sum = sum
            .wrapping_add(u64::from(!u32::from_ne_bytes(*old)))
            .wrapping_add(u64::from(u32::from_ne_bytes(*new)));
    }
    u32::from(fold64(sum))
}

#[inline(always)]
fn words(bytes: &[u8; 16]) -> &[[u8; 4]; 4] {
    bytemuck::cast_ref(bytes)
}

/// [`fold`] for a sum of 32-bit words.
#[must_use]
#[inline(always)]
pub fn fold64(sum: u64) -> u16 {
    let once = (sum & 0xffff_ffff).wrapping_add(sum >> 32);
    let twice = (once & 0xffff_ffff).wrapping_add(once >> 32);
    let sum = (twice & 0xffff).wrapping_add(twice >> 16) as u32;
    fold(sum)
}

/// The sum of 16 bytes, to begin a checksum with.
#[must_use]
#[inline(always)]
pub fn sum128(bytes: [u8; 16]) -> u32 {
    let words: [u16; 8] = bytemuck::cast(bytes);
    words
        .into_iter()
        .fold(0, |sum: u32, word| sum.wrapping_add(u32::from(word)))
}

/// Folds a sum to 16 bits with end-around carry.
#[must_use]
#[inline(always)]
pub fn fold(sum: u32) -> u16 {
    let once = (sum & 0xffff).wrapping_add(sum >> 16);
    let twice = (once & 0xffff).wrapping_add(once >> 16);
    twice as u16
}

/// Applies a change to a checksum field: RFC 1624 equation 3, `HC' = ~(~HC + ~m + m')`.
#[must_use]
#[inline(always)]
pub fn apply(check: [u8; 2], delta: u32) -> [u8; 2] {
    let sum = u32::from(!u16::from_ne_bytes(check)).wrapping_add(delta);
    (!fold(sum)).to_ne_bytes()
}

/// [`apply`] for UDP over IPv4 (RFC 768): 0 means "no checksum" and stays 0; a sum that comes out
/// as 0 is sent as all ones.
#[must_use]
#[inline(always)]
pub fn apply_udp(check: [u8; 2], delta: u32) -> [u8; 2] {
    if check == [0, 0] {
        return check;
    }
    match apply(check, delta) {
        [0, 0] => [0xff, 0xff],
        sum => sum,
    }
}

/// The checksum field for `bytes` in which that field is zero, `start` being a sum to begin with
/// (the pseudo-header's). An odd last byte is padded with zero.
#[must_use]
pub fn whole(bytes: &[u8], start: u32) -> [u8; 2] {
    let mut sum = u32::from(fold(start));
    for pair in bytes.chunks(2) {
        let word = match pair {
            [a, b] => [*a, *b],
            [a] => [*a, 0],
            _ => [0, 0],
        };
        sum = u32::from(fold(sum.wrapping_add(u32::from(u16::from_ne_bytes(word)))));
    }
    (!fold(sum)).to_ne_bytes()
}

#[cfg(test)]
mod tests {
    use super::{apply, apply_udp, change, change32, whole};

    /// RFC 1624 section 4: HC = 0xDD2F, m = 0x5555, m' = 0x3285 gives 0x0000.
    #[test]
    fn rfc_1624_example() {
        let delta = change([0x55, 0x55], [0x32, 0x85]);
        assert_eq!(apply([0xdd, 0x2f], delta), [0x00, 0x00]);
    }

    #[test]
    fn incremental_equals_whole() {
        let mut bytes = [
            0x45, 0, 0, 0x54, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 10, 0, 1, 10, 10, 0, 1, 100,
        ];
        let before = whole(&bytes, 0);
        let delta = change32([10, 0, 1, 10], [10, 0, 50, 200]);
        bytes[12..16].copy_from_slice(&[10, 0, 50, 200]);
        assert_eq!(apply(before, delta), whole(&bytes, 0));
    }

    #[test]
    fn udp_zero_stays_zero_and_is_never_made() {
        assert_eq!(apply_udp([0, 0], 1234), [0, 0]);
        let delta = change([0x55, 0x55], [0x32, 0x85]);
        assert_eq!(apply_udp([0xdd, 0x2f], delta), [0xff, 0xff]);
    }

    #[test]
    fn odd_length_is_padded() {
        assert_eq!(whole(&[1, 2, 3], 0), whole(&[1, 2, 3, 0], 0));
    }
}
