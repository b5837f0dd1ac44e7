//! One row by its id, and what belongs to it.

use arachne_model::table::{BodyRow, ExchangeRow};
use arachne_query::{Cell, ColumnFacts, Item, ListAnswer, PageOf, limits};
use axum::extract::{Extension, Path};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::api::lists::ListPage;
use crate::api::rows;
use crate::auth::{Caller, Permission};
use crate::etag::tagged;
use crate::problem::Problem;
use crate::strict::Params;
use crate::work::Job;

/// A row with all its columns, and links to what is stored beside it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ItemAnswer {
    /// What the values are.
    pub columns: Vec<ColumnFacts>,
    /// The values.
    pub row: Vec<Cell>,
    /// What exists beside it, by name; nothing else does.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub links: Map<String, Json>,
}

/// A page of frames.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// At most so many.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 10000)]
    limit: Option<usize>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
}

/// An id in a path. What cannot be one names nothing.
pub(crate) fn id(text: String, what: &str) -> Result<String, Problem> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.is_empty() || text.len() > 128 || !text.chars().all(fits) {
        return Err(Problem::not_found(what));
    }
    Ok(text)
}

fn links(item: &Item, own: &str) -> Map<String, Json> {
    let mut links = Map::new();
    let mut link = |name: &str, to: String| drop(links.insert(name.to_owned(), to.into()));
    link("self", own.to_owned());
    for direction in &item.related.bodies {
        link(&format!("body.{direction}"), format!("{own}/bodies/{direction}"));
        link(&format!("preview.{direction}"), format!("{own}/bodies/{direction}/preview"));
    }
    if let Some(session) = &item.related.session {
        link("session", format!("/api/v1/sessions/{session}"));
    }
    if item.related.packets {
        link("packets", format!("{own}/packets"));
    }
    if let Some(filter) = &item.related.exchanges {
        let filter: String = filter
            .bytes()
            .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect();
        link("exchanges", format!("/api/v1/exchanges?twins=true&filter={filter}"));
    }
    links
}

fn answer(item: Item, links: Map<String, Json>, headers: &HeaderMap) -> Result<Response, Problem> {
    let answer = ItemAnswer { columns: item.columns, row: item.row, links };
    let body = serde_json::to_vec(&answer).map_err(|error| Problem::internal(&error))?;
    Ok(tagged(headers, "application/json", body))
}

/// An exchange with all its columns, headers included.
#[utoipa::path(get, path = "/api/v1/exchanges/{id}", operation_id = "getExchange", tag = "items",
    params(("id" = String, Path, description = "The id of the exchange")),
    responses((status = 200, description = "The exchange", body = ItemAnswer), (status = 304, description = "Unchanged")))]
pub(crate) async fn exchange(job: Job, Path(path): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let exchange = id(path, "exchange")?;
    let found =
        job.ask(move |ask| ask.exchange(&exchange).map(|found| (found, exchange)).map_err(Problem::from)).await?;
    let (Some(item), exchange) = found else { return Err(Problem::not_found("exchange")) };
    let own = format!("/api/v1/exchanges/{exchange}");
    let mut links = links(&item, &own);
    if item.value("http.request.method").is_some_and(|method| *method != Cell::Null) {
        links.insert("curl".to_owned(), format!("{own}/curl").into());
    }
    links.insert("har".to_owned(), format!("/api/v1/export/exchanges.har?twins=true&filter=id%3A{exchange}").into());
    answer(item, links, &headers)
}

/// A TCP session with all its columns.
#[utoipa::path(get, path = "/api/v1/sessions/{id}", operation_id = "getSession", tag = "items",
    params(("id" = String, Path, description = "The id of the session")),
    responses((status = 200, description = "The session", body = ItemAnswer), (status = 304, description = "Unchanged")))]
pub(crate) async fn session(job: Job, Path(path): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let session = id(path, "session")?;
    let found = job.ask(move |ask| ask.session(&session).map(|found| (found, session)).map_err(Problem::from)).await?;
    let (Some(item), session) = found else { return Err(Problem::not_found("session")) };
    let own = format!("/api/v1/sessions/{session}");
    let mut links = links(&item, &own);
    if item.related.packets {
        for name in ["pcapng", "segments", "stream"] {
            links.insert(name.to_owned(), format!("{own}/{name}").into());
        }
    }
    answer(item, links, &headers)
}

/// Frames without their bytes, for who has not the right to them.
fn shown(mut answer: ListAnswer, caller: &Caller) -> Response {
    if !caller.may(Permission::FullPackets) {
        let bytes = answer.columns.iter().position(|column| column.kind == "bytes");
        if let Some(at) = bytes {
            answer.columns.remove(at);
            answer.rows.iter_mut().for_each(|row| drop(row.remove(at)));
        }
    }
    axum::Json(ListPage::new(answer, None)).into_response()
}

fn page(id: String, params: PageParams) -> PageOf {
    PageOf { id, limit: params.limit.unwrap_or(limits::PAGE_ROWS), cursor: params.cursor }
}

/// The frames of an exchange's session while it lasted. Their bytes ask for the right full_packets, else they are left out.
#[utoipa::path(get, path = "/api/v1/exchanges/{id}/packets", operation_id = "listExchangePackets", tag = "items",
    params(("id" = String, Path, description = "The id of the exchange"), PageParams),
    responses((status = 200, description = "A page of frames", body = ListPage)))]
pub(crate) async fn exchange_packets(
    job: Job,
    Path(path): Path<String>,
    Extension(caller): Extension<Caller>,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    let page = page(id(path, "exchange")?, params);
    let found = job.ask(move |ask| ask.packets_of_exchange(&page).map_err(Problem::from)).await?;
    found.map(|answer| shown(answer, &caller)).ok_or_else(|| Problem::not_found("exchange"))
}

/// The frames of a session. Their bytes ask for the right full_packets, else they are left out.
#[utoipa::path(get, path = "/api/v1/sessions/{id}/packets", operation_id = "listSessionPackets", tag = "items",
    params(("id" = String, Path, description = "The id of the session"), PageParams),
    responses((status = 200, description = "A page of frames", body = ListPage)))]
pub(crate) async fn session_packets(
    job: Job,
    Path(path): Path<String>,
    Extension(caller): Extension<Caller>,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    let page = page(id(path, "session")?, params);
    let answer = job.ask(move |ask| ask.packets_of_session(&page).map_err(Problem::from)).await?;
    Ok(shown(answer, &caller))
}

/// A cURL command that repeats the request of an exchange. What was redacted stays so.
#[utoipa::path(get, path = "/api/v1/exchanges/{id}/curl", operation_id = "getExchangeCurl", tag = "items",
    params(("id" = String, Path, description = "The id of the exchange")),
    responses((status = 200, description = "The command", content_type = "text/plain", body = String)))]
pub(crate) async fn curl(job: Job, Path(path): Path<String>) -> Result<Response, Problem> {
    let exchange = id(path, "exchange")?;
    let command = job.run(move |app, watch| {
        let row = rows::with::<ExchangeRow>(app, watch, "id", &exchange, 1)?.into_iter().next();
        let row = row.ok_or_else(|| Problem::not_found("exchange"))?;
        if row.method.is_none() {
            return Err(Problem::new("not-kept", "the request of this exchange was not captured"));
        }
        let bodies = rows::with::<BodyRow>(app, watch, "exchange.id", &exchange, 2)?;
        let body = bodies.iter().find(|body| body.direction == "request");
        Ok(arachne_export::curl::command(&row, body) + "\n")
    });
    let mut response = command.await?.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(response)
}
