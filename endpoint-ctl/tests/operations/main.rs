//! Operations of the API without the wire: calls in, answers out, nothing stored.

mod ecs_groups;
mod ecs_lab;
mod ecs_managed;
mod ecs_members;
mod ecs_prefix_lists;
mod ecs_rule_changes;
mod ecs_rule_faults;
mod ecs_rules;
mod endpoint;
mod network_acl;
mod random;
mod rig;
mod tags;
mod vpc;
