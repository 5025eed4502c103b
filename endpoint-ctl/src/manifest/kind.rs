//! The kinds of document a manifest has, and what a document says about itself.
//!
//! May import: std.

/// A kind of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Vpc,
    VSwitch,
    PrefixList,
    SecurityGroup,
    NetworkAcl,
    ProviderNetwork,
    LoadBalancer,
    Service,
    Endpoint,
}

impl Kind {
    /// All kinds, each after those it refers to.
    pub(super) const ALL: [Self; 9] = [
        Self::Vpc,
        Self::VSwitch,
        Self::PrefixList,
        Self::SecurityGroup,
        Self::NetworkAcl,
        Self::ProviderNetwork,
        Self::LoadBalancer,
        Self::Service,
        Self::Endpoint,
    ];

    /// As the field `kind` spells it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Vpc => "Vpc",
            Self::VSwitch => "VSwitch",
            Self::PrefixList => "PrefixList",
            Self::SecurityGroup => "SecurityGroup",
            Self::NetworkAcl => "NetworkAcl",
            Self::ProviderNetwork => "ProviderNetwork",
            Self::LoadBalancer => "LoadBalancer",
            Self::Service => "VpcEndpointService",
            Self::Endpoint => "VpcEndpoint",
        }
    }

    /// The field that holds the resource's id.
    pub(super) fn id_field(self) -> &'static str {
        match self {
            Self::Vpc => "VpcId",
            Self::VSwitch => "VSwitchId",
            Self::PrefixList => "PrefixListId",
            Self::SecurityGroup => "SecurityGroupId",
            Self::NetworkAcl => "NetworkAclId",
            Self::ProviderNetwork => "ProviderNetworkId",
            Self::LoadBalancer => "LoadBalancerId",
            Self::Service => "ServiceId",
            Self::Endpoint => "EndpointId",
        }
    }

    /// The kind of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The names of all kinds, for a message.
    pub(super) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

/// How a document is named in faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Its number in the file, from 1.
    pub(super) number: usize,
    /// The line it starts on.
    pub(super) line: u32,
    pub(super) kind: Option<Kind>,
    pub(super) id: Option<String>,
}

impl Header {
    /// How a fault of another document names this one.
    pub(super) fn describe(&self) -> String {
        let kind = self.kind.map_or("document", Kind::name);
        let id = self.id.as_deref().unwrap_or("without id");
        format!("{kind} {id} (document {}, line {})", self.number, self.line)
    }
}
