//! Operations of the API without the wire: calls in, answers out, nothing stored.

mod connections;
mod endpoint;
mod migration;
mod network_acl;
mod provider;
mod random;
mod rig;
mod service_resources;
mod service_users;
mod vpc;
