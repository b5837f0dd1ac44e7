//! The parts of the engine that every task shares, and how a change becomes durable and visible.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use arachne_model::table::{STORED, Table};
use arachne_store::StoreError;

use super::live::Live;
use super::output::discard;
use super::settings::{Retention, Settings};
use crate::disk::{Disk, quarantine};
use crate::manifest::{Edit, Manifest, Quarantined};
use crate::part::write::write_sidecar;
use crate::part::{DamageLog, Demoted, Part, PartMeta};
use crate::record::{commit_error, lost};
use crate::rows::{COUNT, place};
use crate::scan::ScanOptions;
use crate::twins::keys::KeyCache;
use crate::twins::{self, Changes};
use crate::wal::Wal;

/// The engine. Locks are taken in the order `manifest`, `asking`, `gate`, `live`, `keys`.
#[derive(Debug)]
pub(crate) struct Core {
    pub disk: Arc<dyn Disk>,
    /// As it was opened; [`Self::retention`] may have changed since.
    pub settings: Settings,
    pub retention: Mutex<[Retention; COUNT]>,
    pub wal: Wal,
    /// Held by whoever changes which parts there are.
    pub manifest: Mutex<Manifest<PartMeta>>,
    pub live: Mutex<Live>,
    /// Wakes who waits for a batch of the same name.
    pub appended: Condvar,
    /// Appends hold it for reading; a flush for writing, to draw a line between frames.
    pub gate: RwLock<()>,
    pub log: Arc<DamageLog>,
    pub next_file: AtomicU64,
    /// Questions that are being answered.
    pub questions: AtomicUsize,
    /// Held by the question that finds out which exchanges count.
    pub asking: Mutex<()>,
    /// What is known of parts by wire key.
    pub keys: Mutex<KeyCache>,
    /// Whether the last write found no room.
    pub full: AtomicBool,
    /// Why the last flush failed.
    pub failing: Mutex<Option<String>>,
    /// Whether it failed for lack of room.
    pub no_room: AtomicBool,
}

/// A change of parts.
#[derive(Debug, Default)]
pub(crate) struct Change {
    /// New parts, with what does not count of them so far.
    pub new: Vec<(PartMeta, Demoted)>,
    /// Paths of parts that go.
    pub remove: Vec<String>,
    /// A source that goes with them: what it beat counts again.
    pub forget: Option<String>,
    /// The new parts hold the rows of the old ones, whose twins are known.
    pub same_rows: bool,
    /// The new parts hold what was frozen.
    pub thaw: bool,
    /// Parts that were rolled up with this, as they are from now on.
    pub rolled: Vec<PartMeta>,
    /// What else the manifest gets.
    pub edit: Edit<PartMeta>,
}

/// A question that is being answered.
#[derive(Debug)]
pub(crate) struct Question<'a>(&'a AtomicUsize);

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Core {
    /// How to answer a question until what comes with it is dropped. Questions of the same moment share the threads: what fewer
    /// threads found is put together in less time.
    pub fn question(&self) -> (Question<'_>, ScanOptions) {
        let others = self.questions.fetch_add(1, Ordering::Relaxed);
        let threads = self.settings.scan.threads.get() / (others + 1);
        (Question(&self.questions), ScanOptions { threads: NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN) })
    }

    /// What is in memory.
    pub fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to change which parts there are.
    pub fn manifest(&self) -> MutexGuard<'_, Manifest<PartMeta>> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A path for new parts of a table, without the ending.
    pub fn new_path(&self, table: &Table) -> String {
        format!("parts/{}/{:012}", table.name, self.next_file.fetch_add(1, Ordering::Relaxed))
    }

    /// Remembers that there was no room. That there is room again is told by what was written, see [`Self::written`]: much
    /// goes well without writing anything.
    pub fn noted<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::Full { .. }) = &result {
            self.full.store(true, Ordering::Relaxed);
        }
        result
    }

    /// Why rows in memory cannot be written as parts.
    pub fn failing(&self) -> MutexGuard<'_, Option<String>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that there was room.
    pub fn written(&self) {
        self.full.store(false, Ordering::Relaxed);
    }

    /// Makes a change durable, then visible, `then` with it under one lock. When it fails nothing has changed.
    pub fn commit(
        &self,
        manifest: &mut Manifest<PartMeta>,
        mut change: Change,
        then: impl FnOnce(&mut Live),
    ) -> Result<(), StoreError> {
        let fresh: Vec<PartMeta> = change.new.iter().map(|(meta, _)| meta.clone()).collect();
        let outcome = self.prepare(&mut change).and_then(|parts| {
            let edit = Edit {
                remove_parts: change.remove.clone(),
                put_parts: parts.iter().map(|part| &*part.meta).chain(&change.rolled).cloned().collect(),
                ..std::mem::take(&mut change.edit)
            };
            manifest.commit(edit).map_err(commit_error)?;
            self.written();
            Ok(parts)
        });
        match outcome {
            Ok(parts) => {
                self.publish(parts, &change.remove, change.thaw, |live| {
                    for meta in change.rolled {
                        if let Some(part) = live.part_of_file(&meta.path).cloned() {
                            live.put(part.with_demoted(meta, part.demoted.clone()));
                        }
                    }
                    then(live);
                });
                Ok(())
            }
            Err(error) => {
                // Files of an edit that may be there after a crash stay until it is certain that it is not.
                if manifest.settle().is_ok() {
                    discard(&*self.disk, &fresh);
                }
                Err(error)
            }
        }
    }

    /// The parts that are new or change: twins are found, and what does not count is written.
    fn prepare(&self, change: &mut Change) -> Result<Vec<Part>, StoreError> {
        let exchanges: Vec<Part> = {
            let live = self.live();
            live.parts(0).iter().filter(|part| !change.remove.contains(&part.meta.path)).cloned().collect()
        };
        let mut changed = Changes::new();
        let others = self.forget(&exchanges, change.forget.as_deref(), &mut changed);
        let forget = change.forget.as_deref();
        let kept = |demoted: Demoted| forget.map_or_else(|| demoted.clone(), |source| demoted.clone().without(source));
        let new = change.new.drain(..).map(|(meta, demoted)| self.part(meta, kept(demoted), &mut changed));
        let new: Vec<Part> = new.collect();
        if !change.same_rows {
            let fresh: Vec<Part> = new.iter().filter(|part| place(part.table) == 0).cloned().collect();
            if !fresh.is_empty() {
                changed.extend(twins::resolve(&fresh, &others)?);
            }
        }
        let mut parts: BTreeMap<String, Part> = new.into_iter().map(|part| (part.meta.path.clone(), part)).collect();
        for (path, demoted) in changed {
            let part = parts.get(&path).or_else(|| exchanges.iter().find(|part| part.meta.path == path)).cloned();
            if let Some(part) = part {
                parts.insert(path, self.demote(&part, demoted)?);
            }
        }
        Ok(parts.into_values().collect())
    }

    fn part(&self, meta: PartMeta, demoted: Demoted, changed: &mut Changes) -> Part {
        let table = STORED.iter().find(|table| table.name == meta.table).copied().unwrap_or(STORED[0]);
        if !demoted.is_empty() {
            changed.insert(meta.path.clone(), demoted);
        }
        let demoted = changed.get(&meta.path).cloned().map(Arc::new);
        Part::new(Arc::clone(&self.disk), table, meta, demoted, Arc::clone(&self.log))
    }

    /// Parts as they are without what `source` beat.
    fn forget(&self, parts: &[Part], source: Option<&str>, changed: &mut Changes) -> Vec<Part> {
        let Some(source) = source else { return parts.to_vec() };
        let without = |part: &Part| {
            let Some(before) = part.demoted.as_deref().filter(|d| d.beaten().contains_key(source)) else {
                return part.clone();
            };
            let after = before.clone().without(source);
            changed.insert(part.meta.path.clone(), after.clone());
            part.with_demoted(PartMeta::clone(&part.meta), Some(Arc::new(after)))
        };
        parts.iter().map(without).collect()
    }

    /// Writes which rows of a part do not count.
    pub fn demote(&self, part: &Part, demoted: Demoted) -> Result<Part, StoreError> {
        let mut meta = PartMeta::clone(&part.meta);
        if demoted.is_empty() {
            meta.demoted = None;
            return Ok(part.with_demoted(meta, None));
        }
        let number = self.next_file.fetch_add(1, Ordering::Relaxed);
        let path = format!("{}.{number}.demoted", meta.path);
        meta.demoted = Some(write_sidecar(&*self.disk, &path, &demoted.to_bytes())?);
        Ok(part.with_demoted(meta, Some(Arc::new(demoted))))
    }

    fn publish(&self, parts: Vec<Part>, remove: &[String], thaw: bool, then: impl FnOnce(&mut Live)) {
        let looked = self.meet(&parts, thaw);
        let mut live = self.live();
        for gone in remove.iter().filter_map(|path| live.remove(path)) {
            gone.remove_when_unused();
        }
        for part in parts {
            let before = live.part_of_file(&part.meta.path).and_then(|part| part.meta.demoted.clone());
            if let Some(old) = before.filter(|old| Some(old) != part.meta.demoted.as_ref()) {
                // Its content is in memory wherever somebody still needs it.
                drop(self.disk.remove(&old.path));
            }
            live.put(part);
        }
        if thaw {
            live.thaw();
        }
        self.met(&mut live, looked, remove);
        then(&mut live);
        live.changed();
    }

    /// Sets aside what questions found damaged, and says so in the manifest.
    pub fn set_damage_aside(&self) -> Result<(), StoreError> {
        let found = self.log.take();
        if found.is_empty() {
            return Ok(());
        }
        let mut manifest = self.manifest();
        let mut outcome = Ok(());
        for damage in found {
            if outcome.is_ok() {
                outcome = self.set_aside(&mut manifest, &damage.path, &damage.reason);
            }
            if outcome.is_err() {
                // Another time, when there is room.
                self.log.report(damage);
            }
        }
        outcome
    }

    /// Sets a file aside: a part with its rows, or a file beside a part alone.
    pub fn set_aside(&self, manifest: &mut Manifest<PartMeta>, path: &str, reason: &str) -> Result<(), StoreError> {
        let Some(part) = self.live().part_of_file(path).cloned() else { return Ok(()) };
        let kept = quarantine(&*self.disk, path).ok();
        let whole = part.meta.path == path;
        let record = Quarantined {
            path: path.to_owned(),
            kept,
            reason: reason.to_owned(),
            part: whole.then(|| PartMeta::clone(&part.meta)),
        };
        let mut change = Change::default();
        let mut without = PartMeta::clone(&part.meta);
        if whole {
            change.remove.push(path.to_owned());
        } else {
            without.index = without.index.filter(|index| index.path != path);
            without.demoted = without.demoted.filter(|demoted| demoted.path != path);
            change.edit.put_parts.push(without.clone());
        }
        change.edit.quarantine.push(record.clone());
        let edit = Edit { remove_parts: change.remove.clone(), ..change.edit };
        manifest.commit(edit).map_err(commit_error)?;
        self.written();
        self.publish(Vec::new(), &change.remove, false, |live| {
            live.lost.extend(lost(&record));
            live.damage.push(format!("{path}: {reason}"));
            if !whole {
                live.put(part.with_demoted(without, part.demoted.clone()));
            }
        });
        Ok(())
    }
}
