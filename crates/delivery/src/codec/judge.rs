//! Whether rows can be. Types were judged when they were decoded.

use arachne_model::table::{Kind, Row, Rows, Value};

use super::CodecError;
use crate::INSTANT_MAX;

/// Characters of an id.
const ID_CHARS_MAX: usize = 64;

/// Judges rows of a stranger before a store takes them: instants from 1970 to 2199, ends behind starts, ids of letters and
/// digits.
///
/// # Errors
/// [`CodecError::Row`]: the first row that cannot be.
pub fn judge(rows: &Rows) -> Result<(), CodecError> {
    table(&rows.exchanges)?;
    table(&rows.sessions)?;
    table(&rows.packets)?;
    table(&rows.bodies)?;
    table(&rows.quality)?;
    table(&rows.hosts)?;
    table(&rows.points)?;
    table(&rows.logs)
}

fn table<R: Row>(rows: &[R]) -> Result<(), CodecError> {
    let table = R::TABLE;
    let instants = table.columns.iter().enumerate().filter(|(_, column)| column.kind == Kind::Instant);
    let instants: Vec<usize> = instants.map(|(at, _)| at).collect();
    for (at, row) in rows.iter().enumerate() {
        let wrong = |column: usize, what: &'static str| CodecError::Row {
            table: table.name,
            row: at,
            column: table.columns[column].name,
            what,
        };
        for column in &instants {
            if let Value::Int(instant) = row.value(*column)
                && !(0..INSTANT_MAX).contains(&instant)
            {
                return Err(wrong(*column, "is no instant from 1970 to 2199"));
            }
        }
        if let Some(end) = table.end
            && let (Value::Int(from), Value::Int(to)) = (row.value(table.start), row.value(end))
            && to < from
        {
            return Err(wrong(end, "lies before its start"));
        }
        if let Some(id) = table.id
            && let Value::Text(text) = row.value(id)
            && !is_id(text)
        {
            return Err(wrong(id, "is no id: letters and digits"));
        }
    }
    Ok(())
}

fn is_id(text: &str) -> bool {
    (1..=ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
