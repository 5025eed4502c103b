//! What a manifest would change: which resources, and what recorded flows would meet. Nothing is applied.
//!
//! May import: model, compiler (tables, numbers), explain (packets), hostpath, endpoint-common, serde, std.

mod fields;
mod record;
mod replay;
mod resources;

pub use replay::{Changed, End, Meets, Replay, Replayed};
pub use resources::{Change, changes};
