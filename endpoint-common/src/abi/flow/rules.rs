//! Which rules judged a flow.
//!
//! May import: core, bytemuck, reason.

use bytemuck::{Pod, Zeroable};

use crate::abi::reason::DropReason;

/// Which rules judged a flow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FlowRules {
    /// Network ACL, inbound; 0 for none.
    pub acl_in: u32,
    /// Security groups, inbound; 0 for not asked.
    pub group_in: u32,
    /// Security groups, outbound; 0 for not asked.
    pub group_out: u32,
    /// Network ACL, outbound; 0 for none.
    pub acl_out: u32,
    /// The endpoint's policy; 0 for not asked.
    pub policy_in: u32,
}

impl FlowRules {
    /// Which of them led to `reason`; 0 if none did.
    #[must_use]
    #[inline(always)]
    pub fn deciding(&self, reason: DropReason) -> u32 {
        if matches!(reason, DropReason::AclIngress) {
            self.acl_in
        } else if matches!(reason, DropReason::AclEgress) {
            self.acl_out
        } else if matches!(reason, DropReason::GroupIngress) {
            self.group_in
        } else if matches!(reason, DropReason::GroupEgress) {
            self.group_out
        } else if matches!(reason, DropReason::EndpointPolicy) {
            self.policy_in
        } else {
            0
        }
    }
}
