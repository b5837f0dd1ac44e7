//! Old rows go, in whole parts.

use std::sync::PoisonError;

use arachne_store::StoreError;

use super::core::{Change, Core};
use super::settings::Retention;
use crate::part::{Part, PartMeta};
use crate::rows::COUNT;

impl Core {
    /// When the newest row that is in a part began, nanoseconds since the Unix epoch.
    pub fn newest(&self) -> Option<i64> {
        let live = self.live();
        (0..COUNT).flat_map(|table| live.parts(table)).map(|part| part.meta.start_max).max()
    }

    /// Removes what is too old at `now` (nanoseconds since the Unix epoch) or over the quota of its table, and returns the rows
    /// that went, by table.
    ///
    /// # Errors
    /// When the manifest cannot be written; everything is still there.
    pub fn retire(&self, now: i64) -> Result<[u64; COUNT], StoreError> {
        let mut manifest = self.manifest();
        let mut remove = Vec::new();
        let mut rows = [0; COUNT];
        let limits = *self.retention.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, retention) in limits.into_iter().enumerate() {
            let parts = self.live().parts(at).to_vec();
            for part in outlived(&parts, retention, now) {
                rows[at] += part.rows;
                remove.push(part.path.clone());
            }
        }
        if remove.is_empty() {
            return Ok(rows);
        }
        let outcome = self.commit(&mut manifest, Change { remove, ..Change::default() }, |live| {
            live.retired.iter_mut().zip(rows).for_each(|(sum, rows)| *sum += rows);
        });
        self.noted(outcome).map(|()| rows)
    }
}

/// When the last row of a part was over; for rows that never ended, when it began.
fn over(meta: &PartMeta) -> i64 {
    if meta.end_max == i64::MAX { meta.start_max } else { meta.end_max }
}

fn outlived(parts: &[Part], retention: Retention, now: i64) -> Vec<&PartMeta> {
    let mut by_age: Vec<&PartMeta> = parts.iter().map(|part| &*part.meta).collect();
    by_age.sort_by_key(|meta| (over(meta), meta.path.clone()));
    let age = retention.max_age.map(|age| i64::try_from(age.as_nanos()).unwrap_or(i64::MAX));
    let oldest = age.map_or(i64::MIN, |age| now.saturating_sub(age));
    let mut bytes: u64 = by_age.iter().map(|meta| meta.bytes_all()).sum();
    let goes = |meta: &&PartMeta| {
        let goes = over(meta) < oldest || retention.max_bytes.is_some_and(|max| bytes > max);
        bytes -= if goes { meta.bytes_all() } else { 0 };
        goes
    };
    by_age.into_iter().filter(goes).collect()
}
