//! VPCs and their vSwitches.
//!
//! May import: std, ipnet, the model's own modules.

use ipnet::Ipv4Net;

use super::{NetworkAclId, VSwitchId, VpcId, ZoneId};

/// A consumer network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    /// `VpcId`.
    pub id: VpcId,
    /// `CidrBlock`.
    pub cidr_block: Ipv4Net,
}

/// One subnet of a VPC, in one zone, bound to one Linux interface of this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VSwitch {
    /// `VSwitchId`.
    pub id: VSwitchId,
    /// The VPC it belongs to.
    pub vpc: VpcId,
    /// `ZoneId`.
    pub zone: ZoneId,
    /// `CidrBlock`, inside the VPC's.
    pub cidr_block: Ipv4Net,
    /// The Linux interface it is bound to.
    pub interface: String,
    /// The network ACL associated with it, if any.
    pub network_acl: Option<NetworkAclId>,
}
