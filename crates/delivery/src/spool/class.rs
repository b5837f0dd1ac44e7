//! What is dropped first when there is no room.

use arachne_model::table::{Rows, TABLES};

/// Tables whose rows are counted in a frame; more than there are, for later ones.
pub const COUNTS_LEN: usize = 8;
const _: () = assert!(TABLES.len() <= COUNTS_LEN);

/// What a batch holds, by what is dropped first. A batch is of one class, so that the rest can stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Packets and bodies: large, and of use only beside exchanges.
    Bulk,
    /// Exchanges, sessions and lines of logs.
    Records,
    /// Capture quality, names of hosts and points of series: small, and what tells of the rest.
    Facts,
}

impl Class {
    /// All, in the order of dropping.
    pub const ALL: [Self; 3] = [Self::Bulk, Self::Records, Self::Facts];

    /// The name in file names and statuses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bulk => "bulk",
            Self::Records => "records",
            Self::Facts => "facts",
        }
    }

    /// Its place in [`Self::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Bulk => 0,
            Self::Records => 1,
            Self::Facts => 2,
        }
    }

    /// The class at a place.
    #[must_use]
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }
}

/// Rows by table, in the order of [`TABLES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts(pub [u32; COUNTS_LEN]);

impl Counts {
    /// Of these rows.
    #[must_use]
    pub fn of(rows: &Rows) -> Self {
        let lengths = [
            rows.exchanges.len(),
            rows.sessions.len(),
            rows.packets.len(),
            rows.bodies.len(),
            rows.quality.len(),
            rows.hosts.len(),
            rows.points.len(),
            rows.logs.len(),
        ];
        let mut counts = Self::default();
        for (count, length) in counts.0.iter_mut().zip(lengths) {
            *count = u32::try_from(length).unwrap_or(u32::MAX);
        }
        counts
    }

    /// Rows of all tables.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(|count| u64::from(*count)).sum()
    }
}

/// The rows by class, without empty ones: each is a batch of its own.
#[must_use]
pub fn by_class(rows: Rows) -> Vec<(Class, Rows)> {
    let Rows { exchanges, sessions, packets, bodies, quality, hosts, points, logs } = rows;
    let bulk = Rows { packets, bodies, ..Rows::default() };
    let records = Rows { exchanges, sessions, logs, ..Rows::default() };
    let facts = Rows { quality, hosts, points, ..Rows::default() };
    let parts = Class::ALL.into_iter().zip([bulk, records, facts]);
    parts.filter(|(_, rows)| !rows.is_empty()).collect()
}
