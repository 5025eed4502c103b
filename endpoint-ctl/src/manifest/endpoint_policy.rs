//! `PolicyDocument` of a `VpcEndpoint`: JSON of its own, kept as it is and read for what packets show.
//!
//! Faults name their path in the document. May import: std, ipnet, `model`, `fault`, `fields`, `ip`,
//! `json`, `node`, `scalar`, `suggest`.

use std::fmt::Display;

use ipnet::IpNet;

use super::fault::{Place, Told, Wrong};
use super::fields::Fields;
use super::node::{Entry, Node, Value, quote};
use super::suggest::did_you_mean;
use super::{ip, json, scalar};
use crate::model::{EndpointPolicy, EndpointType, Policy, PolicyCondition, PolicyStatement};

const FIELD: &str = "PolicyDocument";
const LONGEST: usize = 20_480;
const EFFECTS: [(&str, Policy); 2] = [("Allow", Policy::Accept), ("Deny", Policy::Drop)];
/// The kinds of principal that a mapping names.
const PRINCIPALS: [&str; 3] = ["RAM", "Service", "Federated"];
/// The operators of conditions; each may end in `IfExists`.
const OPERATORS: [&str; 21] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "IpAddress",
    "NotIpAddress",
];
const IF_EXISTS: &str = "IfExists";

/// Reads the policy; without one, everything is allowed.
pub(super) fn read(
    fields: &mut Fields<'_>,
    endpoint_type: Option<EndpointType>,
) -> Result<EndpointPolicy, Told> {
    let document = fields.optional(FIELD, |node| {
        let document = scalar::text(node)?;
        let length = document.chars().count();
        if length > LONGEST {
            return Err(Wrong::new(
                format!("{length} characters are too many"),
                format!("write at most {LONGEST}"),
            ));
        }
        Ok((document, json::parse(document, node.line)?))
    })?;
    let Some((document, root)) = document else {
        return Ok(EndpointPolicy::default());
    };
    let place = fields.place_of(FIELD);
    let policy = EndpointPolicy {
        document: document.to_owned(),
        statements: statements(&root, &place)?,
    };
    let allows_all = policy.statements == EndpointPolicy::default().statements;
    if endpoint_type == Some(EndpointType::Reverse) && !allows_all {
        return Err(place.fault(
            "a reverse endpoint has no clients that a policy could be about",
            "remove it: Resources, security groups and the network ACL say what may be reached",
        ));
    }
    Ok(policy)
}

fn statements(root: &Node<'_>, place: &Place<'_>) -> Result<Vec<PolicyStatement>, Told> {
    let mut fields = Fields::new(place.clone(), mapping(root, place)?);
    let version = fields.optional("Version", |node| scalar::only(node, "1", &[]));
    let all = fields.required("Statement", Ok);
    let place = fields.place_of("Statement");
    fields.finish();

    let all = match all? {
        Node {
            value: Value::List(nodes),
            ..
        } => {
            let numbered = nodes.iter().enumerate();
            let each = numbered
                .map(|(number, node)| statement(node, at(&place, format_args!("[{number}]"))));
            collect(each)?
        }
        node => vec![statement(node, place.clone())?],
    };
    version?;
    if all.is_empty() {
        return Err(place.fault(
            "is empty, which would deny everything",
            "write what is allowed, or one statement with Effect Deny if that is meant",
        ));
    }
    Ok(all)
}

fn statement(node: &Node<'_>, place: Place<'_>) -> Result<PolicyStatement, Told> {
    let entries = mapping(node, &place)?;
    let mut fields = Fields::new(place, entries);
    let effect = fields.required("Effect", |node| scalar::one_of(node, &EFFECTS));
    let _ = fields.optional("Sid", scalar::label);
    let mut undecided = Vec::new();
    let principal = fields.required("Principal", is_any_principal);
    if let Ok(false) = principal {
        undecided.push("Principal".to_owned());
    }
    let action = one_or_other(&mut fields, "Action", "NotAction", &mut undecided);
    let resource = one_or_other(&mut fields, "Resource", "NotResource", &mut undecided);
    let condition = fields.optional("Condition", Ok);
    let place = fields.place_of("Condition");
    fields.finish();

    let conditions = match condition? {
        Some(node) => conditions(node, &place, &mut undecided),
        None => Ok(Vec::new()),
    };
    principal?;
    action?;
    resource?;
    Ok(PolicyStatement {
        effect: effect?,
        conditions: conditions?,
        undecided,
    })
}

/// Whether everyone is meant.
fn is_any_principal(node: &Node<'_>) -> Result<bool, Wrong> {
    let Value::Map(entries) = &node.value else {
        return texts(node).map(|texts| texts.contains(&"*"));
    };
    for entry in entries {
        if !PRINCIPALS.contains(&entry.key.as_ref()) {
            let near = did_you_mean(&entry.key, PRINCIPALS);
            return Err(Wrong::new(
                format!("{} is not a kind of principal", quote(&entry.key)),
                format!("{near}write \"*\", or one of {}", PRINCIPALS.join(", ")),
            ));
        }
        texts(&entry.value)?;
    }
    Ok(false)
}

/// Reads a field or its opposite, of which one must be there.
fn one_or_other(
    fields: &mut Fields<'_>,
    name: &'static str,
    opposite: &'static str,
    undecided: &mut Vec<String>,
) -> Result<(), Told> {
    let mine = fields.optional(name, texts);
    let other = fields.optional(opposite, texts);
    match (mine?, other?) {
        (Some(_), Some(_)) => Err(fields
            .place_of(opposite)
            .fault(format!("{name} is given as well"), "keep one of the two")),
        (None, None) => Err(fields.missing(name)),
        (Some(texts), None) if texts.contains(&"*") => Ok(()),
        (Some(_), None) => {
            undecided.push(name.to_owned());
            Ok(())
        }
        (None, Some(_)) => {
            undecided.push(opposite.to_owned());
            Ok(())
        }
    }
}

fn conditions(
    node: &Node<'_>,
    place: &Place<'_>,
    undecided: &mut Vec<String>,
) -> Result<Vec<PolicyCondition>, Told> {
    let mut all = Vec::new();
    let mut faulty = None;
    for operator in distinct(mapping(node, place)?, place) {
        let place = at(place, format_args!(".{}", operator.key.escape_debug()));
        if let Err(told) = known_operator(&operator.key, &place) {
            faulty = Some(told);
            continue;
        }
        for key in distinct(mapping(&operator.value, &place)?, &place) {
            let place = at(&place, format_args!(".{}", key.key.escape_debug()));
            match condition(&operator.key, key, &place) {
                Ok(Some(condition)) => all.push(condition),
                Ok(None) => undecided.push(format!("Condition.{}.{}", operator.key, key.key)),
                Err(told) => faulty = Some(told),
            }
        }
    }
    faulty.map_or(Ok(all), Err)
}

fn known_operator(name: &str, place: &Place<'_>) -> Result<(), Told> {
    let plain = name.strip_suffix(IF_EXISTS).unwrap_or(name);
    if OPERATORS.contains(&plain) {
        return Ok(());
    }
    let near = did_you_mean(plain, OPERATORS);
    Err(place.fault(
        "is no operator of conditions",
        format!("{near}write one of {}", OPERATORS.join(", ")),
    ))
}

/// What one key must be; `None` if packets do not show it.
fn condition(
    operator: &str,
    key: &Entry,
    place: &Place<'_>,
) -> Result<Option<PolicyCondition>, Told> {
    // Every packet has an address and is of a VPC, so that they exist.
    let operator = operator.strip_suffix(IF_EXISTS).unwrap_or(operator);
    let is_key = |name: &str| key.key.eq_ignore_ascii_case(name);
    let within = !operator.starts_with("Not") && !operator.starts_with("StringNot");
    match operator {
        "IpAddress" | "NotIpAddress" if is_key("acs:SourceIp") => {
            let networks = place.tell(networks(&key.value))?;
            Ok(Some(PolicyCondition::SourceIp { within, networks }))
        }
        "StringEquals" | "StringNotEquals" if is_key("acs:SourceVpc") => {
            let vpcs = place.tell(texts(&key.value))?;
            let vpcs = vpcs.into_iter().map(str::to_owned).collect();
            Ok(Some(PolicyCondition::SourceVpc { within, vpcs }))
        }
        _ => place.tell(values(&key.value)).map(|()| None),
    }
}

fn networks(node: &Node<'_>) -> Result<Vec<IpNet>, Wrong> {
    one_or_many(node)
        .iter()
        .map(ip::address_or_network)
        .collect::<Result<Vec<_>, _>>()
        .and_then(not_empty)
}

/// A text or a list of texts, none of them empty.
fn texts<'n>(node: &'n Node<'_>) -> Result<Vec<&'n str>, Wrong> {
    let all = one_or_many(node).iter().map(|node| match &node.value {
        Value::Text(text) if !text.is_empty() => Ok(text.as_ref()),
        _ => Err(Wrong::new(
            format!("{} is not a text with letters in it", node.describe()),
            "write a text, or a list of texts",
        )),
    });
    all.collect::<Result<Vec<_>, _>>().and_then(not_empty)
}

/// Whatever a condition can be compared with.
fn values(node: &Node<'_>) -> Result<(), Wrong> {
    let odd = one_or_many(node)
        .iter()
        .find(|node| matches!(node.value, Value::Null | Value::List(_) | Value::Map(_)));
    match odd {
        Some(node) => Err(Wrong::new(
            format!("{} is not a value", node.describe()),
            "write a text, a number, true, false, or a list of them",
        )),
        None => Ok(()),
    }
}

fn not_empty<T>(all: Vec<T>) -> Result<Vec<T>, Wrong> {
    if all.is_empty() {
        return Err(Wrong::new("is an empty list", "write at least one value"));
    }
    Ok(all)
}

fn one_or_many<'n, 't>(node: &'n Node<'t>) -> &'n [Node<'t>] {
    match &node.value {
        Value::List(nodes) => nodes,
        _ => std::slice::from_ref(node),
    }
}

fn mapping<'n, 't>(node: &'n Node<'t>, place: &Place<'_>) -> Result<&'n [Entry<'t>], Told> {
    match &node.value {
        Value::Map(entries) => Ok(entries),
        _ => Err(place.fault(
            format!("{} is not an object", node.describe()),
            "write its fields as { \"Field\": value }",
        )),
    }
}

/// The entries, telling of keys that are given twice.
fn distinct<'n, 't>(entries: &'n [Entry<'t>], place: &Place<'_>) -> &'n [Entry<'t>] {
    for (number, entry) in entries.iter().enumerate() {
        if entries
            .iter()
            .take(number)
            .any(|other| other.key == entry.key)
        {
            let place = at(place, format_args!(".{}", entry.key.escape_debug()));
            place.fault("given twice", "keep one of the two");
        }
    }
    entries
}

fn at<'p>(place: &Place<'p>, below: impl Display) -> Place<'p> {
    Place {
        path: place.path.part(below),
        ..place.clone()
    }
}

/// All values, or that one of them was faulty, which has been told; each is read.
fn collect<T>(all: impl Iterator<Item = Result<T, Told>>) -> Result<Vec<T>, Told> {
    let all: Vec<_> = all.collect();
    all.into_iter().collect()
}
