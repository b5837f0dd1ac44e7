//! Merging small parts into larger ones, and taking a source out of parts.

use arachne_model::table::{STORED, Table, Value};
use arachne_store::StoreError;
use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, interleave_record_batch};
use arrow::row::{RowConverter, Rows};

use super::append::arrow_error;
use super::core::{Change, Core};
use super::output::{Output, discard};
use super::roll::{is_rolled, step as window};
use crate::columns::cell;
use crate::part::write::{LARGE_STEP, has_bytes};
use crate::part::{Demoted, Part, PartMeta, Readable, SourceRows};
use crate::rows;

/// Rows that are read of each part, and written, at a time.
const STEP: usize = 8192;

/// Large rows are moved by few.
fn step(table: &Table) -> usize {
    if has_bytes(table) { 2 * LARGE_STEP } else { STEP }
}
/// Parts of up to so many rows are of the smallest tier; each further tier is four times as large.
const SMALLEST: u64 = 16_384;

/// Other rows in the place of rows.
pub(crate) type ChangeRows<'c> = &'c dyn Fn(RecordBatch) -> Result<RecordBatch, StoreError>;

/// New parts with what does not count of their rows.
type Merged = Vec<(PartMeta, Demoted)>;

impl Core {
    /// Merges one group of parts where there is one. `false` when nothing is to be merged.
    ///
    /// # Errors
    /// When reading or writing fails; nothing has changed then, but that a damaged part is reported.
    pub fn merge_once(&self) -> Result<bool, StoreError> {
        for (at, table) in STORED.iter().enumerate() {
            let parts = self.live().parts(at).to_vec();
            if let Some(group) = self.group(table, &parts) {
                let outcome = self.merge_parts(&group);
                return self.noted(outcome).map(|()| true);
            }
        }
        Ok(false)
    }

    /// Parts next to each other in time, of one size, that make a larger one.
    fn group(&self, table: &Table, parts: &[Part]) -> Option<Vec<Part>> {
        // Rows of a table without sources keep theirs by being apart.
        let by_source = table.column("source").is_none();
        let class = |part: &Part| {
            let source = by_source.then(|| part.meta.sources.first().map(|one| one.source.clone()));
            (part.meta.rolled, part.meta.long, (part.meta.rows / SMALLEST).checked_ilog(4), source)
        };
        let mut classes: Vec<_> = parts.iter().map(class).collect();
        classes.sort();
        classes.dedup();
        classes.into_iter().find_map(|wanted| {
            let same: Vec<&Part> = parts.iter().filter(|part| class(part) == wanted).collect();
            let group = same.chunks(self.settings.merge_parts.max(2)).find(|group| {
                let rows: u64 = group.iter().map(|part| part.meta.rows).sum();
                let bytes: u64 = group.iter().map(|part| part.meta.bytes).sum();
                group.len() == self.settings.merge_parts.max(2)
                    && rows <= self.settings.merge_rows
                    && bytes <= self.settings.merge_bytes
            });
            group.map(|group| group.iter().copied().cloned().collect())
        })
    }

    fn merge_parts(&self, group: &[Part]) -> Result<(), StoreError> {
        let merging = match group.first().map(|part| part.table).filter(|table| is_rolled(table)) {
            Some(table) => Rewritten { parts: self.combine(group, &[(table, window(table))])?, places: Vec::new() },
            None => self.rewrite(group, None, None)?,
        };
        let mut manifest = self.manifest();
        let now: Option<Vec<Part>> = {
            let live = self.live();
            let as_read = |now: &&Part, part: &Part| now.meta.rolled == part.meta.rolled;
            let now = |part: &Part| live.part_of_file(&part.meta.path).filter(|now| as_read(now, part)).cloned();
            group.iter().map(now).collect()
        };
        let Some(now) = now else {
            // One of them went or was rolled up meanwhile: the rest is merged another time.
            discard(&*self.disk, &merging.parts);
            return Ok(());
        };
        let change = Change {
            new: merging.place(&now),
            remove: group.iter().map(|part| part.meta.path.clone()).collect(),
            same_rows: true,
            ..Change::default()
        };
        self.commit(&mut manifest, change, |_| ())
    }

    /// Writes the rows of parts of one table as new parts: without those of a source, and as `change` makes them, which keeps their
    /// number and order.
    pub fn rewrite(
        &self,
        group: &[Part],
        without: Option<&str>,
        change: Option<ChangeRows<'_>>,
    ) -> Result<Rewritten, StoreError> {
        let Some(table) = group.first().map(|part| part.table) else { return Ok(Rewritten::default()) };
        let rows: u64 = group.iter().map(|part| part.meta.rows).sum();
        let output = Output::new(&self.disk, table, self.new_path(table), usize::try_from(rows).unwrap_or(usize::MAX));
        let places =
            group.iter().map(|part| Vec::with_capacity(usize::try_from(part.meta.rows).unwrap_or(0))).collect();
        let mut weave = Weave { output, places, next: [0, 0], without, change, source: table.column("source") };
        let converter = rows::converter(table).map_err(arrow_error)?;
        let opened = group.iter().map(Part::open).collect::<Result<Vec<_>, _>>()?;
        let columns: Vec<usize> = (0..table.columns.len()).collect();
        let mut cursors = Vec::new();
        for (input, part) in opened.iter().enumerate() {
            let batches = Box::new(part.written(&columns, step(table))?);
            cursors.extend(Cursor { input, batches, table, current: None }.advance(&converter)?);
        }
        weave.run(cursors, &converter)?;
        let mut parts = weave.output.finish()?;
        if table.column("source").is_none() {
            // Rows that do not name their source are merged with those of the same one only.
            for (part, old) in parts.iter_mut().zip(std::iter::repeat(&group[0].meta.sources)) {
                part.sources =
                    old.iter().map(|one| SourceRows { source: one.source.clone(), rows: part.rows }).collect();
            }
        }
        let rolled = group.iter().all(|part| part.meta.rolled);
        parts.iter_mut().for_each(|part| part.rolled = rolled);
        Ok(Rewritten { parts, places: weave.places })
    }
}

/// Rows at their new places.
#[derive(Debug, Default)]
pub(crate) struct Rewritten {
    /// The new parts.
    pub parts: Vec<PartMeta>,
    /// Of each part and row: whether it went to the long part, and its position there. `None` when it was left out.
    places: Vec<Vec<Option<(bool, u32)>>>,
}

impl Rewritten {
    /// The new parts, with what does not count now of the old ones.
    pub fn place(self, old: &[Part]) -> Merged {
        let demoted = |long: bool| {
            old.iter().zip(&self.places).filter_map(|(part, places)| Some((part.demoted.as_deref()?, places))).fold(
                Demoted::default(),
                |sum, (demoted, places)| {
                    let place = |row: u32| places.get(row as usize).copied().flatten().filter(|p| p.0 == long);
                    sum.with(demoted.moved(|row| place(row).map(|(_, position)| position)).beaten().clone())
                },
            )
        };
        self.parts.iter().map(|meta| (meta.clone(), demoted(meta.long))).collect()
    }
}

/// A part that is read in order.
struct Cursor<'p> {
    input: usize,
    batches: Box<dyn Iterator<Item = Result<RecordBatch, StoreError>> + 'p>,
    table: &'static Table,
    current: Option<Current>,
}

struct Current {
    batch: RecordBatch,
    keys: Rows,
    row: usize,
}

impl Cursor<'_> {
    /// Goes to the next batch; `None` at the end.
    fn advance(mut self, converter: &RowConverter) -> Result<Option<Self>, StoreError> {
        let Some(batch) = self.batches.next().transpose()? else { return Ok(None) };
        let columns: Vec<_> = self.table.order.iter().map(|&c| batch.column(c).clone()).collect();
        let keys = converter.convert_columns(&columns).map_err(arrow_error)?;
        self.current = Some(Current { batch, keys, row: 0 });
        Ok(Some(self))
    }

    fn key(&self) -> Option<arrow::row::Row<'_>> {
        self.current.as_ref().map(|current| current.keys.row(current.row))
    }
}

/// The rows of parts of one table in its order, one by one.
pub(crate) struct Ordered<'p> {
    cursors: Vec<Cursor<'p>>,
    converter: RowConverter,
    smallest: usize,
}

impl<'p> Ordered<'p> {
    /// Begins with the first row.
    ///
    /// # Errors
    /// When a part cannot be read.
    pub fn new(opened: &'p [Readable<'p>]) -> Result<Self, StoreError> {
        let table = opened.first().map_or(STORED[0], |part| part.part.table);
        let converter = rows::converter(table).map_err(arrow_error)?;
        let columns: Vec<usize> = (0..table.columns.len()).collect();
        let mut cursors = Vec::new();
        for (input, part) in opened.iter().enumerate() {
            let batches = Box::new(part.written(&columns, step(table))?);
            cursors.extend(Cursor { input, batches, table, current: None }.advance(&converter)?);
        }
        let mut ordered = Self { cursors, converter, smallest: 0 };
        ordered.choose();
        Ok(ordered)
    }

    /// The row: a batch with all columns, and where the row stands in it; `None` at the end.
    pub fn current(&self) -> Option<(&RecordBatch, usize)> {
        self.cursors.get(self.smallest)?.current.as_ref().map(|current| (&current.batch, current.row))
    }

    /// Goes to the next row.
    ///
    /// # Errors
    /// When a part cannot be read.
    pub fn advance(&mut self) -> Result<(), StoreError> {
        if let Some(current) = self.cursors.get_mut(self.smallest).and_then(|cursor| cursor.current.as_mut()) {
            current.row += 1;
            if current.row == current.batch.num_rows() {
                let cursor = self.cursors.remove(self.smallest);
                if let Some(cursor) = cursor.advance(&self.converter)? {
                    self.cursors.insert(self.smallest, cursor);
                }
            }
        }
        self.choose();
        Ok(())
    }

    fn choose(&mut self) {
        self.smallest = smallest(&self.cursors);
    }
}

/// Few inputs: the smallest is found by looking. Of equal rows the earlier input's come first.
fn smallest(cursors: &[Cursor<'_>]) -> usize {
    (1..cursors.len()).fold(0, |best, at| if cursors[at].key() < cursors[best].key() { at } else { best })
}

/// Several ordered inputs into one output.
struct Weave<'s> {
    output: Output,
    places: Vec<Vec<Option<(bool, u32)>>>,
    next: [u32; 2],
    without: Option<&'s str>,
    change: Option<ChangeRows<'s>>,
    source: Option<usize>,
}

impl Weave<'_> {
    fn run(&mut self, mut cursors: Vec<Cursor<'_>>, converter: &RowConverter) -> Result<(), StoreError> {
        let mut taken: Vec<(usize, usize)> = Vec::with_capacity(STEP);
        while !cursors.is_empty() {
            let smallest = smallest(&cursors);
            let Some(current) = cursors[smallest].current.as_mut() else { break };
            taken.push((smallest, current.row));
            current.row += 1;
            let exhausted = current.row == current.batch.num_rows();
            if exhausted || taken.len() == STEP {
                self.write(&cursors, &taken)?;
                taken.clear();
            }
            if exhausted {
                let cursor = cursors.remove(smallest);
                if let Some(cursor) = cursor.advance(converter)? {
                    cursors.insert(smallest, cursor);
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, cursors: &[Cursor<'_>], taken: &[(usize, usize)]) -> Result<(), StoreError> {
        let batches: Vec<&RecordBatch> = cursors.iter().filter_map(|c| c.current.as_ref().map(|c| &c.batch)).collect();
        let mut batch = interleave_record_batch(&batches, taken).map_err(arrow_error)?;
        let mut stays = vec![true; taken.len()];
        if let (Some(without), Some(source)) = (self.without, self.source) {
            let sources = batch.column(source);
            stays = (0..taken.len()).map(|row| cell(sources, row) != Value::Text(without)).collect();
            batch = filter_record_batch(&batch, &BooleanArray::from(stays.clone())).map_err(arrow_error)?;
        }
        if let Some(change) = self.change {
            batch = change(batch)?;
        }
        let long = self.output.write(&batch)?;
        let mut written = long.iter();
        for (&(cursor, _), stays) in taken.iter().zip(stays) {
            let place = stays.then(|| written.next()).flatten().map(|long| {
                let next = &mut self.next[usize::from(long)];
                *next += 1;
                (long, *next - 1)
            });
            self.places[cursors[cursor].input].push(place);
        }
        Ok(())
    }
}
