//! Security groups: stateful, merged over all attached groups, by priority, drop before accept.
//!
//! May import: std, ipnet, the model's own modules.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{EndpointId, EndpointType, Policy, PortRange, ProtocolMatch, SecurityGroupId, VpcId};

/// `SecurityGroupType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityGroupType {
    /// `normal`: outbound allowed by default.
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
    /// Its rules, in the order they were given.
    pub rules: Vec<SecurityGroupRule>,
}

/// One rule (a `Permission` of the API).
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// `SourceCidrIp` or `Ipv6SourceCidrIp` (ingress), `DestCidrIp` or `Ipv6DestCidrIp` (egress); a
    /// rule covers the family of its peer alone.
    pub peer: IpNet,
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
        peer,
    };
    let name = format!("sgr-managed-{endpoint}-{word}");
    SecurityGroup {
        id: SecurityGroupId::new(format!("sg-managed-{endpoint}")),
        vpc: vpc.clone(),
        group_type: SecurityGroupType::Normal,
        service_managed: true,
        rules: vec![
            rule(name.clone(), Ipv4Net::default().into()),
            rule(format!("{name}-ipv6"), Ipv6Net::default().into()),
        ],
    }
}
