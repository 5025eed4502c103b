//! Operations of the API without the wire: calls in, answers out, nothing stored.

mod rig;
mod vpc;
