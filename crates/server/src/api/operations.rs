//! What goes on: imports and queries, how far they are, and how they are stopped.

use std::sync::atomic::Ordering;

use arachne_model::table::TABLES;
use arachne_query::Instant;
use arachne_store::ImportFacts;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::app::App;
use crate::auth::{Caller, Permission};
use crate::operations::{Operation, State as Stage};
use crate::problem::Problem;
use crate::work::Job;

/// An import of an upload.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct OperationAnswer {
    /// Its id.
    id: String,
    /// What the capture is called.
    label: String,
    /// waiting, running, finished, failed or stopped.
    state: &'static str,
    /// When it came.
    #[schema(value_type = String)]
    since: Instant,
    /// Bytes of the upload.
    bytes_total: u64,
    /// Bytes that were read.
    bytes: u64,
    /// Packets that were read.
    packets: u64,
    /// Exchanges that were found.
    exchanges: u64,
    /// What was imported, when it is finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    import: Option<ImportAnswer>,
    /// Whether it was there before, when it is finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    already: Option<bool>,
    /// What was odd about the capture.
    notices: Vec<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
    /// Where to look and what can be done.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    links: Map<String, Json>,
}

impl OperationAnswer {
    pub fn new(operation: &Operation) -> Self {
        let (stage, step) = operation.now();
        let mut links = Map::new();
        links.insert("self".to_owned(), format!("/api/v1/operations/{}", operation.id).into());
        let mut answer = Self {
            id: operation.id.clone(),
            label: operation.label.clone(),
            state: "stopped",
            since: Instant(operation.since),
            bytes_total: operation.bytes,
            bytes: step.bytes,
            packets: step.packets,
            exchanges: step.exchanges,
            import: None,
            already: None,
            notices: Vec::new(),
            problem: None,
            links,
        };
        match stage {
            Stage::Waiting => answer.state = "waiting",
            Stage::Running => answer.state = "running",
            Stage::Stopped => {}
            Stage::Failed(problem) => {
                answer.state = "failed";
                answer.problem = Some(*problem);
            }
            Stage::Finished(imported) => {
                answer.state = "finished";
                answer.import = Some(import(imported.facts));
                answer.already = Some(imported.already);
                answer.notices = imported.notices;
                answer.links.insert("imports".to_owned(), "/api/v1/imports".into());
            }
        }
        answer
    }
}

/// An import as the store knows it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ImportAnswer {
    /// The content hash of the capture: the column `source` of its rows.
    source: String,
    /// What it is called.
    label: String,
    /// The parser's version and the options.
    options: String,
    /// Batches committed.
    batches: u64,
    /// Whether all of it is there.
    finished: bool,
    /// Rows by table.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    rows: Map<String, Json>,
}

fn import(facts: ImportFacts) -> ImportAnswer {
    let rows = TABLES.iter().zip(facts.rows).map(|(table, rows)| (table.name.to_owned(), rows.into())).collect();
    ImportAnswer {
        source: facts.name.source,
        label: facts.name.label,
        options: facts.name.options,
        batches: facts.batches,
        finished: facts.finished,
        rows,
    }
}

/// All imports of the store.
#[utoipa::path(get, path = "/api/v1/imports", operation_id = "listImports", tag = "imports",
    responses((status = 200, description = "The imports", body = [ImportAnswer])))]
pub(crate) async fn imports(job: Job) -> Result<Response, Problem> {
    let imports = job.run(|app, _| Ok(app.parts.store.imports())).await?;
    Ok(axum::Json(imports.into_iter().map(import).collect::<Vec<_>>()).into_response())
}

/// Imports of uploads: those that wait and go on, and the last that ended.
#[utoipa::path(get, path = "/api/v1/operations", operation_id = "listOperations", tag = "imports",
    responses((status = 200, description = "The operations, the oldest first", body = [OperationAnswer])))]
pub(crate) async fn list(State(app): State<App>) -> Response {
    let all: Vec<_> = app.operations.list().iter().map(|operation| OperationAnswer::new(operation)).collect();
    axum::Json(all).into_response()
}

/// How far an import is.
#[utoipa::path(get, path = "/api/v1/operations/{id}", operation_id = "getOperation", tag = "imports",
    params(("id" = String, Path, description = "The id of the operation")),
    responses((status = 200, description = "The operation", body = OperationAnswer)))]
pub(crate) async fn one(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Problem> {
    let operation = app.operations.find(&id).ok_or_else(|| Problem::not_found("operation"))?;
    Ok(axum::Json(OperationAnswer::new(&operation)).into_response())
}

/// Stops an import. What was committed stays, and a repeat goes on behind it.
#[utoipa::path(delete, path = "/api/v1/operations/{id}", operation_id = "stopOperation", tag = "imports",
    params(("id" = String, Path, description = "The id of the operation")),
    responses((status = 202, description = "It ends soon", body = OperationAnswer)))]
pub(crate) async fn stop(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Problem> {
    let operation = app.operations.find(&id).ok_or_else(|| Problem::not_found("operation"))?;
    operation.stop();
    Ok((StatusCode::ACCEPTED, axum::Json(OperationAnswer::new(&operation))).into_response())
}

/// A query that runs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RunningQuery {
    /// Its id: the header X-Query-Id of the request, or one that the server gave.
    id: String,
    /// Its route.
    route: String,
    /// Whose token it came with.
    owner: String,
    /// When it began.
    #[schema(value_type = String)]
    since: Instant,
    /// Rows that were looked at or skipped.
    rows: u64,
    /// Rows that there are.
    rows_total: u64,
}

/// Queries that run.
#[utoipa::path(get, path = "/api/v1/queries", operation_id = "listQueries", tag = "queries",
    responses((status = 200, description = "The queries", body = [RunningQuery])))]
pub(crate) async fn running(State(app): State<App>) -> Response {
    let all = app.running.list();
    let shown = all.iter().map(|work| RunningQuery {
        id: work.id.clone(),
        route: work.route.clone(),
        owner: work.owner.clone(),
        since: Instant(work.since),
        rows: work.done.load(Ordering::Relaxed),
        rows_total: work.total.load(Ordering::Relaxed),
    });
    axum::Json(shown.collect::<Vec<_>>()).into_response()
}

/// Stops a query and the work for it. Those of others ask for the right admin.
#[utoipa::path(delete, path = "/api/v1/queries/{id}", operation_id = "stopQuery", tag = "queries",
    params(("id" = String, Path, description = "The id of the query")),
    responses((status = 202, description = "It ends soon")))]
pub(crate) async fn stop_query(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let known = app.running.find(&id).filter(|work| work.owner == caller.name || caller.may(Permission::Admin));
    let work = known.ok_or_else(|| Problem::not_found("query of yours that runs"))?;
    work.stop();
    Ok((StatusCode::ACCEPTED, axum::Json(json!({"id": work.id}))).into_response())
}
