//! The collector over trees of files as hosts have them, and over the host that runs the test.

use std::path::Path;

use super::*;
use crate::testing::{Found, write};

const SECOND: i64 = 1_000_000_000;

/// A host; `n` moves its counters.
fn host(root: &Path, n: u64) {
    let stat = format!(
        "cpu  {} 20 30 400 5 6 7 8 0 0\ncpu0 1\ncpu1 1\nprocesses {}\nprocs_running 3\nprocs_blocked 1\n",
        100 + n,
        7 + n
    );
    let disks = format!("8 0 sda {} 0 16 7 3 0 {} 9 0 11 20\n8 1 sda1 5 1 16 7 3 0 8 9 0 11 20\n", 5 + n, 8 + 2 * n);
    let vmstat = format!("pswpin {n}\npswpout 2\npgfault 10\npgmajfault {n}\noom_kill 0\n");
    let pressure = format!("some avg10=0.00 avg60=0.00 avg300=0.00 total={}\n", 5 + n);
    write(
        root,
        &[
            ("proc/stat", &stat),
            ("proc/loadavg", "0.13 0.82 1.15 1/321 7747\n"),
            (
                "proc/meminfo",
                "MemTotal: 100 kB\nMemFree: 40 kB\nMemAvailable: 70 kB\nBuffers: 5 kB\nCached: 20 kB\nSReclaimable: 5 kB\nShmem: 1 kB\nSwapTotal: 10 kB\nSwapFree: 7 kB\n",
            ),
            ("proc/vmstat", &vmstat),
            ("proc/diskstats", &disks),
            ("sys/block/sda/size", "1"),
            ("proc/self/mountinfo", "27 1 254:0 / / rw - ext4 /dev/vda rw\n"),
            ("proc/net/dev", &format!("lo:{} 7 1 2 0 0 0 0 41 8 3 4 0 0 0 0\n", 40 + n)),
            ("proc/pressure/cpu", &pressure),
            ("proc/pressure/memory", "some total=1\nfull total=1\n"),
            ("proc/pressure/io", "some total=1\nfull total=1\n"),
            ("proc/sys/fs/file-nr", "1504\t0\t9223372036854775807\n"),
            ("proc/uptime", "75300.45 100.00\n"),
        ],
    );
}

#[test]
fn a_host_tells_everything_that_is_listed() {
    let root = tempfile::tempdir().expect("a folder");
    let mut system = System::new(root.path());
    let mut read = |second: i64, n: u64| {
        host(root.path(), n);
        let mut found = Found::default();
        system.collect(second * SECOND, &mut found).expect("readable");
        assert_eq!(system.missing(), []);
        found
    };
    read(20, 0);
    let found = read(30, 10);
    let listed: Vec<Metric> = METRICS.iter().copied().flatten().copied().collect();
    found.assert_all_of(&listed);
    assert!(found.points.iter().all(|point| (point.start, point.width) == (20 * SECOND, 10 * SECOND)));
    assert_eq!(found.sum(&cpu::TIME, &[("mode", "user")]), Some(100_000_000));
    assert_eq!(found.sum(&cpu::LOAD[0], &[]), Some(130_000_000));
    assert_eq!(found.sum(&memory::USAGE, &[("state", "used")]), Some(30 * 1024));
    assert_eq!(found.total(&memory::USAGE), found.total(&memory::LIMIT));
    assert_eq!(found.sum(&memory::PAGED, &[("direction", "in")]), Some(10));
    assert_eq!(found.sum(&disk::OPERATIONS, &[("device", "sda"), ("direction", "read")]), Some(10));
    assert_eq!(found.sum(&disk::IO, &[("device", "sda"), ("direction", "write")]), Some(20 * 512));
    assert_eq!(found.total(&disk::OPERATIONS), 10);
    assert_eq!(found.sum(&network::IO, &[("device", "lo"), ("direction", "receive")]), Some(10));
    assert_eq!(found.sum(&pressure::TIME, &[("kind", "some"), ("resource", "cpu")]), Some(10_000));
    assert!(found.total(&filesystem::LIMIT) > 0);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_told() {
    let root = tempfile::tempdir().expect("a folder");
    let mut system = System::new(root.path());
    let mut found = Found::default();
    let error = system.collect(0, &mut found).expect_err("an empty folder is no host");
    assert!(error.contains("proc/stat"), "{error}");
    host(root.path(), 0);
    std::fs::remove_dir_all(root.path().join("proc/pressure")).expect("made above");
    system.collect(10 * SECOND, &mut found).expect("readable");
    let missing = system.missing();
    assert_eq!(missing.iter().map(|missing| missing.what.as_str()).collect::<Vec<_>>(), ["pressure"]);
    assert!(missing[0].fix.contains("psi=1"));
    assert!(!found.points.is_empty());
}

#[test]
fn a_thousand_interfaces_have_bounded_labels_and_exact_sums() {
    let root = tempfile::tempdir().expect("a folder");
    let mut system = System::new(root.path());
    let mut read = |second: i64, n: u64| {
        host(root.path(), n);
        let dev: String =
            (0..1000).map(|i| format!("veth{i}: {} 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", (i + 1) * (n + 1))).collect();
        write(root.path(), &[("proc/net/dev", &dev)]);
        let mut found = Found::default();
        system.collect(second * SECOND, &mut found).expect("readable");
        found
    };
    read(10, 0);
    let found = read(20, 1);
    let points: Vec<_> = found.points.iter().filter(|point| point.name == network::IO.name).collect();
    assert_eq!(points.len(), (device::DEVICES_MAX + 1) * 2);
    assert_eq!(found.total(&network::IO), 500_500);
    assert_eq!(found.sum(&network::IO, &[("device", "veth999"), ("direction", "receive")]), Some(1000));
}

#[test]
fn this_host_can_be_read() {
    let mut system = System::new(Path::new("/"));
    let mut found = Found::default();
    system.collect(0, &mut found).expect("a Linux host");
    assert!(found.total(&cpu::COUNT) > 0);
    assert!(found.total(&memory::LIMIT) > 1 << 20);
}
