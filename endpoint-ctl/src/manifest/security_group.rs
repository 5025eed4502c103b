//! The kind `SecurityGroup`.
//!
//! May import: std, ipnet, `model`, `context`, `fault`, `fields`, `ip`, `kind`, `node`, `scalar`,
//! `traffic`.

use ipnet::IpNet;

use super::context::Context;
use super::fault::{Place, Told, Wrong};
use super::fields::Fields;
use super::ip::{self, Family};
use super::kind::Kind;
use super::node::Node;
use super::{scalar, traffic};
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
    let [id_place, protocol_place] =
        ["SecurityGroupRuleId", "IpProtocol"].map(|name| fields.place_of(name));
    fields.finish();

    if let (Ok(protocol), Ok(peer)) = (protocol, peer) {
        // Its id is taken all the same.
        let _ = traffic::same_family(protocol, Family::of(peer.addr()), &protocol_place);
    }
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

/// The fields that hold the peer in one direction, one for each family.
#[derive(Debug, Clone, Copy)]
struct PeerFields {
    ipv4: &'static str,
    ipv6: &'static str,
}

const SOURCE: PeerFields = PeerFields {
    ipv4: "SourceCidrIp",
    ipv6: "Ipv6SourceCidrIp",
};
const DESTINATION: PeerFields = PeerFields {
    ipv4: "DestCidrIp",
    ipv6: "Ipv6DestCidrIp",
};

fn peer(fields: &mut Fields<'_>, direction: Result<Direction, Told>) -> Result<IpNet, Told> {
    match direction {
        Ok(Direction::Ingress) => peer_of(fields, SOURCE, DESTINATION, "ingress"),
        Ok(Direction::Egress) => peer_of(fields, DESTINATION, SOURCE, "egress"),
        Err(told) => {
            for names in [SOURCE, DESTINATION] {
                let _ = read_peer(fields, names);
            }
            Err(told)
        }
    }
}

/// The peer, out of exactly one of the fields of its direction.
fn peer_of(
    fields: &mut Fields<'_>,
    mine: PeerFields,
    other: PeerFields,
    direction: &str,
) -> Result<IpNet, Told> {
    let (ipv4, ipv6) = read_peer(fields, mine);
    let strays = [
        traffic::refuse_stray(fields, other.ipv4, mine.ipv4, direction),
        traffic::refuse_stray(fields, other.ipv6, mine.ipv6, direction),
    ];
    // Whoever wrote a field of the other direction has been told already.
    strays.into_iter().collect::<Result<(), _>>()?;
    match (ipv4?, ipv6?) {
        (Some(peer), None) | (None, Some(peer)) => Ok(peer),
        (Some(_), Some(_)) => Err(fields.place_of(mine.ipv6).fault(
            format!("{} is given as well", mine.ipv4),
            "keep one of the two: a rule has one peer, so write a rule for each",
        )),
        (None, None) => Err(fields.place().fault(
            format!("neither {} nor {} is given", mine.ipv4, mine.ipv6),
            format!("add `{}:`", mine.ipv4),
        )),
    }
}

type Read = Result<Option<IpNet>, Told>;

fn read_peer(fields: &mut Fields<'_>, names: PeerFields) -> (Read, Read) {
    let PeerFields { ipv4, ipv6 } = names;
    let mut read = |family, name, other| {
        let otherwise = format!("write it as {other}");
        fields.optional(name, |node| ip::cidr_of(family, node, &otherwise))
    };
    (read(Family::V4, ipv4, ipv6), read(Family::V6, ipv6, ipv4))
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
        "remove it, and write one rule per network as SourceCidrIp, DestCidrIp or their Ipv6 forms",
    );
    fields.unsupported(
        &["SourcePortRange", "PortRangeListId"],
        "remove it; PortRange is the destination port",
    );
}
