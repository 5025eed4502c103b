//! "Did you mean": the known word nearest to an unknown one.
//!
//! May import: std.

/// The candidate nearest to `word`, if it is near enough to be a slip of the pen.
pub(super) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean "x"? ` or nothing: goes in front of a mend.
pub(super) fn did_you_mean<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> String {
    nearest(word, candidates).map_or_else(String::new, |near| format!("did you mean {near:?}? "))
}

/// Letters to insert, delete, replace or swap with the next to make `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    let at = |rows: &[Vec<usize>], i: usize, j: usize| {
        rows.get(i)
            .and_then(|row| row.get(j))
            .copied()
            .unwrap_or(usize::MAX / 2)
    };
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let replaced = at(&rows, i, j) + usize::from(from != to);
            let deleted = at(&rows, i, j + 1) + 1;
            let inserted = row.last().map_or(usize::MAX, |left| left + 1);
            let swaps = i > 0 && j > 0 && a.get(i - 1) == Some(to) && b.get(j - 1) == Some(from);
            let swapped = if swaps {
                at(&rows, i - 1, j - 1) + 1
            } else {
                usize::MAX
            };
            row.push(replaced.min(deleted).min(inserted).min(swapped));
        }
        rows.push(row);
    }
    at(&rows, a.len(), b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("vpc", "vpc"), 0);
        assert_eq!(distance("vcp", "vpc"), 1);
    }

    #[test]
    fn only_near_words_are_suggested() {
        assert_eq!(
            nearest("PortRagne", ["Priority", "PortRange"]),
            Some("PortRange")
        );
        assert_eq!(
            nearest("securitygroupid", ["SecurityGroupIds"]),
            Some("SecurityGroupIds")
        );
        assert_eq!(nearest("Vcp", ["VSwitch", "Vpc"]), Some("Vpc"));
        assert_eq!(nearest("Color", ["Priority", "PortRange"]), None);
    }
}
