//! Bodies as they are stored: decoded, redacted, and always as an attachment that no browser shows.

use arachne_model::table::{BodyRow, ExchangeRow};
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

use crate::api::related::id;
use crate::api::rows;
use crate::etag::tagged;
use crate::problem::Problem;
use crate::stream::attachment;
use crate::work::Job;

/// A body of an exchange: decoded and redacted bytes, never to be shown by a browser. The header `X-Body-Cut: true` tells
/// that the end is missing.
#[utoipa::path(get, path = "/api/v1/exchanges/{id}/bodies/{direction}", operation_id = "getExchangeBody", tag = "items",
    params(("id" = String, Path, description = "The id of the exchange"),
        ("direction" = String, Path, description = "request or response")),
    responses((status = 200, description = "The bytes", content_type = "application/octet-stream", body = [u8]),
        (status = 304, description = "Unchanged")))]
pub(crate) async fn body(
    job: Job,
    Path((exchange, direction)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (file, body) = kept(job, exchange, direction).await?;
    let missing_end = cut(&body);
    let mut response = tagged(&headers, "application/octet-stream", body.bytes);
    response.headers_mut().insert(header::CONTENT_DISPOSITION, attachment(&file));
    response.headers_mut().extend([missing_end]);
    Ok(response)
}

/// The body of an exchange, and the name of a file for it.
pub(crate) async fn kept(job: Job, exchange: String, direction: String) -> Result<(String, BodyRow), Problem> {
    let exchange = id(exchange, "exchange")?;
    if !["request", "response"].contains(&&*direction) {
        return Err(Problem::not_found("body: the directions are request and response; exchange"));
    }
    let file = format!("{exchange}.{direction}.bin");
    let found = job.run(move |app, watch| {
        let bodies = rows::with::<BodyRow>(app, watch, "exchange.id", &exchange, 2)?;
        if let Some(body) = bodies.into_iter().find(|body| body.direction == direction) {
            return Ok(body);
        }
        let known = !rows::with::<ExchangeRow>(app, watch, "id", &exchange, 1)?.is_empty();
        Err(if known { not_kept("no such body was kept of this exchange") } else { Problem::not_found("exchange") })
    });
    let body = found.await?;
    match &body.withheld {
        Some(reason) => Err(not_kept(&format!("the body was seen and not kept: {reason}"))),
        None => Ok((file, body)),
    }
}

/// The header that tells whether the end of a body is missing.
pub(crate) fn cut(body: &BodyRow) -> (HeaderName, HeaderValue) {
    let cut = if body.cut { "true" } else { "false" };
    (HeaderName::from_static("x-body-cut"), HeaderValue::from_static(cut))
}

fn not_kept(detail: &str) -> Problem {
    Problem::new("not-kept", detail)
}
