//! Everything that is known of one resource: its document, whose it is, who needs it, how far it is in force, and
//! what only a running node knows.
//!
//! May import: std, jiff, serde, serde_json, document, health (targets), model, operations (states and names),
//! registry.

mod description;
mod endpoint;

use std::collections::BTreeMap;

pub use description::{
    Described, EndpointDescribed, GroupDescribed, ServiceDescribed, TargetDescribed, ZoneDescribed,
};

use crate::document::document;
use crate::health::TargetView;
use crate::model::{Kind, ResourceId};
use crate::operations::{ServiceShown, Settings};
use crate::registry::{Progress, View, referrers};

/// What is known beyond the resource.
#[derive(Debug)]
pub struct Known {
    /// What is declared, and what of it is in force.
    pub view: View,
    /// Where the names of endpoints are.
    pub settings: Settings,
    /// The targets of load balancers, with their health.
    pub targets: Vec<TargetView>,
    /// The MAC addresses of interfaces: ENIs answer with them.
    pub macs: BTreeMap<String, [u8; 6]>,
}

impl Known {
    /// All that is known of a resource that is declared or still in force, if somebody declared it.
    pub fn describe(&self, kind: Kind, id: &str) -> Option<Described> {
        let view = &self.view;
        let now = document(view.model(), kind, id);
        let before = document(&view.in_force.model, kind, id);
        let progress = match (&now, &before) {
            (Some(_), None) => Progress::Coming,
            (Some(now), Some(before)) if now != before => Progress::Changing,
            (_, Some(_)) if now.is_none() => Progress::Going,
            _ => Progress::There,
        };
        let shown = now.or(before)?;
        let origin = view.knows(kind, id).origin(kind, id);
        let needed_by = referrers(view.model(), &ResourceId::new(kind, id));
        Some(Described {
            kind: kind.name(),
            id: id.to_owned(),
            state: state(progress),
            account_id: origin.map(|origin| origin.account.to_string()),
            created: origin.map(|origin| origin.created),
            manifest: origin.and_then(|origin| origin.manifest.clone()),
            referrers: needed_by.iter().map(Into::into).collect(),
            endpoint: self.endpoint(kind, id),
            service: self.service(kind, id),
            targets: (kind == Kind::LoadBalancer).then(|| self.targets(id)),
            document: shown.to_value(),
        })
    }

    fn service(&self, kind: Kind, id: &str) -> Option<ServiceDescribed> {
        if kind != Kind::Service {
            return None;
        }
        let shown = ServiceShown::of(id, &self.view, &self.settings)?;
        Some(ServiceDescribed {
            service_status: shown.status,
            service_domain: shown.domain,
        })
    }

    fn targets(&self, balancer: &str) -> Vec<TargetDescribed> {
        let its = self.targets.iter();
        let its = its.filter(|one| one.target.load_balancer.as_str() == balancer);
        its.map(Into::into).collect()
    }
}

/// How far something is in force.
fn state(progress: Progress) -> &'static str {
    match progress {
        Progress::Coming => "declared",
        Progress::Changing => "changing",
        Progress::There => "in-force",
        Progress::Going => "going",
    }
}
