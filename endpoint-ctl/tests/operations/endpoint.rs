//! Endpoints: their zones, groups, attributes.

use endpoint_ctl::api::Product::PrivateLink;
use serde_json::json;

use crate::rig::{CONSUMER, PROVIDER, REGION, Rig, text};

/// A rig with a service, a VPC with a vSwitch in `z-a` and one in `z-b`, and groups `sg-1` and `sg-2`: the VPC
/// and the vSwitches.
pub(crate) fn rig() -> (Rig, String, [String; 2]) {
    let rig = Rig::new();
    rig.service();
    let (vpc, first) = rig.network("z-a");
    let second = rig.vswitch(&vpc, "z-b", "10.0.2.0/24");
    rig.groups(&vpc, &["sg-1", "sg-2"]);
    rig.settle();
    (rig, vpc, [first, second])
}

pub(crate) fn create<'p>(
    vpc: &'p str,
    vswitch: &'p str,
    more: &[(&'p str, &'p str)],
) -> Vec<(&'p str, &'p str)> {
    let all = [
        ("VpcId", vpc),
        ("ServiceId", "epsrv-web"),
        ("SecurityGroupId.1", "sg-1"),
        ("Zone.1.ZoneId", "z-a"),
        ("Zone.1.VSwitchId", vswitch),
    ];
    all.into_iter().chain(more.iter().copied()).collect()
}

#[test]
fn an_endpoint_is_made_shown_and_deleted() {
    let (rig, vpc, [first, _]) = rig();
    let more = [
        ("EndpointName", "web-1"),
        ("EndpointDescription", "of tests"),
        ("Zone.1.ip", "10.0.1.10"),
        ("Tag.1.Key", "stage"),
        ("Tag.1.Value", "test"),
    ];
    let made = rig.call(
        PrivateLink,
        "CreateVpcEndpoint",
        &create(&vpc, &first, &more),
    );
    let id = text(&made, "EndpointId");
    assert_eq!(made["EndpointStatus"], "Creating");
    assert_eq!(made["ConnectionStatus"], "Connecting");
    assert_eq!(made["Bandwidth"], 3_072);
    assert_eq!(
        made["ServiceName"],
        "com.aliyuncs.privatelink.local.epsrv-web"
    );
    assert_eq!(
        made["EndpointDomain"],
        format!("{id}.epsrv-web.{REGION}.privatelink.test")
    );
    assert!(made.get("PolicyDocument").is_none(), "{made:?}");

    rig.settle();
    let of_it = [("EndpointId", id.as_str())];
    let shown = rig.call(PrivateLink, "GetVpcEndpointAttribute", &of_it);
    for (name, value) in [
        ("EndpointStatus", json!("Active")),
        ("ConnectionStatus", json!("Connected")),
        ("EndpointName", json!("web-1")),
        ("EndpointDescription", json!("of tests")),
        ("EndpointType", json!("Interface")),
        ("AddressIpVersion", json!("IPv4")),
        ("Payer", json!("Endpoint")),
        ("RegionId", json!(REGION)),
        ("VpcId", json!(vpc)),
        ("ZoneAffinityEnabled", json!(false)),
        ("ResourceOwner", json!(true)),
        ("ZonePrivateIpAddressCount", json!(1)),
        (
            "PolicyDocument",
            json!(
                r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#
            ),
        ),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    let zones = rig.call(PrivateLink, "ListVpcEndpointZones", &of_it);
    assert_eq!(
        zones["Zones"],
        json!([{
            "EniId": format!("eni-{id}-z-a"), "EniIp": "10.0.1.10", "RegionId": REGION,
            "VSwitchId": first, "ZoneDomain": format!("{id}-z-a.epsrv-web.{REGION}.privatelink.test"),
            "ZoneId": "z-a", "ZoneIpv6Address": "", "ZoneStatus": "Connected",
        }])
    );
    let all = rig.call(PrivateLink, "ListVpcEndpoints", &[("Tag.1.Key", "stage")]);
    assert_eq!(
        (&all["TotalCount"], &all["Endpoints"][0]["EndpointId"]),
        (&json!(1), &json!(id))
    );
    assert_eq!(
        all["Endpoints"][0]["Tags"],
        json!([{ "Key": "stage", "Value": "test" }])
    );

    rig.call(PrivateLink, "DeleteVpcEndpoint", &of_it);
    let shown = rig.call(PrivateLink, "GetVpcEndpointAttribute", &of_it);
    assert_eq!(shown["EndpointStatus"], "Deleting");
    rig.settle();
    rig.refused(
        PrivateLink,
        "GetVpcEndpointAttribute",
        &of_it,
        "EndpointNotFound",
    );
    let again = [("Zone.1.ip", "10.0.1.10")];
    rig.call(
        PrivateLink,
        "CreateVpcEndpoint",
        &create(&vpc, &first, &again),
    );
}

#[test]
fn what_an_endpoint_cannot_be_is_refused() {
    let (rig, vpc, [first, second]) = rig();
    let refused = |more: &[(&str, &str)], code: &str| {
        rig.refused(
            PrivateLink,
            "CreateVpcEndpoint",
            &create(&vpc, &first, more),
            code,
        )
    };
    let message = refused(&[("Zone.1.ip", "10.0.1.0")], "InvalidIp");
    assert!(message.contains("Zone.1.ip"), "{message}");
    for reserved in ["10.0.1.253", "10.0.1.254", "10.0.1.255", "10.0.2.5", "x"] {
        refused(&[("Zone.1.ip", reserved)], "InvalidIp");
    }
    refused(&[("AddressIpVersion", "IPv6")], "InvalidAddressIpVersion");
    refused(&[("EndpointType", "Gateway")], "InvalidEndpointType");
    refused(&[("EndpointName", "1x")], "InvalidEndpointName");
    refused(
        &[("EndpointDescription", "http://x")],
        "InvalidEndpointDescription",
    );
    refused(&[("PolicyDocument", "{")], "InvalidPolicyDocument");
    refused(&[("ProtectedEnabled", "true")], "InvalidProtectedEnabled");
    refused(
        &[("ZonePrivateIpAddressCount", "2")],
        "InvalidZonePrivateIpAddressCount",
    );
    refused(
        &[("SecurityGroupId.2", "sg-none")],
        "InvalidSecurityGroupId.NotFound",
    );
    refused(&[("SecurityGroupId.2", "sg-1")], "InvalidSecurityGroupId");
    refused(
        &[("Zone.2.ZoneId", "z-a"), ("Zone.2.VSwitchId", &second)],
        "InvalidZoneId",
    );
    refused(
        &[("Zone.2.ZoneId", "z-b"), ("Zone.2.VSwitchId", "vsw-none")],
        "InvalidVSwitchId.NotFound",
    );
    refused(&[("Zone.2.ZoneId", "z-b")], "MissingVSwitchId");
    let none = [("VpcId", vpc.as_str()), ("ServiceId", "epsrv-web")];
    rig.refused(
        PrivateLink,
        "CreateVpcEndpoint",
        &none,
        "MissingSecurityGroupId",
    );
    let unknown = [
        ("VpcId", vpc.as_str()),
        ("ServiceName", "none"),
        ("SecurityGroupId.1", "sg-1"),
    ];
    rig.refused(
        PrivateLink,
        "CreateVpcEndpoint",
        &unknown,
        "EndpointServiceNotFound",
    );
    assert_eq!(
        rig.call(PrivateLink, "ListVpcEndpoints", &[])["TotalCount"],
        0
    );

    let named = [("Zone.1.ip", "10.0.1.10")];
    rig.call(
        PrivateLink,
        "CreateVpcEndpoint",
        &create(&vpc, &first, &named),
    );
    refused(&named, "InvalidIp.InUse");
}

#[test]
fn zones_and_groups_come_and_go() {
    let (rig, vpc, [first, second]) = rig();
    let made = rig.call(PrivateLink, "CreateVpcEndpoint", &create(&vpc, &first, &[]));
    let id = text(&made, "EndpointId");
    rig.settle();
    let with = |more: &[(&'static str, &str)]| -> Vec<(String, String)> {
        let own = [("EndpointId", id.as_str())]
            .into_iter()
            .chain(more.iter().copied());
        own.map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    };
    let call = |action: &str, more: &[(&'static str, &str)]| {
        let all = with(more);
        let all: Vec<_> = all.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        rig.call(PrivateLink, action, &all)
    };
    let refused = |action: &str, more: &[(&'static str, &str)], code: &str| {
        let all = with(more);
        let all: Vec<_> = all.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        rig.refused(PrivateLink, action, &all, code)
    };
    let b = [("ZoneId", "z-b"), ("VSwitchId", second.as_str())];
    let message = refused(
        "AddZoneToVpcEndpoint",
        &[b[0], b[1], ("ip", "10.0.1.9")],
        "InvalidIp",
    );
    assert!(
        message.starts_with("The parameter ip is not valid"),
        "{message}"
    );
    call("AddZoneToVpcEndpoint", &b);
    refused("AddZoneToVpcEndpoint", &b, "InvalidZoneId.Duplicate");
    let shown = call("GetVpcEndpointAttribute", &[]);
    assert_eq!(shown["EndpointStatus"], "Pending");
    let zones = call("ListVpcEndpointZones", &[("MaxResults", "1")]);
    assert_eq!(
        (&zones["TotalCount"], &zones["NextToken"]),
        (&json!(2), &json!("z-a"))
    );
    let rest = call(
        "ListVpcEndpointZones",
        &[("MaxResults", "1"), ("NextToken", "z-a")],
    );
    assert_eq!(
        (&rest["Zones"][0]["ZoneId"], &rest["NextToken"]),
        (&json!("z-b"), &json!(""))
    );
    rig.settle();
    assert_eq!(
        call("ListVpcEndpointZones", &[])["Zones"][1]["ZoneStatus"],
        "Connected"
    );
    call("RemoveZoneFromVpcEndpoint", &[("ZoneId", "z-b")]);
    refused(
        "RemoveZoneFromVpcEndpoint",
        &[("ZoneId", "z-c")],
        "EndpointZoneNotFound",
    );
    assert_eq!(
        call("ListVpcEndpointZones", &[])["Zones"][1]["ZoneStatus"],
        "Deleting"
    );
    rig.settle();
    assert_eq!(call("ListVpcEndpointZones", &[])["TotalCount"], 1);

    let two = [("SecurityGroupId", "sg-2")];
    call("AttachSecurityGroupToVpcEndpoint", &two);
    refused(
        "AttachSecurityGroupToVpcEndpoint",
        &two,
        "InvalidSecurityGroupId.Duplicate",
    );
    let groups = call("ListVpcEndpointSecurityGroups", &[]);
    assert_eq!(
        groups["SecurityGroups"],
        json!([
            { "SecurityGroupId": "sg-1", "SecurityGroupStatus": "Attached" },
            { "SecurityGroupId": "sg-2", "SecurityGroupStatus": "Attaching" },
        ])
    );
    rig.settle();
    call(
        "DetachSecurityGroupFromVpcEndpoint",
        &[("SecurityGroupId", "sg-1")],
    );
    refused(
        "DetachSecurityGroupFromVpcEndpoint",
        &two,
        "OperationDenied.LastSecurityGroup",
    );
    let groups = call("ListVpcEndpointSecurityGroups", &[]);
    assert_eq!(
        groups["SecurityGroups"][0]["SecurityGroupStatus"],
        "Detaching"
    );
}

#[test]
fn attributes_change_and_the_policy_is_kept_byte_for_byte() {
    let (rig, vpc, [first, second]) = rig();
    let _ = second;
    let made = rig.call(PrivateLink, "CreateVpcEndpoint", &create(&vpc, &first, &[]));
    let id = text(&made, "EndpointId");
    let update = |more: &[(&str, &str)]| {
        let own = [("EndpointId", id.as_str())];
        let all: Vec<_> = own.into_iter().chain(more.iter().copied()).collect();
        rig.call_as(CONSUMER, PrivateLink, "UpdateVpcEndpointAttribute", &all)
    };
    let shown = || {
        rig.call(
            PrivateLink,
            "GetVpcEndpointAttribute",
            &[("EndpointId", &id)],
        )
    };
    let policy = r#"{ "Version":"1" ,"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"IpAddress":{"acs:SourceIp":["10.0.0.0/8"]}}}]}"#;
    update(&[
        ("PolicyDocument", policy),
        ("EndpointName", "other"),
        ("ZoneAffinityEnabled", "True"),
    ])
    .expect("updates");
    let now = shown();
    assert_eq!(
        (&now["PolicyDocument"], &now["EndpointName"]),
        (&json!(policy), &json!("other"))
    );
    assert_eq!(now["ZoneAffinityEnabled"], true);
    update(&[("ResetPolicy", "true")]).expect("resets");
    assert!(
        shown()["PolicyDocument"]
            .as_str()
            .expect("text")
            .starts_with(r#"{"Statement""#)
    );
    let both = update(&[("ResetPolicy", "true"), ("PolicyDocument", policy)]);
    assert_eq!(both.expect_err("refused").code, "InvalidResetPolicy");

    // The vSwitch has no IPv6 network.
    let refused = update(&[("AddressIpVersion", "DualStack")]).expect_err("refused");
    assert_eq!(refused.code, "InvalidVSwitchId", "{}", refused.message);
    let six = [("VSwitchId", first.as_str()), ("Ipv6CidrBlock", "7")];
    rig.call(
        endpoint_ctl::api::Product::Vpc,
        "ModifyVSwitchAttribute",
        &six,
    );
    update(&[("AddressIpVersion", "DualStack")]).expect("has both");
    let zones = rig.call(PrivateLink, "ListVpcEndpointZones", &[("EndpointId", &id)]);
    let ipv6 = zones["Zones"][0]["ZoneIpv6Address"].as_str().expect("text");
    assert!(ipv6.contains("07::1") || ipv6.contains(":7::1"), "{ipv6}");
    update(&[("AddressIpVersion", "IPv4")]).expect("has one");
    let zones = rig.call(PrivateLink, "ListVpcEndpointZones", &[("EndpointId", &id)]);
    assert_eq!(zones["Zones"][0]["ZoneIpv6Address"], "");
}

#[test]
fn whom_a_service_does_not_list_it_does_not_know() {
    let (rig, _, _) = rig();
    let cidr = [("CidrBlock", "10.0.0.0/16")];
    let vpc = rig.call_as("1003", endpoint_ctl::api::Product::Vpc, "CreateVpc", &cidr);
    let vpc = text(&vpc.expect("makes"), "VpcId");
    let group =
        format!("kind: SecurityGroup\nSecurityGroupId: sg-3\nVpcId: {vpc}\nPermissions: []\n");
    rig.apply("1003", &group);
    let parameters = [
        ("VpcId", vpc.as_str()),
        ("ServiceId", "epsrv-web"),
        ("SecurityGroupId.1", "sg-3"),
    ];
    let refused = rig.call_as("1003", PrivateLink, "CreateVpcEndpoint", &parameters);
    assert_eq!(
        refused.expect_err("refused").code,
        "EndpointServiceNotFound"
    );
    let _ = PROVIDER;
}
