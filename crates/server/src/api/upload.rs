//! Uploads of captures.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::api::operations::OperationAnswer;
use crate::app::{App, now};
use crate::operations::{Order, start};
use crate::parts::ImportOptions;
use crate::problem::Problem;
use crate::strict::Params;
use crate::uploads::{folder, random_name, receive};

/// Bytes of a label.
const LABEL_BYTES_MAX: usize = 255;
/// Media types of a capture. A form of another site can send none of them unasked.
const MEDIA: [&str; 7] = [
    "application/octet-stream",
    "application/vnd.tcpdump.pcap",
    "application/x-pcap",
    "application/x-pcapng",
    "application/gzip",
    "application/x-gzip",
    "application/zstd",
];

/// What is kept of a capture.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadParams {
    /// What people call it: text, never a path. Controls are replaced, and it is cut at 255 bytes.
    label: String,
    /// Keep frames.
    packets: bool,
    /// Keep TCP sessions.
    sessions: bool,
    /// Keep bodies.
    bodies: bool,
    /// Take the place of an import of the same capture with other options.
    replace: bool,
    /// Keep exchanges that pass this filter; empty for all.
    keep: String,
    /// Words for every exchange, separated by blanks.
    tags: String,
}

impl Default for UploadParams {
    fn default() -> Self {
        let ImportOptions { packets, sessions, bodies, replace, keep, tags } = ImportOptions::default();
        Self { label: String::new(), packets, sessions, bodies, replace, keep, tags }
    }
}

/// Takes a capture as the body: pcap or pcapng, plain, in gzip or zstd. It is imported behind others that wait.
#[utoipa::path(post, path = "/api/v1/uploads", operation_id = "uploadCapture", tag = "imports", params(UploadParams),
    request_body(content = [u8], content_type = "application/octet-stream", description = "The capture"),
    responses((status = 202, description = "It waits for its import; the header Location names the operation",
        body = OperationAnswer)))]
pub(crate) async fn upload(
    State(app): State<App>,
    Params(params): Params<UploadParams>,
    request: Request,
) -> Result<Response, Problem> {
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !MEDIA.contains(&&*media) {
        let detail = "send the capture itself as the body, as Content-Type: application/octet-stream";
        return Err(Problem::new("bad-content-type", detail));
    }
    check(&params.keep)?;
    let mut room = app.operations.reserve()?;
    let id = random_name()?;
    let data = folder(&app.config.data);
    let file = receive(request.into_body(), &data, &mut room, app.config.limits.request_time).await?;
    let UploadParams { label, packets, sessions, bodies, replace, keep, tags } = params;
    let options = ImportOptions { packets, sessions, bodies, replace, keep, tags };
    let order = Order { id, label: harmless(&label), options, since: now(), file, room };
    let operation = start(&app, order);
    let answer = OperationAnswer::new(&operation);
    let location = HeaderValue::from_str(&format!("/api/v1/operations/{}", operation.id));
    let mut response = (StatusCode::ACCEPTED, axum::Json(answer)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// A filter is read before anything is sent for it.
fn check(keep: &str) -> Result<(), Problem> {
    let table = crate::api::filter::table("exchanges")?;
    let parsed = arachne_filter::parse(keep, table, &arachne_filter::Settings::default());
    if parsed.predicate.is_some() {
        return Ok(());
    }
    let error = arachne_query::QueryError::BadFilter { diagnostics: parsed.diagnostics };
    Err(Problem::from(error).at("keep"))
}

/// A label that people see: no controls, bounded.
fn harmless(label: &str) -> String {
    let shown = arachne_telemetry::visible(label.trim());
    let cut = &shown[..shown.floor_char_boundary(LABEL_BYTES_MAX)];
    if cut.is_empty() { "upload".to_owned() } else { cut.to_owned() }
}
