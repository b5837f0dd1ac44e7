//! Typed questions: histograms, tops, quantiles, facets, differences, maps, quality, values, series.

use arachne_query::{
    CodesAnswer, CodesQuery, DifferenceAnswer, DifferenceQuery, FacetsAnswer, FacetsQuery, HistogramAnswer,
    HistogramQuery, MapAnswer, MapQuery, MetricsAnswer, MetricsQuery, QualityAnswer, QualityQuery, QuantilesAnswer,
    QuantilesQuery, SeriesAnswer, SeriesQuery, TopAnswer, TopQuery, ValuesAnswer, ValuesQuery, When,
};
use axum::response::{IntoResponse as _, Response};

use serde::Deserialize;

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
    /// Lines of logs by code (or template), service and level: how many, since when, and what is new, gone or comes at once.
    codes "/api/v1/query/codes" "queryCodes" CodesQuery CodesAnswer;
    /// A metric over time: by labels, put together with another one, beside another time.
    series "/api/v1/series" "querySeries" SeriesQuery SeriesAnswer;
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

/// Which metrics are listed.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MetricsParams {
    /// A filter on points, such as `agent:web-1` or `metric:access.*`; empty for everything.
    filter: String,
    /// The first instant inside: RFC 3339, a number since 1970 in s, ms, us or ns, `now`, `-1h`.
    #[param(value_type = Option<String>)]
    from: Option<When>,
    /// The first instant behind, likewise.
    #[param(value_type = Option<String>)]
    to: Option<When>,
}

/// Which metrics there are: kind, unit, labels with the number of their values, series.
#[utoipa::path(get, path = "/api/v1/metrics", operation_id = "listMetrics", tag = "lists", params(MetricsParams),
    responses((status = 200, description = "The metrics", body = MetricsAnswer)))]
pub(crate) async fn metrics(job: Job, Params(params): Params<MetricsParams>) -> Result<Response, Problem> {
    let MetricsParams { filter, from, to } = params;
    let query = MetricsQuery { filter, from, to };
    let answer = job.ask(move |ask| ask.metrics(&query).map_err(Problem::from)).await?;
    Ok(axum::Json(answer).into_response())
}
