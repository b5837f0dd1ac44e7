//! Cells and rows as JSON, the same in answers of the API and in ndjson.
//!
//! Instants are RFC 3339 with nine digits, UTC; durations are nanoseconds; text that was not UTF-8 has U+FFFD since it was
//! stored; bytes are base64.

use std::io::{self, Write};

use arachne_model::table::{Kind, Value};
use arachne_store::Scalar;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value as Json;

/// An instant in nanoseconds since the Unix epoch as `2026-01-31T23:59:59.123456789Z`.
#[must_use]
pub fn instant(nanos: i64) -> String {
    // 64-bit nanoseconds lie in the years 1677 to 2262, which jiff covers.
    Timestamp::from_nanosecond(i128::from(nanos)).map_or_else(|_| nanos.to_string(), |at| format!("{at:.9}"))
}

/// A value of a column of this kind.
#[must_use]
pub fn cell(kind: Kind, value: Value<'_>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => flag.into(),
        Value::Int(nanos) if kind == Kind::Instant => instant(nanos).into(),
        // A hash is compared, never computed with, and JavaScript's numbers would round it.
        Value::Int(hash) if kind == Kind::Hash => format!("{hash:016x}").into(),
        Value::Int(number) => number.into(),
        Value::Text(text) => text.into(),
        Value::Bytes(bytes) => STANDARD.encode(bytes).into(),
    }
}

/// The values of a row as cells; `kinds` are those of its columns.
#[must_use]
pub fn cells(kinds: &[Kind], row: &[Scalar]) -> Vec<Json> {
    kinds.iter().zip(row).map(|(kind, value)| cell(*kind, value.as_value())).collect()
}

/// Writes a row as one JSON object on a line of its own. Characters that a terminal would obey are escaped.
///
/// # Errors
/// Those of `out`.
pub fn write_row(out: &mut dyn Write, names: &[String], row: &[Json]) -> io::Result<()> {
    let mut line = String::with_capacity(512);
    line.push('{');
    for (name, value) in names.iter().zip(row) {
        if line.len() > 1 {
            line.push(',');
        }
        escape_deceptive(&Json::from(name.as_str()).to_string(), &mut line);
        line.push(':');
        escape_deceptive(&value.to_string(), &mut line);
    }
    line.push_str("}\n");
    out.write_all(line.as_bytes())
}

/// Copies JSON text with C1 controls, DEL and characters that reorder text as `\u` escapes. They occur in strings alone,
/// so the meaning stays.
fn escape_deceptive(json: &str, line: &mut String) {
    for character in json.chars() {
        match character {
            '\u{7f}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => {
                line.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            _ => line.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_decide_the_form() {
        assert_eq!(cell(Kind::Instant, Value::Int(1_700_000_000_000_000_001)), "2023-11-14T22:13:20.000000001Z");
        assert_eq!(cell(Kind::Instant, Value::Int(i64::MIN)), "1677-09-21T00:12:43.145224192Z");
        assert_eq!(cell(Kind::Duration, Value::Int(5)), 5);
        assert_eq!(cell(Kind::Hash, Value::Int(-1)), "ffffffffffffffff");
        assert_eq!(cell(Kind::Text, Value::Text("a\"b")), "a\"b");
        assert_eq!(cell(Kind::Bytes, Value::Bytes(b"\xff")), "/w==");
        assert_eq!(cell(Kind::Flag, Value::Null), Json::Null);
    }

    #[test]
    fn a_row_is_one_harmless_line() {
        let row =
            cells(&[Kind::Text, Kind::Instant], &[Scalar::Text("a\n\u{1b}[31m\u{202e}\u{9b}".into()), Scalar::Int(0)]);
        let mut out = Vec::new();
        write_row(&mut out, &["url.path".to_owned(), "start".to_owned()], &row).expect("a Vec takes every byte");
        let text = String::from_utf8(out).expect("JSON is UTF-8");
        assert_eq!(text.matches('\n').count(), 1);
        assert!(text.trim_end().chars().all(|c| !c.is_control() && c != '\u{202e}'), "{text}");
        let parsed: Json = serde_json::from_str(&text).expect("valid JSON");
        assert_eq!(parsed["url.path"], "a\n\u{1b}[31m\u{202e}\u{9b}");
    }
}
