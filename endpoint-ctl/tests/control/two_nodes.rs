//! Two nodes of a lab that share an etcd.

use serde_json::Value;
use xtask::lab::{Daemon, Host, Lab, LabSpec, Process, Segment, Wire, address};

use crate::calls::Calls;
use crate::node::{BINARY, REGION, argument};

/// The addresses of both nodes in the provider network, and what backends see of each.
const NODES: [(&str, &str, &str); 2] = [
    ("node", address::NODE, address::NAT[0]),
    ("node-2", "10.0.50.251", "10.0.50.210"),
];

/// What the provider has: a network that both nodes reach, and a load balancer there.
fn provider() -> String {
    format!(
        "
kind: ProviderNetwork
ProviderNetworkId: pnet
CidrBlock: 10.0.0.0/16
Uplinks:
  - {{ NodeId: node, Interface: provider, NatAddresses: [{}] }}
  - {{ NodeId: node-2, Interface: provider, NatAddresses: [{}] }}
---
kind: LoadBalancer
LoadBalancerId: nlb
ProviderNetworkId: pnet
Listeners:
  - ListenerProtocol: TCP
    ListenerPort: 80
    HealthCheckConfig: {{ HealthCheckEnabled: false }}
    Servers: [{{ ServerIp: {}, Port: 8080 }}]
",
        NODES[0].2,
        NODES[1].2,
        address::BACKENDS[0]
    )
}

/// See the module.
pub(crate) struct Cluster {
    // In the order they must go.
    pub(crate) daemons: [Option<Daemon>; 2],
    pub(crate) etcd: Option<Process>,
    _server: Process,
    pub(crate) lab: Lab,
}

impl Cluster {
    #[track_caller]
    pub(crate) fn new() -> Self {
        let mut spec = LabSpec::standard();
        for name in ["vswitch-b", "management"] {
            spec.segments.push(Segment::new(name, Wire::Bridge));
        }
        let node = spec.hosts.iter_mut().find(|host| host.role == "node");
        let node = node.expect("the lab has one");
        *node = node
            .clone()
            .port("eth0", "management", &[("10.9.0.11", 24)]);
        let client = Host::new("client-c").port("eth0", "vswitch-b", &[(address::CLIENT_C, 24)]);
        let second = Host::new("node-2")
            .port("vsw-b", "vswitch-b", &[])
            .port("provider", "pnet", &[(NODES[1].1, 16)])
            .port("eth0", "management", &[("10.9.0.12", 24)])
            .xdp();
        let etcd = Host::new("etcd").port("eth0", "management", &[("10.9.0.1", 24)]);
        let spec = spec.with_host(client).with_host(second).with_host(etcd);
        let lab = Lab::new(&spec).expect("the lab must come up");
        let server = lab.nginx("b1", 8080, "b1").expect("nginx comes up");
        let etcd = Some(etcd_in(&lab));
        let mut cluster = Self {
            daemons: [None, None],
            etcd,
            _server: server,
            lab,
        };
        cluster.start(0);
        cluster.start(1);
        cluster
    }

    /// Starts a node's daemon. The first has the provider's manifest.
    #[track_caller]
    pub(crate) fn start(&mut self, node: usize) {
        let (role, ..) = NODES[node];
        let socket = self.lab.dir().join(format!("api-{node}.sock"));
        let options = [
            ["--store", "etcd://10.9.0.1:2379/lab"],
            ["--node-id", role],
            ["--api-listen", argument(&socket)],
            ["--api-unix-account", "1001"],
            ["--account", "1001"],
            ["--region", REGION],
        ];
        let provider = provider();
        let manifest = (node == 0).then_some(provider.as_str());
        let daemon = self
            .lab
            .daemon_of(role, BINARY, manifest, &options.concat());
        self.daemons[node] = Some(daemon.expect("the daemon must come up"));
    }

    pub(crate) fn calls(&self, node: usize) -> Calls {
        Calls::new(self.lab.dir().join(format!("api-{node}.sock")))
    }

    #[track_caller]
    pub(crate) fn status(&self, node: usize) -> Value {
        let daemon = self.daemons[node].as_ref().expect("it runs");
        daemon.ctl_json(&["status"]).expect("it answers")
    }

    /// The addresses of the ENIs that a node has.
    #[track_caller]
    pub(crate) fn enis(&self, node: usize) -> Vec<String> {
        let status = self.status(node);
        let enis = status["enis"].as_array().expect("a list");
        let ips = enis
            .iter()
            .map(|eni| eni["ip"].as_str().expect("an address"));
        ips.map(str::to_owned).collect()
    }

    /// What a node says of one of the nodes: whether it is there and current.
    #[track_caller]
    pub(crate) fn sees(&self, node: usize, other: &str) -> (bool, bool) {
        let status = self.status(node);
        let nodes = status["nodes"].as_array().expect("a list");
        let its = nodes.iter().find(|one| one["node"] == other);
        let is = |key| its.and_then(|its| its[key].as_bool()) == Some(true);
        (is("is-there"), is("is-current"))
    }

    #[track_caller]
    pub(crate) fn fetch(&self, role: &str, ip: &str) -> bool {
        let url = format!("http://{ip}/");
        let argv = ["curl", "-sS", "--fail", "--max-time", "1", &url];
        let outcome = self.lab.ns(role).run(argv).expect("starts");
        outcome.stdout() == "b1"
    }
}

/// An etcd in the lab, on the data of before if it ran before.
pub(crate) fn etcd_in(lab: &Lab) -> Process {
    let data = lab.dir().join("etcd");
    let argv = [
        "etcd",
        "--data-dir",
        argument(&data),
        "--listen-client-urls=http://0.0.0.0:2379",
        "--advertise-client-urls=http://10.9.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--initial-advertise-peer-urls=http://127.0.0.1:2380",
        "--initial-cluster=default=http://127.0.0.1:2380",
        "--logger=zap",
    ];
    lab.listener("etcd", 2379, argv).expect("etcd comes up")
}
