//! Small packets of established flows, from the in-kernel generator to the backend's interface.
//! Sockets at either end would cost more than all that lies between, and hide it.
//!
//! May import: std, anyhow, serde_json, xtask (the lab), generator, interface, subject.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use xtask::lab::{Namespace, address, inside};

use super::generator::{Aim, Amount, Generator};
use super::interface::Interface;
use super::subject::{Service, Subject, ipv4};

/// Flows that packets belong to; a power of two.
const FLOWS: u16 = 1_024;
/// The client's port of the first of them.
const FIRST_PORT: u16 = 0x4000;
/// New flows, of one packet each; a power of two, and no more than may be half-open.
const NEW_FLOWS: u16 = 32_768;
/// How long a first answer may take: next hops may have to be found.
const PATIENCE: Duration = Duration::from_secs(10);
const TRY: Duration = Duration::from_millis(200);

/// Where packets end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FarEnd {
    /// In an XDP program on the backend's interface.
    Driver,
    /// At the door of the backend's stack, which had to make an skb of each.
    Stack,
}

/// Sends datagrams back, until the bench ends.
pub(crate) fn serve(namespace: &Namespace, port: u16) -> Result<()> {
    inside(namespace, || {
        let socket = UdpSocket::bind(("0.0.0.0", port))?;
        std::thread::spawn(move || {
            let mut bytes = [0; 64];
            loop {
                if let Ok((length, client)) = socket.recv_from(&mut bytes) {
                    let _ = socket.send_to(&bytes[..length], client);
                }
            }
        });
        Ok(())
    })
}

/// Packets per second of established flows that reach the far end.
pub(crate) fn per_second(subject: &Subject, limit: Duration, far_end: FarEnd) -> Result<f64> {
    open_flows(subject, FLOWS)?;
    let client = ipv4(address::CLIENT_A)?;
    send(subject, client, FLOWS, Amount::For(limit), far_end)
}

/// New flows per second, of a client that nobody has seen yet in this many rounds.
pub(crate) fn new_flows_per_second(subject: &Subject, round: u64, far_end: FarEnd) -> Result<f64> {
    let [a, b, c, _] = ipv4(address::CLIENT_A)?.octets();
    let stranger = Ipv4Addr::new(a, b, c, 150 + (round % 32) as u8);
    send(subject, stranger, NEW_FLOWS, Amount::OneEach, far_end)
}

fn send(
    subject: &Subject,
    src: Ipv4Addr,
    flows: u16,
    amount: Amount,
    far_end: FarEnd,
) -> Result<f64> {
    let target = subject.target(Service::Echo)?;
    let (client, node) = (
        Interface::find(subject.ns("client-a"), "eth0")?,
        Interface::find(subject.ns("node"), "vsw-a")?,
    );
    let aim = Aim {
        ifindex: client.ifindex,
        src_mac: client.mac,
        dst_mac: node.mac,
        src,
        first_port: FIRST_PORT,
        flows,
        dst: target,
    };
    let mut generator = Generator::load()?;
    let _taken = (!subject.is_xdp())
        .then(|| GroOn::set(subject.ns("node"), "vsw-a"))
        .transpose()?;
    let send =
        |generator: &mut Generator| inside(subject.ns("client-a"), || generator.send(&aim, amount));
    let backend = subject.ns("b1");
    let (arrived, (sent, took)) = match far_end {
        FarEnd::Driver => {
            let ifindex = Interface::find(backend, "eth0")?.ifindex;
            let port = Service::Echo.back();
            let link = inside(backend, || generator.attach_sink(ifindex, port))?;
            let done = send(&mut generator)?;
            generator.detach_sink(link)?;
            (generator.arrived()?, done)
        }
        FarEnd::Stack => {
            let door = Door::shut(backend)?;
            let done = send(&mut generator)?;
            (door.arrived()?, done)
        }
    };
    // Some may be lost to full rings, and are not counted. Most of them lost is another matter.
    ensure!(
        arrived * 2 > sent,
        "of {sent} packets that were sent, {arrived} arrived"
    );
    Ok(f64::from(u32::try_from(arrived)?) / took.as_secs_f64())
}

/// Waits until the backend answers.
pub(crate) fn probe(subject: &Subject) -> Result<()> {
    open_flows(subject, 1)
}

/// Opens flows, each by a datagram and its answer.
fn open_flows(subject: &Subject, flows: u16) -> Result<()> {
    let target = SocketAddr::from(subject.target(Service::Echo)?);
    let start = Instant::now();
    inside(subject.ns("client-a"), || {
        for port in FIRST_PORT..FIRST_PORT + flows {
            let socket = UdpSocket::bind((address::CLIENT_A, port))?;
            socket.connect(target)?;
            socket.set_read_timeout(Some(TRY))?;
            loop {
                // An error may be what came back for the datagram before.
                let answer = socket.send(b"open").and_then(|_| socket.recv(&mut [0; 64]));
                match answer {
                    Ok(_) => break,
                    Err(error) if start.elapsed() >= PATIENCE => {
                        bail!("no answer from {target} to port {port}: {error}");
                    }
                    Err(_) => {}
                }
            }
        }
        Ok(())
    })
}

/// GRO on an interface, for as long as frames are sent into it that no skb was made of: veth
/// takes them only so, or with an XDP program.
struct GroOn<'s>(&'s Namespace, &'static str);

impl<'s> GroOn<'s> {
    fn set(namespace: &'s Namespace, interface: &'static str) -> Result<Self> {
        namespace.must(["ethtool", "-K", interface, "gro", "on"])?;
        Ok(Self(namespace, interface))
    }
}

impl Drop for GroOn<'_> {
    fn drop(&mut self) {
        // At worst the next measure finds it as it is.
        let _ = self.0.run(["ethtool", "-K", self.1, "gro", "off"]);
    }
}

/// Counts and drops the flows' packets where the backend's stack takes them in.
struct Door<'s>(&'s Namespace);

impl<'s> Door<'s> {
    fn shut(namespace: &'s Namespace) -> Result<Self> {
        let table = format!(
            "table netdev bench {{
  counter arrived {{ }}
  chain ingress {{
    type filter hook ingress device eth0 priority 0
    udp dport {} counter name arrived drop
  }}
}}",
            Service::Echo.back()
        );
        namespace.must(["nft", &table])?;
        Ok(Self(namespace))
    }

    fn arrived(&self) -> Result<u64> {
        let counter = ["nft", "-j", "list", "counter", "netdev", "bench", "arrived"];
        let text = self.0.must(counter)?;
        let listed: Value = serde_json::from_str(&text)?;
        let mut objects = listed["nftables"].as_array().into_iter().flatten();
        objects
            .find_map(|object| object["counter"]["packets"].as_u64())
            .with_context(|| format!("nft lists no counter: {text}"))
    }
}

impl Drop for Door<'_> {
    fn drop(&mut self) {
        // At worst the next measure cannot make its own, and says so.
        let _ = self.0.run(["nft", "delete", "table", "netdev", "bench"]);
    }
}
