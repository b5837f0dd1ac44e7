//! The best rows of a list, as many as a page has.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use arachne_store::Scalar;

/// Where a row stands in an order: smaller comes earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rank {
    /// The number that is ordered by; null is smallest.
    pub(super) number: Option<i64>,
    /// The table's order columns.
    pub(super) key: Vec<Scalar>,
    /// Largest first, numbers and keys alike.
    pub(super) descending: bool,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let ascending = self.number.cmp(&other.number).then_with(|| self.key.cmp(&other.key));
        if self.descending { ascending.reverse() } else { ascending }
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A row that may be on the page.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// Where it stands.
    pub(super) rank: Rank,
    /// The number of its part, or of its batch behind all parts.
    pub(super) source: usize,
    /// Its row group.
    pub(super) group: usize,
    /// Its place there.
    pub(super) position: usize,
}

/// The best candidates so far.
#[derive(Debug)]
pub(super) struct Top {
    limit: usize,
    heap: BinaryHeap<Candidate>,
}

impl Top {
    /// At most `limit`.
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, heap: BinaryHeap::new() }
    }

    /// Where the last one stands; `None` while there is room.
    pub(super) fn worst(&self) -> Option<&Rank> {
        if self.heap.len() < self.limit { None } else { self.heap.peek().map(|candidate| &candidate.rank) }
    }

    /// Takes a candidate if it is better than the last one.
    pub(super) fn push(&mut self, candidate: Candidate) {
        if self.heap.len() < self.limit {
            self.heap.push(candidate);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && candidate < *worst
        {
            *worst = candidate;
        }
    }

    /// All, the best first.
    pub(super) fn into_sorted(self) -> Vec<Candidate> {
        self.heap.into_sorted_vec()
    }
}
