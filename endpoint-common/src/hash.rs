//! Hashes of tuples: one without a secret, the same on every node, for the choice of a backend; one
//! with, for the flow table and the choice of a NAT port.
//!
//! May import: core.

/// Mixes `words` under `seed` into 32 well spread bits (the finalizer of `MurmurHash3`, per word).
#[must_use]
pub fn mix<const N: usize>(seed: u32, words: [u32; N]) -> u32 {
    let mut hash = seed;
    for word in words {
        hash = finalize(hash.rotate_left(13).wrapping_mul(5).wrapping_add(word));
    }
    hash
}

/// Hashes a flow's key under a secret that only this node knows, since whoever could foresee the
/// result could fill one bucket of the flow table. Multiplication by a secret carries a difference in
/// low bits to places nobody can foresee; one in the highest bits stays where it is, and there keys
/// have what their sender does not choose (destination address, network, protocol).
#[must_use]
#[inline(always)]
pub fn keyed<const N: usize>(secret: [u64; 2], words: &[u64; N]) -> u64 {
    let [start, factor] = secret;
    let mut hash = start;
    for word in words {
        hash = (hash ^ word).wrapping_mul(factor | 1);
        hash ^= hash >> 32;
    }
    hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 32)
}

fn finalize(mut h: u32) -> u32 {
    h ^= h >> 16;
    h = h.wrapping_mul(0x85eb_ca6b);
    h ^= h >> 13;
    h = h.wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

#[cfg(test)]
mod tests {
    use super::mix;

    #[test]
    fn nearby_tuples_spread_evenly_over_slots() {
        let mut slots = [0u32; 64];
        for word in 0..64_000 {
            let slot = mix(7, [word, 0x0a00_0001]) as usize % slots.len();
            if let Some(count) = slots.get_mut(slot) {
                *count = count.saturating_add(1);
            }
        }
        assert!(
            slots.iter().all(|count| (800..1_200).contains(count)),
            "{slots:?}"
        );
    }

    #[test]
    fn seed_and_order_matter() {
        assert_ne!(mix(1, [2, 3]), mix(2, [2, 3]));
        assert_ne!(mix(1, [2, 3]), mix(1, [3, 2]));
    }
}
