//! Queries that run: who asked, how far they are, and how they are stopped.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arachne_store::Watch;

use crate::problem::Problem;

/// Characters of an id that a client chose.
const ID_CHARS_MAX: usize = 64;

/// A query that runs: what the store asks whether to go on.
#[derive(Debug)]
pub(crate) struct Work {
    pub id: String,
    pub route: String,
    pub owner: String,
    pub since: i64,
    stopped: AtomicBool,
    pub done: AtomicU64,
    pub total: AtomicU64,
}

impl Work {
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub fn flow(&self) -> ControlFlow<()> {
        if self.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Watch for Work {
    fn progress(&self, done: u64, total: u64) -> ControlFlow<()> {
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        self.flow()
    }
}

/// All queries that run, by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running(Arc<Mutex<BTreeMap<String, Arc<Work>>>>);

/// A query that is being answered. Whatever ends the answer, also that nobody waits for it any more, drops this and so
/// stops the work.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub work: Arc<Work>,
    running: Running,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.work.stop();
        self.running.locked().remove(&self.work.id);
    }
}

impl Running {
    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Work>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a query under the id that its client chose, or under the number `n`.
    pub fn begin(&self, chosen: Option<&str>, n: u64, route: &str, owner: &str, since: i64) -> Result<Ticket, Problem> {
        let fits = |id: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            !id.is_empty() && id.len() <= ID_CHARS_MAX && id.chars().all(allowed)
        };
        if chosen.is_some_and(|id| !fits(id)) {
            let detail = "X-Query-Id takes 1 to 64 letters, digits, -, _ and .";
            return Err(Problem::new("bad-request", detail).at("X-Query-Id"));
        }
        let id = chosen.map_or_else(|| format!("q{n}"), str::to_owned);
        let mut queries = self.locked();
        if queries.contains_key(&id) {
            return Err(Problem::new("conflict", "a query with this id is running").at("X-Query-Id"));
        }
        let work = Arc::new(Work {
            id: id.clone(),
            route: route.to_owned(),
            owner: owner.to_owned(),
            since,
            stopped: AtomicBool::new(false),
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
        });
        queries.insert(id, Arc::clone(&work));
        Ok(Ticket { work, running: self.clone() })
    }

    /// All, by id.
    pub fn list(&self) -> Vec<Arc<Work>> {
        self.locked().values().cloned().collect()
    }

    pub fn find(&self, id: &str) -> Option<Arc<Work>> {
        self.locked().get(id).cloned()
    }
}
