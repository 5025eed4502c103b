//! Reads flow-log lines and counters, and checks that they add up. Imports
//! nothing of this crate.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

const SOURCE_TUPLE: [&str; 4] = ["srcaddr", "srcport", "dstaddr", "dstport"];
const NAT_TUPLE: [&str; 4] = ["nat-srcaddr", "nat-srcport", "nat-dstaddr", "nat-dstport"];

/// Packets and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    packets: u64,
    bytes: u64,
}

/// The TCP line of an accepted flow, with the tuple before and after NAT.
pub(super) fn accepted<'a>(lines: &'a [Value], from: &str, to: &str) -> Option<&'a Value> {
    flow(lines, "ACCEPT", from, to)
        .find(|line| has(line, &SOURCE_TUPLE) && has(line, &NAT_TUPLE) && line["protocol"] == 6)
}

/// The line of a rejected flow that says which layer and rule, and why.
pub(super) fn rejected<'a>(lines: &'a [Value], from: &str, to: &str) -> Option<&'a Value> {
    flow(lines, "REJECT", from, to)
        .find(|line| has(line, &SOURCE_TUPLE) && has(line, &["layer", "rule-id", "reason"]))
}

fn flow<'a>(
    lines: &'a [Value],
    action: &str,
    from: &str,
    to: &str,
) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| {
        line["action"] == action && line["srcaddr"] == from && line["dstaddr"] == to
    })
}

fn has(line: &Value, keys: &[&str]) -> bool {
    keys.iter().all(|key| match &line[*key] {
        Value::Null => false,
        Value::String(text) => !text.is_empty() && text != "-",
        _ => true,
    })
}

/// For each ENI, what `status` counts must be what the flow log says: `in` and
/// `out` are the accepted packets of that direction, `dropped` the rejected
/// ones. Returns a line per sum.
pub(super) fn check_sums(status: &Value, lines: &[Value]) -> Result<Vec<String>> {
    let mut logged: BTreeMap<(&str, &str), Count> = BTreeMap::new();
    for line in lines {
        let Some(eni) = line["eni-id"].as_str() else {
            continue;
        };
        let kind = match (line["action"].as_str(), line["direction"].as_str()) {
            (Some("REJECT"), _) => "dropped",
            (Some("ACCEPT"), Some("in")) => "in",
            (Some("ACCEPT"), Some("out")) => "out",
            // NODATA and SKIPDATA lines count nothing.
            _ => continue,
        };
        let sum = logged.entry((eni, kind)).or_default();
        let count = count(line).with_context(|| format!("flow log: {line}"))?;
        sum.packets += count.packets;
        sum.bytes += count.bytes;
    }
    let enis = status["enis"].as_array().context("status has no `enis`")?;
    ensure!(!enis.is_empty(), "status shows no ENI");
    let mut report = Vec::new();
    for eni in enis {
        let id = eni["eni-id"].as_str().context("an ENI without `eni-id`")?;
        for kind in ["in", "out", "dropped"] {
            let counted = count(&eni[kind]).with_context(|| format!("status: {eni}"))?;
            let logged = logged.get(&(id, kind)).copied().unwrap_or_default();
            ensure!(
                counted == logged,
                "{id} {kind}: the counters say {counted:?}, the flow log {logged:?}"
            );
            report.push(format!(
                "{id} {kind:>7}: {} packets, {} bytes, in both",
                counted.packets, counted.bytes
            ));
        }
    }
    Ok(report)
}

fn count(value: &Value) -> Result<Count> {
    let field = |name: &str| value[name].as_u64().with_context(|| format!("no `{name}`"));
    Ok(Count {
        packets: field("packets")?,
        bytes: field("bytes")?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(action: &str, direction: &str, packets: u64) -> Value {
        json!({
            "eni-id": "eni-1", "action": action, "direction": direction,
            "packets": packets, "bytes": packets * 100, "protocol": 6,
            "srcaddr": "10.0.1.10", "srcport": 1, "dstaddr": "10.0.1.100", "dstport": 80,
            "nat-srcaddr": "10.0.50.200", "nat-srcport": 2,
            "nat-dstaddr": "10.0.50.11", "nat-dstport": 8080,
            "layer": "sg", "rule-id": "default", "reason": "SgIn",
        })
    }

    fn status(packets_in: u64) -> Value {
        let count = |packets: u64| json!({"packets": packets, "bytes": packets * 100});
        json!({"enis": [{
            "eni-id": "eni-1", "in": count(packets_in), "out": count(4), "dropped": count(2),
        }]})
    }

    #[test]
    fn sums_must_agree() {
        let lines = [
            line("ACCEPT", "in", 3),
            line("ACCEPT", "in", 2),
            line("ACCEPT", "out", 4),
            line("REJECT", "in", 2),
            json!({"eni-id": "eni-1", "log-status": "NODATA"}),
        ];
        assert_eq!(check_sums(&status(5), &lines).expect("agree").len(), 3);
        let error = check_sums(&status(6), &lines).expect_err("differ");
        assert!(error.to_string().contains("eni-1 in"), "{error}");
        assert!(check_sums(&json!({"enis": []}), &lines).is_err());
        assert!(check_sums(&json!({}), &lines).is_err());
    }

    #[test]
    fn lines_must_be_whole() {
        let (from, to) = ("10.0.1.10", "10.0.1.100");
        let mut lines = [line("ACCEPT", "in", 1), line("REJECT", "in", 1)];
        assert!(accepted(&lines, from, to).is_some());
        assert!(rejected(&lines, from, to).is_some());
        assert!(accepted(&lines, "10.0.1.11", to).is_none());
        lines[0]["nat-dstport"] = Value::Null;
        lines[1]["reason"] = "-".into();
        assert!(accepted(&lines, from, to).is_none());
        assert!(rejected(&lines, from, to).is_none());
    }
}
