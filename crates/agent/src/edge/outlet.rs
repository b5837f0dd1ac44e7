//! The way from the threads of a capture to its supervisor: a bounded queue that never makes a capture thread wait.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::channel::{Packed, Report, Said};

/// Bytes of batches that wait. Policy: the thread keeps its rows, and gives way.
const BYTES_MAX: usize = 4 << 20;
/// Addresses that wait. Policy: further ones are told when they are seen again later.
const ADDRESSES_MAX: usize = 4096;
/// Batches that wait.
const BATCHES_MAX: usize = 64;

#[derive(Default)]
struct Queue {
    said: VecDeque<Said>,
    batches: usize,
    bytes: usize,
    /// Bytes that were taken since the start.
    handed: u64,
    closed: bool,
}

/// See the module.
#[derive(Default)]
pub struct Outlet {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Outlet {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Each change leaves the queue whole, whoever panics afterwards.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a batch, or gives it back when there is no room.
    ///
    /// # Errors
    /// The batch.
    pub fn offer(&self, packed: Packed) -> Result<(), Packed> {
        let mut queue = self.lock();
        // One always fits, however large it is.
        let full = queue.batches > 0 && (queue.batches >= BATCHES_MAX || queue.bytes + packed.bytes.len() > BYTES_MAX);
        if full || queue.closed {
            return Err(packed);
        }
        queue.batches += 1;
        queue.bytes += packed.bytes.len();
        queue.handed += packed.bytes.len() as u64;
        queue.said.push_back(Said::Packed(packed));
        self.changed.notify_all();
        Ok(())
    }

    /// Takes a batch once there is room. Gives it back when the way is closed.
    ///
    /// # Errors
    /// The batch.
    pub fn push(&self, packed: Packed) -> Result<(), Packed> {
        let mut packed = packed;
        loop {
            packed = match self.offer(packed) {
                Ok(()) => return Ok(()),
                Err(packed) => packed,
            };
            let queue = self.lock();
            if queue.closed {
                return Err(packed);
            }
            let wait = std::time::Duration::from_millis(100);
            drop(self.changed.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Takes a report; one of the same kind that still waits is replaced, so that they never pile up. Addresses that wait go with the new
    /// ones, as many as `ADDRESSES_MAX`: each is told only once in a while.
    pub fn tell(&self, report: Report) {
        let (mut report, mut queue) = (report, self.lock());
        let kind = std::mem::discriminant(&report);
        let waits = |said: &Said| matches!(said, Said::Report(one) if std::mem::discriminant(&**one) == kind);
        if let Some(at) = queue.said.iter().position(waits)
            && let Some(Said::Report(before)) = queue.said.remove(at)
            && let (Report::Addresses(new), Report::Addresses(before)) = (&mut report, *before)
        {
            let room = ADDRESSES_MAX.saturating_sub(new.len());
            new.extend(before.into_iter().take(room));
        }
        queue.said.push_back(Said::Report(Box::new(report)));
        self.changed.notify_all();
    }

    /// How full it is: 1 is full.
    #[must_use]
    pub fn fill(&self) -> f64 {
        let queue = self.lock();
        #[expect(clippy::cast_precision_loss, reason = "a share needs few digits")]
        let share = |part: usize, whole: usize| part as f64 / whole as f64;
        share(queue.bytes, BYTES_MAX).max(share(queue.batches, BATCHES_MAX))
    }

    /// Bytes of batches that were taken since the start.
    #[must_use]
    pub fn handed_bytes(&self) -> u64 {
        self.lock().handed
    }

    /// Batches that wait, and rows in them.
    #[must_use]
    pub fn waiting(&self) -> (u64, u64) {
        let queue = self.lock();
        let rows = |said: &Said| if let Said::Packed(packed) = said { packed.rows() } else { 0 };
        (queue.batches as u64, queue.said.iter().map(rows).sum())
    }

    /// The next thing to say; waits for one. `None` once the way is closed and empty.
    pub fn take(&self) -> Option<Said> {
        let mut queue = self.lock();
        loop {
            if let Some(said) = queue.said.pop_front() {
                if let Said::Packed(packed) = &said {
                    queue.batches -= 1;
                    queue.bytes -= packed.bytes.len();
                }
                self.changed.notify_all();
                return Some(said);
            }
            if queue.closed {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing more is taken; what waits still goes out.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::{ADDRESSES_MAX, BATCHES_MAX, BYTES_MAX, Outlet};
    use crate::channel::{Packed, Report, Said};

    fn batch(bytes: usize) -> Packed {
        Packed { bytes: vec![0; bytes], counts: vec![1], ..Packed::default() }
    }

    #[test]
    fn full_is_full_and_empty_again_is_empty() {
        let outlet = Outlet::default();
        outlet.offer(batch(2 * BYTES_MAX)).expect("one fits always");
        assert!(outlet.fill() >= 1.0);
        assert!(outlet.offer(batch(1)).is_err());
        assert!(matches!(outlet.take(), Some(Said::Packed(_))));
        assert!(outlet.fill() == 0.0);
        (0..BATCHES_MAX).for_each(|_| outlet.offer(batch(1)).expect("there is room"));
        assert!(outlet.offer(batch(1)).is_err());
        assert_eq!(outlet.waiting(), (BATCHES_MAX as u64, BATCHES_MAX as u64));
        outlet.close();
        assert!(outlet.push(batch(1)).is_err());
        assert_eq!(std::iter::from_fn(|| outlet.take()).count(), BATCHES_MAX);
        assert_eq!(outlet.waiting(), (0, 0));
    }

    #[test]
    fn reports_do_not_pile_up() {
        let outlet = Outlet::default();
        (0..9).for_each(|version| outlet.tell(Report::Applied { version }));
        outlet.tell(Report::Finished);
        outlet.close();
        let said: Vec<_> = std::iter::from_fn(|| outlet.take()).collect();
        assert!(matches!(&said[0], Said::Report(report) if **report == Report::Applied { version: 8 }));
        assert_eq!(said.len(), 2);
    }

    #[test]
    fn addresses_that_wait_are_told_with_later_ones() {
        let outlet = Outlet::default();
        let address = |n: u32| std::net::Ipv4Addr::from_bits(n).into();
        let all = |many: u32, from: u32| Report::Addresses((from..from + many).map(address).collect());
        outlet.tell(all(2, 0));
        outlet.tell(all(1, 2));
        let told = || match outlet.take() {
            Some(Said::Report(report)) => match *report {
                Report::Addresses(addresses) => addresses,
                other => unreachable!("{other:?}"),
            },
            other => unreachable!("{other:?}"),
        };
        assert_eq!(told(), [address(2), address(0), address(1)]);
        (0..9).for_each(|round| outlet.tell(all(1000, 1000 * round)));
        assert_eq!(told().len(), ADDRESSES_MAX);
    }
}
