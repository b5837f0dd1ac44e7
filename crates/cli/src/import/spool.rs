//! A spool file of an agent as a source: what it recorded without a server, or what its server never got.

use std::path::Path;

use arachne_capture::rows::Tally;
use arachne_delivery::codec::{CodecError, decode, judge};
use arachne_delivery::proto::Batch;
use arachne_delivery::sender_end;
use arachne_delivery::spool::{self, SpoolError};
use arachne_store::{Import, Rows, Store, StoreError};
use arachne_telemetry::chain;

use super::later;
use super::one::Done;
use crate::interrupt::Interrupt;
use crate::read::notice::Notice;
use crate::read::source::{Input, Note, Source, SourceReport};

/// What is told of a spool file in the place of options: its rows were made by the agent.
pub const OPTIONS: &str = "rows of an agent";
/// Damaged places that are told.
const NOTES_MAX: usize = 100;

/// The file of a source that is a spool file.
#[must_use]
pub fn path_of(source: &Source) -> Option<&Path> {
    match source.inputs.as_slice() {
        [Input::File(path)] if spool::is_file(path) => Some(path),
        _ => None,
    }
}

/// What is imported.
#[derive(Clone, Copy)]
pub struct From<'a> {
    /// The file.
    pub path: &'a Path,
    /// What its content is named.
    pub hash: &'a str,
    /// Where its agent may have delivered batches of it.
    pub store: &'a dyn Store,
    /// By how many nanoseconds its rows are moved in time.
    pub moved_ns: i64,
}

/// Imports a file, but for batches that its agent had delivered. What is damaged in it is told and left out.
pub fn import(
    from: &From<'_>,
    mut into: Box<dyn Import>,
    interrupt: &Interrupt,
) -> (SourceReport, Tally, Result<Done, StoreError>) {
    let mut report = SourceReport::default();
    let done = match read(from, &mut *into, interrupt, &mut report) {
        Ok(true) => into.finish().map(Done::Stored),
        Ok(false) => Ok(Done::Unfinished),
        Err(error) => Err(error),
    };
    (report, Tally::default(), done)
}

/// Whether the file gave all it will ever give.
fn read(
    &From { path, hash, store, moved_ns }: &From<'_>,
    into: &mut dyn Import,
    interrupt: &Interrupt,
    report: &mut SourceReport,
) -> Result<bool, StoreError> {
    let mut note = |notice| {
        if report.notes.len() < NOTES_MAX {
            report.notes.push(Note { file: path.to_string_lossy().into_owned(), notice });
        }
    };
    let mut file = match spool::read_file(path) {
        Ok(file) => file,
        Err(error) => {
            note(notice(&error));
            return Ok(false);
        }
    };
    let (mut batches, mut delivered) = (0_u64, 0);
    loop {
        let batch = match file.next_batch() {
            Ok(None) => break,
            Ok(Some(batch)) => batch,
            Err(error) => {
                note(notice(&error));
                return Ok(false);
            }
        };
        if interrupt.is_set() {
            return Ok(false);
        }
        batches += 1;
        match batch.and_then(|batch| rows_of(batch, store)) {
            Ok(Some(mut rows)) => {
                later::move_by(&mut rows, moved_ns);
                into.push(own(rows, hash))?;
            }
            Ok(None) => delivered += 1,
            Err(error) => {
                let offset = file.offset();
                note(Notice::Damaged { offset, error: format!("{} in the batch at offset {offset}", chain(&error)) });
            }
        }
    }
    if delivered > 0 {
        note(Notice::Delivered { batches: delivered });
    }
    for finding in file.findings() {
        note(Notice::Damaged { offset: finding.offset, error: finding.to_string() });
    }
    report.bytes_read = file.length();
    // A file that gave nothing for its damage is asked again another time, as captures are.
    Ok(batches > 0 || file.findings().is_empty())
}

fn notice(error: &SpoolError) -> Notice {
    match error {
        SpoolError::Io { source, .. } => Notice::cannot_open(source),
        SpoolError::Newer { .. } => Notice::Refused { error: error.to_string() },
    }
}

/// The rows of a batch; none where the store got it from the agent itself.
fn rows_of(batch: Batch, store: &dyn Store) -> Result<Option<Rows>, CodecError> {
    if store.has(&sender_end(batch.epoch, batch.lane()), batch.sequence) {
        return Ok(None);
    }
    let mut unknown = 0;
    let rows = decode(batch.tables, &mut unknown)?;
    judge(&rows)?;
    Ok(Some(rows))
}

/// Rows of this source. What was open when it was told has its end in another row.
fn own(mut rows: Rows, hash: &str) -> Rows {
    rows.exchanges.retain(|row| !row.provisional);
    rows.exchanges.iter_mut().for_each(|row| hash.clone_into(&mut row.source));
    rows.sessions.iter_mut().for_each(|row| hash.clone_into(&mut row.source));
    rows.quality.iter_mut().for_each(|row| hash.clone_into(&mut row.source));
    rows.hosts.iter_mut().for_each(|row| hash.clone_into(&mut row.source));
    rows
}
