//! Typed resource ids: the API's strings, told apart by type.
//!
//! May import: std.

use std::fmt;
use std::sync::Arc;

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps an id; its syntax is checked where input enters (manifest, API).
            pub fn new(id: impl Into<Arc<str>>) -> Self {
                Self(id.into())
            }

            /// The id as the API spells it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

id_types! {
    /// `AccountId`: whose resources are.
    AccountId,
    /// `NodeId`: which of the hosts that share what is declared, such as `node-1`.
    NodeId,
    /// `VpcId`, such as `vpc-a`.
    VpcId,
    /// `VSwitchId`, such as `vsw-a`.
    VSwitchId,
    /// `ZoneId`, such as `lab-a`.
    ZoneId,
    /// `SecurityGroupId`, such as `sg-web`.
    SecurityGroupId,
    /// `PrefixListId`, such as `pl-offices`.
    PrefixListId,
    /// `NetworkAclId`, such as `nacl-a`.
    NetworkAclId,
    /// Id of a provider network (this project's own kind).
    ProviderNetworkId,
    /// `ServerGroupId`, such as `sgp-web`.
    ServerGroupId,
    /// `LoadBalancerId`, such as `nlb-web`.
    LoadBalancerId,
    /// `ServiceId`, such as `epsrv-web`.
    ServiceId,
    /// `EndpointId`, such as `ep-web`.
    EndpointId,
    /// `FlowLogId`, such as `fl-web`.
    FlowLogId,
    /// `EniId`, such as `eni-ep-web-lab-a`.
    EniId,
}
