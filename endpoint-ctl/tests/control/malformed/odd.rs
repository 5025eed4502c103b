//! Requests that are signed as they must be, and say anything: calls that would do well, with something wrong
//! or odd in them, and words of an operation's own put together by chance.

use std::collections::BTreeSet;

use fastrand::Rng;
use serde_json::Value;

use super::good::{Pairs, good};
use super::known::Operation;
use super::stage::{Stage, call};
use crate::calls::Product;

/// What is odd as a value, wherever it stands.
const VALUES: &[&str] = &[
    "",
    " ",
    "-1",
    "0",
    "1",
    "65536",
    "99999999999999999999",
    "-9223372036854775809",
    "1e9",
    "0x10",
    "NaN",
    "null",
    "true",
    "True",
    "False",
    "TRUE",
    "[]",
    "{}",
    "[[[[[[[[",
    "{\"Version\":\"1\",\"Statement\":[{}]}",
    "\u{0}",
    "\u{202e}gnp",
    "\u{feff}x",
    "e\u{301}",
    "\u{1d54f}",
    "\u{663}",
    "\u{ff11}0.0.0.1",
    "\u{1f3f4}\u{e0067}",
    "10.0.0.0/33",
    "10.0.0.1/16",
    "10.0.1.0/24",
    "10.0.1.7",
    "999.1.1.1",
    "010.0.0.1",
    "::ffff:10.0.0.1",
    "fe80::1%eth0",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::/129",
    "fd00::1",
    "1/65535",
    "80/80",
    "80/",
    "65535/1",
    "-1/-1",
    "/",
    "TCP",
    "tcp",
    "ALL",
    "all",
    "accept",
    "drop",
    "DualStack",
    "IPv4",
    "Reverse",
    "nlb",
    "normal",
    "enterprise",
    "cn-test",
    "cn-test-a",
    "cn-test-b",
    "cn-hangzhou",
    "1001",
    "1002",
    "*",
    "../../etc/passwd",
    "%s%n%x",
    "%2e%00",
    "'; DROP TABLE vpc",
    "<script>",
    "\r\nx-acs-action: DeleteVpc",
    "\t",
    "\u{7f}",
    "acs:ecs:*:*:*",
    "http://x",
    "x",
];
/// Where a list's place stands.
const PLACES: [&str; 12] = [
    "0",
    "2",
    "3",
    "-1",
    "01",
    "",
    "x",
    "1000",
    "1001",
    "99999999999999999999",
    "1.1",
    "\u{0661}",
];

/// See the module.
pub(super) struct Chance<'s> {
    operations: &'s [Operation],
    good: Vec<(Product, &'static str, Pairs)>,
    ids: Vec<String>,
    /// The first of the ids that came with answers.
    kept: usize,
}

impl<'s> Chance<'s> {
    pub(super) fn new(stage: &Stage, operations: &'s [Operation]) -> Self {
        let ids = stage.ids();
        Self {
            operations,
            good: good(stage),
            kept: ids.len(),
            ids,
        }
    }

    /// A request, and what it calls.
    pub(super) fn request(&mut self, rng: &mut Rng) -> ((Product, String), Vec<u8>) {
        let (product, action, mut pairs) = if rng.bool() {
            let (product, action, pairs) = &self.good[rng.usize(..self.good.len())];
            (*product, (*action).to_owned(), pairs.clone())
        } else {
            let operation = &self.operations[rng.usize(..self.operations.len())];
            let count = rng.usize(..10);
            let pairs = (0..count)
                .map(|_| self.pair(&operation.words, rng))
                .collect();
            (operation.product, operation.action.clone(), pairs)
        };
        let operation = self
            .operations
            .iter()
            .find(|one| (one.product, &one.action) == (product, &action));
        let words = operation.map_or(&[][..], |operation| &operation.words);
        for _ in 0..[0, 1, 1, 2, 4][rng.usize(..5)] {
            self.spoil(&mut pairs, words, rng);
        }
        let mut request = call(product, &action, &[]);
        if rng.u8(..30) == 0 {
            request.query.clear();
        }
        request.method = if rng.u8(..4) == 0 { "GET" } else { "POST" };
        for pair in pairs {
            // A query may not be as long as a body.
            if rng.bool() || pair.1.len() > 500 {
                request.form.push(pair);
            } else {
                request.query.push(pair);
            }
        }
        // Of one that is given twice, the older scheme signs one; as which, no document says.
        let all = request.query.iter().chain(&request.form);
        let names: Vec<_> = all.map(|(name, _)| name).collect();
        let is_twice = names.len() > names.iter().collect::<BTreeSet<_>>().len();
        let sent = if is_twice || rng.bool() {
            request.acs3()
        } else {
            request.rpc()
        };
        ((product, action), sent)
    }

    /// Keeps ids that an answer has, for later requests.
    pub(super) fn keep(&mut self, answer: &Value, rng: &mut Rng) {
        const MOST: usize = 40;
        for (name, value) in answer.as_object().into_iter().flatten() {
            let id = value.as_str().unwrap_or_default();
            if !name.ends_with("Id") || name == "RequestId" || id.is_empty() {
                continue;
            }
            if self.ids.len() - self.kept >= MOST {
                self.ids.swap_remove(rng.usize(self.kept..self.ids.len()));
            }
            self.ids.push(id.to_owned());
        }
    }

    fn pair(&self, words: &[String], rng: &mut Rng) -> (String, String) {
        let mut word = || words[rng.usize(..words.len())].clone();
        let (first, second) = (word(), word());
        let name = match rng.u8(..4) {
            0 => format!("{first}.1"),
            1 => format!("{first}.1.{second}"),
            _ => first,
        };
        let value = self.value(&name, words, rng);
        (name, value)
    }

    fn value(&self, name: &str, words: &[String], rng: &mut Rng) -> String {
        let is_id = name.contains("Id");
        match rng.u8(..12) {
            _ if is_id && rng.u8(..4) > 0 => self.ids[rng.usize(..self.ids.len())].clone(),
            0 if !words.is_empty() => words[rng.usize(..words.len())].clone(),
            1 => {
                let length = [200, 2_000, 60_000][rng.usize(..3)];
                let long = ["a", "\u{4e2d}", "[", "1"][rng.usize(..4)];
                long.repeat(rng.usize(..length) / long.len())
            }
            2 => {
                let length = rng.usize(1..12);
                (0..length).map(|_| rng.char(..)).collect()
            }
            _ => VALUES[rng.usize(..VALUES.len())].to_owned(),
        }
    }

    /// Makes something of it odd.
    fn spoil(&self, pairs: &mut Pairs, words: &[String], rng: &mut Rng) {
        if pairs.is_empty() || rng.u8(..8) == 0 {
            if !words.is_empty() {
                pairs.push(self.pair(words, rng));
            }
            return;
        }
        let at = rng.usize(..pairs.len());
        match rng.u8(..8) {
            0 => drop(pairs.remove(at)),
            1 => {
                let (name, value) = pairs[at].clone();
                pairs.push((
                    name,
                    if rng.bool() {
                        value
                    } else {
                        "other".to_owned()
                    },
                ));
            }
            2 => pairs[at].0 = misplaced(&pairs[at].0, rng),
            3 => {
                let name = &mut pairs[at].0;
                *name = match rng.u8(..4) {
                    0 => name.to_lowercase(),
                    1 => format!("{name}."),
                    2 => format!("{name}.1"),
                    _ => format!("{name}\u{0}"),
                };
            }
            _ => pairs[at].1 = self.value(&pairs[at].0, words, rng),
        }
    }
}

/// A name with another place of its list.
fn misplaced(name: &str, rng: &mut Rng) -> String {
    let place = PLACES[rng.usize(..PLACES.len())];
    let is_place = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<_> = name.split('.').collect();
    if !parts.iter().any(|part| is_place(part)) {
        return format!("{name}.{place}");
    }
    let parts = parts
        .into_iter()
        .map(|part| if is_place(part) { place } else { part });
    parts.collect::<Vec<_>>().join(".")
}
