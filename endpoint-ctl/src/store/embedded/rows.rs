//! How records are laid out in the file: revision (u64, little endian), CRC-32 of path, revision
//! and value (u32, little endian), value. Imports nothing of this crate.
//!
//! The file has checksums of its own, which are looked at when it is opened; this one is looked at
//! whenever a record is read.

use super::super::Revision;

const HEAD: usize = 12;

pub(super) fn encode(path: &str, revision: Revision, value: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(HEAD + value.len());
    row.extend_from_slice(&revision.0.to_le_bytes());
    row.extend_from_slice(&checksum(path, &row, value).to_le_bytes());
    row.extend_from_slice(value);
    row
}

/// Revision and value, unless the row is not what was written under this path.
pub(super) fn decode<'a>(path: &str, row: &'a [u8]) -> Option<(Revision, &'a [u8])> {
    let (revision, rest) = row.split_first_chunk::<8>()?;
    let (sum, value) = rest.split_first_chunk::<4>()?;
    let intact = u32::from_le_bytes(*sum) == checksum(path, revision, value);
    intact.then(|| (Revision(u64::from_le_bytes(*revision)), value))
}

fn checksum(path: &str, revision: &[u8], value: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(path.as_bytes());
    sum.update(revision);
    sum.update(value);
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_found() {
        let row = encode("a/b", Revision(7), b"value");
        assert_eq!(decode("a/b", &row), Some((Revision(7), &b"value"[..])));
        assert_eq!(decode("a/c", &row), None);
        for bit in 0..row.len() * 8 {
            let mut flipped = row.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode("a/b", &flipped), None, "bit {bit}");
        }
        for length in 0..row.len() {
            assert_eq!(decode("a/b", &row[..length]), None, "{length} bytes");
        }
    }
}
