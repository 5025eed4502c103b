//! What happened: drains the kernel side, joins numbers to names, keeps flows from growing old, and
//! writes flow-log records. Nothing here can block or change what packets meet.
//!
//! May import: dataplane (observed), compiler and model (names), endpoint-common::abi, std, jiff.

mod clock;
mod flow_view;
mod names;
mod observer;
mod record;
mod rule_book;
mod rule_hits;
mod sink;
mod totals;
mod window;

pub use flow_view::FlowView;
pub use names::{EniName, Names};
pub use observer::{Observer, ObserverHandle, ObserverOptions};
pub use record::{Direction, Record, Tuple};
pub use rule_book::{RuleBook, RuleView, RulesOf};
pub use totals::{Accepted, Amount, DropTotal, EniTotals, FlowTable, Totals};
