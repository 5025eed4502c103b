//! Stage: what the rules say, for a new flow step by step and for a known one all at once.
//!
//! May import: core, abi, tables, policy, parse.

use super::parse::Request;
use super::policy::classify;
use super::tables::Tables;
use crate::abi::flow::{FlowEntry, FlowKey, ROLE_ECHO, ROLE_REPLY, ROLE_REQUEST};
use crate::abi::policy::RuleWord;
use crate::abi::reason::DropReason;
use crate::abi::service::{Address, AddressKey, Backend, KIND_ENI, TargetKey};
use crate::abi::{mapped, unmapped};
use crate::wire::{Ipv4, Port, protocol};

/// Index into [`Judged::rules`]: the network ACL of the packet's direction.
const ACL: usize = 0;
/// Index into [`Judged::rules`]: the security groups, inbound.
const GROUP_IN: usize = 1;
/// Index into [`Judged::rules`]: the security groups, outbound.
const GROUP_OUT: usize = 2;

/// What a generation said of one direction of a flow, and by which rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Judged {
    /// 0 to accept, else a [`DropReason`].
    pub verdict: u8,
    /// Rule numbers: network ACL of this direction, security groups in, and out; 0 for not asked.
    pub rules: [u32; 3],
    /// The same for the direction back to the client.
    pub reply_verdict: u8,
    /// The network ACL rule of the direction back to the client.
    pub reply_acl: u32,
}

/// A refusal: the reason, and the number of the rule that decided.
pub(super) type Denied = (DropReason, u32);

/// Which of the rules an entry was judged by led to `reason`.
#[inline(always)]
pub(super) fn deciding_rule(reason: DropReason, rules: &[u32; 3]) -> u32 {
    let [acl, group_in, group_out] = *rules;
    if matches!(reason, DropReason::AclIngress | DropReason::AclEgress) {
        acl
    } else if matches!(reason, DropReason::GroupIngress) {
        group_in
    } else if matches!(reason, DropReason::GroupEgress) {
        group_out
    } else {
        0
    }
}

/// One policy's answer; `slot` of `rules` gets the rule's number.
#[inline(always)]
fn ask<T: Tables>(
    tables: &T,
    bank: u32,
    root: u32,
    peer: (Ipv4, u8, Port),
    refusal: DropReason,
    rule: &mut u32,
) -> Result<(), Denied> {
    let word = classify(tables, bank, root, peer.0, peer.1, peer.2);
    if word == RuleWord::NONE {
        return Err((DropReason::TableMissing, 0));
    }
    *rule = word.number();
    if word.accepts() {
        Ok(())
    } else {
        Err((refusal, word.number()))
    }
}

/// Client to ENI: network ACL in, then security groups in.
#[inline(always)]
pub(super) fn consumer_leg<T: Tables>(
    tables: &T,
    bank: u32,
    eni: &Address,
    request: &Request,
    judged: &mut Judged,
) -> Result<(), Denied> {
    let peer = (request.client, request.protocol, request.eni_port);
    let [acl, group_in, _] = &mut judged.rules;
    if eni.acl_in != 0 {
        ask(tables, bank, eni.acl_in, peer, DropReason::AclIngress, acl)?;
    }
    ask(
        tables,
        bank,
        eni.group_in,
        peer,
        DropReason::GroupIngress,
        group_in,
    )
}

/// ENI to backend: security groups out; the peer is the backend, after DNAT.
#[inline(always)]
pub(super) fn service_leg<T: Tables>(
    tables: &T,
    bank: u32,
    eni: &Address,
    request: &Request,
    backend: &Backend,
    judged: &mut Judged,
) -> Result<(), Denied> {
    let peer = (unmapped(backend.address), request.protocol, backend.port);
    let [_, _, group_out] = &mut judged.rules;
    ask(
        tables,
        bank,
        eni.group_out,
        peer,
        DropReason::GroupEgress,
        group_out,
    )
}

/// ENI to client: the network ACL is stateless, so the way back is judged on its own.
#[inline(always)]
pub(super) fn reply<T: Tables>(
    tables: &T,
    bank: u32,
    eni: &Address,
    request: &Request,
    judged: &mut Judged,
) {
    if eni.acl_out == 0 {
        return;
    }
    let port = if request.protocol == protocol::ICMP {
        [0, 0]
    } else {
        request.client_port
    };
    let peer = (request.client, request.protocol, port);
    let asked = ask(
        tables,
        bank,
        eni.acl_out,
        peer,
        DropReason::AclEgress,
        &mut judged.reply_acl,
    );
    if let Err((reason, _)) = asked {
        judged.reply_verdict = reason as u8;
    }
}

/// Judges a known flow under the generation in force. `key` and `entry` may be of either
/// direction; the answer is for that direction.
#[inline(always)]
pub(super) fn again<T: Tables>(tables: &T, bank: u32, key: &FlowKey, entry: &FlowEntry) -> Judged {
    let mut judged = Judged::default();
    if let Err((reason, _)) = again_in_order(tables, bank, key, entry, &mut judged) {
        judged.verdict = reason as u8;
    }
    judged
}

#[inline(always)]
fn again_in_order<T: Tables>(
    tables: &T,
    bank: u32,
    key: &FlowKey,
    entry: &FlowEntry,
    judged: &mut Judged,
) -> Result<(), Denied> {
    let (request, backend, scope) = sides(key, entry);
    let at = AddressKey {
        address: mapped(request.eni),
        scope,
        bank: bank as u16,
    };
    let eni = tables
        .address(&at)
        .filter(|found| found.kind == KIND_ENI && found.eni == entry.eni)
        .ok_or((DropReason::EndpointGone, 0))?;
    let is_reply = entry.role == ROLE_REPLY;
    let asked = consumer_leg(tables, bank, &eni, &request, judged);
    match asked {
        // The network ACL is stateless: what it says inbound does not bind the way back.
        Err((DropReason::AclIngress, _)) if is_reply => {
            let peer = (request.client, request.protocol, request.eni_port);
            let [_, group_in, _] = &mut judged.rules;
            ask(
                tables,
                bank,
                eni.group_in,
                peer,
                DropReason::GroupIngress,
                group_in,
            )?;
        }
        other => other?,
    }
    if request.protocol != protocol::ICMP {
        let target = TargetKey {
            address: backend.address,
            port: backend.port,
            listener_port: request.eni_port,
            load_balancer: eni.load_balancer,
            protocol: request.protocol,
            bank: bank as u8,
            reserved: [0; 2],
        };
        if !tables.has_target(&target) {
            return Err((DropReason::BackendRemoved, 0));
        }
        service_leg(tables, bank, &eni, &request, &backend, judged)?;
    }
    if is_reply {
        reply(tables, bank, &eni, &request, judged);
        let [acl, ..] = &mut judged.rules;
        *acl = judged.reply_acl;
        judged.verdict = judged.reply_verdict;
    }
    Ok(())
}

/// The request a flow began with, its backend, and the consumer's network.
#[inline(always)]
fn sides(key: &FlowKey, entry: &FlowEntry) -> (Request, Backend, u16) {
    let (client, client_port, eni, eni_port, scope) = match entry.role {
        ROLE_REPLY => (
            entry.dst,
            entry.dst_port,
            entry.src,
            entry.src_port,
            entry.peer_scope,
        ),
        _ => (key.src, key.src_port, key.dst, key.dst_port, key.scope),
    };
    let (address, port) = match entry.role {
        ROLE_REQUEST => (entry.dst, entry.dst_port),
        _ => (key.src, key.src_port),
    };
    debug_assert!(entry.role <= ROLE_ECHO);
    let request = Request {
        client,
        client_port,
        eni,
        eni_port,
        protocol: key.protocol,
    };
    (
        request,
        Backend {
            address: mapped(address),
            port,
            reserved: [0; 2],
            hop: 0,
        },
        scope,
    )
}

const _: () = assert!(ACL == 0 && GROUP_IN == 1 && GROUP_OUT == 2);
