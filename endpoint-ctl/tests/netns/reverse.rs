//! Reverse endpoints (F48, F49, F52): hosts of the provider network reach authorised resources in the
//! VPC, which see the ENI; security group out and network ACL narrow what. Both sides use the same
//! addresses.

use std::fmt::Write as _;

use serde_json::json;
use xtask::lab::LabSpec;
use xtask::lab::address::{BACKENDS, CLIENT_A, CLIENT_R, ROUTER};

use crate::capture::Capture;
use crate::manifest::{ANYWHERE, Manifest, Rule, accept, all, drop, tcp, tcp_range};
use crate::scene::{Scene, WEB_PORT};
use crate::waiting::eventually;
use crate::web::{self, Answer};

/// The ENI of the reverse endpoint: the source that resources see.
const ENI: &str = "10.0.1.110";
/// Where b1, b2 and b3 reach the resources: client A's web server at port 80, client R's at 81.
const SERVICE_IP: &str = "10.0.50.210";
const EPHEMERAL: (u16, u16) = (1024, 65_535);

/// The tenant without an interface endpoint, and its reverse endpoint.
fn text(manifest: &Manifest) -> String {
    let mut text = manifest.clone().without_endpoint().text();
    let _ = write!(
        text,
        "---\nkind: VpcEndpoint\nEndpointId: ep-r\nEndpointType: Reverse\nVpcId: vpc-a\n\
         ServiceId: epsrv-a\nSecurityGroupIds: [sg-a]\n\
         Zones: [{{ ZoneId: lab, VSwitchId: vsw-a, ip: {ENI} }}]\nResources:\n"
    );
    for (ip, port) in [(CLIENT_A, 80), (CLIENT_R, 81)] {
        let _ = writeln!(
            text,
            "  - {{ Protocol: TCP, ResourceIp: {ip}, ResourcePort: {WEB_PORT}, \
             ServiceIp: {SERVICE_IP}, ServicePort: {port} }}"
        );
    }
    text
}

/// The lab with web servers at clients A and R. The node has an address and a route in the vSwitch,
/// which lead beyond the router.
struct Reversed {
    scene: Scene,
    _resources: [xtask::lab::Process; 2],
}

impl Reversed {
    #[track_caller]
    fn new(manifest: &Manifest) -> Self {
        let scene = Scene::built_as(&LabSpec::standard(), &text(manifest), &[]);
        let resources = ["client-a", "client-r"].map(|role| web::serve(&scene.lab, role, WEB_PORT));
        let link = format!("{CLIENT_R}/32");
        for argv in [
            &["ip", "addr", "add", "10.0.1.250/32", "dev", "vsw-a"][..],
            &[
                "ip", "route", "add", &link, "via", ROUTER, "dev", "vsw-a", "onlink",
            ],
        ] {
            scene.must("node", argv);
        }
        eventually("the resources are found", || {
            let hops = scene.status()["hops"].clone();
            let found = |ip, via| {
                let mut hops = hops.as_array().into_iter().flatten();
                hops.any(|hop| hop["backend"] == ip && hop["via"] == via && hop["mac"].is_string())
            };
            let all = found(CLIENT_A, CLIENT_A) && found(CLIENT_R, ROUTER);
            all.then_some(()).ok_or_else(|| hops.to_string())
        });
        Self {
            scene,
            _resources: resources,
        }
    }

    #[track_caller]
    fn fetch(&self, role: &str, port: u16) -> Answer {
        let url = format!("http://{SERVICE_IP}:{port}/");
        let argv = ["curl", "-sS", "--fail", "--max-time", "15", &url];
        let outcome = self.scene.must(role, &argv);
        let answer = web::answers(&outcome.stdout).next();
        answer.unwrap_or_else(|| panic!("in {role}: no answer of a resource: {outcome}"))
    }

    #[track_caller]
    fn assert_silence(&self, role: &str, port: u16) {
        let url = format!("http://{SERVICE_IP}:{port}/");
        let outcome = self
            .scene
            .run(role, &["curl", "-sS", "--max-time", "1.5", &url]);
        // curl's exit status when the time is up.
        assert_eq!(outcome.status.code(), Some(28), "in {role}: {outcome}");
    }

    #[track_caller]
    fn reload(&self, manifest: &Manifest) {
        let reload = self.scene.daemon.reload(&text(manifest));
        reload.expect("the manifest must come into force");
    }
}

#[test]
fn the_provider_reaches_resources_and_they_see_the_eni() {
    let reversed = Reversed::new(&Manifest::new());
    for (port, resource, ip) in [(80, "client-a", CLIENT_A), (81, "client-r", CLIENT_R)] {
        let answer = reversed.fetch("b2", port);
        assert_eq!(answer.backend, resource);
        assert_eq!((answer.peer.as_str(), answer.own.as_str()), (ENI, ip));

        let log = reversed.scene.flow_log();
        let request = log.one(&json!({
            "action": "ACCEPT", "direction": "out", "endpoint-id": "ep-r", "protocol": 6,
            "layer": "security-group", "rule-id": "default-egress",
            "srcaddr": ENI, "srcport": answer.peer_port, "dstaddr": ip, "dstport": WEB_PORT,
            "nat-srcaddr": BACKENDS[1], "nat-dstaddr": SERVICE_IP, "nat-dstport": port,
        }));
        log.one(&json!({
            "action": "ACCEPT", "direction": "in", "endpoint-id": "ep-r",
            "srcaddr": ip, "srcport": WEB_PORT, "dstaddr": ENI, "dstport": answer.peer_port,
            "nat-srcaddr": SERVICE_IP, "nat-dstaddr": BACKENDS[1],
            "nat-dstport": request["nat-srcport"],
        }));
    }
    let flows = reversed.scene.flows();
    let flow = flows.iter().find(|flow| flow["backend"] == CLIENT_A);
    let flow = flow.unwrap_or_else(|| panic!("{flows:?}"));
    assert_eq!(flow["client"], BACKENDS[1]);
    assert_eq!(
        (&flow["eni-ip"], &flow["eni-port"]),
        (&json!(SERVICE_IP), &json!(80))
    );
    assert_eq!(flow["nat"], ENI);
    assert_eq!(flow["endpoint-id"], "ep-r");
}

/// b1 has client A's address as well: the two are never taken for each other.
#[test]
fn a_caller_may_have_the_resources_own_address() {
    let reversed = Reversed::new(&Manifest::new());
    let url = format!("http://{SERVICE_IP}/");
    let argv = [
        "curl",
        "-sS",
        "--max-time",
        "15",
        "--interface",
        CLIENT_A,
        &url,
    ];
    let outcome = reversed.scene.must("b1", &argv);
    assert!(
        outcome
            .stdout
            .starts_with(&format!("served-by client-a {ENI} ")),
        "{outcome}"
    );
}

#[test]
fn only_the_provider_may_open_and_only_what_is_authorised() {
    let reversed = Reversed::new(&Manifest::new());
    let scene = &reversed.scene;
    reversed.assert_silence("b2", 82);
    scene.await_drops("no-listener");
    // The other way round, and the address of the provider's side, lead nowhere.
    let url = format!("http://{ENI}/");
    let unasked = scene.run("client-a", &["curl", "-sS", "--max-time", "1.5", &url]);
    assert!(!unasked.ok(), "{unasked}");
    scene.await_drops("no-flow");
    let ping = scene.run("b2", &["ping", "-c1", "-W1", SERVICE_IP]);
    assert!(!ping.ok(), "{ping}");
}

#[test]
fn an_egress_drop_of_priority_1_blocks_and_cuts() {
    let deny = || {
        drop(tcp(WEB_PORT))
            .to(CLIENT_A)
            .priority(1)
            .named("sgr-not-a")
    };
    let reversed = Reversed::new(&Manifest::new().group(deny()));
    reversed.assert_silence("b2", 80);
    reversed.scene.await_drops("group-egress");
    reversed.scene.flow_log().one(&json!({
        "action": "REJECT", "direction": "out", "layer": "security-group",
        "reason": "group-egress", "rule-id": "sgr-not-a", "endpoint-id": "ep-r",
        "srcaddr": ENI, "dstaddr": CLIENT_A, "dstport": WEB_PORT,
        "nat-srcaddr": BACKENDS[1], "nat-dstaddr": SERVICE_IP, "nat-dstport": 80,
    }));
    assert_eq!(reversed.fetch("b2", 81).backend, "client-r");
    let explain = |port| {
        let to = format!("{SERVICE_IP}:{port}");
        reversed.scene.explain(BACKENDS[1], &to, "tcp")
    };
    let told = explain(80);
    assert_eq!(told["reason"], "group-egress", "{told:#}");
    assert_eq!(told["rule-id"], "sgr-not-a", "{told:#}");
    let told = explain(81);
    assert_eq!(told["verdict"], "accepted", "{told:#}");
    assert_eq!(told["backend"]["ip"], CLIENT_R, "{told:#}");
    assert_eq!(told["nat"]["candidates"], json!([ENI]), "{told:#}");

    reversed.reload(&Manifest::new());
    assert_eq!(reversed.fetch("b2", 80).backend, "client-a");
}

fn routed(entries: &[Rule]) -> Manifest {
    Manifest::new().acl(entries)
}

#[test]
fn the_network_acl_is_asked_about_each_way_on_its_own() {
    let out = accept(tcp(WEB_PORT)).to(CLIENT_R);
    let back = accept(tcp_range(EPHEMERAL.0, EPHEMERAL.1)).from(CLIENT_R);

    let reversed = Reversed::new(&routed(&[accept(all()).from(ANYWHERE)]));
    let scene = &reversed.scene;
    reversed.assert_silence("b2", 81);
    scene.flow_log().one(&json!({
        "action": "REJECT", "direction": "out", "layer": "network-acl", "reason": "acl-egress",
        "rule-id": "default-nacl-egress", "srcaddr": ENI, "dstaddr": CLIENT_R,
    }));
    // The ENI's own vSwitch is exempt.
    assert_eq!(reversed.fetch("b2", 80).backend, "client-a");

    reversed.reload(&routed(std::slice::from_ref(&out)));
    let syns = format!("src host {ENI} and tcp[tcpflags] & tcp-syn != 0");
    let capture = Capture::start(&scene.lab, "client-r", "eth0", &syns);
    reversed.assert_silence("b2", 81);
    let seen = capture.stop();
    assert!(seen.contains("Flags [S]"), "the SYN gets there: {seen:?}");
    scene.flow_log().one(&json!({
        "action": "REJECT", "direction": "in", "layer": "network-acl", "reason": "acl-ingress",
        "rule-id": "default-nacl-ingress", "tcp-flags": 0x12,
        "srcaddr": CLIENT_R, "srcport": WEB_PORT, "dstaddr": ENI,
        "nat-srcaddr": SERVICE_IP, "nat-srcport": 81, "nat-dstaddr": BACKENDS[1],
    }));

    // The ports the ENI chose are destination ports on the way back.
    reversed.reload(&routed(&[out, back]));
    assert_eq!(reversed.fetch("b2", 81).backend, "client-r");
}

#[test]
fn dual_stack_is_refused_and_changes_nothing() {
    let reversed = Reversed::new(&Manifest::new());
    let dual = "EndpointType: Reverse\nAddressIpVersion: DualStack";
    let dual = text(&Manifest::new()).replace("EndpointType: Reverse", dual);
    let refused = reversed.scene.daemon.reload(&dual).expect_err("refused");
    let said = format!("{refused:#} {}", reversed.scene.status()["error"]);
    assert!(said.contains("cannot be dual-stack"), "{said}");
    assert_eq!(reversed.fetch("b2", 80).backend, "client-a");
}
