//! Endpoint policies by chance.
//!
//! May import: endpoint-ctl (model), fastrand, chance.

use endpoint_ctl::model::{PolicyCondition, PolicyStatement};
use fastrand::Rng;

use super::chance::{network, policy};

pub(crate) fn statements(rng: &mut Rng) -> Vec<PolicyStatement> {
    let statement = |_| PolicyStatement {
        effect: policy(rng),
        conditions: (0..rng.usize(..3))
            .map(|_| PolicyCondition::SourceIp {
                within: rng.bool(),
                networks: (0..rng.usize(1..4)).map(|_| network(rng)).collect(),
            })
            .collect(),
        undecided: if rng.u8(..5) == 0 {
            vec!["Resource".to_owned()]
        } else {
            Vec::new()
        },
    };
    (0..4).map(statement).collect()
}
