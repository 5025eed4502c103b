//! A lab with both IP families, one or two VPCs of the same addresses, and a provider network of
//! these addresses too. Imports `scene`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use xtask::lab::address::{BACKENDS, ENI_A, NAT, NETWORK, NODE, VSWITCH_A};
use xtask::lab::{Host, LabSpec, Port, Segment, Wire};

use crate::scene::Scene;

/// An IP family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

pub(crate) const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// How many addresses a client has, of each family.
pub(crate) const CLIENT_ADDRESSES: u8 = 16;
/// The listeners' port, TCP and UDP.
const LISTENER_PORT: u16 = 80;
/// A port with listeners that have no servers and are to say so, TCP and UDP.
const EMPTY_PORT: u16 = 81;
/// The servers' port, TCP and UDP.
pub(crate) const SERVER_PORT: u16 = 7000;

const ENI6: Ipv6Addr = in_vswitch(0x100);
const SERVERS6: [&str; 3] = ["fd00:0:0:150::11", "fd00:0:0:150::12", "fd00:0:0:150::13"];
const NODE6: &str = "fd00:0:0:150::250";

/// An IPv6 address in the vSwitch.
pub(crate) const fn in_vswitch(host: u64) -> Ipv6Addr {
    Ipv6Addr::from_bits((0xfd00_0000_0000_0101 << 64) | host as u128)
}

impl Family {
    /// The endpoint's address and port.
    pub(crate) fn target(self) -> SocketAddr {
        let eni: IpAddr = match self {
            Self::V4 => ENI_A.parse().expect("an address"),
            Self::V6 => ENI6.into(),
        };
        (eni, LISTENER_PORT).into()
    }

    /// The endpoint's address, and a port that nobody serves.
    pub(crate) fn deserted(self) -> SocketAddr {
        (self.target().ip(), EMPTY_PORT).into()
    }

    /// One of the addresses that the clients have.
    pub(crate) fn client(self, number: u8) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::new(10, 0, 1, 10 + number).into(),
            Self::V6 => in_vswitch(0x10 + u64::from(number)).into(),
        }
    }

    /// Its name in `status`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }

    /// What the names of its maps end in.
    pub(crate) fn digit(self) -> char {
        match self {
            Self::V4 => '4',
            Self::V6 => '6',
        }
    }
}

/// A client of the VPC `a`, one of the VPC `b`, and so many servers. What can be is plugged straight
/// into the node.
fn spec(servers: usize, offloads: bool) -> LabSpec {
    let client = |role: &str, segment: &str| {
        let addresses = (0..CLIENT_ADDRESSES).flat_map(|number| {
            let [v4, v6] = FAMILIES.map(|family| family.client(number));
            [format!("{v4}/24"), format!("{v6}/64")]
        });
        let mut port = Port::new("eth0", segment, &[]);
        port.addresses.extend(addresses);
        Host {
            ports: vec![port],
            ..Host::new(role)
        }
    };
    let server = |place: usize| {
        let addresses = [(BACKENDS[place], 16), (SERVERS6[place], 56)];
        Host::new(&format!("b{}", place + 1)).port("eth0", "pnet", &addresses)
    };
    let clients_and_node = [
        client("client-a", "vswitch-a"),
        client("client-b", "vswitch-b"),
        Host::new("node")
            .port("vsw-a", "vswitch-a", &[])
            .port("vsw-b", "vswitch-b", &[])
            .port("provider", "pnet", &[(NODE, 16), (NODE6, 56)])
            .xdp(),
    ];
    LabSpec {
        segments: vec![
            Segment::new("vswitch-a", Wire::Cable),
            Segment::new("vswitch-b", Wire::Cable),
            Segment::new(
                "pnet",
                if servers == 1 {
                    Wire::Cable
                } else {
                    Wire::Bridge
                },
            ),
        ],
        hosts: clients_and_node
            .into_iter()
            .chain((0..servers).map(server))
            .collect(),
        ipv6: true,
        offloads,
    }
}

/// A daemon that serves the VPC `a` by b1.
#[track_caller]
pub(crate) fn one_vpc(options: &[&str]) -> Scene {
    let manifest = format!("{}{}", provider(), tenant("a", &[0]));
    ready(&spec(1, false), &manifest, options)
}

/// The same with a single NAT address of each family.
#[track_caller]
pub(crate) fn one_nat_address() -> Scene {
    let provider = provider();
    let first = format!("[{}, 'fd00:0:0:150::200']", NAT[0]);
    let kept = provider.lines().map(|line| match line.split_once(": ") {
        Some(("NatAddresses", _)) => format!("NatAddresses: {first}\n"),
        _ => format!("{line}\n"),
    });
    let manifest = format!("{}{}", kept.collect::<String>(), tenant("a", &[0]));
    ready(&spec(1, false), &manifest, &[])
}

/// The same by a hook. At TC, senders keep their offloads.
#[track_caller]
pub(crate) fn one_vpc_at(hook: &str) -> Scene {
    let manifest = format!("{}{}", provider(), tenant("a", &[0]));
    ready(&spec(1, hook == "tc"), &hooked(&manifest, hook), &[])
}

/// A manifest with a hook for all its interfaces.
fn hooked(manifest: &str, hook: &str) -> String {
    let interface = |line: &str| {
        if line.starts_with("Interface: ") {
            format!("{line}\nHook: {hook}\n")
        } else {
            format!("{line}\n")
        }
    };
    manifest.lines().map(interface).collect()
}

/// A manifest by which the VPC `a` is served by b1 and the VPC `b` by b2, by a hook.
pub(crate) fn two_apart(hook: &str) -> String {
    let tenants = [tenant("a", &[0]), tenant("b", &[1])].concat();
    hooked(&format!("{}{tenants}", provider()), hook)
}

/// A server's addresses with prefix length.
pub(crate) fn server_addresses(place: usize) -> [String; 2] {
    [
        format!("{}/16", BACKENDS[place]),
        format!("{}/56", SERVERS6[place]),
    ]
}

/// The node's addresses in the provider network, with prefix length.
pub(crate) fn node_addresses() -> [String; 2] {
    [format!("{NODE}/16"), format!("{NODE6}/56")]
}

/// A daemon that serves the VPC `a` by b1 and b2, and the VPC `b` by b1 and b3.
#[track_caller]
pub(crate) fn two_vpcs(options: &[&str]) -> Scene {
    let (a, b) = (tenant("a", &[0, 1]), tenant("b", &[0, 2]));
    ready(&spec(3, false), &format!("{}{a}{b}", provider()), options)
}

#[track_caller]
fn ready(spec: &LabSpec, manifest: &str, options: &[&str]) -> Scene {
    let scene = Scene::without_servers(spec, manifest, options);
    scene.await_servers();
    scene
}

fn provider() -> String {
    format!(
        "kind: ProviderNetwork\nProviderNetworkId: pnet\nCidrBlock: {NETWORK}\n\
         Ipv6CidrBlock: fd00:0:0:100::/56\nInterface: provider\n\
         NatAddresses: [{}, {}, 'fd00:0:0:150::200', 'fd00:0:0:150::201']\n",
        NAT[0], NAT[1]
    )
}

/// A VPC whose one endpoint serves TCP and UDP by some of the servers.
fn tenant(name: &str, servers: &[usize]) -> String {
    let servers = servers.iter().flat_map(|place| {
        [BACKENDS[*place], SERVERS6[*place]]
            .map(|ip| format!("      - {{ ServerIp: '{ip}', Port: {SERVER_PORT}, Weight: 100 }}\n"))
    });
    let servers = servers.collect::<Vec<_>>().concat();
    let listener = |protocol| {
        format!(
            "  - ListenerProtocol: {protocol}\n    ListenerPort: {LISTENER_PORT}\n    \
             HealthCheckConfig: {{ HealthCheckEnabled: false }}\n    Servers:\n{servers}"
        )
    };
    let empty = |protocol| {
        format!(
            "  - ListenerProtocol: {protocol}\n    ListenerPort: {EMPTY_PORT}\n    \
             OnNoBackend: reject\n    Servers: []\n"
        )
    };
    let listeners = [listener("TCP"), listener("UDP"), empty("TCP"), empty("UDP")].concat();
    format!(
        "---\nkind: Vpc\nVpcId: vpc-{name}\nCidrBlock: {NETWORK}\n\
         Ipv6CidrBlock: fd00:0:0:100::/56\n\
         ---\nkind: VSwitch\nVSwitchId: vsw-{name}\nVpcId: vpc-{name}\nZoneId: lab\n\
         CidrBlock: {VSWITCH_A}\nIpv6CidrBlock: fd00:0:0:101::/64\nInterface: vsw-{name}\n\
         ---\nkind: SecurityGroup\nSecurityGroupId: sg-{name}\nVpcId: vpc-{name}\nPermissions:\n  \
         - {{ Direction: ingress, IpProtocol: ALL, PortRange: -1/-1, SourceCidrIp: {VSWITCH_A} }}\n  \
         - {{ Direction: ingress, IpProtocol: ALL, PortRange: -1/-1, \
         Ipv6SourceCidrIp: 'fd00:0:0:101::/64' }}\n\
         ---\nkind: LoadBalancer\nLoadBalancerId: nlb-{name}\nProviderNetworkId: pnet\n\
         Listeners:\n{listeners}\
         ---\nkind: VpcEndpointService\nServiceId: epsrv-{name}\nAddressIpVersion: DualStack\n\
         Resources: [{{ ResourceId: nlb-{name}, ResourceType: nlb }}]\n\
         ---\nkind: VpcEndpoint\nEndpointId: ep-{name}\nAddressIpVersion: DualStack\n\
         VpcId: vpc-{name}\nServiceId: epsrv-{name}\nSecurityGroupIds: [sg-{name}]\n\
         Zones: [{{ ZoneId: lab, VSwitchId: vsw-{name}, ip: {ENI_A}, Ipv6Address: '{ENI6}' }}]\n"
    )
}

/// How full the table of a family is, and how large it is.
#[track_caller]
pub(crate) fn table_use(scene: &Scene, family: Family) -> (u64, u64) {
    let status = scene.status();
    let tables = status["flow-tables"].as_array().expect("flow tables");
    let mine = tables.iter().find(|table| table["family"] == family.name());
    let mine = mine.expect("every family's");
    let number = |key: &str| mine[key].as_u64().expect("a number");
    (number("used"), number("size"))
}
