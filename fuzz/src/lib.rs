//! What the fuzz targets do with their bytes, and the seeds they start from.
//!
//! Plain functions: the targets call them, and so does a test on stable Rust with all seeds and everything that was once
//! found (`regressions/`). A body panics when something that must always hold does not.

pub mod bodies;
pub mod seeds;
