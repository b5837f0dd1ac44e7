//! What is known about paths of URLs.

use std::time::{Duration, Instant};

use arachne_delivery::instructions::Paths;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::app::App;
use crate::problem::Problem;
use crate::work::Job;

/// How long stored rows are worked on for one request.
const APPLY: Duration = Duration::from_secs(15);

/// What templates of paths are made by: configured rules, and positions at which any word is a name, which were learned.
#[utoipa::path(get, path = "/api/v1/paths", operation_id = "getPaths", tag = "server",
    responses((status = 200, description = "What is in force, of captured exchanges and of logs alike", body = Paths)))]
pub(crate) async fn paths(State(app): State<App>) -> Response {
    axum::Json(app.agents.paths.paths()).into_response()
}

/// How far stored exchanges are.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Applied {
    /// Files that were written anew.
    parts: u64,
    /// Whether there are more: ask again.
    left: bool,
}

/// Make the templates of stored exchanges anew, of their paths by the rules of now: for 15 s, then it says whether more is left.
#[utoipa::path(post, path = "/api/v1/paths/apply", operation_id = "applyPaths", tag = "server",
    responses((status = 200, description = "How far it is", body = Applied)))]
pub(crate) async fn apply(job: Job) -> Result<Response, Problem> {
    let work = job.run(|app, watch| {
        let (normaliser, begun) = (app.agents.paths.normaliser(), Instant::now());
        let template = |known: &str| {
            let mut out = String::new();
            normaliser.normalise(known, &mut out);
            out
        };
        let mut parts = 0;
        while app.parts.store.retemplate(normaliser.version(), &template).map_err(Problem::from)? {
            parts += 1;
            if begun.elapsed() >= APPLY || watch.is_stopped() {
                return Ok(Applied { parts, left: true });
            }
        }
        Ok(Applied { parts, left: false })
    });
    Ok(axum::Json(work.await?).into_response())
}
