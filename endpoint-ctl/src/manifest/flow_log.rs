//! The kind `FlowLog`.
//!
//! What it records need not be there: it does not keep it from being deleted, so it cannot ask for it either.
//!
//! May import: std, `model`, `about`, `context`, `fault`, `fields`, `node`, `scalar`.

use super::context::Context;
use super::fault::{Told, Wrong};
use super::fields::Fields;
use super::node::{Node, quote};
use super::{about, scalar};
use crate::model::{FlowLog, FlowLogId, FlowLogIpVersion, FlowLogResource, Kind, TrafficType};

const INTERVALS: [u8; 3] = [1, 5, 10];
const DEFAULT_INTERVAL: u8 = 10;
const LONGEST_FORMAT: usize = 2_000;

/// Reads a `FlowLog`.
pub(super) fn read(mut fields: Fields<'_>, context: &mut Context<'_>) -> Result<(), Told> {
    let id = fields.required("FlowLogId", |node| scalar::id(node).map(FlowLogId::new));
    let resource_type = fields.required("ResourceType", |node| {
        scalar::one_of(node, &FlowLogResource::ALL.map(|one| (one.name(), one)))
    });
    let resource = fields.required("ResourceId", |node| scalar::id(node).map(str::to_owned));
    let traffic = fields.required("TrafficType", |node| {
        scalar::one_of(node, &TrafficType::ALL.map(|one| (one.name(), one)))
    });
    let aggregation_interval = fields.defaulted("AggregationInterval", DEFAULT_INTERVAL, interval);
    let ip_version = fields.defaulted("IpVersion", FlowLogIpVersion::default(), |node| {
        scalar::one_of(node, &FlowLogIpVersion::ALL.map(|one| (one.name(), one)))
    });
    let log_format = fields.optional("LogFormat", format);
    let project = fields.optional("ProjectName", |node| store_name(node, "-"));
    let log_store = fields.optional("LogStoreName", |node| store_name(node, "-_"));
    let active = fields.defaulted("Status", true, |node| {
        scalar::one_of(node, &[("Active", true), ("Inactive", false)])
    });
    let about = about::read(&mut fields, Kind::FlowLog);
    fields.finish();
    let log = FlowLog {
        id: id?,
        resource_type: resource_type?,
        resource: resource?,
        traffic: traffic?,
        aggregation_interval: aggregation_interval?,
        ip_version: ip_version?,
        log_format: log_format?,
        project: project?,
        log_store: log_store?,
        active: active?,
    };
    context.describe(Kind::FlowLog, log.id.as_str(), about?);
    context.model.flow_logs.insert(log.id.clone(), log);
    Ok(())
}

fn interval(node: &Node<'_>) -> Result<u8, Wrong> {
    let minutes = scalar::integer(node, 1..=10)?;
    if INTERVALS.contains(&minutes) {
        return Ok(minutes);
    }
    Err(Wrong::new(
        format!("{minutes} is not an interval"),
        "write 1, 5 or 10 minutes",
    ))
}

/// Fields such as `${srcaddr}`, with spaces between them.
fn format(node: &Node<'_>) -> Result<String, Wrong> {
    let text = scalar::text(node)?;
    let is_field = |word: &str| {
        let name = word
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'));
        let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        name.is_some_and(|name| !name.is_empty() && name.chars().all(is_letter))
    };
    let mut words = text.split_ascii_whitespace().peekable();
    if text.len() <= LONGEST_FORMAT && words.peek().is_some() && words.all(is_field) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(
        format!("{} is not a format", quote(text)),
        "write fields such as ${srcaddr} ${dstaddr}, with spaces between them",
    ))
}

/// A name of a project or a log store: files may be called so.
fn store_name(node: &Node<'_>, inner: &str) -> Result<String, Wrong> {
    let text = scalar::text(node)?;
    let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_letter = |c: char| is_edge(c) || inner.contains(c);
    let edges = text.starts_with(is_edge) && text.ends_with(is_edge);
    if (3..=63).contains(&text.len()) && edges && text.chars().all(is_letter) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(
        format!("{} is not such a name", quote(text)),
        format!(
            "write 3 to 63 lowercase letters, digits and {inner:?}, which begin and end with a letter or digit"
        ),
    ))
}
