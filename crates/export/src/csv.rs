//! CSV as RFC 4180 says, safe to open in a spreadsheet: a cell that a spreadsheet would take for a formula gets an
//! apostrophe in front (OWASP, CSV Injection).

use std::io::{self, Write};

use serde_json::Value as Json;

/// Writes the header line.
///
/// # Errors
/// Those of `out`.
pub fn write_header(out: &mut dyn Write, names: &[String]) -> io::Result<()> {
    write_line(out, names.iter().cloned())
}

/// Writes a row; null is an empty cell, a list or an object its JSON.
///
/// # Errors
/// Those of `out`.
pub fn write_row(out: &mut dyn Write, row: &[Json]) -> io::Result<()> {
    write_line(out, row.iter().map(text))
}

fn text(cell: &Json) -> String {
    match cell {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn write_line(out: &mut dyn Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    let mut line = String::new();
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            line.push(',');
        }
        push_cell(&mut line, &cell);
    }
    line.push_str("\r\n");
    out.write_all(line.as_bytes())
}

/// Controls become U+FFFD: neither a terminal nor a spreadsheet may obey them; tab and line ends stay, in quotes.
fn push_cell(line: &mut String, cell: &str) {
    let formula =
        cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let number = cell.parse::<f64>().is_ok_and(f64::is_finite);
    let guarded = if formula && !number { "'" } else { "" };
    if guarded.is_empty() && !cell.contains([',', '"', '\r', '\n', '\t']) && !cell.chars().any(char::is_control) {
        line.push_str(cell);
        return;
    }
    line.push('"');
    line.push_str(guarded);
    for character in cell.chars() {
        match character {
            '"' => line.push_str("\"\""),
            '\t' | '\r' | '\n' => line.push(character),
            other if other.is_control() => line.push('\u{fffd}'),
            other => line.push(other),
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cell: &str) -> String {
        let mut line = String::new();
        push_cell(&mut line, cell);
        line
    }

    #[test]
    fn cells_are_quoted_where_needed_and_never_formulas() {
        for (cell, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("+49", "+49"),
            ("-5", "-5"),
            ("-5+cmd", "\"'-5+cmd\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\tx", "\"'\tx\""),
            ("two\nlines", "\"two\nlines\""),
            ("\u{1b}[31m", "\"\u{fffd}[31m\""),
        ] {
            assert_eq!(line(cell), expected, "{cell:?}");
        }
    }

    #[test]
    fn a_table() {
        let mut out = Vec::new();
        write_header(&mut out, &["id".to_owned(), "n".to_owned()]).expect("a Vec takes every byte");
        write_row(&mut out, &["01J".into(), Json::Null]).expect("a Vec takes every byte");
        assert_eq!(String::from_utf8(out).expect("UTF-8"), "id,n\r\n01J,\r\n");
    }
}
