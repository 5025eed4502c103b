//! The bridge from bytemuck's plain old data to aya's.
//!
//! May import: aya, bytemuck.

/// A row or key of a map.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub(super) struct Row<T>(pub(super) T);

// SAFETY: `bytemuck::Pod` promises that any bytes are a valid `T`, without padding, and `Row` is
// transparent.
unsafe impl<T: bytemuck::Pod> aya::Pod for Row<T> {}
