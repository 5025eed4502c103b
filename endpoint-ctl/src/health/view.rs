//! Targets as `status` shows them, and drains as the log tells of them.
//!
//! May import: model, jiff, tracing, std, drain, known, standing.

use std::time::Instant;

use jiff::Timestamp;

use super::drain::{Drain, Drains};
use super::known::Targets;
use super::standing::State;
use crate::model::{Model, TargetId};

/// A target as `status` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetView {
    /// Which.
    pub target: TargetId,
    /// Its weight in the manifest.
    pub weight: u8,
    /// `healthy`, `unhealthy`, `unknown`, `draining` or `drained`.
    pub state: &'static str,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// When it has drained, if it drains.
    pub draining_until: Option<Timestamp>,
}

impl TargetView {
    fn of_drain(target: TargetId, drain: &Drain, now: Instant) -> Self {
        let is_over = drain.is_over(now);
        let reason = match (drain.is_named, is_over) {
            (true, false) => "the manifest says Drain: true",
            (true, true) => "the manifest says Drain: true, and its time is up",
            (false, _) => "it is gone from the manifest",
        };
        Self {
            target,
            weight: drain.server.weight,
            state: if is_over { "drained" } else { "draining" },
            reason: reason.to_owned(),
            since: if is_over {
                drain.until()
            } else {
                drain.since.wall
            },
            draining_until: (!is_over).then(|| drain.until()),
        }
    }
}

/// Every target, those that are leaving last.
pub(super) fn all(
    desired: &Model,
    known: &Targets,
    drains: &Drains,
    now: Instant,
) -> Vec<TargetView> {
    let named = desired.targets().filter_map(|(target, _, server)| {
        if let Some(drain) = drains.get(&target) {
            return Some(TargetView::of_drain(target, drain, now));
        }
        let known = known.get(&target)?;
        Some(TargetView {
            target,
            weight: server.weight,
            state: match known.state {
                State::Unknown => "unknown",
                State::Healthy => "healthy",
                State::Unhealthy => "unhealthy",
            },
            reason: known.reason.clone(),
            since: known.since,
            draining_until: None,
        })
    });
    let leaving = drains.leaving();
    let leaving = leaving.map(|(target, drain)| TargetView::of_drain(target.clone(), drain, now));
    named.chain(leaving).collect()
}

/// Says who begins to drain, and who has drained since `then`.
pub(super) fn tell_drains(before: &Drains, after: &Drains, then: Instant, now: Instant) {
    for (target, drain) in after
        .iter()
        .filter(|(target, _)| before.get(target).is_none())
    {
        tracing::info!("{target} drains until {:.0}", drain.until());
    }
    let ended = before
        .iter()
        .filter(|(_, drain)| !drain.is_over(then) && drain.is_over(now));
    for (target, _) in ended {
        tracing::info!("{target} has drained: what flows it still had are cut");
    }
}
