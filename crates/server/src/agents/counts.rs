//! What agents delivered since the server's start.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use arachne_query::Instant;
use serde::Serialize;

/// What an agent delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Delivered {
    /// Batches taken, repeated ones not counted.
    pub batches: u64,
    /// Batches that were there before.
    pub batches_repeated: u64,
    /// Bytes of batches, packed.
    pub bytes: u64,
    /// Rows taken.
    pub rows: u64,
    /// Values in columns that this server does not know.
    pub values_unknown: u64,
    /// Batches refused, by code of the problem.
    pub refused: BTreeMap<String, u64>,
    /// When the last batch came; null before the first.
    #[schema(value_type = Option<String>)]
    pub last: Option<Instant>,
    /// From the time when the last live batch was closed, by the agent's clock, to its arrival, by the server's, in nanoseconds.
    pub lag_ns: Option<i64>,
}

/// A batch that was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub bytes: u64,
    pub rows: u64,
    pub values_unknown: u64,
    pub seen_before: bool,
    /// When it came.
    pub arrived: i64,
    /// When it was closed, of the live lane.
    pub closed: Option<i64>,
}

/// What all agents delivered, by name: as many as there are in the registry.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<BTreeMap<String, Delivered>>);

impl Counts {
    /// A batch of `agent` was taken.
    pub fn taken(&self, agent: &str, taken: &Taken) {
        self.change(agent, |counts| {
            counts.bytes += taken.bytes;
            counts.last = Some(Instant(taken.arrived));
            if taken.seen_before {
                counts.batches_repeated += 1;
                return;
            }
            counts.batches += 1;
            counts.rows += taken.rows;
            counts.values_unknown += taken.values_unknown;
            if let Some(closed) = taken.closed {
                counts.lag_ns = Some(taken.arrived.saturating_sub(closed));
            }
        });
    }

    /// A batch of `agent` was refused with the problem `code`.
    pub fn refused(&self, agent: &str, code: &str) {
        self.change(agent, |counts| *counts.refused.entry(code.to_owned()).or_default() += 1);
    }

    /// What `agent` delivered.
    pub fn of(&self, agent: &str) -> Delivered {
        self.locked().get(agent).cloned().unwrap_or_default()
    }

    /// What all delivered.
    pub fn all(&self) -> BTreeMap<String, Delivered> {
        self.locked().clone()
    }

    fn change(&self, agent: &str, change: impl FnOnce(&mut Delivered)) {
        change(self.locked().entry(agent.to_owned()).or_default());
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Delivered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
