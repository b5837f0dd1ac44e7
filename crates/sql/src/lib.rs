//! Read-only SQL over the embedded store: the only crate that names DataFusion.
//!
//! A statement sees a snapshot of all tables as it began. It can read tables and nothing else: no files, no external
//! tables, no settings, no writes. Memory is bounded; a watch stops it.

mod stream;
mod table;

use std::ops::ControlFlow;
use std::sync::Arc;

use arachne_export::json;
use arachne_model::table::TABLES;
use arachne_store::Watch;
use arachne_store_parquet::EmbeddedStore;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures_util::StreamExt as _;
use serde_json::Value as Json;

use crate::table::SqlTable;

/// What a statement may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of memory for sorting and grouping.
    pub memory_bytes: usize,
    /// Threads that read and compute.
    pub threads: usize,
    /// Characters of the statement.
    pub text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { memory_bytes: 256 << 20, threads, text_bytes: 64 << 10 }
    }
}

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The statement is wrong, or not allowed; the text says what.
    #[error("{0}")]
    Statement(String),
    /// The watch or the receiver of rows stopped it.
    #[error("stopped")]
    Stopped,
    /// Reading or computing failed.
    #[error("the statement failed: {0}")]
    Failed(String),
}

/// Receives the answer of a statement.
pub trait Rows {
    /// The names of the columns, once, first.
    fn names(&mut self, names: &[String]) -> ControlFlow<()>;
    /// A row.
    fn row(&mut self, row: Vec<Json>) -> ControlFlow<()>;
}

/// Runs one statement over a snapshot of `store` and gives the rows as they come.
///
/// # Errors
/// See [`SqlError`].
pub fn run(
    store: &EmbeddedStore,
    statement: &str,
    limits: Limits,
    watch: &dyn Watch,
    rows: &mut dyn Rows,
) -> Result<(), SqlError> {
    if statement.len() > limits.text_bytes {
        return Err(SqlError::Statement(format!("the statement is longer than {} bytes", limits.text_bytes)));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(limits.threads)
        .enable_time()
        .build()
        .map_err(|e| SqlError::Failed(e.to_string()))?;
    let context = context(store, limits).map_err(failed)?;
    let answer = runtime.block_on(answer(&context, statement, watch, rows));
    // Readers may still wait for a disk; they end at their next batch.
    runtime.shutdown_background();
    answer
}

fn context(store: &EmbeddedStore, limits: Limits) -> Result<SessionContext, DataFusionError> {
    let config = SessionConfig::new().with_target_partitions(limits.threads).with_information_schema(true);
    let runtime = RuntimeEnvBuilder::new().with_memory_limit(limits.memory_bytes, 1.0).build_arc()?;
    let context = SessionContext::new_with_config_rt(config, runtime);
    for table in TABLES {
        context.register_table(table.name, Arc::new(SqlTable::new(store.snapshot(table))))?;
    }
    Ok(context)
}

async fn answer(
    context: &SessionContext,
    statement: &str,
    watch: &dyn Watch,
    rows: &mut dyn Rows,
) -> Result<(), SqlError> {
    let reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let wrong = |error: DataFusionError| SqlError::Statement(first_line(&error));
    let frame = context.sql_with_options(statement, reading).await.map_err(wrong)?;
    let names: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut batches = frame.execute_stream().await.map_err(wrong)?;
    proceed(rows.names(&names))?;
    let mut done = 0;
    loop {
        // A statement that computes for long gives no batch: the watch is asked meanwhile.
        let next = tokio::time::timeout(std::time::Duration::from_millis(100), batches.next()).await;
        proceed(watch.progress(done, done))?;
        let Ok(next) = next else { continue };
        let Some(batch) = next else { return Ok(()) };
        let batch = batch.map_err(failed)?;
        done += batch.num_rows() as u64;
        give(&batch, rows)?;
    }
}

fn proceed(flow: ControlFlow<()>) -> Result<(), SqlError> {
    if flow.is_break() { Err(SqlError::Stopped) } else { Ok(()) }
}

fn give(batch: &RecordBatch, rows: &mut dyn Rows) -> Result<(), SqlError> {
    let options = FormatOptions::new();
    let formatters = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
    let formatters = formatters.collect::<Result<Vec<_>, _>>().map_err(|e| SqlError::Failed(e.to_string()))?;
    for row in 0..batch.num_rows() {
        let cells = batch.columns().iter().zip(&formatters).map(|(column, formatter)| {
            if column.is_null(row) { Json::Null } else { cell(column.data_type(), formatter, row) }
        });
        proceed(rows.row(cells.collect()))?;
    }
    Ok(())
}

/// Numbers and flags stay what they are; instants are written as everywhere; all else is text.
fn cell(data_type: &DataType, formatter: &ArrayFormatter<'_>, row: usize) -> Json {
    let text = formatter.value(row).to_string();
    match data_type {
        DataType::Boolean => (text == "true").into(),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            text.parse().map_or(Json::String(text), |at: jiff::Timestamp| {
                i64::try_from(at.as_nanosecond()).map_or(Json::Null, |nanos| json::instant(nanos).into())
            })
        }
        data_type if data_type.is_integer() || data_type.is_floating() => {
            serde_json::from_str(&text).unwrap_or(Json::String(text))
        }
        _ => text.into(),
    }
}

fn failed(error: DataFusionError) -> SqlError {
    SqlError::Failed(first_line(&error))
}

/// The first line of the error's text, without the trace that some builds append.
fn first_line(error: &DataFusionError) -> String {
    error.strip_backtrace().lines().next().unwrap_or_default().to_owned()
}
