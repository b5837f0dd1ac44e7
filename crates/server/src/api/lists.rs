//! Lists of rows, page by page.

use arachne_filter::catalogue::lookup;
use arachne_model::table::{Kind, TABLES};
use arachne_query::{ColumnFacts, Cost, ListAnswer, ListQuery};
use axum::extract::Extension;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::api::params::ListParams;
use crate::auth::{Caller, Permission};
use crate::problem::Problem;
use crate::strict::Params;
use crate::work::Job;

/// A page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ListPage {
    /// What the values of a row are.
    pub columns: Vec<ColumnFacts>,
    /// The rows, a value for each column.
    pub rows: Vec<Vec<arachne_query::Cell>>,
    /// Where the next page goes on, as parameter `cursor`; null when this was the last.
    pub next: Option<String>,
    /// All rows of the list, where `count=exact` was asked for.
    pub total: Option<u64>,
    /// What it cost.
    pub scanned: Cost,
    /// Where to look for one row; `{id}` stands for the value of the column `id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<&'static str>,
}

impl ListPage {
    pub fn new(answer: ListAnswer, item: Option<&'static str>) -> Self {
        let ListAnswer { columns, rows, next, total, scanned } = answer;
        Self { columns, rows, next, total, scanned, item }
    }
}

/// Whether the caller may see the columns that a list shows: frames ask for a right of their own.
pub(crate) fn allowed(caller: &Caller, query: &ListQuery) -> Result<(), Problem> {
    let table = TABLES.iter().copied().find(|table| table.name == query.scope.table);
    let bytes = |name: &String| table.and_then(|table| lookup(table, name)).is_some_and(|e| e.kind == Kind::Bytes);
    if query.scope.table == "packets" && query.columns.iter().any(bytes) && !caller.may(Permission::FullPackets) {
        return Err(Problem::new("not-permitted", "this token has not the right full_packets").at("columns"));
    }
    Ok(())
}

async fn list(
    job: Job,
    caller: &Caller,
    params: ListParams,
    table: &'static str,
    item: Option<&'static str>,
) -> Result<Response, Problem> {
    let query = params.query(table);
    allowed(caller, &query)?;
    let answer = job.ask(move |ask| ask.list(&query).map_err(Problem::from)).await?;
    Ok(axum::Json(ListPage::new(answer, item)).into_response())
}

macro_rules! lists {
    ($($(#[$doc:meta])* $name:ident $table:literal $path:literal $id:literal $item:expr;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(get, path = $path, operation_id = $id, tag = "lists", params(ListParams),
            responses((status = 200, description = "A page", body = ListPage)))]
        pub(crate) async fn $name(
            job: Job,
            Extension(caller): Extension<Caller>,
            Params(params): Params<ListParams>,
        ) -> Result<Response, Problem> {
            list(job, &caller, params, $table, $item).await
        }
    )*};
}

lists! {
    /// Exchanges: requests with their responses.
    exchanges "exchanges" "/api/v1/exchanges" "listExchanges" Some("/api/v1/exchanges/{id}");
    /// TCP sessions.
    sessions "tcp_sessions" "/api/v1/sessions" "listSessions" Some("/api/v1/sessions/{id}");
    /// Frames. The column packet.bytes asks for the right full_packets.
    packets "packets" "/api/v1/packets" "listPackets" None;
    /// Names of addresses.
    hosts "hosts" "/api/v1/hosts" "listHosts" None;
    /// Lines of logs that were kept.
    log_records "log_records" "/api/v1/log_records" "listLogRecords" None;
}
