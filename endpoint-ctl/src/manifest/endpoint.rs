//! The kind `VpcEndpoint`.
//!
//! May import: std, `model`, `about`, `connection`, `context`, `endpoint_policy`, `families`, `fault`, `fields`, `kind`, `limits`,
//! `reverse`, `scalar`, `security_group`, `suggest`, `zone`.

use std::collections::BTreeSet;

use super::context::Context;
use super::fault::{FaultClass, Place, Told};
use super::fields::Fields;
use super::reverse::{self, Owner};
use super::scalar::{self, MANAGED_GROUP_PREFIX};
use super::security_group::{self, MOST_RULES};
use super::suggest::did_you_mean;
use super::{about, connection, endpoint_policy, families, limits, zone};
use crate::model::{
    Endpoint, EndpointId, EndpointType, Kind, SecurityGroupId, ServiceId, VpcId, managed_group,
};

const MOST_GROUPS: usize = 10;

/// Reads a `VpcEndpoint`, leaving the addresses of its ENIs to `address`.
pub(super) fn read<'a>(mut fields: Fields<'a>, context: &mut Context<'a>) -> Result<(), Told> {
    let id = fields.required("EndpointId", |node| scalar::id(node).map(EndpointId::new));
    let about = about::read(&mut fields, Kind::Endpoint);
    let vpc = vpc(&mut fields, context);
    let service = service(&mut fields, context);
    let security_groups = security_groups(&mut fields, vpc.as_ref().ok(), context);
    let zones = zone::read(&mut fields);
    let endpoint_type = fields.defaulted(
        "EndpointType",
        EndpointType::default(),
        reverse::endpoint_type,
    );
    let known_type = endpoint_type.ok();
    let policy = endpoint_policy::read(&mut fields, known_type);
    let version = families::read(&mut fields, known_type);
    let (resources, all_read) = reverse::read(&mut fields, known_type);
    let limits = limits::read(&mut fields);
    let audit_mode = fields.defaulted("AuditMode", false, scalar::boolean);
    let meeting = connection::read(&mut fields, service.as_ref().ok(), context);
    let places = (fields.place_of("AddressIpVersion"), fields.place().clone());
    refuse_unsupported(&mut fields);
    fields.finish();

    let checked = version.and_then(|version| {
        if known_type != Some(EndpointType::Interface) {
            return Ok(());
        }
        let (service, vpc) = (service.as_ref().ok(), vpc.as_ref().ok());
        families::check(version, service, vpc, (&places.0, &places.1), context)
    });
    let id = id?;
    let places: Vec<_> = zones
        .iter()
        .map(|zone| (zone.id.clone(), zone.vswitch.clone()))
        .collect();
    for zone in zones {
        // The other zones are checked all the same.
        let _ = zone::claim(zone, &id, vpc.as_ref().ok(), version.ok(), context);
    }
    let owner = Owner {
        id: &id,
        vpc: vpc.as_ref().ok(),
        service: service.as_ref().ok(),
        zones: &places,
    };
    let resources = reverse::claim(resources, &owner, context);
    let meeting = meeting.and_then(|read| read.check(&id, vpc.as_ref().ok(), context));
    all_read?;
    checked?;
    let meeting = meeting?;
    let vpc = vpc?;
    let endpoint_type = endpoint_type?;
    let managed = managed_group(&id, endpoint_type, &vpc);
    let endpoint = Endpoint {
        id: id.clone(),
        vpc,
        endpoint_type,
        service: service?,
        address_ip_version: version?,
        security_groups: security_groups?,
        managed_group: managed.id.clone(),
        policy: policy?,
        audit_mode: audit_mode?,
        limits: limits?,
        zone_affinity: meeting.zone_affinity,
        private_dns: meeting.private_dns,
        connection: meeting.connection,
        zones: Vec::new(),
        resources: resources?,
    };
    context
        .model
        .security_groups
        .insert(managed.id.clone(), managed);
    context.describe(Kind::Endpoint, id.as_str(), about?);
    context.model.endpoints.insert(id, endpoint);
    Ok(())
}

fn refuse_unsupported(fields: &mut Fields<'_>) {
    fields.unsupported(
        &[
            "CrossRegionBandwidth",
            "ProtectedEnabled",
            "ServiceRegionId",
            "ZonePrivateIpAddressCount",
        ],
        "remove it",
    );
}

fn vpc(fields: &mut Fields<'_>, context: &Context<'_>) -> Result<VpcId, Told> {
    let id = fields.required("VpcId", |node| scalar::id(node).map(VpcId::new))?;
    context.find(
        Kind::Vpc,
        &context.model.vpcs,
        &id,
        &fields.place_of("VpcId"),
    )?;
    Ok(id)
}

/// The service, named by `ServiceId`, by `ServiceName`, or by both if they agree.
fn service(fields: &mut Fields<'_>, context: &Context<'_>) -> Result<ServiceId, Told> {
    let id = fields.optional("ServiceId", |node| scalar::id(node).map(ServiceId::new));
    let name = fields.optional("ServiceName", scalar::service_name);
    let (id, name) = (id?, name?);
    if id.is_none() && name.is_none() {
        return Err(fields.place().fault(
            "neither ServiceId nor ServiceName is given",
            "add `ServiceId:`",
        ));
    }
    let services = &context.model.services;
    if let Some(id) = &id {
        context.find(Kind::Service, services, id, &fields.place_of("ServiceId"))?;
    }
    let Some(name) = name else {
        return id.ok_or(Told);
    };
    let named = services
        .values()
        .find(|service| service.name == name)
        .map(|service| &service.id);
    let place = fields.place_of("ServiceName");
    match (named, id) {
        (Some(named), Some(id)) if *named != id => Err(place.fault(
            format!("{name:?} is the name of {named}, not of {id}"),
            "keep one of ServiceId and ServiceName",
        )),
        (Some(named), _) => Ok(named.clone()),
        // A faulty service may be the one that is meant.
        (None, _) if context.declared.ids(Kind::Service).count() > services.len() => Err(Told),
        (None, _) => {
            let names = services.values().map(|service| service.name.as_str());
            let near = did_you_mean(name, names);
            Err(place.fault(
                format!("no service has the name {name:?}"),
                format!("{near}name one of this file, or use ServiceId"),
            ))
        }
    }
}

fn security_groups(
    fields: &mut Fields<'_>,
    vpc: Option<&VpcId>,
    context: &Context<'_>,
) -> Result<Vec<SecurityGroupId>, Told> {
    const FIELD: &str = "SecurityGroupIds";
    let mut seen = BTreeSet::new();
    let mut rules = 0;
    let groups = fields.values(FIELD, |place, node| {
        let id = SecurityGroupId::new(place.tell(scalar::id(node))?);
        if !seen.insert(id.clone()) {
            return Err(place.fault(format!("{id} is given twice"), "remove one of the two"));
        }
        rules += security_group(&id, place, vpc, context)?;
        Ok(id)
    });
    if !fields.has(FIELD) {
        return Err(fields.missing(FIELD));
    }
    let groups = groups?;
    let place = fields.place_of(FIELD);
    if !(1..=MOST_GROUPS).contains(&groups.len()) {
        return Err(place.fault_as(
            FaultClass::TooMany,
            format!("{} security groups", groups.len()),
            format!("name 1 to {MOST_GROUPS} of the endpoint's VPC"),
        ));
    }
    if rules > MOST_RULES {
        return Err(place.fault_as(
            FaultClass::TooMany,
            format!("{rules} rules in these groups together"),
            format!("an endpoint may have {MOST_RULES}: merge rules, or attach fewer groups"),
        ));
    }
    Ok(groups)
}

/// Checks one attached group; returns how many rules it brings.
fn security_group(
    id: &SecurityGroupId,
    place: &Place<'_>,
    vpc: Option<&VpcId>,
    context: &Context<'_>,
) -> Result<usize, Told> {
    if id.as_str().starts_with(MANAGED_GROUP_PREFIX) {
        return Err(place.fault(
            format!("{id} is managed: it comes with its endpoint by itself"),
            "name a group of your own",
        ));
    }
    let group = context.find(
        Kind::SecurityGroup,
        &context.model.security_groups,
        id,
        place,
    )?;
    match vpc {
        Some(vpc) if group.vpc != *vpc => Err(place.fault(
            format!("{id} is in {}, the endpoint in {vpc}", group.vpc),
            format!("name a security group of {vpc}"),
        )),
        _ => Ok(security_group::rule_count(group, &context.model)),
    }
}
