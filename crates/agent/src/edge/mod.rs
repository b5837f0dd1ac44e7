//! Packets to batches, at the edge: what a capture thread does.
//!
//! One way: source → [`worker`] (engine, [`sink`], names from [`dns`]) → [`batch`] → [`outlet`]. Redaction happens where rows
//! are made, so nothing that leaves a thread holds a secret. Everything is bounded; what gives way under load is decided by
//! [`pressure`] and done by [`gate`] and [`sink`].

pub mod batch;
pub mod dns;
pub mod file;
pub mod gate;
pub mod outlet;
pub mod peers;
pub mod plan;
pub mod pressure;
mod quality;
pub mod relay;
pub mod sink;
pub mod thread;
pub mod worker;
