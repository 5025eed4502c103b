//! Clocks and counters that a meter is shown, and the rows that come of it.

use super::*;
use crate::metering::usage::{By, UsageOf, UsageRow};
use crate::model::{AccountId, EndpointId};

const ENI: &str = "eni-1";
const OTHER: &str = "eni-2";

/// A meter and the clocks that it is shown.
struct Rig {
    meter: Meter,
    now: Moment,
}

impl Rig {
    fn new(clock: &str) -> Self {
        Self {
            meter: Meter::new(400),
            now: Moment {
                steady: Duration::from_secs(5),
                clock: clock.parse().unwrap(),
            },
        }
    }

    /// Time goes by, on both clocks.
    fn wait(&mut self, seconds: u64) -> &mut Self {
        self.now.steady += Duration::from_secs(seconds);
        self.now.clock += Duration::from_secs(seconds);
        self
    }

    /// The clock is set.
    fn set(&mut self, clock: &str) -> &mut Self {
        self.now.clock = clock.parse().unwrap();
        self
    }

    /// Samples: each ENI has counted so many bytes in, twice as many out, and a packet for each ten.
    fn sample(&mut self, counted: &[(&str, u64)]) -> &mut Self {
        let accepted = counted.iter().map(|(eni, bytes)| Accepted {
            eni: EniId::new(*eni),
            r#in: amount(*bytes),
            out: amount(2 * bytes),
        });
        self.meter.sample(self.now, &accepted.collect::<Vec<_>>());
        self
    }

    /// Each ENI is in force from now on, for an endpoint and a payer.
    fn bill(&mut self, bills: &[(&str, &str, &str)]) -> &mut Self {
        let bills = bills.iter().map(|(eni, endpoint, payer)| {
            let bill = Bill {
                endpoint: EndpointId::new(*endpoint),
                payer: AccountId::new(*payer),
            };
            (EniId::new(*eni), bill)
        });
        self.meter.bill(bills.collect());
        self
    }

    fn rows(&self, by: By) -> Vec<UsageRow> {
        let of = UsageOf {
            by,
            ..UsageOf::default()
        };
        of.select(&self.meter)
    }

    /// Day, endpoint, payer, seconds, bytes in of every row.
    fn days(&self) -> Vec<(String, String, String, f64, u64)> {
        let rows = self.rows(By::Day).into_iter();
        rows.map(|row| {
            assert_eq!(row.first_day, row.last_day);
            assert_eq!(row.bytes_out, 2 * row.bytes_in);
            assert_eq!(row.packets_in, row.bytes_in / 10);
            assert_eq!(row.packets_out, row.bytes_out / 10);
            (
                row.first_day.to_string(),
                row.endpoint_id,
                row.account_id,
                row.eni_seconds,
                row.bytes_in,
            )
        })
        .collect()
    }
}

fn amount(bytes: u64) -> Amount {
    Amount {
        packets: bytes / 10,
        bytes,
    }
}

fn row(
    day: &str,
    endpoint: &str,
    payer: &str,
    seconds: f64,
    bytes: u64,
) -> (String, String, String, f64, u64) {
    let [day, endpoint, payer] = [day, endpoint, payer].map(str::to_owned);
    (day, endpoint, payer, seconds, bytes)
}

#[test]
fn use_is_added_up() {
    let mut rig = Rig::new("2026-11-30T10:00:00Z");
    // Counted before it is known who pays: it is taken then.
    rig.sample(&[(ENI, 30)]);
    rig.bill(&[(ENI, "ep-1", "1001"), (OTHER, "ep-1", "1001")]);
    rig.wait(60).sample(&[(ENI, 100), (OTHER, 10)]);
    rig.wait(60).sample(&[(ENI, 100), (OTHER, 50)]);
    assert_eq!(
        rig.days(),
        [row("2026-11-30", "ep-1", "1001", 240.0, 150)],
        "all ENIs together"
    );
}

#[test]
fn a_day_ends_at_midnight() {
    let mut rig = Rig::new("2026-11-30T23:59:00Z");
    rig.sample(&[]).bill(&[(ENI, "ep-1", "1001")]);
    rig.wait(30).sample(&[(ENI, 100)]);
    // As whoever samples at midnight does, a little late.
    rig.wait(32).sample(&[(ENI, 140)]);
    rig.wait(60).sample(&[(ENI, 150)]);
    assert_eq!(
        rig.days(),
        [
            row("2026-11-30", "ep-1", "1001", 60.0, 140),
            row("2026-12-01", "ep-1", "1001", 62.0, 10),
        ]
    );
    let total = rig.rows(By::Total);
    assert_eq!(total.len(), 1);
    assert_eq!(total[0].eni_seconds.to_bits(), 122.0_f64.to_bits());
    assert_eq!(total[0].bytes_in, 150);
    assert_eq!(total[0].first_day.to_string(), "2026-11-30");
    assert_eq!(total[0].last_day.to_string(), "2026-12-01");
}

#[test]
fn another_payer_pays_from_then_on() {
    let mut rig = Rig::new("2026-11-30T10:00:00Z");
    rig.sample(&[]).bill(&[(ENI, "ep-1", "1001")]);
    rig.wait(60).sample(&[(ENI, 100)]);
    rig.bill(&[(ENI, "ep-1", "1002")]);
    rig.wait(10).sample(&[(ENI, 170)]);
    assert_eq!(
        rig.days(),
        [
            row("2026-11-30", "ep-1", "1001", 60.0, 100),
            row("2026-11-30", "ep-1", "1002", 10.0, 70),
        ]
    );
}

#[test]
fn an_endpoint_that_is_made_again_goes_on() {
    let mut rig = Rig::new("2026-11-30T10:00:00Z");
    rig.sample(&[]).bill(&[(ENI, "ep-1", "1001")]);
    rig.wait(60).sample(&[(ENI, 100)]);
    rig.bill(&[]);
    // Nobody pays for an ENI that is not in force.
    rig.wait(1_000).sample(&[(ENI, 100)]);
    assert_eq!(rig.days(), [row("2026-11-30", "ep-1", "1001", 60.0, 100)]);
    // The kernel side goes on counting where it was.
    rig.bill(&[(ENI, "ep-1", "1001")]);
    rig.wait(5).sample(&[(ENI, 130)]);
    assert_eq!(rig.days(), [row("2026-11-30", "ep-1", "1001", 65.0, 130)]);
    // An ENI's name may be another endpoint's next.
    rig.bill(&[(ENI, "ep-2", "1001")]);
    rig.wait(5).sample(&[(ENI, 140)]);
    assert_eq!(
        rig.days(),
        [
            row("2026-11-30", "ep-1", "1001", 65.0, 130),
            row("2026-11-30", "ep-2", "1001", 5.0, 10),
        ]
    );
}

#[test]
fn counters_that_begin_anew_are_added_to_what_was() {
    let mut rig = Rig::new("2026-11-30T10:00:00Z");
    let bills = [(ENI, "ep-1", "1001")];
    let total = |rig: &Rig| rig.rows(By::Total)[0].bytes_in;
    rig.bill(&bills).wait(60).sample(&[(ENI, 1_000)]);
    // It is made again before and after its counters were forgotten.
    rig.bill(&[]).wait(60).sample(&[(ENI, 1_000)]);
    rig.bill(&bills).wait(60).sample(&[(ENI, 1_010)]);
    assert_eq!(total(&rig), 1_010);
    rig.bill(&[]).wait(2_000).sample(&[]);
    rig.bill(&bills).wait(60).sample(&[(ENI, 2_000)]);
    assert_eq!(total(&rig), 3_010);
    rig.wait(60).sample(&[(ENI, 40)]);
    assert_eq!(total(&rig), 3_050);
}

#[test]
fn a_clock_that_is_set_changes_no_time() {
    for set in [
        "2026-11-30T09:00:00Z",
        "2026-11-30T23:59:59Z",
        "2020-01-01T00:00:00Z",
        "2099-12-31T23:59:59Z",
    ] {
        let mut rig = Rig::new("2026-11-30T10:00:00Z");
        rig.sample(&[]).bill(&[(ENI, "ep-1", "1001")]);
        rig.wait(60).sample(&[(ENI, 100)]);
        rig.wait(30).set(set).sample(&[(ENI, 110)]);
        rig.wait(30).sample(&[(ENI, 120)]);
        let days = rig.days();
        let seconds: f64 = days.iter().map(|row| row.3).sum();
        assert_eq!(seconds.to_bits(), 120.0_f64.to_bits(), "{set}: {days:?}");
        let bytes: u64 = days.iter().map(|row| row.4).sum();
        assert_eq!(bytes, 120, "{set}: {days:?}");
        assert!(days.iter().all(|row| row.3 >= 0.0), "{set}: {days:?}");
    }
}

#[test]
fn rows_go_that_are_too_old() {
    let mut rig = Rig::new("2025-01-01T00:00:00Z");
    rig.meter = Meter::new(2);
    rig.sample(&[]).bill(&[(ENI, "ep-1", "1001")]);
    let mut written = 0;
    for _ in 0..5 {
        rig.wait(86_400).sample(&[]);
        let writes = rig.meter.take_unwritten();
        written += writes.iter().filter(|write| write.row.is_some()).count();
        written -= writes.iter().filter(|write| write.row.is_none()).count();
    }
    let days: Vec<_> = rig.days().into_iter().map(|row| row.0).collect();
    // At the first moment of the sixth.
    assert_eq!(days, ["2025-01-04", "2025-01-05"]);
    assert_eq!(written, days.len(), "their records go as well");
}

#[test]
fn a_clock_that_is_wrong_for_a_while_costs_no_rows() {
    let mut rig = Rig::new("2099-01-01T00:00:00Z");
    let key = Key {
        day: "2026-11-30".parse().unwrap(),
        bill: Bill {
            endpoint: EndpointId::new("ep-1"),
            payer: AccountId::new("1001"),
        },
    };
    assert!(rig.meter.restore(7, key.clone(), Used::default()));
    assert!(!rig.meter.restore(8, key, Used::default()));
    rig.sample(&[]);
    for _ in 0..50 {
        rig.wait(60).sample(&[]);
    }
    rig.set("2026-12-01T00:00:00Z").sample(&[]);
    for _ in 0..120 {
        rig.wait(60).sample(&[]);
    }
    rig.wait(60).set("2099-01-01T00:00:00Z").sample(&[]);
    assert_eq!(rig.days().len(), 1);
    // It is so by now: they are of long ago.
    rig.wait(3_601).sample(&[]);
    assert_eq!(rig.days(), []);
}

#[test]
fn what_could_not_be_written_is_written_later() {
    let mut rig = Rig::new("2026-11-30T10:00:00Z");
    rig.sample(&[]).bill(&[(ENI, "ep-1", "1001")]);
    rig.wait(1).sample(&[(ENI, 10)]);
    let first = rig.meter.take_unwritten();
    assert_eq!(first.len(), 1);
    assert_eq!(rig.meter.take_unwritten(), []);
    rig.meter.take_back(first);
    let first = rig.meter.take_unwritten();
    assert_eq!(first.len(), 1, "it is not forgotten");
    rig.wait(1).sample(&[(ENI, 20)]);
    rig.meter.take_back(first);
    let second = rig.meter.take_unwritten();
    let [
        Write {
            row: Some((_, used)),
            ..
        },
    ] = &second[..]
    else {
        panic!("{second:?}");
    };
    assert_eq!(used.r#in.bytes, 20, "as it is by then");
}

#[test]
fn rows_are_chosen() {
    let mut rig = Rig::new("2026-11-30T23:00:00Z");
    rig.sample(&[]);
    rig.bill(&[(ENI, "ep-1", "1001"), (OTHER, "ep-2", "1002")]);
    rig.wait(7_200).sample(&[]);
    let count = |of: UsageOf| {
        let by = By::Day;
        UsageOf { by, ..of }.select(&rig.meter).len()
    };
    let text = |text: &str| Some(text.to_owned());
    let day = |text: &str| Some(text.parse().unwrap());
    let all = UsageOf::default;
    assert_eq!(count(all()), 4);
    let endpoint = text("ep-1");
    assert_eq!(count(UsageOf { endpoint, ..all() }), 2);
    let account = text("1002");
    assert_eq!(count(UsageOf { account, ..all() }), 2);
    let from = day("2026-12-01");
    assert_eq!(count(UsageOf { from, ..all() }), 2);
    let to = day("2026-11-30");
    assert_eq!(count(UsageOf { to, ..all() }), 2);
    let endpoint = text("ep");
    assert_eq!(count(UsageOf { endpoint, ..all() }), 0);
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let key = Key {
        day: "2026-11-30".parse().unwrap(),
        bill: Bill {
            endpoint: EndpointId::new("ep-1"),
            payer: AccountId::new("any text: \"ä\""),
        },
    };
    let used = Used {
        eni_time: Duration::from_millis(1_234_567),
        r#in: amount(u64::MAX),
        out: amount(3),
    };
    let record = crate::metering::row::write(&key, &used).unwrap();
    assert_eq!(crate::metering::row::read(&record).unwrap(), (key, used));
    assert!(crate::metering::row::read(b"{}").is_err());
}
