//! How a `VpcEndpoint` meets its service: whether it is let in, and what of the service it uses.
//!
//! May import: std, `model`, `context`, `fault`, `fields`, `scalar`.

use super::context::Context;
use super::fault::{FaultClass, Place, Told};
use super::fields::Fields;
use super::scalar;
use crate::model::{Connection, EndpointId, EndpointService, ServiceId, TrafficControlMode, VpcId};

const MODES: [(&str, TrafficControlMode); 2] = [
    ("Scalability", TrafficControlMode::Scalability),
    ("BandwidthLimit", TrafficControlMode::BandwidthLimit),
];

/// What was read.
#[derive(Debug)]
pub(super) struct Meeting<'a> {
    pub(super) connection: Connection,
    pub(super) zone_affinity: bool,
    pub(super) private_dns: bool,
    service: Option<ServiceId>,
    affinity_place: Place<'a>,
    dns_place: Place<'a>,
}

/// Reads it. An endpoint that says nothing of its connection is let in as its service lets endpoints in.
pub(super) fn read<'a>(
    fields: &mut Fields<'a>,
    service: Option<&ServiceId>,
    context: &Context<'_>,
) -> Result<Meeting<'a>, Told> {
    let connected = fields.optional("Connected", scalar::boolean);
    let traffic_control =
        fields.optional("TrafficControlMode", |node| scalar::one_of(node, &MODES));
    // Who writes a bandwidth and no more means it.
    let by_itself = if fields.has("Bandwidth") {
        TrafficControlMode::BandwidthLimit
    } else {
        TrafficControlMode::Scalability
    };
    let zone_affinity = fields.defaulted("ZoneAffinityEnabled", false, scalar::boolean);
    let private_dns = fields.defaulted("PrivateDnsEnabled", false, scalar::boolean);
    let found = service.and_then(|id| context.model.services.get(id));
    let lets_in = found.is_none_or(|service| service.auto_accept);
    Ok(Meeting {
        connection: Connection {
            accepted: connected?.unwrap_or(lets_in),
            traffic_control: traffic_control?.unwrap_or(by_itself),
        },
        zone_affinity: zone_affinity?,
        private_dns: private_dns?,
        service: service.cloned(),
        affinity_place: fields.place_of("ZoneAffinityEnabled"),
        dns_place: fields.place_of("PrivateDnsEnabled"),
    })
}

impl Meeting<'_> {
    /// Checks it against the service and other endpoints; what is not known has been told.
    pub(super) fn check(
        self,
        endpoint: &EndpointId,
        vpc: Option<&VpcId>,
        context: &Context<'_>,
    ) -> Result<Self, Told> {
        let service = self.service.as_ref();
        let Some(service) = service.and_then(|id| context.model.services.get(id)) else {
            return Ok(self);
        };
        let before = context
            .previous
            .and_then(|model| model.endpoints.get(endpoint));
        // What is on may stay on, whatever became of the service since (rows F28, F29).
        let may_have = service.zone_affinity || before.is_some_and(|before| before.zone_affinity);
        if self.zone_affinity && !may_have {
            return Err(self.affinity_place.fault(
                format!("{} does not offer zone affinity", service.id),
                "remove it, or write ZoneAffinityEnabled: true at the service",
            ));
        }
        if self.private_dns && !before.is_some_and(|before| before.private_dns) {
            self.may_use_domain(service)?;
        }
        if self.private_dns
            && let Some(vpc) = vpc
        {
            self.is_first(endpoint, vpc, service, context)?;
        }
        Ok(self)
    }

    /// Row F43.
    fn may_use_domain(&self, service: &EndpointService) -> Result<(), Told> {
        let place = &self.dns_place;
        match &service.domain {
            Some(domain) if domain.verified => Ok(()),
            Some(domain) => Err(place.fault(
                format!(
                    "the domain {} of {} is not verified",
                    domain.name, service.id
                ),
                "have the provider show that the domain is theirs, or remove it",
            )),
            None => Err(place.fault(
                format!("{} has no domain of its own", service.id),
                "remove it, or write PrivateServiceDomain at the service",
            )),
        }
    }

    /// Row F42: of the endpoints of a VPC, one has a domain.
    fn is_first(
        &self,
        endpoint: &EndpointId,
        vpc: &VpcId,
        service: &EndpointService,
        context: &Context<'_>,
    ) -> Result<(), Told> {
        let Some(domain) = &service.domain else {
            return Ok(());
        };
        let others = context.model.endpoints.values();
        let mut others =
            others.filter(|other| other.private_dns && other.vpc == *vpc && other.id != *endpoint);
        let first = others.find(|other| {
            let service = context.model.services.get(&other.service);
            let theirs = service.and_then(|service| service.domain.as_ref());
            theirs.is_some_and(|theirs| theirs.name == domain.name)
        });
        match first {
            None => Ok(()),
            Some(first) => Err(self.dns_place.fault_as(
                FaultClass::Taken,
                format!(
                    "{} has the domain {} in {vpc} already",
                    first.id, domain.name
                ),
                "turn it off there first, or remove it here",
            )),
        }
    }
}
