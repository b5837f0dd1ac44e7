//! Work that blocks, away from the threads that serve connections; it ends when nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arachne_query::Queries;
use arachne_telemetry::{chain, codes, emit};
use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinError;

use crate::app::{App, now};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::running::{Ticket, Work};

static NUMBER: AtomicU64 = AtomicU64::new(1);

/// A request that may work: it has a place, and it is listed while it runs.
#[derive(Debug)]
pub(crate) struct Job {
    pub app: App,
    pub place: OwnedSemaphorePermit,
    pub ticket: Ticket,
}

impl FromRequestParts<App> for Job {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let chosen = match parts.headers.get("x-query-id").map(|id| id.to_str()) {
            None => None,
            Some(Ok(id)) => Some(id),
            Some(Err(_)) => Some(""),
        };
        let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let owner = parts.extensions.get::<Caller>().map_or("", |caller| &caller.name);
        let place = app.place()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let ticket = app.running.begin(chosen, number, route, owner, now())?;
        Ok(Self { app: app.clone(), place, ticket })
    }
}

impl Job {
    /// Does `work` with questions to the store, within the time of a request.
    pub async fn ask<A: Send + 'static>(
        self,
        work: impl FnOnce(&Queries<'_>) -> Result<A, Problem> + Send + 'static,
    ) -> Result<A, Problem> {
        self.run(move |app, watch| work(&queries(app, watch))).await
    }

    /// Does `work` within the time of a request.
    pub async fn run<A: Send + 'static>(
        self,
        work: impl FnOnce(&App, &Work) -> Result<A, Problem> + Send + 'static,
    ) -> Result<A, Problem> {
        let Self { app, place, ticket } = self;
        let limit = app.config.limits.request_time;
        let watch = Arc::clone(&ticket.work);
        let task = tokio::task::spawn_blocking(move || {
            let _place = place;
            work(&app, &watch)
        });
        match tokio::time::timeout(limit, task).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(late(limit.as_secs())),
        }
    }
}

/// Questions to the store, followed by `watch`.
pub(crate) fn queries<'a>(app: &'a App, watch: &'a Work) -> Queries<'a> {
    Queries::new(&*app.parts.store, now(), watch)
}

pub(crate) fn late(seconds: u64) -> Problem {
    Problem::new("time-limit", format!("it took over {seconds} s: take a shorter range or a narrower filter"))
}

/// A panic in the work; the process goes on.
pub(crate) fn failed(error: &JoinError) -> Problem {
    emit!(codes::SERVER_MAIN_003, error = %chain(error));
    Problem::new("internal", "the request failed inside the server; its log tells more")
}
