//! Ids of requests. May import: std, fastrand.

/// A new id: a random UUID in capitals, as Alibaba's are. No secret, and not to be used as one.
pub(super) fn new() -> String {
    let version_4 = 0x4000_u128 << 64;
    let variant = 0x8000_u128 << 48;
    let random = fastrand::u128(..) & !(0xf000_u128 << 64) & !(0xc000_u128 << 48);
    let hex = format!("{:032X}", random | version_4 | variant);
    let mut id = String::with_capacity(36);
    for (place, digit) in hex.chars().enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            id.push('-');
        }
        id.push(digit);
    }
    id
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_are_uuids_of_version_4() {
        for _ in 0..1_000 {
            let id = super::new();
            let parts: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
            assert_eq!(&id[14..15], "4", "{id}");
            assert!("89AB".contains(&id[19..20]), "{id}");
            assert!(!id.contains(char::is_lowercase), "{id}");
        }
    }
}
