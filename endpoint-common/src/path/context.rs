//! What a packet carries from one leg of its way to the next.
//!
//! May import: core, abi, case, packet.

use super::case::Case;
use super::packet::{Link, Packet};
use crate::abi::Addr;
use crate::abi::flow::{Direction, FlowState, Half6};
use crate::abi::meta::{Meta, Port, Tags};
use crate::abi::reason::DropReason;

/// Where and when a packet arrived, and which generation judges it.
#[derive(Debug, Clone, Copy, bytemuck::Zeroable)]
#[repr(C, align(8))]
pub(super) struct Arrived {
    pub(super) meta: Meta,
    pub(super) port: Port,
    /// The tags it arrived with, their priority too.
    pub(super) tags: Tags,
    /// In ticks.
    pub(super) tick: u32,
    pub(super) link: Link,
}

/// Who refused a packet, and why.
#[derive(Debug, Clone, Copy, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct Refusal {
    pub(super) rule: u32,
    /// Number of the flow it belongs to, plus one; 0 for none.
    pub(super) flow: u32,
    pub(super) eni: u16,
    /// A [`DropReason`]; 0 for none.
    pub(super) reason: u8,
    /// A [`Direction`].
    pub(super) direction: u8,
    /// Of [`DropReason::PacketTooBig`], the longest IP packet that may leave, in bytes.
    pub(super) mtu: u32,
    /// Not 0: audit mode lets it pass, and it is told.
    pub(super) audited: u32,
}

/// How a frame that needs VLAN tags leaves.
#[derive(Debug, Clone, Copy, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct Exit {
    pub(super) tags: Tags,
    /// One of the below, each for an outcome.
    pub(super) kind: u32,
    /// Of [`Exit::REDIRECT`], by which interface.
    pub(super) ifindex: u32,
}

impl Exit {
    pub(super) const PASS: u32 = 0;
    pub(super) const TRANSMIT: u32 = 1;
    pub(super) const ANSWER: u32 = 2;
    pub(super) const REDIRECT: u32 = 3;
}

/// A packet on its way. Any bytes are a valid one.
#[derive(Debug, Clone, Copy, bytemuck::Zeroable)]
#[repr(C, align(8))]
pub struct Scratch {
    pub(super) arrived: Arrived,
    pub(super) packet: Packet<Addr>,
    pub(super) refusal: Refusal,
    pub(super) exit: Exit,
    pub(super) case: Case,
    /// A flow in the making, by side.
    pub(super) halves: [Half6; 2],
}

impl Refusal {
    /// What must be there is not.
    pub(super) const MISSING: Self = Self {
        rule: 0,
        flow: 0,
        eni: 0,
        reason: DropReason::TableMissing as u8,
        direction: Direction::In as u8,
        mtu: 0,
        audited: 0,
    };

    /// Why.
    #[inline(always)]
    pub(super) fn drop_reason(&self) -> DropReason {
        DropReason::from_number(self.reason).unwrap_or(DropReason::TableMissing)
    }

    /// A refusal of a tracked packet.
    #[inline(always)]
    pub(super) fn of_flow(number: u32, state: &FlowState, reason: DropReason) -> Self {
        Self {
            rule: 0,
            flow: number.wrapping_add(1),
            eni: state.eni,
            reason: reason as u8,
            direction: state.direction() as u8,
            mtu: 0,
            audited: 0,
        }
    }
}
