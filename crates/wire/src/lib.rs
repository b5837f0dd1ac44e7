//! Bytes to packets, packets to TCP sessions, sessions to exchanges.
//!
//! This crate is PURE: no I/O, threads, clock, randomness or logging. Time comes in with each packet, hash seeds come in
//! with the options, oddities go out as [`arachne_model::Anomaly`] flags and counts of the [`arachne_model::Ledger`].
//!
//! One way only: [`packet`] (frame to segment), [`shard`] (segment to connection), [`tcp`] (order, gaps, ends),
//! [`conversation`] (which protocol), [`protocol`] (bytes to exchanges), [`sink`] (out). [`replay`] takes one session up
//! again, [`packet::explain`] shows one frame layer by layer.

mod bytes;
mod checksum;
pub mod conversation;
pub mod engine;
pub mod flow;
pub mod packet;
pub mod protocol;
pub mod replay;
pub mod shard;
pub mod sink;
pub mod target;
pub mod tcp;

pub use engine::{Engine, Summary, finish};
pub use packet::{Decoder, Frame, Segment};
pub use shard::{SHARDS, Shard};
pub use sink::{Belongs, BodyTap, Direction, MessageHead, Sink};
