//! Entity tags: an answer that the client has already is not sent again.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use crate::auth::hex;

/// An answer with a tag of its content; 304 when the client has it. Tags are weak, since compression changes the bytes.
pub(crate) fn tagged(request: &HeaderMap, media: &'static str, body: Vec<u8>) -> Response {
    let tag = format!("W/\"{}\"", &hex(&Sha256::digest(&body))[..32]);
    let mut response = if has(request, &tag) { StatusCode::NOT_MODIFIED.into_response() } else { body.into_response() };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, value);
    }
    response
}

/// Weak comparison, as RFC 9110 section 13.1.2 asks.
pub(crate) fn has(request: &HeaderMap, tag: &str) -> bool {
    let opaque = |text: &str| text.trim().trim_start_matches("W/").to_owned();
    let given = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).any(|one| one.trim() == "*" || opaque(one) == opaque(tag))
}
