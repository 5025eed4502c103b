//! Stages: what the rules say, one stage per rule set, and all of them at once for a known flow.
//!
//! May import: core, abi, wire, tables, policy, case.

use super::case::{Case, Judged};
use super::policy::{classify, policy_key};
use super::tables::Tables;
use crate::abi::flow::{FlowEntry, FlowKey, ROLE_REPLY};
use crate::abi::mapped;
use crate::abi::policy::RuleWord;
use crate::abi::reason::DropReason;
use crate::abi::service::{AddressKey, KIND_ENI, TargetKey};
use crate::wire::{Port, protocol};

/// One policy's answer, and the number of the rule that gave it.
#[inline(always)]
fn ask<T: Tables>(tables: &T, bank: u32, root: u32, peer: [u8; 4], key: u32) -> (bool, u32) {
    let word = classify(tables, bank, root, u32::from_be_bytes(peer), key);
    if word == RuleWord::NONE {
        return (false, 0);
    }
    (word.accepts(), word.number())
}

/// The answer as a stage's result. A set that names no rule is broken: sets have a default.
#[inline(always)]
fn stage((accepts, rule): (bool, u32), refusal: DropReason) -> Result<u32, (DropReason, u32)> {
    match (accepts, rule) {
        (true, _) => Ok(rule),
        (false, 0) => Err((DropReason::TableMissing, 0)),
        (false, _) => Err((refusal, rule)),
    }
}

/// Client to ENI: the vSwitch's network ACL, inbound.
#[inline(never)]
pub(super) fn acl_in<T: Tables>(tables: &T, bank: u32, case: &mut Case) -> Result<(), DropReason> {
    if case.eni.acl_in == 0 {
        return Ok(());
    }
    let key = policy_key(case.protocol, case.port);
    let answer = ask(tables, bank, case.eni.acl_in, case.client, key);
    note(stage(answer, DropReason::AclIngress), &mut case.acl_in)
}

/// Client to ENI: the endpoint's security groups, inbound.
#[inline(never)]
pub(super) fn group_in<T: Tables>(
    tables: &T,
    bank: u32,
    case: &mut Case,
) -> Result<(), DropReason> {
    let key = policy_key(case.protocol, case.port);
    let answer = ask(tables, bank, case.eni.group_in, case.client, key);
    note(stage(answer, DropReason::GroupIngress), &mut case.group_in)
}

/// ENI to backend: the endpoint's security groups, outbound; the peer is the backend, after DNAT.
#[inline(never)]
pub(super) fn group_out<T: Tables>(
    tables: &T,
    bank: u32,
    case: &mut Case,
) -> Result<(), DropReason> {
    let key = policy_key(case.protocol, case.backend_port);
    let answer = ask(tables, bank, case.eni.group_out, case.backend, key);
    note(stage(answer, DropReason::GroupEgress), &mut case.group_out)
}

/// ENI to client: the network ACL is stateless, so the way back is judged on its own; what it says
/// binds the way back only.
#[inline(never)]
pub(super) fn acl_out<T: Tables>(tables: &T, bank: u32, case: &mut Case) {
    if case.eni.acl_out == 0 {
        return;
    }
    let port: Port = if case.protocol == protocol::ICMP {
        [0, 0]
    } else {
        case.client_port
    };
    let key = policy_key(case.protocol, port);
    let answer = ask(tables, bank, case.eni.acl_out, case.client, key);
    if let Err(reason) = note(stage(answer, DropReason::AclEgress), &mut case.acl_out) {
        case.reply_verdict = reason as u8;
    }
}

#[inline(always)]
fn note(answer: Result<u32, (DropReason, u32)>, rule: &mut u32) -> Result<(), DropReason> {
    match answer {
        Ok(number) => {
            *rule = number;
            Ok(())
        }
        Err((reason, number)) => {
            *rule = number;
            Err(reason)
        }
    }
}

/// Judges a known flow under the generation in force. `key` and `entry` may be of either
/// direction; the answer is for that direction.
#[inline(always)]
pub(super) fn again<T: Tables>(tables: &T, bank: u32, key: &FlowKey, entry: &FlowEntry) -> Judged {
    let is_reply = entry.role == ROLE_REPLY;
    let (address, scope) = if is_reply {
        (entry.src, entry.peer_scope)
    } else {
        (key.dst, key.scope)
    };
    let at = AddressKey {
        address: mapped(address),
        scope,
        bank: bank as u16,
        reserved: 0,
    };
    let eni = tables
        .address(&at)
        .filter(|found| found.kind == KIND_ENI && found.eni == entry.eni);
    let Some(eni) = eni else {
        return Judged {
            verdict: DropReason::EndpointGone as u8,
            rules: [0; 3],
        };
    };
    let judged = tables.with_case(|case| {
        case.begin_with_flow(key, entry, eni);
        let verdict = match in_order(tables, bank, case, is_reply) {
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
    });
    judged.unwrap_or(Judged {
        verdict: DropReason::TableMissing as u8,
        rules: [0; 3],
    })
}

#[inline(always)]
fn in_order<T: Tables>(
    tables: &T,
    bank: u32,
    case: &mut Case,
    is_reply: bool,
) -> Result<(), DropReason> {
    if !is_reply {
        acl_in(tables, bank, case)?;
    }
    group_in(tables, bank, case)?;
    if case.protocol != protocol::ICMP {
        if !has_target(tables, bank, case) {
            return Err(DropReason::BackendRemoved);
        }
        group_out(tables, bank, case)?;
    }
    if is_reply {
        acl_out(tables, bank, case);
    }
    Ok(())
}

/// Whether the flow's backend is still behind its listener.
#[inline(never)]
fn has_target<T: Tables>(tables: &T, bank: u32, case: &Case) -> bool {
    tables.has_target(&TargetKey {
        address: mapped(case.backend),
        port: case.backend_port,
        listener_port: case.port,
        load_balancer: case.eni.load_balancer,
        protocol: case.protocol,
        bank: bank as u8,
        reserved: [0; 6],
    })
}
