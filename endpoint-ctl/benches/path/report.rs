//! The table: medians, ratios to the floor, budgets.
//!
//! May import: std, basis.

use std::collections::BTreeMap;

use super::basis::median;

/// How much more than a floor a row may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Times the floor.
    pub(crate) most: f64,
    /// Of which number of flows.
    pub(crate) floor: u32,
}

#[derive(Debug, Default)]
struct Row {
    net: Vec<f64>,
    ratios: Vec<f64>,
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

    /// A row, held against the floor of so many flows.
    pub(crate) fn row(&mut self, label: &str, ns: f64, budget: Option<Budget>, floor: u32) {
        let floor = self.floors.get(&floor).copied().unwrap_or(f64::NAN);
        let row = self.at(label);
        row.net.push(ns);
        row.ratios.push(ns / floor);
        row.budget = budget;
    }

    pub(crate) fn print(&self) {
        println!(
            "{:<30} {:>8} {:>8} {:>8}",
            "packet", "ns", "x floor", "budget"
        );
        for label in &self.order {
            let row = &self.rows[label];
            let ns = median(&row.net);
            let Some(ratio) = (!row.ratios.is_empty()).then(|| median(&row.ratios)) else {
                println!("{label:<30} {ns:>8.0} {:>8} {:>8}  {}", "", "", row.note);
                continue;
            };
            match row.budget {
                None => println!("{label:<30} {ns:>8.0} {ratio:>8.2}"),
                Some(Budget { most, floor }) => println!(
                    "{label:<30} {ns:>8.0} {ratio:>8.2} {most:>8.1}  {} (of the floor at {})",
                    if ratio <= most { "ok" } else { "OVER" },
                    grouped(floor)
                ),
            }
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
