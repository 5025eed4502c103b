//! What came of a stage that is a function of its own in the kernel. It travels as one word, since
//! a BPF function returns one register.
//!
//! May import: core, abi, case.

use super::case::deciding_rule;
use crate::abi::flow::{Direction, FlowState, ROLE_REPLY};
use crate::abi::reason::DropReason;

/// Who refused a packet, and why.
#[derive(Clone, Copy)]
pub(super) struct Refusal {
    pub(super) eni: u16,
    pub(super) direction: Direction,
    pub(super) reason: DropReason,
    pub(super) rule: u32,
}

impl Refusal {
    /// A refusal of a tracked packet.
    #[inline(always)]
    pub(super) fn of_flow(state: &FlowState, reason: DropReason) -> Self {
        Self {
            eni: state.eni,
            direction: direction(state),
            reason,
            rule: deciding_rule(reason, &state.rules),
        }
    }

    /// What must be there is not.
    #[inline(always)]
    pub(super) fn missing() -> Self {
        Self {
            eni: 0,
            direction: Direction::In,
            reason: DropReason::TableMissing,
            rule: 0,
        }
    }
}

/// The direction of a flow entry's packets.
#[inline(always)]
pub(super) fn direction(state: &FlowState) -> Direction {
    if state.role == ROLE_REPLY {
        Direction::Out
    } else {
        Direction::In
    }
}

/// See the module.
pub(super) enum Step {
    /// Not addressed to us.
    NotOurs,
    /// A flow was opened.
    Opened,
    /// Refused, not told yet.
    Refused(Refusal),
    /// Rewritten and accounted; leaves by this interface.
    Sent(u32),
}

/// A [`Step`] as one word: its kind in the low byte; a refusal's reason from bit 8, ENI from 16,
/// rule (23 bits) from 32, direction from 56; an interface from 32.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Packed(u64);

const NOT_OURS: u8 = 0;
const OPENED: u8 = 1;
const REFUSED: u8 = 2;
const SENT: u8 = 3;

impl Step {
    #[inline(always)]
    pub(super) fn pack(self) -> Packed {
        Packed(match self {
            Self::NotOurs => u64::from(NOT_OURS),
            Self::Opened => u64::from(OPENED),
            Self::Refused(refusal) => {
                u64::from(REFUSED)
                    | (u64::from(refusal.reason as u8) << 8)
                    | (u64::from(refusal.eni) << 16)
                    | (u64::from(refusal.rule) << 32)
                    | (u64::from(refusal.direction as u8) << 56)
            }
            Self::Sent(ifindex) => u64::from(SENT) | (u64::from(ifindex) << 32),
        })
    }
}

impl Packed {
    pub(super) const OPENED: Self = Self(OPENED as u64);

    #[inline(always)]
    pub(super) fn unpack(self) -> Step {
        let upper = (self.0 >> 32) as u32;
        match self.0 as u8 {
            NOT_OURS => Step::NotOurs,
            OPENED => Step::Opened,
            SENT => Step::Sent(upper),
            _ => Step::Refused(Refusal {
                eni: (self.0 >> 16) as u16,
                direction: if upper >> 24 == 0 {
                    Direction::In
                } else {
                    Direction::Out
                },
                reason: DropReason::from_number((self.0 >> 8) as u8)
                    .unwrap_or(DropReason::TableMissing),
                rule: upper & 0x00ff_ffff,
            }),
        }
    }
}
