//! Stage: what a packet means for its flow: that the other end hears, that it closes, that the client
//! begins anew, that the client is behind another MAC address.
//!
//! A reset is believed only as far as silence follows: it shortens the idle time, and the next packet
//! that is none sets the flow up again. So a forged reset, which its receiver ignores (RFC 5961), does
//! not end a flow here either, and no sequence numbers need to be kept.
//!
//! May import: core, abi, wire, packet, flows.

use super::flows::Entry;
use super::packet::Layers;
use crate::abi::family::AddressFamily;
use crate::abi::flow::{
    ANSWERED, CLOSING, ESTABLISHED, FlowCommon, FlowState, HALF_OPEN, LIMITED, SETTLED, Side,
    gives_way,
};
use crate::abi::fragment::WHOLE;
use crate::wire::{Mac, protocol, tcp_flags};

/// Flags that open or close.
const TURNING: u8 = tcp_flags::SYN | tcp_flags::FIN | tcp_flags::RST;

/// Whether a packet means nothing new for its half, and need not ask for a share of a bandwidth.
#[inline(always)]
pub(super) fn is_plain(state: &FlowState, side: Side, layers: &Layers, from: Mac) -> bool {
    let is_turning = layers.tcp_flags & TURNING != 0;
    let moved = side as u8 == Side::Forward as u8 && state.client_mac != from;
    let is_calm = state.flags & (SETTLED | LIMITED) == SETTLED && layers.fragment == WHOLE;
    is_calm && !is_turning && !moved
}

/// Whether the packet may begin a flow anew in place of one that is over or cut.
#[inline(always)]
pub(super) fn may_open(side: Side, layers: &Layers) -> bool {
    let is_later = layers.is_later_fragment();
    side == Side::Forward
        && !is_later
        && (layers.protocol != protocol::TCP || layers.opens_connection())
}

/// Whether the packet, of a flow in this phase that may go on, begins it anew, since it is over.
#[inline(always)]
pub(super) fn is_over(phase: u32, side: Side, layers: &Layers) -> bool {
    layers.protocol == protocol::TCP && phase == CLOSING && may_open(side, layers)
}

/// Notes what the packet means. `true`: its flow is over, and it begins a new one.
#[inline(always)]
pub(super) fn follow<A: AddressFamily, E: Entry<A>>(
    entry: E,
    side: Side,
    layers: &Layers,
    from: Mac,
) -> bool {
    let common = entry.common();
    if side == Side::Forward {
        entry.set_client_mac(Side::Forward, from);
        entry.set_client_mac(Side::Back, from);
    }
    if layers.protocol == protocol::TCP {
        return follow_tcp::<A, E>(entry, &common, side, layers);
    }
    if layers.protocol == protocol::UDP && side == Side::Back && gives_way(common.phase) {
        entry.change_phase(common.phase, ESTABLISHED);
        set_settled::<A, E>(entry, Side::Back, true);
    }
    false
}

#[inline(always)]
fn follow_tcp<A: AddressFamily, E: Entry<A>>(
    entry: E,
    common: &FlowCommon,
    side: Side,
    layers: &Layers,
) -> bool {
    if is_over(common.phase, side, layers) {
        return true;
    }
    let [mut forward, mut back] = common.tcp_flags;
    if side == Side::Forward {
        forward |= layers.tcp_flags;
    } else {
        back |= layers.tcp_flags;
    }
    let phase = next_phase(common.phase, side, layers.tcp_flags, forward & back);
    entry.set_tcp_flags([forward, back]);
    if phase != common.phase {
        entry.change_phase(common.phase, phase);
    }
    let settled = phase == ESTABLISHED;
    set_settled::<A, E>(entry, Side::Forward, settled);
    set_settled::<A, E>(entry, Side::Back, settled);
    false
}

/// The phase after a TCP packet with these flags; `both` are the flags that both ends have sent.
#[inline(always)]
fn next_phase(phase: u32, side: Side, flags: u8, both: u8) -> u32 {
    use tcp_flags::{ACK, FIN, RST, SYN};
    let reset = flags & RST != 0;
    if phase == HALF_OPEN && side == Side::Back && flags & (SYN | ACK | RST) == SYN | ACK {
        ANSWERED
    } else if phase == ANSWERED && side == Side::Forward && flags & (SYN | ACK | RST) == ACK {
        ESTABLISHED
    } else if phase == ESTABLISHED && (reset || both & FIN != 0) {
        CLOSING
    } else if phase == CLOSING && !reset && both & FIN == 0 {
        ESTABLISHED
    } else {
        phase
    }
}

#[inline(always)]
fn set_settled<A: AddressFamily, E: Entry<A>>(entry: E, side: Side, settled: bool) {
    let before = entry.state(side).flags;
    let after = if settled {
        before | SETTLED
    } else {
        before & !SETTLED
    };
    if after != before {
        entry.set_flags(side, after);
    }
}

#[cfg(test)]
mod tests {
    use super::next_phase;
    use crate::abi::flow::Side::{Back, Forward};
    use crate::abi::flow::{ANSWERED, CLOSING, ESTABLISHED, HALF_OPEN};
    use crate::wire::tcp_flags::{ACK, FIN, RST, SYN};

    #[test]
    fn a_connection_from_syn_to_fin() {
        assert_eq!(next_phase(HALF_OPEN, Forward, SYN, 0), HALF_OPEN);
        assert_eq!(next_phase(HALF_OPEN, Back, SYN | ACK, SYN), ANSWERED);
        assert_eq!(next_phase(ANSWERED, Forward, SYN, SYN), ANSWERED);
        assert_eq!(next_phase(ANSWERED, Forward, ACK, SYN), ESTABLISHED);
        assert_eq!(next_phase(ESTABLISHED, Back, FIN | ACK, SYN), ESTABLISHED);
        let both = SYN | ACK | FIN;
        assert_eq!(next_phase(ESTABLISHED, Forward, FIN | ACK, both), CLOSING);
        assert_eq!(next_phase(CLOSING, Back, ACK, both), CLOSING);
    }

    #[test]
    fn a_reset_counts_while_silence_follows() {
        assert_eq!(next_phase(ESTABLISHED, Forward, RST, SYN | ACK), CLOSING);
        assert_eq!(next_phase(CLOSING, Back, RST, SYN | ACK), CLOSING);
        assert_eq!(next_phase(CLOSING, Back, ACK, SYN | ACK), ESTABLISHED);
    }

    #[test]
    fn nobody_but_the_client_confirms() {
        assert_eq!(next_phase(HALF_OPEN, Forward, ACK, 0), HALF_OPEN);
        assert_eq!(next_phase(HALF_OPEN, Back, ACK, 0), HALF_OPEN);
        assert_eq!(next_phase(ANSWERED, Back, ACK, SYN), ANSWERED);
        assert_eq!(next_phase(ANSWERED, Forward, RST | ACK, SYN), ANSWERED);
    }
}
