//! Typed questions: histograms, tops, quantiles, facets, differences, maps, quality, values.

use arachne_query::{
    DifferenceAnswer, DifferenceQuery, FacetsAnswer, FacetsQuery, HistogramAnswer, HistogramQuery, MapAnswer, MapQuery,
    QualityAnswer, QualityQuery, QuantilesAnswer, QuantilesQuery, TopAnswer, TopQuery, ValuesAnswer, ValuesQuery,
};
use axum::response::{IntoResponse as _, Response};

use crate::api::params::{HistogramParams, TopParams};
use crate::problem::Problem;
use crate::strict::{Json, Params};
use crate::work::Job;

macro_rules! questions {
    ($($(#[$doc:meta])* $name:ident $path:literal $id:literal $query:ident $answer:ident;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(post, path = $path, operation_id = $id, tag = "queries", request_body = $query,
            responses((status = 200, description = "The answer", body = $answer)))]
        pub(crate) async fn $name(job: Job, Json(query): Json<$query>) -> Result<Response, Problem> {
            let answer = job.ask(move |ask| ask.$name(&query).map_err(Problem::from)).await?;
            Ok(axum::Json(answer).into_response())
        }
    )*};
}

questions! {
    /// A range histogram: an item counts in every bucket that it meets.
    histogram "/api/v1/query/histogram" "queryHistogram" HistogramQuery HistogramAnswer;
    /// A top: groups with most rows, seconds, bytes or errors, and all others as one row.
    top "/api/v1/query/top" "queryTop" TopQuery TopAnswer;
    /// Quantiles of a number over time.
    quantiles "/api/v1/query/quantiles" "queryQuantiles" QuantilesQuery QuantilesAnswer;
    /// Values of fields with counts.
    facets "/api/v1/query/facets" "queryFacets" FacetsQuery FacetsAnswer;
    /// What is different in a selection against a baseline.
    difference "/api/v1/query/difference" "queryDifference" DifferenceQuery DifferenceAnswer;
    /// Who talks to whom.
    map "/api/v1/query/map" "queryMap" MapQuery MapAnswer;
    /// Capture quality over time.
    quality "/api/v1/query/quality" "queryQuality" QualityQuery QualityAnswer;
    /// Values of one field that start with a prefix.
    values "/api/v1/query/values" "queryValues" ValuesQuery ValuesAnswer;
}

/// A range histogram of exchanges by a link.
#[utoipa::path(get, path = "/api/v1/query/histogram", operation_id = "linkHistogram", tag = "queries",
    params(HistogramParams), responses((status = 200, description = "The answer", body = HistogramAnswer)))]
pub(crate) async fn histogram_link(job: Job, Params(params): Params<HistogramParams>) -> Result<Response, Problem> {
    histogram(job, Json(params.query("exchanges"))).await
}

/// A top of exchanges by a link.
#[utoipa::path(get, path = "/api/v1/query/top", operation_id = "linkTop", tag = "queries", params(TopParams),
    responses((status = 200, description = "The answer", body = TopAnswer)))]
pub(crate) async fn top_link(job: Job, Params(params): Params<TopParams>) -> Result<Response, Problem> {
    top(job, Json(params.query("exchanges"))).await
}
