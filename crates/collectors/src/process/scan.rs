//! One walk over all processes: what each used since the last walk, and what it holds.
//!
//! A process is known by its id and its start, so that an id used again is another process. What costs is read when there can be
//! news: a process that used no CPU time and touched no new page since the last walk is asked for its disk traffic and delays
//! in each sixth walk only. So is every process for what it has in swap, where the host swaps; user and container are read in the
//! first two walks that meet it, and in each thirtieth.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;

use super::folder::Folder;
use super::parse::{self, Stat};
use super::sum::{Held, Sum, Used};
use crate::system::cpu::tick;

/// Processes that are read; the id space of Linux allows 4 million.
pub(super) const PROCESSES_MAX: usize = 65_536;
/// Threads whose delays are read in one walk.
pub(super) const THREADS_MAX: usize = 8_192;
/// In one of so many walks even a process at rest is asked.
const ROUND: u64 = 6;
/// In one of so many rounds it is asked for what hardly ever changes.
const ROUNDS: u64 = 5;

/// What was found of a process.
pub(super) struct Finding<'a> {
    pub name: &'a str,
    pub user: u32,
    /// Empty on the host itself.
    pub container: &'a str,
    pub sum: Sum,
}

/// What could not be read in a walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hidden {
    /// Processes whose disk traffic is not told.
    pub disk: usize,
    /// Processes whose open files are not told.
    pub files: usize,
    /// Threads whose delays were not read, since there were too many.
    pub threads: usize,
    /// Processes not read, since there were too many.
    pub processes: usize,
}

#[derive(Debug)]
struct Known {
    start: u64,
    /// The last walk that met it, and how many did.
    walk: u64,
    walks: u8,
    /// Of the kernel's own threads: root.
    user: u32,
    container: Arc<str>,
    name_bytes: [u8; 16],
    name: Arc<str>,
    /// What it used, as far as it is known.
    used: Used,
    /// What moves whenever it does something.
    stirred: [u64; 4],
    /// What its files said last.
    delay: Option<u64>,
    read: Option<u64>,
    written: Option<u64>,
    held: Held,
}

/// Processes as they were at the last walk.
#[derive(Debug)]
pub(super) struct Scan {
    folder: Folder,
    known: HashMap<u32, Known>,
    walk: u64,
    /// Ticks after the start of the host when the last walk began.
    before: Option<u64>,
    page: u64,
    pub(super) hidden: Hidden,
    threads: usize,
}

impl Scan {
    /// Of the processes that the folder `proc` shows.
    pub(super) fn new(proc: &Path) -> Result<Self, String> {
        let page = rustix::param::page_size() as u64;
        let folder = Folder::open(proc)?;
        Ok(Self { folder, known: HashMap::new(), walk: 0, before: None, page, hidden: Hidden::default(), threads: 0 })
    }

    /// Reads from another folder, as if it were the same.
    #[cfg(test)]
    pub(super) fn reopen(&mut self, proc: &Path) {
        self.folder = Folder::open(proc).expect("made by the test");
    }

    /// Forgets all: the next walk is the first.
    pub(super) fn restart(&mut self) {
        self.known.clear();
        self.before = None;
    }

    /// Walks at `ticks` after the start of the host. `swapping` says that the host has something in swap.
    ///
    /// # Errors
    /// When the list of processes cannot be read.
    pub(super) fn walk(
        &mut self,
        ticks: u64,
        swapping: bool,
        mut found: impl FnMut(Finding<'_>),
    ) -> Result<(), String> {
        let mut ids = self.folder.numbers(".").map_err(|error| format!("cannot list processes: {error}"))?;
        self.walk += 1;
        self.hidden = Hidden { processes: ids.len().saturating_sub(PROCESSES_MAX), ..Hidden::default() };
        self.threads = THREADS_MAX;
        ids.truncate(PROCESSES_MAX);
        for id in ids {
            // A process that ends meanwhile is none.
            if let Some(used) = self.one(id, swapping) {
                let known = &self.known[&id];
                let sum = Sum { used, held: known.held };
                found(Finding { name: &known.name, user: known.user, container: &known.container, sum });
            }
        }
        self.before = Some(ticks);
        let walk = self.walk;
        self.known.retain(|_, known| known.walk == walk);
        Ok(())
    }

    /// What one process used since the last walk.
    fn one(&mut self, id: u32, swapping: bool) -> Option<Used> {
        // Borrowed apart: the line is in the buffer of the folder.
        let mut line = [0; 512];
        let read = self.folder.read(id, "stat").ok()?;
        let length = read.len().min(line.len());
        line[..length].copy_from_slice(&read[..length]);
        let stat = parse::stat(&line[..length])?;

        let before = self.known.remove(&id).filter(|known| known.start == stat.start);
        // A process that began since the last walk used all of what it used since then.
        let begun = before.is_none() && self.before.is_some_and(|before| stat.start >= before);
        let told = before.is_some() || begun;
        let mut known = before.unwrap_or_else(|| Known::new(&stat, begun));
        known.rename(&stat);
        let old = known.used;
        self.update(id, &stat, &mut known, swapping);
        let used = if told { known.used.since(&old) } else { Used::default() };
        self.known.insert(id, known);
        Some(used)
    }

    fn update(&mut self, id: u32, stat: &Stat<'_>, known: &mut Known, swapping: bool) {
        // Its user and container are often given to it just after its start.
        let settling = known.walks < 2;
        let turn = u64::from(id) + self.walk;
        let due = settling || turn.is_multiple_of(ROUND);
        let stirred = [stat.user_ticks, stat.system_ticks, stat.minor_faults, stat.major_faults];
        let news = due || stirred != known.stirred;
        known.stirred = stirred;
        known.walks = known.walks.saturating_add(1);
        known.walk = self.walk;
        known.take(stat, self.page);
        if news && let Some(delay) = self.delay(id, stat) {
            grow(&mut known.used.cpu_delay, &mut known.delay, delay);
        }
        if stat.kernel {
            return;
        }
        if news && let Some((read, written)) = self.disk(id) {
            grow(&mut known.used.read, &mut known.read, read);
            grow(&mut known.used.written, &mut known.written, written);
        }
        let rarely = settling || turn.is_multiple_of(ROUND * ROUNDS);
        if rarely || (due && swapping) {
            self.identity(id, known, rarely);
        }
        match self.folder.open_files(id, due) {
            Ok(Some(files)) => known.held.files = files,
            Ok(None) | Err(Errno::NOENT | Errno::SRCH) => {}
            Err(_) => self.hidden.files += 1,
        }
    }

    fn disk(&mut self, id: u32) -> Option<(u64, u64)> {
        match self.folder.read(id, "io") {
            Ok(file) => parse::io(file),
            Err(Errno::NOENT | Errno::SRCH) => None,
            Err(_) => {
                self.hidden.disk += 1;
                None
            }
        }
    }

    fn identity(&mut self, id: u32, known: &mut Known, container: bool) {
        if let Some((user, swap)) = self.folder.read(id, "status").ok().and_then(parse::status) {
            (known.user, known.held.swap) = (user, swap);
        }
        if container && let Ok(file) = self.folder.read(id, "cgroup") {
            let name = parse::container(file).unwrap_or_default();
            if *known.container != *name {
                known.container = name.into();
            }
        }
    }

    /// The delays of all threads that live.
    fn delay(&mut self, id: u32, stat: &Stat<'_>) -> Option<u64> {
        if stat.threads <= 1 {
            return self.folder.read(id, "schedstat").ok().and_then(parse::run_delay);
        }
        let threads = self.folder.numbers(&format!("{id}/task")).ok()?;
        if threads.len() > self.threads {
            self.hidden.threads += threads.len();
            return None;
        }
        self.threads -= threads.len();
        let delays = threads.into_iter().filter_map(|thread| {
            let file = self.folder.read(id, &format!("task/{thread}/schedstat")).ok()?;
            parse::run_delay(file)
        });
        Some(delays.fold(0, u64::saturating_add))
    }
}

/// Adds how far a counter came. One that fell (threads ended) or was not known before did not grow.
fn grow(sum: &mut u64, before: &mut Option<u64>, now: u64) {
    *sum = sum.saturating_add(now.saturating_sub(before.replace(now).unwrap_or(now)));
}

impl Known {
    /// `begun` says that its counters began at zero since the last walk.
    fn new(stat: &Stat<'_>, begun: bool) -> Self {
        let zero = begun.then_some(0);
        Self {
            start: stat.start,
            walk: 0,
            walks: 0,
            user: 0,
            container: "".into(),
            name_bytes: [0; 16],
            name: "".into(),
            used: Used::default(),
            stirred: [0; 4],
            delay: zero,
            read: zero,
            written: zero,
            held: Held::default(),
        }
    }

    /// Takes what `stat` says.
    fn take(&mut self, stat: &Stat<'_>, page: u64) {
        self.used.user = stat.user_ticks.saturating_mul(tick());
        self.used.system = stat.system_ticks.saturating_mul(tick());
        (self.used.major, self.used.minor) = (stat.major_faults, stat.minor_faults);
        self.used.disk_delay = stat.disk_delay_ticks.saturating_mul(tick());
        self.held.processes = 1;
        self.held.threads = stat.threads;
        self.held.resident = stat.resident_pages.saturating_mul(page);
    }

    /// Takes the name that the process has now; a text is made only when it changed.
    fn rename(&mut self, stat: &Stat<'_>) {
        let mut bytes = [0; 16];
        let length = stat.name.len().min(bytes.len());
        bytes[..length].copy_from_slice(&stat.name[..length]);
        if bytes != self.name_bytes || self.name.is_empty() {
            self.name_bytes = bytes;
            self.name = parse::label(stat).into();
        }
    }
}
