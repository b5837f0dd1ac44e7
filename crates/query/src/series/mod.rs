//! Series over time: the points of a metric by bucket and by labels, put together by an aggregate.
//!
//! A bucket without points is null, never zero: nothing was measured. Points belong to the bucket in which their window begins.
//! With labels to group by, those with the largest values over the whole range have a series of their own, all others are one.

mod aggregate;
mod answer;
mod compare;
mod drill;
mod metrics;
mod question;
mod select;
mod state;

use arachne_filter::{Predicate, render};
use arachne_model::table::{PointRow, Row as _};
use arachne_store::{GroupRequest, Groups, Key, Measure, Number, Scalar};

pub use aggregate::Aggregate;
pub use compare::Compare;
pub(crate) use compare::Shift;
pub use metrics::{LabelFacts, MetricFacts, MetricsAnswer, MetricsQuery};
pub use question::{Amounts, Operator, SeriesAnswer, SeriesOf, SeriesQuery, SeriesWith};

use crate::Queries;
use crate::error::{QueryError, at_most};
use crate::fields::{Split, split};
use crate::histogram::ladder;
use crate::limits::{BY_MAX, SKETCHES_MAX, TOP_MAX};
use crate::plan::{Plan, Step};
use crate::scope::{Mode, Scope};
use answer::Range;
use select::{Found, Operand, named};

/// What an answer is made of.
struct Shape {
    /// Over the range; where there is something to compare with, the same over the other range behind them.
    operands: Vec<Operand>,
    /// How many of them are about the range itself.
    own: usize,
    by: Vec<Split>,
    operator: Option<Operator>,
    top: usize,
    /// For each bucket that of the other range.
    places: Vec<usize>,
}

impl Queries<'_> {
    /// A metric over time.
    ///
    /// # Errors
    /// When the question is not in order, beyond a limit, or the store cannot answer.
    pub fn series(&self, query: &SeriesQuery) -> Result<SeriesAnswer, QueryError> {
        self.run(self.plan_series(query)?)
    }

    pub(crate) fn plan_series(&self, query: &SeriesQuery) -> Result<Plan<SeriesAnswer>, QueryError> {
        at_most("top", "series", query.top, TOP_MAX)?;
        at_most("by", "labels", query.by.len(), BY_MAX)?;
        let (mut operands, unknown) = self.operands(query)?;
        let Some(first) = operands.first() else { return Err(QueryError::TooManyGroups { max: 0 }) };
        let (range, buckets) = (first.resolved.selection.range, first.buckets);
        let by = query.by.iter().map(|name| split(&first.resolved, "by", &field(name))).collect::<Result<_, _>>()?;
        let (own, mut places) = (operands.len(), Vec::new());
        if let Some(compare) = query.compare {
            let shift = Shift::new(compare, &query.zone, range, buckets.step)?;
            places = shift.places(buckets);
            for place in 0..own {
                let mut operand = operands[place].clone();
                operand.resolved.selection.range = shift.range(range);
                operand.buckets = shift.buckets(buckets);
                operands.push(operand);
            }
        }
        let operator = query.with.as_ref().map(|with| with.operator);
        let shape = Shape { operands, own, by, operator, top: query.top, places };
        if unknown.is_empty() {
            return Ok(shape.ask());
        }
        let kinds = unknown.iter().map(|place| shape.operands[*place].kinds()).collect();
        Ok(Plan::before(kinds, move |groups| Ok(shape.of_kinds(&unknown, groups).ask())))
    }

    /// The operands over the range, and the places of those whose aggregate follows from their kind.
    fn operands(&self, query: &SeriesQuery) -> Result<(Vec<Operand>, Vec<usize>), QueryError> {
        let second = query.with.as_ref().map(|with| (&with.metric, &with.filter, with.aggregate.or(query.aggregate)));
        let mut operands: Vec<Operand> = Vec::new();
        let mut unknown = Vec::new();
        for (metric, filter, aggregate) in
            std::iter::once((&query.metric, &query.filter, query.aggregate)).chain(second)
        {
            if metric.is_empty() {
                let reason = "name the metric; the list of metrics has their names";
                return Err(QueryError::UnfitField {
                    part: "metric",
                    name: "a metric without a name".to_owned(),
                    reason,
                });
            }
            let scope = Scope {
                table: PointRow::TABLE.name.to_owned(),
                filter: filter.clone(),
                from: query.from,
                to: query.to,
                mode: Mode::Start,
                ..Scope::default()
            };
            let mut resolved = self.resolve(&scope)?.and(named(metric));
            if let Some(first) = operands.first() {
                resolved.selection.range = first.resolved.selection.range;
            }
            let buckets = ladder::buckets(resolved.selection.range, query.step, query.buckets)?;
            unknown.extend(aggregate.is_none().then_some(operands.len()));
            let aggregate = aggregate.unwrap_or(Aggregate::Rate);
            operands.push(Operand { metric: metric.clone(), resolved, buckets, aggregate });
        }
        Ok((operands, unknown))
    }
}

/// The field of a label.
fn field(name: &str) -> String {
    if name == "agent" || name.starts_with("label.") { name.to_owned() } else { format!("label.{name}") }
}

impl Operand {
    /// Which kinds its points are of.
    fn kinds(&self) -> GroupRequest {
        let keys = PointRow::TABLE.column("kind").map(Key::Column).into_iter().collect();
        // Roll-ups know how many values there are, not how many points.
        let values = PointRow::TABLE.column("count").map(|count| Measure::Sum(Number::Column(count)));
        let measures = values.into_iter().collect();
        GroupRequest { selection: self.resolved.selection.clone(), keys, measures, groups_max: 8, whole: false }
    }
}

impl Shape {
    /// The same with aggregates by what the kinds are.
    fn of_kinds(mut self, unknown: &[usize], groups: Vec<Groups>) -> Self {
        for (place, groups) in unknown.iter().zip(groups) {
            let kind = groups.groups.first().and_then(|group| group.key.first());
            if let Some(Scalar::Text(kind)) = kind {
                let alike = (*place..self.operands.len()).step_by(self.own);
                alike.for_each(|place| self.operands[place].aggregate = Aggregate::of_kind(kind));
            }
        }
        self
    }

    /// At once; where groups are dear and too many, those with the largest values first.
    fn ask(self) -> Plan<SeriesAnswer> {
        let Some(first) = self.operands.first().filter(|first| first.aggregate.is_dear() && !self.by.is_empty()) else {
            return self.at_once();
        };
        let buckets = first.buckets.count as usize;
        if buckets.saturating_mul(self.top.max(1)) > SKETCHES_MAX {
            return self.few_first();
        }
        // Labels have a handful of values as a rule, and then one pass is enough.
        Plan::step(self.requests(), move |groups| {
            let is_whole = groups.iter().all(|groups| groups.rest.is_none());
            if is_whole { self.put_together(groups) } else { Ok(Step::More(self.few_first())) }
        })
    }

    /// The largest over the whole range, then those by bucket.
    fn few_first(self) -> Plan<SeriesAnswer> {
        let ranking = self.operands.first().map(|first| first.ranking(&self.by)).into_iter().collect();
        Plan::before(ranking, move |groups| {
            let operand = self.operands[0].clone();
            let found = operand.read(self.by.len(), true, groups.into_iter().next().unwrap_or_default())?;
            let groups = found.groups.len() as u64;
            let mut shown = Range { operands: vec![(operand, found)] }.ranked();
            shown.truncate(self.top);
            self.of_few(shown, groups)
        })
    }

    fn at_once(self) -> Plan<SeriesAnswer> {
        Plan::step(self.requests(), move |groups| self.put_together(groups))
    }

    /// All groups by bucket, of each operand.
    fn requests(&self) -> Vec<GroupRequest> {
        self.operands.iter().map(|operand| operand.request(&self.by, None)).collect()
    }

    /// The answers to [`Self::requests`].
    fn put_together(self, groups: Vec<Groups>) -> Result<Step<SeriesAnswer>, QueryError> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for (place, (operand, groups)) in self.operands.iter().zip(groups).enumerate() {
            if operand.needs_pieces(&groups) {
                missing.push(place);
                found.push(Found { scanned: groups.scanned, ..Found::default() });
            } else {
                found.push(operand.read(self.by.len(), false, groups)?);
            }
        }
        self.complete(found, missing)
    }

    /// Asks for operands that are too large for one answer, then puts all together.
    fn complete(self, found: Vec<Found>, mut missing: Vec<usize>) -> Result<Step<SeriesAnswer>, QueryError> {
        let Some(place) = missing.pop() else {
            let (now, compared) = self.ranges(found);
            let mut shown = now.ranked();
            let groups = shown.len() as u64;
            shown.truncate(self.top);
            let answer = self.answer(shown, now, compared)?;
            return Ok(Step::Done(SeriesAnswer { groups, ..answer }));
        };
        Ok(Step::More(Plan::step(vec![self.operands[place].members()], move |groups| {
            let members = groups.into_iter().next().unwrap_or_default();
            let mut pieces = self.operands[place].pieces(&members)?;
            pieces.reverse();
            self.next_piece(found, missing, place, pieces)
        })))
    }

    /// Asks for the next series of an operand; `pieces` has the last ones first.
    fn next_piece(
        self,
        mut found: Vec<Found>,
        missing: Vec<usize>,
        place: usize,
        mut pieces: Vec<Predicate>,
    ) -> Result<Step<SeriesAnswer>, QueryError> {
        let Some(piece) = pieces.pop() else { return self.complete(found, missing) };
        let request = self.operands[place].request(&self.by, Some(piece));
        Ok(Step::More(Plan::step(vec![request], move |groups| {
            let operand = &self.operands[place];
            let read = operand.read(self.by.len(), false, groups.into_iter().next().unwrap_or_default())?;
            found[place].settle(operand, read)?;
            self.next_piece(found, missing, place, pieces)
        })))
    }

    /// The groups that are shown each, and all others as one.
    fn of_few(self, shown: Vec<Vec<Scalar>>, groups: u64) -> Result<Plan<SeriesAnswer>, QueryError> {
        let each = shown.iter().map(|key| self.only(key)).collect::<Result<Vec<_>, _>>()?;
        let (those, others) = (Predicate::Or(each.clone()), Predicate::Not(Box::new(Predicate::Or(each))));
        let ask = |operand: &Operand| {
            [operand.request(&self.by, Some(those.clone())), operand.request(&[], Some(others.clone()))]
        };
        let requests = self.operands.iter().flat_map(ask).collect();
        Ok(Plan::new(requests, move |answers| {
            let mut answers = answers.into_iter();
            let mut found = Vec::new();
            for operand in &self.operands {
                let mut both = operand.read(self.by.len(), false, answers.next().unwrap_or_default())?;
                both.add(&operand.metric, operand.read(0, false, answers.next().unwrap_or_default())?)?;
                found.push(both);
            }
            let (now, compared) = self.ranges(found);
            self.answer(shown, now, compared).map(|answer| SeriesAnswer { groups, ..answer })
        }))
    }

    /// What passes the points of a group.
    fn only(&self, key: &[Scalar]) -> Result<Predicate, QueryError> {
        let Some(first) = self.operands.first() else { return Ok(Predicate::All) };
        let terms = self.by.iter().zip(key).map(|(split, value)| {
            let term = render::term(first.resolved.table, &split.name, value.as_value());
            term.map_or(Ok(Predicate::All), |term| first.resolved.parse(&term))
        });
        Ok(Predicate::And(terms.collect::<Result<_, _>>()?))
    }

    /// What was found over the range, and over the other one.
    fn ranges(&self, found: Vec<Found>) -> (Range, Option<Range>) {
        let mut operands: Vec<(Operand, Found)> = self.operands.iter().cloned().zip(found).collect();
        let other = operands.split_off(self.own.min(operands.len()));
        (Range { operands }, (!other.is_empty()).then_some(Range { operands: other }))
    }
}
