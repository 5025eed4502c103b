//! Rules of security groups: changed and taken away.

use serde_json::json;

use crate::ecs_lab::Lab;

#[test]
fn rules_are_revoked_by_id_or_by_what_they_say() {
    let lab = Lab::new();
    let rules = [
        ("Permissions.1.IpProtocol", "TCP"),
        ("Permissions.1.PortRange", "80/80"),
        ("Permissions.1.SourceCidrIp", "10.0.0.0/8"),
        ("Permissions.1.Description", "web"),
        ("Permissions.2.IpProtocol", "TCP"),
        ("Permissions.2.PortRange", "81/81"),
        ("Permissions.2.SourceCidrIp", "10.0.0.0/8"),
        ("Permissions.2.Priority", "2"),
        ("Permissions.3.IpProtocol", "TCP"),
        ("Permissions.3.PortRange", "82/82"),
        ("Permissions.3.SourceCidrIp", "10.0.0.0/8"),
        ("Permissions.3.Priority", "3"),
    ];
    lab.call("AuthorizeSecurityGroup", &rules);
    let ids = lab.ids();
    let by_id = [("SecurityGroupRuleId.1", ids[1].as_str())];
    lab.refused(
        "RevokeSecurityGroupEgress",
        &by_id,
        "InvalidSecurityGroupRuleId.NotFound",
    );
    let one_of_two = [by_id[0], ("SecurityGroupRuleId.2", "sgr-none")];
    lab.refused(
        "RevokeSecurityGroup",
        &one_of_two,
        "InvalidSecurityGroupRuleId.NotFound",
    );
    assert_eq!(lab.ids(), ids);
    lab.call("RevokeSecurityGroup", &by_id);
    assert_eq!(lab.ids(), [ids[0].as_str(), &ids[2]]);
    // Of another priority, direction, port: there is none, which is no fault.
    let described = [
        ("IpProtocol", "tcp"),
        ("PortRange", "80/80"),
        ("SourceCidrIp", "10.0.0.0/8"),
    ];
    for other in [
        ("Priority", "9"),
        ("Policy", "drop"),
        ("SourcePortRange", "1/2"),
    ] {
        let other: Vec<_> = described.into_iter().chain([other]).collect();
        lab.call("RevokeSecurityGroup", &other);
    }
    let outbound = [
        ("IpProtocol", "tcp"),
        ("PortRange", "80/80"),
        ("DestCidrIp", "10.0.0.0/8"),
    ];
    lab.call("RevokeSecurityGroupEgress", &outbound);
    assert_eq!(lab.ids().len(), 2);
    lab.call("RevokeSecurityGroup", &described);
    assert_eq!(lab.ids(), [ids[2].as_str()]);
    lab.call("RevokeSecurityGroup", &rules);
    assert!(lab.ids().is_empty());
    lab.refused("RevokeSecurityGroup", &[], "MissingPermissions");
    lab.refused(
        "RevokeSecurityGroup",
        &[("IpProtocol", "TCP")],
        "MissingParameter.Source",
    );
}

#[test]
fn what_is_given_of_a_rule_is_changed_and_no_more() {
    let lab = Lab::new();
    let rules = [
        ("Permissions.1.IpProtocol", "TCP"),
        ("Permissions.1.PortRange", "80/80"),
        ("Permissions.1.SourceCidrIp", "10.0.0.0/8"),
        ("Permissions.1.Description", "web"),
        ("Permissions.2.IpProtocol", "TCP"),
        ("Permissions.2.PortRange", "81/81"),
        ("Permissions.2.SourceCidrIp", "10.0.0.0/8"),
        ("Permissions.2.Priority", "2"),
    ];
    lab.call("AuthorizeSecurityGroup", &rules);
    let ids = lab.ids();
    let id = ("SecurityGroupRuleId", ids[0].as_str());
    lab.call(
        "ModifySecurityGroupRule",
        &[id, ("Policy", "drop"), ("Ipv6SourceCidrIp", "::/0")],
    );
    let changed = json!({
        "Direction": "ingress", "Policy": "Drop", "Priority": "1", "IpProtocol": "TCP",
        "PortRange": "80/80", "Ipv6SourceCidrIp": "::/0", "Description": "web",
    });
    assert_eq!(lab.said()[0], changed);
    assert_eq!(lab.ids(), ids);
    lab.call("ModifySecurityGroupRule", &[id, ("Description", "no more")]);
    assert_eq!(lab.said()[0]["Description"], "no more");
    // The deprecated way: a rule that is described gets a description.
    let described = [
        ("IpProtocol", "tcp"),
        ("PortRange", "81/81"),
        ("SourceCidrIp", "10.0.0.0/8"),
        ("Priority", "2"),
        ("Description", "second"),
    ];
    lab.call("ModifySecurityGroupRule", &described);
    assert_eq!(lab.said()[1]["Description"], "second");

    let same = [
        id,
        ("Policy", "accept"),
        ("SourceCidrIp", "10.0.0.0/8"),
        ("PortRange", "81/81"),
        ("Priority", "2"),
    ];
    lab.refused(
        "ModifySecurityGroupRule",
        &same,
        "SecurityGroupRuleConflict.Duplicate",
    );
    let message = lab.refused(
        "ModifySecurityGroupRule",
        &[id, ("PortRange", "x")],
        "InvalidPortRange",
    );
    assert!(message.contains("parameter PortRange"), "{message}");
    lab.refused(
        "ModifySecurityGroupEgressRule",
        &[id],
        "InvalidSecurityGroupRuleId.NotFound",
    );
    let none = [("SecurityGroupRuleId", "sgr-none")];
    lab.refused(
        "ModifySecurityGroupRule",
        &none,
        "InvalidSecurityGroupRuleId.NotFound",
    );
    lab.refused("ModifySecurityGroupRule", &[], "MissingSecurityGroupRuleId");
    let other = [
        ("IpProtocol", "TCP"),
        ("PortRange", "9/9"),
        ("SourceCidrIp", "10.0.0.0/8"),
    ];
    lab.refused(
        "ModifySecurityGroupRule",
        &other,
        "InvalidSecurityGroupRule.NotFound",
    );

    let out = [
        ("IpProtocol", "TCP"),
        ("PortRange", "80/80"),
        ("DestCidrIp", "10.0.0.0/8"),
    ];
    lab.call("AuthorizeSecurityGroupEgress", &out);
    let ids = lab.ids();
    let id = ("SecurityGroupRuleId", ids[2].as_str());
    lab.call(
        "ModifySecurityGroupEgressRule",
        &[id, ("DestGroupId", &lab.group)],
    );
    assert_eq!(lab.said()[2]["DestGroupId"], *lab.group);
    assert_eq!(lab.said()[2].get("DestCidrIp"), None);
}
