//! VPC 2016-04-28: VPCs, vSwitches, network ACLs, flow logs. Lists are wrapped.
//!
//! May import: operations' own.

mod flow_log;
mod network;
mod network_acl;
mod network_acl_entries;
mod region;
mod tags;
mod vswitch;

use super::Operation;

pub(super) fn find(action: &str) -> Option<Operation> {
    Some(match action {
        "CreateVpc" => Operation::write(network::create),
        "DeleteVpc" => Operation::write(network::delete),
        "DescribeVpcs" => Operation::read(network::describe),
        "DescribeVpcAttribute" => Operation::read(network::attribute),
        "ModifyVpcAttribute" => Operation::write(network::modify),
        "CreateVSwitch" => Operation::write(vswitch::create),
        "DeleteVSwitch" => Operation::write(vswitch::delete),
        "DescribeVSwitches" => Operation::read(vswitch::describe),
        "DescribeVSwitchAttributes" => Operation::read(vswitch::attributes),
        "ModifyVSwitchAttribute" => Operation::write(vswitch::modify),
        "TagResources" => Operation::write(tags::tag),
        // SDKs of this API spell it so, and those of others the other way.
        "UnTagResources" | "UntagResources" => Operation::write(tags::untag),
        "ListTagResources" => Operation::read(tags::list),
        "CreateNetworkAcl" => Operation::write(network_acl::create),
        "DeleteNetworkAcl" => Operation::write(network_acl::delete),
        "DescribeNetworkAcls" => Operation::read(network_acl::describe),
        "DescribeNetworkAclAttributes" => Operation::read(network_acl::attributes),
        "ModifyNetworkAclAttributes" => Operation::write(network_acl::modify),
        "UpdateNetworkAclEntries" => Operation::write(network_acl::update_entries),
        "CopyNetworkAclEntries" => Operation::write(network_acl::copy_entries),
        "AssociateNetworkAcl" => Operation::write(network_acl::associate),
        "UnassociateNetworkAcl" => Operation::write(network_acl::unassociate),
        "CreateFlowLog" => Operation::write(flow_log::create),
        "ActiveFlowLog" => Operation::write(flow_log::activate),
        "DeactiveFlowLog" => Operation::write(flow_log::deactivate),
        "DeleteFlowLog" => Operation::write(flow_log::delete),
        "ModifyFlowLogAttribute" => Operation::write(flow_log::modify),
        "DescribeFlowLogs" => Operation::read(flow_log::describe),
        "OpenFlowLogService" => Operation::read(flow_log::open_service),
        "GetFlowLogServiceStatus" => Operation::read(flow_log::service_status),
        "DescribeRegions" => Operation::read(region::regions).anywhere(),
        "DescribeZones" => Operation::read(region::zones),
        _ => return None,
    })
}
