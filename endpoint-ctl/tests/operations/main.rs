//! Operations of the API without the wire: calls in, answers out, nothing stored.

mod network_acl;
mod rig;
mod vpc;
