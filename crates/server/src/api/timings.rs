//! What callers of the API measured: how long their requests took for them.

use std::sync::OnceLock;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::app::App;
use crate::problem::Problem;
use crate::routes;
use crate::strict::Json;

/// Calls that are told at once.
const CALLS_MAX: usize = 256;
/// How long a call can take that is believed, in nanoseconds: an hour.
const CALL_NS_MAX: u64 = 3_600_000_000_000;

/// Calls as who made them measured them.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Timings {
    /// At most 256.
    #[schema(max_items = 256)]
    calls: Vec<Timing>,
}

/// A call.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Timing {
    /// The path that was asked for, without its query.
    path: String,
    /// From asking to the last byte of the answer, in nanoseconds; at most an hour.
    #[schema(maximum = 3_600_000_000_000_u64)]
    duration_ns: u64,
}

/// Tell how long calls of this API took for who made them: it is kept as the series `arachne.http.client.duration`.
#[utoipa::path(post, path = "/api/v1/timings", operation_id = "tellTimings", tag = "server", request_body = Timings,
    responses((status = 204, description = "They count; where the server keeps no figures of its own, they do not")))]
pub(crate) async fn tell(State(app): State<App>, Json(told): Json<Timings>) -> Result<Response, Problem> {
    if told.calls.len() > CALLS_MAX {
        let detail = format!("{} calls; tell {CALLS_MAX} at once", told.calls.len());
        return Err(Problem::new("bad-request", detail).at("calls"));
    }
    if let Some(call) = told.calls.iter().find(|call| call.duration_ns > CALL_NS_MAX) {
        let detail = format!("{} ns is longer than an hour, which no call takes", call.duration_ns);
        return Err(Problem::new("bad-request", detail).at("duration_ns"));
    }
    // Routes are those of the program.
    static KNOWN: OnceLock<Vec<String>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| routes::all(&app).into_iter().map(|route| route.path).collect());
    let mut calls = Vec::with_capacity(told.calls.len());
    for call in told.calls {
        let route = known.iter().find(|route| fits(route, &call.path));
        let route = route.ok_or_else(|| {
            Problem::new("bad-request", "a path is told that is none of this API; /api/docs lists them").at("path")
        })?;
        calls.push((route.clone(), call.duration_ns));
    }
    app.own.called(calls);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Whether a path is one of a route, whose parameters are `{name}`.
fn fits(route: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (route.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given => {}
            (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn paths_are_told_by_their_parts() {
        for (route, path, expected) in [
            ("/api/v1/series", "/api/v1/series", true),
            ("/api/v1/exchanges/{id}", "/api/v1/exchanges/01K", true),
            ("/api/v1/exchanges/{id}", "/api/v1/exchanges/", false),
            ("/api/v1/exchanges/{id}", "/api/v1/exchanges/01K/packets", false),
            ("/api/v1/exchanges/{id}/packets", "/api/v1/exchanges/01K/packets", true),
            ("/api/v1/series", "/api/v1/series?x", false),
        ] {
            assert_eq!(fits(route, path), expected, "{route} {path}");
        }
    }
}
