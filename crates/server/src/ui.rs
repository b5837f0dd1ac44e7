//! The web UI: its page for every path that is no other route, its files for good, never a page in place of a file.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::etag::has;

/// A file of the web UI, as the program that serves it holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UiFile {
    /// Where it is, without a slash in front: `index.html`, `assets/index-B4x1.js`.
    pub path: &'static str,
    /// Its bytes.
    pub raw: &'static [u8],
    /// Its bytes in brotli.
    pub br: Option<&'static [u8]>,
    /// Its bytes in gzip.
    pub gz: Option<&'static [u8]>,
    /// A weak entity tag of its content, quotes included.
    pub etag: &'static str,
}

/// What the page of the UI may load: its own files. Captured text that got into it could neither run nor call home.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
    connect-src 'self'; worker-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html arachne-worker";
const PAGE: &str = "index.html";
/// Files here have the hash of their content in their name.
const HASHED: &str = "assets/";

/// What is no other route: a file of the UI, else its page, which knows what its path means.
///
/// Below `/api` and `/assets` there is nothing else: a page there would be run as the script that an old tab asks for.
pub(crate) async fn fallback(State(app): State<App>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let none = || StatusCode::NOT_FOUND.into_response();
    if !matches!(method, Method::GET | Method::HEAD) {
        return none();
    }
    let path = uri.path().trim_start_matches('/');
    let below = |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let found = app.parts.ui.iter().find(|file| file.path == path);
    let page = || app.parts.ui.iter().find(|file| file.path == PAGE && !below("api") && !below("assets"));
    found.or_else(page).map_or_else(none, |file| answer(file, &headers))
}

fn answer(file: &UiFile, request: &HeaderMap) -> Response {
    let (coding, body) = match (file.br, file.gz) {
        (Some(br), _) if takes(request, "br") => (Some("br"), br),
        (_, Some(gz)) if takes(request, "gzip") => (Some("gzip"), gz),
        _ => (None, file.raw),
    };
    let unchanged = has(request, file.etag);
    let mut response = if unchanged { StatusCode::NOT_MODIFIED.into_response() } else { body.into_response() };
    let forever = file.path.starts_with(HASHED);
    let caching = if forever { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, caching),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CONTENT_TYPE, media(file.path)),
        (header::ETAG, file.etag),
        (header::VARY, "accept-encoding"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(coding) = coding.filter(|_| !unchanged) {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

/// Whether the client takes a content coding (RFC 9110, section 12.5.3): it is named, and not with weight 0.
fn takes(request: &HeaderMap, coding: &str) -> bool {
    let given = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut all = given.flat_map(|value| value.split(','));
    all.any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        named && weight.is_none_or(|text| text.parse::<f32>().is_ok_and(|weight| weight > 0.0))
    })
}

/// The media type by the end of the name. A file of another kind is bytes to a browser.
fn media(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings() {
        for (given, br, gzip) in [
            ("", false, false),
            ("gzip, deflate, br, zstd", true, true),
            ("gzip, deflate", false, true),
            ("BR;q=0.5", true, false),
            ("br;q=0, gzip;q=0.001", false, true),
            ("br; q=0.0", false, false),
            ("brotli, x-gzip", false, false),
            ("br;q=x", false, false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(given))]);
            assert_eq!((takes(&headers, "br"), takes(&headers, "gzip")), (br, gzip), "{given}");
        }
    }
}
