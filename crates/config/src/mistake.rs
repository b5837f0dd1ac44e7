//! What is wrong with a file, for people: where, what, and what to write instead.

use std::fmt;

/// A mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1; 0 when it is about the whole file.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The key with those above it, such as `storage.retention`; empty when it is about none.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// All mistakes of a file, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    file: String,
    /// The source lines of the mistakes with what may be secret left out.
    lines: Vec<String>,
    /// The mistakes.
    pub list: Vec<Mistake>,
}

impl Mistakes {
    pub(crate) fn new(file: &str, text: &str, mut list: Vec<Mistake>) -> Self {
        list.sort_by_key(|mistake| (mistake.line, mistake.column));
        let line = |at: usize| at.checked_sub(1).and_then(|at| text.lines().nth(at)).unwrap_or_default();
        let lines = list.iter().map(|mistake| shown(line(mistake.line))).collect();
        Self { file: file.to_owned(), lines, list }
    }

    /// A mistake about the file itself.
    pub(crate) fn of_file(file: &str, message: String) -> Self {
        let mistake = Mistake { line: 0, column: 0, key: String::new(), message };
        Self { file: file.to_owned(), lines: vec![String::new()], list: vec![mistake] }
    }
}

/// The part of a line that names a key: a value may be a secret, so messages quote it where it cannot be one.
fn shown(line: &str) -> String {
    let end = line.find(": ").map_or(line.len(), |at| at + 1);
    let known = line.trim_end().ends_with(':') || end < line.len();
    let text = if known { line[..end].trim_end() } else { "" };
    text.chars().take(100).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (mistake, line)) in self.list.iter().zip(&self.lines).enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{}", self.file)?;
            if mistake.line > 0 {
                write!(f, ":{}:{}", mistake.line, mistake.column)?;
            }
            write!(f, ": ")?;
            if !mistake.key.is_empty() {
                write!(f, "{}: ", mistake.key)?;
            }
            write!(f, "{}", mistake.message)?;
            if !line.trim().is_empty() {
                let column = mistake.column.min(line.chars().count() + 1);
                write!(f, "\n  {:>4} | {line}\n       | {:>column$}", mistake.line, "^")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
