//! How much there may be of everything.
//!
//! May import: std, model, registry's own.

use super::{Reason, Refusal, Registry};
use crate::model::{AccountId, Kind, Model, ResourceId, VpcId};

/// Quotas, each by account unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// `q_security-groups`: security groups, the managed ones included (row F34).
    pub security_groups: usize,
    /// Endpoint services.
    pub services: usize,
    /// Endpoints in one VPC.
    pub endpoints_per_vpc: usize,
    /// VPCs.
    pub vpcs: usize,
    /// vSwitches in one VPC.
    pub vswitches_per_vpc: usize,
    /// Network ACLs in one VPC.
    pub network_acls_per_vpc: usize,
    /// Load balancers.
    pub load_balancers: usize,
    /// Server groups.
    pub server_groups: usize,
    /// Flow logs.
    pub flow_logs: usize,
    /// ENIs of all accounts together: what the node's tables hold.
    pub enis: usize,
    /// Rules and entries of all accounts together: what the node's tables hold.
    pub rules: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            security_groups: 20_000,
            services: 200,
            endpoints_per_vpc: 1_000,
            vpcs: 1_000,
            vswitches_per_vpc: 1_000,
            network_acls_per_vpc: 200,
            load_balancers: 1_000,
            server_groups: 1_000,
            flow_logs: 1_000,
            enis: usize::MAX,
            rules: usize::MAX,
        }
    }
}

impl Quotas {
    /// Whether there may be another one, `new`, which `registry` has already.
    pub(super) fn check(
        &self,
        registry: &Registry,
        new: &ResourceId,
        account: &AccountId,
    ) -> Result<(), Refusal> {
        let model = &registry.model;
        let own = |kind| registry.ids_of(kind, account).count();
        let in_vpc = |of: Option<&VpcId>, all: &mut dyn Iterator<Item = &VpcId>| {
            all.filter(|vpc| Some(*vpc) == of).count()
        };
        let id = &*new.id;
        let (name, count, most) = match new.kind {
            Kind::Vpc => ("vpc_quota_vpcs_num", own(Kind::Vpc), self.vpcs),
            Kind::VSwitch => {
                let of = model.vswitches.get(id).map(|one| &one.vpc);
                let count = in_vpc(of, &mut model.vswitches.values().map(|one| &one.vpc));
                ("vpc_quota_vswitches_num", count, self.vswitches_per_vpc)
            }
            Kind::NetworkAcl => {
                let of = model.network_acls.get(id).map(|one| &one.vpc);
                let count = in_vpc(of, &mut model.network_acls.values().map(|one| &one.vpc));
                (
                    "nacl_quota_vpc_create_count",
                    count,
                    self.network_acls_per_vpc,
                )
            }
            Kind::SecurityGroup => (
                "q_security-groups",
                groups(registry, account),
                self.security_groups,
            ),
            Kind::LoadBalancer => (
                "nlb_quota_loadbalancers_num",
                own(Kind::LoadBalancer),
                self.load_balancers,
            ),
            Kind::ServerGroup => (
                "nlb_quota_servergroups_num",
                own(Kind::ServerGroup),
                self.server_groups,
            ),
            Kind::FlowLog => (
                "flowlog_quota_flowlogs_num",
                own(Kind::FlowLog),
                self.flow_logs,
            ),
            Kind::Service => (
                "epsrv_quota_services_num",
                own(Kind::Service),
                self.services,
            ),
            Kind::Endpoint => {
                let groups = groups(registry, account);
                if groups > self.security_groups {
                    return Err(too_many(new, "q_security-groups", self.security_groups));
                }
                let of = model.endpoints.get(id).map(|one| &one.vpc);
                let count = in_vpc(of, &mut model.endpoints.values().map(|one| &one.vpc));
                ("ep_quota_vpc_endpoints_num", count, self.endpoints_per_vpc)
            }
            Kind::PrefixList | Kind::ProviderNetwork => return Ok(()),
        };
        if count <= most {
            return Ok(());
        }
        Err(too_many(new, name, most))
    }

    /// Whether the node has room for a resource as it is declared now: what it has not would hold up every
    /// later change. What takes no more than `before` always has.
    pub(super) fn check_room(
        &self,
        before: &Model,
        now: &Model,
        of: &ResourceId,
    ) -> Result<(), Refusal> {
        let (what, most, count): (_, _, fn(&Model) -> usize) = match of.kind {
            Kind::Endpoint => ("enis", self.enis, enis),
            Kind::SecurityGroup | Kind::NetworkAcl => ("rules", self.rules, rules),
            _ => return Ok(()),
        };
        let taken = count(now);
        if taken <= most || taken <= count(before) {
            return Ok(());
        }
        Err(Refusal::new(
            Reason::Quota(what),
            of.clone(),
            format!("the node's tables hold {most} {what}"),
            format!("delete what is not needed, or have the operator run with a larger --{what}"),
        ))
    }
}

/// Security groups of an account; each endpoint brings one.
fn groups(registry: &Registry, account: &AccountId) -> usize {
    let groups = registry.ids_of(Kind::SecurityGroup, account).count();
    groups + registry.ids_of(Kind::Endpoint, account).count()
}

fn enis(model: &Model) -> usize {
    model.endpoints.values().map(|one| one.zones.len()).sum()
}

fn rules(model: &Model) -> usize {
    let groups = model.security_groups.values().map(|one| one.rules.len());
    let acls = model.network_acls.values();
    let entries = acls.map(|one| one.ingress.len() + one.egress.len());
    groups.chain(entries).sum()
}

fn too_many(new: &ResourceId, name: &'static str, most: usize) -> Refusal {
    Refusal::new(
        Reason::Quota(name),
        new.clone(),
        format!("the quota {name} allows {most}"),
        "delete what is not needed, or have the operator raise the quota",
    )
}
