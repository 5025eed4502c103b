//! Operations of the API without the wire: calls in, answers out, nothing stored.

mod connections;
mod endpoint;
mod provider;
mod rig;
mod vpc;
