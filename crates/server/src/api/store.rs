//! What the store holds and how the server is: in numbers.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use arachne_model::table::STORED;
use arachne_query::Instant;
use arachne_store::TableFacts;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::api::configuration;
use crate::app::App;
use crate::metrics::Told;
use crate::problem::Problem;
use crate::work::{Job, failed};

/// What the store holds.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StoreAnswer {
    /// By table.
    tables: Vec<TableAnswer>,
    /// Bytes of the write-ahead log.
    wal_bytes: u64,
    /// Files that were damaged and set aside.
    quarantined: usize,
    /// Damages that were found; the log of the server names them.
    damages: usize,
    /// Whether the last write was refused for lack of space.
    full: bool,
    /// What agents delivered since the start of the server.
    delivered: DeliveredAnswer,
}

/// What all agents delivered.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub(crate) struct DeliveredAnswer {
    /// Batches taken.
    batches: u64,
    /// Rows taken.
    rows: u64,
    /// Batches refused, by code of the problem.
    refused: BTreeMap<String, u64>,
}

fn delivered(app: &App) -> DeliveredAnswer {
    let mut sum = DeliveredAnswer::default();
    for one in app.agents.counts.all().into_values() {
        sum.batches += one.batches;
        sum.rows += one.rows;
        one.refused.into_iter().for_each(|(code, n)| *sum.refused.entry(code).or_default() += n);
    }
    sum
}

/// What a table holds.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TableAnswer {
    /// Its name.
    table: &'static str,
    /// Rows.
    rows: u64,
    /// Bytes on disk.
    bytes: u64,
    /// Parts.
    parts: u64,
    /// Rows in memory, durable by the write-ahead log.
    memory_rows: u64,
    /// Rows known to be lost by damage.
    lost_rows: u64,
    /// The first start; null when empty.
    #[schema(value_type = Option<String>)]
    first: Option<Instant>,
    /// The last end; null when empty.
    #[schema(value_type = Option<String>)]
    last: Option<Instant>,
}

fn table(name: &'static str, facts: &TableFacts) -> TableAnswer {
    TableAnswer {
        table: name,
        rows: facts.rows,
        bytes: facts.bytes,
        parts: facts.parts,
        memory_rows: facts.memory_rows,
        lost_rows: facts.lost_rows,
        first: facts.range.map(|(first, _)| Instant(first)),
        last: facts.range.map(|(_, last)| Instant(last)),
    }
}

/// What the store holds: rows, bytes, ranges, damage.
#[utoipa::path(get, path = "/api/v1/store", operation_id = "getStore", tag = "server",
    responses((status = 200, description = "The facts", body = StoreAnswer)))]
pub(crate) async fn facts(job: Job) -> Result<Response, Problem> {
    let (facts, delivered) = job.run(|app, _| Ok((app.parts.store.facts(), delivered(app)))).await?;
    let tables = STORED.iter().zip(&facts.tables).map(|(t, facts)| table(t.name, facts)).collect();
    let answer = StoreAnswer {
        tables,
        wal_bytes: facts.wal_bytes,
        quarantined: facts.quarantined.len(),
        damages: facts.damage.len(),
        full: facts.full,
        delivered,
    };
    Ok(axum::Json(answer).into_response())
}

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", operation_id = "getHealth", tag = "server",
    responses((status = 200, description = "It lives", content_type = "text/plain", body = String)))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether requests are taken; and in further lines, that the configuration on disk is not in force, and that the store cannot
/// write what it was given, where that is so: questions are answered all the same.
#[utoipa::path(get, path = "/readyz", operation_id = "getReady", tag = "server",
    responses((status = 200, description = "They are", content_type = "text/plain", body = String)))]
pub(crate) async fn readyz(State(app): State<App>) -> Result<String, Problem> {
    if app.stopping.load(Ordering::Relaxed) {
        return Err(Problem::new("stopping", "the server is going down").again_after(5));
    }
    let mut text = "ready\n".to_owned();
    if configuration::refused(&app).is_some() {
        text.push_str("the configuration on disk is not in force\n");
    }
    if app.parts.store.failing().is_some() {
        text.push_str("the store cannot write: the log of the server tells why\n");
    }
    Ok(text)
}

/// What the server counts, in Prometheus' text format: numbers alone, nothing that was captured.
#[utoipa::path(get, path = "/metrics", operation_id = "getMetrics", tag = "server",
    responses((status = 200, description = "The series", content_type = "text/plain", body = String)))]
pub(crate) async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    // It needs no place among those who work: it has to answer when they are many.
    let render = move || {
        let delivered = app.agents.counts.all();
        let in_force = configuration::refused(&app).is_none();
        let store = &app.parts.store;
        let told = Told { in_force, failing: store.failing().is_some() };
        app.metrics.render(&store.facts(), app.running.list().len(), &delivered, told)
    };
    let text = tokio::task::spawn_blocking(render).await.map_err(|error| failed(&error))?;
    let mut response = text.into_response();
    let media = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    Ok(response)
}
