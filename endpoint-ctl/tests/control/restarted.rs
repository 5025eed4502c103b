//! A daemon that is started again has what it had, whatever has gone meanwhile.

use serde_json::Value;

use crate::calls::Product;
use crate::node::Node;

#[test]
fn an_interface_that_is_not_there_keeps_nobody_from_starting() {
    let mut node = Node::new();
    let calls = node.calls();
    let vpc = calls.call(Product::Vpc, "CreateVpc", &[("CidrBlock", "10.0.0.0/16")]);
    let vpc = vpc.text("VpcId");
    let vswitch = |zone, cidr, interface| {
        let all = [
            ("VpcId", vpc.as_str()),
            ("ZoneId", zone),
            ("CidrBlock", cidr),
            ("Interface", interface),
        ];
        calls
            .call(Product::Vpc, "CreateVSwitch", &all)
            .text("VSwitchId")
    };
    let there = vswitch("cn-test-a", "10.0.1.0/24", "vsw-a");
    let missing = vswitch("cn-test-b", "10.0.2.0/24", "nowhere0");
    node.daemon.process().signal("TERM").expect("is sent");
    let ended = node
        .daemon
        .process()
        .wait(std::time::Duration::from_secs(10));
    assert!(ended.expect("can be awaited").is_some(), "it stops");
    node.restart();

    let status = node.daemon.ctl_json(&["status"]).expect("answers");
    let interfaces = status["interfaces"].as_array().expect("a list");
    let of = |name: &str| interfaces.iter().find(|one| one["interface"] == name);
    let awaited = of("nowhere0").expect("is listed");
    assert_eq!(awaited["hook"], "detached", "{awaited}");
    let note = awaited["note"].as_str().unwrap_or_default();
    assert!(note.contains("no such interface yet"), "{awaited}");
    assert_ne!(of("vsw-a").expect("is listed")["hook"], "detached");
    for id in [there, missing] {
        let shown = calls.call(
            Product::Vpc,
            "DescribeVSwitchAttributes",
            &[("VSwitchId", &id)],
        );
        assert_ne!(shown.ok()["CidrBlock"], Value::Null);
    }
}
