//! What agents say. Each request is of one agent, by its key; nothing in its body says whose it is.

use std::sync::atomic::Ordering;
use std::time::Duration;

use arachne_delivery::instructions::Instructions;
use arachne_delivery::proto::Ack;
use arachne_delivery::status::Status;
use arachne_delivery::{BATCH_PACKED_MAX, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use prost::Message as _;

use crate::agents::Agent;
use crate::agents::batch::{self, Stored};
use crate::agents::counts::Taken;
use crate::app::{App, now};
use crate::problem::Problem;
use crate::strict;
use crate::work::failed;

/// The media type of a batch and of the answer to it.
const MEDIA: &str = "application/x-protobuf";
/// Bytes of a status.
const STATUS_BYTES_MAX: usize = 256 << 10;

/// Tells how an agent is; the answer tells what it is to do. Of agents alone: JSON of a version that this server knows, fields
/// that it does not know are skipped.
#[utoipa::path(post, path = "/agent/v1/status", operation_id = "agentStatus", tag = "agent protocol",
    request_body = Status, responses((status = 200, description = "What the agent is to do", body = Instructions)))]
pub(crate) async fn status(
    State(app): State<App>,
    Extension(Agent(name)): Extension<Agent>,
    request: Request,
) -> Result<Response, Problem> {
    let received = now();
    let body = strict::read(request, STATUS_BYTES_MAX, app.config.limits.request_time).await?;
    let bad = |error: &dyn std::fmt::Display| {
        Problem::new("bad-status", format!("the body is no status: {error}")).at("body")
    };
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(bad(&"an object is expected"));
    }
    let status: Status = serde_json::from_slice(&body).map_err(|error| bad(&error))?;
    if !(PROTOCOL_VERSION_MIN..=PROTOCOL_VERSION).contains(&status.protocol) {
        return Err(other_version(status.protocol));
    }
    let told = move || app.agents.status(&name, status, received);
    let instructions = tokio::task::spawn_blocking(told).await.map_err(|error| failed(&error))?;
    Ok(axum::Json(Instructions { sent: now(), ..instructions }).into_response())
}

fn other_version(version: u32) -> Problem {
    let detail = format!(
        "this server speaks versions {PROTOCOL_VERSION_MIN} to {PROTOCOL_VERSION}, the agent version {version}: upgrade the \
         older one"
    );
    Problem::new("version", detail)
}

/// Takes a batch of rows, in protobuf packed with zstd; it is durable when this is answered, with an `Ack` in protobuf. A batch
/// that was there before is acknowledged and not taken again. Of agents alone. 400, 413 and 422 are for ever: the same bytes
/// are never taken; all else is: again later.
#[utoipa::path(post, path = "/agent/v1/batches", operation_id = "agentBatch", tag = "agent protocol",
    request_body(content = [u8], content_type = "application/x-protobuf", description = "The batch"),
    responses((status = 200, description = "It is durable", content_type = "application/x-protobuf", body = [u8])))]
pub(crate) async fn batches(
    State(app): State<App>,
    Extension(Agent(name)): Extension<Agent>,
    request: Request,
) -> Result<Response, Problem> {
    let arrived = now();
    match take(&app, &name, request).await {
        Ok((bytes, stored)) => {
            let Stored { ack, closed } = stored;
            let Ack { seen_before, rows, values_unknown, .. } = ack;
            app.agents.counts.taken(&name, &Taken { bytes, rows, values_unknown, seen_before, arrived, closed });
            let media = HeaderValue::from_static(MEDIA);
            Ok(([(header::CONTENT_TYPE, media)], ack.encode_to_vec()).into_response())
        }
        Err(problem) => {
            app.agents.counts.refused(&name, problem.code);
            Err(problem)
        }
    }
}

/// The length of a batch as its sender declares it.
fn declared(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if text(header::CONTENT_TYPE) != Some(MEDIA) {
        return Err(Problem::new("bad-content-type", format!("send a batch as Content-Type: {MEDIA}")));
    }
    Ok(text(header::CONTENT_LENGTH).and_then(|text| text.parse().ok()))
}

/// How long a batch may take to come: as its sender waits, a second more for each 64 KiB. An uplink that carries less than that
/// carries nothing else either.
fn time(declared: Option<u64>, least: Duration) -> Duration {
    least + Duration::from_secs(declared.unwrap_or(BATCH_PACKED_MAX as u64) >> 16)
}

/// Reads a batch and makes it durable; its packed bytes, and what was stored.
async fn take(app: &App, name: &str, request: Request) -> Result<(u64, Stored), Problem> {
    if app.stopping.load(Ordering::Relaxed) {
        return Err(Problem::new("stopping", "the server is going down").again_after(5));
    }
    let declared = declared(request.headers())?;
    let admitted = app.agents.intake.admit(name, declared)?;
    let packed = strict::read(request, BATCH_PACKED_MAX, time(declared, app.config.limits.request_time)).await?;
    let turn = app.agents.intake.turn().await?;
    let (app, name, bytes) = (app.clone(), name.to_owned(), packed.len() as u64);
    let work = move || {
        // Room and turn last as long as the work, also where nobody waits for it any more.
        let _held = (admitted, turn);
        batch::store(&*app.parts.store, &name, &packed)
    };
    let stored = tokio::task::spawn_blocking(work).await.map_err(|error| failed(&error))??;
    Ok((bytes, stored))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_batch_may_take_as_long_as_its_sender_waits() {
        // What the client of an agent allows: 15 s, and 1 s more for each 64 KiB.
        for bytes in [0, 70 << 10, 1 << 20, 8 << 20] {
            let client = Duration::from_secs(15 + (bytes >> 16));
            let ours = time(Some(bytes), Duration::from_secs(30));
            assert!(ours >= client && ours <= client + Duration::from_secs(15), "{bytes}: {ours:?}");
        }
        assert_eq!(time(None, Duration::ZERO), time(Some(BATCH_PACKED_MAX as u64), Duration::ZERO));
    }
}
