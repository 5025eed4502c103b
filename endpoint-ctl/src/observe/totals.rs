//! Counters as users see them: joined to names, all CPUs together.
//!
//! May import: dataplane (observed), model (ids), endpoint-common::abi, names, record, serde.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use endpoint_common::abi::counter::{Counter, DropKey, EniDrops};
use endpoint_common::abi::flow::Family;
use serde::Serialize;

use super::names::Names;
use super::record::Direction;
use crate::dataplane::Observed;
use crate::model::EniId;

/// Packets and bytes, for users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Packets.
    pub packets: u64,
    /// IP bytes.
    pub bytes: u64,
}

/// What an ENI has accepted in this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The ENI.
    pub eni: EniId,
    /// Toward it.
    pub r#in: Amount,
    /// From it.
    pub out: Amount,
}

impl Accepted {
    /// Of every ENI that there was.
    pub(super) fn by_eni(observed: &Observed, names: &Names) -> Vec<Self> {
        let enis = names.enis().map(|(index, name)| {
            let counters = observed.counters(index);
            Self {
                eni: name.eni.clone(),
                r#in: amount(counters.accepted_in),
                out: amount(counters.accepted_out),
            }
        });
        enis.collect()
    }
}

/// What an ENI counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EniTotals {
    /// The ENI.
    pub eni_id: String,
    /// Its endpoint.
    pub endpoint_id: String,
    /// Its vSwitch.
    pub vswitch_id: String,
    /// Its IPv4 address.
    pub ip: Ipv4Addr,
    /// Its IPv6 address, if it has one.
    pub ipv6: Option<Ipv6Addr>,
    /// Accepted, toward the ENI.
    pub r#in: Amount,
    /// Accepted, back to clients.
    pub out: Amount,
    /// Dropped, both directions.
    pub dropped: Amount,
    /// Dropped without an event, so not in the flow log.
    pub untold: Amount,
    /// Passed in audit mode, though rules refuse it: the packets that such flows were noticed by.
    pub audited: Amount,
    /// Those of them that are not in the flow log.
    pub audited_untold: Amount,
    /// Accepted, but lost to the flow log when their flows ended.
    pub unreported: Amount,
}

/// Drops of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DropTotal {
    /// The ENI, if one is known.
    pub eni_id: Option<String>,
    /// Why.
    pub reason: String,
    /// Seen from the ENI.
    pub direction: Direction,
    /// How much.
    #[serde(flatten)]
    pub amount: Amount,
    /// That of it which the observer was told of, for the flow log.
    pub told: Amount,
    /// The rest.
    pub untold: Amount,
}

/// How full a family's flow table is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FlowTable {
    /// `ipv4` or `ipv6`.
    pub family: &'static str,
    /// Entries in use.
    pub used: u32,
    /// Entries there are.
    pub size: u32,
}

/// Everything the observer counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Totals {
    /// By ENI.
    pub enis: Vec<EniTotals>,
    /// By kind of drop.
    pub drops: Vec<DropTotal>,
    /// Flows there are, of both families.
    pub flows: u32,
    /// By family.
    pub flow_tables: [FlowTable; 2],
    /// Flow-log records that could not be written or kept apart.
    pub unrecorded: u64,
}

impl Totals {
    /// `drops` were read before what was `told` of them was.
    pub(super) fn of(
        observed: &Observed,
        names: &Names,
        drops: Vec<(DropKey, Counter)>,
        told: &HashMap<DropKey, Counter>,
        unrecorded: u64,
    ) -> Self {
        let enis = names.enis().map(|(index, name)| {
            let counters = observed.counters(index);
            let drops = observed.eni_drops(index);
            EniTotals {
                eni_id: name.eni.to_string(),
                endpoint_id: name.endpoint.to_string(),
                vswitch_id: name.vswitch.to_string(),
                ip: name.ip,
                ipv6: name.ipv6,
                r#in: amount(counters.accepted_in),
                out: amount(counters.accepted_out),
                dropped: dropped(&drops),
                untold: amount(drops.untold),
                audited: amount(drops.audited),
                audited_untold: amount(drops.audited_untold),
                unreported: amount(counters.unreported),
            }
        });
        let drops = drops.into_iter().map(|(key, counter)| {
            let told = told.get(&key).copied().unwrap_or_default();
            let told = Amount {
                packets: told.packets.min(counter.packets),
                bytes: told.bytes.min(counter.bytes),
            };
            DropTotal {
                eni_id: names.eni(key.eni).map(|name| name.eni.to_string()),
                reason: Names::reason(key.reason),
                direction: if key.direction == 0 {
                    Direction::In
                } else {
                    Direction::Out
                },
                amount: amount(counter),
                untold: Amount {
                    packets: counter.packets - told.packets,
                    bytes: counter.bytes - told.bytes,
                },
                told,
            }
        });
        let mut drops: Vec<_> = drops.collect();
        drops.sort_by(|a, b| (&a.eni_id, &a.reason).cmp(&(&b.eni_id, &b.reason)));
        let flow_tables = [("ipv4", Family::V4), ("ipv6", Family::V6)].map(|(name, family)| {
            let table = observed.table_use(family);
            FlowTable {
                family: name,
                used: table.used,
                size: table.size,
            }
        });
        Self {
            enis: enis.collect(),
            drops,
            flows: flow_tables.iter().map(|table| table.used).sum(),
            flow_tables,
            unrecorded,
        }
    }
}

fn amount(counter: Counter) -> Amount {
    Amount {
        packets: counter.packets,
        bytes: counter.bytes,
    }
}

fn dropped(drops: &EniDrops) -> Amount {
    let counters = drops.counters.iter().flatten();
    counters.fold(Amount::default(), |sum, counter| Amount {
        packets: sum.packets + counter.packets,
        bytes: sum.bytes + counter.bytes,
    })
}
