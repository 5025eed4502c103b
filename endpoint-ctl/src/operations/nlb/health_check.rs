//! `HealthCheckConfig` of server groups: read into documents, and shown.
//!
//! May import: serde_json, api, document, model, operations' own.

use serde_json::{Map, Value, json};

use super::{never, only};
use crate::api::{ApiError, Reader};
use crate::document::Document;
use crate::model::{HealthCheck, HealthCheckKind, HttpMethod};

const FIELD: &str = "HealthCheckConfig";
const FIELDS: [&str; 10] = [
    "HealthCheckEnabled",
    "HealthCheckType",
    "HealthCheckConnectPort",
    "HealthyThreshold",
    "UnhealthyThreshold",
    "HealthCheckConnectTimeout",
    "HealthCheckInterval",
    "HttpCheckMethod",
    "HealthCheckUrl",
    "HealthCheckDomain",
];
const CODES: &str = "HealthCheckHttpCode";

/// Sets what is given of it in a group's document; the rest stays as it is.
pub(super) fn set(reader: &mut Reader<'_>, document: &mut Document) -> Result<(), ApiError> {
    let Some(mut config) = reader.fields(FIELD)? else {
        return Ok(());
    };
    let before = document.fields.get(FIELD).and_then(Value::as_object);
    let mut fields = before.cloned().unwrap_or_default();
    for name in FIELDS {
        if let Some(text) = config.text(name)?.filter(|text| !text.is_empty()) {
            fields.insert(name.to_owned(), text.into());
        }
    }
    let codes = config.texts(CODES, 4)?;
    if !codes.is_empty() {
        fields.insert(CODES.to_owned(), codes.into());
    }
    let why = "probes speak HTTP/1.1 here: write HTTP1.1";
    only(&mut config, "HealthCheckHttpVersion", &["HTTP1.1"], why)?;
    let why = "probes speak TCP or HTTP here";
    never(&mut config, &["HealthCheckReq", "HealthCheckExp"], why)?;
    config.finish();
    document.set(FIELD, fields);
    Ok(())
}

/// As answers have it.
pub(super) fn shown(check: Option<&HealthCheck>) -> Value {
    let Some(check) = check else {
        return json!({ "HealthCheckEnabled": false });
    };
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    set("HealthCheckEnabled", true.into());
    set(
        "HealthCheckConnectPort",
        check.connect_port.unwrap_or(0).into(),
    );
    set("HealthyThreshold", check.healthy_threshold.into());
    set("UnhealthyThreshold", check.unhealthy_threshold.into());
    set(
        "HealthCheckConnectTimeout",
        check.connect_timeout.as_secs().into(),
    );
    set("HealthCheckInterval", check.interval.as_secs().into());
    match &check.kind {
        HealthCheckKind::Tcp => set("HealthCheckType", "TCP".into()),
        HealthCheckKind::Http(http) => {
            set("HealthCheckType", "HTTP".into());
            let method = match http.method {
                HttpMethod::Get => "GET",
                HttpMethod::Head => "HEAD",
            };
            set("HttpCheckMethod", method.into());
            set("HealthCheckUrl", http.url.as_str().into());
            let domain = http.domain.as_deref().unwrap_or("$SERVER_IP");
            set("HealthCheckDomain", domain.into());
            set("HealthCheckHttpVersion", "HTTP1.1".into());
            let codes = http.code_classes.iter();
            set(
                CODES,
                codes.map(|class| format!("http_{class}xx")).collect(),
            );
        }
    }
    Value::Object(fields)
}
