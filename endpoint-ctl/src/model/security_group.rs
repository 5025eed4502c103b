//! Security groups: stateful, merged over all attached groups, by priority, drop before accept.
//!
//! May import: std, ipnet, the model's own modules.

use std::fmt;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{
    EndpointId, EndpointType, Policy, PortRange, PrefixListId, ProtocolMatch, SecurityGroupId,
    VpcId,
};

/// `SecurityGroupType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityGroupType {
    /// `normal`: by default outbound is allowed, and inbound from members.
    Normal,
    /// `enterprise`: both directions denied by default.
    Enterprise,
}

/// A rule's direction, seen from the ENI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Toward the ENI.
    Ingress,
    /// From the ENI onward.
    Egress,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroup {
    /// `SecurityGroupId`.
    pub id: SecurityGroupId,
    /// The VPC it belongs to.
    pub vpc: VpcId,
    /// `SecurityGroupType`.
    pub group_type: SecurityGroupType,
    /// `ServiceManaged`: made with an endpoint, never changed by users.
    pub service_managed: bool,
    /// `InnerAccessPolicy`: whether members reach each other where no rule says otherwise. Of an
    /// enterprise group and of a managed one always [`Policy::Drop`].
    pub inner_access: Policy,
    /// `Members`: hosts of the VPC that are in the group, beside the ENIs it is attached to.
    pub members: Vec<IpNet>,
    /// Its rules, in the order they were given.
    pub rules: Vec<SecurityGroupRule>,
}

/// One rule (a `Permission` of the API).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecurityGroupRule {
    /// `SecurityGroupRuleId`: given, or made from the group, direction and place.
    pub id: String,
    /// `Direction`.
    pub direction: Direction,
    /// `Policy`.
    pub policy: Policy,
    /// `Priority`, 1 (first) to 100.
    pub priority: u8,
    /// `IpProtocol`.
    pub protocol: ProtocolMatch,
    /// `PortRange`: always the destination port.
    pub ports: PortRange,
    /// `SourcePortRange`: the source port, of TCP and UDP.
    pub source_ports: PortRange,
    /// Who is at the other side: the source (ingress) or the destination (egress).
    pub peer: Peer,
    /// `DestCidrIp` or `Ipv6DestCidrIp` (ingress), `SourceCidrIp` or `Ipv6SourceCidrIp` (egress): the
    /// rule is one of the ENIs whose address of the peer's family is in it; `None`: of all.
    pub local: Option<IpNet>,
}

/// Whom a rule lets in or out. It covers the families of these addresses alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// `SourceCidrIp`, `DestCidrIp` or their `Ipv6` forms.
    Cidr(IpNet),
    /// `SourcePrefixListId` or `DestPrefixListId`: any entry of the list.
    PrefixList(PrefixListId),
    /// `SourceGroupId` or `DestGroupId`: any member of the group.
    Group(SecurityGroupId),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cidr(net) => net.fmt(f),
            Self::PrefixList(id) => id.fmt(f),
            Self::Group(id) => id.fmt(f),
        }
    }
}

impl<T: Into<IpNet>> From<T> for Peer {
    fn from(net: T) -> Self {
        Self::Cidr(net.into())
    }
}

/// The group that comes with an endpoint: accept everything of both families, priority 1, outbound
/// with an interface endpoint (row F34), inbound with a reverse one (row F50). An endpoint without
/// IPv6 has both rules all the same.
pub fn managed_group(
    endpoint: &EndpointId,
    endpoint_type: EndpointType,
    vpc: &VpcId,
) -> SecurityGroup {
    let (direction, word) = match endpoint_type {
        EndpointType::Interface => (Direction::Egress, "egress"),
        EndpointType::Reverse => (Direction::Ingress, "ingress"),
    };
    let rule = |id: String, peer: IpNet| SecurityGroupRule {
        id,
        direction,
        policy: Policy::Accept,
        priority: 1,
        protocol: ProtocolMatch::All,
        ports: PortRange::ANY,
        source_ports: PortRange::ANY,
        peer: peer.into(),
        local: None,
    };
    let name = format!("sgr-managed-{endpoint}-{word}");
    SecurityGroup {
        id: SecurityGroupId::new(format!("sg-managed-{endpoint}")),
        vpc: vpc.clone(),
        group_type: SecurityGroupType::Normal,
        service_managed: true,
        inner_access: Policy::Drop,
        members: Vec::new(),
        rules: vec![
            rule(name.clone(), Ipv4Net::default().into()),
            rule(format!("{name}-ipv6"), Ipv6Net::default().into()),
        ],
    }
}
