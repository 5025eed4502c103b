//! Flow logs.
//!
//! May import: model, the module's own.

use super::Document;
use crate::model::FlowLog;

pub(super) fn fill(log: &FlowLog, document: &mut Document) {
    document.set("ResourceType", log.resource_type.name());
    document.set("ResourceId", log.resource.as_str());
    document.set("TrafficType", log.traffic.name());
    document.set("AggregationInterval", log.aggregation_interval);
    document.set("IpVersion", log.ip_version.name());
    document.set_if_some("LogFormat", log.log_format.as_deref());
    document.set_if_some("ProjectName", log.project.as_deref());
    document.set_if_some("LogStoreName", log.log_store.as_deref());
    document.set("Status", if log.active { "Active" } else { "Inactive" });
}
