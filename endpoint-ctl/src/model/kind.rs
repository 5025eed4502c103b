//! The kinds of resource, by the names that documents have for them.
//!
//! May import: std.

/// A kind of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A VPC.
    Vpc,
    /// A vSwitch.
    VSwitch,
    /// A prefix list.
    PrefixList,
    /// A security group.
    SecurityGroup,
    /// A network ACL.
    NetworkAcl,
    /// A provider network.
    ProviderNetwork,
    /// A server group.
    ServerGroup,
    /// A load balancer.
    LoadBalancer,
    /// An endpoint service.
    Service,
    /// An endpoint.
    Endpoint,
    /// A flow log.
    FlowLog,
}

impl Kind {
    /// All kinds, each after those it refers to.
    pub const ALL: [Self; 11] = [
        Self::Vpc,
        Self::VSwitch,
        Self::PrefixList,
        Self::SecurityGroup,
        Self::NetworkAcl,
        Self::ProviderNetwork,
        Self::ServerGroup,
        Self::LoadBalancer,
        Self::Service,
        Self::Endpoint,
        Self::FlowLog,
    ];

    /// As the field `kind` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vpc => "Vpc",
            Self::VSwitch => "VSwitch",
            Self::PrefixList => "PrefixList",
            Self::SecurityGroup => "SecurityGroup",
            Self::NetworkAcl => "NetworkAcl",
            Self::ProviderNetwork => "ProviderNetwork",
            Self::ServerGroup => "ServerGroup",
            Self::LoadBalancer => "LoadBalancer",
            Self::Service => "VpcEndpointService",
            Self::Endpoint => "VpcEndpoint",
            Self::FlowLog => "FlowLog",
        }
    }

    /// The field that holds the resource's id.
    pub fn id_field(self) -> &'static str {
        match self {
            Self::Vpc => "VpcId",
            Self::VSwitch => "VSwitchId",
            Self::PrefixList => "PrefixListId",
            Self::SecurityGroup => "SecurityGroupId",
            Self::NetworkAcl => "NetworkAclId",
            Self::ProviderNetwork => "ProviderNetworkId",
            Self::ServerGroup => "ServerGroupId",
            Self::LoadBalancer => "LoadBalancerId",
            Self::Service => "ServiceId",
            Self::Endpoint => "EndpointId",
            Self::FlowLog => "FlowLogId",
        }
    }

    /// The field that holds the name people gave it. That of a service is what endpoints find it by.
    pub fn name_field(self) -> Option<&'static str> {
        let field = match self {
            Self::Vpc => "VpcName",
            Self::VSwitch => "VSwitchName",
            Self::PrefixList => "PrefixListName",
            Self::SecurityGroup => "SecurityGroupName",
            Self::NetworkAcl => "NetworkAclName",
            Self::ProviderNetwork => "ProviderNetworkName",
            Self::ServerGroup => "ServerGroupName",
            Self::LoadBalancer => "LoadBalancerName",
            Self::Endpoint => "EndpointName",
            Self::FlowLog => "FlowLogName",
            Self::Service => return None,
        };
        Some(field)
    }

    /// The field that holds its description.
    pub fn description_field(self) -> &'static str {
        match self {
            Self::Service => "ServiceDescription",
            Self::Endpoint => "EndpointDescription",
            _ => "Description",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The names of all kinds, for a message.
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}
