//! Marks on the time axis: set by people and by what releases software.

use arachne_query::When;
use axum::extract::{Extension, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

use crate::app::now;
use crate::auth::Caller;
use crate::marks::{MARKS_MAX, Mark, NewMark};
use crate::problem::Problem;
use crate::strict::{Json, Params};
use crate::work::Job;

/// Marks that are listed unless more are asked for.
const LISTED: usize = 1000;

/// Which marks.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MarksParams {
    /// The first instant inside: RFC 3339, a number since 1970 in s, ms, us or ns, `now`, `-1h`.
    #[param(value_type = Option<String>)]
    from: Option<When>,
    /// The first instant behind, likewise.
    #[param(value_type = Option<String>)]
    to: Option<When>,
    /// At most so many, the newest; 1000 unless given.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 10000)]
    limit: Option<usize>,
}

/// Marks of a range.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MarksAnswer {
    /// The marks by time, the oldest first.
    marks: Vec<Mark>,
    /// How many there are in the range.
    total: usize,
}

/// Marks in a range of time.
#[utoipa::path(get, path = "/api/v1/marks", operation_id = "listMarks", tag = "saved", params(MarksParams),
    responses((status = 200, description = "The marks", body = MarksAnswer)))]
pub(crate) async fn marks(job: Job, Params(params): Params<MarksParams>) -> Result<Response, Problem> {
    let limit = params.limit.unwrap_or(LISTED);
    if !(1..=MARKS_MAX).contains(&limit) {
        return Err(Problem::new("bad-request", format!("ask for 1 to {MARKS_MAX} marks")).at("limit"));
    }
    let instant = |when: Option<When>, none: i64| when.map_or(none, |when| when.resolve(now()));
    let (from, to) = (instant(params.from, i64::MIN), instant(params.to, i64::MAX));
    let found = job.run(move |app, _| app.saved.marks.between(from, to, limit).map_err(|error| error.0));
    let (marks, total) = found.await?;
    Ok(axum::Json(MarksAnswer { marks, total }).into_response())
}

/// Set a mark: a release, a note. It is durable when this is answered.
#[utoipa::path(post, path = "/api/v1/marks", operation_id = "addMark", tag = "saved", request_body = NewMark,
    responses((status = 201, description = "The mark as it is kept", body = Mark)))]
pub(crate) async fn add_mark(
    job: Job,
    Extension(caller): Extension<Caller>,
    Json(mark): Json<NewMark>,
) -> Result<Response, Problem> {
    let mark = job.run(move |app, _| app.saved.marks.add(mark, &caller.name, now()).map_err(|error| error.0)).await?;
    Ok((StatusCode::CREATED, axum::Json(mark)).into_response())
}

/// Remove a mark.
#[utoipa::path(delete, path = "/api/v1/marks/{id}", operation_id = "deleteMark", tag = "saved",
    params(("id" = String, Path, description = "The id of the mark")),
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn delete_mark(job: Job, Path(id): Path<String>) -> Result<Response, Problem> {
    let found = job.run(move |app, _| app.saved.marks.remove(&id).map_err(|error| error.0)).await?;
    if found { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(Problem::not_found("mark")) }
}
