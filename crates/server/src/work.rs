//! Work that blocks, away from the threads that serve connections; it ends when nobody waits for it any more.

use std::convert::Infallible;
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

/// A request that may work. It takes its place when it begins, not while its body comes: slow senders keep nobody out.
#[derive(Debug)]
pub(crate) struct Job {
    pub app: App,
    chosen: Option<String>,
    route: String,
    owner: String,
}

/// Work that has begun: it has a place, and it is listed while it runs.
#[derive(Debug)]
pub(crate) struct Begun {
    pub app: App,
    pub place: OwnedSemaphorePermit,
    pub ticket: Ticket,
}

impl FromRequestParts<App> for Job {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        // What is no text is no id, and is refused as an empty one.
        let chosen = parts.headers.get("x-query-id").map(|id| id.to_str().unwrap_or_default().to_owned());
        let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str).to_owned();
        let owner = parts.extensions.get::<Caller>().map_or("", |caller| &caller.name).to_owned();
        Ok(Self { app: app.clone(), chosen, route, owner })
    }
}

impl Job {
    pub fn begin(self) -> Result<Begun, Problem> {
        let Self { app, chosen, route, owner } = self;
        let place = app.place()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let ticket = app.running.begin(chosen.as_deref(), number, &route, &owner, now())?;
        Ok(Begun { app, place, ticket })
    }

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
        let Begun { app, place, ticket } = self.begin()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_one_failed_request() {
        let count = || arachne_telemetry::count_of(&codes::SERVER_MAIN_003);
        let before = count();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let work = async { tokio::task::spawn_blocking(|| std::panic::panic_any("/srv/secret")).await };
        let error = runtime.block_on(work).expect_err("it panics");
        let problem = failed(&error);
        assert_eq!(problem.code, "internal");
        assert!(!problem.detail.contains("secret"));
        assert_eq!(count(), before + 1, "SERVER-MAIN-003");
    }
}
