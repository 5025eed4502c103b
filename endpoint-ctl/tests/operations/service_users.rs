//! Who finds services: their users, their providers; and the region they are in.

use endpoint_ctl::api::Product::PrivateLink;
use serde_json::{Value, json};

use crate::provider::Provider;
use crate::rig::{CONSUMER, PROVIDER, REGION, text};

#[test]
fn users_come_and_go_and_see_what_they_may_connect_to() {
    let provider = Provider::new();
    let id = provider.service(&[("Tag.1.Key", "stage"), ("Tag.1.Value", "test")]);
    let seen = |account: &str, of: &[(&str, &str)]| {
        let action = "ListVpcEndpointServicesByEndUser";
        let answer = provider.rig.call_as(account, PrivateLink, action, of);
        Value::Object(answer.expect("answers"))
    };
    let offered = json!({
        "AddressIpVersion": "IPv4", "AutoAcceptEnabled": false, "Payer": "Endpoint",
        "ResourceGroupId": "", "ServiceDomain": format!("{id}.{REGION}.privatelink.test"),
        "ServiceId": id, "ServiceName": format!("com.aliyuncs.privatelink.{REGION}.{id}"),
        "ServiceResourceType": "nlb", "ServiceSupportIPv6": false, "ServiceType": "Interface",
        "Tags": [], "VpcEndpointPolicySupported": true, "ZoneAffinityEnabled": false, "Zones": [],
    });
    assert_eq!(
        seen(CONSUMER, &[]),
        json!({ "Services": [offered], "MaxResults": 50, "NextToken": "", "TotalCount": "1" })
    );
    let count = |account: &str, of: &[(&str, &str)]| seen(account, of)["TotalCount"].clone();
    assert_eq!(count(PROVIDER, &[]), "1");
    assert_eq!(count("1003", &[]), "0");
    assert_eq!(
        count(CONSUMER, &[("ServiceType", "GatewayLoadBalancer")]),
        "0"
    );
    assert_eq!(count(CONSUMER, &[("ServiceRegionId", "mars")]), "0");
    assert_eq!(count(CONSUMER, &[("ServiceId", "epsrv-x")]), "0");
    assert_eq!(count(CONSUMER, &[("ServiceName", "x")]), "0");
    assert_eq!(count(CONSUMER, &[("Tag.1.Key", "stage")]), "1");
    assert_eq!(count(CONSUMER, &[("Tag.1.Key", "other")]), "0");

    let add = "AddUserToVpcEndpointService";
    let remove = "RemoveUserFromVpcEndpointService";
    let of = |name: &'static str, user: &'static str| [("ServiceId", id.as_str()), (name, user)];
    provider.call(add, &of("UserARN", "acs:ram:*:1003:*"));
    provider.call(add, &of("UserId", "1003"));
    assert_eq!(count("1003", &[]), "1");
    let listed = |more: &[(&str, &str)]| {
        let mut all = vec![("ServiceId", id.as_str())];
        all.extend(more);
        Value::Object(provider.call("ListVpcEndpointServiceUsers", &all))
    };
    let arns = json!([{ "UserARN": "acs:ram:*:1001:*" }, { "UserARN": "acs:ram:*:1003:*" }]);
    assert_eq!(
        listed(&[]),
        json!({
            "Users": [{ "UserId": 1001 }, { "UserId": 1003 }], "UserARNs": arns,
            "MaxResults": 50, "NextToken": "", "TotalCount": "2",
        })
    );
    assert_eq!(listed(&[("UserListType", "UserId")])["UserARNs"], json!([]));
    assert_eq!(listed(&[("UserListType", "UserARN")])["Users"], json!([]));
    assert_eq!(listed(&[("UserId", "1003")])["TotalCount"], "1");
    provider.call(remove, &of("UserId", "1003"));
    provider.refused(remove, &of("UserId", "1003"), "EndpointServiceUserNotFound");
    assert_eq!(count("1003", &[]), "0");
    provider.call(add, &of("UserId", "*"));
    assert_eq!(count("1003", &[]), "1");
    provider.call(remove, &of("UserARN", "acs:ram:*:*"));
    assert_eq!(count("1003", &[]), "0");
    for (name, user, code) in [
        ("UserId", "", "MissingUserId"),
        ("UserId", "a b", "InvalidUserId"),
        ("UserARN", "acs:ram::1003:root", "InvalidUserARN"),
        ("UserARN", "acs:ram:*::*", "InvalidUserARN"),
    ] {
        let message = provider.refused(add, &of(name, user), code);
        assert!(message.contains(&format!("parameter {name}")), "{message}");
    }
    let mut both = of("UserId", "1003").to_vec();
    both.push(("UserARN", "acs:ram:*:1004:*"));
    provider.refused(add, &both, "InvalidUserARN");
}

#[test]
fn services_are_found_by_what_they_are() {
    let provider = Provider::new();
    let id = provider.service(&[("AutoAcceptEnabled", "true"), ("ResourceGroupId", "rg-1")]);
    provider.call("CreateVpcEndpointService", &[]);
    let name = format!("com.aliyuncs.privatelink.{REGION}.{id}");
    let found = |name: &str, value: &str| {
        provider.call("ListVpcEndpointServices", &[(name, value)])["TotalCount"].clone()
    };
    for (filter, value, count) in [
        ("AddressIpVersion", "IPv4", 2),
        ("AddressIpVersion", "DualStack", 0),
        ("AutoAcceptEnabled", "true", 1),
        ("ZoneAffinityEnabled", "true", 0),
        ("ResourceGroupId", "rg-1", 1),
        ("ResourceId", "nlb-a", 1),
        ("ServiceBusinessStatus", "FinancialLocked", 0),
        ("ServiceId", &id, 1),
        ("ServiceName", &name, 1),
        ("ServiceResourceType", "alb", 0),
        ("ServiceStatus", "Active", 1),
        ("ServiceStatus", "Creating", 1),
        ("MaxResults", "1", 2),
    ] {
        assert_eq!(found(filter, value), count, "{filter} {value}");
    }
    let page = provider.call("ListVpcEndpointServices", &[("MaxResults", "1")]);
    let next = text(&page, "NextToken");
    let page = provider.call("ListVpcEndpointServices", &[("NextToken", &next)]);
    assert_eq!(
        (
            &page["NextToken"],
            page["Services"].as_array().map(Vec::len)
        ),
        (&json!(""), Some(1))
    );
}

#[test]
fn the_region_answers_before_there_is_anything() {
    let provider = Provider::new();
    assert_eq!(
        Value::Object(provider.call("OpenPrivateLinkService", &[])),
        json!({ "OrderId": "0" })
    );
    assert_eq!(
        Value::Object(provider.call("CheckProductOpen", &[])),
        json!({ "Success": true })
    );
    let region = json!({
        "RegionId": REGION, "LocalName": REGION,
        "ServiceResourceTypes": { "ServiceResourceType": ["nlb"] },
    });
    assert_eq!(
        Value::Object(provider.call("DescribeRegions", &[])),
        json!({ "Regions": { "Region": [region] } })
    );
    let none = provider.call("DescribeRegions", &[("ServiceResourceType", "slb")]);
    assert_eq!(Value::Object(none), json!({ "Regions": { "Region": [] } }));
    let zones = |zones: &[&str]| {
        let zones = zones.iter();
        let zones = zones.map(|zone| json!({ "ZoneId": zone, "LocalName": zone }));
        json!({ "Zones": { "Zone": zones.collect::<Vec<_>>() } })
    };
    let shown = |of: &[(&str, &str)]| Value::Object(provider.call("DescribeZones", of));
    assert_eq!(shown(&[]), zones(&[&format!("{REGION}-a")]));
    provider.rig.network("z-b");
    provider.service(&[("Resource.1.ZoneId", "z-a")]);
    assert_eq!(shown(&[]), zones(&["z-a", "z-b"]));
    assert_eq!(shown(&[("ServiceResourceType", "gwlb")]), zones(&[]));
    provider.refused(
        "DescribeZones",
        &[("CrossRegion", "true")],
        "InvalidCrossRegion",
    );
}
