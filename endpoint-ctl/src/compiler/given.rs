//! Small numbers for names that come and go. A number is not given to another name before everything that
//! knew it by the old one has forgotten it.
//!
//! May import: std.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a number has no name before it gets another one: until whoever counts by it begins anew.
const PAUSE: Duration = Duration::from_mins(1);

/// The names that have numbers, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given<K> {
    numbers: BTreeMap<K, u32>,
    /// Names that are not in force, and since when.
    retired: BTreeMap<K, Duration>,
    /// Numbers without a name, and since when.
    paused: BTreeMap<u32, Duration>,
    /// Numbers to be given again.
    free: BTreeSet<u32>,
    /// The largest that was given.
    largest: u32,
}

impl<K> Default for Given<K> {
    fn default() -> Self {
        Self {
            numbers: BTreeMap::new(),
            retired: BTreeMap::new(),
            paused: BTreeMap::new(),
            free: BTreeSet::new(),
            largest: 0,
        }
    }
}

impl<K: Ord + Clone> Given<K> {
    /// The number of a name.
    pub(super) fn get(&self, name: &K) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// Gives a name a number, if it has none.
    pub(super) fn assign(&mut self, name: K) {
        let (free, largest) = (&mut self.free, &mut self.largest);
        self.numbers.entry(name).or_insert_with(|| {
            free.pop_first().unwrap_or_else(|| {
                *largest += 1;
                *largest
            })
        });
    }

    /// Takes note that these names, which all have numbers, are in force at `now`. Names that have not been for
    /// longer than `rest` lose their numbers.
    pub(super) fn retire(&mut self, in_force: &BTreeSet<K>, now: Duration, rest: Duration) {
        self.retired.retain(|name, _| !in_force.contains(name));
        for name in self.numbers.keys() {
            if !in_force.contains(name) && !self.retired.contains_key(name) {
                self.retired.insert(name.clone(), now);
            }
        }
        let is_over = |since: &Duration, long| now.saturating_sub(*since) > long;
        for (number, _) in self.paused.extract_if(.., |_, since| is_over(since, PAUSE)) {
            self.free.insert(number);
        }
        for (name, _) in self.retired.extract_if(.., |_, since| is_over(since, rest)) {
            if let Some(number) = self.numbers.remove(&name) {
                self.paused.insert(number, now);
            }
        }
    }

    /// Every name with its number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, u32)> {
        self.numbers.iter().map(|(name, number)| (name, *number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_mins(10);

    /// As the reconciler does it: the numbers of these names, in force at some second.
    fn apply(given: &mut Given<&'static str>, names: &[&'static str], seconds: u64) -> Vec<u32> {
        for name in names {
            given.assign(name);
        }
        let in_force = names.iter().copied().collect();
        given.retire(&in_force, Duration::from_secs(seconds), REST);
        let number = |name| given.get(name).expect("it has one");
        names.iter().map(number).collect()
    }

    #[test]
    fn a_number_is_given_again_after_its_name_has_rested_and_it_has_paused() {
        let mut given = Given::default();
        assert_eq!(apply(&mut given, &["a", "b"], 0), [1, 2]);
        apply(&mut given, &["a"], 100);
        assert_eq!(apply(&mut given, &["a", "c"], 700), [1, 3], "it rests");
        assert_eq!(given.get(&"b"), Some(2));
        // This finds that it has rested; the number pauses.
        apply(&mut given, &["a", "c"], 701);
        assert_eq!(given.get(&"b"), None);
        assert_eq!(apply(&mut given, &["a", "c", "d"], 761), [1, 3, 4]);
        apply(&mut given, &["a", "c", "d"], 762);
        assert_eq!(
            apply(&mut given, &["a", "c", "d", "e", "f"], 763),
            [1, 3, 4, 2, 5]
        );
    }

    #[test]
    fn a_name_that_comes_back_has_its_number_still_and_rests_anew() {
        let mut given = Given::default();
        apply(&mut given, &["a"], 0);
        apply(&mut given, &[], 10);
        assert_eq!(apply(&mut given, &["a"], 600), [1]);
        apply(&mut given, &[], 605);
        apply(&mut given, &[], 1_200);
        assert_eq!(given.get(&"a"), Some(1), "it rests since 605");
        apply(&mut given, &[], 1_206);
        assert_eq!(given.get(&"a"), None);
        // Before its pause is over the name gets another one.
        assert_eq!(apply(&mut given, &["a"], 1_210), [2]);
    }
}
