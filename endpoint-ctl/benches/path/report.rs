//! The table: medians, ratios to the floor, budgets.
//!
//! May import: std, basis.

use std::collections::BTreeMap;

use super::basis::median;

/// How much more than another row one may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Times the other.
    pub(crate) most: f64,
    /// The other.
    pub(crate) of: Base,
}

/// What a row is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Base {
    /// The floor of so many flows.
    Floor(u32),
    /// A row, by its label.
    Row(&'static str),
}

impl Base {
    fn label(self) -> String {
        match self {
            Self::Floor(flows) => format!("floor, {}", grouped(flows)),
            Self::Row(label) => label.to_owned(),
        }
    }
}

#[derive(Debug, Default)]
struct Row {
    net: Vec<f64>,
    /// Times the floor.
    ratios: Vec<f64>,
    /// Times what the budget is about.
    against: Vec<f64>,
    budget: Option<Budget>,
    note: &'static str,
}

/// Measurements by row; rows stand in the order they were first seen.
#[derive(Debug, Default)]
pub(crate) struct Report {
    order: Vec<String>,
    rows: BTreeMap<String, Row>,
    /// The floors of this round, by number of flows.
    floors: BTreeMap<u32, f64>,
}

impl Report {
    fn at(&mut self, label: &str) -> &mut Row {
        if !self.rows.contains_key(label) {
            self.order.push(label.to_owned());
        }
        self.rows.entry(label.to_owned()).or_default()
    }

    /// A row that nothing was taken off.
    pub(crate) fn raw(&mut self, label: &str, note: &'static str, ns: f64) {
        let row = self.at(label);
        row.net.push(ns);
        row.note = note;
    }

    /// A floor; rows that follow are held against it.
    pub(crate) fn floor(&mut self, flows: u32, ns: f64) {
        self.floors.insert(flows, ns);
        self.row(&format!("floor, {}", grouped(flows)), ns, None, flows);
    }

    /// A row, held against the floor of so many flows, and by its budget.
    pub(crate) fn row(&mut self, label: &str, ns: f64, budget: Option<Budget>, floor: u32) {
        let times_floor = ns / self.floors.get(&floor).copied().unwrap_or(f64::NAN);
        let against = budget.map(|budget| match budget.of {
            Base::Floor(flows) => self.floors.get(&flows).copied(),
            // This round's.
            Base::Row(label) => self.rows.get(label).and_then(|row| row.net.last().copied()),
        });
        let row = self.at(label);
        row.net.push(ns);
        row.ratios.push(times_floor);
        row.budget = budget;
        if let Some(base) = against {
            row.against.push(ns / base.unwrap_or(f64::NAN));
        }
    }

    pub(crate) fn print(&self) {
        println!("{:<32} {:>6} {:>8}  budget", "packet", "ns", "x floor");
        for label in &self.order {
            let row = &self.rows[label];
            let ns = median(&row.net);
            if row.ratios.is_empty() {
                println!("{label:<32} {ns:>6.0} {:>8}  {}", "", row.note);
                continue;
            }
            let line = format!("{label:<32} {ns:>6.0} {:>8.2}", median(&row.ratios));
            let Some(Budget { most, of }) = row.budget else {
                println!("{line}");
                continue;
            };
            let against = median(&row.against);
            let verdict = if against <= most { "ok" } else { "OVER" };
            println!("{line}  {verdict}: {against:.2} of {most} x {}", of.label());
        }
    }
}

/// With commas between thousands.
pub(crate) fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}
