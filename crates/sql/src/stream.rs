//! The rows of a snapshot as streams of batches, read by threads of their own so that no file is waited for on the
//! runtime.

use std::sync::Arc;

use arachne_store::StoreError;
use arachne_store_parquet::part::Part;
use arachne_store_parquet::snapshot::TableSnapshot;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::PartitionStream;
use tokio::sync::mpsc::Sender;

use crate::table::Projection;

/// Rows of a batch.
const BATCH_ROWS: usize = 8192;

/// Batches that wait for whoever computes.
const WAITING_BATCHES: usize = 2;

/// Every `lanes`-th part of a snapshot, and its memory on the first lane.
#[derive(Debug)]
pub struct Parts {
    snapshot: Arc<TableSnapshot>,
    projection: Arc<Projection>,
    lane: usize,
    lanes: usize,
}

impl Parts {
    /// Lane number `lane` of `lanes`.
    #[must_use]
    pub const fn new(snapshot: Arc<TableSnapshot>, projection: Arc<Projection>, lane: usize, lanes: usize) -> Self {
        Self { snapshot, projection, lane, lanes }
    }
}

impl PartitionStream for Parts {
    fn schema(&self) -> &SchemaRef {
        &self.projection.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStream::builder(Arc::clone(&self.projection.schema), WAITING_BATCHES);
        let sender = builder.tx();
        let reader = Reader { snapshot: Arc::clone(&self.snapshot), projection: Arc::clone(&self.projection), sender };
        let (lane, lanes) = (self.lane, self.lanes);
        builder.spawn_blocking(move || reader.run(lane, lanes));
        builder.build()
    }
}

struct Reader {
    snapshot: Arc<TableSnapshot>,
    projection: Arc<Projection>,
    sender: Sender<Result<RecordBatch>>,
}

/// Nobody wants the rest.
struct Gone;

impl Reader {
    fn run(&self, lane: usize, lanes: usize) -> Result<()> {
        for part in self.snapshot.parts.iter().skip(lane).step_by(lanes) {
            match self.part(part) {
                Ok(Ok(())) => {}
                Ok(Err(Gone)) => return Ok(()),
                Err(error) => lost(error)?,
            }
        }
        if lane == 0 {
            for batch in &self.snapshot.memory {
                if let Err(Gone) = self.send(&batch.project(&self.projection.stored)?) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn part(&self, part: &Part) -> Result<Result<(), Gone>, StoreError> {
        for batch in part.open()?.batches(&self.projection.stored, BATCH_ROWS)? {
            if let Err(Gone) = self.send(&batch?) {
                return Ok(Err(Gone));
            }
        }
        Ok(Ok(()))
    }

    fn send(&self, batch: &RecordBatch) -> Result<(), Gone> {
        let batch = self.projection.apply(batch).map_err(DataFusionError::from);
        self.sender.blocking_send(batch).map_err(|_| Gone)
    }
}

/// A damaged part was set aside and its rows are counted as lost: the question goes on without them. Whatever else is
/// wrong ends it.
fn lost(error: StoreError) -> Result<()> {
    match error {
        StoreError::Damaged { .. } => Ok(()),
        other => Err(DataFusionError::External(Box::new(other))),
    }
}
