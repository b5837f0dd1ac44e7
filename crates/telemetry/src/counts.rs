//! How often each code was emitted, whatever was printed.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::codes::ALL;
use crate::{Level, LogCode};

static COUNTS: LazyLock<Vec<AtomicU64>> = LazyLock::new(|| ALL.iter().map(|_| AtomicU64::new(0)).collect());

/// Counts one event. [`crate::emit!`] does it.
pub fn count(code: &LogCode) {
    if let Some(at) = LogCode::position(code.id) {
        COUNTS[at].fetch_add(1, Ordering::Relaxed);
    }
}

/// How often `code` was emitted by this process.
#[must_use]
pub fn count_of(code: &LogCode) -> u64 {
    LogCode::position(code.id).map_or(0, |at| COUNTS[at].load(Ordering::Relaxed))
}

/// The codes from [`Level::Warn`] up that this process emitted, with how often: the series `log_events_total{code}`.
#[must_use]
pub fn counts() -> BTreeMap<&'static str, u64> {
    ALL.iter()
        .filter(|code| code.level >= Level::Warn)
        .map(|code| (code.id, count_of(code)))
        .filter(|(_, count)| *count > 0)
        .collect()
}
