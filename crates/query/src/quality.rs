//! Capture quality: what each stage took, gave and dropped, and the losses beside a capture.

use std::collections::BTreeMap;

use arachne_filter::Predicate;
use arachne_model::DropReason;
use arachne_model::table::{QualityRow, Row as _, SessionRow};
use arachne_store::{Buckets, GroupRequest, Groups, Key, Measure, Number, Scalar};
use serde::{Deserialize, Serialize};

use crate::Queries;
use crate::error::QueryError;
use crate::fields::column;
use crate::histogram::ladder;
use crate::limits::GROUPS_MAX;
use crate::list::Cost;
use crate::plan::Plan;
use crate::scope::Mode;
use crate::time::{Instant, Span, When};

/// Counts are made by the minute.
const MINUTE: i64 = 60_000_000_000;
/// Drop reasons of agents beside those of the parser: no room on the way to the spool or in it, bodies that gave way under load,
/// and batches that were damaged or that no server takes.
const AGENTS: &[&str] =
    &["queue_full", "pressure", "spool_full_bulk", "spool_full_records", "spool_full_facts", "refused", "damaged"];

/// Capture quality over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QualityQuery {
    /// A filter on `capture_quality`, such as `agent:edge-1`.
    pub filter: String,
    /// The first instant inside; where the table begins unless given.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub from: Option<When>,
    /// The first instant behind; where the table ends unless given.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub to: Option<When>,
    /// Width of a bucket; at least a minute.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub step: Option<Span>,
    /// At most so many buckets when there is no step.
    pub buckets: Option<u32>,
}

/// The losses beside a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Loss {
    /// The system dropped frames before the recorder saw them.
    Kernel,
    /// The recorder reached a limit of its own.
    Own,
    /// Bytes that were acknowledged on the wire and never seen.
    Missing,
    /// Nanoseconds of which nobody knows what was captured: what held it ended before it was delivered.
    Unaccounted,
}

/// A count over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QualitySeries {
    /// packets, segments, bytes, sessions or exchanges.
    pub stage: String,
    /// in, out, dropped, `in_flight`, anomaly or missing.
    pub count: String,
    /// The drop reason, or the anomaly's name.
    pub reason: Option<String>,
    /// Which loss it is, if any.
    pub loss: Option<Loss>,
    /// By bucket.
    pub values: Vec<i64>,
    /// All buckets.
    pub total: i64,
}

/// Capture quality over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QualityAnswer {
    /// Where bucket 0 starts.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub start: Instant,
    /// Width of a bucket in nanoseconds.
    pub step_ns: i64,
    /// Number of buckets.
    pub count: u32,
    /// How rows belong to buckets: by their start.
    pub mode: Mode,
    /// By stage, count and reason; losses stand among them and are marked.
    pub series: Vec<QualitySeries>,
    /// What it cost.
    pub scanned: Cost,
}

/// Stage, count, reason.
type Name = (String, String, Option<String>);

impl Queries<'_> {
    /// Capture quality over time.
    ///
    /// # Errors
    /// When the question is not in order, beyond a limit, or the store cannot answer.
    pub fn quality(&self, query: &QualityQuery) -> Result<QualityAnswer, QueryError> {
        self.run(self.plan_quality(query)?)
    }

    pub(crate) fn plan_quality(&self, query: &QualityQuery) -> Result<Plan<QualityAnswer>, QueryError> {
        let table = QualityRow::TABLE;
        let range = self.range(table, query.from, query.to)?;
        let everything = self.resolved(table, Predicate::All);
        let mut resolved = everything.and(everything.parse(&query.filter)?);
        resolved.selection.range = range;
        let mut buckets = ladder::buckets(range, query.step, query.buckets)?;
        if buckets.step < MINUTE {
            buckets = ladder::buckets(range, Some(Span(MINUTE)), None)?;
        }
        let mut keys = vec![Key::Bucket(buckets)];
        keys.extend(["stage", "count", "reason"].into_iter().filter_map(|name| column(table, name)).map(Key::Column));
        let value = column(table, "value").map(|column| Measure::Sum(Number::Column(column)));
        let selection = resolved.selection.clone();
        let counts = GroupRequest {
            selection,
            keys,
            measures: value.into_iter().collect(),
            groups_max: GROUPS_MAX,
            whole: false,
        };
        let mut requests = vec![counts];
        // Sessions know the missing bytes; a filter on this table says nothing about them.
        requests.extend(query.filter.trim().is_empty().then(|| self.missing(range, buckets)));
        Ok(Plan::new(requests, move |groups| answer(buckets, groups)))
    }

    fn missing(&self, range: arachne_store::TimeRange, buckets: Buckets) -> GroupRequest {
        let table = SessionRow::TABLE;
        let mut selection = self.resolved(table, Predicate::All).selection;
        selection.range = range;
        let sides = ["tcp.client.missing", "tcp.server.missing"].into_iter().filter_map(|name| column(table, name));
        let measures = sides.map(|column| Measure::Sum(Number::Column(column))).collect();
        GroupRequest { selection, keys: vec![Key::Bucket(buckets)], measures, groups_max: GROUPS_MAX, whole: false }
    }
}

fn answer(buckets: Buckets, groups: Vec<Groups>) -> Result<QualityAnswer, QueryError> {
    let mut series: BTreeMap<Name, Vec<i64>> = BTreeMap::new();
    let mut scanned = arachne_store::Scanned::default();
    for groups in groups {
        scanned += groups.scanned;
        if groups.rest.is_some() {
            return Err(QueryError::TooManyGroups { max: GROUPS_MAX });
        }
        for group in groups.groups {
            let Some(&Scalar::Int(at)) = group.key.first() else { continue };
            let sum = group.measures.iter().fold(0_i64, |sum, measured| sum.saturating_add(measured.number()));
            let values = series.entry(name(&group.key)).or_insert_with(|| vec![0; buckets.count as usize]);
            if let Some(value) = usize::try_from(at).ok().and_then(|at| values.get_mut(at)) {
                *value = value.saturating_add(sum);
            }
        }
    }
    series.retain(|(_, count, _), values| count != "missing" || values.iter().any(|value| *value != 0));
    let one = |((stage, count, reason), values): (Name, Vec<i64>)| QualitySeries {
        loss: loss(&stage, &count, reason.as_deref()),
        total: values.iter().fold(0, |sum: i64, value| sum.saturating_add(*value)),
        stage,
        count,
        reason,
        values,
    };
    Ok(QualityAnswer {
        start: Instant(buckets.origin),
        step_ns: buckets.step,
        count: buckets.count,
        mode: Mode::Start,
        series: series.into_iter().map(one).collect(),
        scanned: scanned.into(),
    })
}

/// The name of a series from a key; one without stage is of the missing bytes.
fn name(key: &[Scalar]) -> Name {
    let text = |at: usize| if let Some(Scalar::Text(text)) = key.get(at) { Some(text.to_string()) } else { None };
    if key.len() == 1 {
        return ("bytes".to_owned(), "missing".to_owned(), None);
    }
    (text(1).unwrap_or_default(), text(2).unwrap_or_default(), text(3))
}

/// By the names that captures and agents give to what they count.
fn loss(stage: &str, count: &str, reason: Option<&str>) -> Option<Loss> {
    match (stage, count, reason) {
        (_, "missing", _) => Some(Loss::Missing),
        (_, "unaccounted", _) => Some(Loss::Unaccounted),
        ("kernel", "dropped", _) => Some(Loss::Kernel),
        ("bodies", "shortened", _) => Some(Loss::Own),
        (_, "dropped", Some(reason)) if is_own(reason) => Some(Loss::Own),
        _ => None,
    }
}

/// Whether the recorder, not the traffic, was short of something.
fn is_own(reason: &str) -> bool {
    AGENTS.contains(&reason) || DropReason::ALL.iter().any(|known| known.is_own() && known.name() == reason)
}

#[cfg(test)]
mod tests {
    use arachne_model::DropReason;

    use super::{Loss, loss};

    #[test]
    fn what_agents_count_as_lost_is_a_loss() {
        assert_eq!(loss("kernel", "dropped", Some("ring_full")), Some(Loss::Kernel));
        assert_eq!(loss("kernel", "out", None), None);
        assert_eq!(loss("capture", "unaccounted", Some("agent_died")), Some(Loss::Unaccounted));
        assert_eq!(loss("bytes", "missing", None), Some(Loss::Missing));
        for reason in [DropReason::LargeFlow, DropReason::NewFlow, DropReason::Memcap] {
            assert_eq!(loss("segments", "dropped", Some(reason.name())), Some(Loss::Own));
        }
        assert_eq!(loss("segments", "dropped", Some(DropReason::Duplicate.name())), None, "the traffic's own");
        for (stage, reason) in [("bodies", "pressure"), ("records", "queue_full"), ("spool", "spool_full_facts")] {
            assert_eq!(loss(stage, "dropped", Some(reason)), Some(Loss::Own));
        }
        assert_eq!(loss("bodies", "shortened", Some("pressure")), Some(Loss::Own));
    }
}
