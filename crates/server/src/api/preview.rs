//! A body as a browser shows it, in a frame that can do nothing: no script, no request, no cookie, no origin.

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

use crate::api::bodies::{cut, kept};
use crate::problem::Problem;
use crate::work::Job;

/// The sandbox takes the page's origin from it and forbids scripts, forms and windows; the rest forbids every request.
const POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'self'";
/// What is shown as what it is; everything else is shown as text. None of them runs anything without scripts.
const SHOWN: [&str; 13] = [
    "application/pdf",
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/svg+xml",
    "image/vnd.microsoft.icon",
    "image/webp",
    "image/x-icon",
    "text/css",
    "text/html",
    "text/plain",
];

/// A body of an exchange to be shown in a sandboxed frame of this server's own pages: images, PDF and HTML as they are, all
/// else as text. Decoded and redacted; nothing in it runs or loads anything.
#[utoipa::path(get, path = "/api/v1/exchanges/{id}/bodies/{direction}/preview", operation_id = "previewExchangeBody",
    tag = "items",
    params(("id" = String, Path, description = "The id of the exchange"),
        ("direction" = String, Path, description = "request or response")),
    responses((status = 200, description = "The body", content_type = "text/plain", body = String)))]
pub(crate) async fn preview(
    job: Job,
    Path((exchange, direction)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (_, body) = kept(job, exchange, direction).await?;
    let media = media(body.content_type.as_deref().unwrap_or_default());
    let missing_end = cut(&body);
    let mut response = body.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(&media).unwrap_or(TEXT));
    for (name, value) in [
        (header::CONTENT_DISPOSITION, "inline"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.extend([missing_end]);
    Ok(response)
}

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The media type to show a body as, by the one that was sent.
fn media(sent: &str) -> String {
    let mut parts = sent.split(';').map(str::trim);
    let own = parts.next().unwrap_or_default().to_ascii_lowercase();
    let shown = if SHOWN.contains(&&*own) { &*own } else { "text/plain" };
    let token = |text: &&str| {
        !text.is_empty() && text.len() <= 40 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let mut sets =
        parts.filter_map(|part| part.split_once('=')).filter(|(name, _)| name.eq_ignore_ascii_case("charset"));
    let charset = sets.next().map(|(_, value)| value.trim_matches('"')).filter(token);
    match charset {
        _ if !shown.starts_with("text/") => shown.to_owned(),
        Some(charset) => format!("{shown}; charset={charset}"),
        // A page may name its own.
        None if shown == "text/html" => shown.to_owned(),
        None => format!("{shown}; charset=utf-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::media;

    #[test]
    fn what_a_body_is_shown_as() {
        for (sent, shown) in [
            ("", "text/plain; charset=utf-8"),
            ("IMAGE/PNG", "image/png"),
            ("image/svg+xml; charset=utf-8", "image/svg+xml"),
            ("text/html", "text/html"),
            ("text/html; q=1; Charset=\"KOI8-R\"", "text/html; charset=KOI8-R"),
            ("text/html; charset=x\r\nSet-Cookie: a", "text/html"),
            ("text/javascript", "text/plain; charset=utf-8"),
            ("application/xhtml+xml", "text/plain; charset=utf-8"),
            ("application/json; charset=latin1", "text/plain; charset=latin1"),
            ("multipart/x-mixed-replace", "text/plain; charset=utf-8"),
        ] {
            assert_eq!(media(sent), shown, "{sent}");
        }
    }
}
