//! Batches become rows of the store: unpacked, judged, named by who sent them, made durable.

use arachne_delivery::codec::{self, CodecError};
use arachne_delivery::proto::{Ack, Lane};
use arachne_model::table::Rows;
use arachne_store::{Store, StoreError, Token};

use crate::problem::Problem;

/// Seconds until a disk that is full or fails is tried again.
const FULL_AGAIN: u64 = 30;

/// A batch that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// What its sender is told.
    pub ack: Ack,
    /// When it was closed, by the agent's clock, of the live lane.
    pub closed: Option<i64>,
}

/// Makes the rows of a packed batch of `agent` durable; one that was there before changes nothing. Blocks.
///
/// # Errors
/// A problem of the batch (400, 413, 422: the same bytes never fit), or of the store (500, 507: later they may).
pub(crate) fn store(store: &dyn Store, agent: &str, packed: &[u8]) -> Result<Stored, Problem> {
    let batch = codec::unpack(packed).map_err(|error| bad(&error))?;
    let lane = Lane::try_from(batch.lane).map_err(|_| bad(&CodecError::Lane { lane: batch.lane }))?;
    let mut values_unknown = 0;
    let mut rows = codec::decode(batch.tables, &mut values_unknown).map_err(|error| bad(&error))?;
    codec::judge(&rows).map_err(|error| bad(&error))?;
    own(&mut rows, agent);
    let count = rows.len() as u64;
    let token = Token { sender: arachne_delivery::sender(agent, batch.epoch, lane), sequence: batch.sequence };
    let new = store.append(&token, rows).map_err(|error| match &error {
        // What a store refuses of rows that are in order is their number.
        StoreError::Refused(reason) => Problem::new("too-large", reason.clone()),
        StoreError::Full { .. } => Problem::from(&error).again_after(FULL_AGAIN),
        StoreError::Io { .. } => {
            // What is wrong, with its files, goes to the log.
            let _ = Problem::from(&error);
            let detail =
                "the disk of the server does not take what was sent: nothing of it was kept, send it again later";
            Problem::new("unwritable", detail).again_after(FULL_AGAIN)
        }
        _ => Problem::from(&error),
    })?;
    let ack = Ack {
        epoch: batch.epoch,
        lane: batch.lane,
        sequence: batch.sequence,
        seen_before: !new,
        rows: count,
        values_unknown,
    };
    Ok(Stored { ack, closed: (lane == Lane::Live).then_some(batch.closed) })
}

fn bad(error: &CodecError) -> Problem {
    let text = arachne_telemetry::chain(error).to_string();
    match error {
        CodecError::Packed { .. } | CodecError::Unpacked { .. } | CodecError::Rows => Problem::new("too-large", text),
        CodecError::Version { .. } => Problem::new("version", text),
        CodecError::Column { table, .. } | CodecError::Row { table, .. } | CodecError::TableTwice { table } => {
            Problem::new("bad-batch", text).at(table)
        }
        _ => Problem::new("bad-batch", text),
    }
}

/// The rows are this agent's, whatever they say of themselves.
fn own(rows: &mut Rows, agent: &str) {
    for row in &mut rows.exchanges {
        agent.clone_into(&mut row.source);
        agent.clone_into(&mut row.agent);
    }
    for row in &mut rows.sessions {
        agent.clone_into(&mut row.source);
        agent.clone_into(&mut row.agent);
    }
    for row in &mut rows.quality {
        agent.clone_into(&mut row.source);
        agent.clone_into(&mut row.agent);
    }
    rows.hosts.iter_mut().for_each(|row| agent.clone_into(&mut row.source));
    rows.points.iter_mut().for_each(|row| agent.clone_into(&mut row.agent));
    rows.logs.iter_mut().for_each(|row| agent.clone_into(&mut row.agent));
}

#[cfg(test)]
mod tests;
