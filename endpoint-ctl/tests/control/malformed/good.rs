//! Calls that do well, or that would if there were less: what odd requests begin with.

use super::stage::Stage;
use crate::calls::Product;

/// Names and values.
pub(super) type Pairs = Vec<(String, String)>;

/// Calls: product, operation, parameters. What stands between `<` and `>` is an id of the stage's.
const CALLS: &[(Product, &str, &str)] = &[
    (
        Product::Vpc,
        "CreateVpc",
        "CidrBlock=10.3.0.0/16 VpcName=x Description=x EnableIpv6=True",
    ),
    (
        Product::Vpc,
        "ModifyVpcAttribute",
        "VpcId=<vpc> VpcName=y Description=z",
    ),
    (Product::Vpc, "DescribeVpcs", "PageNumber=1 PageSize=10"),
    (
        Product::Vpc,
        "CreateVSwitch",
        "VpcId=<vpc> ZoneId=cn-test-c CidrBlock=10.0.77.0/24 VSwitchName=x",
    ),
    (
        Product::Vpc,
        "ModifyVSwitchAttribute",
        "VSwitchId=<vswitch> VSwitchName=x Hook=auto",
    ),
    (Product::Vpc, "DescribeVSwitches", "VpcId=<vpc> PageSize=50"),
    (
        Product::Vpc,
        "CreateNetworkAcl",
        "VpcId=<vpc> NetworkAclName=x",
    ),
    (
        Product::Vpc,
        "UpdateNetworkAclEntries",
        "NetworkAclId=<acl> UpdateIngressAclEntries=True IngressAclEntries.1.Policy=accept \
         IngressAclEntries.1.Protocol=tcp IngressAclEntries.1.Port=80/80 \
         IngressAclEntries.1.SourceCidrIp=10.0.0.0/16",
    ),
    (
        Product::Vpc,
        "AssociateNetworkAcl",
        "NetworkAclId=<acl> Resource.1.ResourceId=<other> Resource.1.ResourceType=VSwitch",
    ),
    (
        Product::Vpc,
        "CreateFlowLog",
        "ResourceType=VSwitch ResourceId=<vswitch> TrafficType=All ProjectName=x LogStoreName=y",
    ),
    (
        Product::Vpc,
        "ModifyFlowLogAttribute",
        "FlowLogId=<flow_log> FlowLogName=x",
    ),
    (
        Product::Ecs,
        "CreateSecurityGroup",
        "VpcId=<vpc> SecurityGroupName=x SecurityGroupType=normal",
    ),
    (
        Product::Ecs,
        "AuthorizeSecurityGroup",
        "SecurityGroupId=<group> Permissions.1.IpProtocol=TCP Permissions.1.PortRange=443/443 \
         Permissions.1.SourceCidrIp=10.0.0.0/16 Permissions.1.Priority=5 Permissions.1.Policy=accept",
    ),
    (
        Product::Ecs,
        "RevokeSecurityGroup",
        "SecurityGroupId=<group> Permissions.1.IpProtocol=TCP Permissions.1.PortRange=443/443 \
         Permissions.1.SourceCidrIp=10.0.0.0/16",
    ),
    (
        Product::Ecs,
        "AuthorizeSecurityGroupEgress",
        "SecurityGroupId=<group> IpProtocol=UDP PortRange=53/53 DestCidrIp=10.0.0.0/8 Policy=drop",
    ),
    (
        Product::Ecs,
        "DescribeSecurityGroups",
        "VpcId=<vpc> MaxResults=20",
    ),
    (
        Product::Ecs,
        "DescribeSecurityGroupAttribute",
        "SecurityGroupId=<group> Direction=all",
    ),
    (
        Product::Ecs,
        "JoinSecurityGroup",
        "SecurityGroupId=<group> NetworkInterfaceId=eni-1",
    ),
    (
        Product::Ecs,
        "CreatePrefixList",
        "PrefixListName=x AddressFamily=IPv4 MaxEntries=5 Entry.1.Cidr=192.0.2.0/24",
    ),
    (
        Product::Ecs,
        "ModifyPrefixList",
        "PrefixListId=<prefix_list> AddEntry.1.Cidr=198.51.100.0/24",
    ),
    (
        Product::Ecs,
        "TagResources",
        "ResourceType=securitygroup ResourceId.1=<group> Tag.1.Key=k Tag.1.Value=v",
    ),
    (
        Product::PrivateLink,
        "CreateVpcEndpoint",
        "VpcId=<vpc> ServiceId=epsrv-web SecurityGroupId.1=<group> Zone.1.ZoneId=cn-test-a \
         Zone.1.VSwitchId=<vswitch> EndpointName=x ClientToken=t DryRun=False",
    ),
    (
        Product::PrivateLink,
        "CreateVpcEndpoint",
        "VpcId=<vpc> ServiceId=epsrv-web EndpointType=Reverse SecurityGroupId.1=<group> \
         Zone.1.ZoneId=cn-test-a Zone.1.VSwitchId=<vswitch> ReverseResource.1.Protocol=TCP \
         ReverseResource.1.ResourceIp=10.0.1.10 ReverseResource.1.ResourcePort=80 \
         ReverseResource.1.ServiceIp=10.0.50.210 ReverseResource.1.ServicePort=80",
    ),
    (
        Product::PrivateLink,
        "UpdateVpcEndpointAttribute",
        r#"EndpointId=<endpoint> EndpointName=x PolicyDocument={"Version":"1","Statement":[]}"#,
    ),
    (
        Product::PrivateLink,
        "ListVpcEndpoints",
        "MaxResults=5 EndpointType=Interface",
    ),
    (
        Product::PrivateLink,
        "AddZoneToVpcEndpoint",
        "EndpointId=<endpoint> ZoneId=cn-test-b VSwitchId=<other>",
    ),
    (
        Product::PrivateLink,
        "RemoveZoneFromVpcEndpoint",
        "EndpointId=<endpoint> ZoneId=cn-test-b",
    ),
    (
        Product::PrivateLink,
        "CreateVpcEndpointService",
        "Resource.1.ResourceId=<balancer> Resource.1.ResourceType=nlb Resource.1.ZoneId=cn-test-a Payer=Endpoint",
    ),
    (
        Product::PrivateLink,
        "UpdateVpcEndpointServiceAttribute",
        "ServiceId=<service> ServiceDescription=x ConnectBandwidth=500 AutoAcceptEnabled=True",
    ),
    (
        Product::PrivateLink,
        "AddUserToVpcEndpointService",
        "ServiceId=<service> UserId=1002",
    ),
    (
        Product::PrivateLink,
        "TagResources",
        "ResourceType=VpcEndpoint ResourceId.1=<endpoint> Tag.1.Key=k Tag.1.Value=v",
    ),
    (
        Product::Nlb,
        "CreateLoadBalancer",
        "VpcId=pnet AddressType=Intranet LoadBalancerName=xy",
    ),
    (
        Product::Nlb,
        "CreateListener",
        "LoadBalancerId=<balancer> ListenerProtocol=TCP ListenerPort=81 ServerGroupId=<server_group>",
    ),
    (
        Product::Nlb,
        "AddServersToServerGroup",
        "ServerGroupId=<server_group> Servers.1.ServerId=10.0.50.11 Servers.1.ServerIp=10.0.50.11 \
         Servers.1.ServerType=Ip Servers.1.Port=8080 Servers.1.Weight=100",
    ),
];

/// See the module.
pub(super) fn good(stage: &Stage) -> Vec<(Product, &'static str, Pairs)> {
    let ids = [
        ("<acl>", &stage.acl),
        ("<balancer>", &stage.balancer),
        ("<endpoint>", &stage.endpoint),
        ("<flow_log>", &stage.flow_log),
        ("<group>", &stage.network.group),
        ("<other>", &stage.network.vswitches[1]),
        ("<prefix_list>", &stage.prefix_list),
        ("<server_group>", &stage.server_group),
        ("<service>", &stage.service),
        ("<vpc>", &stage.network.vpc),
        ("<vswitch>", &stage.network.vswitches[0]),
    ];
    let calls = CALLS.iter().map(|(product, action, text)| {
        let mut text = (*text).to_owned();
        for (name, id) in ids {
            text = text.replace(name, id);
        }
        (*product, *action, pairs(&text))
    });
    calls.collect()
}

/// Of `name=value name=value`.
fn pairs(text: &str) -> Pairs {
    let pairs = text.split(' ').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
