//! Which metrics there are.

use std::collections::{BTreeMap, BTreeSet};

use arachne_model::table::{PointRow, Row as _};
use arachne_store::{GroupRequest, Groups, Key, Measure, Measured, Number, Scalar};
use serde::{Deserialize, Serialize};

use crate::Queries;
use crate::error::QueryError;
use crate::limits::GROUPS_MAX;
use crate::list::Cost;
use crate::plan::Plan;
use crate::scope::{Mode, Scope};
use crate::time::{Instant, When};

/// Which metrics there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MetricsQuery {
    /// A filter on points, such as `agent:web-1` or `metric:access.*`.
    pub filter: String,
    /// The first instant inside; where the table begins unless given.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub from: Option<When>,
    /// The first instant behind; where the table ends unless given.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub to: Option<When>,
}

/// A label of a metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelFacts {
    /// Its name.
    pub name: String,
    /// How many values it has.
    pub values: u64,
}

/// A metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MetricFacts {
    /// Its name.
    pub name: String,
    /// counter, gauge, histogram or distinct.
    pub metric_kind: String,
    /// The unit of its numbers.
    pub unit: String,
    /// Its labels, by name.
    pub labels: Vec<LabelFacts>,
    /// How many agents measure it.
    pub agents: u64,
    /// How many series it has: different labels and agents.
    pub series: u64,
    /// How many values: increments, readings, what histograms hold.
    pub values: u64,
    /// When its newest point begins.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub last: Option<Instant>,
}

/// Which metrics there are.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MetricsAnswer {
    /// By name, kind and unit.
    pub metrics: Vec<MetricFacts>,
    /// What it cost.
    pub scanned: Cost,
}

/// Metrics under way, by name, kind and unit.
#[derive(Debug, Default)]
struct Seen {
    labels: BTreeMap<String, BTreeSet<String>>,
    agents: BTreeSet<Scalar>,
    series: u64,
    values: i128,
    last: Option<i64>,
}

impl Queries<'_> {
    /// Which metrics there are, with their labels.
    ///
    /// # Errors
    /// When the question is not in order, there are more series than can be told apart, or the store cannot answer.
    pub fn metrics(&self, query: &MetricsQuery) -> Result<MetricsAnswer, QueryError> {
        self.run(self.plan_metrics(query)?)
    }

    pub(crate) fn plan_metrics(&self, query: &MetricsQuery) -> Result<Plan<MetricsAnswer>, QueryError> {
        let table = PointRow::TABLE;
        let scope = Scope {
            table: table.name.to_owned(),
            filter: query.filter.clone(),
            from: query.from,
            to: query.to,
            mode: Mode::Start,
            ..Scope::default()
        };
        let keys = ["name", "kind", "unit", "labels", "agent"].into_iter().filter_map(|name| table.column(name));
        // What roll-ups know too: metrics outlive their points.
        let values = table.column("count").map(|count| Measure::Sum(Number::Column(count)));
        let request = GroupRequest {
            selection: self.resolve(&scope)?.selection,
            keys: keys.map(Key::Column).collect(),
            measures: values.into_iter().chain([Measure::Max(Number::Column(table.start))]).collect(),
            groups_max: GROUPS_MAX,
            whole: true,
        };
        Ok(Plan::new(vec![request], |groups| answer(groups.into_iter().next().unwrap_or_default())))
    }
}

fn answer(groups: Groups) -> Result<MetricsAnswer, QueryError> {
    if groups.rest.is_some() {
        return Err(QueryError::TooManyGroups { max: GROUPS_MAX });
    }
    let mut all: BTreeMap<[String; 3], Seen> = BTreeMap::new();
    for group in groups.groups {
        let [name, kind, unit, labels, agent] =
            <[Scalar; 5]>::try_from(group.key).unwrap_or([const { Scalar::Null }; 5]);
        let seen = all.entry([name, kind, unit].map(text)).or_default();
        seen.series += 1;
        seen.agents.insert(agent);
        for (name, value) in text(labels).lines().filter_map(|line| line.split_once(": ")) {
            seen.labels.entry(name.to_owned()).or_default().insert(value.to_owned());
        }
        for measured in group.measures {
            match measured {
                Measured::Sum(values) => seen.values = seen.values.saturating_add(values),
                Measured::Extreme(last) => seen.last = seen.last.max(last),
                _ => {}
            }
        }
    }
    let metrics = all.into_iter().map(|([name, metric_kind, unit], seen)| MetricFacts {
        name,
        metric_kind,
        unit,
        labels: seen
            .labels
            .into_iter()
            .map(|(name, values)| LabelFacts { name, values: values.len() as u64 })
            .collect(),
        agents: seen.agents.len() as u64,
        series: seen.series,
        values: u64::try_from(seen.values.max(0)).unwrap_or(u64::MAX),
        last: seen.last.map(Instant),
    });
    Ok(MetricsAnswer { metrics: metrics.collect(), scanned: groups.scanned.into() })
}

fn text(value: Scalar) -> String {
    if let Scalar::Text(text) = value { text.into() } else { String::new() }
}
