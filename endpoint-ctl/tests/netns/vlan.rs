//! Clients and servers behind VLAN devices: clients of two VPCs in two VLANs of one trunk, servers
//! behind two tags; at both hooks. Imports `capture`, `dual_stack`, `hooks`, `scene`, `told`, `waiting`.
//!
//! It takes a kernel with VLAN devices: `cargo xtask test netns` leaves these tests out where there
//! are none, and says so.

use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use serde_json::Value;
use xtask::lab::{Host, Lab, LabSpec, Port, Segment, Wire, inside};

use crate::capture::Capture;
use crate::dual_stack::{
    FAMILIES, Family, SERVER_PORT, node_addresses, server_addresses, two_apart,
};
use crate::hooks::{findings, interface};
use crate::scene::Scene;
use crate::told;
use crate::waiting::{PATIENCE, eventually};

/// How long a socket waits.
const WAIT: Duration = Duration::from_secs(5);
/// What hides tags from XDP, of either protocol.
const HIDING: [&str; 4] = [
    "txvlan",
    "rxvlan",
    "tx-vlan-stag-hw-insert",
    "rx-vlan-stag-hw-parse",
];
/// The MAC address of `vsw-b`, which is not its trunk's.
const MAC_B: &str = "02:00:00:00:33:0b";

/// What the node has: its trunks are `front` and `back`.
const NODE: &[&str] = &[
    "link add link front name vsw-a type vlan id 100",
    "link add link front name vsw-b address 02:00:00:00:33:0b type vlan id 101",
    "link add link front name other type vlan id 102",
    "link add link back name outer type vlan proto 802.1ad id 200",
    "link add link outer name provider mtu 1500 type vlan id 7",
    "addr add 192.0.2.1/24 dev other",
    "addr add 198.51.100.1/24 dev front",
    "link set vsw-a up",
    "link set vsw-b up",
    "link set other up",
    "link set outer up",
    "link set provider up",
];

/// The lab with all VLAN devices. XDP is to see tags.
#[track_caller]
fn lab(hook: &str) -> Lab {
    let plugged = |role: &str, segment: &str| Host::new(role).port("eth0", segment, &[]);
    let mut node = Host::new("node").xdp();
    node.ports = vec![
        Port::new("front", "vswitch", &[]),
        Port::new("back", "pnet", &[]),
    ];
    let spec = LabSpec {
        segments: vec![
            Segment::new("vswitch", Wire::Bridge),
            Segment::new("pnet", Wire::Bridge),
        ],
        hosts: vec![
            plugged("client-a", "vswitch"),
            plugged("client-b", "vswitch"),
            node,
            plugged("b1", "pnet"),
            plugged("b2", "pnet"),
        ],
        ipv6: true,
        offloads: hook == "tc",
    };
    // Two tags are four bytes more than interfaces carry beside their MTU.
    let lab = Lab::new(&spec.with_mtu("pnet", 1504)).expect("the lab must come up");
    let lines = |role: &str, lines: &[String]| {
        let done = lab.ns(role).ip_batch(lines);
        done.expect("ip");
    };
    let mut on_node: Vec<_> = NODE.iter().map(|&line| line.to_owned()).collect();
    on_node.extend(node_addresses().map(|ip| format!("addr add {ip} dev provider")));
    lines("node", &on_node);
    for (role, vlan) in [("client-a", 100), ("client-b", 101)] {
        let mut on_client = vec![
            format!("link add link eth0 name vlan0 type vlan id {vlan}"),
            "link set vlan0 up".to_owned(),
            "link add link eth0 name other type vlan id 102".to_owned(),
            "link set other up".to_owned(),
        ];
        for (family, length) in FAMILIES.into_iter().zip([24, 64]) {
            on_client.push(format!("addr add {}/{length} dev vlan0", family.client(0)));
        }
        lines(role, &on_client);
    }
    lines(
        "client-a",
        &["192.0.2.2/24 dev other", "198.51.100.2/24 dev eth0"].map(|to| format!("addr add {to}")),
    );
    for (place, role) in ["b1", "b2"].into_iter().enumerate() {
        let mut on_server = vec![
            "link add link eth0 name outer type vlan proto 802.1ad id 200".to_owned(),
            "link set outer up".to_owned(),
            "link add link outer name vlan0 mtu 1500 type vlan id 7".to_owned(),
            "link set vlan0 up".to_owned(),
        ];
        on_server.extend(server_addresses(place).map(|ip| format!("addr add {ip} dev vlan0")));
        lines(role, &on_server);
    }
    if hook != "tc" {
        for (role, device) in [
            ("vswitch", "node"),
            ("pnet", "node"),
            ("node", "front"),
            ("node", "back"),
        ] {
            let off = HIDING.iter().flat_map(|name| [name, "off"]);
            let argv: Vec<_> = ["ethtool", "-K", device].into_iter().chain(off).collect();
            lab.ns(role).must(argv).expect("ethtool");
        }
    }
    lab
}

#[track_caller]
fn scene(hook: &str) -> Scene {
    let scene = Scene::in_lab(lab(hook), &two_apart(hook), &[]);
    scene.await_servers();
    scene
}

#[test]
fn endpoints_are_served_over_vlans_at_the_xdp_hook() {
    let scene = scene("xdp");
    for (name, note) in [
        ("vsw-a", "by front, VLAN 100"),
        ("vsw-b", "by front, VLAN 101"),
        ("provider", "by back, VLAN 200.7"),
    ] {
        let row = interface(&scene, name);
        assert_eq!((&row["hook"], &row["note"]), (&"xdp".into(), &note.into()));
        assert_eq!(findings(&scene, name, "warning"), [] as [Value; 0]);
    }
    are_served(&scene);
}

#[test]
fn endpoints_are_served_over_vlans_at_the_tc_hook() {
    let scene = scene("tc");
    let row = interface(&scene, "provider");
    assert_eq!((&row["hook"], &row["note"]), (&"tc".into(), &Value::Null));
    are_served(&scene);
}

#[test]
fn a_reload_moves_between_the_vlan_device_and_its_trunk() {
    let scene = scene("xdp");
    // No interface takes a program as long as one above it has one.
    for hook in ["xdp-generic", "xdp", "tc", "xdp"] {
        scene.daemon.reload(&two_apart(hook)).expect("in force");
        for name in ["vsw-a", "vsw-b", "provider"] {
            assert_eq!(interface(&scene, name)["hook"], hook);
        }
        ping(&scene, "client-a");
        ping(&scene, "client-b");
    }
}

fn are_served(scene: &Scene) {
    for family in FAMILIES {
        let eni = family.target().ip().to_string();
        for client in ["client-a", "client-b"] {
            scene.must(client, &["ping", "-c2", "-i0.2", "-W5", "-s1400", &eni]);
        }
        let shown = scene.must("client-b", &["ip", "neigh", "show", &eni]);
        assert!(shown.stdout.contains(MAC_B), "{shown}");
        are_kept_apart(scene, family);
        streams(scene, family);
    }
    others_are_left_alone(scene);
    tags_are_as_they_should_be(scene);
    told::are_told(scene);
}

/// Both clients talk by the same addresses and ports, each with its own server.
fn are_kept_apart(scene: &Scene, family: Family) {
    let any: SocketAddr = (Ipv6Addr::UNSPECIFIED, SERVER_PORT).into();
    for (client, server) in [("client-a", "b1"), ("client-b", "b2")] {
        let server = inside(scene.lab.ns(server), || Ok(UdpSocket::bind(any)?)).expect("free");
        server.set_read_timeout(Some(WAIT)).expect("a socket");
        let socket = inside(scene.lab.ns(client), || {
            let socket = UdpSocket::bind((family.client(0), 40_000))?;
            socket.connect(family.target())?;
            Ok(socket)
        });
        let socket = socket.expect("a socket");
        socket.set_read_timeout(Some(WAIT)).expect("a socket");
        // The second time in fragments.
        for length in [10, 3000] {
            let said = vec![client.len() as u8; length];
            let mut heard = [0; 4000];
            socket.send(&said).expect("sent");
            let (got, nat) = server.recv_from(&mut heard).expect("it arrives");
            assert_eq!(heard.get(..got), Some(&said[..]), "{family:?}");
            server.send_to(&said, nat).expect("sent");
            let got = socket.recv(&mut heard).expect("the answer arrives");
            assert_eq!(heard.get(..got), Some(&said[..]), "{family:?}");
        }
    }
}

/// A megabyte each way over TCP.
fn streams(scene: &Scene, family: Family) {
    const BYTES: usize = 1_000_000;
    let listener = inside(scene.lab.ns("b1"), || {
        Ok(TcpListener::bind((Ipv6Addr::UNSPECIFIED, SERVER_PORT))?)
    });
    let listener = listener.expect("the port is free");
    let client = inside(scene.lab.ns("client-a"), || {
        Ok(TcpStream::connect_timeout(&family.target(), WAIT)?)
    });
    let client = client.expect("a connection");
    let (server, _) = listener.accept().expect("it is there");
    for (from, to) in [(&client, &server), (&server, &client)] {
        to.set_read_timeout(Some(WAIT)).expect("a socket");
        std::thread::scope(|scope| {
            let (mut from, mut to) = (from, to);
            scope.spawn(move || std::io::Write::write_all(&mut from, &vec![7; BYTES]));
            let mut heard = vec![0; BYTES];
            let read = std::io::Read::read_exact(&mut to, &mut heard);
            read.unwrap_or_else(|error| panic!("{family:?}: {error}"));
            assert!(heard.iter().all(|byte| *byte == 7), "{family:?}");
        });
    }
}

/// The node's own addresses on the same trunk: in a VLAN that is not bound, and without any.
fn others_are_left_alone(scene: &Scene) {
    for address in ["192.0.2.1", "198.51.100.1"] {
        scene.must("client-a", &["ping", "-c2", "-i0.2", "-W5", address]);
    }
}

fn tags_are_as_they_should_be(scene: &Scene) {
    let frames = |role: &str| Capture::of_frames(&scene.lab, role, "eth0");
    let (client, server) = (frames("client-a"), frames("b1"));
    let refused = scene.run(
        "client-a",
        &[
            "nc",
            "-z",
            "-w3",
            &Family::V4.target().ip().to_string(),
            "80",
        ],
    );
    // Nobody listens there by now, and it is the server who says so.
    assert!(!refused.ok(), "{refused}");
    std::thread::sleep(Duration::from_millis(300));
    let (client, server) = (client.stop(), server.stop());
    let syns = |seen: &str, tags: &str| {
        let mut lines = seen.lines().filter(|line| line.contains(tags));
        lines.any(|line| line.contains("Flags [S]")) && seen.contains("Flags [R.]")
    };
    assert!(syns(&client, "vlan 100, p 0, ethertype IPv4"), "{client}");
    let tags = "vlan 200, p 0, ethertype 802.1Q (0x8100), vlan 7, p 0, ethertype IPv4";
    assert!(syns(&server, tags), "{server}");
    for (seen, tag) in [(&client, "vlan 100,"), (&server, "vlan 200,")] {
        let tcp = seen.lines().filter(|line| line.contains("Flags ["));
        let untagged: Vec<_> = tcp.filter(|line| !line.contains(tag)).collect();
        assert_eq!(untagged, [] as [&str; 0]);
    }
}

#[track_caller]
fn await_hook(scene: &Scene, name: &str, hook: &str) {
    eventually(&format!("{name} is {hook}"), || {
        let row = interface(scene, name);
        (row["hook"] == hook).then_some(()).ok_or(row.to_string())
    });
}

fn ping(scene: &Scene, client: &str) {
    let eni = Family::V4.target().ip().to_string();
    scene.must(client, &["ping", "-c1", "-W5", &eni]);
}

#[test]
fn vlan_devices_and_trunks_that_go_and_come_back_are_bound_again() {
    let scene = scene("xdp");
    go_and_come_back(&scene);
}

fn go_and_come_back(scene: &Scene) {
    let on_node = |line: &str| {
        let argv: Vec<_> = ["ip"].into_iter().chain(line.split(' ')).collect();
        scene.must("node", &argv);
    };
    let has_program = || {
        let shown = scene.must("node", &["ip", "link", "show", "dev", "front"]);
        shown.stdout.contains("xdp")
    };
    on_node("link del vsw-a");
    await_hook(scene, "vsw-a", "detached");
    // The other VLAN of the trunk does not notice.
    ping(scene, "client-b");
    on_node("link del vsw-b");
    await_hook(scene, "vsw-b", "detached");
    assert!(!has_program(), "nobody needs it there");
    for line in &NODE[..2] {
        on_node(line);
    }
    for (name, client) in [("vsw-a", "client-a"), ("vsw-b", "client-b")] {
        on_node(&format!("link set {name} up"));
        await_hook(scene, name, "xdp");
        ping(scene, client);
    }
    // With the trunk go all its VLAN devices.
    on_node("link del front");
    await_hook(scene, "vsw-a", "detached");
    await_hook(scene, "vsw-b", "detached");
    let far = scene.lab.ns("vswitch").name().to_owned();
    on_node(&format!(
        "link add front type veth peer name node netns {far}"
    ));
    for (role, device) in [("vswitch", "node"), ("node", "front")] {
        let off = ["tx", "tso", "gso"].into_iter().chain(HIDING);
        let off = off.flat_map(|name| [name, "off"]).chain(["gro", "on"]);
        let argv: Vec<_> = ["ethtool", "-K", device].into_iter().chain(off).collect();
        scene.must(role, &argv);
    }
    scene.must(
        "vswitch",
        &["ip", "link", "set", "node", "master", "br0", "up"],
    );
    on_node("link set front up");
    for line in &NODE[..2] {
        on_node(line);
    }
    for (name, client) in [("vsw-a", "client-a"), ("vsw-b", "client-b")] {
        on_node(&format!("link set {name} up"));
        await_hook(scene, name, "xdp");
        scene.must(client, &["ip", "neigh", "flush", "all"]);
        ping(scene, client);
    }
}

#[test]
fn the_trunk_itself_may_be_bound_beside_its_vlans_by_the_same_hook() {
    let lab = lab("xdp");
    // Untagged frames are the VPC `b`'s.
    let manifest = |hook: &str| {
        let own = format!("Interface: front\nHook: {hook}");
        two_apart("xdp").replace("Interface: vsw-b\nHook: xdp", &own)
    };
    let scene = Scene::in_lab(lab, &manifest("auto"), &[]);
    scene.await_servers();
    assert_eq!(interface(&scene, "front")["hook"], "xdp");
    let move_client = "ip addr add 10.0.1.10/24 dev eth0; ip link del vlan0";
    scene.must("client-b", &["sh", "-c", move_client]);
    ping(&scene, "client-a");
    ping(&scene, "client-b");
    let told = ["interface front", "VLAN devices on it", "Hook: auto"];
    is_refused(&scene, &manifest("tc"), &told);
}

#[test]
fn tags_that_are_hidden_are_warned_of_and_what_cannot_be_bound_is_refused() {
    let scene = scene("xdp");
    hidden_tags_are_warned_of(&scene);
    what_has_no_driver_below_is_refused(&scene);
}

fn hidden_tags_are_warned_of(scene: &Scene) {
    for (name, segment, feature) in [
        ("vsw-a", "vswitch", "txvlan"),
        ("provider", "pnet", "tx-vlan-stag-hw-insert"),
    ] {
        scene.must(segment, &["ethtool", "-K", "node", feature, "on"]);
        let reload = || scene.daemon.reload(&two_apart("xdp")).expect("in force");
        reload();
        let found = findings(scene, name, "warning");
        assert_eq!(found.len(), 1, "{found:?}");
        let mend = found[0]["mend"].as_str().expect("a mend");
        assert!(mend.ends_with(&format!("node {feature} off")), "{mend}");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", mend]);
        let mended = xtask::lab::run_command(command, PATIENCE).expect("it starts");
        assert!(mended.ok(), "{mended}");
        reload();
        assert_eq!(findings(scene, name, "warning"), [] as [Value; 0]);
    }
}

/// Refused, and why; the rest is served on.
#[track_caller]
fn is_refused(scene: &Scene, manifest: &str, told: &[&str]) {
    let asked = scene.daemon.request_reload(manifest);
    asked.expect("the daemon is told");
    eventually("it is refused", || {
        let said = scene.status()["error"].to_string();
        let all = told.iter().all(|told| said.contains(told));
        all.then_some(()).ok_or(said)
    });
    ping(scene, "client-a");
    ping(scene, "client-b");
}

fn what_has_no_driver_below_is_refused(scene: &Scene) {
    let more = [
        "link add link provider name third type vlan id 8",
        "link add br9 type bridge",
        "link add link br9 name br9.5 type vlan id 5",
    ];
    let made = scene.lab.ns("node").ip_batch(&more.map(str::to_owned));
    made.expect("ip");
    for (interface, told) in [
        ("third", "more than two VLAN devices"),
        ("br9.5", "attached to by br9 below it"),
    ] {
        let line = format!("Interface: {interface}\n");
        let manifest = two_apart("xdp").replace("Interface: vsw-b\n", &line);
        is_refused(scene, &manifest, &[interface, told, "Hook: auto"]);
    }
}
