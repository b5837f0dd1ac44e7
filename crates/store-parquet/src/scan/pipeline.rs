//! From a chunk to the rows that pass: cheap columns first, dear ones only for rows that are left.

use arachne_model::table::Table;
use arachne_store::StoreError;
use arrow::array::{BooleanBufferBuilder, RecordBatch};

use super::evaluate::Evaluator;
use super::frame::Frame;
use super::node::{Node, Width, width};
use super::read::{BATCH_ROWS, Chunk, Rows, WIDE_ROWS, filtered};

/// What a scan reads of a chunk.
#[derive(Debug)]
pub(super) struct Plan {
    table: &'static Table,
    /// Conditions that are evaluated before the columns of the answer are read, by width.
    stages: Vec<(Node, Vec<usize>)>,
    /// Conditions that are evaluated together with the answer's columns.
    last: Node,
    /// The columns of `last` and of the answer, ascending.
    read: Vec<usize>,
    /// The columns of the answer, ascending, and their places in `read`.
    wanted: Vec<usize>,
    places: Vec<usize>,
}

impl Plan {
    /// How to find the rows that pass `node` and read `wanted` of them.
    ///
    /// Narrow conditions and narrow answers are read in one go; else each width is a stage of its own.
    pub(super) fn new(table: &'static Table, node: &Node, wanted: &[usize]) -> Self {
        let wanted = ascending(wanted.iter().copied());
        let widest = wanted.iter().map(|&column| width(table, column)).max().unwrap_or(Width::Narrow);
        let conjuncts = node.conjuncts();
        let of = |w: Width| Node::all(conjuncts.iter().filter(|c| c.width(table) == w).cloned().collect());
        let dear = conjuncts.iter().any(|c| c.width(table) != Width::Narrow) || widest != Width::Narrow;
        let (stages, last) = if dear {
            let stages = [Width::Narrow, Width::Text, Width::Wide].map(of);
            (stages.into_iter().filter(|node| !node.is_always()).collect(), Node::ALWAYS)
        } else {
            (Vec::new(), node.clone())
        };
        let stages = stages.into_iter().map(|node: Node| (columns(table, &node), node)).map(|(c, n)| (n, c)).collect();
        let read = ascending(columns(table, &last).into_iter().chain(wanted.iter().copied()));
        let places = wanted.iter().filter_map(|column| read.binary_search(column).ok()).collect();
        Self { table, stages, last, read, wanted, places }
    }

    /// Gives the rows of `rows` that pass to `each`: positions in the chunk are those of the returned rows, in order.
    pub(super) fn run(
        &self,
        chunk: &Chunk<'_>,
        mut rows: Rows,
        evaluator: &mut Evaluator,
        each: &mut dyn FnMut(Frame<'_>) -> Result<(), StoreError>,
    ) -> Result<Rows, StoreError> {
        for (node, columns) in &self.stages {
            rows = self.passing(chunk, rows, node, columns, evaluator)?;
        }
        if self.last.is_always() {
            chunk.read(&self.wanted, &rows, batch_rows(self.table, &self.wanted), &mut |batch| {
                each(Frame { table: self.table, columns: &self.wanted, batch: &batch })
            })?;
            return Ok(rows);
        }
        let mut bits = BooleanBufferBuilder::new(rows.count);
        chunk.read(&self.read, &rows, batch_rows(self.table, &self.read), &mut |batch| {
            let found = evaluator.passing(&self.last, Frame { table: self.table, columns: &self.read, batch: &batch });
            bits.append_buffer(&found);
            if found.count_set_bits() == 0 {
                return Ok(());
            }
            let answer = filtered(project(&batch, &self.places)?, &found)?;
            each(Frame { table: self.table, columns: &self.wanted, batch: &answer })
        })?;
        Ok(rows.kept(&bits.finish()))
    }

    /// The rows of `rows` that pass a stage.
    fn passing(
        &self,
        chunk: &Chunk<'_>,
        rows: Rows,
        node: &Node,
        columns: &[usize],
        evaluator: &mut Evaluator,
    ) -> Result<Rows, StoreError> {
        let mut bits = BooleanBufferBuilder::new(rows.count);
        chunk.read(columns, &rows, batch_rows(self.table, columns), &mut |batch| {
            bits.append_buffer(&evaluator.passing(node, Frame { table: self.table, columns, batch: &batch }));
            Ok(())
        })?;
        Ok(rows.kept(&bits.finish()))
    }
}

fn project(batch: &RecordBatch, places: &[usize]) -> Result<RecordBatch, StoreError> {
    batch.project(places).map_err(|e| StoreError::Refused(e.to_string()))
}

/// Wide values come in small batches, so that memory stays bounded.
fn batch_rows(table: &Table, columns: &[usize]) -> usize {
    match columns.iter().map(|&column| width(table, column)).max() {
        Some(Width::Wide) => WIDE_ROWS,
        _ => BATCH_ROWS,
    }
}

fn columns(table: &Table, node: &Node) -> Vec<usize> {
    let mut columns = Vec::new();
    node.columns(table, &mut |column| columns.push(column));
    ascending(columns)
}

/// Each once, ascending.
pub(super) fn ascending(columns: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut columns: Vec<usize> = columns.into_iter().collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}
