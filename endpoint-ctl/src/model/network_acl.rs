//! Network ACLs: ordered, stateless, first match wins, empty denies all.
//!
//! May import: std, ipnet, the model's own modules.

use ipnet::IpNet;

use super::{NetworkAclId, Policy, PortRange, ProtocolMatch, VpcId};

/// A network ACL; vSwitches name the one they use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkAcl {
    /// `NetworkAclId`.
    pub id: NetworkAclId,
    /// The VPC it belongs to.
    pub vpc: VpcId,
    /// `IngressAclEntries`, in order; the peer is the source.
    pub ingress: Vec<NetworkAclEntry>,
    /// `EgressAclEntries`, in order; the peer is the destination.
    pub egress: Vec<NetworkAclEntry>,
}

/// One entry; its place in the list is its priority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkAclEntry {
    /// `NetworkAclEntryId`: given, or made from the ACL, direction and place.
    pub id: String,
    /// `Policy`.
    pub policy: Policy,
    /// `Protocol`.
    pub protocol: ProtocolMatch,
    /// `Port`: always the destination port.
    pub ports: PortRange,
    /// `SourceCidrIp` (ingress) or `DestinationCidrIp` (egress); its family is the `IpVersion` that
    /// the entry covers.
    pub peer: IpNet,
}
