//! A disk that fails on purpose.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Disk;
use super::hooked::{Hook, Hooked, Operation, Verdict};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The change does not happen; the error has this number, such as 28 (`ENOSPC`) or 5 (`EIO`).
    Fail(i32),
    /// Half of a write happens, with this error number; other changes do not happen.
    Tear(i32),
    /// This change tears, and everything after it fails, reads too.
    PowerOff,
}

/// When something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The first change that it hits, from 0.
    pub at: u64,
    /// How many changes in a row.
    pub times: u64,
    /// What goes wrong.
    pub fault: Fault,
}

/// The hook of a [`FaultDisk`].
#[derive(Debug, Default)]
pub struct Faults {
    plan: Mutex<Option<Plan>>,
    changes: AtomicU64,
    hits: AtomicU64,
    off: AtomicBool,
}

fn power_is_off() -> io::Error {
    io::Error::other("the power is off")
}

impl Hook for Faults {
    fn before(&self, _: &Operation) -> Verdict {
        let change = self.changes.fetch_add(1, Ordering::SeqCst);
        if self.off.load(Ordering::SeqCst) {
            return Verdict::Fail(power_is_off());
        }
        let plan = *self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(plan) = plan.filter(|plan| change >= plan.at && change - plan.at < plan.times) else {
            return Verdict::Go;
        };
        self.hits.fetch_add(1, Ordering::SeqCst);
        match plan.fault {
            Fault::Fail(number) => Verdict::Fail(io::Error::from_raw_os_error(number)),
            Fault::Tear(number) => Verdict::Tear(io::Error::from_raw_os_error(number)),
            Fault::PowerOff => {
                self.off.store(true, Ordering::SeqCst);
                Verdict::Tear(power_is_off())
            }
        }
    }

    fn after(&self, _: Operation) {}

    fn read(&self) -> io::Result<()> {
        if self.off.load(Ordering::SeqCst) { Err(power_is_off()) } else { Ok(()) }
    }
}

/// A disk that fails, tears or stops at chosen changes.
pub type FaultDisk = Hooked<Faults>;

impl Hooked<Faults> {
    /// `disk` with a plan; without one it only counts.
    pub fn faulty(disk: Arc<dyn Disk>, plan: Option<Plan>) -> Self {
        Self::new(disk, Arc::new(Faults { plan: Mutex::new(plan), ..Faults::default() }))
    }

    /// Replaces the plan; it counts changes from now on.
    pub fn plan(&self, plan: Option<Plan>) {
        self.hook().changes.store(0, Ordering::SeqCst);
        *self.hook().plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    /// Changes that were tried under this plan.
    pub fn changes(&self) -> u64 {
        self.hook().changes.load(Ordering::SeqCst)
    }

    /// Changes that were hit, ever.
    pub fn hits(&self) -> u64 {
        self.hook().hits.load(Ordering::SeqCst)
    }
}
