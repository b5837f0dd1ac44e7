//! Recordings moved in time, for demonstrations: all sources by the same distance, and of rows of a spool the names, too.

use std::path::Path;

use arachne_delivery::codec::decode;
use arachne_delivery::spool;
use arachne_model::UnixNanos;
use arachne_model::table::{Kind, Row, Value};
use arachne_store::Rows;

use super::spool::path_of;
use crate::interrupt::Interrupt;
use crate::read::capture::latest;
use crate::read::source::Source;

/// Series have windows of ten seconds: what is moved stays in whole ones.
const WINDOW: i64 = 10_000_000_000;
/// An id is 26 characters, of which the first ten are milliseconds. Source: crockford.com/base32.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ID_CHARS: usize = 26;
const TIME_CHARS: usize = 10;

/// By how many nanoseconds all of `sources` are to be moved, so that the last of what they tell is at `end`; where a spool file is among
/// them up to ten seconds before. All are read for it; what cannot be read has no say: who reads it again says why.
pub fn distance(sources: &[Source], end: UnixNanos, interrupt: &Interrupt) -> i64 {
    let last = |source: &Source| match path_of(source) {
        Some(file) => last_in(file, interrupt),
        None => latest(source, interrupt).map(|last| last.0),
    };
    let Some(last) = sources.iter().filter_map(last).max() else { return 0 };
    let by = end.0.saturating_sub(last);
    let whole = sources.iter().any(|source| path_of(source).is_some());
    if whole { by.div_euclid(WINDOW).saturating_mul(WINDOW) } else { by }
}

/// The last instant that a spool file tells of.
fn last_in(file: &Path, interrupt: &Interrupt) -> Option<i64> {
    let mut last = None;
    let mut file = spool::read_file(file).ok()?;
    while !interrupt.is_set()
        && let Ok(Some(batch)) = file.next_batch()
    {
        let rows = batch.and_then(|batch| decode(batch.tables, &mut 0));
        last = last.max(rows.ok().as_ref().and_then(last_of));
    }
    last
}

/// The end of the last window, or the last instant where there are no series.
fn last_of(rows: &Rows) -> Option<i64> {
    let windows = rows.points.iter().map(|point| point.start.saturating_add(point.width)).max();
    let starts = rows.exchanges.iter().map(|row| row.start).chain(rows.logs.iter().map(|row| row.start));
    windows.or_else(|| starts.max())
}

/// Moves rows by `nanos`, a multiple of the window.
pub fn move_by(rows: &mut Rows, nanos: i64) {
    fn all<R: Row>(rows: &mut [R], nanos: i64) {
        for row in rows {
            for (at, column) in R::TABLE.columns.iter().enumerate() {
                match (column.kind, row.value(at)) {
                    (Kind::Instant, Value::Int(instant)) => {
                        row.set(at, Value::Int(instant.saturating_add(nanos)));
                    }
                    (Kind::Id, Value::Text(id)) => {
                        if let Some(id) = later(id, nanos / 1_000_000) {
                            row.set(at, Value::Text(&id));
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    if nanos == 0 {
        return;
    }
    all(&mut rows.exchanges, nanos);
    all(&mut rows.sessions, nanos);
    all(&mut rows.packets, nanos);
    all(&mut rows.bodies, nanos);
    all(&mut rows.quality, nanos);
    all(&mut rows.hosts, nanos);
    all(&mut rows.points, nanos);
    all(&mut rows.logs, nanos);
}

/// An id of a row that is later by so many milliseconds; None for the id of anything else, such as a request.
fn later(id: &str, millis: i64) -> Option<String> {
    let digit = |byte: u8| ALPHABET.iter().position(|known| *known == byte);
    if id.len() != ID_CHARS || !id.bytes().all(|byte| digit(byte).is_some()) {
        return None;
    }
    let (time, rest) = id.split_at(TIME_CHARS);
    let time = time.bytes().try_fold(0_i64, |time, byte| Some(time << 5 | i64::try_from(digit(byte)?).ok()?))?;
    let time = time.saturating_add(millis).clamp(0, (1 << 48) - 1);
    let digits = (0..TIME_CHARS).rev().map(|at| char::from(ALPHABET[(time >> (5 * at)) as usize & 31]));
    Some(digits.chain(rest.chars()).collect())
}

#[cfg(test)]
mod tests {
    use arachne_model::table::{LogRow, PointRow};

    use super::*;

    #[test]
    fn instants_and_the_names_made_of_them_move_and_nothing_else() {
        let point = PointRow { start: 20 * WINDOW, width: WINDOW, sum: 7, ..PointRow::default() };
        let log = LogRow {
            id: "01KAH000000000000000000001".to_owned(),
            start: 1_795_255_200_000_000_000,
            request: Some("0123456789abcdef0123456789abcdef".to_owned()),
            offset: 9,
            ..LogRow::default()
        };
        let mut rows = Rows { points: vec![point.clone()], logs: vec![log.clone()], ..Rows::default() };
        assert_eq!(last_of(&rows), Some(21 * WINDOW));
        move_by(&mut rows, 3 * WINDOW);
        assert_eq!(rows.points, [PointRow { start: 23 * WINDOW, ..point }]);
        let moved = &rows.logs[0];
        assert_eq!((moved.start - log.start, moved.offset, &moved.request), (3 * WINDOW, 9, &log.request));
        assert_eq!(moved.id, later(&log.id, 30_000).expect("an id"));
        assert_eq!(later(&moved.id, -30_000), Some(log.id));
        assert!(moved.id.as_str() > "01KAH000000000000000000001");
        assert_eq!(later("no id of a row", 1), None);
    }
}
