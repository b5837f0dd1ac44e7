//! Typed queries above any store: lists, histograms, tops, quantiles, facets, differences, maps, and what belongs to a row.
//!
//! Nothing here knows an engine: a store filters, groups, sums and sorts; buckets, percentiles, tops with their rest, pages
//! and drill contracts are made here, once, so that engines cannot differ. Nothing here reads a clock: `now` comes in.
//!
//! **Drill contract**: each series, row, node and edge says what a click on it opens. The list of the page's filter AND its
//! [`Drill::filter`], in the page's range and the bucket's, counted by [`Drill::mode`], has exactly the rows that were
//! counted, or [`Drill::exact`] is false and [`Drill::reason`] says why.

mod batch;
mod cell;
mod codes;
mod cursor;
mod difference;
mod drill;
mod error;
mod facets;
mod fields;
#[cfg(feature = "golden")]
pub mod golden;
pub mod histogram;
pub mod limits;
mod list;
mod map;
mod object;
mod plan;
mod quality;
mod quantiles;
mod related;
mod scope;
mod series;
mod tally;
mod time;
mod top;

use arachne_store::{Store, Watch};

pub use batch::{Finished, Panel, PanelAnswer};
pub use cell::Cell;
pub use codes::{CodeCounts, CodeRow, CodeSample, CodeState, CodesAnswer, CodesQuery};
pub use difference::{DifferenceAnswer, DifferenceQuery, DivergingField, DivergingValue, Part};
pub use drill::Drill;
pub use error::QueryError;
pub use facets::{Facet, FacetValue, FacetsAnswer, FacetsQuery, OfferedValue, ValuesAnswer, ValuesQuery};
pub use histogram::{HistogramAnswer, HistogramMeasure, HistogramQuery, Numbers, Series, SeriesKind};
pub use list::{ColumnFacts, Cost, ListAnswer, ListQuery, ListTotal, Total};
pub use map::{Edge, Gateway, MapAnswer, MapQuery, Node, NodeKind, ServicePlace};
pub use quality::{Loss, QualityAnswer, QualityQuery, QualitySeries};
pub use quantiles::{QUANTILE_ERROR, QuantileSeries, QuantilesAnswer, QuantilesQuery};
pub use related::{Item, PageOf, Related};
pub use scope::{Mode, Scope};
pub use series::{
    Aggregate, Amounts, Compare, LabelFacts, MetricFacts, MetricsAnswer, MetricsQuery, Operator, SeriesAnswer,
    SeriesOf, SeriesQuery, SeriesWith,
};
pub use time::{Instant, Span, When};
pub use top::{Counts, Outcomes, Percentiles, Rank, TopAnswer, TopQuery, TopRow};

/// Questions to a store.
#[derive(Clone, Copy)]
pub struct Queries<'a> {
    store: &'a dyn Store,
    now: i64,
    watch: &'a dyn Watch,
}

impl<'a> Queries<'a> {
    /// Questions to `store` at `now` (nanoseconds since the Unix epoch), followed and stopped by `watch`.
    #[must_use]
    pub const fn new(store: &'a dyn Store, now: i64, watch: &'a dyn Watch) -> Self {
        Self { store, now, watch }
    }
}
