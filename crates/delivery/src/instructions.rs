//! What a server tells an agent.

mod check;
mod collect;
#[cfg(feature = "client")]
mod lenient;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use check::{
    BASE_BYTES, BODY_BYTES_MAX, HELD_BYTES_MIN, NAME_CHARS_MAX, Wrong, agent_name, filter_length, interfaces,
};

#[cfg(feature = "client")]
pub use lenient::known;

pub use collect::{
    AccessLog, Collect, CollectedLog, Database, LogLabel, LogMetric, LogRule, LogSource, RedisServer, SECRET_ENV,
    Secret,
};

/// The answer to a status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Instructions {
    /// What the agent is called: the value of the columns `agent` and `source` of its rows.
    pub agent: String,
    /// The server's clock when the status came, nanoseconds since the Unix epoch.
    pub received: i64,
    /// The server's clock when this was sent.
    pub sent: i64,
    /// The configuration, where the agent's [`super::status::ConfigState::received`] is another one.
    pub config: Option<AgentConfig>,
    /// Secrets of the installation that go with it. Never stored by the agent.
    pub keys: Option<Keys>,
    /// Asks what a filter would catch.
    pub preview: Option<Preview>,
    /// What is known about paths, where the agent's [`super::status::Status::paths`] is another one.
    pub paths: Option<Paths>,
}

/// Positions that are told at most; an agent leaves out further ones.
pub const PATHS_MAX: usize = 1024;

/// Configured rules that are told at most; an agent leaves out further ones.
pub const PATH_RULES_MAX: usize = 256;

/// What templates of paths of URLs are made by: configured rules, and what was learned, which is where names stand. All agents and their
/// logs go by the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Paths {
    /// Grows with each change; 0 is nothing learned or configured.
    pub version: u32,
    /// Positions at which any word is a name.
    pub positions: Vec<PathPosition>,
    /// What is configured (`paths`), which comes first: the first rule that matches a path makes its template.
    pub rules: Vec<PathRule>,
}

/// A configured rule for paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct PathRule {
    /// A whole path: `*` or `{name}` stand for one segment, `**` at the end for any rest.
    pub pattern: String,
    /// What such paths become; the pattern itself where it is absent.
    pub template: Option<String>,
}

/// A position of paths at which any word is a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct PathPosition {
    /// The template of what stands before it, such as `/users`; empty for the first segment.
    pub prefix: String,
    /// Words that stay.
    pub kept: Vec<String>,
}

/// Secrets. Their text is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Keys {
    /// The installation's key of redaction, hexadecimal: equal secrets of all agents get equal digests.
    pub redaction: String,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys([redacted])")
    }
}

/// What an agent is to do. Everything has a default, so that the smallest configuration is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AgentConfig {
    /// Grows with each change; set by the server.
    pub version: u64,
    /// Whether to capture.
    pub capture: bool,
    /// When capture ends by itself, nanoseconds since the Unix epoch.
    pub until: Option<i64>,
    /// Interfaces to capture; `any` alone is all.
    pub interfaces: Vec<String>,
    /// Filter in the syntax of tcpdump; empty is everything.
    pub filter: String,
    /// Capture files to read instead of interfaces; a growing one is followed.
    pub files: Vec<String>,
    /// What is kept.
    pub save: Save,
    /// Load limits.
    pub limits: AgentLimits,
    /// Redaction beside what is always replaced.
    pub redaction: Redaction,
    /// Rules that name services; the first that matches counts.
    pub services: Vec<Service>,
    /// Words put on every exchange.
    pub tags: Vec<String>,
    /// What is collected beside packets.
    pub collect: Collect,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            version: 0,
            capture: true,
            until: None,
            interfaces: vec!["any".to_owned()],
            filter: String::new(),
            files: Vec::new(),
            save: Save::default(),
            limits: AgentLimits::default(),
            redaction: Redaction::default(),
            services: Vec::new(),
            tags: Vec::new(),
            collect: Collect::default(),
        }
    }
}

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Save {
    /// TCP sessions.
    pub sessions: bool,
    /// Bodies.
    pub bodies: bool,
    /// Frames: `none`, `headers` to the end of the TCP header, `whole`.
    pub packets: Packets,
    /// Exchanges that pass this filter; empty is all.
    pub keep: String,
}

impl Default for Save {
    fn default() -> Self {
        Self { sessions: true, bodies: true, packets: Packets::None, keep: String::new() }
    }
}

/// Which bytes of frames are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Packets {
    /// None.
    #[default]
    None,
    /// To the end of the TCP header.
    Headers,
    /// All, secrets included: a right of its own.
    Whole,
}

/// Load limits of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AgentLimits {
    /// CPU of the agent, of all its processes together, in percent of one core; 0 is no limit.
    pub cpu_percent: u32,
    /// Megabytes delivered in a minute; 0 is no limit.
    pub megabytes_per_minute: u32,
    /// Bytes of memory of the capture process, ring included.
    pub memory_bytes: u64,
    /// Bytes of the ring, all threads together.
    pub ring_bytes: u64,
    /// Threads that capture.
    pub threads: u32,
    /// Bytes that the spool may have on disk.
    pub spool_bytes: u64,
    /// Bytes of a body that are kept, at most 7 MiB.
    pub body_bytes: u64,
}

impl Default for AgentLimits {
    fn default() -> Self {
        Self {
            cpu_percent: 0,
            megabytes_per_minute: 0,
            memory_bytes: 128 << 20,
            ring_bytes: 16 << 20,
            threads: 1,
            spool_bytes: 1 << 30,
            body_bytes: 1 << 20,
        }
    }
}

/// Redaction beside what is always replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Redaction {
    /// Version of the rules: grows when they change; set by the server.
    pub version: u64,
    /// Further names of headers, parameters and fields whose values are secret.
    pub names: Vec<String>,
}

/// A rule that names a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Service {
    /// The service.
    pub name: String,
    /// The Host header, lower case.
    pub host: Option<String>,
    /// Address of the server.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub address: Option<IpAddr>,
    /// Port of the server.
    pub port: Option<u16>,
    /// Beginning of the path.
    pub path: Option<String>,
}

/// Asks what a filter would catch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Preview {
    /// Names the question.
    pub id: String,
    /// The filter.
    pub filter: String,
    /// The interfaces.
    pub interfaces: Vec<String>,
    /// How long to look.
    pub seconds: u32,
}
