//! Adds up what is used. It is told the time and what the kernel side has counted, and looks at nothing itself.
//!
//! May import: std, jiff, model, observe (amounts), days, row.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::days;
use super::row::{Bill, Key, Used};
use crate::model::EniId;
use crate::observe::{Accepted, Amount};

/// How long the clock must have run evenly before rows go by what it says: one that is set right a while after the
/// start must not cost the rows of years.
const EVEN_FOR: Duration = Duration::from_hours(1);
/// The clock was set if it gained or lost more than this.
const EVEN: SignedDuration = SignedDuration::from_secs(60);

/// A moment on two clocks: one that only ever goes on tells how long something took, the other the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Since any fixed moment of this run.
    pub steady: Duration,
    /// The system's clock, which may be set.
    pub clock: Timestamp,
}

impl Moment {
    /// Now; `start` is the same for all of a run.
    pub fn now(start: Instant) -> Self {
        Self {
            steady: start.elapsed(),
            clock: Timestamp::now(),
        }
    }
}

/// An ENI that was in force in this run.
#[derive(Debug)]
struct Eni {
    bill: Bill,
    is_in_force: bool,
    /// What the kernel side had counted when it was last looked at.
    read: [Amount; 2],
}

/// A row, by the number its record has.
#[derive(Debug, Default)]
struct Row {
    number: u64,
    used: Used,
}

/// A record that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Write {
    /// Its number.
    pub(super) number: u64,
    /// The row and what it holds; `None` if the record is to go.
    pub(super) row: Option<(Key, Used)>,
}

/// See the module.
#[derive(Debug)]
pub struct Meter {
    /// Days that rows are kept.
    days: u32,
    rows: BTreeMap<Key, Row>,
    next: u64,
    /// What is not written yet, by number; `None` if the record is to go.
    unwritten: BTreeMap<u64, Option<Key>>,
    enis: BTreeMap<EniId, Eni>,
    last: Option<Moment>,
    even_since: Duration,
}

impl Meter {
    /// One that keeps rows for so many days, today not counted.
    pub fn new(days: u32) -> Self {
        Self {
            days,
            rows: BTreeMap::new(),
            next: 1,
            unwritten: BTreeMap::new(),
            enis: BTreeMap::new(),
            last: None,
            even_since: Duration::ZERO,
        }
    }

    /// Takes a row that was kept. `false` if there is one like it.
    pub(super) fn restore(&mut self, number: u64, key: Key, used: Used) -> bool {
        self.next = self.next.max(number.saturating_add(1));
        self.rows.insert(key, Row { number, used }).is_none()
    }

    /// Takes in what the kernel side has counted by now, and how long ENIs have been in force since the last time.
    /// Whatever that is, is for those who were to pay until now.
    pub fn sample(&mut self, now: Moment, accepted: &[Accepted]) {
        let long = self.last.map_or(Duration::ZERO, |last| {
            now.steady.saturating_sub(last.steady)
        });
        let parts = days::parts(now.clock, long);
        // Whoever samples does so as a day begins, so all but nothing of the packets is of the earliest.
        let day = parts.last().map_or(days::of(now.clock), |(day, _)| *day);
        let mut more = Vec::new();
        for one in accepted {
            // Of an ENI that is not known yet, everything is taken once it is.
            let Some(eni) = self.enis.get_mut(&one.eni) else {
                continue;
            };
            let counted = [one.r#in, one.out];
            let before = std::mem::replace(&mut eni.read, counted);
            let used = Used {
                eni_time: Duration::ZERO,
                r#in: less(counted[0], before[0]),
                out: less(counted[1], before[1]),
            };
            if used != Used::default() {
                more.push((day, eni.bill.clone(), used));
            }
        }
        for eni in self.enis.values().filter(|eni| eni.is_in_force) {
            for (day, eni_time) in parts.iter().filter(|(_, part)| !part.is_zero()) {
                let used = Used {
                    eni_time: *eni_time,
                    ..Used::default()
                };
                more.push((*day, eni.bill.clone(), used));
            }
        }
        for (day, bill, used) in more {
            self.add(Key { day, bill }, &used);
        }
        // Of what went so long ago that its counters are gone, nothing more comes.
        let counted: BTreeSet<_> = accepted.iter().map(|one| &one.eni).collect();
        let is_known = |id: &EniId, eni: &Eni| eni.is_in_force || counted.contains(id);
        self.enis.retain(|id, eni| is_known(id, eni));
        self.look_at_clock(now, long);
        self.last = Some(now);
        self.prune(now);
    }

    fn add(&mut self, key: Key, used: &Used) {
        let row = self.rows.entry(key.clone()).or_insert_with(|| {
            let number = self.next;
            self.next += 1;
            Row {
                number,
                used: Used::default(),
            }
        });
        row.used.add(used);
        self.unwritten.insert(row.number, Some(key));
    }

    /// Says which ENIs are in force from now on, and who pays for each. To be called right after
    /// [`sample`](Self::sample).
    pub fn bill(&mut self, bills: BTreeMap<EniId, Bill>) {
        for (id, eni) in &mut self.enis {
            eni.is_in_force = bills.contains_key(id);
        }
        for (id, bill) in bills {
            // The kernel side begins at 0 with every ENI.
            let eni = self.enis.entry(id).or_insert_with(|| Eni {
                bill: bill.clone(),
                is_in_force: true,
                read: <[Amount; 2]>::default(),
            });
            eni.bill = bill;
        }
    }

    fn look_at_clock(&mut self, now: Moment, long: Duration) {
        let Some(last) = self.last else {
            self.even_since = now.steady;
            return;
        };
        let gained = now.clock.duration_since(last.clock);
        let real = SignedDuration::try_from(long).unwrap_or(SignedDuration::MAX);
        if gained.saturating_sub(real).abs() > EVEN {
            self.even_since = now.steady;
        }
    }

    /// Lets rows go that are older than they are kept, if the clock can be believed.
    fn prune(&mut self, now: Moment) {
        if now.steady.saturating_sub(self.even_since) < EVEN_FOR {
            return;
        }
        let kept = jiff::Span::new().try_days(self.days);
        let Ok(oldest) = kept.and_then(|kept| days::of(now.clock).checked_sub(kept)) else {
            return;
        };
        while let Some(first) = self.rows.first_entry()
            && first.key().day < oldest
        {
            self.unwritten.insert(first.remove().number, None);
        }
    }

    /// What has changed since it was last asked, and is to be written.
    pub(super) fn take_unwritten(&mut self) -> Vec<Write> {
        let taken = std::mem::take(&mut self.unwritten).into_iter();
        let write = |(number, key): (u64, Option<Key>)| {
            let row = key.and_then(|key| {
                let used = self.rows.get(&key)?.used;
                Some((key, used))
            });
            Write { number, row }
        };
        taken.map(write).collect()
    }

    /// Takes back what could not be written, to be written later as it is by then.
    pub(super) fn take_back(&mut self, writes: Vec<Write>) {
        for write in writes {
            let key = write.row.map(|(key, _)| key);
            self.unwritten.entry(write.number).or_insert(key);
        }
    }

    /// Every row, the oldest first.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&Key, &Used)> {
        self.rows.iter().map(|(key, row)| (key, &row.used))
    }
}

/// What came since. Where there is less than before, counting has begun anew.
fn less(now: Amount, before: Amount) -> Amount {
    if now.packets < before.packets || now.bytes < before.bytes {
        return now;
    }
    Amount {
        packets: now.packets - before.packets,
        bytes: now.bytes - before.bytes,
    }
}

#[cfg(test)]
mod tests;
