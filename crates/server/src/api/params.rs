//! Query strings of links that people share: the same questions as in bodies, flat.

use arachne_query::{
    HistogramMeasure, HistogramQuery, ListQuery, Mode, Rank, Scope, Span, TopQuery, Total, When, limits,
};
use serde::Deserialize;

/// Declares parameters that begin with those of a scope.
macro_rules! params {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
        #[serde(default, deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(crate) struct $name {
            /// The filter; empty for everything.
            pub filter: String,
            /// The first instant inside: RFC 3339, a number since 1970 in s, ms, us or ns, `now`, `-1h`.
            #[param(value_type = Option<String>)]
            pub from: Option<When>,
            /// The first instant behind, likewise.
            #[param(value_type = Option<String>)]
            pub to: Option<When>,
            /// How rows belong to the range.
            pub mode: Mode,
            /// Count twins too.
            pub twins: bool,
            /// Answered below is fast, in nanoseconds.
            pub fast_ns: Option<i64>,
            /// Answered from here on is slow, in nanoseconds.
            pub slow_ns: Option<i64>,
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $name {
            pub fn scope(&self, table: &str) -> Scope {
                let default = Scope::default();
                Scope {
                    table: table.to_owned(),
                    filter: self.filter.clone(),
                    from: self.from,
                    to: self.to,
                    mode: self.mode,
                    twins: self.twins,
                    fast_ns: self.fast_ns.unwrap_or(default.fast_ns),
                    slow_ns: self.slow_ns.unwrap_or(default.slow_ns),
                    ..default
                }
            }
        }
    };
}

params! {
    /// Of a list.
    ListParams {
        /// Fields to show, separated by commas; all but headers and bytes when empty.
        columns: String,
        /// The number that rows are ordered by; `start` unless given.
        order: Option<String>,
        /// Smallest first.
        ascending: bool,
        /// At most so many rows.
        #[param(value_type = Option<usize>, minimum = 1, maximum = 10000)]
        limit: Option<usize>,
        /// Where to go on: `next` of the page before.
        cursor: Option<String>,
        /// Whether all rows are counted.
        count: Total,
    }
}

params! {
    /// Of an export.
    ExportParams {
        /// Columns, separated by commas; all but bytes when empty. Of ndjson and CSV.
        columns: String,
        /// At most so many rows; all unless given.
        limit: Option<u64>,
    }
}

params! {
    /// Of a histogram.
    HistogramParams {
        /// Width of a bucket, such as `5m`.
        #[param(value_type = Option<String>)]
        step: Option<Span>,
        /// At most so many buckets when there is no step.
        buckets: Option<u32>,
        /// The field that bars are split by; empty for none. Class unless given.
        by: Option<String>,
        /// Series told apart.
        top: Option<usize>,
        /// What is summed.
        measure: HistogramMeasure,
        /// Per second instead of per bucket.
        rate: bool,
    }
}

params! {
    /// Of a top.
    TopParams {
        /// One or two fields, separated by a comma.
        by: String,
        /// What comes first.
        order: Rank,
        /// At most so many rows.
        limit: Option<usize>,
        /// Whether percentiles are wanted.
        quantiles: bool,
        /// The number that max and percentiles are of; `duration` unless given.
        of: Option<String>,
    }
}

/// The names of a list with commas.
pub(crate) fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

impl ListParams {
    pub fn query(self, table: &str) -> ListQuery {
        let default = ListQuery::default();
        ListQuery {
            scope: self.scope(table),
            columns: names(&self.columns),
            order: self.order.unwrap_or(default.order),
            ascending: self.ascending,
            limit: self.limit.unwrap_or(default.limit),
            cursor: self.cursor,
            count: self.count,
        }
    }
}

impl HistogramParams {
    pub fn query(self, table: &str) -> HistogramQuery {
        let Self { step, buckets, ref by, top, measure, rate, .. } = self;
        let top = top.unwrap_or(limits::TOP);
        HistogramQuery { scope: self.scope(table), step, buckets, by: by.clone(), top, measure, rate }
    }
}

impl TopParams {
    pub fn query(self, table: &str) -> TopQuery {
        let default = TopQuery::default();
        let by = if self.by.is_empty() { default.by } else { names(&self.by) };
        TopQuery {
            scope: self.scope(table),
            by,
            order: self.order,
            limit: self.limit.unwrap_or(default.limit),
            quantiles: self.quantiles,
            of: self.of.unwrap_or(default.of),
        }
    }
}
