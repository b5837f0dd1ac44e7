//! Work in the order of its promise, on several threads.

use std::collections::BinaryHeap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use arachne_store::StoreError;

/// Jobs that wait, the greatest first, and how many are being done.
struct Queue<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
}

struct State<J> {
    waiting: BinaryHeap<J>,
    busy: usize,
    failed: Option<StoreError>,
}

/// Does `jobs` and those that come of them, greatest first, on up to `threads` threads, each with a state of its own.
/// Returns the states. The first error ends all work.
///
/// `work` gets its thread's state, a job, and where to put further jobs.
pub(super) fn run<J: Ord + Send, S: Send>(
    threads: usize,
    jobs: Vec<J>,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, J, &mut Vec<J>) -> Result<(), StoreError> + Sync,
) -> Result<Vec<S>, StoreError> {
    let first = State { waiting: jobs.into(), busy: 0, failed: None };
    let queue = Queue { state: Mutex::new(first), changed: Condvar::new() };
    let worker = || {
        let mut mine = state();
        while let Some(job) = queue.next() {
            // Leaves the queue in order even when the work panics.
            let mut done = Done { queue: &queue, more: Vec::new(), failed: None };
            done.failed = work(&mut mine, job, &mut done.more).err();
        }
        mine
    };
    let states = thread::scope(|scope| {
        let others: Vec<_> = (1..threads.max(1)).map(|_| scope.spawn(worker)).collect();
        let mine = worker();
        let others = others.into_iter().map(|other| other.join().unwrap_or_else(|p| std::panic::resume_unwind(p)));
        std::iter::once(mine).chain(others).collect()
    });
    match queue.state.into_inner().unwrap_or_else(PoisonError::into_inner).failed {
        Some(error) => Err(error),
        None => Ok(states),
    }
}

impl<J: Ord> Queue<J> {
    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job; `None` when there will be none.
    fn next(&self) -> Option<J> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.waiting.pop() {
                state.busy += 1;
                return Some(job);
            }
            if state.busy == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What came of a job.
struct Done<'q, J: Ord> {
    queue: &'q Queue<J>,
    more: Vec<J>,
    failed: Option<StoreError>,
}

impl<J: Ord> Drop for Done<'_, J> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.busy -= 1;
        state.waiting.extend(self.more.drain(..));
        if let Some(error) = self.failed.take() {
            state.waiting.clear();
            state.failed.get_or_insert(error);
        } else if state.failed.is_some() || thread::panicking() {
            state.waiting.clear();
        }
        drop(state);
        self.queue.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_done_once_also_those_that_come_later() {
        for threads in [1, 2, 5] {
            let done = run(threads, vec![10_u32, 3], Vec::new, |mine, job, more| {
                mine.push(job);
                more.extend(job.checked_sub(1));
                Ok(())
            });
            let mut done: Vec<u32> = done.expect("nothing fails").concat();
            done.sort_unstable();
            let mut expected: Vec<u32> = (0..=10).chain(0..=3).collect();
            expected.sort_unstable();
            assert_eq!(done, expected);
        }
    }

    #[test]
    fn the_first_error_ends_all() {
        let done = run(
            2,
            (0..1000).collect(),
            || (),
            |(), job, _| match job {
                990 => Err(StoreError::Stopped),
                _ => Ok(()),
            },
        );
        assert!(matches!(done, Err(StoreError::Stopped)));
    }
}
