//! What people save in the UI: views for all, short links, preferences of their own. The server keeps it and does not look
//! inside.

use arachne_model::table::TABLES;
use arachne_query::Instant;
use axum::extract::{Extension, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::app::now;
use crate::auth::{Caller, hex};
use crate::problem::Problem;
use crate::strict::Json;
use crate::work::Job;

/// Characters of a name.
const NAME_CHARS_MAX: usize = 100;
/// Bytes of a filter.
const FILTER_BYTES_MAX: usize = 8 << 10;
/// Columns of a view, and bytes of each.
const COLUMNS_MAX: usize = 200;
const COLUMN_BYTES_MAX: usize = 200;
/// Bytes of an object that the server does not look into, as JSON.
const OPAQUE_BYTES_MAX: usize = 16 << 10;
/// Bytes of a state.
const STATE_BYTES_MAX: usize = 8 << 10;
/// Digits of a link's id: 80 bits.
const ID_DIGITS: usize = 20;

/// What a view is, as it is sent.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ViewContent {
    /// The table.
    table: String,
    /// The filter.
    #[serde(default)]
    filter: String,
    /// The columns, in order.
    #[serde(default)]
    columns: Vec<String>,
    /// What the UI needs beside: an object of at most 16 KiB, which the server does not look into.
    #[serde(default)]
    #[schema(value_type = Object)]
    layout: Map<String, Value>,
}

/// A saved view.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct View {
    /// Its name.
    name: String,
    /// What it is.
    #[serde(flatten)]
    content: ViewContent,
    /// Who saved it last.
    by: String,
    /// When, RFC 3339.
    changed: String,
}

/// A state of the UI.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkContent {
    /// Path and query of the UI, or the query alone: `?…` or `/…`, at most 8 KiB.
    state: String,
}

/// A short link.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Link {
    /// Its id: a hash of the state, so that a state has one link.
    id: String,
    /// Where the UI shows it.
    url: String,
    /// The state.
    state: String,
}

fn wrong(field: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new("bad-request", detail).at(field)
}

fn opaque(field: &'static str, object: &Map<String, Value>) -> Result<(), Problem> {
    let length = serde_json::to_vec(object).map_err(|error| Problem::internal(&error))?.len();
    if length > OPAQUE_BYTES_MAX {
        return Err(wrong(field, format!("it is {length} bytes of JSON; {OPAQUE_BYTES_MAX} are kept")));
    }
    Ok(())
}

fn named(name: String) -> Result<String, Problem> {
    let long = name.chars().count() > NAME_CHARS_MAX;
    if name.trim() != name || name.is_empty() || long || name.chars().any(char::is_control) {
        let detail = format!("a name is 1 to {NAME_CHARS_MAX} characters, none of control, no blank at its ends");
        return Err(wrong("name", detail));
    }
    Ok(name)
}

fn checked(content: &ViewContent) -> Result<(), Problem> {
    if !TABLES.iter().any(|table| table.name == content.table) {
        let tables: Vec<_> = TABLES.iter().map(|table| table.name).collect();
        return Err(wrong("table", format!("the tables are {}", tables.join(", "))));
    }
    if content.filter.len() > FILTER_BYTES_MAX {
        return Err(wrong("filter", format!("the filter is over {FILTER_BYTES_MAX} bytes")));
    }
    if content.columns.len() > COLUMNS_MAX || content.columns.iter().any(|name| name.len() > COLUMN_BYTES_MAX) {
        return Err(wrong("columns", format!("at most {COLUMNS_MAX} columns, each of {COLUMN_BYTES_MAX} bytes")));
    }
    opaque("layout", &content.layout)
}

/// All saved views, by name. They are shared by all who may read.
#[utoipa::path(get, path = "/api/v1/views", operation_id = "listViews", tag = "saved",
    responses((status = 200, description = "The views", body = Vec<View>)))]
pub(crate) async fn views(job: Job) -> Result<Response, Problem> {
    let views = job.run(|app, _| app.saved.views.all::<View>()).await?;
    Ok(axum::Json(views).into_response())
}

/// A saved view.
#[utoipa::path(get, path = "/api/v1/views/{name}", operation_id = "getView", tag = "saved",
    params(("name" = String, Path, description = "Its name: any text")),
    responses((status = 200, description = "The view", body = View)))]
pub(crate) async fn view(job: Job, Path(name): Path<String>) -> Result<Response, Problem> {
    let found = job.run(move |app, _| app.saved.views.get::<View>(&name)).await?;
    found.map(|view| axum::Json(view).into_response()).ok_or_else(no_view)
}

/// Save a view, in the place of one of the same name. It is durable when this is answered.
#[utoipa::path(put, path = "/api/v1/views/{name}", operation_id = "putView", tag = "saved",
    params(("name" = String, Path, description = "Its name: 1 to 100 characters of any text")),
    request_body = ViewContent, responses((status = 200, description = "The view as it is kept", body = View)))]
pub(crate) async fn put_view(
    job: Job,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    Json(content): Json<ViewContent>,
) -> Result<Response, Problem> {
    let name = named(name)?;
    checked(&content)?;
    let view = View { name, content, by: caller.name, changed: Instant(now()).to_string() };
    let kept = job.run(move |app, _| app.saved.views.put(&view.name, &view).map(|()| view)).await?;
    Ok(axum::Json(kept).into_response())
}

/// Remove a saved view.
#[utoipa::path(delete, path = "/api/v1/views/{name}", operation_id = "deleteView", tag = "saved",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn delete_view(job: Job, Path(name): Path<String>) -> Result<Response, Problem> {
    let found = job.run(move |app, _| app.saved.views.remove(&name)).await?;
    if found { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(no_view()) }
}

fn no_view() -> Problem {
    Problem::new("not-found", "there is no view of this name")
}

/// Make a short link to a state of the UI. The same state gives the same link.
#[utoipa::path(post, path = "/api/v1/links", operation_id = "makeLink", tag = "saved", request_body = LinkContent,
    responses((status = 200, description = "The link", body = Link)))]
pub(crate) async fn make_link(job: Job, Json(LinkContent { state }): Json<LinkContent>) -> Result<Response, Problem> {
    if state.len() > STATE_BYTES_MAX {
        return Err(wrong("state", format!("the state is over {STATE_BYTES_MAX} bytes")));
    }
    // It is followed inside the UI: it must not name another host, as `//host` and `/\host` do.
    let inside = state.starts_with('?') || state.starts_with('/') && !state.starts_with("//");
    if !inside || state.contains('\\') || state.chars().any(char::is_control) {
        return Err(wrong("state", "a state is a path and query of the UI: it begins with ? or with one /"));
    }
    let link = job.run(move |app, _| {
        let id = hex(&Sha256::digest(&state))[..ID_DIGITS].to_owned();
        match app.saved.links.get::<String>(&id) {
            Ok(Some(known)) if known == state => {}
            Ok(Some(_)) => return Err(Problem::new("conflict", "another state has the same id; use the long link")),
            // A damaged one is put right.
            Ok(None) | Err(_) => app.saved.links.put(&id, &state)?,
        }
        Ok(link(id, state))
    });
    Ok(axum::Json(link.await?).into_response())
}

/// The state behind a short link.
#[utoipa::path(get, path = "/api/v1/links/{id}", operation_id = "getLink", tag = "saved",
    params(("id" = String, Path, description = "The id of the link")),
    responses((status = 200, description = "The link", body = Link)))]
pub(crate) async fn link_by_id(job: Job, Path(id): Path<String>) -> Result<Response, Problem> {
    let found = job.run(move |app, _| Ok(app.saved.links.get::<String>(&id)?.map(|state| link(id, state)))).await?;
    found.map(|link| axum::Json(link).into_response()).ok_or_else(|| Problem::not_found("link"))
}

fn link(id: String, state: String) -> Link {
    Link { url: format!("/s/{id}"), id, state }
}

/// The preferences of who asks: what was put last, `{}` before.
#[utoipa::path(get, path = "/api/v1/preferences", operation_id = "getPreferences", tag = "saved",
    responses((status = 200, description = "The preferences", body = Object)))]
pub(crate) async fn preferences(job: Job, Extension(caller): Extension<Caller>) -> Result<Response, Problem> {
    let found = job.run(move |app, _| app.saved.preferences.get::<Map<String, Value>>(&caller.name)).await?;
    Ok(axum::Json(found.unwrap_or_default()).into_response())
}

/// Keep preferences of who asks, by the name of the token: an object of at most 16 KiB, which the server does not look into.
#[utoipa::path(put, path = "/api/v1/preferences", operation_id = "putPreferences", tag = "saved",
    request_body(content = Object), responses((status = 204, description = "They are kept")))]
pub(crate) async fn put_preferences(
    job: Job,
    Extension(caller): Extension<Caller>,
    Json(object): Json<Map<String, Value>>,
) -> Result<Response, Problem> {
    opaque("body", &object)?;
    job.run(move |app, _| app.saved.preferences.put(&caller.name, &object)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
