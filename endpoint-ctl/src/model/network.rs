//! VPCs and their vSwitches.
//!
//! May import: std, ipnet, the model's own modules.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{Hook, NetworkAclId, NodeId, VSwitchId, VpcId, ZoneId};

/// A consumer network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    /// `VpcId`.
    pub id: VpcId,
    /// `CidrBlock`.
    pub cidr_block: Ipv4Net,
    /// `Ipv6CidrBlock`, if it is dual-stack.
    pub ipv6_cidr_block: Option<Ipv6Net>,
}

/// One subnet of a VPC, in one zone, bound to a Linux interface of a node.
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
    /// `Ipv6CidrBlock`, a /64 inside the VPC's, if it is dual-stack.
    pub ipv6_cidr_block: Option<Ipv6Net>,
    /// `NodeId`: the node whose interface it is; `None`: that of the only node there is.
    pub node: Option<NodeId>,
    /// The Linux interface it is bound to; `None`: nothing arrives from it yet.
    pub interface: Option<String>,
    /// `Hook`: where its packets are handled.
    pub hook: Hook,
    /// The network ACL associated with it, if any.
    pub network_acl: Option<NetworkAclId>,
}

impl VSwitch {
    /// Its networks, one for each family it has.
    pub fn cidr_blocks(&self) -> impl Iterator<Item = IpNet> {
        let ipv6 = self.ipv6_cidr_block.map(IpNet::V6);
        [IpNet::V4(self.cidr_block)].into_iter().chain(ipv6)
    }
}
