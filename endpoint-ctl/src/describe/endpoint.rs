//! What is known of an endpoint beyond its document.
//!
//! May import: std, model, operations, the module's own.

use super::{EndpointDescribed, GroupDescribed, Known, ZoneDescribed, state};
use crate::model::{EndpointZone, Kind};
use crate::operations::EndpointShown;

impl Known {
    pub(super) fn endpoint(&self, kind: Kind, id: &str) -> Option<EndpointDescribed> {
        if kind != Kind::Endpoint {
            return None;
        }
        let (endpoint, _) = self.view.endpoint(id)?;
        let shown = EndpointShown::of(endpoint, &self.view, &self.settings);
        let zones = shown.zones.into_iter().map(|shown| {
            let zone = shown.zone;
            ZoneDescribed {
                zone_id: zone.zone.to_string(),
                vswitch_id: zone.vswitch.to_string(),
                eni_id: zone.eni.to_string(),
                ip: zone.ip,
                ipv6: zone.ipv6,
                mac: self.mac(zone),
                state: state(shown.progress),
                zone_status: shown.status,
                zone_domain: shown.domain,
            }
        });
        let groups = shown.groups.into_iter();
        let groups = groups.map(|(group, status)| GroupDescribed {
            security_group_id: group.to_string(),
            security_group_status: status,
        });
        Some(EndpointDescribed {
            endpoint_status: shown.status,
            connection_status: shown.connection,
            endpoint_domain: shown.domain,
            managed_security_group_id: endpoint.managed_group.to_string(),
            zones: zones.collect(),
            security_groups: groups.collect(),
        })
    }

    /// The MAC address that an ENI answers with, if its interface is there.
    fn mac(&self, zone: &EndpointZone) -> Option<String> {
        let models = [self.view.model(), &self.view.in_force.model];
        let mut vswitches = models
            .into_iter()
            .filter_map(|model| model.vswitches.get(&zone.vswitch));
        let interface = vswitches.next()?.interface.as_ref()?;
        let mac = self.macs.get(interface)?;
        Some(mac.map(|byte| format!("{byte:02x}")).join(":"))
    }
}
