//! The host as a whole: CPU, memory, swap, disks, file systems, interfaces, pressure, open files. Read from text files of the
//! kernel below a root, so that tests bring their own; writes nothing.

pub(crate) mod cpu;
mod device;
mod disk;
mod filesystem;
mod kernel;
mod memory;
mod network;
mod pressure;

use std::path::Path;
use std::time::Duration;

use crate::report::{Readings, Report};
use crate::text::Tree;
use crate::{Collector, Metric, Missing, Sink};

/// What it reads.
pub const SAYS: &str = "The host as a whole, from the files of the kernel. Needs no rights.";
/// What it measures.
pub const METRICS: &[&[Metric]] = &[
    cpu::METRICS,
    memory::METRICS,
    disk::METRICS,
    filesystem::METRICS,
    network::METRICS,
    pressure::METRICS,
    kernel::METRICS,
];

/// A part of it: what is lost without it, its reader, and what to do when it cannot be read.
type Part = (&'static str, fn(&Tree, &mut Report<'_>) -> Result<(), String>, &'static str);

const MOUNT: &str = "mount /proc and /sys of the host where the agent can read them";
const PARTS: &[Part] = &[
    ("CPU time and load", cpu::read, MOUNT),
    ("memory and swap", memory::read, MOUNT),
    ("disks", disk::read, MOUNT),
    ("file systems", filesystem::read, MOUNT),
    ("interfaces", network::read, MOUNT),
    ("pressure", pressure::read, "start the kernel with psi=1 (Linux 4.20 or newer)"),
    ("open files and uptime", kernel::read, MOUNT),
];

/// Reads the host as a whole every 10 s.
#[derive(Debug)]
pub struct System {
    tree: Tree,
    readings: Readings,
    missing: Vec<Missing>,
}

const EVERY: Duration = Duration::from_secs(10);

impl System {
    /// Of the host whose `/` is at `root`: `/` itself, or where a container sees it.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { tree: Tree::new(root), readings: Readings::new(EVERY), missing: Vec::new() }
    }
}

impl Collector for System {
    fn name(&self) -> &'static str {
        "system"
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn collect(&mut self, now: i64, sink: &mut dyn Sink) -> Result<(), String> {
        let Some(mut report) = self.readings.begin(now, sink) else { return Ok(()) };
        self.missing.clear();
        for (what, read, fix) in PARTS {
            if let Err(why) = read(&self.tree, &mut report) {
                self.missing.push(Missing { what: (*what).to_owned(), why, fix: (*fix).to_owned() });
            }
        }
        match self.missing.first() {
            Some(first) if self.missing.len() == PARTS.len() => {
                Err(format!("nothing of the host can be read: {}", first.why))
            }
            _ => Ok(()),
        }
    }

    fn missing(&self) -> Vec<Missing> {
        self.missing.clone()
    }
}

#[cfg(test)]
mod tests;
