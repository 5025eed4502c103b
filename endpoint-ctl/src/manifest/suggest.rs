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

/// Letters to insert, delete or replace to make `a` into `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (to, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            let replaced = diagonal + usize::from(from != *to);
            *cell = replaced.min(above + 1).min(left + 1);
            diagonal = above;
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("vpc", "vpc"), 0);
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
        assert_eq!(nearest("Color", ["Priority", "PortRange"]), None);
    }
}
