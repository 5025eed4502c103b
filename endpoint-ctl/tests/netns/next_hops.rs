//! Next hops follow the kernel's routes and neighbours: what changes there is followed at once,
//! without a restart and without a reload.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::time::{Duration, Instant};

use serde_json::Value;
use xtask::lab::address::{BACKENDS, CLIENT_A, ENI_A};
use xtask::lab::{Host, LabSpec, Segment, Wire, spawn_command};

use crate::manifest::{Manifest, accept, all, server, tcp};
use crate::scene::Scene;
use crate::waiting::{PATIENCE, eventually, eventually_within};
use crate::web;

/// How long it may take until a change is followed: milliseconds on an idle machine. What goes by
/// unseen is found after half a minute.
const AT_ONCE: Duration = Duration::from_secs(3);
/// An address behind routers of the provider network.
const FAR: &str = "10.7.0.10";
const ROUTERS: [&str; 2] = ["10.0.50.1", "10.0.50.2"];

fn manifest(backend: &'static str) -> Manifest {
    Manifest::new()
        .group(accept(all()).from(CLIENT_A))
        .listener(tcp(80), &[server(backend, 8080)])
}

/// What `status` says of the one hop.
#[track_caller]
fn hop(scene: &Scene) -> Value {
    let status = scene.status();
    status["hops"][0].clone()
}

/// Waits until the hop has these fields.
#[track_caller]
fn await_hop(scene: &Scene, limit: Duration, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    let seen = eventually_within(limit, what, || {
        let hop = hop(scene);
        if is_so(&hop) {
            Ok(hop)
        } else {
            Err(hop.to_string())
        }
    });
    println!("{what}: after {:?}", start.elapsed());
    seen
}

/// A page must come at the first try, or soon after.
#[track_caller]
fn must_be_served_at_once(scene: &Scene, backend: &str) {
    let url = format!("http://{ENI_A}/");
    let start = Instant::now();
    let answer = eventually_within(AT_ONCE, "a page comes", || {
        let argv = ["curl", "-sS", "--fail", "--max-time", "0.3", &url];
        let outcome = scene.run("client-a", &argv);
        let answer = web::answers(&outcome.stdout).next();
        answer.ok_or_else(|| outcome.to_string())
    });
    println!("served after {:?}", start.elapsed());
    assert_eq!(answer.backend, backend);
}

/// A loop of requests, each of which must be answered, if need be when sent again.
struct Requests {
    process: xtask::lab::Process,
    output: std::path::PathBuf,
}

impl Requests {
    fn start(scene: &Scene, count: u32) -> Self {
        let output = scene.file("requests");
        let script = format!(
            "for i in $(seq {count}); do \
             curl -sS -o /dev/null -w '%{{http_code}}\\n' --max-time 5 http://{ENI_A}/; \
             sleep 0.02; done 2>&1"
        );
        let mut command = scene.lab.ns("client-a").command("sh");
        command
            .args(["-c", &script])
            .stdout(File::create(&output).expect("the lab's directory takes files"));
        let process = spawn_command(command).expect("sh must start");
        Self { process, output }
    }

    fn answered(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.output).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn await_more(&self, more: usize) {
        let before = self.answered().len();
        eventually("requests go on", || {
            let now = self.answered().len();
            (now >= before + more).then_some(()).ok_or(now.to_string())
        });
    }

    #[track_caller]
    fn must_all_be_answered(self) {
        let status = self.process.wait(Duration::from_mins(1)).expect("awaited");
        let answered = self.answered();
        assert!(
            status.is_some_and(|status| status.success()),
            "{answered:?}"
        );
        assert!(answered.iter().all(|line| line == "200"), "{answered:?}");
    }
}

#[test]
fn a_backend_that_changes_its_mac_is_followed_under_load() {
    let scene = Scene::new(&manifest(BACKENDS[0]));
    let announcing = [("ipv4/conf/eth0/arp_notify", "1")];
    scene.lab.ns("b1").sysctl(&announcing).expect("sysctl");
    let requests = Requests::start(&scene, 150);
    requests.await_more(10);
    for last in 1..=3 {
        let mac = format!("02:00:00:00:11:0{last}");
        scene.must("b1", &["ip", "link", "set", "eth0", "address", &mac]);
        await_hop(&scene, AT_ONCE, "the new MAC", |hop| hop["mac"] == *mac);
        requests.await_more(10);
    }
    requests.must_all_be_answered();
}

#[test]
fn a_backend_that_changes_its_mac_without_a_word_is_asked_for() {
    let scene = Scene::new(&manifest(BACKENDS[0]));
    // The kernel's own times, shortened.
    let neigh = "ipv4/neigh/provider";
    scene
        .lab
        .ns("node")
        .sysctl(&[
            (&format!("{neigh}/delay_first_probe_time"), "1"),
            (&format!("{neigh}/retrans_time_ms"), "100"),
        ])
        .expect("sysctl");
    let mac = "02:00:00:00:11:09";
    scene.must("b1", &["ip", "link", "set", "eth0", "address", mac]);
    let stale = [
        "ip",
        "neigh",
        "change",
        BACKENDS[0],
        "dev",
        "provider",
        "nud",
        "stale",
    ];
    scene.must("node", &stale);
    await_hop(&scene, PATIENCE, "the new MAC", |hop| hop["mac"] == mac);
    must_be_served_at_once(&scene, "b1");
}

#[test]
fn a_neighbour_that_is_deleted_failed_or_away_is_found_again() {
    let scene = Scene::new(&manifest(BACKENDS[0]));
    must_be_served_at_once(&scene, "b1");
    let (backend, device) = (BACKENDS[0], ["dev", "provider"]);
    let neigh = |words: &[&str]| {
        let argv = [&["ip", "neigh"], words, &device].concat();
        scene.must("node", &argv);
    };
    for _ in 0..5 {
        neigh(&["del", backend]);
        must_be_served_at_once(&scene, "b1");
        neigh(&["change", backend, "nud", "failed"]);
        must_be_served_at_once(&scene, "b1");
    }
    // Away for a while: packets are dropped, and the reason told.
    scene.must("b1", &["ip", "link", "set", "eth0", "down"]);
    neigh(&["change", backend, "nud", "failed"]);
    let hop = await_hop(&scene, AT_ONCE, "no MAC any more", |hop| {
        hop["mac"].is_null()
    });
    let note = hop["note"].as_str().expect("a note");
    assert!(note.contains("does not answer"), "{hop}");
    scene.assert_silence("client-a", 80);
    scene.await_drops("next-hop-unresolved");
    scene.must("b1", &["ip", "link", "set", "eth0", "up"]);
    let there = |hop: &Value| hop["mac"].is_string() && hop["note"].is_null();
    await_hop(&scene, PATIENCE, "the MAC is back", there);
    must_be_served_at_once(&scene, "b1");
    let log = scene.daemon.log();
    for told in ["is lost", "is found again"] {
        assert!(log.contains(told), "{told} is not in the log:\n{log}");
    }
}

/// The standard lab with a backend behind two routers, and the node's route through the first.
fn far_scene() -> Scene {
    let router = |role: &str, near: &str, far: &str| {
        Host::new(role)
            .port("eth0", "pnet", &[(near, 16)])
            .port("far", "far", &[(far, 24)])
            .forwarding()
    };
    let mut spec = LabSpec::standard()
        .with_ipv6()
        .with_host(router("gw1", ROUTERS[0], "10.7.0.1"))
        .with_host(router("gw2", ROUTERS[1], "10.7.0.2"))
        .with_host(
            Host::new("bfar")
                .port("eth0", "far", &[(FAR, 24)])
                .route("default via 10.7.0.1"),
        );
    spec.segments.push(Segment::new("far", Wire::Bridge));
    for host in spec.hosts.iter_mut().filter(|host| host.role == "node") {
        host.routes.push(format!("10.7.0.0/24 via {}", ROUTERS[0]));
    }
    Scene::built_as(&spec, &manifest(FAR).text(), &[])
}

#[test]
fn another_gateway_is_followed_and_so_is_a_route_that_is_withdrawn() {
    let scene = far_scene();
    let _server = web::serve(&scene.lab, "bfar", 8080);
    let route = |words: &[&str]| {
        let argv = [&["ip", "route"], words].concat();
        scene.must("node", &argv);
    };
    let via =
        |gateway: &'static str| move |hop: &Value| hop["via"] == gateway && hop["mac"].is_string();
    await_hop(&scene, AT_ONCE, "the first gateway", via(ROUTERS[0]));
    must_be_served_at_once(&scene, "bfar");

    // The first is not in the way any more, in neither direction.
    let requests = Requests::start(&scene, 60);
    requests.await_more(10);
    scene.must(
        "bfar",
        &["ip", "route", "replace", "default", "via", "10.7.0.2"],
    );
    route(&["replace", "10.7.0.0/24", "via", ROUTERS[1]]);
    await_hop(&scene, AT_ONCE, "the second gateway", via(ROUTERS[1]));
    scene.must("gw1", &["ip", "link", "set", "eth0", "down"]);
    requests.await_more(10);
    requests.must_all_be_answered();
    scene.must("gw1", &["ip", "link", "set", "eth0", "up"]);

    // Withdrawn, the kernel takes the address to be on the link, where nobody has it.
    route(&["del", "10.7.0.0/24"]);
    let gone = |hop: &Value| hop["via"] == FAR && hop["mac"].is_null();
    await_hop(&scene, AT_ONCE, "no gateway", gone);
    scene.assert_silence("client-a", 80);
    scene.await_drops("next-hop-unresolved");
    // A gateway of the other family, and a path that takes less.
    let shown = scene.must(
        "gw2",
        &[
            "ip", "-j", "-6", "addr", "show", "dev", "eth0", "scope", "link",
        ],
    );
    let shown: Value = serde_json::from_str(&shown.stdout).expect("ip -j");
    let gateway = shown[0]["addr_info"][0]["local"]
        .as_str()
        .expect("an address");
    let dev = ["dev", "provider", "mtu", "1300"];
    route(&[&["add", "10.7.0.0/24", "via", "inet6", gateway], &dev[..]].concat());
    let by_ipv6 =
        |hop: &Value| hop["via"] == gateway && hop["mac"].is_string() && hop["mtu"] == 1300;
    await_hop(&scene, AT_ONCE, "the IPv6 gateway", by_ipv6);
    must_be_served_at_once(&scene, "bfar");

    // Next hop objects change routes without a word about these, if the kernel is told so.
    let silent = [("ipv4/nexthop_compat_mode", "0")];
    scene.lab.ns("node").sysctl(&silent).expect("sysctl");
    route(&["del", "10.7.0.0/24"]);
    for gateway in [ROUTERS[1], ROUTERS[0]] {
        scene.must(
            "node",
            &[
                "ip", "nexthop", "replace", "id", "1", "via", gateway, "dev", "provider",
            ],
        );
        scene.run("node", &["ip", "route", "add", "10.7.0.0/24", "nhid", "1"]);
        await_hop(&scene, AT_ONCE, "the object's gateway", via(gateway));
    }
    must_be_served_at_once(&scene, "bfar");
}

#[test]
fn what_the_kernel_told_while_nobody_listened_is_caught_up_with() {
    let scene = Scene::new(&manifest(BACKENDS[0]));
    must_be_served_at_once(&scene, "b1");
    let daemon = scene.daemon.process();
    daemon.signal("STOP").expect("sent");
    // Far more than a socket's buffer takes, and what counts at the end.
    let mut flood = String::new();
    for round in 0..40 {
        for last in 1..=100 {
            let mac = format!("02:00:00:00:{round:02x}:77");
            let _ = writeln!(
                flood,
                "neigh replace 10.0.77.{last} lladdr {mac} dev provider nud stale"
            );
        }
    }
    let file = scene.file("flood");
    fs::write(&file, flood).expect("the lab's directory takes files");
    scene.must("node", &["ip", "-batch", crate::scene::argument(&file)]);
    let mac = "02:00:00:00:11:07";
    scene.must("b1", &["ip", "link", "set", "eth0", "address", mac]);
    let new = [
        "ip",
        "neigh",
        "replace",
        BACKENDS[0],
        "lladdr",
        mac,
        "dev",
        "provider",
    ];
    scene.must("node", &new);
    daemon.signal("CONT").expect("sent");
    await_hop(&scene, AT_ONCE, "the new MAC", |hop| hop["mac"] == mac);
    must_be_served_at_once(&scene, "b1");
}
