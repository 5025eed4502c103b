//! Operations of the API without the wire: calls in, answers out, nothing stored.

mod endpoint;
mod rig;
mod vpc;
