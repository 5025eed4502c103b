//! The in-kernel generator and the sink: loaded, aimed, run.
//!
//! May import: std, anyhow, aya, endpoint-common (checksums), basis.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use aya::Ebpf;
use aya::maps::{Array, MapData, PerCpuArray};
use aya::programs::xdp::XdpLinkId;
use aya::programs::{TestRun, TestRunAttrs, TestRunOptions, XdpMode};
use endpoint_common::wire::checksum;

use super::basis::{self, program, take};

/// Frames that the kernel hands over at a time.
const BATCH: u32 = 64;
/// Frames of one system call: some milliseconds' worth.
const CHUNK: u32 = 65_536;
/// Headers that the generator writes: Ethernet, IPv4, UDP.
const HEADERS: usize = 42;
/// The shortest frame of Ethernet, without the four bytes of its checksum.
const FRAME: usize = 60;

/// Where packets come from and go to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aim {
    /// The client's interface, its index in the client's namespace.
    pub(crate) ifindex: u32,
    /// The client's MAC.
    pub(crate) src_mac: [u8; 6],
    /// The MAC of whoever is at the other end.
    pub(crate) dst_mac: [u8; 6],
    /// The client's address.
    pub(crate) src: Ipv4Addr,
    /// The source port of the first flow.
    pub(crate) first_port: u16,
    /// The number of flows: a power of two.
    pub(crate) flows: u16,
    /// Where to.
    pub(crate) dst: SocketAddrV4,
}

/// How many packets, and of which flows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Amount {
    /// For so long, of flows by chance.
    For(Duration),
    /// One of each flow.
    OneEach,
}

/// See the module.
pub(crate) struct Generator {
    ebpf: Ebpf,
    template: Array<MapData, [u8; HEADERS]>,
    sequence: Array<MapData, u32>,
    wanted: Array<MapData, u32>,
    arrived: PerCpuArray<MapData, u64>,
}

impl Generator {
    pub(crate) fn load() -> Result<Self> {
        let mut ebpf = Ebpf::load(&basis::object("generator")?)?;
        for name in ["bench_send", "bench_sink"] {
            program(&mut ebpf, name)?.load()?;
        }
        Ok(Self {
            template: take(&mut ebpf, "TEMPLATE")?.try_into()?,
            sequence: take(&mut ebpf, "SEQUENCE")?.try_into()?,
            wanted: take(&mut ebpf, "WANTED")?.try_into()?,
            arrived: take(&mut ebpf, "ARRIVED")?.try_into()?,
            ebpf,
        })
    }

    /// Sends in the namespace of the calling thread; says how many and how long it took.
    pub(crate) fn send(&mut self, aim: &Aim, amount: Amount) -> Result<(u64, Duration)> {
        let (limit, chunk, in_turn) = match amount {
            Amount::For(limit) => (limit, CHUNK, 0),
            Amount::OneEach => (Duration::ZERO, u32::from(aim.flows), 1),
        };
        self.template.set(0, headers(aim), 0)?;
        self.sequence.set(1, u32::from(aim.flows - 1), 0)?;
        self.sequence.set(2, u32::from(aim.first_port), 0)?;
        self.sequence.set(3, in_turn, 0)?;
        let program = program(&mut self.ebpf, "bench_send")?;
        let context = context(aim.ifindex);
        let start = Instant::now();
        let mut sent = 0;
        while sent == 0 || start.elapsed() < limit {
            let mut options = TestRunOptions::new();
            options.data_in = Some(&[0; FRAME]);
            options.ctx_in = Some(&context);
            options.repeat = chunk;
            options.attrs = TestRunAttrs::new().xdp_live_frames(BATCH);
            program
                .test_run(options)
                .context("BPF_PROG_TEST_RUN with live frames")?;
            sent += u64::from(chunk);
        }
        Ok((sent, start.elapsed()))
    }

    /// Takes UDP packets for `port` off an interface of the calling thread's namespace, before the
    /// kernel makes an skb of them.
    pub(crate) fn attach_sink(&mut self, ifindex: u32, port: u16) -> Result<XdpLinkId> {
        self.wanted.set(0, u32::from(port), 0)?;
        let sink = program(&mut self.ebpf, "bench_sink")?;
        Ok(sink.attach_to_if_index(ifindex, XdpMode::Driver)?)
    }

    pub(crate) fn detach_sink(&mut self, link: XdpLinkId) -> Result<()> {
        Ok(program(&mut self.ebpf, "bench_sink")?.detach(link)?)
    }

    /// Packets that the sink has taken since it was loaded.
    pub(crate) fn arrived(&self) -> Result<u64> {
        Ok(self.arrived.get(&0, 0)?.iter().sum())
    }
}

/// `struct xdp_md` of linux/bpf.h, as test runs take it: the frame's end, and where it came from.
fn context(ifindex: u32) -> Vec<u8> {
    let (data, data_end, data_meta, rx_queue_index, egress_ifindex) = (0, FRAME as u32, 0, 0, 0);
    [
        data,
        data_end,
        data_meta,
        ifindex,
        rx_queue_index,
        egress_ifindex,
    ]
    .into_iter()
    .flat_map(u32::to_ne_bytes)
    .collect()
}

/// Headers that are right for source port 0.
fn headers(aim: &Aim) -> [u8; HEADERS] {
    const IP_LENGTH: u16 = FRAME as u16 - 14;
    const UDP_LENGTH: u16 = IP_LENGTH - 20;
    let mut bytes = [0; HEADERS];
    bytes[..6].copy_from_slice(&aim.dst_mac);
    bytes[6..12].copy_from_slice(&aim.src_mac);
    bytes[12..14].copy_from_slice(&[8, 0]);
    let [length_high, length_low] = IP_LENGTH.to_be_bytes();
    bytes[14..26].copy_from_slice(&[
        0x45,
        0,
        length_high,
        length_low,
        0,
        1,
        0x40,
        0,
        64,
        17,
        0,
        0,
    ]);
    bytes[26..30].copy_from_slice(&aim.src.octets());
    bytes[30..34].copy_from_slice(&aim.dst.ip().octets());
    bytes[36..38].copy_from_slice(&aim.dst.port().to_be_bytes());
    bytes[38..40].copy_from_slice(&UDP_LENGTH.to_be_bytes());
    let check = checksum::whole(&bytes[14..34], 0);
    bytes[24..26].copy_from_slice(&check);
    // The pseudo-header: both addresses, protocol, length. The payload is all zero.
    let [length_high, length_low] = UDP_LENGTH.to_be_bytes();
    let pseudo = [&bytes[26..42], &[0, 17, length_high, length_low]].concat();
    let check = checksum::whole(&pseudo, 0);
    bytes[40..42].copy_from_slice(&check);
    bytes
}
