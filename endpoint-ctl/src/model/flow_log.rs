//! Flow logs: whose flows are to be recorded, and where to.
//!
//! A flow log names its resource and does not hold it: the resource may go, as in the API, and there is then
//! nothing to record.
//!
//! May import: std, the model's own modules.

use super::FlowLogId;

/// What is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowLog {
    /// `FlowLogId`.
    pub id: FlowLogId,
    /// `ResourceType`.
    pub resource_type: FlowLogResource,
    /// `ResourceId`, of an ENI, a vSwitch or a VPC. It need not be there.
    pub resource: String,
    /// `TrafficType`.
    pub traffic: TrafficType,
    /// `AggregationInterval`, in minutes: 1, 5 or 10.
    pub aggregation_interval: u8,
    /// `IpVersion`.
    pub ip_version: FlowLogIpVersion,
    /// `LogFormat`: the fields of a record, if others than the usual ones.
    pub log_format: Option<String>,
    /// `ProjectName`.
    pub project: Option<String>,
    /// `LogStoreName`.
    pub log_store: Option<String>,
    /// `Status`: whether it records.
    pub active: bool,
}

/// Whose flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowLogResource {
    /// Those of one ENI.
    NetworkInterface,
    /// Those of all ENIs of a vSwitch.
    VSwitch,
    /// Those of all ENIs of a VPC.
    Vpc,
}

impl FlowLogResource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NetworkInterface, Self::VSwitch, Self::Vpc];

    /// As the API spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NetworkInterface => "NetworkInterface",
            Self::VSwitch => "VSwitch",
            Self::Vpc => "VPC",
        }
    }
}

/// Which flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrafficType {
    /// All.
    All,
    /// Those that were let through.
    Allow,
    /// Those that were not.
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

/// Flows of which family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FlowLogIpVersion {
    /// IPv4 alone.
    #[default]
    Ipv4,
    /// Both.
    DualStack,
}

impl FlowLogIpVersion {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Ipv4, Self::DualStack];

    /// As the API spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "IPv4",
            Self::DualStack => "DualStack",
        }
    }
}
