//! The endpoint's policy, as real clients meet it.

use serde_json::json;
use xtask::lab::address::{CLIENT_A, CLIENT_B, ENI_A};

use crate::dialogue::Dialogue;
use crate::flow_log::has_fields;
use crate::manifest::{Manifest, accept, tcp};
use crate::scene::Scene;

const ONLY_A: &str = r#"
PolicyDocument: |
  { "Version": "1", "Statement": [
    { "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*",
      "Condition": { "IpAddress": { "acs:SourceIp": ["10.0.1.10/32"] } } } ] }
"#;

const NOT_A: &str = r#"
PolicyDocument: |
  { "Version": "1", "Statement": [
    { "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" },
    { "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*",
      "Condition": { "IpAddress": { "acs:SourceIp": "10.0.1.10" } } } ] }
"#;

#[test]
fn a_policy_on_source_addresses_binds_new_flows_and_those_under_way() {
    assert_eq!(CLIENT_A, "10.0.1.10", "the documents name it");
    let open = || Manifest::web().group(accept(tcp(80)));
    let scene = Scene::new(&open());
    let (mut of_a, _) = Dialogue::open(&scene, "client-a", 80);
    let (mut of_b, _) = Dialogue::open(&scene, "client-b", 80);
    of_a.must_answer();
    of_b.must_answer();

    scene.reload(&open().endpoint(ONLY_A));
    of_a.must_answer();
    of_b.must_be_silent();
    scene.fetch("client-a");
    scene.assert_silence("client-b", 80);
    let refused = json!({
        "action": "REJECT", "srcaddr": CLIENT_B, "dstaddr": ENI_A, "dstport": 80,
        "layer": "endpoint-policy", "reason": "endpoint-policy", "rule-id": "policy-ep-a-default",
    });
    let log = scene.flow_log();
    assert!(
        log.all(&refused).next().is_some(),
        "no record of the refusal"
    );
    let told = scene.explain(CLIENT_B, &format!("{ENI_A}:80"), "tcp");
    let wanted = json!({
        "verdict": "dropped", "reason": "endpoint-policy", "rule-id": "policy-ep-a-default",
    });
    assert!(has_fields(&told, &wanted), "{told:#}");
    let rules = scene.daemon.ctl_json(&["rules", "--endpoint", "ep-a"]);
    let rules = rules.expect("rules must answer");
    let statement = rules.as_array().into_iter().flatten();
    let mut statement = statement.filter(|rule| rule["rule-id"] == "policy-ep-a-1");
    let statement = statement.next().expect("the statement is a rule");
    let wanted = json!({
        "layer": "endpoint-policy", "owner-id": "ep-a", "order": 1, "policy": "accept",
        "matches": "clients in 10.0.1.10/32", "managed": false,
    });
    assert!(has_fields(statement, &wanted), "{statement:#}");
    assert!(
        statement["accepted"]["packets"].as_u64() > Some(3),
        "{statement:#}"
    );

    scene.reload(&open().endpoint(NOT_A));
    scene.assert_silence("client-a", 80);
    scene.fetch("client-b");
    let told = scene.explain(CLIENT_A, &format!("{ENI_A}:80"), "tcp");
    assert_eq!(told["rule-id"], "policy-ep-a-2", "{told:#}");

    scene.reload(&open());
    scene.fetch("client-a");
}
