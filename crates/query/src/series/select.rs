//! What the store is asked about one selection of points, and what it answered, by group and bucket.

use std::collections::BTreeMap;

use arachne_filter::{Field, Predicate, Test, TextTest};
use arachne_model::table::{PointRow, Row as _};
use arachne_store::{Buckets, GroupRequest, Groups, Key, Scalar, Scanned};

use super::aggregate::Aggregate;
use super::state::Group;
use crate::error::QueryError;
use crate::fields::Split;
use crate::limits::{CELLS_MAX, GROUPS_MAX, PIECE_GROUPS, PIECE_LABELS, SKETCHES_MAX};
use crate::scope::Resolved;

/// A metric of some series, in buckets.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub metric: String,
    /// The points of the metric that pass the filter.
    pub resolved: Resolved,
    pub buckets: Buckets,
    pub aggregate: Aggregate,
}

/// What there is of an operand.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// By the values of the fields that series are grouped by.
    pub groups: BTreeMap<Vec<Scalar>, Group>,
    /// The unit and the kind of the points; empty when there are none.
    pub unit: String,
    pub kind: String,
    pub scanned: Scanned,
}

/// That points are of a metric.
pub(super) fn named(metric: &str) -> Predicate {
    let name = PointRow::TABLE.column("name").unwrap_or_default();
    Predicate::Is(Field::Column(name), Test::Text(TextTest::OneOf(vec![metric.to_owned()])))
}

fn column(name: &str) -> Option<Key> {
    PointRow::TABLE.column(name).map(Key::Column)
}

impl Operand {
    /// The points by bucket and by `by`; those that pass `narrowed` only, where that is given.
    pub fn request(&self, by: &[Split], narrowed: Option<Predicate>) -> GroupRequest {
        self.ask(Some(Key::Bucket(self.buckets)), by, narrowed)
    }

    /// The same over the whole range.
    pub fn ranking(&self, by: &[Split]) -> GroupRequest {
        self.ask(None, by, None)
    }

    fn ask(&self, bucket: Option<Key>, by: &[Split], narrowed: Option<Predicate>) -> GroupRequest {
        let member = if self.aggregate.needs_members() { ["labels", "agent"].as_slice() } else { &[] };
        let first = bucket.into_iter().chain(["unit", "kind"].into_iter().filter_map(column));
        let keys =
            first.chain(by.iter().map(|split| split.key.clone())).chain(member.iter().filter_map(|name| column(name)));
        let resolved = narrowed.map_or_else(|| self.resolved.clone(), |narrowed| self.resolved.and(narrowed));
        GroupRequest {
            selection: resolved.selection,
            keys: keys.collect(),
            measures: self.aggregate.measures(),
            groups_max: self.groups_max(),
            whole: true,
        }
    }

    fn groups_max(&self) -> usize {
        match self.aggregate {
            aggregate if aggregate.is_dear() => SKETCHES_MAX,
            aggregate if aggregate.is_by_series() => PIECE_GROUPS,
            _ => GROUPS_MAX,
        }
    }

    /// Whether it can be asked for in pieces, since there is too much of it for one answer.
    pub fn needs_pieces(&self, groups: &Groups) -> bool {
        self.aggregate.is_by_series() && groups.rest.is_some()
    }

    /// Which series there are.
    pub fn members(&self) -> GroupRequest {
        let keys = ["labels", "agent"].into_iter().filter_map(column).collect();
        let selection = self.resolved.selection.clone();
        GroupRequest { selection, keys, measures: Vec::new(), groups_max: GROUPS_MAX, whole: true }
    }

    /// What passes a few series at a time, all of them one after another: as many as can be told apart by bucket.
    ///
    /// Points are stored by their labels, so that each piece reads its own alone.
    pub fn pieces(&self, members: &Groups) -> Result<Vec<Predicate>, QueryError> {
        if members.rest.is_some() {
            return Err(QueryError::TooManyGroups { max: GROUPS_MAX });
        }
        let mut series: BTreeMap<String, usize> = BTreeMap::new();
        for group in &members.groups {
            *series.entry(text(group.key.first().cloned())).or_default() += 1;
        }
        let room = PIECE_GROUPS / self.buckets.count.max(1) as usize;
        let labels = PointRow::TABLE.column("labels").unwrap_or_default();
        let passes = |texts| Predicate::Is(Field::Column(labels), Test::Text(TextTest::OneOf(texts)));
        let (mut pieces, mut piece, mut taken) = (Vec::new(), Vec::new(), 0);
        for (text, agents) in series {
            if !piece.is_empty() && (taken + agents > room || piece.len() >= PIECE_LABELS) {
                pieces.push(passes(std::mem::take(&mut piece)));
                taken = 0;
            }
            taken += agents;
            piece.push(text);
        }
        pieces.extend((!piece.is_empty()).then(|| passes(piece)));
        Ok(pieces)
    }

    /// How long each bucket is within the range, in seconds.
    pub fn seconds(&self) -> Vec<f64> {
        let (range, Buckets { origin, step, count }) = (self.resolved.selection.range, self.buckets);
        let border = |n: u32| i128::from(origin) + i128::from(step) * i128::from(n);
        let length = |n: u32| border(n + 1).min(range.to.into()) - border(n).max(range.from.into());
        (0..count).map(|n| length(n).max(0) as f64 / 1e9).collect()
    }

    /// The answer to [`Self::request`], or of [`Self::ranking`] with `whole`, where everything is in bucket 0.
    pub fn read(&self, by: usize, whole: bool, groups: Groups) -> Result<Found, QueryError> {
        if groups.rest.is_some() {
            return Err(QueryError::TooManyGroups { max: self.groups_max() });
        }
        let mut found = Found { scanned: groups.scanned, ..Found::default() };
        for group in groups.groups {
            let mut key = group.key.into_iter();
            let bucket = if whole { Some(Scalar::Int(0)) } else { key.next() };
            let (Some(Scalar::Int(bucket)), unit, kind) = (bucket, text(key.next()), text(key.next())) else {
                continue;
            };
            found.of(&self.metric, unit, kind)?;
            let values: Vec<Scalar> = key.by_ref().take(by).collect();
            let state = self.aggregate.read(group.measures);
            let bucket = u32::try_from(bucket).unwrap_or(u32::MAX);
            found.groups.entry(values).or_default().put(self.aggregate, key.collect(), bucket, &state);
        }
        Ok(found)
    }
}

impl Found {
    /// Points of one unit and kind can be added up, others cannot.
    fn of(&mut self, metric: &str, unit: String, kind: String) -> Result<(), QueryError> {
        if self.kind.is_empty() {
            (self.unit, self.kind) = (unit, kind);
        } else if (&self.unit, &self.kind) != (&unit, &kind) {
            let (one, other) = (format!("{} in {}", self.kind, self.unit), format!("{kind} in {unit}"));
            return Err(QueryError::MixedPoints { metric: metric.to_owned(), one, other });
        }
        Ok(())
    }

    /// Adds what was found of some series, which are added up with those before and not told apart any more.
    pub fn settle(&mut self, operand: &Operand, piece: Self) -> Result<(), QueryError> {
        if !piece.kind.is_empty() {
            self.of(&operand.metric, piece.unit, piece.kind)?;
        }
        let seconds = operand.seconds();
        for (key, mut group) in piece.groups {
            group.settle(operand.aggregate, &seconds);
            self.groups.entry(key).or_default().add(operand.aggregate, &group);
        }
        self.scanned += piece.scanned;
        if self.groups.len().saturating_mul(seconds.len()) > CELLS_MAX {
            return Err(QueryError::TooManyGroups { max: CELLS_MAX });
        }
        Ok(())
    }

    /// Adds what was found of other points of the same metric.
    pub fn add(&mut self, metric: &str, other: Self) -> Result<(), QueryError> {
        if !other.kind.is_empty() {
            self.of(metric, other.unit, other.kind)?;
        }
        self.groups.extend(other.groups);
        self.scanned += other.scanned;
        Ok(())
    }
}

fn text(value: Option<Scalar>) -> String {
    if let Some(Scalar::Text(text)) = value { text.into() } else { String::new() }
}
