//! What collectors find, packed for delivery.

use arachne_capture::rows::SourceKey;
use arachne_collectors::Sink;
use arachne_collectors::logs::Taken;
use arachne_delivery::codec::{BATCH_ROWS_MAX, CodecError, Packer};
use arachne_delivery::spool::{Class, Counts};
use arachne_delivery::{BATCH_PACKED_MAX, INSTANT_MAX};
use arachne_model::UnixNanos;
use arachne_model::table::{LogRow, PointRow, Row as _, Rows};

use crate::channel::Packed;

/// Bytes of texts in a batch: it is packed then, and always fits.
const BYTES_MAX: usize = 6 << 20;

/// Makes batches of one agent.
pub struct Batches {
    agent: String,
    key: SourceKey,
    packer: Packer,
    /// Rows that fitted into no batch.
    dropped: u64,
}

impl Batches {
    /// Of the agent called so.
    ///
    /// # Errors
    /// There is no memory to pack them.
    pub fn new(agent: &str) -> Result<Self, CodecError> {
        Ok(Self { agent: agent.to_owned(), key: SourceKey::new(agent), packer: Packer::new()?, dropped: 0 })
    }

    /// Rows that fitted into no batch so far.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Rows of a reading, as many batches as they need.
    pub fn of_reading(&mut self, found: Found, now: i64) -> Vec<Packed> {
        let Found { mut points, mut logs } = found;
        let mut batches = Vec::new();
        while !points.is_empty() || !logs.is_empty() {
            let rows = Rows {
                points: points.drain(..points.len().min(BATCH_ROWS_MAX / 4)).collect(),
                logs: logs.drain(..logs.len().min(BATCH_ROWS_MAX / 4)).collect(),
                ..Rows::default()
            };
            batches.extend(self.pack(rows, Vec::new(), now));
        }
        batches
    }

    /// Rows of logs: one batch, whatever its size, since its positions are of all of them. What does not fit is dropped and counted.
    pub fn of_logs(&mut self, taken: Taken, now: i64) -> Option<Packed> {
        let note = taken.positions.to_bytes();
        let (mut points, mut logs) = (taken.points, taken.records);
        loop {
            let bytes = logs.iter().map(LogRow::text_bytes).sum::<usize>()
                + points.iter().map(PointRow::text_bytes).sum::<usize>();
            if bytes <= BYTES_MAX && points.len() + logs.len() <= BATCH_ROWS_MAX {
                break;
            }
            // Records go first: each tells of one line, a point of many.
            let most = if logs.is_empty() { points.len() } else { logs.len() };
            let less = most.div_ceil(4);
            self.dropped += less as u64;
            if logs.is_empty() { points.truncate(most - less) } else { logs.truncate(most - less) }
        }
        self.pack(Rows { points, logs, ..Rows::default() }, note, now)
    }

    fn pack(&mut self, mut rows: Rows, note: Vec<u8>, now: i64) -> Option<Packed> {
        rows.points.iter_mut().for_each(|row| self.own_point(row));
        rows.logs.iter_mut().for_each(|row| self.own_log(row));
        let counts = Counts::of(&rows);
        match self.packer.pack_rows(&rows) {
            Ok(bytes) if bytes.len() <= BATCH_PACKED_MAX => Some(Packed {
                closed: now,
                class: u32::try_from(Class::Facts.index()).unwrap_or_default(),
                counts: counts.0.to_vec(),
                bytes,
                position: None,
                note,
            }),
            _ => {
                self.dropped += counts.total();
                None
            }
        }
    }

    fn own_point(&self, row: &mut PointRow) {
        row.agent.clone_from(&self.agent);
        row.start = row.start.clamp(0, INSTANT_MAX - 1);
    }

    fn own_log(&self, row: &mut LogRow) {
        row.agent.clone_from(&self.agent);
        row.start = row.start.clamp(0, INSTANT_MAX - 1);
        row.id = self.key.log(UnixNanos(row.start), &row.id);
    }
}

/// What one reading found.
#[derive(Debug, Default)]
pub struct Found {
    /// Points.
    pub points: Vec<PointRow>,
    /// Records.
    pub logs: Vec<LogRow>,
}

impl Sink for Found {
    fn point(&mut self, point: PointRow) {
        self.points.push(point);
    }

    fn record(&mut self, record: LogRow) {
        self.logs.push(record);
    }
}
