//! Stage: ARP requests for addresses of ours are answered in place (RFC 826).
//!
//! May import: core, abi, wire, frame, tables.

use super::frame::Frame;
use super::tables::Tables;
use super::{Context, Outcome};
use crate::abi::mapped;
use crate::abi::service::AddressKey;
use crate::wire::EthHdr;

/// Ethernet (1), IPv4 (0x0800), address lengths 6 and 4, request (1).
const REQUEST: [u8; 8] = [0, 1, 0x08, 0, 6, 4, 0, 1];
/// The same, reply (2).
const REPLY: [u8; 8] = [0, 1, 0x08, 0, 6, 4, 0, 2];
const AT: usize = EthHdr::LEN;

/// Answers a request for an address of ours with the interface's MAC; all else is not ours.
#[inline(always)]
pub(super) fn answer<F: Frame, T: Tables>(
    frame: &mut F,
    context: &Context<'_, T>,
    eth: &EthHdr,
) -> Outcome {
    let Some((asker_mac, asker, wanted)) = request(frame) else {
        return Outcome::Pass;
    };
    let key = AddressKey {
        address: mapped(wanted),
        scope: context.port.scope,
        bank: context.meta.bank as u16,
    };
    if context.world.address(&key).is_none() {
        return Outcome::Pass;
    }
    let answered = reply(
        frame,
        context.port.mac,
        wanted,
        asker_mac,
        asker,
        eth.src_addr,
    );
    answered.map_or(Outcome::Pass, |()| Outcome::Transmit)
}

/// Sender MAC, sender address and target address of a request.
#[inline(always)]
fn request<F: Frame>(frame: &F) -> Option<([u8; 6], [u8; 4], [u8; 4])> {
    let kind: [u8; 8] = frame.read(AT)?;
    let body: [u8; 20] = frame.read(AT.wrapping_add(8))?;
    let [
        m0,
        m1,
        m2,
        m3,
        m4,
        m5,
        a0,
        a1,
        a2,
        a3,
        _,
        _,
        _,
        _,
        _,
        _,
        t0,
        t1,
        t2,
        t3,
    ] = body;
    (kind == REQUEST).then_some(([m0, m1, m2, m3, m4, m5], [a0, a1, a2, a3], [t0, t1, t2, t3]))
}

#[inline(always)]
fn reply<F: Frame>(
    frame: &mut F,
    mac: [u8; 6],
    address: [u8; 4],
    asker_mac: [u8; 6],
    asker: [u8; 4],
    to: [u8; 6],
) -> Option<()> {
    let [d0, d1, d2, d3, d4, d5] = to;
    let [s0, s1, s2, s3, s4, s5] = mac;
    let ([a0, a1, a2, a3], [t0, t1, t2, t3]) = (address, asker);
    let [m0, m1, m2, m3, m4, m5] = asker_mac;
    frame.write(
        AT.wrapping_add(8),
        [
            s0, s1, s2, s3, s4, s5, a0, a1, a2, a3, m0, m1, m2, m3, m4, m5, t0, t1, t2, t3,
        ],
    )?;
    frame.write(AT, REPLY)?;
    frame.write(0, [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5])
}
