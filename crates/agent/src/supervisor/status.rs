//! How the agent is, put together for its server.

use std::collections::BTreeMap;

use arachne_delivery::PROTOCOL_VERSION;
use arachne_delivery::status::{
    Breaker, Capture as CaptureStatus, Interface, PreviewResult, Process, Sandbox, Stage, State, Status,
};

use super::capture::Capture;
use super::collect::Collecting;
use super::delivery::Delivered;
use super::host;
use super::wanted::Wanted;
use crate::channel::{Counters, HostInterface};
use crate::edge::worker::unix_now;
use crate::{sandbox, scope};

/// What the process is called that captures.
pub const CAPTURE: &str = "capture";

/// What stays the same while the agent runs.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The host's name.
    pub host: String,
    /// When the agent started.
    pub started: i64,
}

/// What a status is made of.
pub struct Parts<'a> {
    /// Who.
    pub identity: &'a Identity,
    /// The configuration.
    pub wanted: &'a Wanted,
    /// The capture process.
    pub capture: &'a Capture,
    /// The collector process.
    pub collecting: &'a Collecting,
    /// Interfaces of the host.
    pub interfaces: &'a [HostInterface],
    /// The way to the server.
    pub delivered: &'a Delivered,
    /// The way to the name servers, where they are asked.
    pub names: Option<Breaker>,
    /// The last preview.
    pub preview: Option<&'a PreviewResult>,
    /// Version of what is known about paths.
    pub paths: u32,
}

/// The status now.
#[must_use]
pub fn status(parts: &Parts<'_>) -> Status {
    let (config, now) = (parts.wanted.config(), unix_now());
    let counters = parts.capture.counters();
    let (state, why) = parts.capture.state(parts.wanted.captures(now));
    let files = !config.files.is_empty();
    Status {
        protocol: PROTOCOL_VERSION,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: parts.identity.host.clone(),
        epoch: parts.delivered.epoch,
        started: parts.identity.started,
        sent: now,
        clock_offset_ns: parts.delivered.clock_offset_ns,
        round_trip_ns: parts.delivered.round_trip_ns,
        state,
        why,
        config: parts.wanted.state().clone(),
        interfaces: interfaces(parts, &counters, state == State::Capturing && !files),
        capture: CaptureStatus {
            packets: counters.packets,
            bytes: counters.bytes,
            kernel_drops: counters.kernel_drops,
            bytes_lost: counters.bytes_lost,
            ring_bytes: counters.ring_bytes,
            threads: counters.threads,
            filter: config.filter.clone(),
        },
        stages: stages(&counters, parts.delivered),
        pressure: counters.pressure,
        gave_way: counters.gave_way.clone(),
        processes: processes(parts),
        spool: parts.delivered.spool.clone(),
        delivery: parts.delivered.breaker.clone(),
        breakers: parts.names.iter().cloned().collect(),
        sandbox: sandboxes(parts),
        newest_packet: counters.newest_packet,
        preview: parts.preview.cloned(),
        collectors: parts.collecting.collectors(),
        paths: parts.paths,
    }
}

fn interfaces(parts: &Parts<'_>, counters: &Counters, capturing: bool) -> Vec<Interface> {
    let wanted = &parts.wanted.config().interfaces;
    let one = |interface: &HostInterface| {
        let (packets, bytes) = counters.interfaces.get(&interface.index).copied().unwrap_or_default();
        Interface {
            name: interface.name.clone(),
            up: interface.up,
            captured: capturing && scope::captures(wanted, &interface.name),
            addresses: interface.addresses.clone(),
            packets,
            bytes,
        }
    };
    parts.interfaces.iter().map(one).collect()
}

/// Those of the capture process, and what became of its records.
fn stages(counters: &Counters, delivered: &Delivered) -> BTreeMap<String, Stage> {
    let mut stages = counters.stages.clone();
    stages.insert("spool".to_owned(), delivered.records.clone());
    stages
}

fn processes(parts: &Parts<'_>) -> Vec<Process> {
    let supervisor = host::process("supervisor", std::process::id(), 0);
    let capturing = parts.capture.pid().and_then(|pid| host::process(CAPTURE, pid, parts.capture.restarts()));
    let collecting = parts.collecting.process().and_then(|(pid, restarts)| host::process("collect", pid, restarts));
    supervisor.into_iter().chain(capturing).chain(collecting).collect()
}

fn sandboxes(parts: &Parts<'_>) -> Vec<Sandbox> {
    let supervisor = sandbox::of_process("supervisor", std::process::id(), "none: it has the spool");
    let capture = parts.capture;
    let capturing = capture.pid().and_then(|pid| sandbox::of_process("capture", pid, capture.landlock()));
    let collecting = parts.collecting.process();
    let collecting = collecting
        .and_then(|(pid, _)| sandbox::of_process("collect", pid, "none: it reads, and writes nothing (seccomp)"));
    supervisor.into_iter().chain(capturing).chain(collecting).collect()
}
