//! What agents and servers say to each other.
//!
//! - A **batch** ([`proto::Batch`], protobuf, packed with zstd) carries rows from an agent to a server, which answers with
//!   [`proto::Ack`] after they are durable. A batch is named by (agent, epoch, lane, sequence): sent twice it counts once.
//! - A **status** ([`status::Status`], JSON) tells every two seconds how the agent is.
//! - The answer to a status are **instructions** ([`instructions::Instructions`], JSON): the server's clock, and a
//!   configuration where the agent has an older one.

pub mod breaker;
#[cfg(feature = "client")]
pub mod client;
pub mod clock;
pub mod codec;
pub mod courier;
pub mod instructions;
pub mod outbox;
pub mod proto;
mod random;
pub mod spool;
pub mod status;

/// Version of everything that is said. A server takes this version and the one before.
pub const PROTOCOL_VERSION: u32 = 1;

/// The oldest version that is taken.
pub const PROTOCOL_VERSION_MIN: u32 = if PROTOCOL_VERSION > 1 { PROTOCOL_VERSION - 1 } else { 1 };

/// Names the batches of a lane of an agent's spool in a store: what came twice is known by it.
#[must_use]
pub fn sender(agent: &str, epoch: u64, lane: proto::Lane) -> String {
    format!("agent/{agent}{}", sender_end(epoch, lane))
}

/// The end of that name, which no other agent has: epochs are random.
#[must_use]
pub fn sender_end(epoch: u64, lane: proto::Lane) -> String {
    format!("/{epoch:016x}/{}", lane.name())
}

/// Where batches go: POST, `application/x-protobuf`, `content-encoding: zstd`.
pub const BATCHES_PATH: &str = "/agent/v1/batches";

/// Where a status goes: POST, `application/json`.
pub const STATUS_PATH: &str = "/agent/v1/status";

/// Bytes of a packed batch, and of what it unpacks to. Policy: a sender makes smaller ones, a receiver refuses (413).
pub const BATCH_PACKED_MAX: usize = 8 << 20;
/// Bytes that a batch may unpack to.
pub const BATCH_UNPACKED_MAX: usize = 64 << 20;

/// The first instant that no row may have: 2200-01-01, far from where arithmetic on instants ends. A receiver refuses it.
pub const INSTANT_MAX: i64 = 7_258_118_400_000_000_000;

#[cfg(test)]
mod simulation;
