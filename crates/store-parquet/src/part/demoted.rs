//! Which rows of a part do not count, since another row of the same exchange does.
//!
//! Parts are immutable, and which twin counts may change when another source comes or goes. So a file beside the part
//! names the rows by position, each with the sources whose rows beat it. A row counts when nobody beats it.
//!
//! The file is JSON: `{"beaten": {"<source>": [positions, ascending]}}`; its checksum is in the manifest.

use std::collections::BTreeMap;

use arrow::array::{Array as _, ArrayRef, BooleanArray};
use arrow::buffer::BooleanBuffer;
use serde::{Deserialize, Serialize};

use super::meta::Sidecar;
use super::read::{Unreadable, read_checked};
use crate::disk::Disk;

/// The rows of a part that do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demoted {
    beaten: BTreeMap<String, Vec<u32>>,
    #[serde(skip)]
    positions: Vec<u32>,
}

impl Demoted {
    /// Positions by the source that beats them.
    #[must_use]
    pub fn new(mut beaten: BTreeMap<String, Vec<u32>>) -> Self {
        for rows in beaten.values_mut() {
            rows.sort_unstable();
            rows.dedup();
        }
        beaten.retain(|_, rows| !rows.is_empty());
        let mut positions: Vec<u32> = beaten.values().flatten().copied().collect();
        positions.sort_unstable();
        positions.dedup();
        Self { beaten, positions }
    }

    /// The same with more rows beaten.
    #[must_use]
    pub fn with(mut self, more: BTreeMap<String, Vec<u32>>) -> Self {
        for (source, rows) in more {
            self.beaten.entry(source).or_default().extend(rows);
        }
        Self::new(self.beaten)
    }

    /// The same without what `source` beat.
    #[must_use]
    pub fn without(mut self, source: &str) -> Self {
        self.beaten.remove(source);
        Self::new(self.beaten)
    }

    /// The same rows at other positions; those that `place` does not know are gone.
    #[must_use]
    pub fn moved(&self, place: impl Fn(u32) -> Option<u32>) -> Self {
        let moved = self
            .beaten
            .iter()
            .map(|(source, rows)| (source.clone(), rows.iter().copied().filter_map(&place).collect()));
        Self::new(moved.collect())
    }

    /// Reads the file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice::<Self>(bytes).map(|read| Self::new(read.beaten))
    }

    /// Reads the file from a disk, checked.
    pub(crate) fn read(disk: &dyn Disk, sidecar: &Sidecar) -> Result<Self, String> {
        let bytes = read_checked(disk, &sidecar.path, sidecar.bytes, sidecar.checksum).map_err(|e| match e {
            Unreadable::Damaged(reason) => reason,
            Unreadable::Io(source) => source.to_string(),
        })?;
        Self::parse(&bytes).map_err(|e| e.to_string())
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text and numbers are JSON")
    }

    /// Positions of rows that do not count, ascending.
    #[must_use]
    pub fn positions(&self) -> &[u32] {
        &self.positions
    }

    /// Positions by the source that beats them.
    #[must_use]
    pub const fn beaten(&self) -> &BTreeMap<String, Vec<u32>> {
        &self.beaten
    }

    /// Whether every row counts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Whether the row at `position` does not count.
    #[must_use]
    pub fn contains(&self, position: u32) -> bool {
        self.positions.binary_search(&position).is_ok()
    }

    /// The column `counted` of `rows` rows from position `first` on, as it was written, with what does not count taken out.
    #[must_use]
    pub fn counted(&self, written: &ArrayRef, first: u64) -> BooleanArray {
        let rows = written.len();
        let written = written.as_any().downcast_ref::<BooleanArray>();
        let stays = |row: usize| {
            let position = u32::try_from(first + row as u64).unwrap_or(u32::MAX);
            written.is_none_or(|flags| flags.value(row)) && !self.contains(position)
        };
        BooleanArray::new(BooleanBuffer::collect_bool(rows, stays), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_row_that_anybody_beats_does_not_count() {
        let beaten =
            BTreeMap::from([("a".to_owned(), vec![3, 1, 3]), ("b".to_owned(), vec![3]), ("c".to_owned(), vec![])]);
        let demoted = Demoted::new(beaten);
        assert_eq!(Demoted::parse(&demoted.to_bytes()).expect("it was just written"), demoted);
        assert_eq!(demoted.positions(), [1, 3]);
        let written: ArrayRef = Arc::new(BooleanArray::from(vec![true, true, false]));
        assert_eq!(demoted.counted(&written, 2), BooleanArray::from(vec![true, false, false]));
        assert!(Demoted::parse(b"{\"beaten\": 1}").is_err());
    }
}
