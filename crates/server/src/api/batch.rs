//! Many questions in one stream of lines: each panel as it is done, and how far all is meanwhile.

use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use arachne_query::{Panel, PanelAnswer, Queries, QueryError, limits};
use arachne_store::Watch;
use axum::extract::Extension;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::api::lists::allowed;
use crate::app::now;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::running::Work;
use crate::stream::{NDJSON, Pipe, broken};
use crate::strict::Json;
use crate::work::Job;

/// Time between two lines of progress while a pass goes on.
const PROGRESS: Duration = Duration::from_millis(250);

/// Many questions at once.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchQuery {
    /// The questions; those about the same rows share one pass over them.
    #[schema(max_items = 100)]
    panels: Vec<Panel>,
}

/// A line of the answer to many questions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BatchLine {
    /// A panel is done, or the rows of a list are there whose total comes in a second line of the panel.
    Panel(Box<BatchPanel>),
    /// How far all is.
    Progress(BatchProgress),
    /// All is told; without this line the answer is not whole.
    End(BatchProgress),
    /// It ended before its time.
    #[allow(dead_code, reason = "written by the stream itself; here for the documentation")]
    Problem(Problem),
}

/// A panel that is done.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BatchPanel {
    /// Its place in the request, from 0.
    at: usize,
    /// Its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<PanelAnswer>,
    /// Why it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

/// How far a batch is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BatchProgress {
    /// Panels done.
    panels: usize,
    /// Panels asked for.
    panels_total: usize,
    /// Rows of the last pass that were looked at or skipped.
    rows: u64,
    /// Rows of that pass.
    rows_total: u64,
}

/// Many questions at once, answered as a stream of lines. It stops when the client goes away.
#[utoipa::path(post, path = "/api/v1/query/batch", operation_id = "queryBatch", tag = "queries",
    request_body = BatchQuery,
    responses((status = 200, description = "Lines of JSON", content_type = "application/x-ndjson", body = BatchLine)))]
pub(crate) async fn batch(
    job: Job,
    Extension(caller): Extension<Caller>,
    Json(query): Json<BatchQuery>,
) -> Result<Response, Problem> {
    let asked = query.panels.len();
    if asked > limits::PANELS_MAX {
        let detail = format!("{asked} panels were asked for, at most {} are answered", limits::PANELS_MAX);
        return Err(Problem::new("too-many", detail).at("panels"));
    }
    for panel in &query.panels {
        if let Panel::List(list) = panel {
            allowed(&caller, list)?;
        }
    }
    job.stream(NDJSON, move |app, watch, out| {
        let lines = Lines { out, panels: 0, panels_total: asked, due: Instant::now() + PROGRESS, sent: Ok(()) };
        let told = Told { work: watch, lines: Mutex::new(lines) };
        let ask = Queries::new(&*app.parts.store, now(), &told);
        ask.batch(&query.panels, &mut |at, answer| told.finished(at, answer))?;
        let mut lines = told.lines.into_inner().unwrap_or_else(PoisonError::into_inner);
        let end = BatchLine::End(lines.progress(0, 0));
        lines.write(&end);
        lines.sent.map_err(|error| broken(&error))
    })
    .await
}

/// Follows the passes of a batch and tells how far they are.
struct Told<'a> {
    work: &'a Work,
    lines: Mutex<Lines<'a>>,
}

struct Lines<'a> {
    out: &'a mut Pipe,
    panels: usize,
    panels_total: usize,
    due: Instant,
    sent: io::Result<()>,
}

impl Lines<'_> {
    /// Each line goes out at once: somebody waits for it.
    fn write(&mut self, line: &BatchLine) {
        if self.sent.is_ok() {
            let written = serde_json::to_writer(&mut *self.out, line).map_err(io::Error::from);
            self.sent = written.and_then(|()| self.out.write_all(b"\n")).and_then(|()| self.out.flush());
        }
    }

    const fn progress(&self, rows: u64, rows_total: u64) -> BatchProgress {
        BatchProgress { panels: self.panels, panels_total: self.panels_total, rows, rows_total }
    }
}

impl Told<'_> {
    fn finished(&self, at: usize, answer: Result<PanelAnswer, QueryError>) {
        // What is counted later belongs to a list that is done.
        let panel = !matches!(answer, Ok(PanelAnswer::Total(_)));
        let (answer, problem) = match answer {
            Ok(answer) => (Some(answer), None),
            Err(error) => (None, Some(Problem::from(error))),
        };
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.panels += usize::from(panel);
        lines.write(&BatchLine::Panel(Box::new(BatchPanel { at, answer, problem })));
        let progress = BatchLine::Progress(lines.progress(0, 0));
        lines.write(&progress);
        if lines.sent.is_err() {
            self.work.stop();
        }
    }
}

impl Watch for Told<'_> {
    fn progress(&self, done: u64, total: u64) -> ControlFlow<()> {
        // Whoever finds the line busy has nothing to wait for: the next call tells.
        if let Ok(mut lines) = self.lines.try_lock()
            && Instant::now() >= lines.due
        {
            lines.due = Instant::now() + PROGRESS;
            let progress = BatchLine::Progress(lines.progress(done, total));
            lines.write(&progress);
            if lines.sent.is_err() {
                self.work.stop();
            }
        }
        self.work.progress(done, total)
    }
}
