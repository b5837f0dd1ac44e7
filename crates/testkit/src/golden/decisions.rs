//! Our decisions where tools differ: `decisions.txt`, one block per file.
//!
//! ```text
//! # comment
//! http/example.pcap: why we read it as below, with the packets that show it
//!   GET www.example.com /index.html 200
//!   - - - 400
//! ```
//! A row is method, host, path and query, status, with `-` for what is missing and `\u{20}` for a blank inside a target. A
//! file is named once.

use std::collections::BTreeMap;

use super::Row;

/// Shorter reasons say nothing.
const REASON_CHARS_MIN: usize = 8;

/// A blank that does not end its column.
const BLANK: &str = "\\u{20}";

/// The table that is checked in.
pub const TEXT: &str = include_str!("../../decisions.txt");

/// What we read in a file, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Why.
    pub reason: String,
    /// The exchanges.
    pub rows: Vec<Row>,
}

/// Decisions by file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions(BTreeMap<String, Decision>);

impl Decisions {
    /// Reads a table.
    ///
    /// # Errors
    /// The line and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut all = Self::default();
        let mut open: Option<String> = None;
        for (index, line) in text.lines().enumerate() {
            let wrong = |what: &str| format!("decisions, line {}: {what}", index + 1);
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            if line.starts_with(' ') {
                let file = open.as_ref().ok_or_else(|| wrong("a row before any file"))?;
                let row = row(line).ok_or_else(|| wrong("not `METHOD HOST PATH STATUS`"))?;
                all.0.entry(file.clone()).and_modify(|decision| decision.rows.push(row));
                continue;
            }
            let (file, reason) = line.split_once(": ").ok_or_else(|| wrong("not `FILE: REASON`"))?;
            if reason.trim().chars().count() < REASON_CHARS_MIN {
                return Err(wrong("a decision needs its reason"));
            }
            let decision = Decision { reason: reason.trim().to_owned(), rows: Vec::new() };
            if all.0.insert(file.to_owned(), decision).is_some() {
                return Err(wrong("the file is named twice"));
            }
            open = Some(file.to_owned());
        }
        Ok(all)
    }

    /// The decision for `file`.
    #[must_use]
    pub fn get(&self, file: &str) -> Option<&Decision> {
        self.0.get(file)
    }

    /// The files decided on.
    pub fn files(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }
}

fn row(line: &str) -> Option<Row> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let [method, host, uri, status] = columns[..] else { return None };
    let some = |column: &str| (column != "-").then(|| column.replace(BLANK, " "));
    let status = match some(status) {
        Some(status) => Some(status.parse().ok()?),
        None => None,
    };
    Some(Row::new(some(method).as_deref(), some(host).as_deref(), some(uri).as_deref(), status))
}

#[cfg(test)]
mod tests {
    use super::{Decisions, TEXT};
    use crate::golden::Row;

    #[test]
    fn the_checked_in_table_is_well_formed() {
        Decisions::parse(TEXT).expect("the table in the repository is read");
    }

    #[test]
    fn rows_belong_to_the_file_above() {
        let all = Decisions::parse(
            "# c\na.pcap: since it is so\n  GET - /x\\u{20}y 200\n  - - - 400\n\nb.pcap: it is empty\n",
        )
        .unwrap();
        let rows = [Row::new(Some("GET"), None, Some("/x y"), Some(200)), Row::new(None, None, None, Some(400))];
        assert_eq!(all.get("a.pcap").unwrap().rows, rows);
        assert!(all.get("b.pcap").unwrap().rows.is_empty());
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let table = [
            ("  GET - / 200", "line 1: a row before any file"),
            ("a.pcap", "line 1: not `FILE: REASON`"),
            ("a.pcap: x", "line 1: a decision needs its reason"),
            ("a.pcap: since it is so\n  GET / 200", "line 2: not `METHOD HOST PATH STATUS`"),
            ("a.pcap: since it is so\n  GET - / x", "line 2: not `METHOD HOST PATH STATUS`"),
            ("a.pcap: since it is so\na.pcap: since it is so", "line 2: the file is named twice"),
        ];
        for (text, error) in table {
            assert_eq!(Decisions::parse(text).unwrap_err(), format!("decisions, {error}"));
        }
    }
}
