//! The kind `FlowLog`.
//!
//! May import: std, `model`, `about`, `context`, `fault`, `fields`, `scalar`.

use super::context::Context;
use super::fault::Told;
use super::fields::Fields;
use super::{about, scalar};
use crate::model::{FlowLog, FlowLogId, FlowLogResource, Kind, TrafficType, VSwitchId, VpcId};

const DEFAULT_INTERVAL: u8 = 10;
const INTERVALS: [u8; 3] = [1, 5, 10];
const LONGEST_FORMAT: usize = 2_048;

/// Reads a `FlowLog`. Its VPC or vSwitch must be there; its ENI may have gone with an endpoint.
pub(super) fn read(mut fields: Fields<'_>, context: &mut Context<'_>) -> Result<(), Told> {
    let id = fields.required("FlowLogId", |node| scalar::id(node).map(FlowLogId::new));
    let about = about::read(&mut fields, Kind::FlowLog);
    let types = FlowLogResource::ALL.map(|one| (one.name(), one));
    let resource_type = fields.required("ResourceType", |node| scalar::one_of(node, &types));
    let resource = fields.required("ResourceId", scalar::id);
    let traffics = TrafficType::ALL.map(|one| (one.name(), one));
    let traffic = fields.defaulted("TrafficType", TrafficType::All, |node| {
        scalar::one_of(node, &traffics)
    });
    let interval = fields.defaulted("AggregationInterval", DEFAULT_INTERVAL, |node| {
        scalar::integer(node, 1..=10)
    });
    let log_format = fields.optional("LogFormat", |node| {
        scalar::bounded_text(node, 1..=LONGEST_FORMAT)
    });
    let project = fields.required("ProjectName", scalar::id);
    let log_store = fields.required("LogStoreName", scalar::id);
    let active = fields.defaulted("Active", true, scalar::boolean);
    let [resource_place, interval_place] =
        ["ResourceId", "AggregationInterval"].map(|name| fields.place_of(name));
    fields.finish();

    let interval = interval?;
    if !INTERVALS.contains(&interval) {
        return Err(interval_place.fault(
            format!("{interval} minutes are not offered"),
            "write 1, 5 or 10",
        ));
    }
    let (resource_type, resource) = (resource_type?, resource?);
    let model = &context.model;
    match resource_type {
        FlowLogResource::Vpc => {
            let vpc = VpcId::new(resource);
            context.find(Kind::Vpc, &model.vpcs, &vpc, &resource_place)?;
        }
        FlowLogResource::VSwitch => {
            let vswitch = VSwitchId::new(resource);
            context.find(Kind::VSwitch, &model.vswitches, &vswitch, &resource_place)?;
        }
        FlowLogResource::NetworkInterface => {}
    }
    let log = FlowLog {
        id: id?,
        resource_type,
        resource: resource.to_owned(),
        traffic: traffic?,
        interval,
        log_format: log_format?,
        project: project?.to_owned(),
        log_store: log_store?.to_owned(),
        active: active?,
    };
    context.describe(Kind::FlowLog, log.id.as_str(), about?);
    context.model.flow_logs.insert(log.id.clone(), log);
    Ok(())
}
