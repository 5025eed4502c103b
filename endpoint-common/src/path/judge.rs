//! Stages: what the rules say, one stage per rule set, and all of them at once for a known flow.
//!
//! May import: core, abi, wire, tables, question, case.

use super::case::Case;
use super::question::{Peer, PolicyKey};
use super::tables::Tables;
use crate::abi::Addr;
use crate::abi::family::AddressFamily;
use crate::abi::policy::RuleWord;
use crate::abi::reason::DropReason;
use crate::abi::service::{AUDITED, TargetKey};
use crate::wire::{Port, protocol};

/// Network ACLs and endpoint policies do not ask for source ports.
const NO_SOURCE: Port = [0; 2];

/// One rule set's answer; the number of the rule that gave it goes into `rule`. A set that names no
/// rule is broken: sets have a default, and rules are numbered from 1.
#[inline(always)]
fn ask<T: Tables>(
    tables: &T,
    bank: u32,
    root: u32,
    peer: &Addr,
    key: PolicyKey,
    rule: &mut u32,
) -> Result<bool, DropReason> {
    let word = tables.classify(bank, root, Peer::new(peer, key), key);
    if word == RuleWord::NONE || word.number() == 0 {
        return Err(DropReason::TableMissing);
    }
    *rule = word.number();
    Ok(word.accepts())
}

/// A stage's result: `refusal` if the answer is no, which audit mode only takes note of.
#[inline(always)]
fn unless_accepted(
    case: &mut Case,
    answer: Result<bool, DropReason>,
    refusal: DropReason,
) -> Result<(), DropReason> {
    if answer? {
        return Ok(());
    }
    refused(case, refusal)
}

/// Beside the stages, so that what it notes is no further way through each of them.
#[inline(never)]
fn refused(case: &mut Case, refusal: DropReason) -> Result<(), DropReason> {
    if case.eni.flags & AUDITED == 0 {
        return Err(refusal);
    }
    if case.audited == 0 {
        case.audited = refusal as u8;
    }
    Ok(())
}

/// Client to ENI: the vSwitch's network ACL, inbound.
#[inline(always)]
pub(super) fn acl_in<A: AddressFamily, T: Tables>(
    tables: &T,
    bank: u32,
    case: &mut Case,
) -> Result<(), DropReason> {
    if case.eni.acl_in == 0 {
        return Ok(());
    }
    let key = PolicyKey::new(A::FAMILY as u8, case.protocol, case.port, NO_SOURCE);
    let answer = ask(
        tables,
        bank,
        case.eni.acl_in,
        &case.client,
        key,
        &mut case.rules.acl_in,
    );
    unless_accepted(case, answer, DropReason::AclIngress)
}

/// Client to ENI: the endpoint's security groups, inbound.
#[inline(always)]
pub(super) fn group_in<A: AddressFamily, T: Tables>(
    tables: &T,
    bank: u32,
    case: &mut Case,
) -> Result<(), DropReason> {
    let key = PolicyKey::new(A::FAMILY as u8, case.protocol, case.port, case.client_port);
    let answer = ask(
        tables,
        bank,
        case.eni.group_in,
        &case.client,
        key,
        &mut case.rules.group_in,
    );
    unless_accepted(case, answer, DropReason::GroupIngress)
}

/// Client to ENI: the endpoint's policy, which looks at the client alone.
#[inline(always)]
pub(super) fn policy_in<A: AddressFamily, T: Tables>(
    tables: &T,
    bank: u32,
    case: &mut Case,
) -> Result<(), DropReason> {
    if case.eni.policy_in == 0 {
        return Ok(());
    }
    let key = PolicyKey::new(A::FAMILY as u8, case.protocol, [0; 2], NO_SOURCE);
    let answer = ask(
        tables,
        bank,
        case.eni.policy_in,
        &case.client,
        key,
        &mut case.rules.policy_in,
    );
    unless_accepted(case, answer, DropReason::EndpointPolicy)
}

/// ENI to backend: the endpoint's security groups, outbound; the peer is the backend, after DNAT.
#[inline(always)]
pub(super) fn group_out<A: AddressFamily, T: Tables>(
    tables: &T,
    bank: u32,
    case: &mut Case,
) -> Result<(), DropReason> {
    let key = PolicyKey::new(
        A::FAMILY as u8,
        case.protocol,
        case.backend_port,
        case.client_port,
    );
    let answer = ask(
        tables,
        bank,
        case.eni.group_out,
        &case.backend,
        key,
        &mut case.rules.group_out,
    );
    unless_accepted(case, answer, DropReason::GroupEgress)
}

/// ENI to client: the network ACL is stateless, so the way back is judged on its own; what it says
/// binds the way back only.
#[inline(always)]
pub(super) fn acl_out<A: AddressFamily, T: Tables>(tables: &T, bank: u32, case: &mut Case) {
    if case.eni.acl_out == 0 {
        return;
    }
    let port: Port = if protocol::is_icmp(case.protocol) {
        [0, 0]
    } else {
        case.client_port
    };
    let key = PolicyKey::new(A::FAMILY as u8, case.protocol, port, NO_SOURCE);
    let answer = ask(
        tables,
        bank,
        case.eni.acl_out,
        &case.client,
        key,
        &mut case.rules.acl_out,
    );
    if let Err(reason) = unless_accepted(case, answer, DropReason::AclEgress) {
        case.back_verdict = reason as u8;
    }
}

/// ENI to resource: the vSwitch's network ACL, outbound; the peer is the resource.
#[inline(never)]
pub(super) fn acl_toward_resource<A: AddressFamily, T: Tables>(
    tables: &T,
    bank: u32,
    case: &mut Case,
) -> Result<(), DropReason> {
    if case.eni.acl_out == 0 {
        return Ok(());
    }
    let key = PolicyKey::new(A::FAMILY as u8, case.protocol, case.backend_port, NO_SOURCE);
    let answer = ask(
        tables,
        bank,
        case.eni.acl_out,
        &case.backend,
        key,
        &mut case.rules.acl_out,
    );
    unless_accepted(case, answer, DropReason::AclEgress)
}

/// Resource to ENI: the way back of a reversed flow is judged on its own, as [`acl_out`] judges that of
/// others. Its destination port is the NAT port.
#[inline(never)]
pub(super) fn acl_from_resource<A: AddressFamily, T: Tables>(
    tables: &T,
    bank: u32,
    case: &mut Case,
) {
    case.back_verdict = 0;
    if case.eni.acl_in == 0 {
        return;
    }
    let key = PolicyKey::new(A::FAMILY as u8, case.protocol, case.nat_port, NO_SOURCE);
    let answer = ask(
        tables,
        bank,
        case.eni.acl_in,
        &case.backend,
        key,
        &mut case.rules.acl_in,
    );
    if let Err(reason) = unless_accepted(case, answer, DropReason::AclIngress) {
        case.back_verdict = reason as u8;
    }
}

/// Judges a known flow under the generation in force, both ways. The case begins with the keys of its
/// halves and [`Case::eni`] as the generation has it; what is said of the way back is left in it.
///
/// # Errors
/// Why requests are refused.
#[inline(always)]
pub(super) fn again<A: AddressFamily, T: Tables>(
    tables: &T,
    bank: u32,
    case: &mut Case,
) -> Result<(), DropReason> {
    if case.is_reversed::<A>() {
        return reversed_again::<A, T>(tables, bank, case);
    }
    let is_icmp = protocol::is_icmp(case.protocol);
    // In the order in which a new flow is judged: of several refusals, audit mode tells the first.
    let acl = acl_in::<A, T>(tables, bank, case);
    let target = if is_icmp || has_target(tables, bank, case) {
        Ok(())
    } else {
        Err(DropReason::BackendRemoved)
    };
    let group = group_in::<A, T>(tables, bank, case)
        .and_then(|()| policy_in::<A, T>(tables, bank, case))
        .and(target);
    let group = match group {
        Ok(()) if !is_icmp => group_out::<A, T>(tables, bank, case),
        other => other,
    };
    // The way back is bound by groups and policy as well, and by the network ACL of its own direction.
    match group {
        Ok(()) => acl_out::<A, T>(tables, bank, case),
        Err(reason) => case.back_verdict = reason as u8,
    }
    acl.and(group)
}

/// [`again`] for a flow out of the ENI of a reverse endpoint.
#[inline(always)]
fn reversed_again<A: AddressFamily, T: Tables>(
    tables: &T,
    bank: u32,
    case: &mut Case,
) -> Result<(), DropReason> {
    let target = if has_target(tables, bank, case) {
        Ok(())
    } else {
        Err(DropReason::BackendRemoved)
    };
    let group = target.and_then(|()| group_out::<A, T>(tables, bank, case));
    let there = group.and_then(|()| acl_toward_resource::<A, T>(tables, bank, case));
    match group {
        Ok(()) => acl_from_resource::<A, T>(tables, bank, case),
        Err(reason) => case.back_verdict = reason as u8,
    }
    there
}

/// Whether the flow's backend is still behind its listener.
#[inline(never)]
fn has_target<T: Tables>(tables: &T, bank: u32, case: &Case) -> bool {
    tables.has_target(&TargetKey {
        address: case.backend,
        port: case.backend_port,
        listener_port: case.port,
        load_balancer: case.eni.load_balancer,
        protocol: case.protocol,
        bank: bank as u8,
        reserved: [0; 6],
    })
}
