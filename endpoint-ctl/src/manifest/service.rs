//! The kind `VpcEndpointService`.
//!
//! May import: std, `model`, `context`, `fault`, `fields`, `ip`, `kind`, `scalar`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::context::Context;
use super::fault::{FaultClass, Place, Told};
use super::fields::Fields;
use super::{about, ip, scalar};
use crate::model::{
    AddressIpVersion, EndpointService, Kind, LoadBalancerId, Payer, ServiceDomain, ServiceId,
    ServiceResource, ZoneId,
};

/// The region of services that name none.
const DEFAULT_REGION: &str = "local";
/// `ConnectBandwidth`, in Mbit/s.
const BANDWIDTHS: RangeInclusive<u32> = 100..=50_000;
const PAYERS: [(&str, Payer); 2] = [
    ("Endpoint", Payer::Endpoint),
    ("EndpointService", Payer::EndpointService),
];

/// Reads a `VpcEndpointService`.
pub(super) fn read(mut fields: Fields<'_>, context: &mut Context<'_>) -> Result<(), Told> {
    let id = fields.required("ServiceId", |node| scalar::id(node).map(ServiceId::new));
    let region = fields.defaulted("RegionId", DEFAULT_REGION, scalar::id);
    let name = fields.optional("ServiceName", |node| {
        scalar::service_name(node).map(str::to_owned)
    });
    let resources = fields.required_items("Resources", resource);
    let about = about::read(&mut fields, Kind::Service);
    let _ = fields.optional("ServiceResourceType", |node| {
        scalar::only(node, "nlb", OTHER_RESOURCE_TYPES)
    });
    let version = fields.defaulted(
        "AddressIpVersion",
        AddressIpVersion::default(),
        ip::address_version,
    );
    let auto_accept = fields.defaulted("AutoAcceptEnabled", true, scalar::boolean);
    let payer = fields.defaulted("Payer", Payer::default(), |node| {
        scalar::one_of(node, &PAYERS)
    });
    let users = users(&mut fields);
    let zone_affinity = fields.defaulted("ZoneAffinityEnabled", true, scalar::boolean);
    let connect_bandwidth =
        fields.optional("ConnectBandwidth", |node| scalar::integer(node, BANDWIDTHS));
    let domain = domain(&mut fields);
    fields.unsupported(&["SupportedRegionList"], "remove it: there is one region");
    fields.unsupported(
        &["ServiceSupportIPv6"],
        "remove it, and write AddressIpVersion: DualStack",
    );
    let name_place = fields.place_of("ServiceName");
    fields.finish();

    let id = id?;
    let region = region?;
    let name = name?.unwrap_or_else(|| format!("com.aliyuncs.privatelink.{region}.{id}"));
    let named_so = context
        .model
        .services
        .values()
        .find(|service| service.name == name);
    if let Some(other) = named_so {
        return Err(name_place.fault_as(
            FaultClass::Taken,
            format!("{} has the name {name:?} already", other.id),
            "choose another ServiceName",
        ));
    }
    let resources = check_resources(resources?, context)?;
    let service = EndpointService {
        id,
        name,
        resources,
        address_ip_version: version?,
        auto_accept: auto_accept?,
        payer: payer?,
        users: users?,
        zone_affinity: zone_affinity?,
        connect_bandwidth: connect_bandwidth?,
        domain: domain?,
    };
    context.describe(Kind::Service, service.id.as_str(), about?);
    context.model.services.insert(service.id.clone(), service);
    Ok(())
}

/// Accounts that may connect, or `*` for all.
fn users(fields: &mut Fields<'_>) -> Result<BTreeSet<String>, Told> {
    let mut users = BTreeSet::new();
    fields.values("Users", |place, node| {
        let user = place.tell(scalar::text(node).and_then(|text| match text {
            "*" => Ok(text),
            _ => scalar::id(node),
        }))?;
        if users.insert(user.to_owned()) {
            Ok(())
        } else {
            Err(place.fault(format!("{user} is given twice"), "remove one of the two"))
        }
    })?;
    Ok(users)
}

/// The service's own domain. Of a manifest, whoever writes it vouches for it.
fn domain(fields: &mut Fields<'_>) -> Result<Option<ServiceDomain>, Told> {
    let name = fields.optional("PrivateServiceDomain", scalar::domain);
    let verified = fields.defaulted("PrivateServiceDomainVerified", true, scalar::boolean);
    let (name, verified) = (name?, verified?);
    Ok(name.map(|name| ServiceDomain { name, verified }))
}

const OTHER_RESOURCE_TYPES: &[&str] = &["slb", "alb", "gwlb", "vpcNat"];

fn resource(mut fields: Fields<'_>) -> Result<(ServiceResource, Place<'_>), Told> {
    let id = fields.required("ResourceId", |node| {
        scalar::id(node).map(LoadBalancerId::new)
    });
    let kind = fields.required("ResourceType", |node| {
        scalar::only(node, "nlb", OTHER_RESOURCE_TYPES)
    });
    let zone = fields.optional("ZoneId", |node| scalar::id(node).map(ZoneId::new));
    let auto_allocated = fields.defaulted("AutoAllocatedEnabled", true, scalar::boolean);
    let place = fields.place_of("ResourceId");
    fields.finish();
    kind?;
    let resource = ServiceResource {
        load_balancer: id?,
        zone: zone?,
        auto_allocated: auto_allocated?,
    };
    Ok((resource, place))
}

/// Each is there, once for each zone, and all are in one provider network.
fn check_resources(
    resources: Vec<(ServiceResource, Place<'_>)>,
    context: &Context<'_>,
) -> Result<Vec<ServiceResource>, Told> {
    let mut seen = BTreeSet::new();
    let mut network = None;
    for (resource, place) in &resources {
        let id = &resource.load_balancer;
        let balancers = &context.model.load_balancers;
        let balancer = context.find(Kind::LoadBalancer, balancers, id, place)?;
        if !seen.insert((id, &resource.zone)) {
            return Err(place.fault(format!("{id} is given twice"), "remove one of the two"));
        }
        let of_first = network.get_or_insert(&balancer.provider_network);
        if **of_first != balancer.provider_network {
            return Err(place.fault(
                format!(
                    "{id} is in {}, an earlier one in {of_first}",
                    balancer.provider_network
                ),
                "name load balancers of one provider network",
            ));
        }
    }
    Ok(resources
        .into_iter()
        .map(|(resource, _)| resource)
        .collect())
}
