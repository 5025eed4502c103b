//! Calls by chance: whatever parameters an operation gets, it answers or says what is wrong with them, and
//! what is declared stays consistent.

use endpoint_ctl::api::Product;
use endpoint_ctl::document::documents;
use endpoint_ctl::manifest;
use endpoint_ctl::model::Model;
use fastrand::Rng;
use serde_json::Value;

use crate::rig::{CONSUMER, PROVIDER, Rig};

/// Calls, unless `RANDOM_CALLS` says otherwise.
const CALLS: usize = 50_000;

/// Operations, by product.
const OPERATIONS: [(Product, &[&str]); 4] = [
    (
        Product::PrivateLink,
        &[
            "AddUserToVpcEndpointService",
            "AddZoneToVpcEndpoint",
            "AttachResourceToVpcEndpointService",
            "AttachSecurityGroupToVpcEndpoint",
            "ChangeResourceGroup",
            "CheckProductOpen",
            "CreateVpcEndpoint",
            "CreateVpcEndpointService",
            "DeleteVpcEndpoint",
            "DeleteVpcEndpointService",
            "DescribeRegions",
            "DescribeZones",
            "DetachResourceFromVpcEndpointService",
            "DetachSecurityGroupFromVpcEndpoint",
            "DisableVpcEndpointConnection",
            "DisableVpcEndpointZoneConnection",
            "EnableVpcEndpointConnection",
            "EnableVpcEndpointZoneConnection",
            "GetVpcEndpointAttribute",
            "GetVpcEndpointServiceAttribute",
            "ListTagResources",
            "ListVpcEndpointConnections",
            "ListVpcEndpointSecurityGroups",
            "ListVpcEndpointServiceResources",
            "ListVpcEndpointServiceUsers",
            "ListVpcEndpointServices",
            "ListVpcEndpointServicesByEndUser",
            "ListVpcEndpointZones",
            "ListVpcEndpoints",
            "OpenPrivateLinkService",
            "RemoveUserFromVpcEndpointService",
            "RemoveZoneFromVpcEndpoint",
            "TagResources",
            "UntagResources",
            "UpdateVpcEndpointAttribute",
            "UpdateVpcEndpointConnectionAttribute",
            "UpdateVpcEndpointServiceAttribute",
            "UpdateVpcEndpointServiceResourceAttribute",
            "UpdateVpcEndpointZoneConnectionResourceAttribute",
        ],
    ),
    (
        Product::Ecs,
        &[
            "AuthorizeSecurityGroup",
            "AuthorizeSecurityGroupEgress",
            "CreateSecurityGroup",
            "DeleteSecurityGroup",
            "DescribeSecurityGroupAttribute",
            "DescribeSecurityGroupReferences",
            "DescribeSecurityGroups",
            "JoinSecurityGroup",
            "LeaveSecurityGroup",
            "ModifySecurityGroupAttribute",
            "ModifySecurityGroupEgressRule",
            "ModifySecurityGroupPolicy",
            "ModifySecurityGroupRule",
            "RevokeSecurityGroup",
            "RevokeSecurityGroupEgress",
            "TagResources",
        ],
    ),
    (
        Product::Vpc,
        &[
            "AssociateNetworkAcl",
            "CopyNetworkAclEntries",
            "CreateNetworkAcl",
            "CreateVSwitch",
            "CreateVpc",
            "DeleteNetworkAcl",
            "DeleteVSwitch",
            "DeleteVpc",
            "DescribeNetworkAclAttributes",
            "DescribeNetworkAcls",
            "DescribeVSwitchAttributes",
            "DescribeVSwitches",
            "DescribeVpcAttribute",
            "DescribeVpcs",
            "ModifyNetworkAclAttributes",
            "ModifyVSwitchAttribute",
            "ModifyVpcAttribute",
            "UnassociateNetworkAcl",
            "UpdateNetworkAclEntries",
        ],
    ),
    (Product::Nlb, &["CreateLoadBalancer", "ListLoadBalancers"]),
];

/// Parameters that some operation has.
const NAMES: &[&str] = &[
    "AddressIpVersion",
    "AggregationInterval",
    "AutoAcceptEnabled",
    "AutoAllocatedEnabled",
    "Bandwidth",
    "CidrBlock",
    "ClientToken",
    "ConnectBandwidth",
    "ConnectionStatus",
    "CrossRegionBandwidth",
    "Description",
    "DestCidrIp",
    "Direction",
    "DryRun",
    "EgressAclEntries.1.DestinationCidrIp",
    "EgressAclEntries.1.Policy",
    "EgressAclEntries.1.Port",
    "EgressAclEntries.1.Protocol",
    "EnableIpv6",
    "EndpointDescription",
    "EndpointId",
    "EndpointName",
    "EndpointType",
    "EniId",
    "Hook",
    "IngressAclEntries.1.Policy",
    "IngressAclEntries.1.Port",
    "IngressAclEntries.1.Protocol",
    "IngressAclEntries.1.SourceCidrIp",
    "IngressAclEntries.2.Policy",
    "InnerAccessPolicy",
    "Interface",
    "IpProtocol",
    "Ipv6CidrBlock",
    "Ipv6SourceCidrIp",
    "MaxResults",
    "NetworkAclId",
    "NetworkInterfaceId",
    "NextToken",
    "PageNumber",
    "PageSize",
    "Payer",
    "Permissions.1.DestGroupId",
    "Permissions.1.IpProtocol",
    "Permissions.1.Policy",
    "Permissions.1.PortRange",
    "Permissions.1.Priority",
    "Permissions.1.SourceCidrIp",
    "Permissions.1.SourceGroupId",
    "Permissions.2.Ipv6SourceCidrIp",
    "Policy",
    "PolicyDocument",
    "PortRange",
    "Priority",
    "PrivateDnsEnabled",
    "ProtectedEnabled",
    "RegionId",
    "ResetPolicy",
    "Resource.1.ResourceId",
    "Resource.1.ResourceType",
    "Resource.1.ZoneId",
    "ResourceAllocateMode",
    "ResourceGroupId",
    "ResourceId",
    "ResourceId.1",
    "ResourceReplaceMode",
    "ResourceType",
    "ReverseResource.1.ResourceIp",
    "SecurityGroupId",
    "SecurityGroupId.1",
    "SecurityGroupId.2",
    "SecurityGroupName",
    "SecurityGroupRuleId",
    "SecurityGroupRuleId.1",
    "SecurityGroupType",
    "ServiceDescription",
    "ServiceId",
    "ServiceManaged",
    "ServiceName",
    "ServiceRegionId",
    "ServiceResourceType",
    "ServiceSupportIPv6",
    "SourceCidrIp",
    "SourceGroupId",
    "SourceNetworkAclId",
    "SupportedRegionList.1",
    "Tag.1.Key",
    "Tag.1.Value",
    "Tag.2.Key",
    "TagKey.1",
    "TrafficControlMode",
    "UpdateEgressAclEntries",
    "UpdateIngressAclEntries",
    "UserARN",
    "UserId",
    "VSwitchId",
    "VSwitchName",
    "VpcId",
    "VpcName",
    "Zone.1.Ipv6Address",
    "Zone.1.VSwitchId",
    "Zone.1.ZoneId",
    "Zone.1.ip",
    "Zone.2.VSwitchId",
    "Zone.2.ZoneId",
    "ZoneAffinityEnabled",
    "ZoneId",
    "ZonePrivateIpAddressCount",
    "ip",
];

/// Values that mean something to some parameter, and some that mean nothing to any.
const VALUES: &[&str] = &[
    "",
    " ",
    "-1",
    "-1/-1",
    "0",
    "0.0.0.0/0",
    "1",
    "1/65535",
    "10.0.0.0/16",
    "10.0.1.0/24",
    "10.0.1.7",
    "100",
    "1001",
    "2",
    "50",
    "65536",
    "80/80",
    "99999999999999999999",
    "::/0",
    "ALL",
    "Accept",
    "Auto",
    "DualStack",
    "Endpoint",
    "EndpointService",
    "False",
    "Force",
    "Graceful",
    "ICMP",
    "IPv4",
    "Interface",
    "Manual",
    "Reverse",
    "TCP",
    "True",
    "UDP",
    "VSwitch",
    "VpcEndpoint",
    "accept",
    "all",
    "auto",
    "drop",
    "enterprise",
    "fd00::1",
    "ingress",
    "nlb",
    "normal",
    "null",
    "tcp",
    "true",
    "vsw0",
    "z-a",
    "z-b",
    "{}",
    "\u{0}",
    "\u{e9}\u{4e2d}",
    "'; DROP TABLE",
    "../../etc/passwd",
    "*",
    "aliyun-x",
    "http://x",
    "epsrv-web",
    "nlb-web",
];

#[test]
fn whatever_is_asked_is_answered_or_refused() {
    let calls = std::env::var("RANDOM_CALLS").ok();
    let calls = calls.map_or(CALLS, |calls| calls.parse().expect("a number"));
    let seed = 20_261_130;
    let mut rng = Rng::with_seed(seed);
    let rig = Rig::new();
    rig.service();
    let (vpc, vswitch) = rig.network("z-a");
    let mut ids = vec![vpc.clone(), vswitch];
    rig.groups(&vpc, &["sg-1"]);
    ids.push("sg-1".to_owned());
    let (mut well, mut refused) = (0, 0);
    for number in 0..calls {
        if number % 50 == 0 {
            rig.settle();
        }
        let (product, operations) = OPERATIONS[rng.usize(..OPERATIONS.len())];
        let action = operations[rng.usize(..operations.len())];
        let parameters = parameters(&ids, &mut rng);
        let shown: Vec<_> = parameters.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let account = if rng.u8(..4) == 0 { PROVIDER } else { CONSUMER };
        match rig.call_as(account, product, action, &shown) {
            Ok(answer) => {
                well += 1;
                keep_ids(&answer, &mut ids, &mut rng);
            }
            Err(error) => {
                refused += 1;
                let is_clear =
                    error.status < 500 && !error.message.is_empty() && !error.code.is_empty();
                assert!(
                    is_clear,
                    "seed {seed}, call {number}: {action} {shown:?}: {error:?}"
                );
            }
        }
        if number % 5_000 == 0 {
            assert_consistent(rig.desk.view().model(), number);
        }
    }
    assert_consistent(rig.desk.view().model(), calls);
    println!("seed {seed}: {calls} calls, {well} did well, {refused} were refused");
    assert!(
        well > calls / 50 && refused > calls / 10,
        "too much of one kind"
    );
}

fn parameters(ids: &[String], rng: &mut Rng) -> Vec<(&'static str, String)> {
    let count = rng.usize(..12);
    let mut all: Vec<(&'static str, String)> = Vec::new();
    for _ in 0..count {
        let name = NAMES[rng.usize(..NAMES.len())];
        let is_id = name.ends_with("Id") || name.contains("Id.");
        let value = if is_id && rng.u8(..5) > 0 {
            ids[rng.usize(..ids.len())].clone()
        } else if rng.u8(..40) == 0 {
            "x".repeat(rng.usize(..2_000))
        } else {
            VALUES[rng.usize(..VALUES.len())].to_owned()
        };
        if all.iter().all(|(other, _)| *other != name) {
            all.push((name, value));
        }
    }
    all
}

/// Ids of what was made, for later calls; some are forgotten again.
fn keep_ids(answer: &serde_json::Map<String, Value>, ids: &mut Vec<String>, rng: &mut Rng) {
    for (name, value) in answer {
        if name.ends_with("Id")
            && let Some(id) = value.as_str()
            && !id.is_empty()
            && ids.len() < 200
        {
            ids.push(id.to_owned());
        }
    }
    if ids.len() > 150 {
        ids.swap_remove(rng.usize(..ids.len()));
    }
}

/// All that is declared is read again as the same.
fn assert_consistent(model: &Model, number: usize) {
    let written = documents(model);
    let fields = written.iter().map(|one| (one.kind, &one.fields));
    let again = manifest::declare(fields, Model::default(), model);
    match again {
        Ok(again) => assert_eq!(&again, model, "after {number} calls"),
        Err(faults) => panic!("after {number} calls: {faults:?}"),
    }
}
