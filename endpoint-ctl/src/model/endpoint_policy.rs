//! Endpoint policies: who may do what through an endpoint, as far as packets show it.
//!
//! May import: std, ipnet, the model's own modules.

use ipnet::IpNet;

use super::{EndpointId, Policy};

/// The policy of an endpoint that was given none.
const FULL_ACCESS: &str =
    r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

/// `PolicyDocument`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointPolicy {
    /// The document, byte for byte as it was given.
    pub document: String,
    /// `Statement`, in order.
    pub statements: Vec<PolicyStatement>,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyStatement {
    /// `Effect`: `Allow` or `Deny`.
    pub effect: Policy,
    /// What must hold of a packet, all of it.
    pub conditions: Vec<PolicyCondition>,
    /// What else must hold and packets do not show, each as its path in the statement, such as
    /// `Action`. If there is any, an `Allow` counts as one that applies wherever its conditions hold,
    /// and a `Deny` as one that never does: dropped is what is denied whatever the request says.
    pub undecided: Vec<String>,
}

/// A condition that packets show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyCondition {
    /// `IpAddress` (`within`) or `NotIpAddress` of `acs:SourceIp`: whether the client's address is in
    /// any of these networks.
    SourceIp {
        /// Whether it must be, or must not.
        within: bool,
        /// The networks.
        networks: Vec<IpNet>,
    },
    /// `StringEquals` (`within`) or `StringNotEquals` of `acs:SourceVpc`: whether the endpoint's VPC is
    /// any of these.
    SourceVpc {
        /// Whether it must be, or must not.
        within: bool,
        /// Ids of VPCs, of this node or not.
        vpcs: Vec<String>,
    },
}

impl Default for EndpointPolicy {
    fn default() -> Self {
        Self {
            document: FULL_ACCESS.to_owned(),
            statements: vec![PolicyStatement {
                effect: Policy::Accept,
                conditions: Vec::new(),
                undecided: Vec::new(),
            }],
        }
    }
}

impl EndpointPolicy {
    /// What of it is not enforced here, and why; a sentence for each such statement.
    pub fn notices(&self) -> impl Iterator<Item = String> {
        let numbered = (1..).zip(&self.statements);
        let undecided = numbered.filter(|(_, statement)| !statement.undecided.is_empty());
        undecided.map(|(number, statement)| {
            let hidden = statement.undecided.join(", ");
            let what = match statement.effect {
                Policy::Accept => "what it might allow is let through",
                Policy::Drop => "what it denies is let through if another statement allows it",
            };
            format!("statement {number} is left to the service, since packets do not show {hidden}: {what}")
        })
    }
}

/// The name under which flow logs have a statement, `number` from 1.
pub fn statement_name(endpoint: &EndpointId, number: usize) -> String {
    format!("policy-{endpoint}-{number}")
}

/// The name of the rule that denies what no statement allows.
pub fn default_statement_name(endpoint: &EndpointId) -> String {
    format!("policy-{endpoint}-default")
}
