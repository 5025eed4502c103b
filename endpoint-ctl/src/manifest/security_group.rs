//! The kind `SecurityGroup`; its rules are read by `permission`.
//!
//! May import: std, ipnet, `model`, `context`, `fault`, `fields`, `ip`, `kind`, `permission`, `scalar`,
//! `traffic`.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::context::Context;
use super::fault::{FaultClass, Place, Told};
use super::fields::Fields;
use super::permission::{self, Reading};
use super::{about, ip, scalar, traffic};
use crate::model::{
    About, Kind, Model, Peer, Policy, SecurityGroup, SecurityGroupId, SecurityGroupRule,
    SecurityGroupType, Vpc, VpcId,
};

/// What the rules of one group, and of all groups of an endpoint, may count for together.
pub(super) const MOST_RULES: usize = 100_000;
/// How many rules of a group may refer to groups.
const MOST_REFERENCES: usize = 20;

const TYPES: [(&str, SecurityGroupType); 2] = [
    ("normal", SecurityGroupType::Normal),
    ("enterprise", SecurityGroupType::Enterprise),
];

/// Reads a `SecurityGroup`.
pub(super) fn read<'a>(mut fields: Fields<'a>, context: &mut Context<'a>) -> Result<(), Told> {
    let id = fields.required("SecurityGroupId", |node| {
        scalar::id(node).map(SecurityGroupId::new)
    });
    let vpc = fields.required("VpcId", |node| scalar::id(node).map(VpcId::new));
    let group_type = fields.defaulted("SecurityGroupType", SecurityGroupType::Normal, |node| {
        scalar::one_of(node, &TYPES)
    });
    let inner_access = inner_access(&mut fields, group_type.ok());
    let in_vpc = vpc.as_ref().ok().and_then(|id| context.model.vpcs.get(id));
    let members = members(&mut fields, in_vpc);
    let mut reading = Reading::new(id.as_ref().ok(), vpc.as_ref().ok(), group_type.ok());
    let rules = fields.items("Permissions", |permission| {
        permission::read(permission, &mut reading, context)
    });
    let about = about::read(&mut fields, Kind::SecurityGroup);
    let parts = reading.into_parts();
    let [vpc_place, rules_place] = ["VpcId", "Permissions"].map(|name| fields.place_of(name));
    fields.finish();

    let vpc = vpc?;
    context.find(Kind::Vpc, &context.model.vpcs, &vpc, &vpc_place)?;
    let group = SecurityGroup {
        id: id?,
        vpc,
        group_type: group_type?,
        service_managed: false,
        inner_access: inner_access?,
        members: members?,
        rules: rules?,
    };
    check_size(&group, &context.model, &rules_place)?;
    check_endpoints(&group, &context.model, &rules_place)?;
    let about = About { parts, ..about? };
    context.describe(Kind::SecurityGroup, group.id.as_str(), about);
    context
        .model
        .security_groups
        .insert(group.id.clone(), group);
    Ok(())
}

/// What the rules of a group count for: a rule with a prefix list as many as the list may have entries.
pub(super) fn rule_count(group: &SecurityGroup, model: &Model) -> usize {
    let counts = group.rules.iter().map(|rule| match &rule.peer {
        Peer::PrefixList(id) => {
            let list = model.prefix_lists.get(id);
            list.map_or(1, |list| usize::from(list.max_entries))
        }
        Peer::Cidr(_) | Peer::Group(_) => 1,
    });
    counts.sum()
}

fn check_size(group: &SecurityGroup, model: &Model, place: &Place<'_>) -> Result<(), Told> {
    let count = rule_count(group, model);
    if count > MOST_RULES {
        return Err(place.fault_as(
            FaultClass::TooMany,
            format!("{count} rules, those with prefix lists counted by MaxEntries"),
            format!("a group may have {MOST_RULES}: merge rules, or use several groups"),
        ));
    }
    let refers = |rule: &&SecurityGroupRule| matches!(rule.peer, Peer::Group(_));
    let references = group.rules.iter().filter(refers).count();
    if references > MOST_REFERENCES {
        return Err(place.fault_as(
            FaultClass::TooMany,
            format!("{references} rules refer to groups"),
            format!("{MOST_REFERENCES} may: put hosts into fewer groups"),
        ));
    }
    Ok(())
}

/// Whether endpoints that have the group already can have all its rules beside those of their others.
fn check_endpoints(group: &SecurityGroup, model: &Model, place: &Place<'_>) -> Result<(), Told> {
    let own = rule_count(group, model);
    let mut counts = BTreeMap::new();
    let endpoints = model.endpoints.values();
    for endpoint in endpoints.filter(|one| one.security_groups.contains(&group.id)) {
        let others = endpoint.security_groups.iter();
        let others = others.filter_map(|id| model.security_groups.get(id));
        let others = others.filter(|other| other.id != group.id).map(|other| {
            let count = counts.entry(&other.id);
            *count.or_insert_with(|| rule_count(other, model))
        });
        let count = own + others.sum::<usize>();
        if count > MOST_RULES {
            return Err(place.fault_as(
                FaultClass::TooMany,
                format!("{count} rules in the groups of {} together", endpoint.id),
                format!("an endpoint may have {MOST_RULES}: merge rules, or detach a group first"),
            ));
        }
    }
    Ok(())
}

/// Members of a normal group reach each other unless it says otherwise.
fn inner_access(
    fields: &mut Fields<'_>,
    group_type: Option<SecurityGroupType>,
) -> Result<Policy, Told> {
    const FIELD: &str = "InnerAccessPolicy";
    let given = fields.optional(FIELD, traffic::policy)?;
    if group_type != Some(SecurityGroupType::Enterprise) {
        return Ok(given.unwrap_or(Policy::Accept));
    }
    if given.is_some() {
        return Err(fields.place_of(FIELD).fault(
            "members of an enterprise group reach each other by rules alone",
            "remove it, or write SecurityGroupType: normal",
        ));
    }
    Ok(Policy::Drop)
}

/// The hosts that are in the group; of a VPC that is not known it has been told.
fn members(fields: &mut Fields<'_>, vpc: Option<&Vpc>) -> Result<Vec<IpNet>, Told> {
    let mut seen = BTreeSet::new();
    fields.values("Members", |place, node| {
        let net = place.tell(ip::address_or_network(node))?;
        if !seen.insert(net) {
            return Err(place.fault(format!("{net} is given twice"), "remove one of the two"));
        }
        match vpc {
            Some(vpc) if !is_inside(net, vpc) => Err(place.fault(
                format!("{net} is not inside {}", vpc.id),
                format!(
                    "name hosts or networks of {}, or write a rule for it",
                    vpc.id
                ),
            )),
            _ => Ok(net),
        }
    })
}

fn is_inside(net: IpNet, vpc: &Vpc) -> bool {
    match net {
        IpNet::V4(net) => vpc.cidr_block.contains(&net),
        IpNet::V6(net) => vpc.ipv6_cidr_block.is_some_and(|all| all.contains(&net)),
    }
}
