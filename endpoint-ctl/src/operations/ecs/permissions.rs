//! Rules of a security group as calls give them: `Permissions.N.*`, or the same fields of one rule without
//! that prefix, which is the deprecated way.
//!
//! May import: std, ipnet, serde_json, api, model, registry, operations' own.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value};

use crate::api::{ApiError, Reader};
use crate::model::{AccountId, Direction, Kind, SecurityGroup, SecurityGroupRule};
use crate::operations::visible::own;
use crate::registry::{Change, Refusal, Registry};

/// Rules of one call.
const MOST: usize = 100;
/// Where the faults of rules are.
const LIST: &str = "Permissions";
/// Of a rule, those of both directions: what has no meaning in one is refused rather than ignored.
const FIELDS: [&str; 19] = [
    "Policy",
    "Priority",
    "IpProtocol",
    "PortRange",
    "SourcePortRange",
    "SourceCidrIp",
    "Ipv6SourceCidrIp",
    "SourceGroupId",
    "SourceGroupOwnerAccount",
    "SourceGroupOwnerId",
    "SourcePrefixListId",
    "DestCidrIp",
    "Ipv6DestCidrIp",
    "DestGroupId",
    "DestGroupOwnerAccount",
    "DestGroupOwnerId",
    "DestPrefixListId",
    "PortRangeListId",
    "NicType",
];

/// The fields of one side of a rule.
#[derive(Debug)]
pub(super) struct Side {
    name: &'static str,
    networks: [&'static str; 2],
    group: &'static str,
    owner: &'static str,
    owner_account: &'static str,
    list: &'static str,
}

const SOURCE: Side = Side {
    name: "Source",
    networks: ["SourceCidrIp", "Ipv6SourceCidrIp"],
    group: "SourceGroupId",
    owner: "SourceGroupOwnerId",
    owner_account: "SourceGroupOwnerAccount",
    list: "SourcePrefixListId",
};
const DESTINATION: Side = Side {
    name: "Dest",
    networks: ["DestCidrIp", "Ipv6DestCidrIp"],
    group: "DestGroupId",
    owner: "DestGroupOwnerId",
    owner_account: "DestGroupOwnerAccount",
    list: "DestPrefixListId",
};

impl Side {
    /// The peer's and the ENI's own.
    fn both(direction: Direction) -> [Self; 2] {
        match direction {
            Direction::Ingress => [SOURCE, DESTINATION],
            Direction::Egress => [DESTINATION, SOURCE],
        }
    }

    fn all(&self) -> [&'static str; 4] {
        let [ipv4, ipv6] = self.networks;
        [ipv4, ipv6, self.group, self.list]
    }

    fn is_in(&self, rule: &Map<String, Value>) -> bool {
        self.all().iter().any(|field| rule.contains_key(*field))
    }
}

/// Rules that a call gives.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Each as it stands in a group's document, without an id.
    pub(super) rules: Vec<Map<String, Value>>,
    is_prefixed: bool,
}

impl Given {
    /// Reads them; there may be none. Each must say who its peer is.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        direction: Direction,
        registry: &Registry,
        account: &AccountId,
    ) -> Result<Self, ApiError> {
        let alone = one(reader, direction, account)?;
        let mut rules = Vec::new();
        for mut item in reader.items(LIST, MOST)? {
            let rule = one(&mut item, direction, account)?;
            must_have_peer(&item, &rule, direction)?;
            rules.push(rule);
            item.finish();
        }
        let is_prefixed = !rules.is_empty();
        if !alone.is_empty() {
            if is_prefixed {
                return Err(ApiError::invalid_parameters(
                    "Rules are given by Permissions.N and by the names without that prefix.",
                )
                .mend("Give all rules by Permissions.N."));
            }
            must_have_peer(reader, &alone, direction)?;
            rules.push(alone);
        }
        for rule in &rules {
            must_be_visible(rule, registry, account)?;
        }
        Ok(Self { rules, is_prefixed })
    }

    /// Reads what is given of one rule, of which the rest is known.
    pub(super) fn read_part(
        reader: &mut Reader<'_>,
        direction: Direction,
        registry: &Registry,
        account: &AccountId,
    ) -> Result<Map<String, Value>, ApiError> {
        let rule = one(reader, direction, account)?;
        must_be_visible(&rule, registry, account)?;
        Ok(rule)
    }

    /// Reads the rules as those of a group, and gives each an id and the time of now.
    pub(super) fn decode(
        &mut self,
        change: &Change,
        group: &str,
        direction: Direction,
    ) -> Result<Vec<SecurityGroupRule>, ApiError> {
        let word = match direction {
            Direction::Ingress => "ingress",
            Direction::Egress => "egress",
        };
        for rule in &mut self.rules {
            rule.insert(
                "SecurityGroupRuleId".to_owned(),
                change.fresh_id("sgr").into(),
            );
            rule.insert("Direction".to_owned(), word.into());
            rule.insert("CreateTime".to_owned(), change.now().to_string().into());
        }
        let read = change.rules(group, &self.rules);
        read.map_err(|refusal| told(refusal, self.is_prefixed))
    }
}

/// The refusal of a rule, with the names that the client has for its fields.
pub(super) fn told(mut refusal: Refusal, is_prefixed: bool) -> ApiError {
    if !is_prefixed && let Some(field) = refusal.field.strip_prefix("Permissions[0]") {
        let field = field.trim_start_matches('.').to_owned();
        refusal.field = field;
    }
    refusal.into()
}

/// A rule as far as it tells packets apart: without its id.
pub(super) fn said(rule: &SecurityGroupRule) -> SecurityGroupRule {
    SecurityGroupRule {
        id: String::new(),
        peer: rule.peer.clone(),
        ..*rule
    }
}

/// The group that a call names.
pub(super) fn group<'c>(
    reader: &mut Reader<'_>,
    registry: &'c Registry,
    account: &AccountId,
) -> Result<&'c SecurityGroup, ApiError> {
    let id = reader.required("SecurityGroupId")?;
    own(registry, Kind::SecurityGroup, id, account)?;
    let group = registry.model.security_groups.get(id);
    group.ok_or_else(ApiError::internal)
}

/// Makes a rule another one: a field that is given stands in the place of those that say the same.
pub(super) fn merge(
    rule: &mut Map<String, Value>,
    given: Map<String, Value>,
    direction: Direction,
) {
    for side in Side::both(direction) {
        if side.is_in(&given) {
            rule.retain(|name, _| !side.all().contains(&name.as_str()));
        }
    }
    rule.extend(given);
}

/// What is given of a rule. Of several peers the one that counts is left: a network, else a group.
fn one(
    reader: &mut Reader<'_>,
    direction: Direction,
    account: &AccountId,
) -> Result<Map<String, Value>, ApiError> {
    let mut rule = Map::new();
    for field in FIELDS.into_iter().chain(["Description"]) {
        if let Some(text) = reader.text(field)?.filter(|text| !text.is_empty()) {
            rule.insert(field.to_owned(), text.into());
        }
    }
    for side in Side::both(direction) {
        if rule.get(side.owner).and_then(Value::as_str) == Some(account.as_str()) {
            rule.remove(side.owner);
        }
        for field in side.networks {
            if let Some(net) = rule.get(field).and_then(host) {
                rule.insert(field.to_owned(), net.into());
            }
        }
    }
    let [peer, _] = Side::both(direction);
    let has = |field: &str| rule.contains_key(field);
    let ignored: &[&str] = if peer.networks.iter().any(|field| has(field)) {
        &[peer.group, peer.owner, peer.owner_account, peer.list]
    } else if has(peer.group) {
        &[peer.list]
    } else {
        &[]
    };
    rule.retain(|name, _| !ignored.contains(&name.as_str()));
    Ok(rule)
}

/// The network of one host, if it is one that is given.
fn host(text: &Value) -> Option<String> {
    let host: IpAddr = text.as_str()?.parse().ok()?;
    Some(IpNet::from(host).to_string())
}

fn must_have_peer(
    reader: &Reader<'_>,
    rule: &Map<String, Value>,
    direction: Direction,
) -> Result<(), ApiError> {
    let [peer, _] = Side::both(direction);
    if peer.is_in(rule) {
        return Ok(());
    }
    let names = peer.all().map(|name| reader.path_of(name));
    Err(ApiError::new(
        400,
        format!("MissingParameter.{}", peer.name),
        format!("None of {} is given.", names.join(", ")),
    )
    .mend(format!("Give {}.", reader.path_of(peer.networks[0]))))
}

/// What a rule refers to is not there for those who do not own it.
fn must_be_visible(
    rule: &Map<String, Value>,
    registry: &Registry,
    account: &AccountId,
) -> Result<(), ApiError> {
    for side in [SOURCE, DESTINATION] {
        for (field, kind) in [
            (side.group, Kind::SecurityGroup),
            (side.list, Kind::PrefixList),
        ] {
            if let Some(id) = rule.get(field).and_then(Value::as_str) {
                own(registry, kind, id, account)?;
            }
        }
    }
    Ok(())
}
