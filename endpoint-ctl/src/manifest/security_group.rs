//! The kind `SecurityGroup`.
//!
//! May import: std, `model`, `context`, `fault`, `fields`, `kind`, `node`, `scalar`, `traffic`.

use super::context::Context;
use super::fault::{Place, Told};
use super::fields::Fields;
use super::kind::Kind;
use super::node::Node;
use super::{fault::Wrong, scalar, traffic};
use crate::model::{
    Direction, Policy, SecurityGroup, SecurityGroupId, SecurityGroupRule, SecurityGroupType, VpcId,
};

const TYPES: [(&str, SecurityGroupType); 2] = [
    ("normal", SecurityGroupType::Normal),
    ("enterprise", SecurityGroupType::Enterprise),
];
const DIRECTIONS: [(&str, Direction); 2] = [
    ("ingress", Direction::Ingress),
    ("egress", Direction::Egress),
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
    let mut numbering = Numbering::default();
    let rules = fields.items("Permissions", |permission| {
        rule(permission, id.as_ref().ok(), &mut numbering, context)
    });
    let _ = fields.optional("SecurityGroupName", scalar::label);
    let _ = fields.optional("Description", scalar::label);
    fields.unsupported(
        &["InnerAccessPolicy"],
        "remove it: members of a group are let in by rules with their addresses",
    );
    let vpc_place = fields.place_of("VpcId");
    fields.finish();

    let vpc = vpc?;
    context.find(Kind::Vpc, &context.model.vpcs, &vpc, &vpc_place)?;
    let group = SecurityGroup {
        id: id?,
        vpc,
        group_type: group_type?,
        service_managed: false,
        rules: rules?,
    };
    context
        .model
        .security_groups
        .insert(group.id.clone(), group);
    Ok(())
}

/// Places of rules within their direction, from 1.
#[derive(Debug, Default)]
struct Numbering {
    ingress: usize,
    egress: usize,
}

impl Numbering {
    fn next(&mut self, direction: Direction) -> usize {
        let count = match direction {
            Direction::Ingress => &mut self.ingress,
            Direction::Egress => &mut self.egress,
        };
        *count += 1;
        *count
    }
}

fn rule<'a>(
    mut fields: Fields<'a>,
    group: Option<&SecurityGroupId>,
    numbering: &mut Numbering,
    context: &mut Context<'a>,
) -> Result<SecurityGroupRule, Told> {
    let given_id = fields.optional("SecurityGroupRuleId", scalar::id);
    let direction = fields.required("Direction", |node| scalar::one_of(node, &DIRECTIONS));
    let policy = fields.defaulted("Policy", Policy::Accept, traffic::policy);
    let priority = fields.defaulted("Priority", 1, |node| scalar::integer(node, 1..=100));
    let protocol = fields.required("IpProtocol", traffic::protocol);
    let ports = fields.required("PortRange", |node| traffic::ports(node, protocol.ok()));
    let peer = peer(&mut fields, direction);
    let _ = fields.optional("NicType", intranet);
    let _ = fields.optional("Description", scalar::label);
    refuse_unsupported(&mut fields);
    let id_place = fields.place_of("SecurityGroupRuleId");
    fields.finish();

    let direction = direction?;
    let place = numbering.next(direction);
    let id = rule_id(given_id?, group, direction, place, &id_place, context);
    Ok(SecurityGroupRule {
        id: id?,
        direction,
        policy: policy?,
        priority: priority?,
        protocol: protocol?,
        ports: ports?,
        peer: peer?,
    })
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
        (None, Some(group)) => format!("{group}-{}-{place}", name(direction)),
        (None, None) => return Err(Told),
    };
    context.take_rule_id(&id, id_place)?;
    Ok(id)
}

fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    }
}

fn peer(
    fields: &mut Fields<'_>,
    direction: Result<Direction, Told>,
) -> Result<ipnet::Ipv4Net, Told> {
    const SOURCE: &str = "SourceCidrIp";
    const DESTINATION: &str = "DestCidrIp";
    match direction {
        Ok(Direction::Ingress) => traffic::peer(fields, SOURCE, DESTINATION, "ingress"),
        Ok(Direction::Egress) => traffic::peer(fields, DESTINATION, SOURCE, "egress"),
        Err(told) => {
            let _ = fields.optional(SOURCE, scalar::cidr);
            let _ = fields.optional(DESTINATION, scalar::cidr);
            Err(told)
        }
    }
}

fn intranet(node: &Node) -> Result<(), Wrong> {
    scalar::only(node, "intranet", &["internet"])
}

fn refuse_unsupported(fields: &mut Fields<'_>) {
    fields.unsupported(
        &[
            "SourceGroupId",
            "SourceGroupOwnerAccount",
            "SourceGroupOwnerId",
            "SourcePrefixListId",
            "DestGroupId",
            "DestGroupOwnerAccount",
            "DestGroupOwnerId",
            "DestPrefixListId",
        ],
        "remove it, and write one rule per network as SourceCidrIp or DestCidrIp",
    );
    fields.unsupported(
        &["SourcePortRange", "PortRangeListId"],
        "remove it; PortRange is the destination port",
    );
    fields.unsupported(
        &["Ipv6SourceCidrIp", "Ipv6DestCidrIp"],
        "remove it; rules match IPv4 only",
    );
}
