//! Opening a store: what a crash left is put in order, what is damaged is named.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Condvar, Mutex, RwLock};

use arachne_model::table::STORED;
use arachne_store::StoreError;

use super::core::{Change, Core};
use super::live::Live;
use super::replay::replay;
use super::settings::Settings;
use crate::disk::{Disk, create_dir_durably};
use crate::error;
use crate::manifest::{Edit, Manifest, Options};
use crate::part::{DamageLog, Demoted, Part, PartMeta};
use crate::record::{SCHEMA_VERSION, commit_error, lost, manifest_error, wal_error};
use crate::twins;
use crate::wal::{self, Wal};

impl Core {
    /// Opens the store on `disk`. The lock of the folder is the caller's.
    pub fn open(disk: Arc<dyn Disk>, settings: Settings) -> Result<Self, StoreError> {
        let options = Options { schema_version: SCHEMA_VERSION, ..Options::default() };
        let (mut manifest, opened) = Manifest::<PartMeta>::open(Arc::clone(&disk), options).map_err(manifest_error)?;
        known_tables(&manifest)?;
        let mut live = Live::default();
        live.damage.extend(opened.findings.iter().filter(|finding| finding.is_damage()).map(ToString::to_string));
        live.damage.extend(
            opened.unapplied.iter().map(|what| format!("manifest: a change behind lost ones does not count: {what}")),
        );
        let first_file = highest_number(&manifest) + 1;
        let missing = sweep(&disk, &mut manifest, &mut live)?;
        let wal_options = wal::Options { released: manifest.state().wal_released, ..wal::Options::default() };
        let (wal, recovery) = Wal::open(Arc::clone(&disk), "wal", wal_options).map_err(wal_error)?;
        let log = Arc::new(DamageLog::default());
        let damaged = load_parts(&disk, &manifest, &mut live, &log);
        live.lost = manifest.state().quarantined.values().filter_map(lost).collect();
        live.senders = manifest.state().senders.clone();
        replay(&recovery, manifest.state().wal_released, &mut live)?;
        let core = Self {
            disk,
            retention: Mutex::new(settings.retention),
            settings,
            wal,
            manifest: Mutex::new(manifest),
            live: Mutex::new(live),
            appended: Condvar::new(),
            gate: RwLock::new(()),
            log,
            next_file: AtomicU64::new(first_file),
            asking: Mutex::default(),
            keys: Mutex::default(),
            full: AtomicBool::new(false),
            failing: Mutex::default(),
            no_room: AtomicBool::new(false),
            questions: AtomicUsize::new(0),
        };
        core.repair(&missing, &damaged)?;
        let replayed = core.live().exchanges(true);
        let replayed = replayed.arrivals();
        core.with_twins(&replayed, core.look(&replayed), Live::changed);
        Ok(core)
    }

    /// Says in the manifest what is gone. A disk without room does not keep anybody from reading.
    fn repair(&self, missing: &[String], damaged: &[(String, String)]) -> Result<(), StoreError> {
        let mut manifest = self.manifest();
        let gone = missing.iter().map(|path| (path.clone(), "the file is missing".to_owned()));
        for (path, reason) in gone.chain(damaged.iter().cloned()) {
            let part = self.live().part_of_file(&path).cloned();
            let was_demoted = part.as_ref().is_some_and(|part| {
                part.meta.path != path && part.meta.demoted.as_ref().is_some_and(|demoted| demoted.path == path)
            });
            match self.set_aside(&mut manifest, &path, &reason) {
                Err(StoreError::Full { .. }) => return Ok(()),
                other => other?,
            }
            if let Some(part) = part.filter(|_| was_demoted) {
                self.find_twins_again(&mut manifest, &part.meta.path)?;
            }
        }
        Ok(())
    }

    /// What does not count of a part follows from all parts: it is found again.
    fn find_twins_again(&self, manifest: &mut Manifest<PartMeta>, path: &str) -> Result<(), StoreError> {
        let parts = self.live().parts(0).to_vec();
        let (again, others): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(|part| part.meta.path == path);
        let changes = twins::resolve(&again, &others)?;
        let mut changed = Vec::new();
        for part in again.iter().chain(&others) {
            if let Some(demoted) = changes.get(&part.meta.path) {
                changed.push(self.demote(part, demoted.clone())?);
            }
        }
        let put_parts = changed.iter().map(|part| PartMeta::clone(&part.meta)).collect();
        manifest.commit(Edit { put_parts, ..Edit::default() }).map_err(commit_error)?;
        let mut live = self.live();
        changed.into_iter().for_each(|part| live.put(part));
        live.changed();
        Ok(())
    }

    /// Sets the version of a new folder.
    pub fn found(&self) -> Result<(), StoreError> {
        let mut manifest = self.manifest();
        if manifest.state().schema_version > 0 {
            return Ok(());
        }
        let edit = Edit { schema_version: Some(SCHEMA_VERSION), ..Edit::default() };
        self.commit(&mut manifest, Change { edit, ..Change::default() }, |_| ())
    }
}

/// A part of a table or version that this program does not know was written by a later one.
fn known_tables(manifest: &Manifest<PartMeta>) -> Result<(), StoreError> {
    for part in manifest.state().parts.values() {
        let known = STORED.iter().find(|table| table.name == part.table).map_or(0, |table| table.version);
        if part.version > known {
            return Err(StoreError::Newer { found: u32::from(part.version), known: u32::from(known) });
        }
    }
    Ok(())
}

/// The highest number in any name of a file, known or set aside.
fn highest_number(manifest: &Manifest<PartMeta>) -> u64 {
    let state = manifest.state();
    let files = state.parts.values().flat_map(PartMeta::files).chain(state.quarantined.keys().map(String::as_str));
    let numbers = files.flat_map(|path| path.split(['/', '.', '-'])).filter_map(|word| word.parse().ok());
    numbers.max().unwrap_or(0)
}

/// Makes the folders, and clears them of what no part has. Returns files that are not there.
fn sweep(disk: &Arc<dyn Disk>, manifest: &mut Manifest<PartMeta>, live: &mut Live) -> Result<Vec<String>, StoreError> {
    for table in STORED {
        let folder = format!("parts/{}", table.name);
        match create_dir_durably(&**disk, &folder).map_err(|e| error::io(format!("cannot make {folder}"), e)) {
            // Nothing can be written now; what is there can be read.
            Err(StoreError::Full { .. }) => {}
            other => other?,
        }
    }
    match manifest.sweep("parts").map_err(|e| error::io("cannot clear the folder of parts", e)) {
        Ok(sweep) => {
            live.damage
                .extend(sweep.quarantined.iter().map(|(from, to)| format!("{from}: nobody knows it, it is now {to}")));
            Ok(sweep.missing)
        }
        Err(StoreError::Full { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Takes the parts of the manifest. Returns files beside them that are damaged.
fn load_parts(
    disk: &Arc<dyn Disk>,
    manifest: &Manifest<PartMeta>,
    live: &mut Live,
    log: &Arc<DamageLog>,
) -> Vec<(String, String)> {
    let mut damaged = Vec::new();
    for meta in manifest.state().parts.values() {
        let Some(table) = STORED.iter().find(|table| table.name == meta.table) else { continue };
        let demoted = match meta.demoted.as_ref().map(|sidecar| Demoted::read(&**disk, sidecar)) {
            Some(Err(reason)) => {
                damaged.extend(meta.demoted.iter().map(|sidecar| (sidecar.path.clone(), reason.clone())));
                None
            }
            Some(Ok(demoted)) => Some(Arc::new(demoted)),
            None => None,
        };
        live.put(Part::new(Arc::clone(disk), table, meta.clone(), demoted, Arc::clone(log)));
    }
    damaged
}
