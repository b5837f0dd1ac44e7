//! What browsers tell of the pages they load: the script that tells it, and the route that takes it.
//!
//! These routes differ from all others. Pages of other sites call them, by nature; so neither their origin nor a token is asked for.
//! They give nothing away, each client has a bucket of its own, what is kept is bounded whatever comes, and what a page
//! says is text of a stranger.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use arachne_model::table::Rows;
use arachne_store::{Store, Token};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};

use crate::app::{App, now};
use crate::config::Config;
use crate::connection::Peer;
use crate::etag::tagged;
use crate::parts;
use crate::paths::Learned;
use crate::problem::Problem;
use crate::rate::Buckets;

/// The script of pages, as it is written.
const SCRIPT: &str = include_str!("rum.js");
/// Rows that wait for a store which does not take them. Policy: what comes then is not kept.
const ROWS_MAX: usize = 20_000;

/// Whether a path is one of these routes.
pub(crate) fn is_route(path: &str) -> bool {
    matches!(path, "/rum" | "/rum.js")
}

/// The script as it is served: without comments and indentation, which no line of it needs.
fn served() -> &'static str {
    static SERVED: OnceLock<String> = OnceLock::new();
    SERVED.get_or_init(|| {
        let lines = SCRIPT.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
        lines.flat_map(|line| [line, "\n"]).collect()
    })
}

/// What browsers told, on its way to the store.
pub(crate) struct Beacons {
    taker: Option<Arc<dyn parts::Beacons>>,
    on: AtomicBool,
    rates: Mutex<Buckets<Peer>>,
    /// Rows that the store did not take yet.
    waiting: Mutex<Rows>,
    sender: String,
    sequence: AtomicU64,
    /// The version of the rules for paths that the taker goes by.
    paths: AtomicU32,
}

impl std::fmt::Debug for Beacons {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Beacons").field("on", &self.on).finish_non_exhaustive()
    }
}

impl Beacons {
    pub fn new(taker: Option<Arc<dyn parts::Beacons>>, config: &Config) -> Self {
        Self {
            taker,
            on: AtomicBool::new(config.access.takes_beacons()),
            rates: Mutex::new(Buckets::new(config.limits.rate, config.limits.burst)),
            waiting: Mutex::default(),
            // Each start is a sender of its own: nothing it sends was there before.
            sender: format!("server/beacons/{:016x}", now()),
            sequence: AtomicU64::new(0),
            paths: AtomicU32::new(0),
        }
    }

    /// Whether beacons are taken from now on.
    pub fn set(&self, on: bool) {
        self.on.store(on, Ordering::Release);
    }

    fn taker(&self) -> Result<&dyn parts::Beacons, Problem> {
        let on = self.on.load(Ordering::Acquire);
        let taker = self.taker.as_deref().filter(|_| on);
        taker.ok_or_else(|| Problem::new("not-found", "this server takes no beacons: set `server.beacons: yes`"))
    }

    /// Whether a client may send one now.
    pub fn admit(&self, peer: Peer) -> Result<(), Problem> {
        let taken = self.rates.lock().unwrap_or_else(PoisonError::into_inner).take(peer, Instant::now());
        taken.map_err(|wait| {
            if let Ok(taker) = self.taker() {
                taker.refuse();
            }
            let detail = "this client sends too many beacons; data-sample of the script makes them fewer";
            Problem::new("too-many-requests", detail).again_after(wait.as_secs() + 1)
        })
    }

    /// Sees to it that pages have the templates of now.
    pub fn go_by(&self, paths: &Learned) {
        let (Some(taker), version) = (&self.taker, paths.version()) else { return };
        if self.paths.swap(version, Ordering::AcqRel) != version {
            taker.go_by(paths.normaliser());
        }
    }

    /// Makes what was told durable. Blocks. What the store does not take waits for the next time.
    pub fn keep(&self, store: &dyn Store, now: i64) {
        let Some(taker) = &self.taker else { return };
        let mut rows = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let more = taker.rows(now);
        if rows.len() < ROWS_MAX {
            rows.points.extend(more.points);
            rows.logs.extend(more.logs);
        }
        if rows.is_empty() {
            return;
        }
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let token = Token { sender: self.sender.clone(), sequence };
        if store.append(&token, rows.clone()).is_err() {
            // That the store cannot write is told where it is looked after.
            *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = rows;
        }
    }
}

/// For pages of other sites.
fn of_any_site(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// The script that tells how a page was loaded: `<script async src="…/rum.js" data-page="cart" data-release="42"></script>`.
#[utoipa::path(get, path = "/rum.js", operation_id = "getBeaconScript", tag = "browsers",
    responses((status = 200, description = "A script", content_type = "text/javascript", body = String),
        (status = 304, description = "Unchanged")))]
pub(crate) async fn script(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    app.beacons.taker()?;
    let mut response = of_any_site(tagged(&headers, "text/javascript; charset=utf-8", served().as_bytes().to_vec()));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    Ok(response)
}

/// Takes what a page tells, all of it in the query (docs/browser.md); a body is not read. Of any site, without a token.
#[utoipa::path(post, path = "/rum", operation_id = "sendBeacon", tag = "browsers",
    responses((status = 204, description = "It was taken")))]
pub(crate) async fn beacon(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let user_agent = headers.get(header::USER_AGENT).map_or(&b""[..], HeaderValue::as_bytes);
    let taken = app.beacons.taker()?.take(uri.query().unwrap_or_default().as_bytes(), user_agent, now());
    taken.map_err(|why| Problem::new("bad-request", why).at("query"))?;
    Ok(of_any_site(StatusCode::NO_CONTENT.into_response()))
}

/// The same for pages that load a picture.
#[utoipa::path(get, path = "/rum", operation_id = "getBeacon", tag = "browsers",
    responses((status = 204, description = "It was taken")))]
pub(crate) async fn pixel(app: State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    beacon(app, uri, headers).await
}

#[cfg(test)]
mod tests {
    use super::served;

    #[test]
    fn the_script_is_small() {
        let script = served();
        assert!(script.len() <= 3072 && script.is_ascii(), "{} bytes", script.len());
        assert!(script.starts_with("(function () {\n") && script.ends_with("})();\n"));
    }
}
