//! A lab with servers, and a daemon that keeps what is declared and serves the API there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::calls::Calls;
use xtask::lab::{Daemon, Lab, LabSpec, Outcome, Process, address};

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_endpoint-ctl");
/// Where the API is served, in the node's namespace.
pub(crate) const API: &str = "127.0.0.1:8080";
/// The file of flow-log records, in the lab's directory.
const FLOW_LOG: &str = "flow.log";
/// The region of the labs.
pub(crate) const REGION: &str = "cn-test";

/// Accounts of the lab: the consumer `1001` and the provider `1002`.
pub(crate) const KEYS: &str = "
Accounts:
  - AccountId: \"1001\"
    Keys: [{ AccessKeyId: consumer-key, AccessKeySecret: consumer-secret }]
  - AccountId: \"1002\"
    Keys: [{ AccessKeyId: provider-key, AccessKeySecret: provider-secret }]
";

/// The provider's side, which belongs to `1002`: two load balancers before the lab's servers.
pub(crate) fn provider() -> String {
    let balancer = |name: &str, server: &str| {
        format!(
            "
---
kind: LoadBalancer
LoadBalancerId: {name}
ProviderNetworkId: pnet
Listeners:
  - ListenerProtocol: TCP
    ListenerPort: 80
    HealthCheckConfig: {{ HealthCheckEnabled: false }}
    Servers: [{{ ServerIp: {server}, Port: 8080 }}]"
        )
    };
    format!(
        "
kind: ProviderNetwork
ProviderNetworkId: pnet
CidrBlock: 10.0.0.0/16
Interface: provider
NatAddresses: [{}, {}]
{}
{}",
        address::NAT[0],
        address::NAT[1],
        balancer("nlb-a", address::BACKENDS[0]),
        balancer("nlb-b", address::BACKENDS[1]),
    )
}

/// See the module.
pub(crate) struct Node {
    // In the order they must go.
    pub(crate) daemon: Daemon,
    _servers: Vec<Process>,
    pub(crate) lab: Lab,
    options: Vec<String>,
    more: Vec<String>,
}

impl Node {
    /// A lab with two vSwitches, servers, and a daemon.
    #[track_caller]
    pub(crate) fn new() -> Self {
        Self::with_options(&[])
    }

    /// The same with more options of the daemon.
    #[track_caller]
    pub(crate) fn with_options(more: &[&str]) -> Self {
        let spec = LabSpec::standard().with_second_vswitch();
        let lab = Lab::new(&spec).expect("the lab must come up");
        let servers = ["b1", "b2"].map(|role| lab.nginx(role, 8080, role).expect("nginx comes up"));
        let keys = lab.dir().join("keys.yaml");
        fs::write(&keys, KEYS).expect("writes");
        fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).expect("sets the mode");
        let store = lab.dir().join("state.redb");
        let socket = lab.dir().join("api.sock");
        let flow_log = lab.dir().join(FLOW_LOG);
        let options = [
            ["--flow-log", argument(&flow_log)],
            ["--store", argument(&store)],
            ["--api-listen", API],
            ["--api-listen", argument(&socket)],
            ["--api-unix-account", "1001"],
            ["--api-keys", argument(&keys)],
            ["--account", "1002"],
            ["--region", REGION],
            ["--name", "provider"],
            ["--domain", "privatelink.lab"],
        ];
        let owned = |options: &[&str]| options.iter().map(|&one| one.to_owned()).collect();
        let (options, more): (Vec<String>, _) = (owned(&options.concat()), owned(more));
        let daemon = start(&lab, &options, &more);
        Self {
            daemon,
            _servers: servers.into(),
            lab,
            options,
            more,
        }
    }

    /// Starts the daemon again, which has ended.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.daemon = start(&self.lab, &self.options, &self.more);
    }

    /// The same with other options than before.
    #[track_caller]
    pub(crate) fn restart_with(&mut self, more: &[&str]) {
        self.more = more.iter().map(|&one| one.to_owned()).collect();
        self.restart();
    }

    /// The same of one that may refuse to.
    pub(crate) fn try_restart(&mut self) -> anyhow::Result<()> {
        self.daemon = try_start(&self.lab, &self.options, &self.more)?;
        Ok(())
    }

    /// A connection to the API, as the consumer.
    pub(crate) fn calls(&self) -> Calls {
        Calls::new(self.lab.dir().join("api.sock"))
    }

    /// All that the flow log has recorded, by every daemon there was.
    #[track_caller]
    pub(crate) fn flow_log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.lab.dir().join(FLOW_LOG)).expect("is there");
        let records = text.lines().map(serde_json::from_str);
        records.map(|record| record.expect("is JSON")).collect()
    }

    /// Ends the daemon by a signal, and waits for that.
    #[track_caller]
    pub(crate) fn end(&self, signal: &str) {
        self.daemon.process().signal(signal).expect("is sent");
        let ended = self.daemon.process().wait(Duration::from_secs(10));
        assert!(ended.expect("can be awaited").is_some(), "it ends");
    }

    /// Runs a command in a role's namespace.
    #[track_caller]
    pub(crate) fn run(&self, role: &str, argv: &[&str]) -> Outcome {
        let run = self.lab.ns(role).run(argv);
        run.expect("the command must start")
    }

    /// What a client gets from an address: the server's name, or nothing.
    #[track_caller]
    pub(crate) fn fetch(&self, role: &str, ip: &str) -> Option<String> {
        let url = format!("http://{ip}/");
        let argv = ["curl", "-sS", "--fail", "--max-time", "1.5", &url];
        let outcome = self.run(role, &argv);
        outcome.ok().then(|| outcome.stdout.trim().to_owned())
    }
}

#[track_caller]
fn start(lab: &Lab, options: &[String], more: &[String]) -> Daemon {
    try_start(lab, options, more).expect("the daemon must come up")
}

fn try_start(lab: &Lab, options: &[String], more: &[String]) -> anyhow::Result<Daemon> {
    let options: Vec<&str> = options.iter().chain(more).map(String::as_str).collect();
    lab.daemon(BINARY, &provider(), &options)
}

/// A path as an argument.
pub(crate) fn argument(path: &std::path::Path) -> &str {
    path.to_str().expect("lab paths are UTF-8")
}

/// A file of this test's sources.
pub(crate) fn source(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/control")
        .join(name)
}
