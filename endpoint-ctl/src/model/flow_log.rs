//! Flow logs: whose packets are recorded, how often, and where to.
//!
//! May import: std, the model's own modules.

use super::FlowLogId;

/// A flow log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowLog {
    /// `FlowLogId`.
    pub id: FlowLogId,
    /// `ResourceType`.
    pub resource_type: FlowLogResource,
    /// `ResourceId`: of a VPC, a vSwitch, or an ENI. An ENI may be gone; then nothing is recorded.
    pub resource: String,
    /// `TrafficType`.
    pub traffic: TrafficType,
    /// `AggregationInterval`, minutes: 1, 5 or 10.
    pub interval: u8,
    /// `LogFormat`, if given.
    pub log_format: Option<String>,
    /// `ProjectName`.
    pub project: String,
    /// `LogStoreName`.
    pub log_store: String,
    /// Whether it records: `Active`, or `Inactive` after `DeactiveFlowLog`.
    pub active: bool,
}

/// `ResourceType` of a flow log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowLogResource {
    /// `VPC`: all ENIs in it.
    Vpc,
    /// `VSwitch`: all ENIs in it.
    VSwitch,
    /// `NetworkInterface`: one ENI.
    NetworkInterface,
}

impl FlowLogResource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Vpc, Self::VSwitch, Self::NetworkInterface];

    /// As the API spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vpc => "VPC",
            Self::VSwitch => "VSwitch",
            Self::NetworkInterface => "NetworkInterface",
        }
    }
}

/// `TrafficType`: what is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrafficType {
    /// `All`.
    All,
    /// `Allow`: what was let through.
    Allow,
    /// `Drop`: what was refused.
    Drop,
}

impl TrafficType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::All, Self::Allow, Self::Drop];

    /// As the API spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Allow => "Allow",
            Self::Drop => "Drop",
        }
    }
}
