//! VPCs and vSwitches.

use endpoint_ctl::api::Product::Vpc;
use serde_json::json;

use crate::rig::{CONSUMER, PROVIDER, Rig, text};

#[test]
fn networks_are_made_listed_changed_and_deleted() {
    let rig = Rig::new();
    let (vpc, vswitch) = rig.network("cn-test-a");
    rig.settle();
    let found = rig.call(Vpc, "DescribeVpcs", &[("VpcId", &vpc)]);
    assert_eq!(found["TotalCount"], 1);
    let shown = &found["Vpcs"]["Vpc"][0];
    assert_eq!(shown["Status"], "Available");
    assert_eq!(shown["VSwitchIds"]["VSwitchId"], json!([vswitch]));
    assert!(
        shown["Ipv6CidrBlock"]
            .as_str()
            .expect("text")
            .ends_with("/56")
    );

    let renamed = [
        ("VpcId", vpc.as_str()),
        ("VpcName", "lab"),
        ("Description", "of tests"),
    ];
    rig.call(Vpc, "ModifyVpcAttribute", &renamed);
    let shown = rig.call(Vpc, "DescribeVpcAttribute", &[("VpcId", &vpc)]);
    assert_eq!(
        (&shown["VpcName"], &shown["Description"]),
        (&json!("lab"), &json!("of tests"))
    );

    let message = rig.refused(Vpc, "DeleteVpc", &[("VpcId", &vpc)], "DependencyViolation");
    assert!(message.contains(&vswitch), "{message}");
    rig.call(Vpc, "DeleteVSwitch", &[("VSwitchId", &vswitch)]);
    rig.call(Vpc, "DeleteVpc", &[("VpcId", &vpc)]);
    rig.refused(
        Vpc,
        "DescribeVpcAttribute",
        &[("VpcId", &vpc)],
        "InvalidVpcId.NotFound",
    );
}

#[test]
fn what_cannot_be_is_refused_with_the_parameter() {
    let rig = Rig::new();
    let (vpc, _) = rig.network("cn-test-a");
    let overlapping = [
        ("VpcId", vpc.as_str()),
        ("ZoneId", "z"),
        ("CidrBlock", "10.0.1.128/25"),
    ];
    rig.refused(
        Vpc,
        "CreateVSwitch",
        &overlapping,
        "InvalidCidrBlock.Overlapped",
    );
    let outside = [
        ("VpcId", vpc.as_str()),
        ("ZoneId", "z"),
        ("CidrBlock", "10.1.0.0/24"),
    ];
    rig.refused(Vpc, "CreateVSwitch", &outside, "InvalidCidrBlock");
    rig.refused(Vpc, "CreateVSwitch", &[("VpcId", &vpc)], "MissingZoneId");
    rig.refused(
        Vpc,
        "CreateVpc",
        &[("CidrBlock", "100.64.0.0/16")],
        "InvalidCidrBlock",
    );
    rig.refused(
        Vpc,
        "CreateVpc",
        &[("RegionId", "mars")],
        "InvalidRegionId.NotFound",
    );
    rig.refused(Vpc, "MakeVpc", &[], "InvalidAction.NotFound");
    let count = rig.call(Vpc, "DescribeVpcs", &[]);
    assert_eq!(count["TotalCount"], 1);
}

#[test]
fn a_token_makes_one_of_several_and_a_dry_run_none() {
    let rig = Rig::new();
    let once = [("ClientToken", "t-1"), ("CidrBlock", "10.0.0.0/16")];
    let first = rig.call(Vpc, "CreateVpc", &once);
    assert_eq!(rig.call(Vpc, "CreateVpc", &once), first);
    let other = [("ClientToken", "t-1"), ("CidrBlock", "10.1.0.0/16")];
    rig.refused(Vpc, "CreateVpc", &other, "IdempotentParameterMismatch");
    rig.refused(Vpc, "CreateVpc", &[("DryRun", "True")], "DryRunOperation");
    assert_eq!(rig.call(Vpc, "DescribeVpcs", &[])["TotalCount"], 1);
}

#[test]
fn accounts_do_not_see_each_other() {
    let rig = Rig::new();
    let (vpc, vswitch) = rig.network("cn-test-a");
    let theirs = rig
        .call_as(PROVIDER, Vpc, "DescribeVpcs", &[])
        .expect("answers");
    assert_eq!(theirs["TotalCount"], 0);
    let refused = rig.call_as(PROVIDER, Vpc, "DeleteVSwitch", &[("VSwitchId", &vswitch)]);
    assert_eq!(
        refused.expect_err("refused").code,
        "InvalidVSwitchId.NotFound"
    );
    let same = [("ClientToken", "t"), ("CidrBlock", "10.0.0.0/16")];
    let theirs = rig
        .call_as(PROVIDER, Vpc, "CreateVpc", &same)
        .expect("makes");
    let ours = rig
        .call_as(CONSUMER, Vpc, "CreateVpc", &same)
        .expect("makes");
    assert_ne!(text(&theirs, "VpcId"), text(&ours, "VpcId"));
    assert_ne!(text(&theirs, "VpcId"), vpc);
}
