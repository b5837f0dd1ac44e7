//! Disks: operations, bytes, how long operations took, how long the disk was busy.

use std::collections::HashSet;

use super::device::{Device, growth};
use crate::Metric;
use crate::report::Report;
use crate::text::{Tree, lines, number, text, words};

const SOURCE: &str = "/proc/diskstats, kernel: admin-guide/iostats";
pub(super) const IO: Metric = Metric::counter(
    "system.disk.io",
    "By",
    &["device", "direction"],
    "bytes read and written (direction: read, write)",
    SOURCE,
);
pub(super) const OPERATIONS: Metric =
    Metric::counter("system.disk.operations", "1", &["device", "direction"], "operations that ended", SOURCE);
pub(super) const OPERATION_TIME: Metric = Metric::counter(
    "system.disk.operation_time",
    "ns",
    &["device", "direction"],
    "how long operations took, waiting included; count is the operations, so the mean is the wait of one",
    SOURCE,
);
pub(super) const IO_TIME: Metric = Metric::counter(
    "system.disk.io_time",
    "ns",
    &["device"],
    "time in which the disk had something to do: per second of time, its utilisation",
    SOURCE,
);
pub(super) const METRICS: &[Metric] = &[IO, OPERATIONS, OPERATION_TIME, IO_TIME];

const SECTOR: u64 = 512;
const MILLISECOND: u64 = 1_000_000;

/// Reads, bytes of them, their time; writes, bytes, time; busy time.
type Counts = [u64; 7];

pub(super) fn read(tree: &Tree, report: &mut Report<'_>) -> Result<(), String> {
    let mut disks = parse(&tree.read("proc/diskstats")?);
    // Partitions are counted with their disk; without the list of disks everything is taken for one.
    if let Ok(names) = std::fs::read_dir(tree.path("sys/block")) {
        let whole: HashSet<String> =
            names.flatten().map(|name| name.file_name().to_string_lossy().into_owned()).collect();
        disks.retain(|disk| whole.contains(&disk.name));
    }
    for Device { name, counts } in growth(report, "disk", disks, |counts| counts[6]) {
        let [reads, read, reading, writes, written, writing, busy] = counts;
        for (direction, count, bytes, time) in [("read", reads, read, reading), ("write", writes, written, writing)] {
            report.grew(&IO, &[&name, direction], bytes);
            report.grew(&OPERATIONS, &[&name, direction], count);
            report.counter(&OPERATION_TIME, &[&name, direction], count, time);
        }
        report.grew(&IO_TIME, &[&name], busy);
    }
    Ok(())
}

/// Disks and partitions that were ever used.
fn parse(diskstats: &[u8]) -> Vec<Device<7>> {
    let disk = |line| {
        let mut words = words(line).skip(2);
        let name = text(words.next()?);
        let mut fields = [0; 10];
        for field in &mut fields {
            *field = number(words.next()?)?;
        }
        let [reads, _, read, reading, writes, _, written, writing, _, busy] = fields;
        let bytes = |sectors: u64| sectors.saturating_mul(SECTOR);
        let time = |milliseconds: u64| milliseconds.saturating_mul(MILLISECOND);
        let counts: Counts = [reads, bytes(read), time(reading), writes, bytes(written), time(writing), time(busy)];
        (counts != [0; 7]).then_some(Device { name, counts })
    };
    lines(diskstats).filter_map(disk).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn old_kernels_have_fewer_fields_and_idle_disks_none() {
        let file = b" 8 0 sda 5 1 16 7 3 0 8 9 0 11 20\n 8 1 sdb 5 1 16 7 3 0 8 9 0 11 20 1 2 3 4 5 6\n 7 0 loop0 0 0 0 0 0 0 0 0 0 0 0\n 8 2 cut 5 1\n";
        let counts = [5, 8192, 7_000_000, 3, 4096, 9_000_000, 11_000_000];
        let disk = |name: &str| Device { name: name.to_owned(), counts };
        assert_eq!(parse(file), [disk("sda"), disk("sdb")]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_disks_or_nothing(bytes: Vec<u8>, numbers: Vec<u64>) {
            parse(&bytes);
            parse(format!("8 0 sda {numbers:?}").replace(['[', ']', ','], "").as_bytes());
        }
    }
}
