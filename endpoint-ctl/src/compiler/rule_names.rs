//! The names of all rules a model can decide by.
//!
//! May import: model.

use std::borrow::Cow;

use crate::model::{
    Endpoint, EndpointPolicy, Model, Policy, SecurityGroupId, default_statement_name,
    statement_name,
};

/// Names of the rules that nobody wrote.
pub mod builtin {
    /// Traffic inside a vSwitch is not filtered by its network ACL.
    pub const SAME_VSWITCH: &str = "same-vswitch";
    /// No security-group rule matched, inbound.
    pub const GROUP_INGRESS: &str = "default-ingress";
    /// No security-group rule matched, outbound.
    pub const GROUP_EGRESS: &str = "default-egress";
    /// No network-ACL entry matched, inbound.
    pub const ACL_INGRESS: &str = "default-nacl-ingress";
    /// No network-ACL entry matched, outbound.
    pub const ACL_EGRESS: &str = "default-nacl-egress";
    /// All of the above.
    pub const ALL: [&str; 5] = [
        SAME_VSWITCH,
        GROUP_INGRESS,
        GROUP_EGRESS,
        ACL_INGRESS,
        ACL_EGRESS,
    ];
}

/// The rule that lets members of a group in.
pub fn inner_name(group: &SecurityGroupId) -> String {
    format!("inner-{group}")
}

/// The ids of all rules a model can decide by, the default ones included.
pub fn rule_names(model: &Model) -> impl Iterator<Item = Cow<'_, str>> {
    let groups = model
        .security_groups
        .values()
        .flat_map(|group| &group.rules);
    let entries = model
        .network_acls
        .values()
        .flat_map(|acl| acl.ingress.iter().chain(&acl.egress));
    let written = groups
        .map(|rule| rule.id.as_str())
        .chain(entries.map(|entry| entry.id.as_str()));
    let inner = model
        .security_groups
        .values()
        .filter(|group| group.inner_access == Policy::Accept);
    let policies = model.endpoints.values().flat_map(names_of_statements);
    let made = inner.map(|group| inner_name(&group.id)).chain(policies);
    let fixed = builtin::ALL.into_iter().chain(written);
    fixed.map(Cow::Borrowed).chain(made.map(Cow::Owned))
}

/// The names of what an endpoint's policy can decide by; none if it was given none.
fn names_of_statements(endpoint: &Endpoint) -> impl Iterator<Item = String> {
    let is_given = endpoint.policy != EndpointPolicy::default();
    let count = endpoint.policy.statements.len();
    let statements = (1..=count).map(|number| statement_name(&endpoint.id, number));
    let all = statements.chain([default_statement_name(&endpoint.id)]);
    all.filter(move |_| is_given)
}
