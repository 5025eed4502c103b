//! `Permissions` of a `SecurityGroup`: its rules.
//!
//! May import: std, foldhash, ipnet, `model`, `context`, `fault`, `fields`, `ip`, `kind`, `node`, `peer`, `scalar`,
//! `traffic`.

use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};

use foldhash::fast::FixedState;

use super::context::Context;
use super::fault::{Place, Told, Wrong};
use super::fields::Fields;
use super::node::Node;
use super::scalar::MANAGED_GROUP_PREFIX;
use super::{about, peer, scalar, traffic};
use crate::model::{
    Direction, Kind, PartAbout, Peer, Policy, PortRange, SecurityGroupId, SecurityGroupRule,
    SecurityGroupType, VpcId,
};

const PORT_LIST: &str = "PortRangeListId";
const DIRECTIONS: [(&str, Direction); 2] = [
    ("ingress", Direction::Ingress),
    ("egress", Direction::Egress),
];

/// The group whose rules are read, as far as it is known, and what has been read of it.
#[derive(Debug)]
pub(super) struct Reading<'g> {
    group: Option<&'g SecurityGroupId>,
    vpc: Option<&'g VpcId>,
    group_type: Option<SecurityGroupType>,
    /// Places of rules within their direction, from 1.
    ingress: usize,
    egress: usize,
    /// Rules without their ids, which are apart.
    seen: HashMap<SecurityGroupRule, String, FixedState>,
    /// What is said of rules, by their ids.
    parts: BTreeMap<String, PartAbout>,
}

/// A rule that refers to a group.
#[derive(Debug)]
pub(super) struct Reference<'a> {
    vpc: Option<VpcId>,
    to: SecurityGroupId,
    place: Place<'a>,
}

impl<'g> Reading<'g> {
    pub(super) fn new(
        group: Option<&'g SecurityGroupId>,
        vpc: Option<&'g VpcId>,
        group_type: Option<SecurityGroupType>,
    ) -> Self {
        Self {
            group,
            vpc,
            group_type,
            ingress: 0,
            egress: 0,
            seen: HashMap::default(),
            parts: BTreeMap::new(),
        }
    }

    /// What is said of the rules that were read.
    pub(super) fn into_parts(self) -> BTreeMap<String, PartAbout> {
        self.parts
    }

    fn next(&mut self, direction: Direction) -> usize {
        let count = match direction {
            Direction::Ingress => &mut self.ingress,
            Direction::Egress => &mut self.egress,
        };
        *count += 1;
        *count
    }

    /// Refuses a rule that says what another of the group says already.
    fn take(&mut self, rule: &SecurityGroupRule, place: &Place<'_>) -> Result<(), Told> {
        let said = SecurityGroupRule {
            id: String::new(),
            peer: rule.peer.clone(),
            ..*rule
        };
        match self.seen.entry(said) {
            Entry::Vacant(place) => {
                place.insert(rule.id.clone());
                Ok(())
            }
            Entry::Occupied(first) => Err(place.fault(
                format!("says the same as rule {}", first.get()),
                "remove one of the two",
            )),
        }
    }
}

/// Reads one rule.
pub(super) fn read<'a>(
    mut fields: Fields<'a>,
    reading: &mut Reading<'_>,
    context: &mut Context<'a>,
) -> Result<SecurityGroupRule, Told> {
    let given_id = fields.optional("SecurityGroupRuleId", scalar::id);
    let direction = fields.required("Direction", |node| scalar::one_of(node, &DIRECTIONS));
    let policy = fields.defaulted("Policy", Policy::Accept, traffic::policy);
    let priority = fields.defaulted("Priority", 1, |node| scalar::integer(node, 1..=100));
    let protocol = fields.required("IpProtocol", traffic::protocol);
    let ports = fields.required("PortRange", |node| traffic::ports(node, protocol.ok()));
    let source_ports = fields.defaulted("SourcePortRange", PortRange::ANY, |node| {
        traffic::ports(node, protocol.ok())
    });
    let sides = peer::read(&mut fields, direction, context);
    let _ = fields.optional("NicType", intranet);
    let about = about::of_rule(&mut fields);
    refuse_unsupported(&mut fields);
    // What tells it from others may be there.
    let is_whole = !fields.has(PORT_LIST);
    let [id_place, protocol_place] =
        ["SecurityGroupRuleId", "IpProtocol"].map(|name| fields.place_of(name));
    let place = fields.place().clone();
    fields.finish();

    if let (Ok(protocol), Some(family)) = (protocol, sides.as_ref().ok().and_then(|s| s.family)) {
        // Its id is taken all the same.
        let _ = traffic::same_family(protocol, family, &protocol_place);
    }
    let direction = direction?;
    let number = reading.next(direction);
    let id = rule_id(
        given_id?,
        reading.group,
        direction,
        number,
        &id_place,
        context,
    );
    let sides = sides?;
    if let (Peer::Group(to), Some(place)) = (&sides.peer, sides.group_place) {
        refer(to, place, reading, context)?;
    }
    let rule = SecurityGroupRule {
        id: id?,
        direction,
        policy: policy?,
        priority: priority?,
        protocol: protocol?,
        ports: ports?,
        source_ports: source_ports?,
        peer: sides.peer,
        local: sides.local,
    };
    let about = about?;
    if about != PartAbout::default() {
        reading.parts.insert(rule.id.clone(), about);
    }
    if is_whole {
        reading.take(&rule, &place)?;
    }
    Ok(rule)
}

/// Keeps the reference until all groups have been read.
fn refer<'a>(
    to: &SecurityGroupId,
    place: Place<'a>,
    reading: &Reading<'_>,
    context: &mut Context<'a>,
) -> Result<(), Told> {
    if reading.group_type == Some(SecurityGroupType::Enterprise) {
        return Err(place.fault(
            "rules of an enterprise group cannot refer to groups",
            "write networks or a prefix list, or SecurityGroupType: normal",
        ));
    }
    context.references.push(Reference {
        vpc: reading.vpc.cloned(),
        to: to.clone(),
        place,
    });
    Ok(())
}

/// Whether the groups that rules refer to are there, in the same VPC.
pub(super) fn check_references(context: &Context<'_>) {
    for reference in &context.references {
        // The next one is checked all the same.
        let _ = check_reference(reference, context);
    }
}

fn check_reference(reference: &Reference<'_>, context: &Context<'_>) -> Result<(), Told> {
    let Reference { vpc, to, place } = reference;
    if to.as_str().starts_with(MANAGED_GROUP_PREFIX) {
        return Err(place.fault(
            format!("{to} is managed, and no rule can refer to it"),
            "name a group that the endpoint has beside it",
        ));
    }
    let groups = &context.model.security_groups;
    let group = context.find(Kind::SecurityGroup, groups, to, place)?;
    match vpc {
        Some(vpc) if group.vpc != *vpc => Err(place.fault(
            format!("{to} is in {}, this group in {vpc}", group.vpc),
            format!("name a security group of {vpc}, or write networks"),
        )),
        _ => Ok(()),
    }
}

fn rule_id<'a>(
    given: Option<&str>,
    group: Option<&SecurityGroupId>,
    direction: Direction,
    place: usize,
    id_place: &Place<'a>,
    context: &mut Context<'a>,
) -> Result<String, Told> {
    let id = match (given, group) {
        (Some(id), _) => id.to_owned(),
        (None, Some(group)) => format!("{group}-{}-{place}", peer::name(direction)),
        (None, None) => return Err(Told),
    };
    context.take_rule_id(&id, id_place)?;
    Ok(id)
}

fn intranet(node: &Node<'_>) -> Result<(), Wrong> {
    scalar::only(node, "intranet", &["internet"])
}

fn refuse_unsupported(fields: &mut Fields<'_>) {
    fields.unsupported(
        &[
            "SourceGroupOwnerAccount",
            "SourceGroupOwnerId",
            "DestGroupOwnerAccount",
            "DestGroupOwnerId",
        ],
        "remove it: a rule refers to groups of this file alone",
    );
    fields.unsupported(
        &[PORT_LIST],
        "remove it, and write a rule for each PortRange",
    );
}
