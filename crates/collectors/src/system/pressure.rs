//! Pressure: how long something waited for CPU, memory or disks.

use crate::Metric;
use crate::report::Report;
use crate::text::{Tree, lines, number, words};

pub(super) const TIME: Metric = Metric::counter(
    "system.pressure.time",
    "ns",
    &["kind", "resource"],
    "time in which at least one thread (some) or all that had work (full) waited for a resource (cpu, memory, io, irq)",
    "/proc/pressure, kernel: accounting/psi",
);
pub(super) const METRICS: &[Metric] = &[TIME];

const RESOURCES: [&str; 4] = ["cpu", "memory", "io", "irq"];

pub(super) fn read(tree: &Tree, report: &mut Report<'_>) -> Result<(), String> {
    let mut why = None;
    for resource in RESOURCES {
        match tree.read(&format!("proc/pressure/{resource}")) {
            Ok(file) => totals(&file).for_each(|(kind, time)| report.total(&TIME, &[kind, resource], time)),
            // Not before Linux 6.1, and not with every build.
            Err(_) if resource == "irq" => {}
            Err(error) => why = Some(error),
        }
    }
    why.map_or(Ok(()), Err)
}

fn totals(file: &[u8]) -> impl Iterator<Item = (&'static str, u64)> {
    lines(file).filter_map(|line| {
        let mut words = words(line);
        let kind = match words.next()? {
            b"some" => "some",
            b"full" => "full",
            _ => return None,
        };
        let microseconds = words.find_map(|word| number(word.strip_prefix(b"total=")?))?;
        Some((kind, microseconds.saturating_mul(1000)))
    })
}
