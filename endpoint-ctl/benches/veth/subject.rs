//! What is measured: the same client and the same backend, with the product, nftables or nothing
//! between them. Each subject has a lab of its own, so that one is never tuned for another.
//!
//! May import: std, anyhow, xtask (the lab), crossing, connect and packets (their servers).

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::{Context, Result, ensure};
use xtask::lab::{Daemon, Host, Lab, LabSpec, Namespace, Process, Segment, Wire, address};

use super::crossing::Crossing;
use super::{connect, packets};

/// The hooks at which the product is measured. A further one is a further entry.
const HOOKS: &[Hook] = &[
    Hook {
        name: "xdp",
        manifest: "Hook: xdp\n",
        offloads: false,
    },
    Hook {
        name: "tc",
        manifest: "Hook: tc\n",
        offloads: true,
    },
];

/// Where the product takes packets from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hook {
    /// What `status` calls it.
    name: &'static str,
    /// What chooses it, as a field of the manifest's VSwitch and ProviderNetwork.
    manifest: &'static str,
    /// Whether packets are right for it while senders leave checksums to their offloads.
    offloads: bool,
}

impl Hook {
    /// What `status` calls it.
    pub(crate) fn name(self) -> &'static str {
        self.name
    }
}

/// What stands between client and backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A node with the product at a hook.
    Product(Hook),
    /// A node with nftables: DNAT and masquerade.
    Nftables,
    /// A node that only forwards: no NAT, nobody is asked.
    Direct,
    /// A node whose XDP program only sends on: no node at this hook of a veth can cost less.
    Crossing,
    /// Not even a node: one veth pair.
    Cable,
}

/// A service that the backend offers; the ports before and after NAT differ, so that nothing
/// arrives untranslated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// iperf3.
    Stream,
    /// Connections that are closed at once.
    Connect,
    /// UDP, sent back.
    Echo,
}

impl Service {
    const ALL: [Self; 3] = [Self::Stream, Self::Connect, Self::Echo];

    /// Protocol, port at the endpoint.
    fn front(self) -> (&'static str, u16) {
        match self {
            Self::Stream => ("tcp", 5201),
            Self::Connect => ("tcp", 80),
            Self::Echo => ("udp", 7),
        }
    }

    /// Port at the backend.
    pub(crate) fn back(self) -> u16 {
        match self {
            Self::Stream => 6201,
            Self::Connect => 6080,
            Self::Echo => 6007,
        }
    }
}

/// What runs for one turn.
#[derive(Debug)]
#[expect(dead_code, reason = "what is in it ends when it is dropped")]
pub(crate) enum Running {
    Product(Daemon),
    Crossing(Crossing),
    Nothing,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) kind: Kind,
    // Declared first, so that it goes before its lab.
    _iperf3: Process,
    lab: Lab,
}

/// All subjects with this in their names, up and ready.
pub(crate) fn all(named: &str) -> Result<Vec<Subject>> {
    let products = HOOKS.iter().copied().map(Kind::Product);
    products
        .chain([Kind::Nftables, Kind::Direct, Kind::Crossing, Kind::Cable])
        .filter(|kind| name(*kind).contains(named))
        .map(|kind| Subject::build(kind).with_context(|| name(kind)))
        .collect()
}

fn name(kind: Kind) -> String {
    match kind {
        Kind::Product(hook) => format!("product at {}", hook.name),
        Kind::Nftables => "nftables".to_owned(),
        Kind::Direct => "direct".to_owned(),
        Kind::Crossing => "crossing by xdp".to_owned(),
        Kind::Cable => "cable".to_owned(),
    }
}

fn is_xdp(kind: Kind) -> bool {
    match kind {
        Kind::Product(hook) => !hook.offloads,
        Kind::Crossing => true,
        Kind::Nftables | Kind::Direct | Kind::Cable => false,
    }
}

impl Subject {
    fn build(kind: Kind) -> Result<Self> {
        let lab = Lab::new(&spec(kind))?;
        let iperf3 = lab.iperf3_server("b1", Service::Stream.back())?;
        connect::make_room(lab.ns("client-a"))?;
        connect::serve(lab.ns("b1"), Service::Connect.back())?;
        packets::serve(lab.ns("b1"), Service::Echo.back())?;
        if kind == Kind::Nftables {
            lab.ns("node").must(["nft", &ruleset()])?;
            // New flows of one round must not want for the ports of the round before.
            lab.ns("node")
                .sysctl(&[("netfilter/nf_conntrack_udp_timeout", "3")])?;
        }
        Ok(Self {
            kind,
            _iperf3: iperf3,
            lab,
        })
    }

    /// Starts what costs something while it only waits, for one turn, and sees that packets go
    /// through.
    pub(crate) fn start(&self) -> Result<Running> {
        let running = match self.kind {
            Kind::Product(hook) => Running::Product(start_product(&self.lab, hook)?),
            Kind::Crossing => Running::Crossing(Crossing::attach(&self.lab)?),
            Kind::Nftables | Kind::Direct | Kind::Cable => Running::Nothing,
        };
        packets::probe(self)?;
        Ok(running)
    }

    pub(crate) fn name(&self) -> String {
        name(self.kind)
    }

    /// What a reader must know to judge the figures.
    pub(crate) fn explain(&self) -> &'static str {
        match self.kind {
            Kind::Product(Hook { offloads: true, .. }) => {
                "endpoint-ctl; all offloads on, as on an untuned host"
            }
            Kind::Product(_) => {
                "endpoint-ctl; senders' checksum and segmentation offloads off, as XDP needs it"
            }
            Kind::Nftables => "DNAT and masquerade; all offloads on, as on an untuned host",
            Kind::Direct => "the node forwards, without NAT; all offloads on",
            Kind::Crossing => {
                "an XDP program redirects all IPv4, without NAT or state; offloads off, as above"
            }
            Kind::Cable => "one veth pair, no node; all offloads on",
        }
    }

    /// Whether the node takes frames off its interfaces before an skb is made of them.
    pub(crate) fn is_xdp(&self) -> bool {
        is_xdp(self.kind)
    }

    pub(crate) fn ns(&self, role: &str) -> &Namespace {
        self.lab.ns(role)
    }

    /// Where the client finds a service.
    pub(crate) fn target(&self, service: Service) -> Result<SocketAddrV4> {
        let (ip, port) = match self.kind {
            Kind::Product(_) | Kind::Nftables => (address::ENI_A, service.front().1),
            Kind::Direct | Kind::Crossing | Kind::Cable => (address::BACKENDS[0], service.back()),
        };
        Ok(SocketAddrV4::new(ipv4(ip)?, port))
    }
}

/// An address of the lab.
pub(crate) fn ipv4(text: &str) -> Result<Ipv4Addr> {
    text.parse().with_context(|| text.to_owned())
}

/// Cables, not bridges: a frame then meets nothing but the two ends and the node.
fn spec(kind: Kind) -> LabSpec {
    let port = |role, segment, ip, length| Host::new(role).port("eth0", segment, &[(ip, length)]);
    let client = port("client-a", "vswitch", address::CLIENT_A, 24);
    let backend = port("b1", "pnet", address::BACKENDS[0], 16);
    let node = |vsw_a: &[(&str, u8)]| {
        let node = Host::new("node").port("vsw-a", "vswitch", vsw_a);
        node.port("provider", "pnet", &[(address::NODE, 16)])
    };
    let router = || node(&[(address::ENI_A, 24)]).forwarding();
    let routed = |router| {
        vec![
            client
                .clone()
                .route(&format!("{} via {}", address::BACKENDS[0], address::ENI_A)),
            router,
            backend
                .clone()
                .route(&format!("{} via {}", address::VSWITCH_A, address::NODE)),
        ]
    };
    let hosts = match kind {
        Kind::Product(Hook { offloads: true, .. }) => vec![client, node(&[]), backend],
        Kind::Product(_) => vec![client, node(&[]).xdp(), backend],
        Kind::Nftables => vec![client, router(), backend],
        Kind::Direct => routed(router()),
        Kind::Crossing => routed(router().xdp()),
        Kind::Cable => vec![
            port("client-a", "vswitch", address::CLIENT_A, 16),
            port("b1", "vswitch", address::BACKENDS[0], 16),
        ],
    };
    let segments = match kind {
        Kind::Cable => vec!["vswitch"],
        _ => vec!["vswitch", "pnet"],
    };
    LabSpec {
        segments: segments
            .into_iter()
            .map(|name| Segment::new(name, Wire::Cable))
            .collect(),
        hosts,
        ipv6: false,
        offloads: !is_xdp(kind),
    }
}

/// The daemon, at this hook and no other.
fn start_product(lab: &Lab, hook: Hook) -> Result<Daemon> {
    let daemon = lab.daemon(env!("CARGO_BIN_EXE_endpoint-ctl"), &manifest(hook), &[])?;
    let status = daemon.ctl_json(&["status"])?;
    let interfaces = status["interfaces"].as_array().context("no interfaces")?;
    ensure!(
        interfaces.len() == 2 && interfaces.iter().all(|row| row["hook"] == hook.name),
        "the product is not at hook `{}` on both interfaces: {}",
        hook.name,
        status["interfaces"]
    );
    Ok(daemon)
}

/// All the product's stages have work to do: network ACL, security group, NAT.
fn manifest(hook: Hook) -> String {
    let mut listeners = String::new();
    for service in Service::ALL {
        let (protocol, port) = service.front();
        let _ = writeln!(
            listeners,
            "  - {{ ListenerProtocol: {protocol}, ListenerPort: {port}, \
             Servers: [{{ ServerIp: {}, Port: {} }}] }}",
            address::BACKENDS[0],
            service.back()
        );
    }
    let [first, second] = address::NAT;
    format!(
        "kind: Vpc
VpcId: vpc
CidrBlock: {network}
---
kind: VSwitch
VSwitchId: vsw
VpcId: vpc
ZoneId: lab-a
CidrBlock: {vswitch}
Interface: vsw-a
{hook}---
kind: NetworkAcl
NetworkAclId: nacl
VpcId: vpc
Resources: [{{ ResourceId: vsw, ResourceType: VSwitch }}]
IngressAclEntries:
  - {{ Policy: drop, Protocol: TCP, Port: 23/23, SourceCidrIp: 0.0.0.0/0 }}
  - {{ Policy: accept, Protocol: ALL, Port: -1/-1, SourceCidrIp: 0.0.0.0/0 }}
EgressAclEntries:
  - {{ Policy: accept, Protocol: ALL, Port: -1/-1, DestinationCidrIp: 0.0.0.0/0 }}
---
kind: SecurityGroup
SecurityGroupId: sg
VpcId: vpc
Permissions:
  - {{ Direction: ingress, IpProtocol: TCP, PortRange: 1/65535, SourceCidrIp: {vswitch} }}
  - {{ Direction: ingress, IpProtocol: UDP, PortRange: 1/65535, SourceCidrIp: {vswitch} }}
---
kind: ProviderNetwork
ProviderNetworkId: pnet
CidrBlock: {network}
Interface: provider
NatAddresses: [{first}, {second}]
{hook}---
kind: LoadBalancer
LoadBalancerId: nlb
ProviderNetworkId: pnet
Listeners:
{listeners}---
kind: VpcEndpointService
ServiceId: epsrv
Resources: [{{ ResourceId: nlb, ResourceType: nlb }}]
---
kind: VpcEndpoint
EndpointId: ep
VpcId: vpc
ServiceId: epsrv
SecurityGroupIds: [sg]
Zones: [{{ ZoneId: lab-a, VSwitchId: vsw, ip: {eni} }}]
",
        network = address::NETWORK,
        vswitch = address::VSWITCH_A,
        eni = address::ENI_A,
        hook = hook.manifest,
    )
}

/// The same job in nftables.
fn ruleset() -> String {
    let mut rules = String::new();
    for service in Service::ALL {
        let (protocol, port) = service.front();
        let _ = writeln!(
            rules,
            "    iifname vsw-a ip daddr {} {protocol} dport {port} dnat to {}:{}",
            address::ENI_A,
            address::BACKENDS[0],
            service.back()
        );
    }
    format!(
        "table ip bench {{
  chain prerouting {{
    type nat hook prerouting priority dstnat
{rules}  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat
    oifname provider masquerade
  }}
}}"
    )
}
