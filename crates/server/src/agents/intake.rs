//! Room for batches on their way in: bounded before a byte of them is read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arachne_delivery::BATCH_PACKED_MAX;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// Batches of one agent at a time: two lanes, and for each one that is sent again before its first try was given up.
const AGENT_MAX: usize = 4;
/// KiB of packed batches in memory, of all agents. Policy: who comes later comes again.
const PACKED_KIB_MAX: usize = 64 << 10;
/// Batches that are unpacked and made durable at a time. More share a sync of the log; each may take 64 MiB unpacked.
const WORKING_MAX: usize = 8;
/// How long a batch that was read waits for its turn.
const TURN: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(crate) struct Intake {
    packed: Arc<Semaphore>,
    working: Arc<Semaphore>,
    open: Arc<Mutex<HashMap<String, usize>>>,
}

impl Default for Intake {
    fn default() -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { packed: semaphore(PACKED_KIB_MAX), working: semaphore(WORKING_MAX), open: Arc::default() }
    }
}

/// A batch that may come in; its room is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    _room: OwnedSemaphorePermit,
    agent: String,
    open: Arc<Mutex<HashMap<String, usize>>>,
}

impl Intake {
    /// Room for a batch of `bytes` (as many as may be, where the sender does not say) of an agent.
    ///
    /// # Errors
    /// 413 when it is too large, 429 when the agent has too many under way, 503 when all together have.
    pub fn admit(&self, agent: &str, bytes: Option<u64>) -> Result<Admitted, Problem> {
        let bytes = bytes.map_or(Ok(BATCH_PACKED_MAX), usize::try_from).unwrap_or(usize::MAX);
        if bytes > BATCH_PACKED_MAX {
            return Err(Problem::new("too-large", format!("a batch has at most {BATCH_PACKED_MAX} bytes")));
        }
        // At most 8 Ki of them, by the check above.
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.packed).try_acquire_many_owned(kib).map_err(|_| {
            Problem::new("busy", "batches of other agents fill the memory for them; try again").again_after(1)
        })?;
        let mut open = locked(&self.open);
        let own = open.entry(agent.to_owned()).or_default();
        if *own >= AGENT_MAX {
            let detail = format!("{AGENT_MAX} batches of this agent are under way; try again");
            return Err(Problem::new("too-many-requests", detail).again_after(1));
        }
        *own += 1;
        drop(open);
        Ok(Admitted { _room: room, agent: agent.to_owned(), open: Arc::clone(&self.open) })
    }

    /// Batches that are worked on, and how many may be.
    pub fn load(&self) -> (usize, usize) {
        (WORKING_MAX - self.working.available_permits().min(WORKING_MAX), WORKING_MAX)
    }

    /// A place among the batches that are worked on.
    ///
    /// # Errors
    /// 503 when none is free for too long.
    pub async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let waited = tokio::time::timeout(TURN, Arc::clone(&self.working).acquire_owned()).await;
        let late = || Problem::new("busy", "the store is behind with earlier batches; try again").again_after(2);
        // The semaphore is never closed.
        waited.map_err(|_| late())?.map_err(|_| late())
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = locked(&self.open);
        if let Some(own) = open.get_mut(&self.agent) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.agent);
            }
        }
    }
}

fn locked(open: &Mutex<HashMap<String, usize>>) -> MutexGuard<'_, HashMap<String, usize>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(intake: &Intake, agent: &str, bytes: Option<u64>) -> (u16, Option<u64>) {
        let problem = intake.admit(agent, bytes).expect_err("there is no room");
        (problem.status, problem.retry_after)
    }

    #[test]
    fn room_is_given_back() {
        let intake = Intake::default();
        assert_eq!(refused(&intake, "a", Some(BATCH_PACKED_MAX as u64 + 1)), (413, None));
        assert_eq!(refused(&intake, "a", Some(u64::MAX)), (413, None));
        let own: Vec<_> = (0..AGENT_MAX).map(|_| intake.admit("a", Some(1)).expect("room")).collect();
        assert_eq!(refused(&intake, "a", Some(1)), (429, Some(1)));
        let other: Vec<_> = (0..7).map(|n| intake.admit(&n.to_string(), None).expect("room")).collect();
        assert_eq!(refused(&intake, "b", None), (503, Some(1)));
        drop((own, other));
        assert!(intake.open.lock().expect("no panic").is_empty());
        assert_eq!(intake.packed.available_permits(), PACKED_KIB_MAX);
        intake.admit("a", None).expect("room");
    }
}
