//! Marks: instants that people want to see on every time axis, such as a release or a note.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arachne_query::{Instant, When};
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::shelf::Shelf;
use crate::uploads::random_name;

/// Marks of a data folder.
pub(crate) const MARKS_MAX: usize = 10_000;
/// Bytes of what a mark says.
const TEXT_BYTES_MAX: usize = 500;
/// Bytes of a kind.
const KIND_BYTES_MAX: usize = 32;
/// Bytes of a service, and of the value of a label.
const VALUE_BYTES_MAX: usize = 200;
/// Labels, and bytes of the name of one.
const LABELS_MAX: usize = 10;
const LABEL_BYTES_MAX: usize = 64;

/// A mark as it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewMark {
    /// When; now unless given. RFC 3339, a number since 1970 in s, ms, us or ns, `now`, `-1h`.
    #[schema(value_type = Option<String>)]
    pub at: Option<When>,
    /// `release`, `note`, or another word of at most 32 letters, digits and `_-`; `note` unless given.
    #[schema(value_type = Option<String>)]
    pub kind: Option<String>,
    /// What is said: one line, 1 to 500 bytes.
    pub text: String,
    /// The service that it is about; all unless given.
    pub service: Option<String>,
    /// Whatever else is to be known of it: at most 10 texts of 200 bytes by name.
    pub labels: BTreeMap<String, String>,
}

/// A mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Mark {
    /// Its id.
    pub id: String,
    /// When.
    #[schema(value_type = String)]
    pub at: Instant,
    /// `release`, `note`, or another word.
    pub kind: String,
    /// What is said.
    pub text: String,
    /// The service that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Whatever else is known of it.
    pub labels: BTreeMap<String, String>,
    /// Who set it.
    pub by: String,
}

/// A mark as it is kept: its instant is a number.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    id: String,
    at: i64,
    kind: String,
    text: String,
    service: Option<String>,
    labels: BTreeMap<String, String>,
    by: String,
}

impl From<Kept> for Mark {
    fn from(Kept { id, at, kind, text, service, labels, by }: Kept) -> Self {
        Self { id, at: Instant(at), kind, text, service, labels, by }
    }
}

/// Why a mark was not set, as people read it.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.detail)]
pub struct MarkError(pub(crate) Problem);

impl From<Problem> for MarkError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

/// Marks by instant and id.
type Known = BTreeMap<(i64, String), Mark>;

/// The marks of a data folder. Only who holds the folder may have one.
#[derive(Debug)]
pub struct Marks {
    shelf: Shelf,
    /// What is on the shelf, once it was read.
    known: Mutex<Option<Known>>,
}

impl Marks {
    /// The marks in the data folder `data`; they are read when they are asked for.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self { shelf: Shelf::new(data, "marks", "marks", MARKS_MAX), known: Mutex::default() }
    }

    /// Sets a mark at `now` (nanoseconds since the Unix epoch) unless it says when. Durable when it returns. Blocks.
    ///
    /// # Errors
    /// When something is too long or no text, there are 10 000, or it cannot be written.
    pub fn add(&self, mark: NewMark, by: &str, now: i64) -> Result<Mark, MarkError> {
        let kept = checked(mark, by, now)?;
        let mut known = self.known()?;
        self.shelf.put(&kept.id, &kept)?;
        let mark = Mark::from(kept);
        known.get_or_insert_default().insert((mark.at.0, mark.id.clone()), mark.clone());
        Ok(mark)
    }

    /// Removes a mark; whether there was one. Blocks.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, id: &str) -> Result<bool, MarkError> {
        let mut known = self.known()?;
        let was = self.shelf.remove(id)?;
        known.get_or_insert_default().retain(|(_, other), _| other != id);
        Ok(was)
    }

    /// The newest `limit` marks in `[from, to)` by time, and how many there are in it. Blocks when they are first asked for.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn between(&self, from: i64, to: i64, limit: usize) -> Result<(Vec<Mark>, usize), MarkError> {
        let mut known = self.known()?;
        if from >= to {
            return Ok((Vec::new(), 0));
        }
        let inside = known.get_or_insert_default().range((from, String::new())..(to, String::new()));
        let all = inside.clone().count();
        Ok((inside.skip(all.saturating_sub(limit)).map(|(_, mark)| mark.clone()).collect(), all))
    }

    /// All of them, read where they were not before.
    fn known(&self) -> Result<MutexGuard<'_, Option<Known>>, Problem> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            let kept = self.shelf.all::<Kept>()?;
            *known = Some(kept.into_iter().map(|mark| ((mark.at, mark.id.clone()), mark.into())).collect());
        }
        Ok(known)
    }
}

fn wrong(field: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new("bad-request", detail).at(field)
}

fn line(field: &'static str, text: &str, max: usize) -> Result<(), Problem> {
    if text.is_empty() || text.len() > max || text.trim() != text || text.chars().any(char::is_control) {
        let detail =
            format!("write 1 to {max} bytes of text in one line, without control characters and blanks at its ends");
        return Err(wrong(field, detail));
    }
    Ok(())
}

fn word(text: &str, max: usize, more: &[char]) -> bool {
    (1..=max).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(&c))
}

fn checked(mark: NewMark, by: &str, now: i64) -> Result<Kept, Problem> {
    let NewMark { at, kind, text, service, labels } = mark;
    let kind = kind.unwrap_or_else(|| "note".to_owned());
    line("text", &text, TEXT_BYTES_MAX)?;
    service.as_ref().map_or(Ok(()), |service| line("service", service, VALUE_BYTES_MAX))?;
    if !word(&kind, KIND_BYTES_MAX, &['_', '-']) {
        let detail = format!("a kind is 1 to {KIND_BYTES_MAX} letters, digits, _ and -, such as release or note");
        return Err(wrong("kind", detail));
    }
    if labels.len() > LABELS_MAX || !labels.keys().all(|name| word(name, LABEL_BYTES_MAX, &['_', '-', '.'])) {
        let detail = format!(
            "at most {LABELS_MAX} labels, each with a name of 1 to {LABEL_BYTES_MAX} letters, digits, dots, _ and -"
        );
        return Err(wrong("labels", detail));
    }
    labels.values().try_for_each(|value| line("labels", value, VALUE_BYTES_MAX))?;
    let at = at.map_or(now, |at| at.resolve(now));
    Ok(Kept { id: random_name()?, at, kind, text, service, labels, by: by.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(text: &str, at: i64) -> NewMark {
        NewMark { text: text.to_owned(), at: Some(When::At(at)), ..NewMark::default() }
    }

    #[test]
    fn marks_are_there_after_a_start_in_their_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let marks = Marks::new(folder.path());
        let second = marks.add(note("second", 20), "me", 7).expect("room");
        marks.add(note("first", 10), "me", 7).expect("room");
        let now = marks.add(NewMark { text: "now".to_owned(), ..NewMark::default() }, "me", 7).expect("room");
        assert_eq!((now.at, now.kind.as_str(), now.by.as_str()), (Instant(7), "note", "me"));
        for marks in [&marks, &Marks::new(folder.path())] {
            let texts = |from, to, limit| {
                let (marks, all) = marks.between(from, to, limit).expect("readable");
                (marks.into_iter().map(|mark| mark.text).collect::<Vec<_>>(), all)
            };
            let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
            assert_eq!(texts(i64::MIN, i64::MAX, 9), (words(&["now", "first", "second"]), 3));
            assert_eq!(texts(10, 20, 9), (words(&["first"]), 1), "the end is outside");
            assert_eq!(texts(i64::MIN, i64::MAX, 2), (words(&["first", "second"]), 3), "the newest");
            assert_eq!(texts(20, 10, 9), (vec![], 0));
        }
        assert!(marks.remove(&second.id).expect("writable") && !marks.remove(&second.id).expect("writable"));
        assert_eq!(Marks::new(folder.path()).between(0, 100, 9).expect("readable").1, 2);
    }
}
