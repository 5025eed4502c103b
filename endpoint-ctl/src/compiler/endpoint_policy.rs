//! Endpoint policies, as far as addresses decide them, made ready for the tries.
//!
//! Denials come before what allows, whatever their place; what no statement allows is denied. What a
//! statement says beyond addresses is not seen here: see `PolicyStatement::undecided`.
//!
//! May import: model, endpoint-common::abi, ipnet, trie_rule, numbers.

use std::net::IpAddr;

use endpoint_common::abi::flow::Family;
use endpoint_common::abi::policy::RuleWord;
use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use super::numbers::Numbers;
use super::trie_rule::{LAST, Prefix, TrieRule, all_traffic};
use crate::model::{
    Endpoint, Policy, PolicyCondition, PolicyStatement, default_statement_name, statement_name,
};

/// A range of addresses, both ends included.
type Range = (u128, u128);

/// The rules for clients of one family.
pub(super) fn rules(family: Family, endpoint: &Endpoint, numbers: &Numbers) -> Vec<TrieRule> {
    let numbered = (1..).zip(&endpoint.policy.statements);
    let covered: Vec<_> = numbered
        .map(|(number, statement)| {
            (
                number,
                statement.effect,
                sources(family, endpoint, statement),
            )
        })
        .filter(|(_, _, sources)| !sources.is_empty())
        .collect();
    let of = |effect| covered.iter().filter(move |(_, of, _)| *of == effect);
    let word = |order, policy, name: &str| {
        RuleWord::new(order, policy == Policy::Accept, numbers.rule(name))
    };
    let default = word(LAST, Policy::Drop, &default_statement_name(&endpoint.id));
    let mut rules = vec![all_traffic(Prefix::ALL, default)];
    for (rank, (number, effect, sources)) in of(Policy::Drop).chain(of(Policy::Accept)).enumerate()
    {
        let order = u8::try_from(rank).map_or(LAST - 1, |rank| rank.min(LAST - 1));
        let word = word(order, *effect, &statement_name(&endpoint.id, *number));
        let networks = sources.iter().flat_map(|range| networks(family, *range));
        rules.extend(networks.map(|net| all_traffic(net.into(), word)));
    }
    rules
}

/// The clients a statement is for: disjoint ranges, in order. A denial that is not for packets to decide
/// is for none.
fn sources(family: Family, endpoint: &Endpoint, statement: &PolicyStatement) -> Vec<Range> {
    if statement.effect == Policy::Drop && !statement.undecided.is_empty() {
        return Vec::new();
    }
    let mut left = vec![all(family)];
    for condition in &statement.conditions {
        left = match condition {
            PolicyCondition::SourceVpc { within, vpcs } => {
                let is_one = vpcs.iter().any(|vpc| vpc == endpoint.vpc.as_str());
                if is_one == *within { left } else { Vec::new() }
            }
            PolicyCondition::SourceIp { within, networks } => {
                let ranges = ranges(family, networks);
                let ranges = if *within {
                    ranges
                } else {
                    outside(&ranges, all(family))
                };
                common(&left, &ranges)
            }
        };
    }
    left
}

fn all(family: Family) -> Range {
    match family {
        Family::V4 => (0, u32::MAX.into()),
        Family::V6 => (0, u128::MAX),
    }
}

fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// The networks of one family as disjoint ranges, in order.
fn ranges(family: Family, networks: &[IpNet]) -> Vec<Range> {
    let of_family = networks.iter().filter(|net| match net {
        IpNet::V4(_) => family == Family::V4,
        IpNet::V6(_) => family == Family::V6,
    });
    let mut all: Vec<_> = of_family
        .map(|net| (bits(net.network()), bits(net.broadcast())))
        .collect();
    all.sort_unstable();
    let mut merged: Vec<Range> = Vec::new();
    for (first, last) in all {
        match merged.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

/// What of `whole` is in none of the ranges, which are disjoint and in order.
fn outside(ranges: &[Range], whole: Range) -> Vec<Range> {
    let mut left = Vec::new();
    let mut next = Some(whole.0);
    for (first, last) in ranges {
        if let Some(start) = next
            && start < *first
        {
            left.push((start, first - 1));
        }
        next = last.checked_add(1);
    }
    match next {
        Some(start) if start <= whole.1 => left.push((start, whole.1)),
        _ => {}
    }
    left
}

/// What is in both.
fn common(a: &[Range], b: &[Range]) -> Vec<Range> {
    let pairs = a.iter().flat_map(|a| b.iter().map(move |b| (a, b)));
    pairs
        .map(|(a, b)| (a.0.max(b.0), a.1.min(b.1)))
        .filter(|(first, last)| first <= last)
        .collect()
}

/// The fewest networks that make the range up.
fn networks(family: Family, (first, last): Range) -> Vec<IpNet> {
    match family {
        Family::V4 => Ipv4Subnets::new((first as u32).into(), (last as u32).into(), 0)
            .map(IpNet::V4)
            .collect(),
        Family::V6 => Ipv6Subnets::new(first.into(), last.into(), 0)
            .map(IpNet::V6)
            .collect(),
    }
}
