//! Completions: fields, operators, fixed values, and values of the store with their counts in the current range.

use arachne_filter::{ItemKind, complete as offer};
use arachne_query::{OfferedValue, Scope, ValuesQuery, When};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

use crate::api::filter::table;
use crate::problem::{Problem, Span};
use crate::strict::Json;
use crate::work::Job;

/// Values of the store that are offered.
const VALUES: usize = 20;

/// A place in a filter.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CompleteQuery {
    /// The text.
    filter: String,
    /// The place in it, in bytes; its end unless given.
    cursor: Option<usize>,
    /// The table that it is about.
    table: String,
    /// The range whose values are offered; all unless given.
    #[schema(value_type = Option<String>)]
    from: Option<When>,
    /// Its end.
    #[schema(value_type = Option<String>)]
    to: Option<When>,
}

impl Default for CompleteQuery {
    fn default() -> Self {
        Self { filter: String::new(), cursor: None, table: "exchanges".to_owned(), from: None, to: None }
    }
}

/// What can stand there.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CompleteAnswer {
    /// What an item takes the place of.
    span: Span,
    /// Fields, operators, words and fixed values, best first.
    items: Vec<CompleteItem>,
    /// Values that the store holds, those with most rows first; `filter` is the whole term.
    values: Vec<OfferedValue>,
    /// The field of the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

/// Something to put in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CompleteItem {
    /// The text that takes the place of the span.
    insert: String,
    /// What the list shows.
    label: String,
    /// What it means.
    doc: String,
    /// field, operator, value or keyword.
    kind: &'static str,
}

/// What can stand at a place of a filter.
#[utoipa::path(post, path = "/api/v1/filter/complete", operation_id = "completeFilter", tag = "filter",
    request_body = CompleteQuery,
    responses((status = 200, description = "What can stand there", body = CompleteAnswer)))]
pub(crate) async fn complete(job: Job, Json(query): Json<CompleteQuery>) -> Result<Response, Problem> {
    let cursor = query.cursor.unwrap_or(query.filter.len());
    let found = offer(&query.filter, cursor, table(&query.table)?);
    let items = found.items.into_iter().map(|item| CompleteItem {
        insert: item.insert,
        label: item.label,
        doc: item.doc,
        kind: match item.kind {
            ItemKind::Field => "field",
            ItemKind::Operator => "operator",
            ItemKind::Value => "value",
            ItemKind::Keyword => "keyword",
        },
    });
    let mut answer =
        CompleteAnswer { span: found.span.into(), items: items.collect(), values: Vec::new(), field: None };
    if let Some(wanted) = found.wants_values {
        let scope = Scope { table: query.table, from: query.from, to: query.to, ..Scope::default() };
        let values = ValuesQuery { scope, field: wanted.name.clone(), prefix: wanted.prefix, limit: VALUES };
        answer.values = job.ask(move |ask| ask.values(&values).map_err(Problem::from)).await?.values;
        answer.field = Some(wanted.name);
    }
    Ok(axum::Json(answer).into_response())
}
