//! Filters of the text in a part: what is certainly nowhere in a column is known without reading it.
//!
//! For each column of [`Table::texts`] a split-block bloom filter (as Parquet's) holds the `grams` of all its texts. A
//! filter is as large as the column's vocabulary needs, up to [`BYTES_MAX`]; a column with more is marked as saturated and
//! never excludes anything. A filter never misses what is there.
//!
//! A file is, in little-endian bytes: magic `ARTX`, version (u16), bytes of a gram (u16), number of columns (u32); for each
//! column its index in the table (u32) and the length of its filter (u32; 0 when saturated) and the filter; at the end the
//! CRC-32C of all before (u32). A filter's key of a gram is the gram as a little-endian u64, its last byte lowest.

mod grams;
mod needles;
mod seen;

pub(crate) use needles::needle;

use arachne_filter::TextTest;
use arachne_model::table::Table;
use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Int32Type};
use foldhash::fast::RandomState;
use hashbrown::HashSet;
use parquet::bloom_filter::Sbbf;
use seen::{MIX, Seen};

/// Bytes of a filter, at most.
pub const BYTES_MAX: usize = 512 << 10;
/// Different grams of a column, at most: with more, a filter of [`BYTES_MAX`] would pass too much.
const GRAMS_MAX: usize = BYTES_MAX * 8 / 4;
/// Bits for each gram, before rounding up.
const BITS: usize = 10;
/// Bytes of a block of a filter.
const BLOCK: usize = 32;

const MAGIC: &[u8; 4] = b"ARTX";
const VERSION: u16 = 1;

/// Collects the grams of the rows of a part.
#[derive(Debug)]
pub struct TextIndexBuilder {
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    index: usize,
    grams: HashSet<u64, RandomState>,
    /// Grams seen a moment ago: most come again soon.
    recent: Vec<u64>,
    /// Lines seen lately: headers repeat.
    lines: Seen,
    /// Pieces of lines without digits: where a line has a number or an id, the rest of it repeats.
    pieces: Seen,
    saturated: bool,
}

const RECENT: usize = 4_096;

impl TextIndexBuilder {
    /// For the rows of a table.
    #[must_use]
    pub fn new(table: &Table) -> Self {
        let column = |index: &usize| Column {
            index: *index,
            grams: HashSet::default(),
            recent: vec![u64::MAX; RECENT],
            lines: Seen::default(),
            pieces: Seen::default(),
            saturated: false,
        };
        Self { columns: table.texts.iter().map(column).collect() }
    }

    /// Adds rows with all columns of the table.
    pub fn add(&mut self, batch: &RecordBatch) {
        for column in &mut self.columns {
            if let Some(array) = batch.columns().get(column.index) {
                column.add(array);
            }
        }
    }

    /// The file; `None` when the table has no text columns.
    #[must_use]
    pub fn finish(self) -> Option<Vec<u8>> {
        if self.columns.is_empty() {
            return None;
        }
        let mut file = Vec::new();
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&VERSION.to_le_bytes());
        file.extend_from_slice(&(grams::LENGTH as u16).to_le_bytes());
        file.extend_from_slice(&(self.columns.len() as u32).to_le_bytes());
        for column in self.columns {
            let filter = column.filter();
            file.extend_from_slice(&(column.index as u32).to_le_bytes());
            file.extend_from_slice(&(filter.len() as u32).to_le_bytes());
            file.extend_from_slice(&filter);
        }
        let checksum = crc32c::crc32c(&file);
        file.extend_from_slice(&checksum.to_le_bytes());
        Some(file)
    }
}

impl Column {
    fn add(&mut self, array: &arrow::array::ArrayRef) {
        match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().iter().flatten().for_each(|text| self.text(text)),
            DataType::Dictionary(..) => {
                let words =
                    array.as_dictionary_opt::<Int32Type>().and_then(|words| words.values().as_string_opt::<i32>());
                words.into_iter().flatten().flatten().for_each(|text| self.text(text));
            }
            // A text column of any other type is not looked at, so nothing may be excluded.
            _ => self.saturated = true,
        }
    }

    fn text(&mut self, text: &str) {
        let (text, mut start) = (text.as_bytes(), 0);
        for end in memchr::memchr_iter(b'\n', text).chain([text.len()]) {
            let line = &text[start..end];
            if !self.saturated && !self.lines.has(line) {
                self.line(line);
            }
            start = end + 1;
        }
    }

    fn line(&mut self, line: &[u8]) {
        let (all, recent) = (&mut self.grams, &mut self.recent);
        for piece in grams::pieces(line).filter(|piece| !self.pieces.has(piece)) {
            grams::grams(piece, |gram| {
                let place = (gram.wrapping_mul(MIX) >> 52) as usize;
                if recent[place] != gram {
                    recent[place] = gram;
                    all.insert(gram);
                }
            });
        }
        if self.grams.len() > GRAMS_MAX {
            self.saturated = true;
            self.grams = HashSet::default();
        }
    }

    /// Empty when it is saturated.
    fn filter(&self) -> Vec<u8> {
        if self.saturated {
            return Vec::new();
        }
        let bytes = (self.grams.len() * BITS).div_ceil(8).next_power_of_two().clamp(BLOCK, BYTES_MAX);
        let mut filter = Sbbf::new_with_num_of_bytes(bytes);
        self.grams.iter().for_each(|gram| filter.insert(gram));
        let mut written = Vec::with_capacity(bytes);
        match filter.write_bitset(&mut written) {
            Ok(()) => written,
            // A vector takes all bytes.
            Err(_) => Vec::new(),
        }
    }
}

/// Why a file with text filters is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadIndex {
    /// It is shorter than it says, or its checksum is another one.
    #[error("the text filters are damaged")]
    Damaged,
    /// It was written by another version.
    #[error("the text filters have version {0}")]
    Version(u16),
}

/// The text filters of a part.
#[derive(Clone, Debug)]
pub struct TextIndex<'a> {
    /// Columns and the bytes of their filters.
    columns: Vec<(usize, &'a [u8])>,
}

impl<'a> TextIndex<'a> {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is damaged or of another version: the part is then read without it.
    pub fn read(file: &'a [u8]) -> Result<Self, BadIndex> {
        let (body, checksum) = file.split_last_chunk::<4>().ok_or(BadIndex::Damaged)?;
        if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
            return Err(BadIndex::Damaged);
        }
        let rest = body.strip_prefix(MAGIC).ok_or(BadIndex::Damaged)?;
        let (version, rest) = take::<2>(rest)?;
        let (length, rest) = take::<2>(rest)?;
        if (u16::from_le_bytes(version), usize::from(u16::from_le_bytes(length))) != (VERSION, grams::LENGTH) {
            return Err(BadIndex::Version(u16::from_le_bytes(version)));
        }
        let (count, mut rest) = take::<4>(rest)?;
        let mut columns = Vec::new();
        for _ in 0..u32::from_le_bytes(count) {
            let (index, behind) = take::<4>(rest)?;
            let (bytes, behind) = take::<4>(behind)?;
            let filter = behind.split_at_checked(u32::from_le_bytes(bytes) as usize).ok_or(BadIndex::Damaged)?;
            if !filter.0.len().is_multiple_of(BLOCK) {
                return Err(BadIndex::Damaged);
            }
            columns.push((u32::from_le_bytes(index) as usize, filter.0));
            rest = filter.1;
        }
        Ok(Self { columns })
    }

    /// Whether a text of the column may pass; `true` where nothing is known.
    #[must_use]
    pub fn may_pass(&self, column: usize, test: &TextTest) -> bool {
        let (Some(filter), Some(alternatives)) = (self.filter(column), needles::alternatives(test)) else {
            return true;
        };
        alternatives.iter().any(|all| all.iter().all(|text| has(&filter, text)))
    }

    /// Whether a text of the column may contain `text`, ASCII letters in either case.
    #[must_use]
    pub fn may_contain(&self, column: usize, text: &str) -> bool {
        self.filter(column).is_none_or(|filter| has(&filter, text))
    }

    /// The filter of a column; `None` when there is none or it is saturated.
    fn filter(&self, column: usize) -> Option<Sbbf> {
        let bytes = self.columns.iter().find(|(index, _)| *index == column)?.1;
        (!bytes.is_empty()).then(|| Sbbf::new(bytes))
    }
}

fn has(filter: &Sbbf, text: &str) -> bool {
    let mut has = true;
    grams::grams(text.as_bytes(), |gram| has = has && filter.check(&gram));
    has
}

fn take<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), BadIndex> {
    bytes.split_first_chunk::<N>().map(|(taken, rest)| (*taken, rest)).ok_or(BadIndex::Damaged)
}

#[cfg(test)]
mod tests;
