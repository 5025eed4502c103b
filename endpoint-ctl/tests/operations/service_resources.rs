//! What services consist of: their load balancers, and the group of resources they are in.

use endpoint_ctl::api::Product::PrivateLink;
use serde_json::{Value, json};

use crate::provider::Provider;
use crate::rig::REGION;

#[test]
fn resources_come_and_go_and_move_nobody() {
    let provider = Provider::new();
    let id = provider.service(&[("AutoAcceptEnabled", "true")]);
    let endpoint = provider.endpoint(&id, &[]);
    let of = |more: &[(&'static str, &'static str)]| {
        let mut all = vec![("ServiceId", id.as_str()), ("ResourceId", "nlb-b")];
        all.extend(more);
        all
    };
    let attach = "AttachResourceToVpcEndpointService";
    provider.refused(attach, &of(&[]), "MissingResourceType");
    let message = provider.refused(
        attach,
        &of(&[("ResourceType", "slb")]),
        "InvalidResourceType",
    );
    assert!(message.contains("parameter ResourceType"), "{message}");
    let far = [
        ("ServiceId", id.as_str()),
        ("ResourceId", "nlb-far"),
        ("ResourceType", "nlb"),
    ];
    let message = provider.refused(attach, &far, "InvalidResourceId");
    assert!(message.contains("parameter ResourceId"), "{message}");
    let missing = [
        ("ServiceId", id.as_str()),
        ("ResourceId", "nlb-x"),
        ("ResourceType", "nlb"),
    ];
    provider.refused(attach, &missing, "ResourceNotFound.loadBalancer");
    let of_zone = of(&[("ResourceType", "nlb"), ("ZoneId", "z-a")]);
    provider.call(attach, &of_zone);
    provider.refused(attach, &of_zone, "InvalidResourceId");
    let one = |id: &str, zone: &str, users: u8, is_ipv6: bool, is_auto: bool| {
        json!({
            "AutoAllocatedEnabled": is_auto, "RegionId": REGION,
            "RelatedDeprecatedEndpointCount": 0, "RelatedEndpointCount": users,
            "ResourceId": id, "ResourceSupportIPv6": is_ipv6, "ResourceType": "nlb",
            "VpcId": "pnet", "ZoneId": zone,
        })
    };
    // The resource of the zone would have taken the endpoint over.
    let resources = [
        one("nlb-a", "", 1, false, true),
        one("nlb-b", "z-a", 0, true, true),
    ];
    assert_eq!(provider.resources(&id), json!(resources));
    assert_eq!(provider.attribute(&id, "Zones"), json!(["z-a"]));

    let update = "UpdateVpcEndpointServiceResourceAttribute";
    provider.refused(update, &of(&[]), "MissingAutoAllocatedEnabled");
    provider.call(update, &of(&[("AutoAllocatedEnabled", "False")]));
    let elsewhere = of(&[("AutoAllocatedEnabled", "true"), ("ZoneId", "z-x")]);
    provider.refused(update, &elsewhere, "ResourceNotFound.loadBalancer");
    let resources = [
        one("nlb-a", "", 1, false, true),
        one("nlb-b", "z-a", 0, true, false),
    ];
    assert_eq!(provider.resources(&id), json!(resources));

    let detach = "DetachResourceFromVpcEndpointService";
    let first = [("ServiceId", id.as_str()), ("ResourceId", "nlb-a")];
    let message = provider.refused(detach, &first, "EndpointServiceOperationDenied");
    assert!(message.contains(&endpoint), "{message}");
    let elsewhere = of(&[("ZoneId", "z-x")]);
    provider.refused(detach, &elsewhere, "ResourceNotFound.loadBalancer");
    provider.call(detach, &of(&[("ZoneId", "z-a")]));
    let paged = [("ServiceId", id.as_str()), ("MaxResults", "1")];
    let page = provider.call("ListVpcEndpointServiceResources", &paged);
    assert_eq!(
        Value::Object(page),
        json!({ "Resources": [one("nlb-a", "", 1, false, true)], "MaxResults": 1, "NextToken": "" })
    );
}

#[test]
fn resource_groups_are_changed() {
    let provider = Provider::new();
    let id = provider.service(&[]);
    let change = "ChangeResourceGroup";
    let of = [("ResourceGroupId", "rg-2"), ("ResourceId", id.as_str())];
    provider.call(change, &of);
    assert_eq!(provider.attribute(&id, "ResourceGroupId"), "rg-2");
    let endpoint = provider.endpoint(&id, &[]);
    let of = [
        ("ResourceGroupId", "rg-3"),
        ("ResourceId", endpoint.as_str()),
        ("ResourceType", "VpcEndpoint"),
    ];
    provider.refused(change, &of, "EndpointNotFound");
    provider.rig.call(PrivateLink, change, &of);
    let of_it = [("EndpointId", endpoint.as_str())];
    let shown = provider
        .rig
        .call(PrivateLink, "GetVpcEndpointAttribute", &of_it);
    assert_eq!(shown["ResourceGroupId"], "rg-3");
    let of = [
        ("ResourceGroupId", "rg-3"),
        ("ResourceId", id.as_str()),
        ("ResourceType", "Vpc"),
    ];
    provider.refused(change, &of, "InvalidResourceType");
    provider.refused(change, &[("ResourceId", &id)], "MissingResourceGroupId");
    let of = [("ResourceGroupId", "rg 3"), ("ResourceId", id.as_str())];
    provider.refused(change, &of, "InvalidResourceGroupId");
    provider
        .rig
        .refused(PrivateLink, change, &of, "EndpointServiceNotFound");
}
