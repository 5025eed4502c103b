//! ECS 2014-05-26: security groups, prefix lists, regions and zones. Lists are wrapped.
//!
//! May import: operations' own.

mod authorize;
mod group;
mod listed;
mod members;
mod modify;
mod permissions;
mod prefix_list;
mod region;
mod revoke;
mod rules;
mod tags;

use super::Operation;

pub(super) fn find(action: &str) -> Option<Operation> {
    Some(match action {
        "CreateSecurityGroup" => Operation::write(group::create),
        "ModifySecurityGroupAttribute" => Operation::write(group::modify_attribute),
        "ModifySecurityGroupPolicy" => Operation::write(group::modify_policy),
        "DeleteSecurityGroup" => Operation::write(group::delete),
        "DescribeSecurityGroupReferences" => Operation::read(group::references),
        "DescribeSecurityGroups" => Operation::read(listed::describe),
        "DescribeSecurityGroupAttribute" => Operation::read(rules::describe),
        "AuthorizeSecurityGroup" => Operation::write(authorize::ingress),
        "AuthorizeSecurityGroupEgress" => Operation::write(authorize::egress),
        "RevokeSecurityGroup" => Operation::write(revoke::ingress),
        "RevokeSecurityGroupEgress" => Operation::write(revoke::egress),
        "ModifySecurityGroupRule" => Operation::write(modify::ingress),
        "ModifySecurityGroupEgressRule" => Operation::write(modify::egress),
        "JoinSecurityGroup" => Operation::write(members::join),
        "LeaveSecurityGroup" => Operation::write(members::leave),
        "CreatePrefixList" => Operation::write(prefix_list::create),
        "ModifyPrefixList" => Operation::write(prefix_list::modify),
        "DeletePrefixList" => Operation::write(prefix_list::delete),
        "DescribePrefixLists" => Operation::read(prefix_list::describe),
        "DescribePrefixListAttributes" => Operation::read(prefix_list::attributes),
        "DescribePrefixListAssociations" => Operation::read(prefix_list::associations),
        "DescribeRegions" => Operation::read(region::regions).anywhere(),
        "DescribeZones" => Operation::read(region::zones),
        "TagResources" => Operation::write(tags::tag),
        "UntagResources" => Operation::write(tags::untag),
        "ListTagResources" => Operation::read(tags::list),
        _ => return None,
    })
}
