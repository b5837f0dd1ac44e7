//! What a collector is, and where its findings go.

use std::time::Duration;

use arachne_model::table::{LogRow, PointRow};

/// Takes what collectors find. The columns `agent` are filled in by who delivers.
pub trait Sink {
    /// A point.
    fn point(&mut self, point: PointRow);
    /// A log record.
    fn record(&mut self, record: LogRow);
}

/// Something that could not be read, and what is lost by it: shown with the agent's status.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// What is lost: "disk traffic of processes of other users".
    pub what: String,
    /// Why: the call and the error of the system.
    pub why: String,
    /// What to do about it: "give the agent CAP_SYS_PTRACE".
    pub fix: String,
}

/// Reads one thing again and again.
pub trait Collector: Send {
    /// Its name in statuses and settings: a word such as `process`.
    fn name(&self) -> &'static str;

    /// How long from one reading to the next. Readings are due at whole multiples of it since the Unix epoch, so that the
    /// windows of all hosts meet: who runs a collector calls it shortly after each. A call that comes in the same interval
    /// as the one before reads nothing; after missed ones the next window is as long as all of them. The next reading never
    /// begins before this one has ended.
    fn every(&self) -> Duration;

    /// Reads once, at `now` (nanoseconds since the Unix epoch), and hands over what became complete.
    ///
    /// A counter's first reading gives no point: there is nothing to compare it with. Errors are no end: the next call tries again.
    ///
    /// # Errors
    ///
    /// Nothing could be read; the text says what, where, why.
    fn collect(&mut self, now: i64, sink: &mut dyn Sink) -> Result<(), String>;

    /// What it cannot read for lack of rights or support, at the last reading.
    fn missing(&self) -> Vec<Missing> {
        Vec::new()
    }
}
