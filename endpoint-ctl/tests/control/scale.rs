//! 10,000 endpoints, and 1,000 security groups of 100 rules: how long it takes to load, list and change them, how
//! long a daemon that was killed needs until all is enforced again, and how much memory that takes.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;
use xtask::lab::{Daemon, Lab, LabSpec, address};

use crate::calls::{Calls, Product};
use crate::node::{BINARY, REGION, argument, provider};
use crate::waiting::until;

const VPCS: usize = 10;
const ENDPOINTS: usize = 1_000;
const GROUPS: usize = 100;
const RULES: usize = 100;
/// From the start of a daemon to its enforcing all of it.
const MOST_TO_RESTART: Duration = Duration::from_secs(5);
/// How often that is tried: the machine may be busy with something else.
const RESTARTS: usize = 3;
/// From a call that makes an endpoint to its being enforced.
const MOST_TO_CHANGE: Duration = Duration::from_secs(2);

/// The vSwitch of a VPC has an interface of the node's own.
fn interface(vpc: usize) -> String {
    if vpc == 0 {
        "vsw-a".to_owned()
    } else {
        format!("many{vpc}")
    }
}

fn manifest() -> String {
    let mut text = provider();
    text += "
---
kind: VpcEndpointService
ServiceId: epsrv
Resources: [{ ResourceId: nlb-a, ResourceType: nlb }]
";
    for vpc in 0..VPCS {
        let _ = write!(
            text,
            "---
kind: Vpc
VpcId: vpc-{vpc}
CidrBlock: 10.0.0.0/16
---
kind: VSwitch
VSwitchId: vsw-{vpc}
VpcId: vpc-{vpc}
ZoneId: zone-a
CidrBlock: 10.0.0.0/20
Interface: {}
",
            interface(vpc)
        );
        for group in 0..GROUPS {
            let _ = write!(
                text,
                "---\nkind: SecurityGroup\nSecurityGroupId: sg-{vpc}-{group}\nVpcId: vpc-{vpc}\nPermissions:\n"
            );
            for rule in 0..RULES {
                let (port, net) = (1_000 + 7 * rule, (group * RULES + rule) % 250);
                let _ = writeln!(
                    text,
                    "- {{Direction: ingress, IpProtocol: TCP, PortRange: {port}/{}, SourceCidrIp: 10.{net}.{rule}.0/24}}",
                    port + 3
                );
            }
            text += "- {Direction: ingress, IpProtocol: TCP, PortRange: 80/80, SourceCidrIp: 10.0.0.0/16}\n";
        }
        for endpoint in 0..ENDPOINTS {
            let group = endpoint % GROUPS;
            let ip = if endpoint == 0 {
                format!(", ip: {}", address::ENI_A)
            } else {
                String::new()
            };
            let _ = write!(
                text,
                "---\nkind: VpcEndpoint\nEndpointId: ep-{vpc}-{endpoint}\nVpcId: vpc-{vpc}\nServiceId: epsrv\n\
                 SecurityGroupIds: [sg-{vpc}-{group}]\nZones: [{{ZoneId: zone-a, VSwitchId: vsw-{vpc}{ip}}}]\n"
            );
        }
    }
    text
}

struct Large {
    // In the order they must go.
    daemon: Daemon,
    lab: Lab,
}

impl Large {
    fn start(lab: &Lab, manifest: Option<&str>) -> Daemon {
        let (store, socket) = (lab.dir().join("state.redb"), lab.dir().join("api.sock"));
        let options = [
            ["--store", argument(&store)],
            ["--api-listen", argument(&socket)],
            ["--api-unix-account", "1001"],
            ["--account", "1001"],
            ["--region", REGION],
            ["--quota-endpoints", "2000"],
            ["--enis", "16384"],
            ["--rules", "262144"],
            ["--policy-rows", "262144"],
            ["--service-rows", "32768"],
        ];
        let daemon = lab.daemon_of("node", BINARY, manifest, &options.concat());
        daemon.expect("the daemon must come up")
    }

    fn memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.daemon.pid()));
        let status = status.expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.expect("is told").parse::<usize>().expect("a number") / 1_024
    }

    fn calls(&self) -> Calls {
        Calls::new(self.lab.dir().join("api.sock"))
    }

    fn fetches(&self) -> bool {
        let url = format!("http://{}/", address::ENI_A);
        let argv = ["curl", "-sS", "--fail", "--max-time", "1", &url];
        self.lab.ns("client-a").run(argv).expect("starts").ok()
    }
}

#[track_caller]
fn timed<T>(what: &str, work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    let took = start.elapsed();
    println!("{what}: {:.0} ms", took.as_secs_f64() * 1e3);
    (done, took)
}

#[test]
fn ten_thousand_endpoints() {
    let lab = Lab::new(&LabSpec::standard()).expect("the lab must come up");
    let _server = lab.nginx("b1", 8080, "b1").expect("nginx comes up");
    let links: Vec<_> = (1..VPCS)
        .flat_map(|vpc| {
            let name = interface(vpc);
            [
                format!("link add {name} type veth peer name {name}-far"),
                format!("link set {name} up"),
                format!("link set {name}-far up"),
            ]
        })
        .collect();
    lab.ns("node").ip_batch(&links).expect("makes links");
    let manifest = manifest();
    println!(
        "{} endpoints, {} groups of {} rules, a manifest of {} KiB",
        VPCS * ENDPOINTS,
        VPCS * GROUPS,
        RULES + 1,
        manifest.len() / 1_024
    );
    let (daemon, _) = timed("from manifest to stored and enforced", || {
        Large::start(&lab, Some(&manifest))
    });
    let mut large = Large { daemon, lab };
    until("traffic flows", Duration::from_secs(5), || large.fetches());
    println!("memory: {} MiB", large.memory());
    listed(&large);
    changed(&large);

    let mut best = Duration::MAX;
    for _ in 0..RESTARTS {
        best = best.min(restarted(&mut large));
        if best < MOST_TO_RESTART {
            break;
        }
    }
    println!("memory after the restart: {} MiB", large.memory());
    assert!(best < MOST_TO_RESTART, "{best:?}");
}

fn restarted(large: &mut Large) -> Duration {
    let process = large.daemon.process();
    process.signal("KILL").expect("is sent");
    let ended = process.wait(Duration::from_secs(10));
    assert!(ended.expect("can be awaited").is_some());
    let (daemon, took) = timed(
        "restart, from the start of the process to enforcing all",
        || Large::start(&large.lab, None),
    );
    large.daemon = daemon;
    assert!(large.fetches(), "it is ready when it says so");
    took
}

fn listed(large: &Large) {
    let calls = large.calls();
    let (count, _) = timed("list all endpoints, by 1000", || {
        all(
            &calls,
            Product::PrivateLink,
            "ListVpcEndpoints",
            "1000",
            |body| body["Endpoints"].as_array().map_or(0, Vec::len),
        )
    });
    assert_eq!(count, VPCS * ENDPOINTS);
    let (count, _) = timed("list all security groups, by 100", || {
        all(
            &calls,
            Product::Ecs,
            "DescribeSecurityGroups",
            "100",
            |body| {
                body["SecurityGroups"]["SecurityGroup"]
                    .as_array()
                    .map_or(0, Vec::len)
            },
        )
    });
    assert_eq!(
        count,
        VPCS * (ENDPOINTS + GROUPS),
        "those that come with endpoints are among them"
    );
}

fn all(
    calls: &Calls,
    product: Product,
    action: &str,
    most: &str,
    count: impl Fn(&Value) -> usize,
) -> usize {
    let (mut found, mut next) = (0, String::new());
    loop {
        let page = [("MaxResults", most), ("NextToken", next.as_str())];
        let body = calls.call(product, action, &page).ok();
        found += count(&body);
        let token = body["NextToken"].as_str().unwrap_or_default();
        token.clone_into(&mut next);
        if next.is_empty() {
            return found;
        }
    }
}

fn changed(large: &Large) {
    let calls = large.calls();
    let mut worst = Duration::ZERO;
    for round in 0..5 {
        let endpoint = [
            ("VpcId", "vpc-0"),
            ("ServiceId", "epsrv"),
            ("SecurityGroupId.1", "sg-0-0"),
            ("Zone.1.ZoneId", "zone-a"),
            ("Zone.1.VSwitchId", "vsw-0"),
        ];
        let start = Instant::now();
        let (made, _) = timed(
            &format!("{round}: create an endpoint, acknowledged"),
            || {
                calls
                    .call(Product::PrivateLink, "CreateVpcEndpoint", &endpoint)
                    .text("EndpointId")
            },
        );
        let id = [("EndpointId", made.as_str())];
        until("it is active", Duration::from_secs(10), || {
            let shown = calls.call(Product::PrivateLink, "GetVpcEndpointAttribute", &id);
            shown.body["EndpointStatus"] == "Active"
        });
        println!(
            "{round}: ... enforced: {:.0} ms",
            start.elapsed().as_secs_f64() * 1e3
        );
        worst = worst.max(start.elapsed());
        timed(&format!("{round}: delete it, acknowledged"), || {
            calls
                .call(Product::PrivateLink, "DeleteVpcEndpoint", &id)
                .ok()
        });
        until("it is gone", Duration::from_secs(10), || {
            let shown = calls.call(Product::PrivateLink, "GetVpcEndpointAttribute", &id);
            shown.status == 404
        });
    }
    assert!(worst < MOST_TO_CHANGE, "{worst:?}");
}
