//! Numbers of rules by their names, and names by numbers.
//!
//! May import: std, foldhash.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::FixedState;

/// The rules that have numbers, from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RuleNumbers {
    numbers: HashMap<Arc<str>, u32, FixedState>,
    /// Names by number, that of 1 first; none where the number is free.
    names: Vec<Option<Arc<str>>>,
    /// Rules that are not in force, and since when.
    retired: BTreeMap<u32, Duration>,
    /// Numbers that rules had, free to be given again.
    free: BTreeSet<u32>,
}

impl RuleNumbers {
    /// The number of a rule, 0 if it has none.
    pub(super) fn get(&self, name: &str) -> u32 {
        self.numbers.get(name).copied().unwrap_or(0)
    }

    /// The same for who has just got the number `last`: rules that follow each other in a model mostly
    /// have numbers that do, and then nothing has to be searched.
    pub(super) fn get_after(&self, last: u32, name: &str) -> u32 {
        match self.names.get(last as usize) {
            Some(Some(next)) if **next == *name => last + 1,
            _ => self.get(name),
        }
    }

    /// Gives a number to every rule that has none yet.
    pub(super) fn assign<'n>(&mut self, rules: impl Iterator<Item = Cow<'n, str>>) {
        let mut last = 0;
        for name in rules {
            last = match self.get_after(last, &name) {
                0 => self.add(name.into()),
                known => known,
            };
        }
    }

    fn add(&mut self, name: Arc<str>) -> u32 {
        let number = self.free.pop_first().unwrap_or_else(|| {
            self.names.push(None);
            self.names.len() as u32
        });
        self.names[number as usize - 1] = Some(name.clone());
        self.numbers.insert(name, number);
        number
    }

    /// Takes note that `rules`, which all have numbers, are in force at `now`, and frees the numbers of
    /// those that have not been for longer than `rest`.
    pub(super) fn retire<'n>(
        &mut self,
        rules: impl Iterator<Item = Cow<'n, str>>,
        now: Duration,
        rest: Duration,
    ) {
        let mut in_force = vec![false; self.names.len() + 1];
        let mut last = 0;
        for name in rules {
            last = self.get_after(last, &name);
            in_force[last as usize] = true;
        }
        for (number, name) in (1..).zip(&self.names) {
            if in_force[number as usize] {
                self.retired.remove(&number);
            } else if name.is_some() {
                self.retired.entry(number).or_insert(now);
            }
        }
        let has_rested = |since: &Duration| now.saturating_sub(*since) > rest;
        let rested = self.retired.extract_if(.., |_, since| has_rested(since));
        for (number, _) in rested {
            if let Some(name) = self.names[number as usize - 1].take() {
                self.numbers.remove(&name);
                self.free.insert(number);
            }
        }
    }

    /// The largest number that any rule has had.
    pub(super) fn largest(&self) -> u32 {
        self.names.len() as u32
    }

    /// The names by number, that of 1 first; none where the number is free.
    pub(super) fn names(&self) -> &[Option<Arc<str>>] {
        &self.names
    }

    /// Every rule with its number, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        let numbered = (1..).zip(&self.names);
        numbered.filter_map(|(number, name)| Some((name.as_deref()?, number)))
    }
}
