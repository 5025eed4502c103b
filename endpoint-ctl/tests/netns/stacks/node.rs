//! A node in a lab of both IP families, with what a test adds to either side: routers, narrow links,
//! a host on both sides. Imports `dual_stack` (families), `scene`, `waiting`.

use std::fmt::Write as _;
use std::sync::Mutex;

use xtask::lab::{Host, LabSpec, Port, Segment, Wire, address};

use crate::dual_stack::Family;
use crate::scene::Scene;

/// Where the programs are attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hook {
    Xdp,
    /// Senders keep their offloads here, as on a host that nobody tuned.
    Tc,
}

/// An address of each family.
pub(super) type Pair = [&'static str; 2];

pub(super) const ENI: Pair = [address::ENI_A, "fd00:0:0:101::100"];
pub(super) const CLIENT_A: Pair = [address::CLIENT_A, "fd00:0:0:101::10"];
/// A host with a leg on either side: as a client, and as a server.
pub(super) const BOTH: Pair = ["10.0.1.20", "fd00:0:0:101::20"];
pub(super) const BOTH_SERVING: Pair = ["10.0.50.20", "fd00:0:0:150::20"];
/// What servers see.
pub(super) const NAT: Pair = [address::NAT[0], "fd00:0:0:150::200"];
pub(super) const SERVERS: [Pair; 3] = [
    [address::BACKENDS[0], "fd00:0:0:150::11"],
    [address::BACKENDS[1], "fd00:0:0:150::12"],
    [address::BACKENDS[2], "fd00:0:0:150::13"],
];
/// A server behind the provider's narrow link.
pub(super) const FAR: Pair = ["10.7.0.10", "fd00:0:0:270::10"];
/// Its link's MTU; IPv6 knows none below 1280.
pub(super) const STRAIT_MTU: u32 = 1300;
/// The MTU of the link between the routers of client R.
pub(super) const NARROW_MTU: u32 = 1400;
/// Client R's routers: one before the narrow link, one without any.
pub(super) const OUTER: Pair = ["10.0.9.1", "fd00:0:0:109::1"];
pub(super) const R2: Pair = ["10.0.9.2", "fd00:0:0:109::2"];

/// The address of a family.
pub(super) fn of(family: Family, pair: Pair) -> &'static str {
    match family {
        Family::V4 => pair[0],
        Family::V6 => pair[1],
    }
}

/// `http://...` for the endpoint.
pub(super) fn url(family: Family, port: u16, path: &str) -> String {
    match family {
        Family::V4 => format!("http://{}:{port}/{path}", ENI[0]),
        Family::V6 => format!("http://[{}]:{port}/{path}", ENI[1]),
    }
}

/// Does the same at either hook, each in a lab of its own and both at once.
#[track_caller]
pub(super) fn at_both_hooks(check: impl Fn(Hook) + Sync) {
    let check = &check;
    std::thread::scope(|scope| {
        let threads = [Hook::Xdp, Hook::Tc].map(|hook| (hook, scope.spawn(move || check(hook))));
        for (hook, thread) in threads {
            assert!(thread.join().is_ok(), "at {hook:?}: see above");
        }
    });
}

/// An interface with addresses of both families.
fn port(name: &str, segment: &str, lengths: [u8; 2], pairs: &[Pair]) -> Port {
    let addresses = pairs
        .iter()
        .flat_map(|[v4, v6]| [(*v4, lengths[0]), (*v6, lengths[1])]);
    Port::new(name, segment, &addresses.collect::<Vec<_>>())
}

fn host(role: &str, ports: impl Into<Vec<Port>>) -> Host {
    Host {
        ports: ports.into(),
        ..Host::new(role)
    }
}

fn server(place: usize) -> Host {
    let role = format!("b{}", place + 1);
    host(&role, [port("eth0", "pnet", [16, 56], &[SERVERS[place]])])
}

/// Client A, the node, and so many servers.
pub(super) fn spec(hook: Hook, servers: usize) -> LabSpec {
    let node_hosts = [
        host("client-a", [port("eth0", "vswitch", [24, 64], &[CLIENT_A])]),
        host(
            "node",
            [
                Port::new("vsw-a", "vswitch", &[]),
                port(
                    "provider",
                    "pnet",
                    [16, 56],
                    &[[address::NODE, "fd00:0:0:150::250"]],
                ),
            ],
        )
        .route("10.7.0.0/24 via 10.0.50.1")
        .route("fd00:0:0:270::/64 via fd00:0:0:150::1")
        .xdp(),
    ];
    LabSpec {
        segments: vec![
            Segment::new("vswitch", Wire::Bridge),
            Segment::new("pnet", Wire::Bridge),
        ],
        hosts: node_hosts
            .into_iter()
            .chain((0..servers).map(server))
            .collect(),
        ipv6: true,
        offloads: hook == Hook::Tc,
    }
}

/// Adds client R, which comes through `outer`, a narrow link and `r1`, or through `r2`:
///
/// ```text
/// client-r -- last --+-- outer -- narrow (1400) -- r1 --+-- vswitch
///                    +-- r2 ----------------------------+
/// ```
pub(super) fn with_client_r(mut spec: LabSpec) -> LabSpec {
    let v6 = "fd00:0:0:109::10";
    spec.segments.push(Segment::new("last", Wire::Bridge));
    spec.segments.push(Segment {
        mtu: NARROW_MTU,
        ..Segment::new("narrow", Wire::Cable)
    });
    let near = |ip: Pair| port("near", "vswitch", [24, 64], &[ip]);
    let narrow = |ip: Pair| port("narrow", "narrow", [24, 64], &[ip]);
    let last = |ip: Pair| port("last", "last", [24, 64], &[ip]);
    spec.with_host(
        host("client-r", [last(["10.0.9.10", v6])])
            .route(&format!("default via {}", OUTER[0]))
            .route(&format!("default via {}", OUTER[1])),
    )
    .with_host(
        host(
            "outer",
            [last(OUTER), narrow(["10.0.8.2", "fd00:0:0:108::2"])],
        )
        .route("10.0.1.0/24 via 10.0.8.1")
        .route("fd00:0:0:101::/64 via fd00:0:0:108::1")
        .forwarding(),
    )
    .with_host(
        host(
            "r1",
            [
                near(["10.0.1.1", "fd00:0:0:101::1"]),
                narrow(["10.0.8.1", "fd00:0:0:108::1"]),
            ],
        )
        .route("10.0.9.0/24 via 10.0.8.2")
        .route("fd00:0:0:109::/64 via fd00:0:0:108::2")
        .forwarding(),
    )
    .with_host(host("r2", [near(["10.0.1.2", "fd00:0:0:101::2"]), last(R2)]).forwarding())
}

/// Adds the server `far`, behind two routers with a narrow link between them:
///
/// ```text
/// pnet -- p1 -- strait (1300) -- p2 -- beyond -- far
/// ```
pub(super) fn with_far(mut spec: LabSpec) -> LabSpec {
    spec.segments.push(Segment {
        mtu: STRAIT_MTU,
        ..Segment::new("strait", Wire::Cable)
    });
    spec.segments.push(Segment::new("beyond", Wire::Cable));
    let strait = |ip: Pair| port("strait", "strait", [24, 64], &[ip]);
    let beyond = |ip: Pair| port("beyond", "beyond", [24, 64], &[ip]);
    spec.with_host(
        host(
            "p1",
            [
                port(
                    "near",
                    "pnet",
                    [16, 56],
                    &[["10.0.50.1", "fd00:0:0:150::1"]],
                ),
                strait(["10.7.1.1", "fd00:0:0:271::1"]),
            ],
        )
        .route("10.7.0.0/24 via 10.7.1.2")
        .route("fd00:0:0:270::/64 via fd00:0:0:271::2")
        .forwarding(),
    )
    .with_host(
        host(
            "p2",
            [
                strait(["10.7.1.2", "fd00:0:0:271::2"]),
                beyond(["10.7.0.1", "fd00:0:0:270::1"]),
            ],
        )
        .route("10.0.0.0/16 via 10.7.1.1")
        .route("fd00:0:0:100::/56 via fd00:0:0:271::1")
        .forwarding(),
    )
    .with_host(
        host("far", [beyond(FAR)])
            .route("default via 10.7.0.1")
            .route("default via fd00:0:0:270::1"),
    )
}

/// Adds a host that is a client and a server. In the provider network it also answers at the address
/// that it has as a client.
pub(super) fn with_both(spec: LabSpec) -> LabSpec {
    spec.with_host(host(
        "both",
        [
            port("eth0", "vswitch", [24, 64], &[BOTH]),
            Port {
                addresses: vec![
                    format!("{}/24", BOTH_SERVING[0]),
                    format!("{}/64", BOTH_SERVING[1]),
                    format!("{}/128", BOTH[1]),
                ],
                ..Port::new("eth1", "pnet", &[])
            },
        ],
    ))
}

/// A listener with servers of both families.
pub(super) struct Listener {
    pub(super) protocol: &'static str,
    pub(super) port: u16,
    pub(super) servers: Vec<Pair>,
    pub(super) server_port: u16,
    pub(super) health_check: &'static str,
}

/// One that is not probed.
pub(super) fn listener(
    protocol: &'static str,
    port: u16,
    servers: &[Pair],
    server_port: u16,
) -> Listener {
    Listener {
        protocol,
        port,
        servers: servers.to_vec(),
        server_port,
        health_check: "HealthCheckEnabled: false",
    }
}

fn listeners_text(listeners: &[Listener]) -> String {
    let mut text = String::new();
    for listener in listeners {
        let Listener {
            protocol,
            port,
            server_port,
            health_check,
            ..
        } = listener;
        let _ = write!(
            text,
            "  - ListenerProtocol: {protocol}\n    ListenerPort: {port}\n    \
             HealthCheckConfig: {{ {health_check} }}\n    Servers:\n"
        );
        for ip in listener.servers.iter().flatten() {
            let _ = writeln!(
                text,
                "      - {{ ServerIp: '{ip}', Port: {server_port}, Weight: 100 }}"
            );
        }
    }
    text
}

/// Everybody may reach the endpoint; `endpoint` are further fields of it, a line each.
pub(super) fn manifest(hook: Hook, listeners: &[Listener], endpoint: &str) -> String {
    let hook = match hook {
        Hook::Xdp => "xdp",
        Hook::Tc => "tc",
    };
    let listeners = listeners_text(listeners);
    format!(
        "kind: ProviderNetwork\nProviderNetworkId: pnet\nCidrBlock: {network}\n\
         Ipv6CidrBlock: fd00:0:0:100::/56\nInterface: provider\nHook: {hook}\n\
         NatAddresses: [{}, '{}']\n\
         ---\nkind: Vpc\nVpcId: vpc-a\nCidrBlock: {network}\nIpv6CidrBlock: fd00:0:0:100::/56\n\
         ---\nkind: VSwitch\nVSwitchId: vsw-a\nVpcId: vpc-a\nZoneId: lab\n\
         CidrBlock: {}\nIpv6CidrBlock: fd00:0:0:101::/64\nInterface: vsw-a\nHook: {hook}\n\
         ---\nkind: SecurityGroup\nSecurityGroupId: sg-a\nVpcId: vpc-a\nPermissions:\n  \
         - {{ Direction: ingress, IpProtocol: ALL, PortRange: -1/-1, SourceCidrIp: 0.0.0.0/0 }}\n  \
         - {{ Direction: ingress, IpProtocol: ALL, PortRange: -1/-1, Ipv6SourceCidrIp: '::/0' }}\n\
         ---\nkind: LoadBalancer\nLoadBalancerId: nlb-a\nProviderNetworkId: pnet\n\
         Listeners:\n{listeners}\
         ---\nkind: VpcEndpointService\nServiceId: epsrv-a\nAddressIpVersion: DualStack\n\
         Resources: [{{ ResourceId: nlb-a, ResourceType: nlb }}]\n\
         ---\nkind: VpcEndpoint\nEndpointId: ep-a\nAddressIpVersion: DualStack\n\
         VpcId: vpc-a\nServiceId: epsrv-a\nSecurityGroupIds: [sg-a]\n\
         Zones: [{{ ZoneId: lab, VSwitchId: vsw-a, ip: {}, Ipv6Address: '{}' }}]\n{endpoint}",
        NAT[0],
        NAT[1],
        address::VSWITCH_A,
        ENI[0],
        ENI[1],
        network = address::NETWORK,
    )
}

/// A daemon at work in that lab, that has found all servers.
#[track_caller]
pub(super) fn ready(spec: &LabSpec, manifest: &str) -> Scene {
    // One after the other: starting takes the processor, and the next one has a time limit too.
    static STARTS: Mutex<()> = Mutex::new(());
    let starts = STARTS.lock();
    let scene = Scene::without_servers(spec, manifest, &[]);
    drop(starts);
    scene.await_servers();
    scene
}

/// Nothing must have been dropped so far.
#[track_caller]
pub(super) fn assert_no_drops(scene: &Scene) {
    assert_eq!(scene.status()["drops"].to_string(), "[]");
}
