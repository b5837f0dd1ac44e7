//! What is counted of a process, and the metrics that show it.

use crate::Metric;
use crate::report::Report;

const LABELS: &[&str] = &["container", "process", "user"];
const MODE: &[&str] = &["container", "mode", "process", "user"];
const DIRECTION: &[&str] = &["container", "direction", "process", "user"];
const TYPE: &[&str] = &["container", "process", "type", "user"];

pub(super) const CPU: Metric = Metric::counter(
    "process.cpu.time",
    "ns",
    MODE,
    "CPU time of processes; ~unaccounted is what the host used and no process that still lives did: short ones between two readings",
    "/proc/PID/stat, utime and stime",
);
pub(super) const FAULTS: Metric = Metric::counter(
    "process.paging.faults",
    "1",
    TYPE,
    "pages waited for: major ones came from swap or from a file (the kernel counts no swap traffic by process), minor ones from memory",
    "/proc/PID/stat, majflt and minflt",
);
pub(super) const DISK: Metric = Metric::counter(
    "process.disk.io",
    "By",
    DIRECTION,
    "bytes that processes made disks read and write; written is counted when a page becomes dirty",
    "/proc/PID/io, read_bytes and write_bytes",
);
pub(super) const CPU_DELAY: Metric = Metric::counter(
    "process.cpu.delay",
    "ns",
    LABELS,
    "how long threads that could run waited for a CPU",
    "/proc/PID/task/TID/schedstat",
);
pub(super) const DISK_DELAY: Metric = Metric::counter(
    "process.disk.delay",
    "ns",
    LABELS,
    "how long the first threads of processes waited for disks",
    "/proc/PID/stat, delayacct_blkio_ticks",
);
pub(super) const RESIDENT: Metric = Metric::gauge(
    "process.memory.usage",
    "By",
    LABELS,
    "resident memory; pages that processes share are counted in each of them",
    "/proc/PID/stat, rss",
);
pub(super) const SWAP: Metric =
    Metric::gauge("process.paging.usage", "By", LABELS, "memory in swap", "/proc/PID/status, VmSwap");
pub(super) const FILES: Metric =
    Metric::gauge("process.unix.file_descriptor.count", "1", LABELS, "open files", "/proc/PID/fd");
pub(super) const THREADS: Metric =
    Metric::gauge("process.thread.count", "1", LABELS, "threads", "/proc/PID/stat, num_threads");
pub(super) const COUNT: Metric = Metric::gauge("process.count", "1", LABELS, "processes", "/proc");

/// All of them.
pub(super) const METRICS: &[Metric] =
    &[CPU, FAULTS, DISK, CPU_DELAY, DISK_DELAY, RESIDENT, SWAP, FILES, THREADS, COUNT];

/// Counters of a process since it began, or how far they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub user: u64,
    pub system: u64,
    pub major: u64,
    pub minor: u64,
    pub read: u64,
    pub written: u64,
    pub cpu_delay: u64,
    pub disk_delay: u64,
}

/// Pairs the fields of two, in one place.
fn zip(a: &Used, b: &Used, with: impl Fn(u64, u64) -> u64) -> Used {
    Used {
        user: with(a.user, b.user),
        system: with(a.system, b.system),
        major: with(a.major, b.major),
        minor: with(a.minor, b.minor),
        read: with(a.read, b.read),
        written: with(a.written, b.written),
        cpu_delay: with(a.cpu_delay, b.cpu_delay),
        disk_delay: with(a.disk_delay, b.disk_delay),
    }
}

impl Used {
    /// How far they came since `before`. Delays of threads that ended are missing from later sums: what fell did not grow.
    pub(super) fn since(&self, before: &Self) -> Self {
        zip(self, before, u64::saturating_sub)
    }

    /// Both together.
    pub(super) fn plus(&self, more: &Self) -> Self {
        zip(self, more, u64::saturating_add)
    }

    /// CPU time.
    pub(super) fn cpu(&self) -> u64 {
        self.user.saturating_add(self.system)
    }
}

/// What a process holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub resident: u64,
    pub swap: u64,
    pub files: u64,
    pub threads: u64,
    pub processes: u64,
}

/// Of a group of processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub used: Used,
    pub held: Held,
}

impl Sum {
    pub(super) fn add(&mut self, more: &Self) {
        self.used = self.used.plus(&more.used);
        let (a, b) = (&mut self.held, &more.held);
        a.resident = a.resident.saturating_add(b.resident);
        a.swap = a.swap.saturating_add(b.swap);
        a.files = a.files.saturating_add(b.files);
        a.threads = a.threads.saturating_add(b.threads);
        a.processes = a.processes.saturating_add(b.processes);
    }

    /// As points. What stayed at zero makes none, except how many there are.
    pub(super) fn tell(&self, report: &mut Report<'_>, container: &str, process: &str, user: &str) {
        let Used { user: user_time, system, major, minor, read, written, cpu_delay, disk_delay } = self.used;
        let mut grew = |metric: &Metric, labels: &[&str], sum: u64| {
            if sum > 0 {
                report.grew(metric, labels, sum);
            }
        };
        grew(&CPU, &[container, "user", process, user], user_time);
        grew(&CPU, &[container, "system", process, user], system);
        grew(&FAULTS, &[container, process, "major", user], major);
        grew(&FAULTS, &[container, process, "minor", user], minor);
        grew(&DISK, &[container, "read", process, user], read);
        grew(&DISK, &[container, "write", process, user], written);
        grew(&CPU_DELAY, &[container, process, user], cpu_delay);
        grew(&DISK_DELAY, &[container, process, user], disk_delay);
        let Held { resident, swap, files, threads, processes } = self.held;
        for (metric, value) in [(&RESIDENT, resident), (&SWAP, swap), (&FILES, files), (&THREADS, threads)] {
            if value > 0 {
                report.gauge(metric, &[container, process, user], value);
            }
        }
        if processes > 0 {
            report.gauge(&COUNT, &[container, process, user], processes);
        }
    }
}
