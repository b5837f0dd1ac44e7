//! What the kernel has open, and since when it runs.

use crate::Metric;
use crate::report::Report;
use crate::text::{Tree, billionths, number, words};

pub(super) const FILES: Metric =
    Metric::gauge("system.linux.files.open", "1", &[], "open files of the host", "/proc/sys/fs/file-nr");
pub(super) const FILES_LIMIT: Metric =
    Metric::gauge("system.linux.files.limit", "1", &[], "how many it may have open", "/proc/sys/fs/file-nr");
pub(super) const UPTIME: Metric =
    Metric::gauge("system.uptime", "ns", &[], "time since the host began", "/proc/uptime");
pub(super) const METRICS: &[Metric] = &[FILES, FILES_LIMIT, UPTIME];

pub(super) fn read(tree: &Tree, report: &mut Report<'_>) -> Result<(), String> {
    let file = tree.read("proc/sys/fs/file-nr")?;
    let numbers: Vec<Option<u64>> = words(file.trim_ascii()).map(number).collect();
    let [Some(open), _, Some(limit)] = numbers[..] else {
        return Err("proc/sys/fs/file-nr has no three numbers".to_owned());
    };
    report.gauge(&FILES, &[], open);
    report.gauge(&FILES_LIMIT, &[], limit);
    let uptime = tree.read("proc/uptime")?;
    let uptime = words(&uptime).next().and_then(billionths).ok_or("proc/uptime has no number")?;
    report.gauge(&UPTIME, &[], uptime);
    Ok(())
}
