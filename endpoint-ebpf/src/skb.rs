//! Frames at the TC hook.
//!
//! May import: aya-ebpf, endpoint-common, frame.

use aya_ebpf::bindings::{__sk_buff, BPF_F_MARK_MANGLED_0, BPF_F_PSEUDO_HDR};
use aya_ebpf::helpers::{
    bpf_csum_update, bpf_l4_csum_replace, bpf_skb_change_head, bpf_skb_change_tail,
    bpf_skb_pull_data,
};
use aya_ebpf::programs::TcContext;
use endpoint_common::path::CheckChange;
use endpoint_common::wire::checksum;

use crate::frame::{Hook, PacketFrame};

/// How much of an skb the path may read, if it is that long: it need not lie in one piece.
const HEADERS: u32 = 160;

/// TC: an skb, whose checksum may be half done, or vouched for by the network card.
#[derive(Clone, Copy)]
pub(crate) struct Skb(*mut __sk_buff);

impl Hook for Skb {
    #[inline(always)]
    fn bounds(self) -> (usize, usize) {
        // SAFETY: the context of the running program.
        unsafe { ((*self.0).data as usize, (*self.0).data_end as usize) }
    }

    #[inline(always)]
    fn anything(self) -> u32 {
        // SAFETY: the context of the running program.
        unsafe { (*self.0).ifindex }
    }

    #[inline(always)]
    fn length(self) -> usize {
        // SAFETY: the context of the running program.
        unsafe { (*self.0).len as usize }
    }

    #[inline(always)]
    fn change_check(self, at: usize, change: &CheckChange) -> bool {
        let mangled = if change.may_be_absent {
            u64::from(BPF_F_MARK_MANGLED_0)
        } else {
            0
        };
        let (pseudo, rest) = (u64::from(change.pseudo), u64::from(change.rest));
        let with_pseudo = mangled | u64::from(BPF_F_PSEUDO_HDR);
        // SAFETY: the helpers take the context and numbers, and check the offset themselves.
        unsafe {
            bpf_l4_csum_replace(self.0, at as u32, 0, pseudo, with_pseudo);
            bpf_l4_csum_replace(self.0, at as u32, 0, rest, mangled);
            if change.is_v6 {
                // The helper takes it that an IP header has a sum of its own that made up for its
                // changes. Without a sum by the card this does nothing.
                let hop_limit = checksum::change([0, 1], [0, 0]);
                bpf_csum_update(self.0, u32::from(change.pseudo) + hop_limit);
            }
        }
        true
    }

    #[inline(always)]
    fn segment(self) -> u32 {
        // SAFETY: the context of the running program.
        unsafe { (*self.0).gso_size }
    }

    #[inline(always)]
    fn is_half_done(self, check: [u8; 2], pseudo: u16) -> bool {
        // The context does not say; a sum that is done equals that of its pseudo-header once in 65,536.
        check == pseudo.to_ne_bytes()
    }

    /// Tags stand beside the frame, and VLAN devices do the rest.
    const TAGS: bool = false;

    /// Adds only.
    #[inline(always)]
    fn move_front(self, by: i32) -> bool {
        // SAFETY: the helper takes the context and a number, which it checks itself.
        by <= 0 && unsafe { bpf_skb_change_head(self.0, by.wrapping_neg() as u32, 0) == 0 }
    }

    #[inline(always)]
    fn cut_end(self, _: usize, keep: usize) -> bool {
        // SAFETY: as above.
        unsafe { bpf_skb_change_tail(self.0, keep as u32, 0) == 0 }
    }
}

impl PacketFrame<Skb> {
    #[inline(always)]
    pub(crate) fn skb(ctx: &TcContext) -> Self {
        let hook = Skb(ctx.skb.skb);
        let (start, end) = hook.bounds();
        let wanted = (hook.length() as u32).min(HEADERS);
        if ((end - start) as u32) < wanted {
            // SAFETY: the helper takes the context and a number.
            unsafe { bpf_skb_pull_data(hook.0, wanted) };
        }
        Self::at(hook)
    }
}
