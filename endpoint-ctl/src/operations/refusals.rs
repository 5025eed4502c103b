//! Refusals of the service layer as errors of the API, with the codes that clients branch on
//! (reference/privatelink.md section 2.5).
//!
//! May import: api, model, registry.

use std::fmt::Write as _;

use crate::api::ApiError;
use crate::model::Kind;
use crate::registry::{Reason, Refusal};

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let kind = refusal.resource.as_ref().map(|resource| resource.kind);
        let parameter = parameter(&refusal.field, kind);
        let error = match refusal.reason {
            Reason::Missing => {
                // The problem says which field, the field itself may be that of what holds it.
                let name = refusal.problem.split(' ').next().unwrap_or_default();
                let path = if parameter.is_empty() {
                    name.to_owned()
                } else {
                    format!("{parameter}.{name}")
                };
                return ApiError::missing(&path);
            }
            Reason::Wrong => invalid(&parameter, &refusal.problem),
            Reason::NotFound(kind) => {
                let what = if parameter.is_empty() {
                    refusal.problem.clone()
                } else {
                    format!("{parameter}: {}", refusal.problem)
                };
                return not_found(kind, &what);
            }
            Reason::Taken => taken(&parameter, &refusal),
            Reason::Exhausted => ApiError::new(
                400,
                "InsufficientIpAddress",
                format!("{parameter}: {}.", refusal.problem),
            ),
            Reason::Quota(name) => ApiError::new(
                400,
                match kind {
                    // What a group has too many of are rules.
                    Some(Kind::SecurityGroup) if name == "q_items" => "AuthorizationLimitExceed",
                    Some(Kind::SecurityGroup) => "QuotaExceed.SecurityGroup",
                    _ => "QuotaExceeded",
                },
                format!("{} ({name}).", refusal.problem),
            )
            .member("QuotaName", name),
            Reason::InUse => ApiError::new(409, in_use(kind), format!("{refusal}.")),
            Reason::Managed if kind == Some(Kind::SecurityGroup) => ApiError::new(
                403,
                "InvalidOperation.ResourceManagedByCloudProduct",
                format!("{refusal}."),
            ),
            Reason::Managed => ApiError::new(
                409,
                "OperationDenied.ManagedByManifest",
                format!("{refusal}."),
            ),
            Reason::State => ApiError::new(409, state(kind), format!("{refusal}.")),
        };
        if refusal.mend.is_empty() {
            error
        } else {
            error.mend(refusal.mend)
        }
    }
}

/// There is no such thing, as far as the caller may know.
pub(super) fn not_found(kind: Kind, what: &str) -> ApiError {
    let code = match kind {
        // The API knows provider networks as the VPCs of load balancers.
        Kind::Vpc | Kind::ProviderNetwork => "InvalidVpcId.NotFound",
        Kind::VSwitch => "InvalidVSwitchId.NotFound",
        Kind::PrefixList => "InvalidPrefixListId.NotFound",
        Kind::SecurityGroup => "InvalidSecurityGroupId.NotFound",
        Kind::NetworkAcl => "InvalidNetworkAcl.NotFound",
        Kind::ServerGroup => "ResourceNotFound.serverGroup",
        Kind::LoadBalancer => "ResourceNotFound.loadBalancer",
        Kind::Service => "EndpointServiceNotFound",
        Kind::Endpoint => "EndpointNotFound",
        Kind::FlowLog => "InvalidFlowLogId.NotFound",
    };
    ApiError::new(
        404,
        code,
        format!("The specified resource is not found: {what}."),
    )
}

fn invalid(parameter: &str, problem: &str) -> ApiError {
    if parameter.is_empty() {
        return ApiError::invalid_parameters(format!("{problem}."));
    }
    ApiError::invalid(parameter, problem)
}

fn taken(parameter: &str, refusal: &Refusal) -> ApiError {
    let code = match parameter.rsplit('.').next() {
        Some("ip") => "InvalidIp.InUse",
        Some("Ipv6Address") => "InvalidIpv6Address.InUse",
        Some("CidrBlock") => "InvalidCidrBlock.Overlapped",
        Some("Ipv6CidrBlock") => "InvalidIpv6CidrBlock.Overlapped",
        Some("PrivateDnsEnabled") => "PrivateDnsConflict",
        _ => "ResourceAlreadyExist",
    };
    ApiError::new(409, code, format!("{parameter}: {}.", refusal.problem))
}

fn in_use(kind: Option<Kind>) -> &'static str {
    match kind {
        Some(Kind::Service) => "EndpointServiceConnectionDependence",
        Some(Kind::NetworkAcl) => "NetworkAclExistBinding",
        Some(Kind::LoadBalancer) => "ResourceInUse",
        Some(Kind::ServerGroup) => "ResourceInUse.serverGroup",
        _ => "DependencyViolation",
    }
}

fn state(kind: Option<Kind>) -> &'static str {
    match kind {
        Some(Kind::Service) => "EndpointServiceOperationDenied",
        Some(Kind::Endpoint) => "EndpointOperationDenied",
        _ => "IncorrectStatus",
    }
}

/// A document's field as the parameter that it came from: `Zones[0].ip` is `Zone.1.ip`.
fn parameter(field: &str, kind: Option<Kind>) -> String {
    let mut parameter = String::new();
    for part in field.split('.').filter(|part| !part.is_empty()) {
        let (name, place) = match part.split_once('[') {
            Some((name, rest)) => (name, rest.trim_end_matches(']').parse::<usize>().ok()),
            None => (part, None),
        };
        let name = match name {
            "Zones" => "Zone",
            "SecurityGroupIds" => "SecurityGroupId",
            "Tags" => "Tag",
            "Resources" => "Resource",
            "Users" => "UserId",
            "ProviderNetworkId" => "VpcId",
            "AddressIpVersion" if kind == Some(Kind::Vpc) => "Ipv6CidrBlock",
            name => name,
        };
        let dot = if parameter.is_empty() { "" } else { "." };
        let _ = write!(parameter, "{dot}{name}");
        if let Some(place) = place {
            let _ = write!(parameter, ".{}", place + 1);
        }
    }
    parameter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_the_parameters_they_came_from() {
        for (field, expected) in [
            ("Zones[0].ip", "Zone.1.ip"),
            ("SecurityGroupIds[2]", "SecurityGroupId.3"),
            ("Permissions[9].PortRange", "Permissions.10.PortRange"),
            ("VpcId", "VpcId"),
            ("", ""),
        ] {
            assert_eq!(parameter(field, Some(Kind::Endpoint)), expected);
        }
    }
}
