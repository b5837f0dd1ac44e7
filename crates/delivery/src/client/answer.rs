//! What an answer to a batch means.

use std::time::Duration;

use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, StatusCode};
use prost::Message as _;

use crate::codec::Head;
use crate::outbox::Answer;
use crate::proto::Ack;

/// Characters of what a server says that are shown.
const SAID_MAX: usize = 200;

pub(super) fn of_batch(status: StatusCode, headers: &HeaderMap, body: &[u8], head: &Head) -> Answer {
    let why = format!("{}: {}", status.as_u16(), said(body));
    match status {
        StatusCode::OK => acknowledged(body, head),
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE if is_for_ever(headers, body) => {
            Answer::Refused { why }
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Answer::Key { why },
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            Answer::Later { after: retry_after(headers), why }
        }
        StatusCode::INSUFFICIENT_STORAGE => Answer::Full { why },
        // Not from a server of ours that is well, or that takes it one day: a proxy, another program, a fault, a server that
        // is older than its agent. The batch is kept.
        _ => Answer::Failed { why },
    }
}

/// Whether a server of ours says that it will never take this batch: its problem has a code (RFC 9457) for that.
fn is_for_ever(headers: &HeaderMap, body: &[u8]) -> bool {
    let media = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let code = serde_json::from_slice::<serde_json::Value>(body)
        .ok()
        .and_then(|mut problem| problem.get_mut("code").map(serde_json::Value::take));
    media.starts_with(b"application/problem+json")
        && code.is_some_and(|code| code == "bad-batch" || code == "too-large")
}

fn acknowledged(body: &[u8], head: &Head) -> Answer {
    match Ack::decode(body) {
        Ok(ack) if (ack.epoch, ack.lane, ack.sequence) == (head.epoch, i32::from(head.lane), head.sequence) => {
            Answer::Taken { seen_before: ack.seen_before }
        }
        _ => Answer::Failed { why: "the answer acknowledges another batch, or none".to_owned() },
    }
}

/// Seconds; a date is not understood, and is as if nothing was said.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The reason in a problem (RFC 9457), or the beginning of the text; visible characters only.
pub(super) fn said(body: &[u8]) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let field =
        |name| problem.as_ref().and_then(|p| p.get(name)).and_then(serde_json::Value::as_str).map(str::to_owned);
    let text = field("detail").or_else(|| field("title")).unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    text.chars().filter(|c| !c.is_control()).take(SAID_MAX).collect()
}
