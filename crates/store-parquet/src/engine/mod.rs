//! The embedded engine: the log, memory and parts as one [`Store`].

mod age;
mod append;
mod core;
mod facts;
mod live;
mod merge;
mod open;
mod output;
mod recover;
mod replay;
mod retemplate;
mod retention;
mod roll;
mod settings;
mod slices;
#[cfg(test)]
mod tests;
mod twinned;

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arachne_model::table::{ROLLED, STORED, TABLE_COUNT, Table};
use arachne_store::{
    GroupRequest, Groups, ImportFacts, ImportName, ImportStart, ListRequest, OPEN_PERIOD, Page, Rows, Store,
    StoreError, StoreFacts, TimeRange, Token, Watch,
};

use self::age::AgeClock;
pub(crate) use self::append::arrow_error;
pub(crate) use self::core::{Change, Core};
use self::live::Live;
pub(crate) use self::output::{Output, discard};
pub use self::settings::{Retention, Settings};
use self::slices::{Cut, Slices};
use crate::disk::{DirectoryLock, Disk, RealDisk};
use crate::error;
use crate::import;
use crate::record::lock_error;
use crate::rollup;
use crate::rows::{COUNT, place, points};
use crate::scan;
use crate::snapshot::TableSnapshot;

/// How often the thread behind looks whether there is something to do.
const LOOK: Duration = Duration::from_millis(200);
/// How long it waits after a flush that failed.
const FLUSH_AGAIN: Duration = Duration::from_secs(5);
/// How often it looks for parts to merge.
const MERGE: Duration = Duration::from_secs(5);
/// How often it looks for rows that are too old.
const RETIRE: Duration = Duration::from_secs(300);

/// A store in a folder, held by this process alone.
#[derive(Debug)]
pub struct EmbeddedStore {
    core: Arc<Core>,
    slices: Slices,
    behind: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
    _lock: Option<DirectoryLock>,
}

impl EmbeddedStore {
    /// Opens the store in a folder, which is made when it is not there. What a crash left is put in order; what is damaged
    /// is set aside and named in [`Store::facts`].
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Newer`], and [`StoreError::Io`] when the folder cannot be used at all.
    pub fn open(folder: &Path, settings: Settings) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder)
            .map_err(|e| error::io(format!("cannot make the data folder {}", folder.display()), e))?;
        let lock = DirectoryLock::acquire(folder).map_err(lock_error)?;
        Self::start(Arc::new(RealDisk::new(folder)), settings, Some(lock))
    }

    /// Opens the store on a disk that nobody else uses.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn open_on(disk: Arc<dyn Disk>, settings: Settings) -> Result<Self, StoreError> {
        Self::start(disk, settings, None)
    }

    fn start(disk: Arc<dyn Disk>, settings: Settings, lock: Option<DirectoryLock>) -> Result<Self, StoreError> {
        let core = Arc::new(Core::open(disk, settings)?);
        match core.noted(core.found()) {
            Err(StoreError::Full { .. }) => {}
            other => other?,
        }
        let behind = if settings.background { Some(spawn(Arc::clone(&core))?) } else { None };
        Ok(Self { core, slices: Slices::new(settings.slice_bytes), behind: Mutex::new(behind), _lock: lock })
    }

    /// A table as it is now.
    #[must_use]
    pub fn snapshot(&self, table: &Table) -> Arc<TableSnapshot> {
        if place(table) == 0 { self.core.exchanges(|_| ()).0 } else { self.core.live().snapshot(table) }
    }

    /// All tables as they are at one moment, in the order of [`STORED`].
    #[must_use]
    pub fn snapshots(&self) -> Vec<Arc<TableSnapshot>> {
        let others = |live: &mut Live| STORED[1..].iter().map(|table| live.snapshot(table)).collect::<Vec<_>>();
        let (exchanges, others) = self.core.exchanges(others);
        std::iter::once(exchanges).chain(others).collect()
    }

    /// Writes what is in memory as parts.
    ///
    /// # Errors
    /// When writing fails; everything stays durable in the log.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.core.flush()
    }

    /// Rolls up points that are in parts until there is nothing to roll up.
    ///
    /// # Errors
    /// When reading or writing fails; what was rolled up before stays so.
    pub fn roll_up(&self) -> Result<(), StoreError> {
        while self.core.roll_once()? {}
        Ok(())
    }

    /// Merges small parts until there is nothing to merge.
    ///
    /// # Errors
    /// When reading or writing fails; what was merged before stays.
    pub fn merge(&self) -> Result<(), StoreError> {
        while self.core.merge_once()? {}
        Ok(())
    }

    /// Removes what is too old at `now` (nanoseconds since the Unix epoch) or over the quota of its table; rows that went, by
    /// table.
    ///
    /// # Errors
    /// When the manifest cannot be written; everything is still there.
    pub fn retire(&self, now: i64) -> Result<[u64; COUNT], StoreError> {
        self.core.retire(now)
    }

    /// Other limits of what stays, by table, from the next look on.
    pub fn set_retention(&self, retention: [Retention; COUNT]) {
        *self.core.retention.lock().unwrap_or_else(PoisonError::into_inner) = retention;
    }

    /// Sets aside what questions found damaged. Lists and groups do so on their own; who reads snapshots calls it.
    ///
    /// # Errors
    /// When it cannot be written down; it is not served in any case.
    pub fn set_damage_aside(&self) -> Result<(), StoreError> {
        self.core.noted(self.core.set_damage_aside())
    }

    /// Rows that retention removed since the start, by table.
    #[must_use]
    pub fn retired_rows(&self) -> [u64; COUNT] {
        self.core.live().retired
    }

    /// Writes what is in memory as parts and ends the thread behind. Dropping does the latter alone, and loses nothing.
    ///
    /// # Errors
    /// As for [`Self::flush`].
    pub fn close(self) -> Result<(), StoreError> {
        self.stop();
        self.flush()
    }

    fn stop(&self) {
        let behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = behind {
            drop(stop);
            // A panic of the thread was printed; everything is durable.
            drop(thread.join());
        }
    }

    fn scan(&self, asked: &[(&TableSnapshot, &GroupRequest)], watch: &dyn Watch) -> Result<Vec<Groups>, StoreError> {
        let (question, options) = self.core.question();
        let groups = scan::group(asked, watch, &options);
        drop(question);
        self.after_question();
        groups
    }

    /// Answers requests from what is kept of earlier ones, as far as it goes.
    fn sliced(
        &self,
        requests: &[(&TableSnapshot, &GroupRequest)],
        watch: &dyn Watch,
    ) -> Result<Vec<Groups>, StoreError> {
        let cuts: Vec<Option<Cut>> = requests.iter().map(|(view, request)| self.slices.cut(request, view)).collect();
        let asked = requests.iter().zip(&cuts).flat_map(|(&(view, request), cut)| {
            let asked = cut.as_ref().map_or(std::slice::from_ref(request), |cut| &cut.asked);
            asked.iter().map(move |request| (view, request))
        });
        let mut found = self.scan(&asked.collect::<Vec<_>>(), watch)?.into_iter();
        let mut answers = Vec::new();
        for ((view, request), cut) in requests.iter().zip(cuts) {
            let Some(cut) = cut else {
                answers.extend(found.next());
                continue;
            };
            let of_cut = found.by_ref().take(cut.asked.len()).collect();
            match self.slices.answer(cut, request.groups_max, of_cut) {
                Some(answer) => answers.push(answer),
                None => answers.extend(self.scan(&[(view, request)], watch)?),
            }
        }
        Ok(answers)
    }

    /// What was found damaged is set aside; an answer does not fail for that.
    fn after_question(&self) {
        drop(self.set_damage_aside());
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(core: Arc<Core>) -> Result<(Sender<()>, JoinHandle<()>), StoreError> {
    let (stop, stopped) = channel();
    let run = move || {
        let (mut flushed, mut merged, mut retired) = (Instant::now(), Instant::now(), None::<Instant>);
        let (mut period, mut failed) = (Instant::now(), None::<Instant>);
        let (mut ages, begun) = (AgeClock::new(core.newest().unwrap_or_else(now)), Instant::now());
        while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            // What fails here is tried again; `full` and `failing` tell of it.
            let due = failed.is_some() || core.is_full_of_rows() || flushed.elapsed() >= core.settings.flush_after;
            if due && failed.is_none_or(|at| at.elapsed() >= FLUSH_AGAIN) {
                failed = core.flush().is_err().then(Instant::now);
                flushed = Instant::now();
            }
            drop(core.noted(core.set_damage_aside()));
            let goes_on = || stopped.try_recv().is_err_and(|e| e == std::sync::mpsc::TryRecvError::Empty);
            // Points are rolled up before any of them are retired.
            if merged.elapsed() >= MERGE || retired.is_none() {
                while matches!(core.roll_once(), Ok(true)) && goes_on() {}
            }
            if merged.elapsed() >= MERGE {
                while matches!(core.merge_once(), Ok(true)) && goes_on() {}
                merged = Instant::now();
            }
            if period.elapsed() >= OPEN_PERIOD {
                drop(core.end_period());
                period = Instant::now();
            }
            if retired.is_none_or(|last| last.elapsed() >= RETIRE) {
                drop(core.retire(ages.look(now(), begun.elapsed())));
                retired = Some(Instant::now());
            }
        }
    };
    let thread = std::thread::Builder::new().name("store".to_owned()).spawn(run);
    Ok((stop, thread.map_err(|e| error::io("cannot start the thread of the store", e))?))
}

/// Now, in nanoseconds since the Unix epoch.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

impl Store for EmbeddedStore {
    fn append(&self, token: &Token, rows: Rows) -> Result<bool, StoreError> {
        self.core.make_room()?;
        self.core.append(token, rows)
    }

    fn has(&self, sender_end: &str, sequence: u64) -> bool {
        self.core.live().senders.has(sender_end, sequence)
    }

    fn import(&self, name: &ImportName, replace: bool) -> Result<ImportStart, StoreError> {
        import::start(&self.core, name, replace)
    }

    fn imports(&self) -> Vec<ImportFacts> {
        import::all(self.core.manifest().state())
    }

    fn list(&self, request: &ListRequest, watch: &dyn Watch) -> Result<Page, StoreError> {
        let snapshot = self.snapshot(request.selection.table);
        let (question, options) = self.core.question();
        let page = scan::list(&snapshot, request, watch, &options);
        drop(question);
        self.after_question();
        page
    }

    fn group(&self, requests: &[GroupRequest], watch: &dyn Watch) -> Result<Vec<Groups>, StoreError> {
        let snapshots = self.snapshots();
        // Questions of one range and grain share a view, so that they can share a scan.
        let mut views: Vec<((TimeRange, usize), (TableSnapshot, i64))> = Vec::new();
        let keys: Vec<_> = requests.iter().map(|of| Some((of.selection.range, rollup::grain(of)?))).collect();
        for key in keys.iter().flatten() {
            if !views.iter().any(|(known, _)| known == key) {
                let rolled = std::array::from_fn::<_, { ROLLED.len() }, _>(|at| &*snapshots[TABLE_COUNT + at]);
                views.push((*key, rollup::view(&snapshots[points()], rolled, key.0, key.1)));
            }
        }
        let view = |key: &Option<(TimeRange, usize)>| {
            views.iter().find(|(known, _)| Some(*known) == *key).map(|(_, view)| view)
        };
        let of = |request: &GroupRequest, key: &Option<(TimeRange, usize)>| {
            view(key).map_or(&*snapshots[place(request.selection.table)], |(snapshot, _)| snapshot)
        };
        let asked: Vec<_> = requests.iter().zip(&keys).map(|(request, key)| (of(request, key), request)).collect();
        let mut groups = self.sliced(&asked, watch)?;
        for (groups, key) in groups.iter_mut().zip(&keys) {
            groups.scanned.resolution = view(key).map_or(0, |(_, widest)| *widest);
        }
        Ok(groups)
    }

    fn facts(&self) -> StoreFacts {
        self.core.facts()
    }

    fn retemplate(&self, rules: u32, template: &(dyn Fn(&str) -> String + Sync)) -> Result<bool, StoreError> {
        self.core.retemplate_once(rules.into(), template)
    }

    fn failing(&self) -> Option<String> {
        self.core.failing().clone()
    }

    fn end_period(&self) {
        // Rows of one table always fit together.
        drop(self.core.end_period());
    }
}
