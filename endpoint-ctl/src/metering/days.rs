//! Days of UTC, and the parts of a while by day.
//!
//! May import: std, jiff.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

const DAY: Duration = Duration::from_hours(24);

/// The day of a moment.
pub(super) fn of(moment: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(moment).date()
}

/// How long it is until the next day.
pub(super) fn left(moment: Timestamp) -> Duration {
    DAY.saturating_sub(gone(moment))
}

/// How much of its day is over.
fn gone(moment: Timestamp) -> Duration {
    let nanos = moment
        .as_nanosecond()
        .rem_euclid(DAY.as_nanos().cast_signed());
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// The parts of a while that ends at `end`, the latest first; at least one, which may be empty. The clock as it is
/// at the end says which days they are of, however it was set meanwhile; it never says how long they are.
pub(super) fn parts(end: Timestamp, long: Duration) -> Vec<(Date, Duration)> {
    let mut day = of(end);
    let mut room = gone(end);
    let mut left = long;
    let mut parts = Vec::new();
    while left > room
        && let Ok(before) = day.yesterday()
    {
        parts.push((day, room));
        left -= room;
        day = before;
        room = DAY;
    }
    parts.push((day, left));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn shown(end: &str, seconds: u64) -> Vec<(String, u64)> {
        let parts = parts(at(end), Duration::from_secs(seconds)).into_iter();
        parts
            .map(|(day, part)| (day.to_string(), part.as_secs()))
            .collect()
    }

    #[test]
    fn a_while_falls_into_days() {
        let day = |day: &str, seconds| (day.to_owned(), seconds);
        let cases = [
            ("2026-11-30T00:01:00Z", 60, vec![day("2026-11-30", 60)]),
            (
                "2026-12-01T00:00:10Z",
                60,
                vec![day("2026-12-01", 10), day("2026-11-30", 50)],
            ),
            (
                "2026-03-02T00:00:01Z",
                86_400 + 2,
                vec![
                    day("2026-03-02", 1),
                    day("2026-03-01", 86_400),
                    day("2026-02-28", 1),
                ],
            ),
            ("2026-11-30T00:00:00Z", 0, vec![day("2026-11-30", 0)]),
            ("1969-12-31T23:59:59Z", 1, vec![day("1969-12-31", 1)]),
        ];
        for (end, seconds, wanted) in cases {
            assert_eq!(shown(end, seconds), wanted, "{seconds} s until {end}");
        }
    }

    #[test]
    fn a_day_ends_at_midnight() {
        assert_eq!(
            left(at("2026-11-30T23:59:59.5Z")),
            Duration::from_millis(500)
        );
        assert_eq!(left(at("2026-11-30T00:00:00Z")), DAY);
    }
}
