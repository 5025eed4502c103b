//! Operations of the API without the wire: calls in, answers out, nothing stored.

mod flow_log;
mod network_acl;
mod network_acl_entries;
mod nlb;
mod rig;
mod server_group;
mod servers;
mod vpc;
