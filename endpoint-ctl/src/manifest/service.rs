//! The kind `VpcEndpointService`.
//!
//! May import: std, `model`, `context`, `fault`, `fields`, `ip`, `kind`, `scalar`.

use super::context::Context;
use super::fault::{Place, Told};
use super::fields::Fields;
use super::kind::Kind;
use super::{ip, scalar};
use crate::model::{AddressIpVersion, EndpointService, LoadBalancerId, ServiceId};

/// The region of services that name none.
const DEFAULT_REGION: &str = "local";

/// Reads a `VpcEndpointService`.
pub(super) fn read(mut fields: Fields<'_>, context: &mut Context<'_>) -> Result<(), Told> {
    let id = fields.required("ServiceId", |node| scalar::id(node).map(ServiceId::new));
    let region = fields.defaulted("RegionId", DEFAULT_REGION, scalar::id);
    let name = fields.optional("ServiceName", |node| {
        scalar::service_name(node).map(str::to_owned)
    });
    let resources = fields.required_items("Resources", resource);
    let _ = fields.optional("ServiceDescription", scalar::label);
    let _ = fields.optional("ServiceResourceType", |node| {
        scalar::only(node, "nlb", OTHER_RESOURCE_TYPES)
    });
    let version = fields.defaulted(
        "AddressIpVersion",
        AddressIpVersion::default(),
        ip::address_version,
    );
    fields.unsupported(
        &[
            "AutoAcceptEnabled",
            "ConnectBandwidth",
            "Payer",
            "PrivateServiceDomain",
            "SupportedRegionList",
            "ZoneAffinityEnabled",
        ],
        "remove it",
    );
    fields.unsupported(
        &["ServiceSupportIPv6"],
        "remove it, and write AddressIpVersion: DualStack",
    );
    let name_place = fields.place_of("ServiceName");
    let resources_place = fields.place_of("Resources");
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
        return Err(name_place.fault(
            format!("{} has the name {name:?} already", other.id),
            "choose another ServiceName",
        ));
    }
    let load_balancer = only_resource(resources?, &resources_place, context)?;
    let service = EndpointService {
        id,
        name,
        load_balancer,
        address_ip_version: version?,
    };
    context.model.services.insert(service.id.clone(), service);
    Ok(())
}

const OTHER_RESOURCE_TYPES: &[&str] = &["slb", "alb", "gwlb", "vpcNat"];

fn resource(mut fields: Fields<'_>) -> Result<(LoadBalancerId, Place<'_>), Told> {
    let id = fields.required("ResourceId", |node| {
        scalar::id(node).map(LoadBalancerId::new)
    });
    let kind = fields.required("ResourceType", |node| {
        scalar::only(node, "nlb", OTHER_RESOURCE_TYPES)
    });
    fields.unsupported(&["ZoneId"], "remove it: the load balancer serves all zones");
    let place = fields.place_of("ResourceId");
    fields.finish();
    kind?;
    Ok((id?, place))
}

fn only_resource(
    resources: Vec<(LoadBalancerId, Place<'_>)>,
    list: &Place<'_>,
    context: &Context<'_>,
) -> Result<LoadBalancerId, Told> {
    let count = resources.len();
    let mut resources = resources.into_iter();
    let (Some((id, place)), None) = (resources.next(), resources.next()) else {
        return Err(list.fault(
            format!("{count} resources; a service has exactly one so far"),
            "name one load balancer",
        ));
    };
    context.find(
        Kind::LoadBalancer,
        &context.model.load_balancers,
        &id,
        &place,
    )?;
    Ok(id)
}
