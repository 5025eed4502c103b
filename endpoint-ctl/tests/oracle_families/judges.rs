//! Two verdicts on a packet, held against each other: of rules with equal rank it does not matter
//! which one is named, as long as it covers the packet.
//!
//! May import: endpoint-ctl (model, oracle).

use endpoint_ctl::compiler::inner_name;
use endpoint_ctl::model::{EndpointId, Model, Policy, SecurityGroupRule};
use endpoint_ctl::oracle::{self, Verdict, judge_security_groups};

/// What decides between rules of security groups: those that are written come first, by priority; then
/// those that let members in; then the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rank {
    Written(u8),
    Inner,
    Default,
}

/// Whether `found` is what the security groups of an endpoint say of a packet, of which the oracle says
/// `expected`. The model is left as it was.
pub(crate) fn is_as_good(
    model: &mut Model,
    endpoint: &EndpointId,
    packet: &oracle::Packet,
    expected: &Verdict,
    found: &Verdict,
) -> bool {
    if expected == found {
        return true;
    }
    let same_rank = rank(model, endpoint, &expected.rule) == rank(model, endpoint, &found.rule);
    same_rank
        && expected.policy == found.policy
        && alone(model, endpoint, packet, &found.rule) == *found
}

fn groups<'m>(
    model: &'m Model,
    endpoint: &EndpointId,
) -> impl Iterator<Item = &'m SecurityGroupRule> {
    let endpoint = &model.endpoints[endpoint];
    let ids = endpoint.security_groups.iter();
    let ids = ids.chain([&endpoint.managed_group]);
    ids.filter_map(|id| model.security_groups.get(id))
        .flat_map(|group| &group.rules)
}

fn rank(model: &Model, endpoint: &EndpointId, rule: &str) -> Rank {
    let mut written = groups(model, endpoint);
    match written.find(|one| one.id == rule) {
        Some(rule) => Rank::Written(rule.priority),
        None if rule.starts_with("inner-") => Rank::Inner,
        None => Rank::Default,
    }
}

/// What the oracle says if the endpoint's groups have this rule alone.
fn alone(model: &mut Model, endpoint: &EndpointId, packet: &oracle::Packet, rule: &str) -> Verdict {
    let of_endpoint = &model.endpoints[endpoint];
    let mut ids = of_endpoint.security_groups.clone();
    ids.push(of_endpoint.managed_group.clone());
    let mut before = Vec::new();
    for id in ids {
        let Some(group) = model.security_groups.get_mut(&id) else {
            continue;
        };
        before.push(group.clone());
        group.rules.retain(|one| one.id == rule);
        if inner_name(&id) != rule {
            group.inner_access = Policy::Drop;
        }
    }
    let verdict = judge_security_groups(model, endpoint, packet);
    let before = before.into_iter().map(|group| (group.id.clone(), group));
    model.security_groups.extend(before);
    verdict
}
