//! Our decisions where tools differ: `decisions.txt`, one block per file.
//!
//! ```text
//! # comment
//! http/example.pcap: why we read it so, with the packets that show it
//!   2 rows, cbf29ce484222325
//! ```
//! The captures are other people's data, so their rows are not written down: how many there are and a digest of them
//! ([`digest`]) tell whether the result is still the one that was decided. A file is named once.

use std::collections::BTreeMap;

use super::Row;

/// Shorter reasons say nothing.
const REASON_CHARS_MIN: usize = 8;

/// The table that is checked in.
pub const TEXT: &str = include_str!("../../decisions.txt");

/// What we read in a file, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Why.
    pub reason: String,
    /// Number of exchanges.
    pub rows: usize,
    /// Their [`digest`].
    pub digest: u64,
}

/// A digest of a multiset of rows: FNV-1a, 64 bits, over their sorted lines. Tells a change; no protection against
/// intent is needed.
#[must_use]
pub fn digest(rows: &[Row]) -> u64 {
    let mut lines: Vec<String> = rows.iter().map(|row| format!("{row}\n")).collect();
    lines.sort_unstable();
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    lines.iter().flat_map(|line| line.bytes()).fold(0xcbf2_9ce4_8422_2325, step)
}

impl Decision {
    /// Whether `rows` are what was decided.
    #[must_use]
    pub fn holds(&self, rows: &[Row]) -> bool {
        self.rows == rows.len() && self.digest == digest(rows)
    }
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
                let (rows, digest) = facts(line).ok_or_else(|| wrong("not `N rows, DIGEST`"))?;
                all.0.entry(file.clone()).and_modify(|decision| (decision.rows, decision.digest) = (rows, digest));
                continue;
            }
            let (file, reason) = line.split_once(": ").ok_or_else(|| wrong("not `FILE: REASON`"))?;
            if reason.trim().chars().count() < REASON_CHARS_MIN {
                return Err(wrong("a decision needs its reason"));
            }
            let decision = Decision { reason: reason.trim().to_owned(), rows: 0, digest: digest(&[]) };
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

fn facts(line: &str) -> Option<(usize, u64)> {
    let (rows, digest) = line.trim().split_once(" rows, ")?;
    Some((rows.parse().ok()?, u64::from_str_radix(digest, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::{Decisions, TEXT, digest};
    use crate::golden::Row;

    #[test]
    fn the_checked_in_table_is_well_formed() {
        Decisions::parse(TEXT).expect("the table in the repository is read");
    }

    #[test]
    fn a_decision_holds_for_its_rows_in_any_order() {
        let rows = [Row::new(Some("GET"), None, Some("/x y"), Some(200)), Row::new(None, None, None, Some(400))];
        let text = format!("# c\na.pcap: since it is so\n  2 rows, {:016x}\n\nb.pcap: it is empty\n", digest(&rows));
        let all = Decisions::parse(&text).unwrap();
        let turned = [rows[1].clone(), rows[0].clone()];
        assert!(all.get("a.pcap").unwrap().holds(&rows) && all.get("a.pcap").unwrap().holds(&turned));
        assert!(!all.get("a.pcap").unwrap().holds(&rows[..1]));
        assert!(all.get("b.pcap").unwrap().holds(&[]));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let table = [
            ("  1 rows, 0", "line 1: a row before any file"),
            ("a.pcap", "line 1: not `FILE: REASON`"),
            ("a.pcap: x", "line 1: a decision needs its reason"),
            ("a.pcap: since it is so\n  GET / 200", "line 2: not `N rows, DIGEST`"),
            ("a.pcap: since it is so\n  1 rows, x", "line 2: not `N rows, DIGEST`"),
            ("a.pcap: since it is so\na.pcap: since it is so", "line 2: the file is named twice"),
        ];
        for (text, error) in table {
            assert_eq!(Decisions::parse(text).unwrap_err(), format!("decisions, {error}"));
        }
    }
}
