//! What a store is: the trait that engines implement, the requests it answers, and an in-memory engine for tests.
//!
//! Nothing here knows an engine. Engines filter, group, sum and sort; what they answer is put together in `query`.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod evaluate;
mod memory;
mod open;
mod request;
mod senders;
mod store;

pub use evaluate::{outcome, times};
pub use memory::MemoryStore;
pub use open::{OPEN_PERIOD, SILENT_PERIODS, given_up};
pub use request::{
    Buckets, Callers, CountMode, Cursor, Group, GroupRequest, Groups, Key, ListRequest, Means, Measure, Measured,
    Number, Order, Page, Scalar, Scanned, Selection, TimeRange,
};
pub use senders::{SENDERS_MAX, Senders, Sequences};
pub use store::{
    Import, ImportFacts, ImportName, ImportStart, Rows, Store, StoreError, StoreFacts, TWINS_APART_MAX, TableFacts,
    Token, Unwatched, Watch,
};
