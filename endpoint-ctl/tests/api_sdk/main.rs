//! The API, driven by the vendor's own SDKs for Python, unmodified, against the echo service.
//!
//! The scripts assert what SDKs make of answers; here is asserted what reached the service.

#[path = "../api/client.rs"]
#[expect(dead_code, reason = "the SDKs are the clients here")]
mod client;
#[path = "../api/echo.rs"]
mod echo;
#[path = "../api/rig.rs"]
#[expect(dead_code, reason = "the SDKs are the clients here")]
mod rig;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use rig::Rig;

/// Runs a script against a server; the lines that it printed, and what reached the service.
fn run(script: &str, args: &[&str]) -> (String, Vec<Value>) {
    let rig = Rig::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/api_sdk")
        .join(script);
    let python = xtask::python::with_sdks().expect("has the SDKs");
    let output = Command::new(python)
        .arg(&script)
        .arg(rig.address().to_string())
        .args(args)
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (said, rig.ended())
}

/// The calls that every script makes first, and how they must arrive.
fn expected() -> Vec<Value> {
    let call = |product: &str, action: &str, parameters: Value| json!({ "Product": product, "Action": action, "Account": "1001", "Parameters": parameters });
    vec![
        call(
            "PrivateLink",
            "CreateVpcEndpoint",
            json!({
                "RegionId": "cn-hangzhou",
                "VpcId": "vpc-1",
                "EndpointName": "web 1*~ \u{e9}/+%",
                "EndpointDescription": "",
                "DryRun": "False",
                "ZoneAffinityEnabled": "True",
                "PolicyDocument": "{\"Version\": \"1\", \"Statement\": []}",
                "SecurityGroupId": ["sg-1", "sg-2"],
                "Zone": [
                    { "ZoneId": "cn-hangzhou-b", "VSwitchId": "vsw-1", "ip": "10.0.0.10" },
                    { "ZoneId": "cn-hangzhou-g", "VSwitchId": "vsw-2" },
                ],
            }),
        ),
        call(
            "PrivateLink",
            "TagResources",
            json!({
                "RegionId": "cn-hangzhou",
                "ResourceId": ["ep-1"],
                "ResourceType": "VpcEndpoint",
                "Tag": [{ "Key": "a b", "Value": "*~/\u{e9}" }, { "Key": "k", "Value": "" }],
            }),
        ),
        call(
            "PrivateLink",
            "ListVpcEndpoints",
            json!({ "RegionId": "cn-hangzhou", "MaxResults": "50" }),
        ),
    ]
}

/// What ECS and VPC are asked.
fn expected_of_others() -> Vec<Value> {
    vec![
        json!({
            "Product": "Ecs", "Action": "AuthorizeSecurityGroup", "Account": "1001",
            "Parameters": {
                "RegionId": "cn-hangzhou",
                "SecurityGroupId": "sg-1",
                "Permissions": [
                    { "IpProtocol": "TCP", "PortRange": "80/80", "SourceCidrIp": "10.0.0.0/8", "Priority": "1" },
                    { "IpProtocol": "ALL", "PortRange": "-1/-1", "Ipv6SourceCidrIp": "::/0", "Policy": "drop" },
                ],
            },
        }),
        json!({
            "Product": "Vpc", "Action": "UpdateNetworkAclEntries", "Account": "1001",
            "Parameters": {
                "RegionId": "cn-hangzhou",
                "NetworkAclId": "nacl-1",
                "UpdateIngressAclEntries": "True",
                "IngressAclEntries": [
                    { "Policy": "accept", "Protocol": "tcp", "Port": "443/443", "SourceCidrIp": "0.0.0.0/0" },
                ],
            },
        }),
    ]
}

fn check(said: &str, ended: &[Value], expected: &[Value]) {
    println!("{said}");
    for (got, expected) in ended.iter().zip(expected) {
        assert_eq!(got, expected);
    }
    assert_eq!(ended.len(), expected.len());
    assert!(said.ends_with("all as it should be\n"), "{said}");
}

#[test]
fn the_new_sdk_by_acs3() {
    let (said, ended) = run("new_sdk.py", &[]);
    check(&said, &ended, &[expected(), expected_of_others()].concat());
}

#[test]
fn the_new_sdk_by_acs3_async() {
    let (said, ended) = run("new_sdk.py", &["--async"]);
    check(&said, &ended, &[expected(), expected_of_others()].concat());
}

#[test]
fn the_new_sdk_by_hmac_sha1() {
    let (said, ended) = run("new_sdk.py", &["--v2"]);
    check(&said, &ended, &[expected(), expected_of_others()].concat());
}

#[test]
fn the_old_sdk() {
    let (said, ended) = run("old_sdk.py", &[]);
    let mut expected = expected();
    // It leaves out what is empty, and has no time zone affinity to speak of.
    expected[0]["Parameters"]
        .as_object_mut()
        .expect("is an object")
        .remove("EndpointDescription");
    check(&said, &ended, &expected);
}
