//! Security groups of network interfaces.

use endpoint_ctl::api::Product::Ecs;

use crate::ecs_groups::group;
use crate::rig::{PROVIDER, Rig};

fn groups(rig: &Rig) -> Vec<String> {
    let view = rig.desk.view();
    let groups = view.model().endpoints["ep-web"].security_groups.iter();
    groups.map(ToString::to_string).collect()
}

#[test]
fn an_interface_joins_groups_and_leaves_all_but_one() {
    let rig = Rig::new();
    let (vpc, vswitch) = rig.network("cn-test-a");
    let [first, second] = ["first", "second"].map(|name| group(&rig, &vpc, name));
    let (_, eni) = rig.endpoint(&vpc, &vswitch, &first);
    let [of_first, of_second] = [&first, &second].map(|group| {
        [
            ("SecurityGroupId", group.as_str()),
            ("NetworkInterfaceId", &eni),
        ]
    });
    rig.refused(
        Ecs,
        "LeaveSecurityGroup",
        &of_first,
        "InstanceLastSecurityGroup",
    );
    rig.refused(
        Ecs,
        "LeaveSecurityGroup",
        &of_second,
        "InstanceNotInSecurityGroup",
    );
    rig.call(Ecs, "JoinSecurityGroup", &of_second);
    assert_eq!(groups(&rig), [first.as_str(), &second]);
    rig.refused(
        Ecs,
        "JoinSecurityGroup",
        &of_second,
        "InvalidInstanceId.AlreadyExists",
    );
    rig.call(Ecs, "LeaveSecurityGroup", &of_first);
    assert_eq!(groups(&rig), [second.as_str()]);
    rig.call(Ecs, "DeleteSecurityGroup", &[("SecurityGroupId", &first)]);
}

#[test]
fn what_is_no_interface_of_the_callers_is_not_found() {
    let rig = Rig::new();
    let (vpc, vswitch) = rig.network("cn-test-a");
    let (other, _) = rig.network("cn-test-a");
    let own = group(&rig, &vpc, "own");
    let far = group(&rig, &other, "far");
    let (_, eni) = rig.endpoint(&vpc, &vswitch, &own);
    for (name, value, code) in [
        ("InstanceId", "i-1", "InvalidInstanceId.NotFound"),
        (
            "NetworkInterfaceId",
            "eni-1",
            "InvalidNetworkInterfaceId.NotFound",
        ),
        ("NetworkInterfaceId", "", "MissingNetworkInterfaceId"),
    ] {
        for action in ["JoinSecurityGroup", "LeaveSecurityGroup"] {
            rig.refused(
                Ecs,
                action,
                &[("SecurityGroupId", &own), (name, value)],
                code,
            );
        }
    }
    let far = [
        ("SecurityGroupId", far.as_str()),
        ("NetworkInterfaceId", &eni),
    ];
    let message = rig.refused(Ecs, "JoinSecurityGroup", &far, "InvalidSecurityGroupId");
    assert!(
        message.contains("parameter SecurityGroupId is"),
        "{message}"
    );

    let cidr = [("CidrBlock", "10.0.0.0/16")];
    let made = rig.call_as(
        PROVIDER,
        endpoint_ctl::api::Product::Vpc,
        "CreateVpc",
        &cidr,
    );
    let theirs = crate::rig::text(&made.expect("makes"), "VpcId");
    let made = rig.call_as(PROVIDER, Ecs, "CreateSecurityGroup", &[("VpcId", &theirs)]);
    let theirs = crate::rig::text(&made.expect("makes"), "SecurityGroupId");
    let stolen = [
        ("SecurityGroupId", theirs.as_str()),
        ("NetworkInterfaceId", &eni),
    ];
    let refused = rig.call_as(PROVIDER, Ecs, "JoinSecurityGroup", &stolen);
    assert_eq!(
        refused.expect_err("refused").code,
        "InvalidNetworkInterfaceId.NotFound"
    );
}

#[test]
fn an_interface_is_in_ten_groups_at_most() {
    let rig = Rig::new();
    let (vpc, vswitch) = rig.network("cn-test-a");
    let all: Vec<_> = (0..11)
        .map(|n| group(&rig, &vpc, &format!("g{n}")))
        .collect();
    let (_, eni) = rig.endpoint(&vpc, &vswitch, &all[0]);
    let join = |group: &str| {
        [
            ("SecurityGroupId", group.to_owned()),
            ("NetworkInterfaceId", eni.clone()),
        ]
    };
    for one in &all[1..10] {
        let [a, b] = join(one);
        rig.call(Ecs, "JoinSecurityGroup", &[(a.0, &a.1), (b.0, &b.1)]);
    }
    let [a, b] = join(&all[10]);
    rig.refused(
        Ecs,
        "JoinSecurityGroup",
        &[(a.0, &a.1), (b.0, &b.1)],
        "QuotaExceeded",
    );
}
