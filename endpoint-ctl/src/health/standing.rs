//! What probes say of a server, by thresholds: a few in a row are needed to change a mind. Pure:
//! no clock, no IO.
//!
//! May import: model, std.

use crate::model::HealthCheck;

/// What is held of a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// Not known: not probed yet, or not at all. Counts as healthy.
    #[default]
    Unknown,
    /// Takes new flows.
    Healthy,
    /// Takes no new flows.
    Unhealthy,
}

/// How a probe ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Passed,
    /// The server did not do what it should: why.
    Failed(String),
    /// This node could not probe, which says nothing of the server: why.
    Impossible(String),
}

impl Outcome {
    /// The outcome in words.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Passed => "the last probe passed",
            Self::Failed(reason) | Self::Impossible(reason) => reason,
        }
    }
}

/// A state, and how many probes in a row have spoken against it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// What is held of the server.
    pub state: State,
    against: u8,
}

impl Standing {
    /// A state that nothing has spoken against so far.
    pub fn new(state: State) -> Self {
        Self { state, against: 0 }
    }

    /// What is held after one more probe. A first success is believed at once: so far the server
    /// has counted as healthy anyway.
    #[must_use]
    pub fn after(self, outcome: &Outcome, check: &HealthCheck) -> Self {
        match (outcome, self.state) {
            (Outcome::Impossible(_), _) => Self::new(State::Unknown),
            (Outcome::Passed, State::Unknown | State::Healthy) => Self::new(State::Healthy),
            (Outcome::Passed, State::Unhealthy) => {
                self.one_more_against(check.healthy_threshold, State::Healthy)
            }
            (Outcome::Failed(_), State::Unknown | State::Healthy) => {
                self.one_more_against(check.unhealthy_threshold, State::Unhealthy)
            }
            (Outcome::Failed(_), State::Unhealthy) => Self::new(State::Unhealthy),
        }
    }

    fn one_more_against(self, threshold: u8, other: State) -> Self {
        let against = self.against.saturating_add(1);
        if against >= threshold {
            return Self::new(other);
        }
        Self { against, ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::HealthCheckKind;

    fn check() -> HealthCheck {
        HealthCheck {
            kind: HealthCheckKind::Tcp,
            connect_port: None,
            healthy_threshold: 2,
            unhealthy_threshold: 3,
            connect_timeout: Duration::from_secs(1),
            interval: Duration::from_secs(5),
        }
    }

    /// The states after each of these outcomes: `+` passed, `-` failed, `?` impossible; states are
    /// `u`nknown, `h`ealthy and `x` for unhealthy.
    #[track_caller]
    fn assert_states(begin: State, outcomes: &str, wanted: &str) {
        let mut standing = Standing::new(begin);
        let states: String = outcomes
            .chars()
            .map(|outcome| {
                let outcome = match outcome {
                    '+' => Outcome::Passed,
                    '-' => Outcome::Failed("refused".to_owned()),
                    _ => Outcome::Impossible("no address".to_owned()),
                };
                standing = standing.after(&outcome, &check());
                match standing.state {
                    State::Unknown => 'u',
                    State::Healthy => 'h',
                    State::Unhealthy => 'x',
                }
            })
            .collect();
        assert_eq!(states, wanted, "from {begin:?} by {outcomes}");
    }

    #[test]
    fn three_failures_in_a_row_make_it_unhealthy() {
        assert_states(State::Healthy, "---", "hhx");
        assert_states(State::Unknown, "---", "uux");
        assert_states(State::Healthy, "--+--+---", "hhhhhhhhx");
    }

    #[test]
    fn two_successes_in_a_row_make_it_healthy_again() {
        assert_states(State::Unhealthy, "++", "xh");
        assert_states(State::Unhealthy, "+-+-++", "xxxxxh");
    }

    #[test]
    fn after_a_change_counting_begins_anew() {
        assert_states(State::Healthy, "---++--+---", "hhxxhhhhhhx");
        assert_states(State::Unhealthy, "++-", "xhh");
    }

    #[test]
    fn a_first_success_is_enough() {
        assert_states(State::Unknown, "+", "h");
        assert_states(State::Unknown, "--+", "uuh");
    }

    #[test]
    fn what_cannot_be_probed_is_unknown_at_once() {
        assert_states(State::Unhealthy, "?", "u");
        assert_states(State::Healthy, "--?--", "hhuuu");
        assert_states(State::Unhealthy, "+?---", "xuuux");
    }

    #[test]
    fn the_count_does_not_overflow() {
        let never = HealthCheck {
            unhealthy_threshold: u8::MAX,
            ..check()
        };
        let failed = Outcome::Failed(String::new());
        let standing = (0..1_000).fold(Standing::default(), |now, _| now.after(&failed, &never));
        assert_eq!(standing, Standing::new(State::Unhealthy));
    }
}
