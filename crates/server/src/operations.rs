//! Imports of uploads: one at a time, some waiting, each to be followed and stopped.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arachne_telemetry::{codes, emit};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::config::Config;
use crate::parts::{ImportFailure, ImportJob, ImportOptions, ImportStep, ImportWatch, Imported};
use crate::problem::Problem;
use crate::uploads::Kept;

/// Operations that are remembered after their end.
const ENDED_MAX: usize = 100;

/// Where an operation is.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// Another import goes on.
    Waiting,
    /// It goes on.
    Running,
    /// It is durable.
    Finished(Box<Imported>),
    /// It failed.
    Failed(Box<Problem>),
    /// It was stopped.
    Stopped,
}

/// The import of an upload.
#[derive(Debug)]
pub(crate) struct Operation {
    pub id: String,
    pub label: String,
    pub bytes: u64,
    pub since: i64,
    options: ImportOptions,
    progress: Mutex<(State, ImportStep)>,
    stopped: AtomicBool,
}

impl Operation {
    pub fn now(&self) -> (State, ImportStep) {
        self.locked().clone()
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        let mut progress = self.locked();
        if matches!(progress.0, State::Waiting) {
            progress.0 = State::Stopped;
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, (State, ImportStep)> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        !matches!(self.locked().0, State::Waiting | State::Running)
    }
}

impl ImportWatch for Operation {
    fn progress(&self, step: ImportStep) -> ControlFlow<()> {
        self.locked().1 = step;
        if self.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// All operations, the oldest first.
#[derive(Debug)]
pub(crate) struct Operations {
    all: Mutex<VecDeque<Arc<Operation>>>,
    one_at_a_time: Arc<Semaphore>,
    places: Arc<Semaphore>,
    places_max: usize,
    held: Arc<AtomicU64>,
    upload_bytes: u64,
    uploads_bytes: u64,
}

/// A place for an upload and the bytes that it takes, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    pub bytes: u64,
    held: Arc<AtomicU64>,
    upload_bytes: u64,
    uploads_bytes: u64,
    _place: tokio::sync::OwnedSemaphorePermit,
}

impl Reserved {
    /// Takes more bytes, within the limits of one upload and of all.
    pub fn take(&mut self, bytes: u64) -> Result<(), Problem> {
        if self.bytes + bytes > self.upload_bytes {
            return Err(Problem::new("too-large", format!("an upload may have {} bytes", self.upload_bytes)));
        }
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.bytes += bytes;
        if held > self.uploads_bytes {
            let detail = format!("all uploads that wait may have {} bytes together", self.uploads_bytes);
            return Err(Problem::new("busy", detail).again_after(60));
        }
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Operations {
    pub fn new(config: &Config) -> Self {
        let limits = &config.limits;
        Self {
            all: Mutex::default(),
            one_at_a_time: Arc::new(Semaphore::new(1)),
            places: Arc::new(Semaphore::new(limits.uploads)),
            places_max: limits.uploads,
            held: Arc::default(),
            upload_bytes: limits.upload_bytes,
            uploads_bytes: limits.uploads_bytes,
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Operation>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for an upload.
    pub fn reserve(&self) -> Result<Reserved, Problem> {
        let busy = |_| {
            let detail = format!("{} uploads wait already; try again later", self.places_max);
            Problem::new("busy", detail).again_after(60)
        };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(busy)?;
        let (held, upload_bytes, uploads_bytes) = (Arc::clone(&self.held), self.upload_bytes, self.uploads_bytes);
        Ok(Reserved { bytes: 0, held, upload_bytes, uploads_bytes, _place: place })
    }

    /// Uploads that have a place, and how many may.
    pub fn load(&self) -> (usize, usize) {
        (self.places_max - self.places.available_permits().min(self.places_max), self.places_max)
    }

    pub fn list(&self) -> Vec<Arc<Operation>> {
        self.locked().iter().cloned().collect()
    }

    pub fn find(&self, id: &str) -> Option<Arc<Operation>> {
        self.locked().iter().find(|operation| operation.id == id).cloned()
    }

    pub fn stop_all(&self) {
        self.locked().iter().for_each(|operation| operation.stop());
    }

    fn remember(&self, operation: &Arc<Operation>) {
        let mut all = self.locked();
        all.push_back(Arc::clone(operation));
        let mut ended = all.iter().filter(|operation| operation.is_over()).count();
        all.retain(|operation| {
            let forget = ended > ENDED_MAX && operation.is_over();
            ended -= usize::from(forget);
            !forget
        });
    }
}

/// What is to be imported.
#[derive(Debug)]
pub(crate) struct Order {
    pub id: String,
    pub label: String,
    pub options: ImportOptions,
    pub since: i64,
    pub file: Kept,
    pub room: Reserved,
}

/// Begins an import behind those that wait. It goes on when its client goes away.
pub(crate) fn start(app: &App, order: Order) -> Arc<Operation> {
    let Order { id, label, options, since, file, room } = order;
    let operation = Arc::new(Operation {
        id,
        label,
        bytes: room.bytes,
        since,
        options,
        progress: Mutex::new((State::Waiting, ImportStep { bytes_total: room.bytes, ..ImportStep::default() })),
        stopped: AtomicBool::new(false),
    });
    app.operations.remember(&operation);
    let (app, running) = (app.clone(), Arc::clone(&operation));
    tokio::spawn(async move {
        let turn = Arc::clone(&app.operations.one_at_a_time).acquire_owned().await;
        if turn.is_err() || running.is_stopped() {
            return;
        }
        running.locked().0 = State::Running;
        let import = Arc::clone(&running);
        let work = tokio::task::spawn_blocking(move || {
            let job = ImportJob { path: &file.path, label: &import.label, options: &import.options };
            let done = app.parts.importer.import(job, &*import);
            drop((file, room));
            done
        });
        let state = match work.await {
            Ok(done) => ended(done),
            Err(error) => State::Failed(Box::new(crate::work::failed(&error))),
        };
        running.locked().0 = state;
    });
    operation
}

fn ended(done: Result<Imported, ImportFailure>) -> State {
    let failed = |code, detail: String| State::Failed(Box::new(Problem::new(code, detail)));
    match done {
        Ok(imported) => State::Finished(Box::new(imported)),
        Err(ImportFailure::Stopped) => State::Stopped,
        Err(ImportFailure::Refused(reason)) => failed("not-a-capture", reason),
        Err(ImportFailure::Full) => {
            failed("full", "there is no space left; what was committed before stays".to_owned())
        }
        Err(ImportFailure::OtherOptions(existing)) => {
            let detail =
                format!("it is there with other options ({existing}): upload it with those, or with replace=true");
            failed("conflict", detail)
        }
        Err(ImportFailure::Failed(reason)) => {
            emit!(codes::SERVER_IMPORT_001, error = reason);
            failed("internal", "the import failed in the server; its log tells more".to_owned())
        }
    }
}
