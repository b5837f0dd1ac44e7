//! What is said.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use arachne_delivery::instructions::{AgentConfig, Collect, Paths, Preview};
use arachne_delivery::status::{Collector, Pressure, PreviewResult, Stage};
use serde::{Deserialize, Serialize};

/// To the capture process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// What to do from now on. The first one opens sockets and files.
    Setup(Box<Setup>),
    /// What to collect: the first one of a collector process.
    Collect(Box<Collection>),
    /// Look what a filter would catch.
    Preview(Preview),
    /// Try what must be refused, and tell whether it was: for tests of the sandbox on the real process.
    Probe,
    /// Read what was captured at this instant and later, nanoseconds since the Unix epoch: to one that [`Setup::waits`].
    Begin {
        /// The instant.
        at: i64,
    },
    /// Another process goes on: name an instant up to which packets are yours ([`Report::HandsOver`]), read those, and end as by
    /// [`Self::Finish`].
    HandOver,
    /// What the agent's other processes take of the CPU, in cores: the limit is for all of them.
    Beside {
        /// Cores in use, over the last seconds.
        cores: f64,
    },
    /// Tell what is open, hand over what was found, and end.
    Finish,
}

/// All that the capture process needs to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Setup {
    /// Name of the agent, and the source of its rows.
    pub agent: String,
    /// What to do.
    pub config: AgentConfig,
    /// The installation's key of redaction, hexadecimal; one of its own is taken where none is known.
    pub key: Option<String>,
    /// The interfaces of the host.
    pub interfaces: Vec<HostInterface>,
    /// Where the server is, whose connections with this host are not captured.
    pub servers: Vec<SocketAddr>,
    /// Who to become where it is root.
    pub user: u32,
    /// Whether to tell the addresses of those that talk, for names to be looked up.
    pub tell_addresses: bool,
    /// How far files were read before.
    pub positions: Vec<FilePosition>,
    /// What was learned about paths.
    pub paths: Paths,
    /// Whether to open sockets and read nothing before [`Order::Begin`].
    pub waits: bool,
    /// Whether to capture nothing at all, and only answer [`Order::Preview`].
    pub looks: bool,
}

/// All that a collector process needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Collection {
    /// Name of the agent.
    pub agent: String,
    /// What to collect.
    pub config: Collect,
    /// Further names of fields whose values are secret.
    pub secrets: Vec<String>,
    /// The installation's key of redaction, hexadecimal; one of its own is taken where none is known.
    pub key: Option<String>,
    /// The configuration of nginx; where none is named those that are found.
    pub nginx: Option<PathBuf>,
    /// The folder of files with passwords.
    pub secret_files: PathBuf,
    /// Up to where logs were read: the last [`Packed::note`].
    pub position: Vec<u8>,
    /// What was learned about paths.
    pub paths: Paths,
}

/// An interface of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostInterface {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether it is up.
    pub up: bool,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// From the capture process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// It captures, and has given up all rights.
    Ready {
        /// What landlock does.
        landlock: String,
    },
    /// It cannot capture.
    Failed {
        /// Why, and what to do.
        why: String,
        /// Whether the right is missing.
        no_right: bool,
    },
    /// A configuration is in force.
    Applied {
        /// Its version.
        version: u64,
    },
    /// A configuration is not in force; the one before is.
    Refused {
        /// Its version.
        version: u64,
        /// Why.
        why: String,
    },
    /// How it goes.
    Counters(Box<Counters>),
    /// What a filter would catch.
    Preview(Box<PreviewResult>),
    /// Addresses of those that talk.
    Addresses(Vec<IpAddr>),
    /// How collectors are.
    Collectors(Vec<Collector>),
    /// What was tried, and what came of it: the error of the system, or `allowed`.
    Probed(BTreeMap<String, String>),
    /// Packets that were captured at this instant or later are another process'.
    HandsOver {
        /// Nanoseconds since the Unix epoch.
        at: i64,
    },
    /// Everything was handed over.
    Finished,
}

/// Interfaces that are counted apart. Policy: further ones are counted together, under 0, which no interface has.
const INTERFACES_MAX: usize = 1024;

/// Packets and bytes of an interface: a host of containers has ever new ones.
pub fn of_interface(counts: &mut BTreeMap<u32, (u64, u64)>, interface: u32) -> &mut (u64, u64) {
    let apart = counts.len() < INTERFACES_MAX || counts.contains_key(&interface);
    counts.entry(if apart { interface } else { 0 }).or_default()
}

/// Counts since the capture process started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Packets that passed the filter, those that were dropped behind it too.
    pub packets: u64,
    /// Bytes of them on the wire.
    pub bytes: u64,
    /// Packets that the kernel dropped.
    pub kernel_drops: u64,
    /// Loss that is inferred.
    pub bytes_lost: u64,
    /// Bytes of the rings.
    pub ring_bytes: u64,
    /// Threads that capture.
    pub threads: u32,
    /// Packets and bytes by index of the interface.
    pub interfaces: BTreeMap<u32, (u64, u64)>,
    /// Counts of the stages.
    pub stages: BTreeMap<String, Stage>,
    /// What gives way now.
    pub pressure: Pressure,
    /// Times that each step was taken.
    pub gave_way: BTreeMap<String, u64>,
    /// Time of the newest packet.
    pub newest_packet: Option<i64>,
    /// Why a thread has nothing more to read though it should.
    pub failed: Option<String>,
}

/// How far a file of the host was read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, prost::Message)]
pub struct FilePosition {
    /// Its path.
    #[prost(string, tag = "1")]
    pub path: String,
    /// Packets that were read.
    #[prost(uint64, tag = "2")]
    pub packets: u64,
    /// Bytes at its beginning that tell it from another one of its name.
    #[prost(uint32, tag = "3")]
    pub head_bytes: u32,
    /// The CRC-32C of these.
    #[prost(fixed32, tag = "4")]
    pub head_crc: u32,
}

/// Rows, packed for delivery.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Packed {
    /// When it was closed, nanoseconds since the Unix epoch.
    #[prost(sfixed64, tag = "1")]
    pub closed: i64,
    /// Its class: see [`arachne_delivery::spool::Class::index`].
    #[prost(uint32, tag = "3")]
    pub class: u32,
    /// Rows by table; see [`arachne_delivery::spool::Counts`].
    #[prost(uint32, repeated, tag = "5")]
    pub counts: Vec<u32>,
    /// Tables, as [`arachne_delivery::codec`] packs them.
    #[prost(bytes = "vec", tag = "4")]
    pub bytes: Vec<u8>,
    /// How far the file was read when it was closed, where the rows are of one.
    #[prost(message, optional, boxed, tag = "6")]
    pub position: Option<Box<FilePosition>>,
    /// Up to where logs were read with it: to be made durable together with it. Empty where it is of no log.
    #[prost(bytes = "vec", tag = "7")]
    pub note: Vec<u8>,
}

impl Packed {
    /// Rows in it.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }
}

impl Counters {
    /// Adds the counts of another process; levels are those of the other. What a process says may be anything: sums stay at their limit.
    pub fn add(&mut self, other: &Self) {
        let grow = |sum: &mut u64, by: u64| *sum = sum.saturating_add(by);
        grow(&mut self.packets, other.packets);
        grow(&mut self.bytes, other.bytes);
        grow(&mut self.kernel_drops, other.kernel_drops);
        grow(&mut self.bytes_lost, other.bytes_lost);
        for (interface, (packets, bytes)) in &other.interfaces {
            let sum = of_interface(&mut self.interfaces, *interface);
            grow(&mut sum.0, *packets);
            grow(&mut sum.1, *bytes);
        }
        for (name, stage) in &other.stages {
            let sum = self.stages.entry(name.clone()).or_default();
            grow(&mut sum.input, stage.input);
            grow(&mut sum.output, stage.output);
            grow(&mut sum.in_flight, stage.in_flight);
            for (reason, count) in &stage.dropped {
                grow(sum.dropped.entry(reason.clone()).or_default(), *count);
            }
        }
        for (step, times) in &other.gave_way {
            grow(self.gave_way.entry(step.clone()).or_default(), *times);
        }
        self.newest_packet = self.newest_packet.max(other.newest_packet);
        (self.ring_bytes, self.threads) = (other.ring_bytes, other.threads);
        self.pressure = other.pressure;
        self.failed.clone_from(&other.failed);
    }

    /// Adds the last counts of a process that is no more: what was inside it then is lost.
    pub fn settle(&mut self, mut last: Self) {
        for stage in last.stages.values_mut() {
            let lost = std::mem::take(&mut stage.in_flight);
            if lost > 0 {
                let dropped = stage.dropped.entry("process_died".to_owned()).or_default();
                *dropped = dropped.saturating_add(lost);
            }
        }
        self.add(&last);
        (self.ring_bytes, self.threads) = (0, 0);
        self.pressure = Pressure::None;
        self.failed = None;
    }
}

#[cfg(test)]
mod tests {
    use arachne_delivery::status::Stage;

    use super::Counters;

    #[test]
    fn what_a_dead_process_held_is_dropped_with_its_reason() {
        let stage = |input, output, in_flight| Stage { input, output, in_flight, ..Stage::default() };
        let last = Counters {
            packets: 5,
            stages: [("records".to_owned(), stage(9, 5, 4))].into(),
            ring_bytes: 7,
            ..Counters::default()
        };
        let mut all = Counters::default();
        all.settle(last.clone());
        all.add(&last);
        let records = &all.stages["records"];
        assert_eq!((records.input, records.output, records.in_flight), (18, 10, 4));
        assert_eq!((records.dropped["process_died"], all.packets, all.ring_bytes), (4, 10, 7));
    }

    #[test]
    fn counts_that_cannot_be_harm_nobody() {
        let most = || Stage {
            input: u64::MAX,
            in_flight: u64::MAX,
            dropped: [("x".into(), u64::MAX)].into(),
            ..Stage::default()
        };
        let evil = Counters {
            packets: u64::MAX,
            bytes: u64::MAX,
            interfaces: [(1, (u64::MAX, u64::MAX))].into(),
            stages: [
                ("records".to_owned(), Stage { dropped: [("process_died".into(), u64::MAX)].into(), ..most() }),
                ("x".to_owned(), most()),
            ]
            .into(),
            gave_way: [("x".to_owned(), u64::MAX)].into(),
            ..Counters::default()
        };
        let mut all = Counters::default();
        (0..2).for_each(|_| all.settle(evil.clone()));
        assert_eq!(
            (all.packets, all.interfaces[&1], all.stages["x"].input),
            (u64::MAX, (u64::MAX, u64::MAX), u64::MAX)
        );
    }
}
