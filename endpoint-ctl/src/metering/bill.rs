//! Who pays for which ENI, by what is in force.
//!
//! May import: std, model, registry, row.

use std::collections::BTreeMap;

use super::row::Bill;
use crate::model::{AccountId, Endpoint, EniId, Kind, Model, Payer};
use crate::registry::Registry;

/// The ENIs of `served` that packets can arrive at on this node, with who pays for each by the first of the
/// registries that knows. One that is in force a moment before any does comes with the next of them.
pub(super) fn bills(served: &Model, registries: [&Registry; 2]) -> BTreeMap<EniId, Bill> {
    let mut bills = BTreeMap::new();
    for endpoint in served.endpoints.values() {
        let known = registries.iter().find_map(|one| payer(one, endpoint));
        let Some(payer) = known else {
            continue;
        };
        for zone in &endpoint.zones {
            let vswitch = served.vswitches.get(&zone.vswitch);
            if vswitch.is_some_and(|one| one.interface.is_some()) {
                let bill = Bill {
                    endpoint: endpoint.id.clone(),
                    payer: payer.clone(),
                };
                bills.insert(zone.eni.clone(), bill);
            }
        }
    }
    bills
}

/// The owner of the endpoint or of its service, as the service has it.
fn payer<'r>(registry: &'r Registry, endpoint: &Endpoint) -> Option<&'r AccountId> {
    let service = registry.model.services.get(&endpoint.service);
    let payer = service.map_or(Payer::default(), |service| service.payer);
    let origin = match payer {
        Payer::Endpoint => registry.origin(Kind::Endpoint, endpoint.id.as_str()),
        Payer::EndpointService => registry.origin(Kind::Service, endpoint.service.as_str()),
    };
    Some(&origin?.account)
}
