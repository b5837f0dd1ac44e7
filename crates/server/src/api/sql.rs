//! SQL, read-only, for administrators.

use std::io::{self, Write as _};
use std::ops::ControlFlow;

use arachne_export::json;
use arachne_telemetry::{codes, emit};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use crate::parts::{SqlFailure, SqlRows};
use crate::problem::Problem;
use crate::stream::{NDJSON, Pipe, broken};
use crate::strict::Json;
use crate::work::Job;

/// A statement.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SqlQuery {
    /// One SELECT. The tables are exchanges, tcp_sessions, packets, bodies, capture_quality, hosts, points and
    /// log_records.
    statement: String,
}

/// Writes each row as an object on a line.
struct Lines<'a> {
    out: &'a mut Pipe,
    names: Vec<String>,
    sent: io::Result<()>,
}

impl Lines<'_> {
    fn flow(&self) -> ControlFlow<()> {
        if self.sent.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

impl SqlRows for Lines<'_> {
    fn names(&mut self, names: &[String]) -> ControlFlow<()> {
        self.names = names.to_vec();
        self.sent = self.out.write_all(format!("{}\n", serde_json::json!({"columns": names})).as_bytes());
        self.flow()
    }

    fn row(&mut self, row: Vec<Value>) -> ControlFlow<()> {
        self.sent = json::write_row(self.out, &self.names, &row);
        self.flow()
    }
}

/// Runs one read-only statement. The first line names the columns, every other line is a row.
#[utoipa::path(post, path = "/api/v1/sql", operation_id = "runSql", tag = "sql", request_body = SqlQuery,
    responses((status = 200, description = "Lines of JSON", content_type = "application/x-ndjson", body = String)))]
pub(crate) async fn sql(job: Job, Json(query): Json<SqlQuery>) -> Result<Response, Problem> {
    let Some(runner) = job.app.parts.sql.clone() else {
        return Err(Problem::new("no-sql", "this server runs without SQL"));
    };
    job.stream(NDJSON, move |_, watch, out| {
        let mut lines = Lines { out, names: Vec::new(), sent: Ok(()) };
        let done = runner.run(&query.statement, watch, &mut lines);
        lines.sent.map_err(|error| broken(&error))?;
        done.map_err(|failure| match failure {
            SqlFailure::Statement(reason) => Problem::new("bad-statement", reason).at("statement"),
            SqlFailure::Stopped => Problem::new("stopped", "the statement was stopped"),
            SqlFailure::Failed(reason) => {
                emit!(codes::SERVER_STORE_001, error = reason);
                Problem::new("store", "the statement failed in the server; its log tells more")
            }
        })
    })
    .await
}
