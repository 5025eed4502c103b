//! The two sides of a security group's rule: whom it lets in or out, and which ENIs it is for.
//!
//! May import: std, ipnet, `model`, `context`, `fault`, `fields`, `ip`, `kind`, `scalar`, `traffic`.

use ipnet::IpNet;

use super::context::Context;
use super::fault::{Place, Told};
use super::fields::Fields;
use super::ip::{self, Family};
use super::{scalar, traffic};
use crate::model::{AddressFamily, Direction, Kind, Peer, PrefixListId, SecurityGroupId};

/// What was read.
#[derive(Debug)]
pub(super) struct Sides<'a> {
    pub(super) peer: Peer,
    /// That of the peer; a group has both.
    pub(super) family: Option<Family>,
    pub(super) local: Option<IpNet>,
    /// Where the group stands, if the peer is one.
    pub(super) group_place: Option<Place<'a>>,
}

/// The fields of one end of the traffic.
#[derive(Debug, Clone, Copy)]
struct Names {
    ipv4: &'static str,
    ipv6: &'static str,
    list: &'static str,
    group: &'static str,
}

const SOURCE: Names = Names {
    ipv4: "SourceCidrIp",
    ipv6: "Ipv6SourceCidrIp",
    list: "SourcePrefixListId",
    group: "SourceGroupId",
};
const DESTINATION: Names = Names {
    ipv4: "DestCidrIp",
    ipv6: "Ipv6DestCidrIp",
    list: "DestPrefixListId",
    group: "DestGroupId",
};

/// As rule ids spell it.
pub(super) fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    }
}

/// Reads both sides: the peer, which must be there, and the ENI's own, which may.
pub(super) fn read<'a>(
    fields: &mut Fields<'a>,
    direction: Result<Direction, Told>,
    context: &Context<'a>,
) -> Result<Sides<'a>, Told> {
    let (far, near, direction) = match direction {
        Ok(Direction::Ingress) => (SOURCE, DESTINATION, Direction::Ingress),
        Ok(Direction::Egress) => (DESTINATION, SOURCE, Direction::Egress),
        Err(told) => {
            for names in [SOURCE, DESTINATION] {
                let _ = (networks(fields, names), list(fields, names, context));
                let _ = group(fields, names);
            }
            return Err(told);
        }
    };
    let peer = peer(fields, far, near, context);
    let local = local(fields, near);
    let strays = [(near.list, far.list), (near.group, far.group)]
        .map(|(stray, mine)| traffic::refuse_stray(fields, stray, mine, name(direction)));
    strays.into_iter().collect::<Result<(), _>>()?;
    let ((peer, family), local) = (peer?, local?);
    if let (Some(family), Some(local)) = (family, local)
        && Family::of(local.addr()) != family
    {
        let (mine, other) = match family {
            Family::V4 => (near.ipv4, near.ipv6),
            Family::V6 => (near.ipv6, near.ipv4),
        };
        let family = family.name();
        return Err(fields.place_of(other).fault(
            format!("the peer is {family}, and no packet is of both families"),
            format!("write {mine}, or a peer of the other family"),
        ));
    }
    Ok(Sides {
        group_place: matches!(peer, Peer::Group(_)).then(|| fields.place_of(far.group)),
        peer,
        family,
        local,
    })
}

/// The peer, out of exactly one of its fields, and its family.
fn peer(
    fields: &mut Fields<'_>,
    far: Names,
    near: Names,
    context: &Context<'_>,
) -> Result<(Peer, Option<Family>), Told> {
    let (ipv4, ipv6) = networks(fields, far);
    let list = list(fields, far, context);
    let group = group(fields, far);
    let given: Vec<_> = [far.ipv4, far.ipv6, far.list, far.group]
        .into_iter()
        .filter(|name| fields.has(name))
        .collect();
    let cidr = |net: IpNet| (Peer::Cidr(net), Some(Family::of(net.addr())));
    let (ipv4, ipv6, list, group) = (ipv4?.map(cidr), ipv6?.map(cidr), list?, group?);
    match given[..] {
        [first, second, ..] => Err(fields.place_of(second).fault(
            format!("{first} is given as well"),
            "keep one of the two: a rule has one peer, so write a rule for each",
        )),
        [] => {
            let Names {
                ipv4,
                ipv6,
                list,
                group,
            } = far;
            let own = [near.ipv4, near.ipv6]
                .into_iter()
                .find(|name| fields.has(name));
            let own = own.map_or(String::new(), |own| {
                format!("; {own} is the ENI's own side")
            });
            Err(fields.place().fault(
                format!("no peer is given: none of {ipv4}, {ipv6}, {list}, {group}"),
                format!("add `{ipv4}:`{own}"),
            ))
        }
        [_] => ipv4.or(ipv6).or(list).or(group).ok_or(Told),
    }
}

/// The network of the ENI's own address, if the rule is not for every one.
fn local(fields: &mut Fields<'_>, near: Names) -> Result<Option<IpNet>, Told> {
    let (ipv4, ipv6) = networks(fields, near);
    match (ipv4?, ipv6?) {
        (Some(_), Some(_)) => Err(fields.place_of(near.ipv6).fault(
            format!("{} is given as well", near.ipv4),
            "keep the one of the peer's family",
        )),
        (ipv4, ipv6) => Ok(ipv4.or(ipv6)),
    }
}

type Read<T> = Result<Option<T>, Told>;

fn networks(fields: &mut Fields<'_>, names: Names) -> (Read<IpNet>, Read<IpNet>) {
    let Names { ipv4, ipv6, .. } = names;
    let mut read = |family, name, other| {
        fields.optional(name, |node| {
            ip::cidr_of(family, node, format_args!("write it as {other}"))
        })
    };
    (read(Family::V4, ipv4, ipv6), read(Family::V6, ipv6, ipv4))
}

fn list(
    fields: &mut Fields<'_>,
    names: Names,
    context: &Context<'_>,
) -> Read<(Peer, Option<Family>)> {
    let id = fields.optional(names.list, |node| scalar::id(node).map(PrefixListId::new))?;
    let Some(id) = id else { return Ok(None) };
    let lists = &context.model.prefix_lists;
    let place = fields.place_of(names.list);
    let family = match context.find(Kind::PrefixList, lists, &id, &place)?.family {
        AddressFamily::Ipv4 => Family::V4,
        AddressFamily::Ipv6 => Family::V6,
    };
    Ok(Some((Peer::PrefixList(id), Some(family))))
}

fn group(fields: &mut Fields<'_>, names: Names) -> Read<(Peer, Option<Family>)> {
    let id = fields.optional(names.group, |node| {
        scalar::id(node).map(SecurityGroupId::new)
    })?;
    Ok(id.map(|id| (Peer::Group(id), None)))
}
