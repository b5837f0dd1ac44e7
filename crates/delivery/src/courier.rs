//! Spool and outbox together: what an agent calls. It does files, but no network, and has no clock.
//!
//! ```text
//! put ─► spool ─► next ─► (somebody sends) ─► answered ─► settled, or again
//! ```

use std::time::Duration;

use crate::codec::{Head, address};
use crate::outbox::{Answer, LaneView, Next, Outbox, Verdict};
use crate::proto::Lane;
use crate::spool::{Class, NewBatch, Settled, Spool, SpoolError};
use crate::status;

/// Takes batches and says which to send.
#[derive(Debug)]
pub struct Courier {
    /// What waits.
    pub spool: Spool,
    /// When it goes.
    pub outbox: Outbox,
    under_way: [Option<Head>; 2],
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Send these bytes to [`crate::BATCHES_PATH`]; tell [`Courier::answered`] what came of it.
    Send(Parcel),
    /// Nothing until something happens, or until this instant.
    Wait(Option<u64>),
}

/// A batch to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Its name, which the answer must have.
    pub head: Head,
    /// The packed [`crate::proto::Batch`].
    pub bytes: Vec<u8>,
}

/// Two clocks at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Nanoseconds of a clock that never steps back.
    pub monotonic: u64,
    /// Nanoseconds since the Unix epoch; may jump.
    pub wall: i64,
}

impl Courier {
    /// For a spool.
    #[must_use]
    pub const fn new(spool: Spool, outbox: Outbox) -> Self {
        Self { spool, outbox, under_way: [None; 2] }
    }

    /// Spools a batch in the lane that is right now; see [`Spool::append`]. Durable after [`Spool::sync`].
    pub fn put(&mut self, now: Now, batch: NewBatch) -> Option<Head> {
        self.spool.append(self.lane(now), batch)
    }

    /// The lane in which [`Self::put`] would put a batch now.
    #[must_use]
    pub fn lane(&self, now: Now) -> Lane {
        self.outbox.lane(&self.views(now)[0])
    }

    /// What to do now. Call it until it says to wait.
    ///
    /// # Errors
    /// [`SpoolError::Io`] when the disk cannot be read: call it again after a second.
    pub fn next(&mut self, now: Now) -> Result<Task, SpoolError> {
        loop {
            // Read before it is decided: what is damaged is passed over, and a lane may be empty then.
            let lane = match self.outbox.next(now.monotonic, &self.views(now)) {
                Next::Send(lane) => lane,
                Next::Wait(until) => return Ok(Task::Wait(until)),
            };
            let read = self.spool.read(lane).and_then(|found| {
                let Some((waiting, payload)) = found else { return Ok(None) };
                let packed = address(&waiting.head, &payload);
                let failed =
                    |error| SpoolError::Io { what: "address a batch".to_owned(), source: std::io::Error::other(error) };
                packed.map_err(failed).map(|bytes| Some(Parcel { head: waiting.head, bytes }))
            });
            match read {
                Ok(Some(parcel)) => {
                    self.under_way[lane.index()] = Some(parcel.head);
                    return Ok(Task::Send(parcel));
                }
                Ok(None) => self.outbox.not_sent(lane),
                Err(error) => {
                    self.outbox.not_sent(lane);
                    return Err(error);
                }
            }
        }
    }

    /// What became of a parcel.
    pub fn answered(&mut self, now: Now, head: &Head, answer: Answer) -> Option<Verdict> {
        let under_way = &mut self.under_way[head.lane.index()];
        if under_way.as_ref() != Some(head) {
            return None;
        }
        *under_way = None;
        let verdict = self.outbox.answered(now.monotonic, head.lane, answer)?;
        match verdict {
            // Not there any more when it was dropped meanwhile: it is counted then.
            Verdict::Delivered => drop(self.spool.settle(head, Settled::Delivered)),
            Verdict::Refused => drop(self.spool.settle(head, Settled::Refused)),
            Verdict::Again => {}
        }
        Some(verdict)
    }

    /// What waits and what became of the rest, for a status.
    #[must_use]
    pub fn status(&self) -> status::Spool {
        let figures = self.spool.figures();
        let dropped = Class::ALL.into_iter().zip(figures.dropped_ever);
        status::Spool {
            bytes: figures.disk_bytes + figures.memory_bytes,
            cap_bytes: self.spool.settings().cap_bytes,
            live_batches: figures.waiting_batches[0],
            backlog_batches: figures.waiting_batches[1],
            oldest: figures.oldest,
            live_lag_ns: u64::try_from(self.outbox.live_lag().as_nanos()).unwrap_or(u64::MAX),
            delivered: figures.delivered_batches,
            delivered_bytes: figures.delivered_bytes,
            dropped: dropped.map(|(class, records)| (class.name().to_owned(), records)).collect(),
        }
    }

    fn views(&self, now: Now) -> [LaneView; 2] {
        Lane::ALL.map(|lane| {
            let Some(front) = self.spool.front(lane) else { return LaneView::default() };
            let age = now.wall.saturating_sub(front.head.closed).max(0).unsigned_abs();
            let batches = self.spool.waiting(lane);
            LaneView { batches, front_bytes: u64::from(front.bytes), front_age: Duration::from_nanos(age) }
        })
    }
}
