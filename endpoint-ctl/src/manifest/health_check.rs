//! `HealthCheckConfig` of a listener: names, bounds and defaults are those of a server group in the
//! NLB API, where probes are on unless switched off.
//!
//! A UDP listener is the exception. What is probed is a TCP port, and that a server has one where
//! it serves UDP is not to be expected: so it is probed only if `HealthCheckConnectPort` names it.
//!
//! May import: std, `model`, `fault`, `fields`, `node`, `scalar`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::fault::{Told, Wrong};
use super::fields::Fields;
use super::node::{Node, quote};
use super::scalar;
use crate::model::{HealthCheck, HealthCheckKind, HttpCheck, HttpMethod, Transport};

const FIELD: &str = "HealthCheckConfig";
const PORT: &str = "HealthCheckConnectPort";
/// The longest URL and domain.
const LONGEST: usize = 80;
/// Stands for the server's own address as `HealthCheckDomain`.
const SERVER_IP: &str = "$SERVER_IP";

/// Reads how a listener's servers are probed: `None` for not at all.
pub(super) fn read(
    listener: &mut Fields<'_>,
    transport: Option<Transport>,
) -> Result<Option<HealthCheck>, Told> {
    let config = listener.section(FIELD, |fields| read_config(fields, transport))?;
    Ok(config.unwrap_or_else(|| match transport {
        Some(Transport::Tcp) => Some(default()),
        Some(Transport::Udp) | None => None,
    }))
}

fn default() -> HealthCheck {
    HealthCheck {
        kind: HealthCheckKind::Tcp,
        connect_port: None,
        healthy_threshold: 2,
        unhealthy_threshold: 2,
        connect_timeout: Duration::from_secs(5),
        interval: Duration::from_secs(10),
    }
}

/// All fields are checked, also those that do not count because of others.
fn read_config(
    mut fields: Fields<'_>,
    transport: Option<Transport>,
) -> Result<Option<HealthCheck>, Told> {
    let default = default();
    let enabled = fields.defaulted("HealthCheckEnabled", true, scalar::boolean);
    let over_http = fields.defaulted("HealthCheckType", false, |node| {
        scalar::one_of(node, &[("TCP", false), ("HTTP", true)])
    });
    let connect_port = fields.defaulted(PORT, 0, |node| scalar::integer(node, 0..=u16::MAX));
    let threshold = |node: &Node<'_>| scalar::integer(node, 2..=10);
    let healthy = fields.defaulted("HealthyThreshold", default.healthy_threshold, threshold);
    let unhealthy = fields.defaulted("UnhealthyThreshold", default.unhealthy_threshold, threshold);
    let seconds =
        |bounds| move |node: &Node<'_>| scalar::integer(node, bounds).map(Duration::from_secs);
    let connect_timeout = fields.defaulted(
        "HealthCheckConnectTimeout",
        default.connect_timeout,
        seconds(1..=300),
    );
    let interval = fields.defaulted("HealthCheckInterval", default.interval, seconds(5..=50));
    let http = read_http(&mut fields);
    fields.unsupported(
        &["HealthCheckHttpVersion"],
        "remove it: probes speak HTTP/1.1",
    );
    fields.unsupported(
        &["HealthCheckReq", "HealthCheckExp"],
        "remove it: probes speak TCP or HTTP",
    );
    let port_place = fields.place_of(PORT);
    fields.finish();

    let (enabled, connect_port) = (enabled?, connect_port?);
    if enabled && transport == Some(Transport::Udp) && connect_port == 0 {
        return Err(port_place.fault(
            "a UDP port cannot be probed, only a TCP port can",
            "name the TCP port to probe instead, or write HealthCheckEnabled: false",
        ));
    }
    let (http, over_http) = (http?, over_http?);
    let check = HealthCheck {
        kind: if over_http {
            HealthCheckKind::Http(http)
        } else {
            HealthCheckKind::Tcp
        },
        connect_port: (connect_port != 0).then_some(connect_port),
        healthy_threshold: healthy?,
        unhealthy_threshold: unhealthy?,
        connect_timeout: connect_timeout?,
        interval: interval?,
    };
    Ok(enabled.then_some(check))
}

fn read_http(fields: &mut Fields<'_>) -> Result<HttpCheck, Told> {
    let method = fields.defaulted("HttpCheckMethod", HttpMethod::Get, |node| {
        scalar::one_of(
            node,
            &[("GET", HttpMethod::Get), ("HEAD", HttpMethod::Head)],
        )
    });
    let url = fields.defaulted("HealthCheckUrl", "/".to_owned(), url);
    let domain = fields.optional("HealthCheckDomain", domain);
    let mut classes = BTreeSet::new();
    let given = fields.values("HealthCheckHttpCode", |place, node| {
        let class = place.tell(code_class(node))?;
        if classes.insert(class) {
            return Ok(());
        }
        Err(place.fault("is given twice", "remove one of the two"))
    });
    if classes.is_empty() {
        classes.insert(2);
    }
    given?;
    Ok(HttpCheck {
        method: method?,
        url: url?,
        domain: domain?.flatten(),
        code_classes: classes.into_iter().collect(),
    })
}

fn code_class(node: &Node<'_>) -> Result<u8, Wrong> {
    let words = [
        ("http_2xx", 2),
        ("http_3xx", 3),
        ("http_4xx", 4),
        ("http_5xx", 5),
    ];
    scalar::one_of(node, &words)
}

fn url(node: &Node<'_>) -> Result<String, Wrong> {
    let text = scalar::text(node)?;
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-/.%?#&=_;~!()*[]@$^:',+".contains(c);
    let mend =
        format!("write a path of 1 to {LONGEST} characters that starts with /, such as /health");
    if !text.starts_with('/') {
        return Err(Wrong::new(format!("{} is not a path", quote(text)), mend));
    }
    if let Some(odd) = text.chars().find(|c| !is_fine(*c)) {
        return Err(Wrong::new(format!("{} holds {odd:?}", quote(text)), mend));
    }
    short(text, mend)
}

/// `None` stands for the server's address.
fn domain(node: &Node<'_>) -> Result<Option<String>, Wrong> {
    let text = scalar::text(node)?;
    if text == SERVER_IP {
        return Ok(None);
    }
    let is_fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let mend = format!(
        "write 1 to {LONGEST} lowercase letters, digits, dots or dashes, or {SERVER_IP} for the server's address"
    );
    if text.is_empty() || !text.chars().all(is_fine) {
        return Err(Wrong::new(
            format!("{} is not a domain name", quote(text)),
            mend,
        ));
    }
    short(text, mend).map(Some)
}

fn short(text: &str, mend: String) -> Result<String, Wrong> {
    if text.len() > LONGEST {
        let length = text.len();
        return Err(Wrong::new(
            format!("{length} characters are too many"),
            mend,
        ));
    }
    Ok(text.to_owned())
}
