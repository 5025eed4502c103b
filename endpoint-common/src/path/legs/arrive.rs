//! A frame arrives: parse -> known flow -> sent, or the leg that has more to say. Neighbours' questions.
//!
//! May import: core, abi, wire, the stages, send.

use super::send::{leaving, needs_tags, send};
use super::{MISSING, knowing, opening};
use crate::abi::family::{AddressFamily, Inet, Inet6};
use crate::abi::flow::Family;
use crate::abi::meta::Tags;
use crate::abi::reason::DropReason;
use crate::abi::service::Hop;
use crate::path::context::{Arrived, Scratch};
use crate::path::flows::{Entry, Found, find};
use crate::path::frame::Frame;
use crate::path::packet::{Layers, Link, Packet};
use crate::path::parse::{self, Parsed};
use crate::path::{Arrival, Leg, Outcome, Turn, World, arp, ndp, track, vlan};
use crate::wire::{EthHdr, ether_type};

/// A frame arrives.
#[inline(always)]
pub fn arrive<F: Frame, W: World>(frame: &mut F, world: &W, at: Arrival) -> Turn {
    let Some(eth) = frame.header::<EthHdr, 14>(0) else {
        return Turn::Done(Outcome::Pass);
    };
    let ether_type = u16::from_be(eth.ether_type);
    if ether_type == ether_type::IPV6 {
        // Whether it is for us, that leg asks for itself.
        return Turn::Next(Leg::Arrive6);
    }
    if F::TAGS && vlan::is_tag(ether_type) {
        return Turn::Next(Leg::Tagged);
    }
    let Some(arrived) = link_layer(&eth, world, at, Tags::NONE) else {
        return Turn::Done(Outcome::Pass);
    };
    match ether_type {
        ether_type::IPV4 => ipv4(frame, world, &arrived),
        ether_type::ARP => asked(world, &arrived),
        _ => Turn::Done(Outcome::Pass),
    }
}

/// A frame with VLAN tags arrives: goes on without them, and gets them back if it is not ours.
#[inline(always)]
pub(super) fn tagged<F: Frame, W: World>(frame: &mut F, world: &W, at: Arrival) -> Turn {
    let eth = frame.header::<EthHdr, 14>(0);
    let (Some(eth), Some(tags)) = (eth, vlan::read(frame)) else {
        return Turn::Done(Outcome::Pass);
    };
    let Some(arrived) = link_layer(&eth, world, at, tags) else {
        return Turn::Done(Outcome::Pass);
    };
    if vlan::take_off(frame, tags.length()).is_none() {
        return MISSING;
    }
    let Some(eth) = frame.header::<EthHdr, 14>(0) else {
        return MISSING;
    };
    let turn = match u16::from_be(eth.ether_type) {
        ether_type::IPV4 => ipv4(frame, world, &arrived),
        ether_type::IPV6 => ipv6(frame, world, &arrived),
        ether_type::ARP => asked(world, &arrived),
        _ => Turn::Done(Outcome::Pass),
    };
    if turn != Turn::Done(Outcome::Pass) {
        return turn;
    }
    match vlan::put_on(frame, tags) {
        Some(()) => turn,
        None => MISSING,
    }
}

/// Somebody asks for a link-level address by ARP.
#[inline(always)]
fn asked<W: World>(world: &W, arrived: &Arrived) -> Turn {
    let Some(mut scratch) = world.scratch() else {
        return MISSING;
    };
    scratch.arrived = *arrived;
    Turn::Next(Leg::Neighbour)
}

/// An IPv4 packet arrives.
#[inline(always)]
fn ipv4<F: Frame, W: World>(frame: &mut F, world: &W, arrived: &Arrived) -> Turn {
    let mut packet = blank::<Inet>();
    let parsed = parse::ipv4(frame, &mut packet);
    let key = packet.key::<Inet>(arrived.port.scope);
    let way = arrive_ip::<Inet, F, W>(frame, world, arrived, &packet, &key, parsed);
    if let Turn::Done(_) = way.turn {
        return way.turn;
    }
    let Some(mut scratch) = world.scratch() else {
        return MISSING;
    };
    scratch.packet.src = Inet::wide(packet.src);
    scratch.packet.dst = Inet::wide(packet.dst);
    scratch.packet.layers = packet.layers;
    scratch.arrived = *arrived;
    scratch.refusal.reason = way.fault;
    way.turn
}

/// An IPv6 packet arrives, without tags.
#[inline(always)]
pub(super) fn arrive6<F: Frame, W: World>(frame: &mut F, world: &W, at: Arrival) -> Turn {
    let eth = frame.header::<EthHdr, 14>(0);
    let arrived = eth.and_then(|eth| link_layer(&eth, world, at, Tags::NONE));
    let Some(arrived) = arrived else {
        return Turn::Done(Outcome::Pass);
    };
    ipv6(frame, world, &arrived)
}

/// An IPv6 packet arrives.
#[inline(always)]
fn ipv6<F: Frame, W: World>(frame: &mut F, world: &W, arrived: &Arrived) -> Turn {
    let Some(mut scratch) = world.scratch() else {
        return MISSING;
    };
    let Scratch {
        packet,
        halves: [half, _],
        ..
    } = &mut *scratch;
    packet.layers = Layers::at(EthHdr::LEN as u16, Family::V6);
    let parsed = parse::ipv6(frame, packet);
    half.key = packet.wide_key(arrived.port.scope);
    let way = arrive_ip::<Inet6, F, W>(frame, world, arrived, packet, &half.key, parsed);
    if let Turn::Done(_) = way.turn {
        return way.turn;
    }
    scratch.arrived = *arrived;
    scratch.refusal.reason = way.fault;
    way.turn
}

/// Where the frame arrived, if that is an interface or a VLAN of ours and it may be for us.
#[inline(always)]
pub(super) fn link_layer<W: World>(
    eth: &EthHdr,
    world: &W,
    at: Arrival,
    tags: Tags,
) -> Option<Arrived> {
    let port = world.port(at.ifindex, tags.without_priority())?;
    let meta = world.meta()?;
    if eth.dst_addr != port.mac && !is_group(eth.dst_addr) {
        return None;
    }
    Some(Arrived {
        meta,
        port,
        tags,
        tick: at.tick,
        link: Link {
            dst: eth.dst_addr,
            src: eth.src_addr,
        },
    })
}

/// Whether a MAC address is a group (multicast or broadcast) address.
#[inline(always)]
fn is_group(mac: [u8; 6]) -> bool {
    let [first, ..] = mac;
    first & 1 != 0
}

#[inline(always)]
pub(super) fn blank<A: AddressFamily>() -> Packet<A::Addr> {
    Packet {
        src: bytemuck::Zeroable::zeroed(),
        dst: bytemuck::Zeroable::zeroed(),
        layers: Layers::at(EthHdr::LEN as u16, A::FAMILY),
    }
}

/// Where an arrived packet goes.
struct Way {
    turn: Turn,
    /// A [`DropReason`] if nothing can be made of the packet, 0 else.
    fault: u8,
}

impl Way {
    #[inline(always)]
    fn to(leg: Leg) -> Self {
        Self {
            turn: Turn::Next(leg),
            fault: 0,
        }
    }

    /// Whose address a faulty packet is for is asked all the same: if nobody's, it is none of ours.
    #[inline(always)]
    fn faulty<A: AddressFamily>(fault: DropReason) -> Self {
        Self {
            turn: Turn::Next(opening::<A>()),
            fault: fault as u8,
        }
    }
}

/// An IP packet arrives.
#[inline(always)]
fn arrive_ip<A: AddressFamily, F: Frame, W: World>(
    frame: &mut F,
    world: &W,
    arrived: &Arrived,
    packet: &Packet<A::Addr>,
    key: &A::Key,
    parsed: Parsed,
) -> Way {
    match parsed {
        Parsed::NotOurs => {
            return Way {
                turn: Turn::Done(Outcome::Pass),
                fault: 0,
            };
        }
        Parsed::Solicitation => return Way::to(Leg::Neighbour),
        Parsed::Faulty(reason) => return Way::faulty::<A>(reason),
        Parsed::Error | Parsed::LaterFragment | Parsed::Whole if is_group(arrived.link.dst) => {
            return Way::faulty::<A>(DropReason::NotUnicast);
        }
        Parsed::Error => return Way::to(Leg::Related),
        Parsed::LaterFragment => return Way::to(Leg::Fragment),
        Parsed::Whole => {}
    }
    let Some(found) = find::<A, W>(world, arrived.meta.secret, key) else {
        return Way::to(opening::<A>());
    };
    match established::<A, F, W>(frame, world, arrived, &packet.layers, &found) {
        Ok(outcome) => Way {
            turn: Turn::Done(outcome),
            fault: 0,
        },
        Err(leg) => Way::to(leg),
    }
}

/// A packet of a known flow, which is sent if nothing else needs to be done about it; else the leg
/// that does.
#[inline(always)]
fn established<A: AddressFamily, F: Frame, W: World>(
    frame: &mut F,
    world: &W,
    arrived: &Arrived,
    layers: &Layers,
    found: &Found<A, W>,
) -> Result<Outcome, Leg> {
    let state = found.entry.state(found.side);
    let is_plain = state.generation == arrived.meta.generation
        && state.verdict == 0
        && track::is_plain(&state, found.side, layers, arrived.link.src);
    if !is_plain {
        return Err(knowing::<A>());
    }
    // What cannot be sent is refused where there is room to tell.
    let untagged = |_: &mut F, hop: &Hop| {
        if needs_tags::<F>(hop) {
            return Err(DropReason::TableMissing);
        }
        Ok(0)
    };
    let sent = send::<A, F, W>(frame, world, arrived, layers, found, &state, untagged);
    sent.map(|hop| leaving(&hop, arrived))
        .map_err(|_| Leg::Send)
}

/// ARP, or a neighbor solicitation.
#[inline(always)]
pub(super) fn neighbour<F: Frame, W: World>(
    frame: &mut F,
    world: &W,
    arrived: &Arrived,
) -> Outcome {
    let Some(eth) = frame.header::<EthHdr, 14>(0) else {
        return Outcome::Pass;
    };
    if u16::from_be(eth.ether_type) == ether_type::ARP {
        return arp::answer(frame, world, arrived, EthHdr::LEN);
    }
    let mut packet = blank::<Inet6>();
    match parse::ipv6(frame, &mut packet) {
        Parsed::Solicitation => ndp::answer(frame, world, arrived, &packet),
        Parsed::NotOurs
        | Parsed::Faulty(_)
        | Parsed::Error
        | Parsed::LaterFragment
        | Parsed::Whole => Outcome::Pass,
    }
}
