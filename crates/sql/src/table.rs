//! A table of the store as DataFusion sees it: stored columns under their SQL names, instants as timestamps, and the
//! computed columns `duration` and `class`.

use std::sync::Arc;

use arachne_filter::{Class, Thresholds};
use arachne_model::table::{ExchangeRow, Kind, Row as _, Table};
use arachne_store_parquet::columns;
use arachne_store_parquet::snapshot::TableSnapshot;
use arrow::array::{Array, ArrayRef, AsArray as _, Int64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};

use crate::stream::Parts;

/// A column in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// A column of the table, by index.
    Stored(usize),
    /// Nanoseconds from start to end.
    Duration,
    /// The response class by the default thresholds.
    Class,
}

/// A snapshot of a table in SQL.
#[derive(Debug)]
pub struct SqlTable {
    snapshot: Arc<TableSnapshot>,
    shown: Vec<Shown>,
    schema: SchemaRef,
}

impl SqlTable {
    /// The table of a snapshot; it stays as it is now.
    #[must_use]
    pub fn new(snapshot: Arc<TableSnapshot>) -> Self {
        let table = snapshot.table;
        let mut shown: Vec<_> = (0..table.columns.len()).map(Shown::Stored).collect();
        if table.end.is_some() {
            shown.push(Shown::Duration);
        }
        if table.name == ExchangeRow::TABLE.name {
            shown.push(Shown::Class);
        }
        let fields: Vec<_> = shown.iter().map(|column| column.field(table)).collect();
        Self { snapshot, shown, schema: Arc::new(Schema::new(fields)) }
    }
}

impl Shown {
    fn field(self, table: &Table) -> Field {
        match self {
            Self::Stored(index) => {
                let column = &table.columns[index];
                Field::new(column.sql, sql_type(column.kind), column.nullable)
            }
            Self::Duration => Field::new("duration", DataType::Int64, true),
            Self::Class => Field::new("class", DataType::Utf8, false),
        }
    }

    /// The stored columns that it is made of.
    fn needs(self, table: &Table) -> Vec<usize> {
        match self {
            Self::Stored(index) => vec![index],
            Self::Duration => [Some(table.start), table.end].into_iter().flatten().collect(),
            Self::Class => Class::columns().to_vec(),
        }
    }

    fn array(self, stored: &Stored<'_>) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::Stored(index) => cast(stored.column(index), &sql_type(stored.table.columns[index].kind)),
            Self::Duration => Ok(stored.durations()),
            Self::Class => Ok(stored.classes()),
        }
    }
}

/// The type of a kind in SQL.
fn sql_type(kind: Kind) -> DataType {
    match kind {
        Kind::Instant => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        other => columns::data_type(other),
    }
}

/// A batch of stored columns.
struct Stored<'a> {
    table: &'static Table,
    /// The indices of its columns.
    columns: &'a [usize],
    batch: &'a RecordBatch,
}

impl Stored<'_> {
    fn column(&self, index: usize) -> &ArrayRef {
        let place = self.columns.iter().position(|&column| column == index);
        self.batch.column(place.expect("every needed column was asked for"))
    }

    fn integers(&self, index: usize) -> &Int64Array {
        self.column(index).as_primitive::<Int64Type>()
    }

    fn durations(&self) -> ArrayRef {
        let (starts, ends) = (self.integers(self.table.start), self.table.end.map(|end| self.integers(end)));
        let of = |row| {
            let end = ends.filter(|ends| ends.is_valid(row))?;
            Some(end.value(row).saturating_sub(starts.value(row)).max(0))
        };
        Arc::new((0..starts.len()).map(of).collect::<Int64Array>())
    }

    fn classes(&self) -> ArrayRef {
        let [status, start, end, open] = Class::columns();
        let (status, start, end) = (self.integers(status), self.integers(start), self.integers(end));
        let open = self.column(open).as_boolean();
        let some = |array: &Int64Array, row| array.is_valid(row).then(|| array.value(row));
        let of = |row| {
            let class =
                Class::of(some(status, row), start.value(row), some(end, row), open.value(row), Thresholds::default());
            Some(class.name())
        };
        Arc::new((0..start.len()).map(of).collect::<StringArray>())
    }
}

/// How a scan turns stored batches into what was asked for.
#[derive(Debug)]
pub struct Projection {
    table: &'static Table,
    shown: Vec<Shown>,
    /// Stored columns to be read, each once.
    pub stored: Vec<usize>,
    /// What comes out.
    pub schema: SchemaRef,
}

impl Projection {
    fn new(table: &SqlTable, wanted: Option<&Vec<usize>>) -> Result<Self> {
        let all: Vec<usize> = (0..table.shown.len()).collect();
        let wanted = wanted.unwrap_or(&all);
        let shown: Vec<_> = wanted.iter().map(|&index| table.shown[index]).collect();
        let mut stored: Vec<_> = shown.iter().flat_map(|column| column.needs(table.snapshot.table)).collect();
        stored.sort_unstable();
        stored.dedup();
        let schema = Arc::new(table.schema.project(wanted)?);
        Ok(Self { table: table.snapshot.table, shown, stored, schema })
    }

    /// `batch` has the columns [`Self::stored`].
    ///
    /// # Errors
    /// When a column cannot be cast, which its type rules out.
    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let stored = Stored { table: self.table, columns: &self.stored, batch };
        let arrays = self.shown.iter().map(|column| column.array(&stored)).collect::<Result<_, _>>()?;
        // count(*) asks for no column at all.
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
    }
}

#[async_trait]
impl TableProvider for SqlTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        wanted: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let projection = Arc::new(Projection::new(self, wanted)?);
        let lanes = state.config().target_partitions().max(1);
        let partitions = (0..lanes).map(|lane| {
            let parts = Parts::new(Arc::clone(&self.snapshot), Arc::clone(&projection), lane, lanes);
            Arc::new(parts) as Arc<dyn PartitionStream>
        });
        let schema = Arc::clone(&projection.schema);
        let plan = StreamingTableExec::try_new(schema, partitions.collect(), None, [], false, limit)?;
        Ok(Arc::new(plan))
    }
}
