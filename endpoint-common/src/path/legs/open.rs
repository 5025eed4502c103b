//! A packet of no known flow.
//!
//! Toward an ENI: network ACL in -> security groups in -> listener -> backend -> security groups out ->
//! network ACL out (way back) -> NAT port and flow.
//!
//! Toward a resource, out of the ENI of a reverse endpoint: listener -> backend (the resource) ->
//! security groups out -> network ACL out -> NAT port and flow -> network ACL in (way back).
//!
//! May import: core, abi, wire, the stages.

use super::{address_key, audited, going_on};
use crate::abi::family::AddressFamily;
use crate::abi::flow::{Direction, Side};
use crate::abi::reason::DropReason;
use crate::abi::service::KIND_ENI;
use crate::path::case::Case;
use crate::path::context::{Refusal, Scratch};
use crate::path::flows::{Entry, find};
use crate::path::packet::Layers;
use crate::path::{Outcome, Turn, World, flow, judge, select};
use crate::wire::protocol;

/// A packet of no known flow: whose address it is for, and if it is an ENI's, whether it may open a
/// flow. Nothing is left behind unless every stage said yes.
#[inline(always)]
pub(super) fn open<A: AddressFamily, W: World>(
    world: &W,
    scratch: &mut Scratch,
) -> Result<Turn, Refusal> {
    if !begin(world, scratch) {
        return Ok(Turn::Done(Outcome::Pass));
    }
    let opened = match DropReason::from_number(scratch.refusal.reason) {
        Some(fault) => Err(fault),
        None => admit::<A, W>(world, scratch),
    };
    match opened {
        Ok(()) => match DropReason::from_number(scratch.case.audited) {
            None => Ok(Turn::Next(going_on(scratch))),
            Some(reason) => {
                let refusal = refusal::<A>(&scratch.case, reason);
                Ok(audited(world, scratch, refusal))
            }
        },
        Err(reason) => Err(refusal::<A>(&scratch.case, reason)),
    }
}

#[inline(always)]
fn refusal<A: AddressFamily>(case: &Case, reason: DropReason) -> Refusal {
    Refusal {
        eni: case.eni.eni,
        direction: if case.is_reversed::<A>() {
            Direction::Out as u8
        } else {
            Direction::In as u8
        },
        reason: reason as u8,
        rule: case.rules.deciding(reason),
        ..Refusal::MISSING
    }
}

/// Begins the case of a packet to an address of ours; `false` if it is nobody's.
#[inline(always)]
pub(super) fn begin<W: World>(world: &W, scratch: &mut Scratch) -> bool {
    let key = address_key(&scratch.arrived, scratch.packet.dst);
    let Some(address) = world.address(&key) else {
        return false;
    };
    scratch.case.eni = address;
    scratch.case.begin_with_packet(&scratch.packet);
    true
}

/// The stages of a new flow.
#[inline(always)]
fn admit<A: AddressFamily, W: World>(world: &W, scratch: &mut Scratch) -> Result<(), DropReason> {
    let is_reversed = judged::<A, W>(world, scratch)?;
    flow::create::<A, W>(world, scratch)?;
    if is_reversed {
        from_resource::<A, W>(world, scratch)?;
    }
    Ok(())
}

/// The stages up to the flow itself, which leave nothing behind; whether it is a reversed one.
#[inline(always)]
pub(super) fn judged<A: AddressFamily, W: World>(
    world: &W,
    scratch: &mut Scratch,
) -> Result<bool, DropReason> {
    let bank = scratch.arrived.meta.bank;
    let Scratch { packet, case, .. } = &mut *scratch;
    if packet.is_martian::<A>() {
        return Err(DropReason::MartianSource);
    }
    let is_reversed = case.is_reversed::<A>();
    if is_reversed {
        toward_resource::<A, W>(world, bank, &packet.layers, case)?;
    } else {
        toward_eni::<A, W>(world, bank, &packet.layers, case)?;
    }
    Ok(is_reversed)
}

/// Whether a client may reach the ENI, and who is behind it.
#[inline(always)]
fn toward_eni<A: AddressFamily, W: World>(
    world: &W,
    bank: u32,
    layers: &Layers,
    case: &mut Case,
) -> Result<(), DropReason> {
    if case.eni.kind != KIND_ENI {
        return Err(DropReason::NoFlow);
    }
    judge::acl_in::<A, W>(world, bank, case)?;
    judge::group_in::<A, W>(world, bank, case)?;
    judge::policy_in::<A, W>(world, bank, case)?;
    if !protocol::is_icmp(layers.protocol) {
        behind_listener::<A, W>(world, bank, layers, case)?;
    }
    judge::acl_out::<A, W>(world, bank, case);
    Ok(())
}

/// Who is behind the listener that a packet meets, if it may be spoken to.
#[inline(always)]
fn behind_listener<A: AddressFamily, W: World>(
    world: &W,
    bank: u32,
    layers: &Layers,
    case: &mut Case,
) -> Result<(), DropReason> {
    select::listener(world, bank, case)?;
    if layers.protocol == protocol::TCP && !layers.opens_connection() {
        return Err(DropReason::TcpNotSyn);
    }
    select::backend::<A, W>(world, bank, case)?;
    judge::group_out::<A, W>(world, bank, case)
}

/// Whether a provider's host may reach the resource.
#[inline(always)]
fn toward_resource<A: AddressFamily, W: World>(
    world: &W,
    bank: u32,
    layers: &Layers,
    case: &mut Case,
) -> Result<(), DropReason> {
    if protocol::is_icmp(layers.protocol) {
        return Err(DropReason::NoFlow);
    }
    behind_listener::<A, W>(world, bank, layers, case)?;
    judge::acl_toward_resource::<A, W>(world, bank, case)?;
    // Closed until it is known which port answers come to.
    case.back_verdict = DropReason::AclIngress as u8;
    Ok(())
}

/// Whether the resource's answers may pass. The flow is asked for the port they come to: it may be
/// one that another CPU made meanwhile.
#[inline(always)]
fn from_resource<A: AddressFamily, W: World>(
    world: &W,
    scratch: &mut Scratch,
) -> Result<(), DropReason> {
    let Scratch {
        arrived,
        packet,
        case,
        ..
    } = scratch;
    let key = A::narrow(&packet.wide_key(arrived.port.scope));
    let Some(found) = find::<A, W>(world, arrived.meta.secret, &key) else {
        return Err(DropReason::FlowChanged);
    };
    case.nat_port = A::widen(&found.entry.key(Side::Back)).dst_port;
    judge::acl_from_resource::<A, W>(world, arrived.meta.bank, case);
    found.entry.set_rules(case.rules);
    found.entry.set_audited(case.audited);
    let generation = arrived.meta.generation;
    found.entry.judge(Side::Back, generation, case.back_verdict);
    Ok(())
}
