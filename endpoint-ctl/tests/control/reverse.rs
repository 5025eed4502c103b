//! Reverse endpoints as the API makes them (rows F02, F48 to F50, F52 to F54): the provider's hosts reach the
//! resource that is named, which sees the ENI; egress rules bind, and nothing goes the other way.

use xtask::lab::Process;
use xtask::lab::address::{CLIENT_A, ENI_A};

use crate::calls::{Answered, Calls, Product};
use crate::keyed::Keyed;
use crate::network::{Network, eventually};
use crate::node::Node;
use crate::standing::Standing;
use crate::web::{self, Answer};

/// Where the provider's hosts find the resource, client A's web server.
const SERVICE_IP: &str = "10.0.50.210";
const RESOURCE_PORT: u16 = 8080;
/// What a command ends with whose time is up: curl's own status.
const TIMED_OUT: Option<i32> = Some(28);

/// A node with a reverse endpoint.
struct Reversed {
    node: Node,
    calls: Calls,
    network: Network,
    service: String,
    endpoint: String,
    _resource: Process,
}

impl Reversed {
    /// The provider makes a service for the consumer, the consumer an endpoint to it; waits until it serves.
    #[track_caller]
    fn new() -> Self {
        let node = Node::new();
        let resource = web::serve(&node.lab, "client-a", RESOURCE_PORT);
        let mut provider = Keyed::provider(&node);
        let behind = [
            ("Resource.1.ResourceId", "nlb-a"),
            ("Resource.1.ResourceType", "nlb"),
            ("Resource.1.ZoneId", "cn-test-a"),
            ("AutoAcceptEnabled", "true"),
        ];
        let made = provider.call(Product::PrivateLink, "CreateVpcEndpointService", &behind);
        let service = made.text("ServiceId");
        let user = [("ServiceId", service.as_str()), ("UserId", "1001")];
        let added = provider.call(Product::PrivateLink, "AddUserToVpcEndpointService", &user);
        added.ok();
        let calls = node.calls();
        let network = Network::new(&calls);
        let endpoint = create(&calls, &network, &service, &[]).text("EndpointId");
        let reversed = Self {
            node,
            calls,
            network,
            service,
            endpoint,
            _resource: resource,
        };
        reversed.await_answer();
        reversed
    }

    /// What a host of the provider's gets at the service address.
    #[track_caller]
    fn fetch(&self) -> Option<Answer> {
        let url = format!("http://{SERVICE_IP}/");
        let argv = ["curl", "-sS", "--fail", "--max-time", "1.5", &url];
        let outcome = self.node.run("b2", &argv);
        let answer = web::answers(&outcome.stdout).next();
        // Silence, if anything: no reset, no answer of another.
        let is_silent = outcome.status.code() == TIMED_OUT;
        assert!(answer.is_some() || is_silent, "{outcome}");
        answer
    }

    #[track_caller]
    fn await_answer(&self) -> Answer {
        eventually("the resource answers", || {
            self.fetch().ok_or_else(|| "silence".to_owned())
        })
    }

    /// Changes the endpoint's group by a rule that drops what goes to the resource before all others.
    #[track_caller]
    fn egress(&self, action: &str) {
        let resource = format!("{CLIENT_A}/32");
        let rule = [
            ("SecurityGroupId", self.network.group.as_str()),
            ("Permissions.1.IpProtocol", "TCP"),
            ("Permissions.1.PortRange", "8080/8080"),
            ("Permissions.1.DestCidrIp", &resource),
            ("Permissions.1.Policy", "drop"),
            ("Permissions.1.Priority", "1"),
        ];
        self.calls.call(Product::Ecs, action, &rule).ok();
    }

    fn attribute(&self) -> Answered {
        let id = [("EndpointId", self.endpoint.as_str())];
        let calls = &self.calls;
        calls.call(Product::PrivateLink, "GetVpcEndpointAttribute", &id)
    }
}

/// Makes a reverse endpoint of the consumer's, with more parameters.
#[track_caller]
fn create(calls: &Calls, network: &Network, service: &str, more: &[(&str, &str)]) -> Answered {
    let port = RESOURCE_PORT.to_string();
    let all = [
        ("VpcId", network.vpc.as_str()),
        ("ServiceId", service),
        ("EndpointType", "Reverse"),
        ("SecurityGroupId.1", &network.group),
        ("Zone.1.ZoneId", "cn-test-a"),
        ("Zone.1.VSwitchId", &network.vswitches[0]),
        ("Zone.1.ip", ENI_A),
        ("ReverseResource.1.Protocol", "TCP"),
        ("ReverseResource.1.ResourceIp", CLIENT_A),
        ("ReverseResource.1.ResourcePort", &port),
        ("ReverseResource.1.ServiceIp", SERVICE_IP),
        ("ReverseResource.1.ServicePort", "80"),
    ];
    let all = [&all, more].concat();
    calls.call(Product::PrivateLink, "CreateVpcEndpoint", &all)
}

#[test]
fn a_reverse_endpoint_carries_what_the_provider_opens_and_nothing_else() {
    let reversed = Reversed::new();
    let Reversed { node, calls, .. } = &reversed;
    let answer = reversed.await_answer();
    assert_eq!(answer.backend, "client-a");
    assert_eq!((&*answer.peer, &*answer.own), (ENI_A, CLIENT_A));
    let shown = reversed.attribute().ok();
    assert_eq!(shown["EndpointType"], "Reverse", "{shown}");
    assert_eq!(shown["ConnectionStatus"], "Connected", "{shown}");

    managed_group_is_right(calls, &reversed.endpoint);

    // The other way round: neither the ENI nor the service's own load balancer behind it.
    for port in ["80", "8080"] {
        let url = format!("http://{ENI_A}:{port}/");
        let argv = ["curl", "-sS", "--max-time", "1.5", &url];
        let unasked = node.run("client-b", &argv);
        assert_eq!(unasked.status.code(), TIMED_OUT, "{unasked}");
    }

    let mut standing = Standing::open(node, "b2", SERVICE_IP);
    reversed.egress("AuthorizeSecurityGroupEgress");
    eventually("the rule is in force", || {
        let answer = reversed.fetch();
        answer.map_or(Ok(()), |answer| Err(format!("{answer:?}")))
    });
    assert_eq!(standing.ask(), "silent", "what stood is cut as well");
    reversed.egress("RevokeSecurityGroupEgress");
    reversed.await_answer();

    let mut standing = Standing::open(node, "b2", SERVICE_IP);
    let id = [("EndpointId", reversed.endpoint.as_str())];
    let deleted = calls.call(Product::PrivateLink, "DeleteVpcEndpoint", &id);
    deleted.ok();
    eventually("it is gone", || {
        let shown = reversed.attribute();
        let is_gone = shown.body["Code"] == "EndpointNotFound";
        is_gone.then_some(()).ok_or_else(|| shown.body.to_string())
    });
    assert_eq!(
        standing.ask(),
        "silent",
        "a deleted endpoint ends what stood"
    );
    // Nobody answers for the service address any more, so curl may find no way there.
    let url = format!("http://{SERVICE_IP}/");
    let after = node.run("b2", &["curl", "-sS", "--max-time", "5", &url]);
    assert!(!after.ok(), "{after}");
}

#[test]
fn a_reverse_endpoint_is_never_dual_stack() {
    let reversed = Reversed::new();
    let Reversed {
        calls,
        network,
        service,
        ..
    } = &reversed;
    let all = calls
        .call(Product::PrivateLink, "ListVpcEndpoints", &[])
        .ok();
    let dual = ("AddressIpVersion", "DualStack");
    let refused = create(calls, network, service, &[dual]);
    assert_dual_stack_is_refused(&refused);
    let id = ("EndpointId", reversed.endpoint.as_str());
    let refused = calls.call(
        Product::PrivateLink,
        "UpdateVpcEndpointAttribute",
        &[id, dual],
    );
    assert_dual_stack_is_refused(&refused);

    let now = calls
        .call(Product::PrivateLink, "ListVpcEndpoints", &[])
        .ok();
    assert_eq!(now["Endpoints"], all["Endpoints"]);
    let shown = reversed.attribute().ok();
    assert_eq!(shown["AddressIpVersion"], "IPv4", "{shown}");
    let answer = reversed.fetch();
    assert_eq!(answer.expect("it serves").peer, ENI_A);
}

/// The group that comes with a reverse endpoint lets everything in, and is nobody's to change.
#[track_caller]
fn managed_group_is_right(calls: &Calls, endpoint: &str) {
    let id = format!("sg-managed-{endpoint}");
    let group = [("SecurityGroupId", id.as_str())];
    let shown = calls.call(Product::Ecs, "DescribeSecurityGroupAttribute", &group);
    let shown = shown.ok();
    let rules = shown["Permissions"]["Permission"].as_array();
    let rules = rules.expect("a list").iter().map(|rule| {
        let names = ["Direction", "IpProtocol", "Policy", "Priority"];
        let said = names.map(|name| rule[name].as_str().unwrap_or_default());
        let peers = ["SourceCidrIp", "Ipv6SourceCidrIp"].map(|name| rule[name].as_str());
        (said, peers.map(Option::unwrap_or_default))
    });
    let all = ["ingress", "ALL", "Accept", "1"];
    let expected = [(all, ["0.0.0.0/0", ""]), (all, ["", "::/0"])];
    assert_eq!(rules.collect::<Vec<_>>(), expected, "{shown}");
    let refused = calls.call(Product::Ecs, "DeleteSecurityGroup", &group);
    let code = &refused.body["Code"];
    assert_eq!(code, "InvalidOperation.ResourceManagedByCloudProduct");
}

#[track_caller]
fn assert_dual_stack_is_refused(refused: &Answered) {
    let Answered { status, body } = refused;
    assert_eq!(*status, 400, "{body}");
    assert_eq!(body["Code"], "InvalidAddressIpVersion", "{body}");
    let message = body["Message"].as_str().unwrap_or_default();
    assert!(message.contains("cannot be dual-stack"), "{body}");
}
