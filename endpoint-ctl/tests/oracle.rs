//! Compiled rule sets against the oracle, which reads the model rule by rule: whatever the rules
//! and the packet, the verdict is the same, and so is the rank of the rule that gave it.
//!
//! A run by chance can be repeated: `ORACLE_SEED=7 cargo test --test oracle`.

#[path = "oracle/chance.rs"]
mod chance;
#[path = "oracle/judges.rs"]
mod judges;
#[path = "oracle/reference.rs"]
mod reference;
#[path = "oracle/sentences.rs"]
mod sentences;
#[path = "oracle/subject.rs"]
mod subject;

use fastrand::Rng;

use judges::{Judges, Probe};
use subject::Subject;

const SEED: u64 = 20_261_124;
const SUBJECTS: usize = 10_000;
const PROBES: usize = 100;

#[test]
fn random_rule_sets_are_judged_as_the_oracle_judges_them() {
    let seed = std::env::var("ORACLE_SEED").map_or(SEED, |text| text.parse().expect("a number"));
    println!("ORACLE_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let (mut accepted, mut probes) = (0, 0_u32);
    for number in 0..SUBJECTS {
        // Now and then as many rules as an endpoint may have.
        let most = if number % 500 == 499 { 1_000 } else { 24 };
        let subject = chance::subject(most, &mut rng);
        let judges = Judges::new(&subject);
        for _ in 0..PROBES {
            let probe = chance::probe(&subject, &mut rng);
            match judges.judge(&probe) {
                Ok(accepts) => accepted += u32::from(accepts),
                Err(error) => panic!(
                    "ORACLE_SEED={seed}, rule set {number}: {error}\nleast rule set that shows it:\n{:#?}",
                    least(subject, &probe)
                ),
            }
            probes += 1;
        }
    }
    println!("{SUBJECTS} rule sets, {probes} packets, {accepted} accepted");
    let share = f64::from(accepted) / f64::from(probes);
    assert!((0.2..0.8).contains(&share), "{share}: chance is lopsided");
}

/// Takes rules away as long as the judges still disagree.
fn least(mut subject: Subject, probe: &Probe) -> Subject {
    let disagree = |subject: &Subject| Judges::new(subject).judge(probe).is_err();
    let mut place = 0;
    while place < subject.rule_count() {
        let less = subject.without(place);
        if disagree(&less) {
            subject = less;
        } else {
            place += 1;
        }
    }
    subject
}
