//! Rule sets and packets by chance, of both families: the loaded program judges as the oracle does,
//! which reads the model rule by rule and shares nothing with the compiler.
//!
//! A pair is an ENI's rules (network ACL and security groups, both ways, and endpoint policy) and a
//! packet to it. A run repeats itself: `HINGE_SEED=7 HINGE_PAIRS=10000 cargo test --test prog pairs`.
//!
//! May import: endpoint-common, endpoint-ctl, fastrand, random (settings), world, the oracle's tests.

#[path = "../../oracle_families/chance.rs"]
mod chance;
#[path = "../../oracle_families/judges.rs"]
mod judges;
mod kernel;
#[path = "../../oracle_families/packets.rs"]
mod packets;
mod services;
#[path = "../../oracle_families/statements.rs"]
mod statements;
mod trial;
#[path = "../../oracle_families/universe.rs"]
mod universe;

use std::collections::BTreeMap;
use std::time::Instant;

use endpoint_ctl::model::Model;
use fastrand::Rng;

use crate::random::setting;
use kernel::Kernel;
use trial::Trial;
use universe::Size;

const SEED: u64 = 20_261_124;
const PAIRS: u64 = 1_000_000;
/// Packets to each address of an ENI.
const PACKETS: usize = 50;

/// What came of the packets, to see that chance reached everything.
#[derive(Debug, Default)]
struct Tally {
    generations: u64,
    enis: u64,
    pairs: u64,
    of_ipv6: u64,
    /// Rule sets that were asked.
    judgements: u64,
    /// Packets of protocols that endpoints do not carry: no pairs.
    not_carried: u64,
    verdicts: BTreeMap<&'static str, u64>,
}

#[test]
fn the_loaded_program_judges_as_the_oracle_does() {
    let (seed, pairs) = (setting("HINGE_SEED", SEED), setting("HINGE_PAIRS", PAIRS));
    println!("HINGE_SEED={seed} HINGE_PAIRS={pairs}");
    let mut rng = Rng::with_seed(seed);
    let mut kernel = Kernel::load();
    let mut tally = Tally::default();
    let start = Instant::now();
    while tally.pairs < pairs {
        tally.generations += 1;
        let size = Size {
            vpcs: 4,
            endpoints: 8,
            // Now and then as many rules as an endpoint may have.
            rules: if tally.generations % 50 == 0 { 300 } else { 24 },
        };
        let model = configuration(size, &mut rng);
        kernel.put_in_force(&model);
        let context = format!("HINGE_SEED={seed}, generation {}", tally.generations);
        ask(&mut kernel, model, &context, &mut tally, &mut rng);
    }
    println!("{tally:?} in {:.1} s", start.elapsed().as_secs_f64());
    if pairs >= 50_000 {
        tally.assert_variety();
    }
}

/// Half of the endpoints are in audit mode, where a packet meets all of its rule sets. Half have nothing
/// in their managed group, whose rule decides all but drops of priority 1 outbound; of a manifest's
/// endpoints all have it. A third has a policy.
fn configuration(size: Size, rng: &mut Rng) -> Model {
    let mut model = universe::model(size, rng);
    services::add(&mut model, size.vpcs, rng);
    for endpoint in model.endpoints.values_mut() {
        endpoint.audit_mode = rng.bool();
        if rng.u8(..3) == 0 {
            endpoint.policy.statements = statements::statements(rng);
        }
        let managed = model.security_groups.get_mut(&endpoint.managed_group);
        if let Some(managed) = managed.filter(|_| rng.bool()) {
            managed.rules.clear();
        }
    }
    model
}

fn ask(kernel: &mut Kernel, mut model: Model, context: &str, tally: &mut Tally, rng: &mut Rng) {
    let endpoints: Vec<_> = model.endpoints.values().cloned().collect();
    for endpoint in &endpoints {
        let edges = packets::edges(&model, endpoint);
        let zone = &endpoint.zones[0];
        for eni in zone.addresses() {
            tally.enis += 1;
            for _ in 0..PACKETS {
                let packet = trial::packet(&model, endpoint, &edges, eni, rng);
                let found = kernel.explain(&zone.vswitch, eni, packet);
                let mut trial = Trial::new(kernel, &mut model, endpoint, eni, packet, &found);
                let verdict = trial.hold();
                let verdict = verdict.unwrap_or_else(|error| panic!("{context}: {error}"));
                tally.judgements += trial.asked;
                *tally.verdicts.entry(verdict).or_default() += 1;
                if trial.asked == 0 {
                    tally.not_carried += 1;
                } else {
                    tally.pairs += 1;
                    tally.of_ipv6 += u64::from(eni.is_ipv6());
                }
            }
        }
    }
}

impl Tally {
    fn assert_variety(&self) {
        let third = self.pairs / 3;
        assert!(self.of_ipv6 > third && self.of_ipv6 < 2 * third, "{self:?}");
        assert!(self.judgements > 2 * self.pairs, "{self:?}");
        assert!(self.not_carried > self.pairs / 100, "{self:?}");
        for verdict in [
            "accepted",
            "acl-ingress",
            "acl-egress",
            "group-ingress",
            "group-egress",
            "endpoint-policy",
            "no-listener",
            "no-backend",
        ] {
            let count = self.verdicts.get(verdict).copied().unwrap_or(0);
            assert!(count > self.pairs / 500, "{verdict}: {self:?}");
        }
    }
}
