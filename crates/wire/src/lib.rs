//! Bytes to packets, packets to TCP sessions, sessions to exchanges.
//!
//! This crate is PURE: no I/O, threads, clock, randomness or logging. Time comes in with each packet, hash seeds come in
//! with the options, oddities go out as [`arachne_model::Anomaly`] flags and counts of the [`arachne_model::Ledger`].

pub mod sink;
pub use sink::{BodyTap, Direction, MessageHead, Sink};
