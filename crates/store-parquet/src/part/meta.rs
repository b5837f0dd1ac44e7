//! What the manifest keeps of a part.

use serde::{Deserialize, Serialize};

/// A part, as the manifest knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartMeta {
    /// The table.
    pub table: String,
    /// Version of the table's columns when it was written.
    pub version: u16,
    /// Its file, from the data folder.
    pub path: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// CRC-32C of the whole file.
    pub checksum: u32,
    /// Rows.
    pub rows: u64,
    /// First start.
    pub start_min: i64,
    /// Last start.
    pub start_max: i64,
    /// Last end; the last start where rows are instants; `i64::MAX` with a row that is open.
    pub end_max: i64,
    /// Whether all its rows last long: such rows have parts of their own, so that the others end soon after they start.
    pub long: bool,
    /// Rows by source, sorted by source. One entry with an empty source where a table or a sender names none.
    pub sources: Vec<SourceRows>,
    /// The import batch that it came with: source and number. `None` for what was appended or merged.
    pub batch: Option<u64>,
    /// The text filters of its rows.
    pub index: Option<Sidecar>,
    /// Which of its rows do not count.
    pub demoted: Option<Sidecar>,
    /// Of points: whether its rows are in the roll-ups.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rolled: bool,
}

impl PartMeta {
    /// Bytes on disk with sidecars.
    #[must_use]
    pub fn bytes_all(&self) -> u64 {
        let sidecars = [&self.index, &self.demoted].into_iter().flatten().map(|sidecar| sidecar.bytes);
        self.bytes + sidecars.sum::<u64>()
    }

    /// Its files.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let sidecars = [&self.index, &self.demoted].into_iter().flatten().map(|sidecar| sidecar.path.as_str());
        std::iter::once(self.path.as_str()).chain(sidecars)
    }
}

/// A file beside a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sidecar {
    /// Its path from the data folder.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// CRC-32C of the whole file.
    pub checksum: u32,
}

/// Rows of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRows {
    /// The source.
    pub source: String,
    /// Its rows.
    pub rows: u64,
}

/// Rows that should be there and cannot be read any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// The table.
    pub table: String,
    /// The file that had them, from the data folder, where it was.
    pub path: String,
    /// What was wrong with it.
    pub reason: String,
    /// How many.
    pub rows: u64,
    /// First start.
    pub start_min: i64,
    /// Last start.
    pub start_max: i64,
    /// Last end.
    pub end_max: i64,
}
