//! The daemon's maps, read and written by hand: bpftool, from outside. Imports `scene`.

use std::fs;

use serde_json::Value;

use crate::dual_stack::Family;
use crate::scene::Scene;

/// Slots of a row of the index.
const SLOTS: usize = 8;

/// A map of the daemon's.
pub(super) struct Map {
    id: String,
}

impl Map {
    /// The one of this name.
    #[track_caller]
    pub(super) fn of(scene: &Scene, name: &str) -> Self {
        let dir = format!("/proc/{}/fdinfo", scene.daemon.pid());
        let files = fs::read_dir(&dir).expect("the daemon runs");
        let texts = files.filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
        let ids = texts.filter_map(|text| {
            let id = text.lines().find_map(|line| line.strip_prefix("map_id:"));
            id.map(|id| id.trim().to_owned())
        });
        let mut maps = ids.map(|id| Self { id });
        let found = maps.find(|map| map.ask(scene, &["show"], &[])["name"] == name);
        found.unwrap_or_else(|| panic!("the daemon has no map {name}"))
    }

    /// A row's bytes.
    #[track_caller]
    pub(super) fn row(&self, scene: &Scene, number: u32) -> Vec<u8> {
        let key = number.to_ne_bytes();
        let answer = self.ask(scene, &["lookup"], &words("key", &key));
        hex(&answer["value"])
    }

    /// Writes a row.
    #[track_caller]
    pub(super) fn set(&self, scene: &Scene, number: u32, row: &[u8]) {
        let words = [words("key", &number.to_ne_bytes()), words("value", row)].concat();
        self.ask(scene, &["update"], &words);
    }

    /// All rows' bytes.
    #[track_caller]
    fn rows(&self, scene: &Scene) -> Vec<Vec<u8>> {
        let dump = self.ask(scene, &["dump"], &[]);
        let rows = dump.as_array().expect("rows").iter();
        rows.map(|row| hex(&row["value"])).collect()
    }

    #[track_caller]
    fn ask(&self, scene: &Scene, what: &[&str], words: &[String]) -> Value {
        let mut argv = vec!["bpftool", "-j", "map"];
        argv.extend(what);
        argv.extend(["id", &self.id]);
        argv.extend(words.iter().map(String::as_str));
        let said = scene.must("node", &argv);
        serde_json::from_str(said.stdout()).unwrap_or(Value::Null)
    }
}

/// Takes the one half of this side that there is out of a family's index.
#[track_caller]
pub(super) fn lose_half(scene: &Scene, family: Family, side: u64) {
    let index = Map::of(scene, &format!("INDEX{}", family.digit()));
    let mut found = Vec::new();
    for (number, row) in (0..).zip(index.rows(scene)) {
        for place in 0..SLOTS {
            let slot = word(&row, place);
            // Bit 0 is the side.
            if slot != 0 && slot & 1 == side {
                let mut row = row.clone();
                row[place * 8..place * 8 + 8].fill(0);
                found.push((number, row));
            }
        }
    }
    let [(number, row)] = &found[..] else {
        panic!("{} halves of side {side}", found.len());
    };
    index.set(scene, *number, row);
}

/// A family's halves in the index.
#[track_caller]
pub(super) fn halves(scene: &Scene, family: Family) -> usize {
    let index = Map::of(scene, &format!("INDEX{}", family.digit()));
    let rows = index.rows(scene);
    let slots = rows
        .iter()
        .flat_map(|row| (0..SLOTS).map(|place| word(row, place)));
    slots.filter(|slot| *slot != 0).count()
}

/// How often a family's table was asked for an entry.
#[track_caller]
pub(super) fn opened(scene: &Scene, family: Family, control: &Map) -> u64 {
    let row = control.row(scene, u32::from(family == Family::V6));
    // The third of four lines of eight words.
    word(&row, 2 * 8)
}

/// How long flows of a kind may be idle: its place in a row of `LIMITS`.
#[derive(Debug, Clone, Copy)]
pub(super) enum IdleTime {
    HalfOpen = 1,
    Closing = 3,
    Udp = 4,
}

/// Sets the idle time of all flows of a kind to about a second.
#[track_caller]
pub(super) fn one_second(scene: &Scene, kinds: &[IdleTime]) {
    let limits = Map::of(scene, "LIMITS");
    let mut row = limits.row(scene, 0);
    let at = |kind: IdleTime| kind as usize * 4..kind as usize * 4 + 4;
    let half_open = row[at(IdleTime::HalfOpen)].try_into().expect("four bytes");
    // Ten seconds, in ticks.
    let second = u32::from_ne_bytes(half_open) / 10;
    for kind in kinds {
        row[at(*kind)].copy_from_slice(&second.to_ne_bytes());
    }
    limits.set(scene, 0, &row);
}

fn word(row: &[u8], place: usize) -> u64 {
    let bytes = row[place * 8..place * 8 + 8].try_into();
    u64::from_ne_bytes(bytes.expect("eight bytes"))
}

/// Bytes as arguments of bpftool's, behind what they are.
fn words(what: &str, bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.iter().map(u8::to_string);
    std::iter::once(what.to_owned()).chain(bytes).collect()
}

fn hex(bytes: &Value) -> Vec<u8> {
    let bytes = bytes.as_array().expect("bytes").iter();
    let digits = bytes.map(|byte| byte.as_str().expect("0x00").trim_start_matches("0x"));
    let read = digits.map(|digits| u8::from_str_radix(digits, 16));
    read.collect::<Result<_, _>>().expect("hexadecimal")
}
