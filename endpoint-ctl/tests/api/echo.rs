//! A service that says what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use endpoint_ctl::api::{ApiError, Call, Product, Service, Value};
use serde_json::{Map, json};

/// Answers by what it was called with, but for a few actions: `Panic`, `Sleep` (`Milliseconds`), `Large`
/// (`Bytes`), `Fail` (`Code`, `Status`), and `Unknown`.
#[derive(Default)]
pub(crate) struct Echo {
    /// What it was asked, by calls that have been run to their end.
    pub(crate) ended: Arc<Mutex<Vec<serde_json::Value>>>,
}

impl Service for Echo {
    async fn call(&self, call: Call) -> Result<Map<String, serde_json::Value>, ApiError> {
        let echo = json!({
            "Product": call.product.to_string(),
            "Action": call.action,
            "Account": call.account.as_str(),
            "Parameters": call.parameters,
        });
        let answer = answer(&call, &echo).await;
        self.ended.lock().expect("no panic").push(echo);
        answer
    }
}

async fn answer(
    call: &Call,
    echo: &serde_json::Value,
) -> Result<Map<String, serde_json::Value>, ApiError> {
    let number = |name| match call.parameters.get(name) {
        Some(Value::Text(text)) => text.parse().unwrap_or(0),
        _ => 0_u16,
    };
    match call.action.as_str() {
        "Panic" => panic!("as was asked"),
        "Sleep" => tokio::time::sleep(Duration::from_millis(number("Milliseconds").into())).await,
        "Large" => {
            let large = "x".repeat(usize::from(number("Kilobytes")) << 10);
            return Ok(members(json!({ "Large": large })));
        }
        "Fail" => {
            let code = match call.parameters.get("Code") {
                Some(Value::Text(code)) => code.clone(),
                _ => "Failed".to_owned(),
            };
            let error = ApiError::new(number("Status"), code, "It failed.");
            return Err(error.member("AccessDeniedDetail", json!({ "AuthAction": "x" })));
        }
        "Unknown" => return Err(ApiError::action_not_found(call.product, &call.action)),
        // What SDKs read, so that it can be seen from their side.
        "ListVpcEndpoints" if call.product == Product::PrivateLink => {
            let echo = echo.to_string();
            return Ok(members(json!({
                "TotalCount": 1,
                "Endpoints": [{ "EndpointId": "ep-1", "EndpointName": echo }],
            })));
        }
        _ => {}
    }
    let mut members = members(echo.clone());
    // Members that answers of the SDKs' operations have, bearing the echo.
    for name in ["EndpointId", "SecurityGroupId", "NetworkAclId", "FlowLogId"] {
        members.insert(name.to_owned(), echo.to_string().into());
    }
    Ok(members)
}

fn members(value: serde_json::Value) -> Map<String, serde_json::Value> {
    match value {
        serde_json::Value::Object(members) => members,
        _ => Map::new(),
    }
}
