//! The tables: medians, ratios, budgets.
//!
//! May import: std, basis, subject.

use std::fmt;

use super::basis::median;
use super::subject::{Kind, Subject};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// One TCP stream.
    Stream,
    /// Connections opened and closed.
    Connect,
    /// Small packets, taken in the form in which they arrive.
    Packets,
    /// Small packets, each of a flow that nobody has seen.
    NewFlows,
    /// Small packets of XDP, of which the far end has to make skbs.
    PacketsToStack,
}

impl Measure {
    pub(crate) const ALL: [Self; 5] = [
        Self::Stream,
        Self::Connect,
        Self::Packets,
        Self::PacketsToStack,
        Self::NewFlows,
    ];

    /// Whether it says something about a subject.
    pub(crate) fn is_for(self, subject: &Subject) -> bool {
        match self {
            Self::Stream | Self::Connect => true,
            // Without a node, nothing but the generator is measured.
            Self::Packets | Self::NewFlows => subject.kind != Kind::Cable,
            Self::PacketsToStack => subject.is_xdp(),
        }
    }

    /// The measure whose other subjects it is held against.
    fn base(self) -> Self {
        match self {
            Self::PacketsToStack => Self::Packets,
            other => other,
        }
    }

    /// What a reader must know of it.
    fn note(self) -> &'static str {
        match self {
            Self::Stream => "iperf3, what the backend received",
            Self::Connect => "several at a time, closed by the client first, without resets",
            Self::Packets => {
                "sent by the kernel, 1,024 flows. What XDP sent is taken by XDP at the backend,\n\
                 the rest at the door of its stack; GRO is on at the node, where no XDP takes\n\
                 them, or veth would lose them"
            }
            Self::NewFlows => "32,768 of them, taken as above; connections without their sockets",
            Self::PacketsToStack => "the backend has to make an skb of each",
        }
    }

    /// A unit and how much of the base unit it is.
    fn unit(self) -> (&'static str, f64) {
        match self {
            Self::Stream => ("Gbit/s", 1e9),
            Self::Connect => ("k/s", 1e3),
            Self::Packets | Self::PacketsToStack | Self::NewFlows => ("M/s", 1e6),
        }
    }

    /// How many times `base` the product must reach.
    fn budget(self, product: Kind, base: Kind) -> Option<f64> {
        let Kind::Product(hook) = product else {
            return None;
        };
        match (self, base) {
            (Self::Stream, Kind::Nftables) if hook.name() == "tc" => Some(1.0),
            (Self::Connect, Kind::Nftables) => Some(1.25),
            (Self::Connect, Kind::Direct) => Some(0.97),
            (Self::Packets, Kind::Nftables) if hook.name() == "xdp" => Some(3.0),
            _ => None,
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stream => "one TCP stream",
            Self::Connect => "TCP connect and close",
            Self::Packets => "64-byte packets",
            Self::NewFlows => "new flows",
            Self::PacketsToStack => "64-byte packets, to the stack",
        })
    }
}

struct Row {
    measure: Measure,
    kind: Kind,
    name: String,
    /// One value per round.
    values: Vec<f64>,
}

/// All measurements.
#[derive(Default)]
pub(crate) struct Report(Vec<Row>);

impl Report {
    pub(crate) fn note(&mut self, measure: Measure, subject: &Subject, value: f64) {
        let known = self
            .0
            .iter_mut()
            .find(|row| row.measure == measure && row.kind == subject.kind);
        match known {
            Some(row) => row.values.push(value),
            None => self.0.push(Row {
                measure,
                kind: subject.kind,
                name: subject.name(),
                values: vec![value],
            }),
        }
    }

    pub(crate) fn print(&self) {
        let taken = |measure: &Measure| self.0.iter().any(|row| row.measure == *measure);
        for measure in Measure::ALL.into_iter().filter(taken) {
            println!("\n{measure}: {}", measure.note());
            for row in self.0.iter().filter(|row| row.measure == measure) {
                row.print();
                if let Kind::Product(_) = row.kind {
                    self.compare(row);
                }
                println!();
            }
        }
    }

    /// The product against all that it is not.
    fn compare(&self, row: &Row) {
        let others = self
            .0
            .iter()
            .filter(|other| other.measure == row.measure.base());
        for other in others {
            if !matches!(other.kind, Kind::Product(_)) {
                print!("{}", compared(row, other));
            }
        }
    }
}

impl Row {
    fn print(&self) {
        let (unit, size) = self.measure.unit();
        let value = median(&self.values);
        print!("  {:<16} {:>6.2} {unit:<6}", self.name, value / size);
        if self.measure == Measure::NewFlows || self.measure.base() == Measure::Packets {
            print!(" {:>5.0} ns each", 1e9 / value);
        }
    }
}

/// A row against another of the same measure.
fn compared(row: &Row, base: &Row) -> String {
    let rounds = row.values.iter().zip(&base.values);
    let ratio = median(&rounds.map(|(own, other)| own / other).collect::<Vec<_>>());
    let text = format!("   {ratio:.2} x {}", base.name);
    match row.measure.budget(row.kind, base.kind) {
        None => text,
        Some(least) => {
            let verdict = if ratio >= least { "ok" } else { "OVER" };
            format!("{text} (budget {least:.2}: {verdict})")
        }
    }
}
