//! A disk that kills its process, for tests of the real binary. Only with the feature `crash-points`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::Disk;
use super::hooked::{Hook, Hooked, Operation, Verdict};

/// The variable that says where to die: `3n` before change n (from 0), `3n + 1` in the middle of it when it is a write
/// and before it otherwise, `3n + 2` after it. Without it nothing dies.
const VARIABLE: &str = "ARACHNE_CRASH_AT";

/// The hook of a [`CrashDisk`].
#[derive(Debug)]
pub struct Crash {
    at: Option<u64>,
    changes: AtomicU64,
    dying: AtomicBool,
}

impl Hook for Crash {
    fn before(&self, operation: &Operation) -> Verdict {
        let change = self.changes.fetch_add(1, Ordering::SeqCst);
        let write = matches!(operation, Operation::Write(..));
        match self.at.and_then(|at| at.checked_sub(change.saturating_mul(3))) {
            Some(0) => std::process::abort(),
            Some(1) if write => {
                self.dying.store(true, Ordering::SeqCst);
                Verdict::Tear(std::io::Error::other("the process dies here"))
            }
            Some(1) => std::process::abort(),
            Some(2) => {
                self.dying.store(true, Ordering::SeqCst);
                Verdict::Go
            }
            _ => Verdict::Go,
        }
    }

    fn after(&self, _: Operation) {
        if self.dying.load(Ordering::SeqCst) {
            std::process::abort();
        }
    }
}

/// A disk that kills its process at a chosen change, as `kill -9` would.
pub type CrashDisk = Hooked<Crash>;

impl Hooked<Crash> {
    /// `disk`, dying where the environment variable `ARACHNE_CRASH_AT` says.
    pub fn from_environment(disk: Arc<dyn Disk>) -> Self {
        let at = std::env::var(VARIABLE).ok().and_then(|text| text.parse().ok());
        Self::new(disk, Arc::new(Crash { at, changes: AtomicU64::new(0), dying: AtomicBool::new(false) }))
    }
}
