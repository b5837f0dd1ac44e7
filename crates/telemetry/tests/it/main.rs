//! The registry against the tree, and the output as its users see it.
#![allow(clippy::unwrap_used)]

mod output;
mod registry;
