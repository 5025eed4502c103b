//! Operations of the API without the wire: calls in, answers out, nothing stored.

mod connections;
mod ecs_groups;
mod ecs_lab;
mod ecs_managed;
mod ecs_members;
mod ecs_prefix_lists;
mod ecs_rule_changes;
mod ecs_rule_faults;
mod ecs_rules;
mod endpoint;
mod endpoint_races;
mod endpoint_rows;
mod flow_log;
mod migration;
mod network_acl;
mod network_acl_entries;
mod nlb;
mod provider;
mod random;
mod rig;
mod server_group;
mod servers;
mod service_resources;
mod service_users;
mod tags;
mod vpc;
