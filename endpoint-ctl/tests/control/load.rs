//! Packets are not disturbed by who calls the API, however much, and callers that hang hold up nobody.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use xtask::lab::address::ENI_A;

use crate::calls::{Calls, Product};
use crate::network::{Network, SERVICE, apply, service};
use crate::node::Node;
use crate::standing::Standing;

const CALLERS: usize = 8;
const HANGING: usize = 32;
/// How long a call may take beside all others.
const IN_TIME: Duration = Duration::from_secs(2);

/// Makes and deletes an endpoint and a group with a rule, over and over.
fn call_on(calls: &Calls, network: &Network, stop: &AtomicBool) -> (usize, Duration) {
    let (mut made, mut slowest) = (0, Duration::ZERO);
    let mut call = |product, action: &str, all: &[(&str, &str)]| {
        let start = Instant::now();
        let answer = calls.call(product, action, all);
        slowest = slowest.max(start.elapsed());
        answer
    };
    while !stop.load(Ordering::SeqCst) {
        let endpoint = [
            ("VpcId", network.vpc.as_str()),
            ("ServiceId", SERVICE),
            ("SecurityGroupId.1", network.group.as_str()),
            ("Zone.1.ZoneId", "cn-test-b"),
            ("Zone.1.VSwitchId", network.vswitches[1].as_str()),
        ];
        let endpoint =
            call(Product::PrivateLink, "CreateVpcEndpoint", &endpoint).text("EndpointId");
        let group = [("VpcId", network.vpc.as_str())];
        let group = call(Product::Ecs, "CreateSecurityGroup", &group).text("SecurityGroupId");
        let endpoint = [("EndpointId", endpoint.as_str())];
        call(Product::PrivateLink, "ListVpcEndpoints", &[]).ok();
        call(Product::PrivateLink, "DeleteVpcEndpoint", &endpoint).ok();
        let group = [("SecurityGroupId", group.as_str())];
        call(Product::Ecs, "DeleteSecurityGroup", &group).ok();
        made += 5;
    }
    (made, slowest)
}

/// Connections that begin a request and never end it.
fn hanging(node: &Node) -> Vec<UnixStream> {
    let hang = |_| {
        let mut stream = UnixStream::connect(node.lab.dir().join("api.sock")).expect("connects");
        stream
            .write_all(b"POST / HTTP/1.1\r\nhost: node\r\ncontent-length: 900\r\n\r\nRegion")
            .expect("is sent");
        stream
    };
    (0..HANGING).map(hang).collect()
}

#[test]
fn calls_disturb_no_packets_and_hanging_callers_no_calls() {
    let node = Node::new();
    apply(&node, "service", &service("Endpoint"));
    let calls = node.calls();
    let network = Network::new(&calls);
    network.endpoint(&node);
    let mut standing = Standing::open(&node, "client-a", ENI_A);
    let hanging = hanging(&node);
    let stop = AtomicBool::new(false);
    let made = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            let (calls, network, stop, made) = (&calls, &network, &stop, &made);
            scope.spawn(move || {
                let (mine, slowest) = call_on(calls, network, stop);
                made.fetch_add(mine, Ordering::SeqCst);
                assert!(slowest < IN_TIME, "{slowest:?}");
            });
        }
        // Each echo is judged by the rules and answered by the ENI.
        let ping = ["ping", "-q", "-i", "0.002", "-c", "3000", "-W", "1", ENI_A];
        let pinged = node.run("client-a", &ping);
        let answers = standing.ask();
        stop.store(true, Ordering::SeqCst);
        assert!(pinged.stdout.contains(" 0% packet loss"), "{pinged}");
        assert_eq!(answers, "answered");
    });
    let made = made.into_inner();
    println!(
        "3000 echoes and no loss, while {made} calls were answered beside {HANGING} that hung"
    );
    assert!(made > 100, "{made}");
    drop(hanging);
}
