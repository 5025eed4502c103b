//! The generator and the floor programs: loaded, aimed, and run.
//!
//! May import: std, anyhow, aya, endpoint-common, endpoint-ctl, basis, node (where to aim).

use anyhow::{Result, ensure};
use aya::maps::{Array, HashMap, MapData, ProgramArray};
use aya::programs::{ProgramFd, TestRun, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader};
use endpoint_common::abi::flow::{Family, FlowKey4, FlowState, Half4};
use endpoint_ctl::dataplane::XdpAction;

use super::basis::{self, program, take};
use super::node::{MAC, Port};

/// Headers that the generator writes: Ethernet, IPv4, TCP.
const HEADERS: usize = 54;
/// The same with IPv6.
const HEADERS6: usize = 74;
/// The shortest frame of Ethernet, without its checksum.
const FRAME: usize = 60;
/// Room of the floor's table; as much as the product's by default.
const FLOOR_ROWS: u32 = 1 << 20;
/// The client's address and port of flow 0: see `restore` in endpoint-ebpf/src/floor.rs.
const FIRST_CLIENT: u32 = 0x0a80_0000;
const FIRST_PORT: u16 = 0x4000;

/// See the module.
pub(crate) struct Rig {
    ebpf: Ebpf,
    template: Array<MapData, [u8; HEADERS]>,
    template6: Array<MapData, [u8; HEADERS6]>,
    family: Family,
    sequence: Array<MapData, u32>,
    under_test: ProgramArray<MapData>,
}

impl Rig {
    /// Loads the programs; `flows` must be a power of two. The floor's table is filled with as many
    /// as fit.
    pub(crate) fn load(flows: u32) -> Result<Self> {
        let bytes = basis::object("floor")?;
        let mut ebpf = EbpfLoader::new()
            .map_max_entries("FLOOR", FLOOR_ROWS)
            .load(&bytes)?;
        for name in [
            "bench_generate",
            "bench_generate6",
            "bench_return",
            "bench_floor",
        ] {
            program(&mut ebpf, name)?.load()?;
        }
        let mut sequence: Array<_, u32> = take(&mut ebpf, "SEQUENCE")?.try_into()?;
        sequence.set(1, flows - 1, 0)?;
        let mut floor: HashMap<_, [u8; 16], [u64; 8]> = take(&mut ebpf, "FLOOR")?.try_into()?;
        if flows <= FLOOR_ROWS {
            for flow in 0..flows {
                floor.insert(key(flow), entry(), 0)?;
            }
        }
        Ok(Self {
            template: take(&mut ebpf, "TEMPLATE")?.try_into()?,
            template6: take(&mut ebpf, "TEMPLATE6")?.try_into()?,
            family: Family::V4,
            sequence,
            under_test: take(&mut ebpf, "UNDER_TEST")?.try_into()?,
            ebpf,
        })
    }

    /// A frame of a flow's client, as the generator writes it.
    pub(crate) fn frame(family: Family, flow: u32, tcp_flags: u8) -> Vec<u8> {
        let (mut frame, address_at, port_at) = match family {
            Family::V4 => (headers(Port::Open, tcp_flags).to_vec(), 26, 34),
            Family::V6 => (headers6(tcp_flags).to_vec(), 34, 54),
        };
        let (address, port) = client(flow);
        frame[address_at..address_at + 4].copy_from_slice(&address);
        frame[port_at..port_at + 2].copy_from_slice(&port);
        frame.resize(frame.len().max(FRAME), 0);
        frame
    }

    /// From now on flows are met by chance, not in their turn.
    pub(crate) fn meet_by_chance(&mut self) -> Result<()> {
        Ok(self.sequence.set(2, 1, 0)?)
    }

    /// Sets what the generator writes, over IPv4.
    pub(crate) fn aim(&mut self, port: Port, tcp_flags: u8) -> Result<()> {
        self.family = Family::V4;
        Ok(self.template.set(0, headers(port, tcp_flags), 0)?)
    }

    /// Has it write packets to the open port over IPv6.
    pub(crate) fn aim6(&mut self, tcp_flags: u8) -> Result<()> {
        self.family = Family::V6;
        Ok(self.template6.set(0, headers6(tcp_flags), 0)?)
    }

    /// The program that only returns, without generator: the price of a test run itself.
    pub(crate) fn run_return(&mut self, packets: u32) -> Result<f64> {
        let program = program(&mut self.ebpf, "bench_return")?;
        run(program, FRAME, packets, XdpAction::Pass)
    }

    /// The generator and the program that only returns.
    pub(crate) fn run_generator(&mut self, packets: u32) -> Result<f64> {
        self.run_own("bench_return", packets, XdpAction::Pass)
    }

    pub(crate) fn run_floor(&mut self, packets: u32) -> Result<f64> {
        self.run_own("bench_floor", packets, XdpAction::Transmit)
    }

    fn run_own(&mut self, name: &str, packets: u32, expected: XdpAction) -> Result<f64> {
        let own = program(&mut self.ebpf, name)?.fd()?.try_clone()?;
        self.run_product(&own, packets, expected)
    }

    /// The generator and this program; every packet must end as `expected`. Nanoseconds each.
    pub(crate) fn run_product(
        &mut self,
        product: &ProgramFd,
        packets: u32,
        expected: XdpAction,
    ) -> Result<f64> {
        self.under_test.set(0, product, 0)?;
        let (name, length) = match self.family {
            Family::V4 => ("bench_generate", FRAME),
            Family::V6 => ("bench_generate6", HEADERS6),
        };
        run(program(&mut self.ebpf, name)?, length, packets, expected)
    }
}

fn headers(port: Port, tcp_flags: u8) -> [u8; HEADERS] {
    let (ether_type, address, port) = port.target();
    let mut headers = [0; HEADERS];
    headers[..6].copy_from_slice(&MAC);
    headers[6..12].copy_from_slice(&[2, 0xc0, 0, 0, 0, 2]);
    headers[12..14].copy_from_slice(&ether_type.to_be_bytes());
    headers[14..24].copy_from_slice(&[0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6]);
    headers[30..34].copy_from_slice(&address);
    headers[36..38].copy_from_slice(&port.to_be_bytes());
    headers[46..50].copy_from_slice(&[0x50, tcp_flags, 0x20, 0]);
    headers
}

/// The same with IPv6, to the open port.
fn headers6(tcp_flags: u8) -> [u8; HEADERS6] {
    let v4 = headers(Port::Open, tcp_flags);
    let mut headers = [0; HEADERS6];
    headers[..12].copy_from_slice(&v4[..12]);
    headers[12..22].copy_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 6, 64]);
    headers[22..38].copy_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]);
    headers[38..54].copy_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0]);
    headers[54..].copy_from_slice(&v4[34..]);
    headers
}

/// A flow's client: address (of IPv6 its last bytes) and port.
fn client(flow: u32) -> ([u8; 4], [u8; 2]) {
    let address = (FIRST_CLIENT | (flow >> 6)).to_be_bytes();
    (address, (FIRST_PORT | (flow as u16 & 0x3f)).to_be_bytes())
}

fn run(program: &mut Xdp, length: usize, packets: u32, expected: XdpAction) -> Result<f64> {
    let frame = vec![0; length];
    let mut options = TestRunOptions::new();
    options.data_in = Some(&frame);
    options.repeat = packets;
    let result = program.test_run(options)?;
    let action = XdpAction::from(result.return_value);
    ensure!(
        action == expected,
        "the last packet ended as {action:?}, not {expected:?}"
    );
    Ok(f64::from(result.duration.subsec_nanos()))
}

/// What the generator's packet of this flow is looked up by.
fn key(flow: u32) -> [u8; 16] {
    let (_, dst, port) = Port::Open.target();
    let (src, src_port) = client(flow);
    bytemuck::cast(FlowKey4 {
        src,
        dst,
        src_port,
        dst_port: port.to_be_bytes(),
        scope: 1,
        protocol: 6,
        family: Family::V4 as u8,
    })
}

/// Some translation; which one does not matter to its cost.
fn entry() -> [u64; 8] {
    let state = FlowState {
        src_port: [0x40, 1],
        dst_port: [0x1f, 0x90],
        address_delta: 0x1234,
        port_delta: 0x4321,
        client_mac: [2, 0, 0, 0, 0, 9],
        ..bytemuck::Zeroable::zeroed()
    };
    bytemuck::cast(Half4 {
        key: bytemuck::Zeroable::zeroed(),
        state,
        src: [10, 0, 1, 200],
        dst: [10, 0, 1, 10],
    })
}
