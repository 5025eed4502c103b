//! One call, and who answers it.
//!
//! May import: std, serde_json, the module's own.

use std::fmt;
use std::future::Future;

use serde_json::{Map, Value};

use super::{ApiError, Parameters};
use crate::model::AccountId;

/// Which API a call is of, told by its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Product {
    /// PrivateLink, 2020-04-15.
    PrivateLink,
    /// Elastic Compute Service, 2014-05-26: security groups.
    Ecs,
    /// Virtual Private Cloud, 2016-04-28: VPCs, vSwitches, network ACLs, flow logs.
    Vpc,
    /// Network Load Balancer, 2022-04-30.
    Nlb,
}

impl Product {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::PrivateLink, Self::Ecs, Self::Vpc, Self::Nlb];

    /// The version that requests name.
    pub fn version(self) -> &'static str {
        match self {
            Self::PrivateLink => "2020-04-15",
            Self::Ecs => "2014-05-26",
            Self::Vpc => "2016-04-28",
            Self::Nlb => "2022-04-30",
        }
    }

    /// The product of a version.
    pub fn of_version(version: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|product| product.version() == version)
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PrivateLink => "PrivateLink",
            Self::Ecs => "Ecs",
            Self::Vpc => "Vpc",
            Self::Nlb => "Nlb",
        })
    }
}

/// One call, whose caller is who it says it is.
#[derive(Debug, Clone)]
pub struct Call {
    /// The caller.
    pub account: AccountId,
    /// The API.
    pub product: Product,
    /// The operation, such as `CreateVpcEndpoint`: letters and digits, not yet known to exist.
    pub action: String,
    /// What it is called with, without what the protocol itself needs.
    pub parameters: Parameters,
    /// The id of this request, which its answer bears.
    pub request_id: String,
}

/// What answers calls.
pub trait Service: Send + Sync + 'static {
    /// Answers one. The members are those of the JSON answer, without `RequestId`.
    ///
    /// A call that has begun is run to its end, even if its client has gone away.
    ///
    /// # Errors
    /// What the client is told; [`ApiError::action_not_found`] for an operation that is not there.
    fn call(&self, call: Call)
    -> impl Future<Output = Result<Map<String, Value>, ApiError>> + Send;
}
