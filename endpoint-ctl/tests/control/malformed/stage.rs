//! What there is when requests come: resources of both accounts, made by the API, and an endpoint that serves.

use serde_json::Value;

use crate::calls::Product;
use crate::keyed::{Keyed, of_region};
use crate::network::{Network, SERVICE, apply, service};
use crate::node::Node;
use crate::signer::Request;

/// A call: product, operation and parameters.
type Named<'s> = (Product, &'s str, &'s [(&'s str, &'s str)]);

/// See the module.
pub(super) struct Stage {
    pub(super) network: Network,
    pub(super) endpoint: String,
    /// What may be deleted without anything else.
    pub(super) spare_vpc: String,
    spare_group: String,
    pub(super) acl: String,
    pub(super) prefix_list: String,
    pub(super) balancer: String,
    pub(super) server_group: String,
    pub(super) listener: String,
    pub(super) service: String,
    pub(super) flow_log: String,
    /// What belongs to the provider.
    theirs: Vec<String>,
}

impl Stage {
    #[track_caller]
    pub(super) fn new(node: &Node) -> Self {
        apply(node, "service", &service("Endpoint"));
        let calls = node.calls();
        let network = Network::new(&calls);
        let endpoint = network.endpoint(node);
        let make = |product, action: &str, id: &str, fields: &[(&str, &str)]| {
            calls.call(product, action, fields).text(id)
        };
        let vpc = network.vpc.as_str();
        let cidr = [("CidrBlock", "172.16.0.0/16")];
        let spare_vpc = make(Product::Vpc, "CreateVpc", "VpcId", &cidr);
        let in_vpc = [("VpcId", vpc)];
        let spare_group = make(
            Product::Ecs,
            "CreateSecurityGroup",
            "SecurityGroupId",
            &in_vpc,
        );
        let acl = make(Product::Vpc, "CreateNetworkAcl", "NetworkAclId", &in_vpc);
        let list = [
            ("PrefixListName", "offices"),
            ("AddressFamily", "IPv4"),
            ("MaxEntries", "10"),
            ("Entry.1.Cidr", "192.0.2.0/24"),
        ];
        let prefix_list = make(Product::Ecs, "CreatePrefixList", "PrefixListId", &list);
        let internal = [("VpcId", "pnet"), ("AddressType", "Intranet")];
        let balancer = make(
            Product::Nlb,
            "CreateLoadBalancer",
            "LoadbalancerId",
            &internal,
        );
        let servers = [
            ("VpcId", "pnet"),
            ("ServerGroupName", "servers"),
            ("Protocol", "TCP"),
        ];
        let server_group = make(Product::Nlb, "CreateServerGroup", "ServerGroupId", &servers);
        let listener = [
            ("LoadBalancerId", balancer.as_str()),
            ("ListenerProtocol", "TCP"),
            ("ListenerPort", "80"),
            ("ServerGroupId", server_group.as_str()),
        ];
        let listener = make(Product::Nlb, "CreateListener", "ListenerId", &listener);
        let behind = [
            ("Resource.1.ResourceId", balancer.as_str()),
            ("Resource.1.ResourceType", "nlb"),
            ("Resource.1.ZoneId", "cn-test-a"),
        ];
        let service = make(
            Product::PrivateLink,
            "CreateVpcEndpointService",
            "ServiceId",
            &behind,
        );
        let log = [
            ("ResourceType", "VPC"),
            ("ResourceId", vpc),
            ("TrafficType", "All"),
            ("ProjectName", "lab"),
            ("LogStoreName", "flows"),
        ];
        let flow_log = make(Product::Vpc, "CreateFlowLog", "FlowLogId", &log);
        Self {
            endpoint,
            spare_vpc,
            spare_group,
            acl,
            prefix_list,
            balancer,
            server_group,
            listener,
            service,
            flow_log,
            theirs: provider(node),
            network,
        }
    }

    /// Ids of everything, of both accounts.
    pub(super) fn ids(&self) -> Vec<String> {
        let mut ids = vec![
            self.network.vpc.clone(),
            self.network.vswitches[0].clone(),
            self.network.vswitches[1].clone(),
            self.network.group.clone(),
            self.endpoint.clone(),
            self.spare_vpc.clone(),
            self.spare_group.clone(),
            self.acl.clone(),
            self.prefix_list.clone(),
            self.balancer.clone(),
            self.server_group.clone(),
            self.listener.clone(),
            self.service.clone(),
            self.flow_log.clone(),
            format!("sg-managed-{}", self.endpoint),
        ];
        ids.extend(["pnet", "nlb-a", SERVICE].map(str::to_owned));
        ids.extend(self.theirs.iter().cloned());
        ids
    }

    /// All that is declared of the provider's.
    pub(super) fn of_provider(&self, node: &Node) -> Vec<Value> {
        let mut all = declared(node);
        let is_theirs = |one: &Value| {
            let mut values = one.as_object().into_iter().flat_map(|all| all.values());
            values.any(|value| {
                let id = value.as_str().unwrap_or_default();
                ["pnet", "nlb-a", "nlb-b", SERVICE].contains(&id)
                    || self.theirs.iter().any(|theirs| theirs == id)
            })
        };
        // Endpoints name services of others.
        all.retain(|one| is_theirs(one) && one["kind"] != "VpcEndpoint" && !is_on_pnet(one));
        assert!(all.len() >= 7, "{all:?}");
        all
    }

    /// Changes that do well, each once, in this order, if they are signed as the consumer's.
    pub(super) fn changes(&self) -> Vec<Request> {
        let vpc = self.network.vpc.as_str();
        let group = self.network.group.as_str();
        let all: [Named<'_>; 9] = [
            (
                Product::Vpc,
                "CreateVpc",
                &[("CidrBlock", "192.168.0.0/16")],
            ),
            (
                Product::Vpc,
                "ModifyVpcAttribute",
                &[("VpcId", vpc), ("VpcName", "taken")],
            ),
            (Product::Vpc, "DeleteVpc", &[("VpcId", &self.spare_vpc)]),
            (
                Product::Ecs,
                "CreateSecurityGroup",
                &[("VpcId", vpc), ("SecurityGroupName", "mine")],
            ),
            (
                Product::Ecs,
                "AuthorizeSecurityGroup",
                &[
                    ("SecurityGroupId", group),
                    ("Permissions.1.IpProtocol", "ALL"),
                    ("Permissions.1.PortRange", "-1/-1"),
                    ("Permissions.1.SourceCidrIp", "0.0.0.0/0"),
                ],
            ),
            (
                Product::Ecs,
                "DeleteSecurityGroup",
                &[("SecurityGroupId", &self.spare_group)],
            ),
            (
                Product::PrivateLink,
                "UpdateVpcEndpointAttribute",
                &[("EndpointId", &self.endpoint), ("EndpointName", "taken")],
            ),
            (
                Product::Vpc,
                "DeleteFlowLog",
                &[("FlowLogId", &self.flow_log)],
            ),
            (
                Product::PrivateLink,
                "DeleteVpcEndpoint",
                &[("EndpointId", &self.endpoint)],
            ),
        ];
        let all = all.into_iter();
        all.map(|(product, action, fields)| call(product, action, fields))
            .collect()
    }
}

/// A load balancer of whoever it is stands in the provider's network, and names it.
fn is_on_pnet(one: &Value) -> bool {
    one["ProviderNetworkId"] == "pnet"
        && !["pnet", "nlb-a", "nlb-b"]
            .iter()
            .any(|id| one["LoadBalancerId"] == *id)
        && one["kind"] != "ProviderNetwork"
}

/// A call of the consumer's.
pub(super) fn call(product: Product, action: &str, fields: &[(&str, &str)]) -> Request {
    let mut request = of_region(product, action, fields);
    request.key = "consumer-key";
    "consumer-secret".clone_into(&mut request.secret);
    request
}

/// All that is declared, whoever declared it.
#[track_caller]
pub(super) fn declared(node: &Node) -> Vec<Value> {
    let all = node.daemon.ctl_json(&["get"]).expect("answers");
    all.as_array().expect("a list").clone()
}

/// Makes a network and a service of the provider's, by its key.
#[track_caller]
fn provider(node: &Node) -> Vec<String> {
    let mut calls = Keyed::provider(node);
    let mut make = |product, action, id: &str, fields: &[(&str, &str)]| {
        calls.call(product, action, fields).text(id)
    };
    let cidr = [("CidrBlock", "10.0.0.0/16")];
    let vpc = make(Product::Vpc, "CreateVpc", "VpcId", &cidr);
    let in_vpc = [("VpcId", vpc.as_str())];
    let subnet = [
        in_vpc[0],
        ("ZoneId", "cn-test-a"),
        ("CidrBlock", "10.0.1.0/24"),
    ];
    let vswitch = make(Product::Vpc, "CreateVSwitch", "VSwitchId", &subnet);
    let group = make(
        Product::Ecs,
        "CreateSecurityGroup",
        "SecurityGroupId",
        &in_vpc,
    );
    let acl = make(Product::Vpc, "CreateNetworkAcl", "NetworkAclId", &in_vpc);
    let behind = [
        ("Resource.1.ResourceId", "nlb-b"),
        ("Resource.1.ResourceType", "nlb"),
        ("Resource.1.ZoneId", "cn-test-a"),
    ];
    let service = make(
        Product::PrivateLink,
        "CreateVpcEndpointService",
        "ServiceId",
        &behind,
    );
    vec![vpc, vswitch, group, acl, service]
}
