//! Memory, swap, and what moves between them.

use std::collections::HashMap;

use crate::Metric;
use crate::report::Report;
use crate::text::{Tree, named};

pub(super) const LIMIT: Metric =
    Metric::gauge("system.memory.limit", "By", &[], "memory of the host", "/proc/meminfo, MemTotal");
pub(super) const USAGE: Metric = Metric::gauge(
    "system.memory.usage",
    "By",
    &["state"],
    "memory by state: free, buffers, cached, slab_reclaimable, and used, which is the rest; they add up to the limit",
    "/proc/meminfo, proc_meminfo(5)",
);
pub(super) const AVAILABLE: Metric = Metric::gauge(
    "system.memory.linux.available",
    "By",
    &[],
    "memory that programs can still get without swapping",
    "/proc/meminfo, MemAvailable",
);
pub(super) const SHARED: Metric = Metric::gauge(
    "system.memory.linux.shared",
    "By",
    &[],
    "tmpfs and shared memory, a part of cached",
    "/proc/meminfo, Shmem",
);
pub(super) const SWAP: Metric =
    Metric::gauge("system.paging.usage", "By", &["state"], "swap: used, free", "/proc/meminfo");
pub(super) const PAGED: Metric = Metric::counter(
    "system.paging.operations",
    "1",
    &["direction"],
    "pages that came from swap (in) and went to it (out)",
    "/proc/vmstat, pswpin and pswpout",
);
pub(super) const FAULTS: Metric = Metric::counter(
    "system.paging.faults",
    "1",
    &["type"],
    "pages that a program touched and had to wait for: from a disk (major) or not (minor)",
    "/proc/vmstat, pgmajfault and pgfault",
);
pub(super) const KILLED: Metric = Metric::counter(
    "system.memory.linux.oom_kills",
    "1",
    &[],
    "processes killed for want of memory",
    "/proc/vmstat, oom_kill",
);
pub(super) const METRICS: &[Metric] = &[LIMIT, USAGE, AVAILABLE, SHARED, SWAP, PAGED, FAULTS, KILLED];

pub(super) fn read(tree: &Tree, report: &mut Report<'_>) -> Result<(), String> {
    let file = tree.read("proc/meminfo")?;
    let kilobytes: HashMap<&[u8], u64> = named(&file).collect();
    let bytes = |name: &str| kilobytes.get(name.as_bytes()).map_or(0, |value| value.saturating_mul(1024));
    let total = bytes("MemTotal");
    report.gauge(&LIMIT, &[], total);
    let mut used = total;
    for (state, name) in
        [("free", "MemFree"), ("buffers", "Buffers"), ("cached", "Cached"), ("slab_reclaimable", "SReclaimable")]
    {
        report.gauge(&USAGE, &[state], bytes(name));
        used = used.saturating_sub(bytes(name));
    }
    report.gauge(&USAGE, &["used"], used);
    report.gauge(&AVAILABLE, &[], bytes("MemAvailable"));
    report.gauge(&SHARED, &[], bytes("Shmem"));
    report.gauge(&SWAP, &["free"], bytes("SwapFree"));
    report.gauge(&SWAP, &["used"], bytes("SwapTotal").saturating_sub(bytes("SwapFree")));
    moved(&tree.read("proc/vmstat")?, report);
    Ok(())
}

fn moved(vmstat: &[u8], report: &mut Report<'_>) {
    let counts: HashMap<&[u8], u64> = named(vmstat).collect();
    let count = |name: &str| counts.get(name.as_bytes()).copied().unwrap_or(0);
    report.total(&PAGED, &["in"], count("pswpin"));
    report.total(&PAGED, &["out"], count("pswpout"));
    report.total(&FAULTS, &["major"], count("pgmajfault"));
    report.total(&FAULTS, &["minor"], count("pgfault").saturating_sub(count("pgmajfault")));
    report.total(&KILLED, &[], count("oom_kill"));
}
