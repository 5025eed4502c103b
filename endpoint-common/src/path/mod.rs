//! A packet's whole way. [`legs`] is the only place that orders stages, and no stage calls another
//! stage.
//!
//! The way falls into *legs*, between which a packet rests in [`Scratch`]. A packet of an
//! established flow travels the first leg only. In the kernel each leg is a program of its own,
//! entered by tail call: each has the whole BPF stack, and is verified alone.
//!
//! Every error toward an address of ours is a counted drop with a reason; what is not addressed to
//! us is left untouched.
//!
//! May import: core, abi, hash, wire.

mod answer;
mod arp;
mod case;
mod context;
mod echo;
mod flow;
pub mod flows;
mod forward;
mod fragment;
mod frame;
mod judge;
mod legs;
mod mss;
mod nat;
mod ndp;
mod packet;
mod parse;
mod policy;
mod question;
pub mod rate;
mod related;
mod select;
mod tables;
pub mod tell;
mod track;
mod vlan;

pub use context::Scratch;
pub use frame::{CheckChange, Frame, REACH, SUMMED};
pub use legs::{arrive, explain, explain6, go, judge_flow};
pub use policy::classify;
pub use question::{Peer, PolicyKey};
pub use tables::{Account, Tables};

use crate::abi::reason::DropReason;
use flows::FlowMemory;
use rate::RateMemory;

/// Everything the path asks for.
pub trait World: Tables + FlowMemory + RateMemory + Account + Sized {}
impl<W: Tables + FlowMemory + RateMemory + Account> World for W {}

/// Where and when a packet arrived.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The interface it arrived on.
    pub ifindex: u32,
    /// Now, in ticks.
    pub tick: u32,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Not ours: left untouched, up the host's own stack.
    Pass,
    /// Dropped and counted.
    Drop(DropReason),
    /// Dropped and counted, and its sender is told: what is left of the frame is the answer, which leaves
    /// by the interface it arrived on.
    Answer(DropReason),
    /// Rewritten; leaves by the interface it arrived on.
    Transmit,
    /// Rewritten; leaves by this interface.
    Redirect(u32),
}

/// A part of a packet's way after its arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Leg {
    /// Somebody asks for the link-level address of an address of ours, perhaps.
    Neighbour = 0,
    /// An IPv4 packet of no known flow, to an address of ours.
    Open = 1,
    /// An IPv4 packet of a known flow that needs more than rewriting.
    Known = 2,
    /// A packet of a flow that was admitted.
    Send = 3,
    /// An echo request that was admitted.
    Echo = 4,
    /// A packet that was refused, and is told.
    Tell = 5,
    /// An IPv6 packet arrives.
    Arrive6 = 6,
    /// An ICMP error, about a packet of a flow perhaps.
    Related = 7,
    /// A later fragment.
    Fragment = 8,
    /// An IPv6 packet of no known flow, to an address of ours.
    Open6 = 9,
    /// A packet that was refused, and whose sender is told.
    Answer = 10,
    /// A frame with VLAN tags arrives.
    Tagged = 11,
    /// A frame gets the VLAN tags that it leaves with.
    Tag = 12,
    /// An IPv6 packet of a known flow that needs more than rewriting.
    Known6 = 13,
}

impl Leg {
    /// All of them, by number.
    pub const ALL: [Self; 14] = [
        Self::Neighbour,
        Self::Open,
        Self::Known,
        Self::Send,
        Self::Echo,
        Self::Tell,
        Self::Arrive6,
        Self::Related,
        Self::Fragment,
        Self::Open6,
        Self::Answer,
        Self::Tagged,
        Self::Tag,
        Self::Known6,
    ];
}

/// Where a leg leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The way is over.
    Done(Outcome),
    /// To another leg.
    Next(Leg),
}

/// Takes one frame its whole way, leg by leg, and says what becomes of it.
pub fn run<F: Frame, W: World>(frame: &mut F, world: &W, at: Arrival) -> Outcome {
    let mut turn = arrive(frame, world, at);
    loop {
        match turn {
            Turn::Done(outcome) => return outcome,
            Turn::Next(leg) => turn = go(leg, frame, world, at),
        }
    }
}
