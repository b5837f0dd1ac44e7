//! The filter language for editors: what a text means, what is wrong with it, and which fields there are.

use arachne_filter::ast::{Node, NodeKind};
use arachne_filter::catalogue::{Entry, Values, entries};
use arachne_filter::{Settings, Thresholds, explain};
use arachne_model::table::{TABLES, Table};
use arachne_query::QueryError;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

use crate::etag::tagged;
use crate::problem::{Mistake, Problem, Span};
use crate::strict::Json;

/// A filter to read.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ParseQuery {
    /// The text.
    filter: String,
    /// The table that it is about.
    table: String,
    /// Answered below is fast, in nanoseconds.
    fast_ns: i64,
    /// Answered from here on is slow, in nanoseconds.
    slow_ns: i64,
}

impl Default for ParseQuery {
    fn default() -> Self {
        let Thresholds { fast_ns, slow_ns } = Thresholds::default();
        Self { filter: String::new(), table: "exchanges".to_owned(), fast_ns, slow_ns }
    }
}

/// A filter that was read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ParseAnswer {
    /// Whether it can be used.
    valid: bool,
    /// The same filter as it is usually written.
    canonical: String,
    /// What it lets pass, in words.
    explanation: String,
    /// Its outermost part; null for the empty filter.
    tree: Option<FilterPart>,
    /// Its terms, in order.
    chips: Vec<Chip>,
    /// What is wrong.
    diagnostics: Vec<Mistake>,
}

/// A part of a filter.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FilterPart {
    /// and, or, not, or term.
    kind: &'static str,
    /// Where it stands, in bytes.
    span: Span,
    /// The parts of and, or and not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    parts: Vec<Self>,
    /// The field of a term; null for free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// Where the values of a term stand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<Span>,
}

/// A term.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Chip {
    /// Where it stands, with its negation.
    span: Span,
    /// Its field; null for free text.
    field: Option<String>,
    /// Whether rows that pass it are left out.
    negated: bool,
}

/// Reads a filter: its parts with their places, what is wrong, and what it means in words.
#[utoipa::path(post, path = "/api/v1/filter/parse", operation_id = "parseFilter", tag = "filter",
    request_body = ParseQuery, responses((status = 200, description = "What it means", body = ParseAnswer)))]
pub(crate) async fn parse(Json(query): Json<ParseQuery>) -> Result<Response, Problem> {
    let settings = Settings { thresholds: Thresholds { fast_ns: query.fast_ns, slow_ns: query.slow_ns } };
    let parsed = arachne_filter::parse(&query.filter, table(&query.table)?, &settings);
    let chip = |chip: arachne_filter::Chip| Chip { span: chip.span.into(), field: chip.field, negated: chip.negated };
    let answer = ParseAnswer {
        valid: parsed.predicate.is_some(),
        canonical: parsed.ast.to_string(),
        explanation: explain(&parsed.ast),
        tree: parsed.ast.root.as_ref().map(part),
        chips: parsed.ast.chips().into_iter().map(chip).collect(),
        diagnostics: parsed.diagnostics.into_iter().map(Mistake::from).collect(),
    };
    Ok(axum::Json(answer).into_response())
}

/// The depth of a filter is bounded where it is read.
fn part(node: &Node) -> FilterPart {
    let span = node.span.clone().into();
    let empty = FilterPart { kind: "term", span, parts: Vec::new(), field: None, values: Vec::new() };
    match &node.kind {
        NodeKind::And(parts) => FilterPart { kind: "and", parts: parts.iter().map(part).collect(), ..empty },
        NodeKind::Or(parts) => FilterPart { kind: "or", parts: parts.iter().map(part).collect(), ..empty },
        NodeKind::Not(inner) => FilterPart { kind: "not", parts: vec![part(inner)], ..empty },
        NodeKind::Term(term) => FilterPart {
            field: term.field.as_ref().map(|field| field.name.clone()),
            values: term.values.iter().map(|value| value.span().into()).collect(),
            ..empty
        },
    }
}

/// The table with this name.
pub(crate) fn table(name: &str) -> Result<&'static Table, Problem> {
    let found = TABLES.iter().copied().find(|table| table.name == name);
    let known = || TABLES.iter().map(|table| table.name).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| QueryError::UnknownTable { name: name.chars().take(60).collect(), known: known() }.into())
}

/// A table with its fields.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TableEntry {
    /// Its name.
    table: &'static str,
    /// Its fields. Headers are fields too: header.NAME, request.header.NAME, response.header.NAME; so are labels of points,
    /// label.NAME, and fields of log records, field.NAME.
    fields: Vec<FieldEntry>,
}

/// A field.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FieldEntry {
    /// Its name.
    name: String,
    /// Its name in SQL; null where no column holds it.
    sql: Option<&'static str>,
    /// Other names, the one for people first.
    aliases: Vec<&'static str>,
    /// What its values are.
    kind: String,
    /// The unit of its values and how it is written.
    unit: Option<&'static str>,
    /// What it means.
    doc: &'static str,
    /// Its only values, where these are fixed.
    values: Option<Vec<&'static str>>,
    /// Whether POST /api/v1/query/values offers the values that the store holds.
    stored_values: bool,
    /// Filters that use it.
    examples: Vec<&'static str>,
}

/// Every field of every table.
#[utoipa::path(get, path = "/api/v1/catalogue", operation_id = "getCatalogue", tag = "filter",
    responses((status = 200, description = "The fields", body = [TableEntry]), (status = 304, description = "Unchanged")))]
pub(crate) async fn catalogue(headers: HeaderMap) -> Result<Response, Problem> {
    let table = |table: &&'static Table| TableEntry {
        table: table.name,
        fields: entries(table).into_iter().map(field).collect(),
    };
    let tables: Vec<TableEntry> = TABLES.iter().map(table).collect();
    let body = serde_json::to_vec(&tables).map_err(|error| Problem::internal(&error))?;
    Ok(tagged(&headers, "application/json", body))
}

fn field(entry: Entry) -> FieldEntry {
    let kind = format!("{:?}", entry.kind).to_ascii_lowercase();
    let (values, stored_values) = match entry.values {
        Values::Fixed(names) => (Some(names.to_vec()), false),
        Values::Stored => (None, true),
        Values::Open => (None, false),
    };
    FieldEntry {
        name: entry.name.into_owned(),
        sql: entry.sql,
        aliases: entry.aliases.to_vec(),
        kind,
        unit: entry.unit,
        doc: entry.doc,
        values,
        stored_values,
        examples: entry.examples.to_vec(),
    }
}
