//! How an agent is. Counts are since the agent's start and only grow; a server tells rates from two of them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What an agent tells every two seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Status {
    /// [`crate::PROTOCOL_VERSION`].
    pub protocol: u32,
    /// Version of the program.
    pub version: String,
    /// Name of the host.
    pub host: String,
    /// Names the spool; see [`crate::proto::Batch::epoch`].
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    #[serde(with = "hex")]
    pub epoch: u64,
    /// When the agent started, nanoseconds since the Unix epoch by its own clock.
    pub started: i64,
    /// When this was sent, by its own clock.
    pub sent: i64,
    /// The server's clock less the agent's, nanoseconds, from the last answers: half of the round trip is its error.
    pub clock_offset_ns: Option<i64>,
    /// Round trip of the last answer in nanoseconds.
    pub round_trip_ns: Option<u64>,
    /// What it does.
    pub state: State,
    /// Why, when it does not capture though it should: what is missing and what to do.
    pub why: Option<String>,
    /// Which configuration it has.
    pub config: ConfigState,
    /// Network interfaces of the host.
    pub interfaces: Vec<Interface>,
    /// The capture.
    pub capture: Capture,
    /// Counts of the stages: packets, segments, bytes, sessions, exchanges, records, batches.
    pub stages: BTreeMap<String, Stage>,
    /// What gives way now under load.
    pub pressure: Pressure,
    /// Times that each step of giving way was taken, by name of the step.
    pub gave_way: BTreeMap<String, u64>,
    /// Its processes.
    pub processes: Vec<Process>,
    /// What waits for delivery.
    pub spool: Spool,
    /// The way to the server.
    pub delivery: Breaker,
    /// The ways to what else it asks over the network: name servers, where names are looked up.
    pub breakers: Vec<Breaker>,
    /// What the processes may still do.
    pub sandbox: Vec<Sandbox>,
    /// Time of the newest packet that was looked at.
    pub newest_packet: Option<i64>,
    /// What a filter would catch, when that was asked.
    pub preview: Option<PreviewResult>,
    /// How its collectors are.
    pub collectors: Vec<Collector>,
    /// Version of what it knows about paths: see [`super::instructions::Paths`].
    pub paths: u32,
}

mod hex {
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{number:016x}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}

/// What an agent does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has no configuration yet.
    #[default]
    Starting,
    /// It captures.
    Capturing,
    /// It was told not to.
    Stopped,
    /// It has no right to capture.
    NoRight,
    /// It tries and fails.
    Failed,
}

/// Which configuration an agent has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ConfigState {
    /// Version of the newest one that it got.
    pub received: u64,
    /// Version of the one that is in force.
    pub applied: u64,
    /// Why the newest one is not in force.
    pub error: Option<String>,
    /// Settings of the newest one that this version of the agent does not know, and goes without.
    pub unknown: Vec<String>,
}

/// A network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Whether it is up.
    pub up: bool,
    /// Whether its packets are captured.
    pub captured: bool,
    /// Its addresses.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub addresses: Vec<IpAddr>,
    /// Packets captured on it.
    pub packets: u64,
    /// Bytes of them on the wire.
    pub bytes: u64,
}

/// A capture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Capture {
    /// Packets that passed the filter, those that were dropped behind it too.
    pub packets: u64,
    /// Bytes of them on the wire.
    pub bytes: u64,
    /// Packets that the kernel dropped since the ring was full.
    pub kernel_drops: u64,
    /// Bytes on the wire that were acknowledged and never seen: loss that is inferred.
    pub bytes_lost: u64,
    /// Bytes of the ring.
    pub ring_bytes: u64,
    /// Threads that capture.
    pub threads: u32,
    /// The filter in force.
    pub filter: String,
}

/// In = out + dropped + in flight.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Stage {
    /// What came in.
    pub input: u64,
    /// What left as meant.
    pub output: u64,
    /// What is inside now.
    pub in_flight: u64,
    /// What was dropped, by reason.
    pub dropped: BTreeMap<String, u64>,
}

/// What gives way under load: each level with all before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Pressure {
    /// Nothing.
    #[default]
    None,
    /// Bytes of bodies behind the first ones.
    BodyBytes,
    /// Bodies.
    Bodies,
    /// Packets of large flows.
    LargeFlows,
    /// New flows.
    NewFlows,
}

/// A process of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Process {
    /// What it is: supervisor, capture.
    pub name: String,
    /// Its number.
    pub pid: u32,
    /// CPU time, user and system, in nanoseconds.
    pub cpu_ns: u64,
    /// Resident memory in bytes.
    pub memory: u64,
    /// Times that it was started again.
    pub restarts: u64,
}

/// What waits for delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Spool {
    /// Bytes on disk.
    pub bytes: u64,
    /// Bytes that there may be.
    pub cap_bytes: u64,
    /// Batches that wait in the live lane.
    pub live_batches: u64,
    /// Batches that wait in the backlog.
    pub backlog_batches: u64,
    /// When the oldest of them was closed.
    pub oldest: Option<i64>,
    /// Age of the oldest live batch when it was last delivered, in nanoseconds.
    pub live_lag_ns: u64,
    /// Batches delivered.
    pub delivered: u64,
    /// Bytes of them.
    pub delivered_bytes: u64,
    /// Records that were dropped for lack of room, by class.
    pub dropped: BTreeMap<String, u64>,
}

/// A circuit breaker round a remote dependency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Breaker {
    /// What it guards.
    pub name: String,
    /// Its state.
    pub state: BreakerState,
    /// Times that it opened.
    pub opened: u64,
    /// Calls.
    pub calls: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Share of the last calls that failed, 0 to 1.
    pub error_share: f64,
    /// Median time of the last calls in nanoseconds.
    pub latency_ns: u64,
    /// The last error.
    pub error: Option<String>,
}

/// State of a circuit breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Calls go through.
    #[default]
    Closed,
    /// No call goes through.
    Open,
    /// One call tries.
    HalfOpen,
}

/// How a collector is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Collector {
    /// Its name.
    pub name: String,
    /// Readings since its process started.
    pub readings: u64,
    /// Rows of the last one.
    pub rows: u64,
    /// How long that one took, in nanoseconds.
    pub took_ns: u64,
    /// Why it could not read.
    pub error: Option<String>,
    /// What it cannot read.
    pub missing: Vec<Lacking>,
}

/// Something that a collector cannot read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Lacking {
    /// What is lost.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do about it.
    pub fix: String,
}

/// What a process may still do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Sandbox {
    /// The process.
    pub process: String,
    /// Its user.
    pub uid: u32,
    /// Its capabilities; empty is best.
    pub capabilities: Vec<String>,
    /// Whether it can never get new rights.
    pub no_new_privs: bool,
    /// Whether system calls are limited.
    pub seccomp: bool,
    /// Whether files are out of reach; the level that the kernel gives, or why not.
    pub landlock: String,
}

/// What a filter would catch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct PreviewResult {
    /// Of which question.
    pub id: String,
    /// Whether it is over.
    pub done: bool,
    /// Why there is no answer.
    pub error: Option<String>,
    /// How long was looked, in nanoseconds.
    pub looked_ns: u64,
    /// Packets seen.
    pub packets: u64,
    /// Packets that the filter passes.
    pub passed_packets: u64,
    /// Bytes seen.
    pub bytes: u64,
    /// Bytes that the filter passes.
    pub passed_bytes: u64,
    /// The largest conversations that pass: text such as `10.0.0.1:5432 tcp` and packets.
    pub passed_ends: Vec<(String, u64)>,
    /// The largest that do not.
    pub left_out_ends: Vec<(String, u64)>,
}
