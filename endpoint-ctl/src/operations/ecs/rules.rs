//! A security group with its rules, as `DescribeSecurityGroupAttribute` shows them.
//!
//! May import: ipnet, serde_json, api, document, model, registry, operations' own.

use ipnet::IpNet;
use serde_json::{Value, json};

use super::listed::about_managed;
use super::permissions::group;
use crate::api::{ApiError, Reader};
use crate::document::protocol;
use crate::model::{Direction, Kind, PartAbout, Peer, Policy, SecurityGroup, SecurityGroupRule};
use crate::operations::answers::{created, description, members, name};
use crate::operations::paging::TokenPage;
use crate::operations::{Answer, Request};
use crate::registry::{Registry, View};

/// `DescribeSecurityGroupAttribute`. Rules come by direction, priority and id.
pub(super) fn describe(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let group = group(&mut reader, registry, request.account)?;
    let direction = direction(&mut reader)?;
    check_network(&mut reader)?;
    let page = TokenPage::read(&mut reader, 10..=1_000, 500)?;
    reader.has("Attribute");
    reader.finish();
    let rules = group.rules.iter();
    let rules: Vec<_> = rules
        .filter(|rule| direction.is_none_or(|wanted| rule.direction == wanted))
        .collect();
    let (rules, token) = page.cut(rules, |rule| place(rule));
    let said = Said::of(registry, group);
    let rules = rules.into_iter().map(|rule| said.shown(rule));
    let id = group.id.as_str();
    let (called, described) = match said.endpoint {
        None => (
            name(registry, Kind::SecurityGroup, id),
            description(registry, Kind::SecurityGroup, id).to_owned(),
        ),
        Some(endpoint) => (id, about_managed(&endpoint.id)),
    };
    Ok(members(json!({
        "RegionId": request.settings.region,
        "SecurityGroupId": id,
        "SecurityGroupName": called,
        "Description": described,
        "VpcId": group.vpc.as_str(),
        "InnerAccessPolicy": policy(group.inner_access),
        "NextToken": token,
        "Permissions": { "Permission": rules.collect::<Vec<_>>() },
    })))
}

/// Where a rule stands among those of its group.
fn place(rule: &SecurityGroupRule) -> String {
    let direction = match rule.direction {
        Direction::Ingress => 0,
        Direction::Egress => 1,
    };
    format!("{direction}:{:03}:{}", rule.priority, rule.id)
}

/// `Direction`; `None` is both.
fn direction(reader: &mut Reader<'_>) -> Result<Option<Direction>, ApiError> {
    let given = reader.text("Direction")?.unwrap_or_default();
    match given.to_ascii_lowercase().as_str() {
        "" | "all" => Ok(None),
        "ingress" => Ok(Some(Direction::Ingress)),
        "egress" => Ok(Some(Direction::Egress)),
        _ => Err(reader.invalid("Direction", "it is none of all, ingress, egress")),
    }
}

/// `NicType`: whichever is asked for, rules are of `intranet`.
fn check_network(reader: &mut Reader<'_>) -> Result<(), ApiError> {
    let given = reader.text("NicType")?.unwrap_or_default();
    match given.to_ascii_lowercase().as_str() {
        "" | "internet" | "intranet" => Ok(()),
        _ => Err(reader.invalid("NicType", "it is neither intranet nor internet")),
    }
}

/// What is said of rules, and of what they refer to.
struct Said<'r> {
    registry: &'r Registry,
    group: &'r SecurityGroup,
    /// The one that a managed group came with.
    endpoint: Option<&'r crate::model::Endpoint>,
    /// When rules came of which no more is known.
    created: String,
}

impl<'r> Said<'r> {
    fn of(registry: &'r Registry, group: &'r SecurityGroup) -> Self {
        let mut endpoints = registry.model.endpoints.values();
        let endpoint = endpoints.find(|one| one.managed_group == group.id);
        let created = match endpoint {
            None => created(registry, Kind::SecurityGroup, group.id.as_str()),
            Some(endpoint) => created(registry, Kind::Endpoint, endpoint.id.as_str()),
        };
        Self {
            registry,
            group,
            endpoint,
            created,
        }
    }

    fn about(&self, rule: &SecurityGroupRule) -> Option<&'r PartAbout> {
        let about = self
            .registry
            .model
            .about(Kind::SecurityGroup, self.group.id.as_str());
        about.and_then(|about| about.parts.get(&rule.id))
    }

    fn shown(&self, rule: &SecurityGroupRule) -> Value {
        let about = self.about(rule);
        let described = about.and_then(|about| about.description.as_deref());
        let created = about.and_then(|about| about.created.as_deref());
        let (word, peer, local) = match rule.direction {
            Direction::Ingress => ("ingress", "Source", "Dest"),
            Direction::Egress => ("egress", "Dest", "Source"),
        };
        let mut shown = json!({
            "SecurityGroupRuleId": rule.id,
            "Direction": word,
            "Policy": policy(rule.policy),
            "Priority": rule.priority.to_string(),
            "IpProtocol": protocol(rule.protocol),
            "PortRange": rule.ports.to_string(),
            "SourcePortRange": rule.source_ports.to_string(),
            "NicType": "intranet",
            "Description": described.unwrap_or_default(),
            "CreateTime": created.unwrap_or(&self.created),
            "PortRangeListId": "",
            "PortRangeListName": "",
        });
        for side in ["Source", "Dest"] {
            for field in [
                "CidrIp",
                "GroupId",
                "GroupName",
                "GroupOwnerAccount",
                "PrefixListId",
                "PrefixListName",
            ] {
                shown[format!("{side}{field}")] = "".into();
            }
            shown[format!("Ipv6{side}CidrIp")] = "".into();
        }
        match &rule.peer {
            Peer::Cidr(net) => shown[cidr(peer, *net)] = net.to_string().into(),
            Peer::Group(id) => {
                let called = name(self.registry, Kind::SecurityGroup, id.as_str());
                shown[format!("{peer}GroupId")] = id.as_str().into();
                shown[format!("{peer}GroupName")] = called.into();
            }
            Peer::PrefixList(id) => {
                let called = name(self.registry, Kind::PrefixList, id.as_str());
                shown[format!("{peer}PrefixListId")] = id.as_str().into();
                shown[format!("{peer}PrefixListName")] = called.into();
            }
        }
        if let Some(net) = rule.local {
            shown[cidr(local, net)] = net.to_string().into();
        }
        shown
    }
}

fn cidr(side: &str, net: IpNet) -> String {
    match net {
        IpNet::V4(_) => format!("{side}CidrIp"),
        IpNet::V6(_) => format!("Ipv6{side}CidrIp"),
    }
}

fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::Accept => "Accept",
        Policy::Drop => "Drop",
    }
}
