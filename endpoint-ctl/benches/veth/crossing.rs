//! The least that a node at the XDP hook can be: every IPv4 packet leaves by the other interface.
//!
//! May import: std, anyhow, aya, xtask (the lab), basis, interface.

use anyhow::Result;
use aya::Ebpf;
use aya::maps::HashMap;
use aya::programs::XdpMode;
use xtask::lab::{Lab, inside};

use super::basis::{self, program, take};
use super::interface::Interface;

/// A role, its interface, and the node's interface at the other end of the cable.
const ENDS: [(&str, &str, &str); 2] = [("client-a", "eth0", "vsw-a"), ("b1", "eth0", "provider")];

/// The program on both interfaces of the node, for as long as this lives.
#[derive(Debug)]
#[expect(dead_code, reason = "dropped, it takes the programs off")]
pub(crate) struct Crossing(Ebpf);

impl Crossing {
    pub(crate) fn attach(lab: &Lab) -> Result<Self> {
        let mut ebpf = Ebpf::load(&basis::object("generator")?)?;
        let node = lab.ns("node");
        let mut crossings: HashMap<_, u32, [u8; 16]> = take(&mut ebpf, "CROSSINGS")?.try_into()?;
        let [one, other] = ENDS;
        for ((_, _, from), (role, far, to)) in [(one, other), (other, one)] {
            let (from, to) = (Interface::find(node, from)?, Interface::find(node, to)?);
            let far = Interface::find(lab.ns(role), far)?;
            let mut row = [0; 16];
            row[..4].copy_from_slice(&to.ifindex.to_ne_bytes());
            row[4..10].copy_from_slice(&far.mac);
            row[10..].copy_from_slice(&to.mac);
            crossings.insert(from.ifindex, row, 0)?;
        }
        let cross = program(&mut ebpf, "bench_cross")?;
        cross.load()?;
        for (_, _, near) in ENDS {
            let ifindex = Interface::find(node, near)?.ifindex;
            inside(node, || {
                Ok(cross.attach_to_if_index(ifindex, XdpMode::Driver)?)
            })?;
        }
        Ok(Self(ebpf))
    }
}
