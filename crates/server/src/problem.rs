//! Errors as the API tells them: RFC 9457, with a stable code, never with an internal text or a path.

use std::io;
use std::ops::Range;

use arachne_filter::Diagnostic;
use arachne_query::QueryError;
use arachne_store::StoreError;
use arachne_telemetry::{chain, codes, emit};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Characters of a text that is told back.
const DETAIL_CHARS_MAX: usize = 500;

/// Why a request was not answered (RFC 9457). Boxed where it can be: it is the error of most functions here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Names the kind of problem: a page of the documentation.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: Box<str>,
    /// The kind in words.
    pub title: &'static str,
    /// The status code.
    pub status: u16,
    /// The stable code.
    pub code: &'static str,
    /// What is wrong with this request, and what to do.
    #[schema(value_type = String)]
    pub detail: Box<str>,
    /// The part of the request that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'static str>,
    /// What is wrong with the filter, and where.
    #[serde(skip_serializing_if = "<[Mistake]>::is_empty")]
    #[schema(value_type = Vec<Mistake>)]
    pub diagnostics: Box<[Mistake]>,
    /// Seconds after which to try again, as in the header `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// A mistake in a filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Mistake {
    /// The stable code.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// First byte and the byte behind, in the text of the filter.
    pub span: Span,
    /// What would put it right, best first.
    pub fixes: Vec<MistakeFix>,
}

/// A place in a text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte behind.
    pub end: usize,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// A way to put a mistake right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MistakeFix {
    /// What it does.
    pub label: String,
    /// The text that takes the place of the span.
    pub replacement: String,
}

impl From<Diagnostic> for Mistake {
    fn from(diagnostic: Diagnostic) -> Self {
        let fix = |fix: arachne_filter::Fix| MistakeFix { label: fix.label, replacement: fix.replacement };
        Self {
            code: diagnostic.code.name(),
            message: diagnostic.message,
            span: diagnostic.span.into(),
            fixes: diagnostic.fixes.into_iter().map(fix).collect(),
        }
    }
}

/// Every kind of problem: code, status, title. The documentation page lists them.
pub(crate) const KINDS: &[(&str, StatusCode, &str)] = &[
    ("bad-request", StatusCode::BAD_REQUEST, "the request is not in order"),
    ("no-token", StatusCode::UNAUTHORIZED, "a token is needed"),
    ("bad-token", StatusCode::UNAUTHORIZED, "the token is not valid"),
    ("not-permitted", StatusCode::FORBIDDEN, "the right is missing"),
    ("foreign-origin", StatusCode::FORBIDDEN, "the request comes from another site"),
    ("not-found", StatusCode::NOT_FOUND, "there is no such thing"),
    ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "the method does not fit the route"),
    ("not-kept", StatusCode::NOT_FOUND, "it was not kept"),
    ("request-timeout", StatusCode::REQUEST_TIMEOUT, "the request came too slowly"),
    ("conflict", StatusCode::CONFLICT, "it is there already"),
    ("stopped", StatusCode::CONFLICT, "the query was stopped"),
    ("changed", StatusCode::PRECONDITION_FAILED, "it was changed meanwhile"),
    ("no-precondition", StatusCode::PRECONDITION_REQUIRED, "it must be said what was edited"),
    ("offline", StatusCode::CONFLICT, "the agent is not heard of"),
    ("too-large", StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
    ("bad-content-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body is of another type"),
    ("not-a-capture", StatusCode::UNSUPPORTED_MEDIA_TYPE, "the upload is no capture"),
    ("bad-config", StatusCode::UNPROCESSABLE_ENTITY, "no agent could follow it"),
    ("version", StatusCode::UNPROCESSABLE_ENTITY, "the other side speaks another version"),
    ("bad-status", StatusCode::BAD_REQUEST, "it is no status of an agent"),
    ("bad-batch", StatusCode::BAD_REQUEST, "it is no batch of an agent"),
    ("foreign-host", StatusCode::MISDIRECTED_REQUEST, "the Host header names another server"),
    ("too-many-requests", StatusCode::TOO_MANY_REQUESTS, "too many requests"),
    ("busy", StatusCode::SERVICE_UNAVAILABLE, "too much is going on"),
    ("stopping", StatusCode::SERVICE_UNAVAILABLE, "the server is going down"),
    ("time-limit", StatusCode::SERVICE_UNAVAILABLE, "the answer took too long"),
    ("full", StatusCode::INSUFFICIENT_STORAGE, "there is no space left"),
    ("unwritable", StatusCode::SERVICE_UNAVAILABLE, "the store cannot write"),
    ("no-sql", StatusCode::NOT_FOUND, "this server has no SQL"),
    ("bad-statement", StatusCode::BAD_REQUEST, "the statement is wrong"),
    ("store", StatusCode::INTERNAL_SERVER_ERROR, "the store could not answer"),
    ("internal", StatusCode::INTERNAL_SERVER_ERROR, "something failed in the server"),
];

impl Problem {
    /// A problem of one of [`KINDS`]; other codes are mistakes in a question, status 400.
    pub(crate) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        let listed = KINDS.iter().find(|(name, ..)| *name == code);
        let (_, status, title) =
            listed.copied().unwrap_or(("", StatusCode::BAD_REQUEST, "the question is not in order"));
        let detail: String = detail.into().chars().take(DETAIL_CHARS_MAX).collect();
        Self {
            kind: format!("/api/docs#problem-{code}").into(),
            title,
            status: status.as_u16(),
            code,
            detail: detail.into(),
            field: None,
            diagnostics: Box::default(),
            retry_after: None,
        }
    }

    pub(crate) fn at(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }

    pub(crate) fn again_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new("not-found", format!("there is no {what} with this id"))
    }

    /// What went wrong goes to the log, not to the client.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        emit!(codes::SERVER_MAIN_002, error = %chain(error));
        Self::new("internal", "the request failed inside the server; its log tells more")
    }

    /// What could not be written.
    pub(crate) fn unwritten(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::new("full", "there is no space to write; reading goes on")
            }
            _ => Self::internal(error),
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match &error {
            QueryError::Store(error) => Self::from(&**error),
            QueryError::BadFilter { diagnostics } => {
                let diagnostics = diagnostics.iter().cloned().map(Mistake::from).collect();
                Self { diagnostics, ..Self::new(error.code(), error.to_string()).at("filter") }
            }
            _ => Self { field: error.field(), ..Self::new(error.code(), error.to_string()) },
        }
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Stopped => Self::new("stopped", "the query was stopped before it was answered"),
            StoreError::Refused(reason) => Self::new("bad-request", reason.clone()),
            _ => {
                emit!(codes::SERVER_STORE_001, error = %chain(error));
                match error {
                    StoreError::Full { .. } => Self::new("full", "there is no space to write; reading goes on"),
                    _ => Self::new("store", "the store could not answer; the log of the server tells more"),
                }
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Its fields are text and numbers, which always make JSON.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // The guard counts answers and leaves those alone that explain themselves.
        response.extensions_mut().insert(Explained);
        response
    }
}

/// Marks an answer whose body is a [`Problem`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Explained;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_inside_goes_to_the_log_alone() {
        let count = || arachne_telemetry::count_of(&codes::SERVER_MAIN_002);
        let before = count();
        let problem = Problem::internal(&io::Error::other("/srv/secret"));
        assert_eq!((problem.status, problem.code), (500, "internal"));
        assert!(!problem.detail.contains("secret"));
        assert_eq!(count(), before + 1, "SERVER-MAIN-002");
    }

    #[test]
    fn errors_of_the_store_hold_no_path() {
        let io = || io::Error::other("/srv/secret");
        for (error, code) in [
            (StoreError::Io { what: "reading /srv/secret".to_owned(), source: io() }, "store"),
            (StoreError::Full { what: "/srv/secret".to_owned(), source: io() }, "full"),
            (StoreError::Stopped, "stopped"),
        ] {
            let problem = Problem::from(QueryError::from(error));
            assert_eq!(problem.code, code);
            assert!(!problem.detail.contains("secret"), "{problem:?}");
        }
    }

    #[test]
    fn kinds_are_told_apart() {
        for (at, (code, ..)) in KINDS.iter().enumerate() {
            assert!(!KINDS[..at].iter().any(|(other, ..)| other == code), "{code} is there twice");
        }
    }
}
