//! What each group of processes uses: grouped by name, user and container, and added up. Reads `/proc` below a root; asks no
//! process anything. What it cannot see it says.

mod folder;
mod parse;
mod scan;
mod sum;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

use arachne_aggregate::series::OTHER;

use self::scan::{Finding, Hidden, PROCESSES_MAX, Scan, THREADS_MAX};
use self::sum::{Held, Sum, Used};
use crate::place::Places;
use crate::report::{Readings, Report};
use crate::system::cpu;
use crate::text::{Tree, billionths, named, words};
use crate::{Collector, Metric, Missing, Sink};

/// What it reads.
pub const SAYS: &str = "Processes, added up by name (`process`), `user` and `container` (`~host` outside of any; else the first twelve \
characters of its id, or its name). The 40 heaviest groups by CPU time and the 40 by resident memory have names, and keep them for half \
an hour; the others are `~other`. Threads of the kernel go by what they have in common (`kworker`). What stayed at zero has no point. A \
process that did nothing since the last reading is asked for its disk traffic once a minute. Without CAP_SYS_PTRACE and \
CAP_DAC_READ_SEARCH the disk traffic of other users' processes is missing, before Linux 6.2 their open files too. How long processes waited \
for pages from swap is not among it: the kernel tells it by taskstats alone, to who has CAP_NET_ADMIN and sees the host's own process ids, \
and only with kernel.task_delayacct=1. That was tried and works (version 16 of the structure, 20 µs a process), but the agent gives up that \
right, which is one to change the host's network, before it reads anything; so major faults stand for it. Resident memory is what `ps` calls \
RSS, shared pages in full in each process: the sum of a group of processes that share much (PostgreSQL, workers of one parent) is more than \
they take. Shares of them (PSS) are not told: reading `smaps_rollup` takes 2 ms a process and up to 33 ms for a large one, which cannot \
touch its memory map meanwhile (119 processes of 4 GiB; `stat` takes 0.04 ms).";
/// What it measures.
pub const METRICS: &[&[Metric]] = &[sum::METRICS];

/// The container of processes that are in none.
pub const HOST: &str = "~host";
/// What the host used and no living process did.
pub const UNACCOUNTED: &str = "~unaccounted";

const EVERY: Duration = Duration::from_secs(10);
/// Groups with series of their own, and how many earn that by each measure.
const PLACES: usize = 100;
const EACH: usize = 40;
/// The kernel takes both sums at other moments: so much is no sign of processes that came and went.
const OWED_MAX: i64 = 1_000_000_000;

/// Reads all processes every 10 s.
#[derive(Debug)]
pub struct Process {
    tree: Tree,
    readings: Readings,
    scan: Option<Scan>,
    places: Places,
    users: Users,
    /// What the host's sum of user and of system time was, and how far processes were ahead of it.
    host: Option<[u64; 2]>,
    owed: [i64; 2],
    missing: Vec<Missing>,
}

impl Process {
    /// Of the host whose `/` is at `root`: `/` itself, or where a container sees it.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            tree: Tree::new(root),
            readings: Readings::new(EVERY),
            scan: None,
            places: Places::new(PLACES, EACH),
            users: Users::default(),
            host: None,
            owed: [0; 2],
            missing: Vec::new(),
        }
    }
}

impl Collector for Process {
    fn name(&self) -> &'static str {
        "process"
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn collect(&mut self, now: i64, sink: &mut dyn Sink) -> Result<(), String> {
        let Some(mut report) = self.readings.begin(now, sink) else { return Ok(()) };
        let mut scan = match self.scan.take() {
            Some(scan) => scan,
            None => Scan::new(&self.tree.path("proc"))?,
        };
        if report.is_first() {
            scan.restart();
            self.host = None;
        }
        let host = cpu::used(&self.tree.read("proc/stat")?).ok_or("no line cpu in proc/stat")?;
        self.users.renew(&self.tree);
        let mut groups: BTreeMap<String, Sum> = BTreeMap::new();
        let mut all = Used::default();
        let mut key = String::new();
        scan.walk(uptime(&self.tree)?, swapping(&self.tree), |found| {
            self.users.key(&mut key, &found);
            all = all.plus(&found.sum.used);
            match groups.get_mut(&key) {
                Some(sum) => sum.add(&found.sum),
                None => {
                    groups.insert(key.clone(), found.sum);
                }
            }
        })?;
        let unaccounted = self.host.replace(host).map(|before| {
            let grown = [host[0].saturating_sub(before[0]), host[1].saturating_sub(before[1])];
            unaccounted(&mut self.owed, grown, [all.user, all.system])
        });
        self.missing = missing(&self.tree, &scan.hidden);
        self.scan = Some(scan);
        tell(&mut self.places, groups, unaccounted, &mut report);
        Ok(())
    }

    fn missing(&self) -> Vec<Missing> {
        self.missing.clone()
    }
}

/// What the host used beyond its living processes. Where those were ahead, that is taken off next time.
fn unaccounted(owed: &mut [i64; 2], host: [u64; 2], processes: [u64; 2]) -> Sum {
    let mut rest = [0; 2];
    for mode in 0..2 {
        let more = i64::try_from(host[mode]).unwrap_or(i64::MAX);
        let less = i64::try_from(processes[mode]).unwrap_or(i64::MAX);
        owed[mode] = owed[mode].saturating_add(more).saturating_sub(less).max(-OWED_MAX);
        rest[mode] = u64::try_from(owed[mode]).unwrap_or(0);
        owed[mode] = owed[mode].min(0);
    }
    let [user, system] = rest;
    Sum { used: Used { user, system, ..Used::default() }, held: Held::default() }
}

fn tell(places: &mut Places, groups: BTreeMap<String, Sum>, unaccounted: Option<Sum>, report: &mut Report<'_>) {
    let (cpu, resident) = (|sum: &Sum| sum.used.cpu(), |sum: &Sum| sum.held.resident);
    let (named, other) = places.split(report.seconds(), groups, &[&cpu, &resident], Sum::add);
    for (key, sum) in named {
        let mut parts = key.split('\0');
        let mut part = || parts.next().unwrap_or_default();
        let (container, process, user) = (part(), part(), part());
        sum.tell(report, if container.is_empty() { HOST } else { container }, process, user);
    }
    if let Some(other) = other {
        other.tell(report, OTHER, OTHER, OTHER);
    }
    if let Some(rest) = unaccounted {
        rest.tell(report, HOST, UNACCOUNTED, UNACCOUNTED);
    }
}

/// Ticks since the host began.
fn uptime(tree: &Tree) -> Result<u64, String> {
    let file = tree.read("proc/uptime")?;
    let uptime = words(&file).next().and_then(billionths).ok_or("proc/uptime has no number")?;
    Ok(uptime / cpu::tick())
}

fn swapping(tree: &Tree) -> bool {
    let file = tree.read("proc/meminfo").unwrap_or_default();
    let kilobytes = |wanted: &[u8]| named(&file).find(|(name, _)| *name == wanted).map_or(0, |(_, value)| value);
    kilobytes(b"SwapTotal") > kilobytes(b"SwapFree")
}

const RIGHTS: &str = "give the agent CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH";

fn missing(tree: &Tree, hidden: &Hidden) -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut add = |lost: bool, what: String, why: String, fix: &str| {
        if lost {
            missing.push(Missing { what, why, fix: fix.to_owned() });
        }
    };
    let Hidden { disk, files, threads, processes } = *hidden;
    let denied = |file: &str| format!("/proc/PID/{file} of other users' processes may not be read");
    add(disk > 0, format!("disk traffic of {disk} processes"), denied("io"), RIGHTS);
    add(files > 0, format!("open files of {files} processes"), denied("fd"), RIGHTS);
    let why = format!("a reading looks at {THREADS_MAX} threads that ran");
    add(threads > 0, format!("CPU delays of {threads} threads"), why, "nothing: they are read when fewer run");
    let why = format!("a reading looks at {PROCESSES_MAX} processes");
    add(processes > 0, format!("{processes} processes, which count as {UNACCOUNTED}"), why, "nothing: this is a limit");
    let others = tree.read("proc/1/stat");
    let why = others.as_ref().err().cloned().unwrap_or_default();
    add(
        others.is_err(),
        "processes of other users".to_owned(),
        why,
        "mount /proc without hidepid, or with gid= of the agent",
    );
    let off = tree.read("proc/sys/kernel/task_delayacct").is_ok_and(|file| file.trim_ascii() == b"0");
    let why = "kernel.task_delayacct is 0".to_owned();
    add(
        off,
        "how long processes wait for disks".to_owned(),
        why,
        "sysctl kernel.task_delayacct=1, which costs a little time",
    );
    missing
}

/// Names of users.
#[derive(Debug, Default)]
struct Users {
    names: HashMap<u32, String>,
    file: Vec<u8>,
}

impl Users {
    /// Reads the list anew where it changed.
    fn renew(&mut self, tree: &Tree) {
        let file = tree.read("etc/passwd").unwrap_or_default();
        if file != self.file {
            // The first line of a number counts, as for every program.
            self.names.clear();
            for (id, name) in parse::users(&file) {
                self.names.entry(id).or_insert(name);
            }
            self.file = file;
        }
    }

    /// What a process is counted under: container, name and user. A user without a name is a number.
    fn key(&self, key: &mut String, found: &Finding<'_>) {
        use std::fmt::Write as _;
        key.clear();
        let Finding { name, user, container, .. } = found;
        // Writing to a String cannot fail.
        let _ = match self.names.get(user) {
            Some(user) => write!(key, "{container}\0{name}\0{user}"),
            None => write!(key, "{container}\0{name}\0{user}"),
        };
    }
}

#[cfg(test)]
mod tests;
