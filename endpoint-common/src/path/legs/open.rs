//! A packet of no known flow: network ACL in -> security groups in -> listener -> backend -> security
//! groups out -> network ACL out -> NAT port and flow.
//!
//! May import: core, abi, wire, the stages.

use super::address_key;
use crate::abi::family::AddressFamily;
use crate::abi::flow::Direction;
use crate::abi::reason::DropReason;
use crate::abi::service::KIND_ENI;
use crate::path::case::deciding_rule;
use crate::path::context::{Refusal, Scratch};
use crate::path::{Leg, Outcome, Turn, World, flow, judge, select};
use crate::wire::protocol;

/// A packet of no known flow: whose address it is for, and if it is an ENI's, whether it may open a
/// flow. Nothing is left behind unless every stage said yes.
#[inline(always)]
pub(super) fn open<A: AddressFamily, W: World>(
    world: &W,
    scratch: &mut Scratch,
) -> Result<Turn, Refusal> {
    let key = address_key(&scratch.arrived, scratch.packet.dst);
    let Some(address) = world.address(&key) else {
        return Ok(Turn::Done(Outcome::Pass));
    };
    scratch.case.eni = address;
    scratch.case.begin_with_packet(&scratch.packet);
    let opened = match DropReason::from_number(scratch.refusal.reason) {
        Some(fault) => Err(fault),
        None => admit::<A, W>(world, scratch),
    };
    match opened {
        Ok(()) if protocol::is_icmp(scratch.packet.layers.protocol) => Ok(Turn::Next(Leg::Echo)),
        Ok(()) => Ok(Turn::Next(Leg::Send)),
        Err(reason) => Err(Refusal {
            eni: scratch.case.eni.eni,
            direction: Direction::In as u8,
            reason: reason as u8,
            rule: deciding_rule(reason, &scratch.case.rules),
            flow: 0,
        }),
    }
}

/// The stages of a new flow.
#[inline(always)]
fn admit<A: AddressFamily, W: World>(world: &W, scratch: &mut Scratch) -> Result<(), DropReason> {
    let bank = scratch.arrived.meta.bank;
    let Scratch { packet, case, .. } = &mut *scratch;
    if packet.is_martian::<A>() {
        return Err(DropReason::MartianSource);
    }
    if case.eni.kind != KIND_ENI {
        return Err(DropReason::NoFlow);
    }
    judge::acl_in::<A, W>(world, bank, case)?;
    judge::group_in::<A, W>(world, bank, case)?;
    if !protocol::is_icmp(packet.layers.protocol) {
        select::listener(world, bank, case)?;
        if packet.layers.protocol == protocol::TCP && !packet.layers.opens_connection() {
            return Err(DropReason::TcpNotSyn);
        }
        select::backend::<A, W>(world, bank, case)?;
        judge::group_out::<A, W>(world, bank, case)?;
    }
    judge::acl_out::<A, W>(world, bank, case);
    flow::create::<A, W>(world, scratch)
}
