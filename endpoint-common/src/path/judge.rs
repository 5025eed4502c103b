//! Stages: what the rules say, one stage per rule set, and all of them at once for a known flow.
//!
//! May import: core, abi, wire, tables, policy, case.

use super::case::{Case, Judged};
use super::policy::{PolicyKey, classify};
use super::tables::Tables;
use crate::abi::Addr;
use crate::abi::flow::{Family, FlowKey, ROLE_REPLY};
use crate::abi::policy::RuleWord;
use crate::abi::reason::DropReason;
use crate::abi::service::{AddressKey, KIND_ENI, TargetKey};
use crate::wire::{Port, protocol};

#[inline(always)]
fn family_number<const V4: bool>() -> u8 {
    if V4 {
        Family::V4 as u8
    } else {
        Family::V6 as u8
    }
}

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
    let word = classify(tables, bank, root, peer, key);
    if word == RuleWord::NONE || word.number() == 0 {
        return Err(DropReason::TableMissing);
    }
    *rule = word.number();
    Ok(word.accepts())
}

/// A stage's result: `refusal` if the answer is no.
#[inline(always)]
fn unless_accepted(
    answer: Result<bool, DropReason>,
    refusal: DropReason,
) -> Result<(), DropReason> {
    if answer? { Ok(()) } else { Err(refusal) }
}

/// Client to ENI: the vSwitch's network ACL, inbound.
#[inline(never)]
pub(super) fn acl_in<T: Tables, const V4: bool>(
    tables: &T,
    bank: u32,
    case: &mut Case,
) -> Result<(), DropReason> {
    if case.eni.acl_in == 0 {
        return Ok(());
    }
    let key = PolicyKey::new(family_number::<V4>(), case.protocol, case.port);
    let answer = ask(
        tables,
        bank,
        case.eni.acl_in,
        &case.client,
        key,
        &mut case.acl_in,
    );
    unless_accepted(answer, DropReason::AclIngress)
}

/// Client to ENI: the endpoint's security groups, inbound.
#[inline(never)]
pub(super) fn group_in<T: Tables, const V4: bool>(
    tables: &T,
    bank: u32,
    case: &mut Case,
) -> Result<(), DropReason> {
    let key = PolicyKey::new(family_number::<V4>(), case.protocol, case.port);
    let answer = ask(
        tables,
        bank,
        case.eni.group_in,
        &case.client,
        key,
        &mut case.group_in,
    );
    unless_accepted(answer, DropReason::GroupIngress)
}

/// ENI to backend: the endpoint's security groups, outbound; the peer is the backend, after DNAT.
#[inline(never)]
pub(super) fn group_out<T: Tables, const V4: bool>(
    tables: &T,
    bank: u32,
    case: &mut Case,
) -> Result<(), DropReason> {
    let key = PolicyKey::new(family_number::<V4>(), case.protocol, case.backend_port);
    let answer = ask(
        tables,
        bank,
        case.eni.group_out,
        &case.backend,
        key,
        &mut case.group_out,
    );
    unless_accepted(answer, DropReason::GroupEgress)
}

/// ENI to client: the network ACL is stateless, so the way back is judged on its own; what it says
/// binds the way back only.
#[inline(never)]
pub(super) fn acl_out<T: Tables, const V4: bool>(tables: &T, bank: u32, case: &mut Case) {
    if case.eni.acl_out == 0 {
        return;
    }
    let port: Port = if protocol::is_icmp(case.protocol) {
        [0, 0]
    } else {
        case.client_port
    };
    let key = PolicyKey::new(family_number::<V4>(), case.protocol, port);
    let answer = ask(
        tables,
        bank,
        case.eni.acl_out,
        &case.client,
        key,
        &mut case.acl_out,
    );
    if let Err(reason) = unless_accepted(answer, DropReason::AclEgress) {
        case.reply_verdict = reason as u8;
    }
}

/// Judges a known flow under the generation in force. `key` and the case's entry may be of either
/// direction; the answer is for that direction.
#[inline(always)]
pub(super) fn again<T: Tables, const V4: bool>(
    tables: &T,
    bank: u32,
    key: &FlowKey,
    case: &mut Case,
) -> Judged {
    let entry = &case.entry;
    let (is_reply, index) = (entry.state.role == ROLE_REPLY, entry.state.eni);
    let (address, scope) = if is_reply {
        (entry.src, entry.state.peer_scope)
    } else {
        (key.dst, key.scope)
    };
    let at = AddressKey {
        address,
        scope,
        bank: bank as u16,
        reserved: 0,
    };
    let eni = tables
        .address(&at)
        .filter(|found| found.kind == KIND_ENI && found.eni == index);
    let Some(eni) = eni else {
        return Judged {
            verdict: DropReason::EndpointGone as u8,
            rules: [0; 3],
        };
    };
    case.begin_with_flow(key, eni);
    let verdict = match in_order::<T, V4>(tables, bank, case, is_reply) {
        Err(reason) => reason as u8,
        Ok(()) if is_reply => case.reply_verdict,
        Ok(()) => 0,
    };
    Judged {
        rules: if is_reply {
            case.reply_rules()
        } else {
            case.rules()
        },
        verdict,
    }
}

#[inline(always)]
fn in_order<T: Tables, const V4: bool>(
    tables: &T,
    bank: u32,
    case: &mut Case,
    is_reply: bool,
) -> Result<(), DropReason> {
    if !is_reply {
        acl_in::<T, V4>(tables, bank, case)?;
    }
    group_in::<T, V4>(tables, bank, case)?;
    if !protocol::is_icmp(case.protocol) {
        if !has_target(tables, bank, case) {
            return Err(DropReason::BackendRemoved);
        }
        group_out::<T, V4>(tables, bank, case)?;
    }
    if is_reply {
        acl_out::<T, V4>(tables, bank, case);
    }
    Ok(())
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
