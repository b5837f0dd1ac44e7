//! The questions that an operator asks most, through `arachne_query` as the API asks them.

use std::time::Instant;

use arachne_query::{HistogramQuery, ListQuery, Queries, QueryError, Rank, Scope, Span, TopQuery, When};
use arachne_store::{Store, Unwatched};
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::rows::{DAY, DAY_NS, Day, RARE_WORD};

const HOUR: i64 = 3_600_000_000_000;
/// Width of a bucket: 300 of them are a day.
const STEP: i64 = DAY_NS / 300;
/// What a row of a list shows.
const COLUMNS: [&str; 7] = ["start", "id", "method", "path", "status", "duration", "service"];

/// Asks a store.
pub struct Asking<'a> {
    /// Whom.
    pub store: &'a dyn Store,
    /// How often each question is asked, beside the first time.
    pub runs: usize,
    /// The name of the only question that is asked.
    pub only: Option<&'a str>,
}

impl Asking<'_> {
    /// Asks everything about the rows of `day`, which are `rows`: per question the times of all runs in milliseconds, what
    /// was looked for, and the answer.
    pub fn all(&self, day: &Day, rows: u64) -> Result<Vec<Json>, QueryError> {
        let (looked_up, pasted) = (day.row(rows / 2), day.row(rows / 2 + 1));
        let pasted = pasted.request_id.unwrap_or_default();
        let histogram = HistogramQuery { scope: a_day(), step: Some(Span(STEP)), ..HistogramQuery::default() };
        let top = TopQuery {
            scope: range(DAY + 6 * HOUR, DAY + 12 * HOUR),
            order: Rank::Duration,
            limit: 20,
            ..TopQuery::default()
        };
        let newest = list(a_day(), "status:>=500 path:*abc*");
        let (rare_path, rare_text) = (list(all(), &format!("path:*{RARE_WORD}*")), list(all(), RARE_WORD));
        let pasted_id = list(all(), &pasted);
        let all = [
            self.ask("histogram", "", |queries| queries.histogram(&histogram))?,
            self.ask("top", "", |queries| queries.top(&top))?,
            self.ask("newest", "abc", |queries| queries.list(&newest))?,
            self.ask("rare_path", RARE_WORD, |queries| queries.list(&rare_path))?,
            self.ask("rare_text", RARE_WORD, |queries| queries.list(&rare_text))?,
            self.ask("pasted_id", &pasted, |queries| queries.list(&pasted_id))?,
            self.ask("by_id", &looked_up.id, |queries| queries.exchange(&looked_up.id))?,
        ];
        Ok(all.into_iter().flatten().collect())
    }

    fn ask<T: Serialize>(
        &self,
        name: &str,
        needle: &str,
        question: impl Fn(&Queries<'_>) -> Result<T, QueryError>,
    ) -> Result<Option<Json>, QueryError> {
        if self.only.is_some_and(|only| only != name) {
            return Ok(None);
        }
        let queries = Queries::new(self.store, DAY + DAY_NS, &Unwatched);
        let mut milliseconds = Vec::new();
        let mut answer = question(&queries)?;
        for _ in 0..self.runs {
            let began = Instant::now();
            answer = question(&queries)?;
            milliseconds.push(began.elapsed().as_secs_f64() * 1e3);
        }
        Ok(Some(json!({"name": name, "needle": needle, "ms": milliseconds, "answer": answer})))
    }
}

fn range(from: i64, to: i64) -> Scope {
    Scope { from: Some(When::At(from)), to: Some(When::At(to)), ..Scope::default() }
}

/// What an import beside adds is not in it.
fn a_day() -> Scope {
    range(DAY, DAY + DAY_NS)
}

/// All that the store has.
fn all() -> Scope {
    Scope::default()
}

fn list(scope: Scope, filter: &str) -> ListQuery {
    ListQuery {
        scope: Scope { filter: filter.to_owned(), ..scope },
        columns: COLUMNS.map(str::to_owned).to_vec(),
        limit: 100,
        ..ListQuery::default()
    }
}
