//! `explain`: a question, and its answer for people.
//!
//! May import: anyhow, clap, control, explain (questions), output.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::output::{self, Format, print, rows, table, text};
use super::{BAD_INPUT, DISAGREEMENT};
use crate::control::{Connection, DEFAULT_SOCKET, Request};
use crate::explain::{End, Protocol, Question};

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Proto {
    /// A segment that opens a connection
    Tcp,
    /// A datagram
    Udp,
    /// An IPv4 echo request
    Icmp,
    /// An IPv6 echo request
    Icmpv6,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Who sends: without a port, TCP and UDP packets come from an ephemeral one
    #[arg(long, value_name = "IP[:PORT]")]
    from: End,
    /// To whom: an ENI's address, or a ServiceIp of a reverse endpoint; TCP and UDP need the port
    #[arg(long, value_name = "IP[:PORT]")]
    to: End,
    /// What is sent
    #[arg(long, value_enum)]
    proto: Proto,
    /// The VPC (or provider network) of the target address, if several have it
    #[arg(long, value_name = "ID")]
    vpc: Option<String>,
    /// The admin socket of the daemon to ask
    #[arg(long, default_value = DEFAULT_SOCKET)]
    socket: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// `explain`: 0 whatever becomes of the packet, 2 for a question that makes no sense, 3 where the loaded
/// program and the model disagree.
pub(super) fn explain(args: ExplainArgs) -> Result<ExitCode> {
    let question = Question {
        from: args.from,
        to: args.to,
        protocol: match args.proto {
            Proto::Tcp => Protocol::Tcp,
            Proto::Udp => Protocol::Udp,
            Proto::Icmp => Protocol::Icmp,
            Proto::Icmpv6 => Protocol::Icmpv6,
        },
        vpc: args.vpc,
    };
    if let Err(error) = question.check() {
        output::complain(&error)?;
        return Ok(ExitCode::from(BAD_INPUT));
    }
    let answer = Connection::ask(&args.socket, &Request::Explain(question))?.answer()?;
    if args.format.is_data() {
        args.format.print(&answer)?;
    } else {
        print(&told(&answer))?;
    }
    Ok(exit_code(&answer))
}

fn exit_code(answer: &Value) -> ExitCode {
    if rows(answer, "disagreements").next().is_some() {
        ExitCode::from(DISAGREEMENT)
    } else {
        ExitCode::SUCCESS
    }
}

/// The answer for people.
fn told(answer: &Value) -> String {
    let mut parts = vec![head(answer)];
    let disagreements: Vec<_> = rows(answer, "disagreements")
        .map(|line| format!("DISAGREEMENT: {}", line.as_str().unwrap_or_default()))
        .collect();
    if !disagreements.is_empty() {
        parts.push(format!(
            "{}\nThe loaded program and the model say different things: please report it.",
            disagreements.join("\n")
        ));
    }
    if !answer["flow"].is_null() {
        parts.push(flow(&answer["flow"]));
    }
    parts.push(stages(answer));
    let way = way(answer);
    if !way.is_empty() {
        parts.push(way);
    }
    parts.join("\n\n")
}

fn head(answer: &Value) -> String {
    let question = &answer["question"];
    let port = text(answer, "source-port");
    let has_ports = matches!(text(question, "protocol").as_str(), "tcp" | "udp");
    let mut lines = vec![format!(
        "{} {} -> {} in {}, on interface {}, generation {}: {}",
        text(question, "protocol"),
        text(question, "from"),
        text(question, "to"),
        text(answer, "network"),
        text(answer, "interface"),
        text(answer, "generation"),
        verdict(answer),
    )];
    if let Some(meaning) = answer["meaning"].as_str() {
        lines.push(meaning.to_owned());
    }
    let answers = &answer["answers"];
    if answers["verdict"] == "dropped" {
        lines.push(format!("but answers to it are {}", verdict(answers)));
    }
    if answer["source-port-chosen"] == true && has_ports {
        lines.push(format!(
            "source port {port}, an ephemeral one, since --from names none"
        ));
    }
    lines.join("\n  ")
}

/// `DROPPED, group-ingress by rule sgr-1`.
fn verdict(told: &Value) -> String {
    let verdict = text(told, "verdict").to_uppercase();
    let reason = told["reason"].as_str().map(|reason| format!(", {reason}"));
    let rule = told["rule-id"]
        .as_str()
        .map(|rule| format!(" by rule {rule}"));
    format!(
        "{verdict}{}{}",
        reason.unwrap_or_default(),
        rule.unwrap_or_default()
    )
}

fn flow(flow: &Value) -> String {
    let what = if flow["begins-anew"] == true {
        "the packet ends it and begins another".to_owned()
    } else {
        format!("its next packet is {}", verdict(&flow["next-packet"]))
    };
    let again = if flow["judged-again"] == true {
        " (judged again by the generation in force)"
    } else {
        ""
    };
    let rules = rows(flow, "rules").filter_map(Value::as_str);
    format!(
        "existing flow, {}, {} side, NAT {}, backend {}, judged by generation {}{again}: {what}\n  its rules: {}",
        text(flow, "state"),
        text(flow, "side"),
        place(&flow["nat"]),
        place(&flow["backend"]),
        text(flow, "generation"),
        rules.collect::<Vec<_>>().join(", "),
    )
}

fn stages(answer: &Value) -> String {
    let mut shown = table(["STAGE", "VERDICT", "RULE", "SET", "PRIORITY"]);
    for stage in rows(answer, "stages") {
        let mut name = text(stage, "stage");
        if stage["of-answers"] == true {
            name.push_str(" (answers)");
        }
        let rule = &stage["rule"];
        shown.add_row([
            name,
            text(stage, "verdict"),
            text(rule, "rule-id"),
            text(rule, "set-id"),
            text(rule, "priority"),
        ]);
        for beaten in rows(stage, "beaten") {
            shown.add_row([
                String::new(),
                format!("({})", text(beaten, "policy")),
                format!("beats {}", text(beaten, "rule-id")),
                text(beaten, "set-id"),
                text(beaten, "priority"),
            ]);
        }
    }
    shown.to_string()
}

/// What comes of a packet that rules let through.
fn way(answer: &Value) -> String {
    let mut lines = Vec::new();
    let listener = &answer["listener"];
    if !listener.is_null() {
        let balancer = listener["load-balancer-id"].as_str();
        lines.push(format!(
            "listener:  {} port {}, {} backends that take new flows",
            balancer.unwrap_or("reverse endpoint"),
            text(listener, "port"),
            text(listener, "backends")
        ));
    }
    if !answer["backend"].is_null() {
        lines.push(format!("backend:   {}", place(&answer["backend"])));
    }
    let nat = &answer["nat"];
    if !nat.is_null() {
        let all = rows(nat, "candidates").filter_map(Value::as_str);
        lines.push(format!(
            "NAT:       {} tried first, of {}",
            place(&nat["first-try"]),
            all.collect::<Vec<_>>().join(", ")
        ));
    }
    for (name, key) in [("next hop:", "next-hop"), ("back by:", "hop-back")] {
        if !answer[key].is_null() {
            lines.push(format!("{name:<10} {}", hop(&answer[key])));
        }
    }
    lines.join("\n")
}

fn hop(hop: &Value) -> String {
    let resolved = if hop["resolved"] == true {
        "resolved"
    } else {
        "NOT RESOLVED"
    };
    let mac = hop["mac"].as_str().unwrap_or("whom it came from");
    format!(
        "interface {}, MAC {mac}, MTU {}, {resolved}",
        text(hop, "interface"),
        text(hop, "mtu")
    )
}

fn place(place: &Value) -> String {
    output::address(place, "ip", "port")
}

#[cfg(test)]
mod tests {
    use std::process::ExitCode;

    use serde_json::json;

    use super::{exit_code, told};

    #[test]
    fn a_disagreement_is_shouted() {
        let answer = json!({ "verdict": "accepted", "disagreements": ["backend: x"] });
        let shown = told(&answer);
        assert!(shown.contains("DISAGREEMENT: backend: x"), "{shown}");
        assert_eq!(exit_code(&answer), ExitCode::from(3));
        let answer = json!({ "verdict": "dropped", "disagreements": [] });
        assert_eq!(exit_code(&answer), ExitCode::SUCCESS);
        assert!(!told(&answer).contains("DISAGREEMENT"));
    }
}
