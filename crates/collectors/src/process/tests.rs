//! The collector over folders of processes as kernels show them, over the host that runs the test, and what a reading costs.

use std::path::Path;
use std::process::{Command, Stdio};

use super::*;
use crate::testing::{Found, write};

const SECOND: i64 = 1_000_000_000;
const TICK: i64 = 10_000_000;

/// A process; `n` is how much of everything it used.
#[derive(Clone, Copy)]
struct Fake {
    id: u32,
    name: &'static str,
    start: u64,
    n: u64,
    user: u32,
    pages: u64,
    cgroup: &'static str,
}

const NGINX: Fake =
    Fake { id: 7, name: "nginx", start: 50, n: 0, user: 33, pages: 10, cgroup: "/system.slice/nginx.service" };
const ID: &str = "/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn host(root: &Path, uptime: u64, system: [u64; 2], fakes: &[Fake]) {
    let _ = std::fs::remove_dir_all(root.join("proc"));
    write(
        root,
        &[
            ("etc/passwd", "root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\n"),
            ("proc/uptime", &format!("{uptime}.00 1.00\n")),
            ("proc/stat", &format!("cpu {} 0 {} 9 9 9 9 9 0 0\n", system[0], system[1])),
            ("proc/meminfo", "SwapTotal: 10 kB\nSwapFree: 9 kB\n"),
            ("proc/sys/kernel/task_delayacct", "1\n"),
            ("proc/1/stat", "1 (init) S 0 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 1 1 1 1\n"),
        ],
    );
    for Fake { id, name, start, n, user, pages, cgroup } in fakes {
        let stat = format!(
            "{id} ({name}) S 1 1 1 0 -1 4194560 {n} 0 {n} 0 {n} {} 0 0 20 0 1 0 {start} 99 {pages} 1 9 9 9 9 9 0 0 0 0 0 0 0 17 1 0 0 {n} 0 0\n",
            2 * n
        );
        let file = |name: &str| format!("proc/{id}/{name}");
        write(
            root,
            &[
                (&file("stat"), &stat),
                (&file("status"), &format!("Uid:\t{user}\t0\t0\t0\nVmSwap:\t1 kB\n")),
                (&file("io"), &format!("read_bytes: {}\nwrite_bytes: {}\n", 3 * n, 4 * n)),
                (&file("schedstat"), &format!("0 {} 1\n", 5 * n)),
                (&file("cgroup"), &format!("0::{cgroup}\n")),
                (&file("fd/0"), ""),
                (&file("fd/1"), ""),
            ],
        );
    }
}

struct Host {
    root: tempfile::TempDir,
    process: Process,
    second: u64,
    system: [u64; 2],
}

impl Host {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        Self { process: Process::new(root.path()), root, second: 0, system: [0; 2] }
    }

    /// Ten seconds later; the CPUs were `busy` for so many ticks.
    fn read(&mut self, busy: [u64; 2], fakes: &[Fake]) -> Found {
        self.second += 10;
        self.system = [self.system[0] + busy[0], self.system[1] + busy[1]];
        host(self.root.path(), self.second, self.system, fakes);
        // The folder was made anew: it is opened anew, as if it were the same.
        if let Some(scan) = &mut self.process.scan {
            scan.reopen(&self.root.path().join("proc"));
        }
        let mut found = Found::default();
        let now = i64::try_from(self.second).expect("small") * SECOND;
        self.process.collect(now, &mut found).expect("readable");
        found
    }
}

const WWW: [(&str, &str); 3] = [("container", "~host"), ("process", "nginx"), ("user", "www-data")];

fn cpu_of(found: &Found, process: &str) -> i64 {
    let line = format!("process: {process}\n");
    let of = found.points.iter().filter(|point| point.name == sum::CPU.name && point.labels.contains(&line));
    of.map(|point| point.sum).sum()
}

#[test]
fn processes_are_added_up_and_everything_that_is_listed_is_told() {
    let mut host = Host::new();
    let other = Fake { id: 8, ..NGINX };
    let boxed = Fake { id: 9, cgroup: ID, user: 77, ..NGINX };
    let first = host.read([0, 0], &[NGINX, other, boxed]);
    assert!(first.points.iter().all(|point| point.kind == "gauge"));
    let found = host.read([9, 9], &[Fake { n: 2, ..NGINX }, Fake { n: 3, ..other }, Fake { n: 1, ..boxed }]);
    found.assert_all_of(METRICS[0]);
    let mode = |mode| [("container", "~host"), ("mode", mode), ("process", "nginx"), ("user", "www-data")];
    assert_eq!(found.sum(&sum::CPU, &mode("user")), Some(5 * TICK));
    assert_eq!(found.sum(&sum::CPU, &mode("system")), Some(10 * TICK));
    assert_eq!(found.sum(&sum::CPU_DELAY, &WWW), Some(25));
    assert_eq!(found.sum(&sum::DISK_DELAY, &WWW), Some(5 * TICK));
    assert_eq!(found.total(&sum::DISK), 6 * 7);
    assert_eq!(found.sum(&sum::RESIDENT, &WWW), Some(20 * rustix::param::page_size() as i64));
    assert_eq!(found.sum(&sum::SWAP, &WWW), Some(2048));
    assert!(found.sum(&sum::FILES, &WWW) > Some(0), "a folder on a disk has another size");
    assert_eq!(found.sum(&sum::COUNT, &[("container", "0123456789ab"), ("process", "nginx"), ("user", "77")]), Some(1));
    assert_eq!(host.process.missing(), []);
}

#[test]
fn an_id_used_again_is_another_process_and_what_ended_is_unaccounted() {
    let mut host = Host::new();
    host.read([100, 100], &[Fake { n: 1000, ..NGINX }]);
    // Began after the last reading: all of it counts, and nothing of who had its number.
    let found = host.read([8, 8], &[Fake { n: 3, start: 1500, ..NGINX }]);
    assert_eq!(cpu_of(&found, "nginx"), 9 * TICK);
    assert_eq!(cpu_of(&found, UNACCOUNTED), 7 * TICK);
    // Began before the last reading and was hidden then: what it used before is nobody's.
    let hidden = Fake { id: 8, n: 500, start: 60, ..NGINX };
    let found = host.read([0, 0], &[Fake { n: 3, start: 1500, ..NGINX }, hidden]);
    assert_eq!(cpu_of(&found, "nginx"), 0);
    let found = host.read([6, 4], &[Fake { n: 501, ..hidden }]);
    assert_eq!((cpu_of(&found, "nginx"), cpu_of(&found, UNACCOUNTED)), (3 * TICK, 7 * TICK));
}

#[test]
fn what_processes_were_ahead_of_the_host_is_taken_off_later() {
    let mut owed = [0; 2];
    let mut rest = |host: u64, processes: u64| unaccounted(&mut owed, [host, 0], [processes, 0]).used.user;
    assert_eq!([rest(100, 120), rest(100, 90), rest(100, 70)], [0, 0, 20]);
    // No more than a second is owed.
    assert_eq!([rest(0, 5_000_000_000), rest(2_000_000_000, 0)], [0, 1_000_000_000]);
}

#[test]
fn many_groups_have_bounded_labels_and_exact_sums() {
    let mut host = Host::new();
    let names: Vec<&'static str> = (0..300).map(|n| -> &'static str { format!("p{n}").leak() }).collect();
    let fakes = |n: u64| -> Vec<Fake> {
        let fake = |(id, name): (usize, &&'static str)| {
            let place = u32::try_from(id).expect("few");
            Fake { id: 10 + place, name, n: n * u64::from(place), pages: 1, ..NGINX }
        };
        names.iter().enumerate().map(fake).collect()
    };
    host.read([0, 0], &fakes(0));
    let found = host.read([0, 0], &fakes(1));
    let groups = found.points.iter().filter(|point| point.name == sum::COUNT.name).count();
    assert_eq!(groups, PLACES + 1);
    assert_eq!(found.total(&sum::CPU), 3 * TICK * (299 * 300 / 2));
    assert_eq!(found.total(&sum::COUNT), 301);
    assert_eq!(cpu_of(&found, "p299"), 3 * TICK * 299);
}

#[test]
fn this_host_has_this_process_and_what_is_hidden_is_said() {
    let mut process = Process::new(Path::new("/"));
    let mut found = Found::default();
    process.collect(10 * SECOND, &mut found).expect("a Linux host");
    assert!(found.total(&sum::COUNT) > 1);
    assert!(found.total(&sum::FILES) > 0);
    process.collect(20 * SECOND, &mut found).expect("a Linux host");
    let empty = tempfile::tempdir().expect("a folder");
    let error = Process::new(empty.path()).collect(10 * SECOND, &mut found).expect_err("no host");
    assert!(error.contains("proc"), "{error}");
}

#[test]
fn rights_that_are_missing_are_named_with_what_to_do() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), &[("proc/sys/kernel/task_delayacct", "0\n")]);
    let missing = missing(&Tree::new(root.path()), &Hidden { disk: 3, ..Hidden::default() });
    let whats: Vec<&str> = missing.iter().map(|missing| missing.what.as_str()).collect();
    let others = "processes of other users";
    assert_eq!(whats, ["disk traffic of 3 processes", others, "how long processes wait for disks"]);
    assert!(missing[0].fix.contains("CAP_SYS_PTRACE"));
}

/// Children that sleep until they are killed.
struct Sleepers(Vec<std::process::Child>);

impl Drop for Sleepers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It may have ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// CPU time of this thread, in nanoseconds.
fn thread_time() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec * SECOND + time.tv_nsec
}

/// Prints what a reading of many processes costs; the limit is generous, since it runs unoptimised beside other tests.
#[test]
fn a_thousand_processes_are_cheap() {
    let sleeper = |_| Command::new("sleep").arg("600").stdout(Stdio::null()).spawn().ok();
    let sleepers = Sleepers((0..200).map_while(sleeper).collect());
    let mut process = Process::new(Path::new("/"));
    let mut best = i64::MAX;
    let mut count = 0;
    for reading in 1..=20 {
        let mut found = Found::default();
        let before = thread_time();
        process.collect(reading * 10 * SECOND, &mut found).expect("a Linux host");
        best = best.min(thread_time() - before);
        count = found.total(&sum::COUNT);
    }
    drop(sleepers);
    let per_thousand = best * 1000 / count;
    eprintln!("{count} processes: {} us of CPU, {} us per thousand", best / 1000, per_thousand / 1000);
    assert!(per_thousand < 300_000_000, "{per_thousand} ns");
}
