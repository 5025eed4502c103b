//! A service of the provider's, and a consumer's network with an endpoint to it.

use std::fs;
use std::time::{Duration, Instant};

use xtask::lab::address::{ENI_A, ENI_B};

use crate::calls::{Calls, Product};
use crate::node::{Node, argument};

/// How long something may take that is to happen.
const PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(50);

/// The service of [`declare_service`].
pub(crate) const SERVICE: &str = "epsrv-web";

/// The consumer's network: a VPC, a vSwitch in each of two zones, and a group that lets TCP 80 and ICMP in.
pub(crate) struct Network {
    pub(crate) vpc: String,
    pub(crate) vswitches: [String; 2],
    pub(crate) group: String,
}

impl Network {
    /// Makes one by the API.
    #[track_caller]
    pub(crate) fn new(calls: &Calls) -> Self {
        let vpc = [("CidrBlock", "10.0.0.0/16")];
        let vpc = calls.call(Product::Vpc, "CreateVpc", &vpc).text("VpcId");
        let vswitches = [
            ("cn-test-a", "10.0.1.0/24", "vsw-a"),
            ("cn-test-b", "10.0.2.0/24", "vsw-b"),
        ];
        let vswitches = vswitches.map(|(zone, cidr, interface)| {
            let all = [
                ("VpcId", vpc.as_str()),
                ("ZoneId", zone),
                ("CidrBlock", cidr),
                ("Interface", interface),
            ];
            let made = calls.call(Product::Vpc, "CreateVSwitch", &all);
            made.text("VSwitchId")
        });
        let group = [("VpcId", vpc.as_str()), ("SecurityGroupName", "web")];
        let group = calls.call(Product::Ecs, "CreateSecurityGroup", &group);
        let group = group.text("SecurityGroupId");
        let rules = [
            ("SecurityGroupId", group.as_str()),
            ("Permissions.1.IpProtocol", "TCP"),
            ("Permissions.1.PortRange", "80/80"),
            ("Permissions.1.SourceCidrIp", "10.0.0.0/16"),
            ("Permissions.2.IpProtocol", "ICMP"),
            ("Permissions.2.PortRange", "-1/-1"),
            ("Permissions.2.SourceCidrIp", "10.0.0.0/16"),
        ];
        calls
            .call(Product::Ecs, "AuthorizeSecurityGroup", &rules)
            .ok();
        Self {
            vpc,
            vswitches,
            group,
        }
    }

    /// Makes an endpoint in both zones by the API, at [`ENI_A`] and [`ENI_B`], and waits until it serves.
    #[track_caller]
    pub(crate) fn endpoint(&self, node: &Node) -> String {
        let all = [
            ("VpcId", self.vpc.as_str()),
            ("ServiceId", SERVICE),
            ("SecurityGroupId.1", self.group.as_str()),
            ("Zone.1.ZoneId", "cn-test-a"),
            ("Zone.1.VSwitchId", self.vswitches[0].as_str()),
            ("Zone.1.ip", ENI_A),
            ("Zone.2.ZoneId", "cn-test-b"),
            ("Zone.2.VSwitchId", self.vswitches[1].as_str()),
            ("Zone.2.ip", ENI_B),
        ];
        let made = node
            .calls()
            .call(Product::PrivateLink, "CreateVpcEndpoint", &all);
        let endpoint = made.text("EndpointId");
        for (client, eni) in [("client-a", ENI_A), ("client-c", ENI_B)] {
            eventually("the endpoint serves", || {
                let fetched = node.fetch(client, eni);
                fetched.ok_or_else(|| format!("nothing from {eni}"))
            });
        }
        endpoint
    }
}

/// A service over the node's load balancers, which lets everybody in; its manifest belongs to `1002`.
pub(crate) fn service(payer: &str) -> String {
    format!(
        "
kind: VpcEndpointService
ServiceId: {SERVICE}
Resources:
  - {{ ResourceId: nlb-a, ResourceType: nlb }}
Users: [\"*\"]
Payer: {payer}"
    )
}

/// Applies a manifest under a name.
#[track_caller]
pub(crate) fn apply(node: &Node, name: &str, manifest: &str) {
    let file = node.lab.dir().join(format!("{name}.yaml"));
    fs::write(&file, manifest).expect("writes");
    let args = ["apply", "--prune", "--name", name, "-f", argument(&file)];
    let applied = node.daemon.ctl(args).expect("runs");
    assert!(applied.ok(), "{applied}");
}

/// Looks until `look` finds something, and fails with what it saw last.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) if Instant::now() >= deadline => {
                panic!("after {PATIENCE:?}, still not so: {what}; seen last: {seen}")
            }
            Err(_) => std::thread::sleep(POLL),
        }
    }
}
