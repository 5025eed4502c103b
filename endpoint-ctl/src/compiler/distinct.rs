//! Finds rows that are stored already: a hash table of rows' numbers beside the rows themselves.
//!
//! Millions of rows are looked for while rules are compiled, so an entry is eight bytes, and looking for a
//! row touches one cache line of them. May import: std, bytemuck, foldhash.

use std::hash::BuildHasher;

use bytemuck::NoUninit;
use foldhash::fast::FixedState;

/// Which rows there are. Nobody chooses rows so that their hashes collide but who writes the rules.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    /// Ordered by hash but for rows that found their place taken; at most half full, a power of two.
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    /// 0: none.
    row: u32,
}

const FREE: Entry = Entry { hash: 0, row: 0 };

impl Distinct {
    /// The number of `row` among `rows`, to which it is added if it is new. Row 0 is never found.
    pub(super) fn number<R: NoUninit>(&mut self, rows: &mut Vec<R>, row: R) -> u32 {
        if rows.len() * 2 >= self.entries.len() {
            self.grow();
        }
        let bytes = bytemuck::bytes_of(&row);
        let hash = (FixedState::default().hash_one(bytes) >> 32) as u32;
        let mut at = self.place(hash);
        loop {
            let entry = self.entries[at];
            if entry.row == 0 {
                break;
            }
            if entry.hash == hash && bytemuck::bytes_of(&rows[entry.row as usize]) == bytes {
                return entry.row;
            }
            at = self.after(at);
        }
        let number = rows.len() as u32;
        rows.push(row);
        self.entries[at] = Entry { hash, row: number };
        number
    }

    fn place(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.entries.len() as u64) >> 32) as usize
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.entries.len() - 1)
    }

    fn grow(&mut self) {
        const LEAST: usize = 64;
        let size = LEAST.max(self.entries.len() * 2);
        let old = std::mem::replace(&mut self.entries, vec![FREE; size]);
        for entry in old.into_iter().filter(|entry| entry.row != 0) {
            let mut at = self.place(entry.hash);
            while self.entries[at].row != 0 {
                at = self.after(at);
            }
            self.entries[at] = entry;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_one_number_in_the_order_they_came() {
        let (mut rows, mut distinct) = (vec![0u32], Distinct::default());
        for row in (0..10_000).chain(0..10_000) {
            assert_eq!(distinct.number(&mut rows, row), row + 1);
        }
        assert_eq!(rows.len(), 10_001);
    }

    #[test]
    fn rows_of_one_hash_are_told_apart() {
        let (mut rows, mut distinct) = (vec![0u32], Distinct::default());
        distinct.number(&mut rows, 1);
        // The same, had another row been stored.
        rows[1] = 2;
        assert_eq!(distinct.number(&mut rows, 1), 2);
        assert_eq!(distinct.number(&mut rows, 1), 2);
        assert_eq!(rows, [0, 2, 1]);
    }
}
