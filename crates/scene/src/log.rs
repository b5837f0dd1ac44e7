//! What the services write into their logs: a line for each request with the stages it went through, and errors with their codes.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use jiff::Timestamp;

tokio::task_local! {
    /// Milliseconds by stage of the request that is answered.
    static STAGES: RefCell<Vec<(&'static str, f64)>>;
}

/// A log; nowhere, where no file is named.
#[derive(Clone, Debug, Default)]
pub struct Log(Option<Arc<Mutex<File>>>);

impl Log {
    /// Appends to a file.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(file: Option<&Path>) -> std::io::Result<Self> {
        let file = file.map(|file| OpenOptions::new().append(true).create(true).open(file)).transpose()?;
        Ok(Self(file.map(|file| Arc::new(Mutex::new(file)))))
    }

    /// Writes a line.
    pub fn write(&self, level: &str, code: &str, text: &str) {
        let Some(file) = &self.0 else { return };
        let now = Timestamp::now().strftime("%Y-%m-%d %H:%M:%S,%3f");
        // A service goes on where its log cannot be written.
        let _ = writeln!(file.lock().unwrap_or_else(PoisonError::into_inner), "{now} {level} [{code}] {text}");
    }
}

/// A stage of the request that is answered began at `since` and is over.
pub fn stage(name: &'static str, since: Instant) {
    let millis = since.elapsed().as_secs_f64() * 1000.0;
    // What goes on behind an answer belongs to no request.
    let _ = STAGES.try_with(|stages| {
        let mut stages = stages.borrow_mut();
        match stages.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += millis,
            None => stages.push((name, millis)),
        }
    });
}

/// What the proxy calls this request.
pub fn request_id(headers: &HeaderMap) -> &str {
    headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("-")
}

/// Around every handler: a line with its stages when it has answered.
pub async fn timings(State((log, code)): State<(Log, &'static str)>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let handler = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let id = request_id(request.headers()).to_owned();
    let (response, stages) = STAGES
        .scope(RefCell::default(), async {
            let response = next.run(request).await;
            (response, STAGES.with(RefCell::take))
        })
        .await;
    let stages: String = stages.iter().map(|(name, millis)| format!("{name}={millis:.2} ")).collect();
    let (total, status) = (began.elapsed().as_secs_f64() * 1000.0, response.status().as_u16());
    let level = if status >= 500 { "WARN" } else { "INFO" };
    let text = format!("timings for {handler}: {stages}total={total:.2} code={status} request_id={id}");
    log.write(level, code, &text);
    response
}
