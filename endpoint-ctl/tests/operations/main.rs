//! Operations of the API without the wire: calls in, answers out, nothing stored.

mod endpoint;
mod network_acl;
mod random;
mod rig;
mod vpc;
