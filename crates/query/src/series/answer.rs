//! From what was found of each operand to the series of an answer.

use arachne_filter::Predicate;
use arachne_store::{Scalar, Scanned};

use super::select::{Found, Operand};
use super::state::{Group, Value};
use super::{Aggregate, Amounts, Operator, SeriesAnswer, SeriesOf, Shape, drill};
use crate::cell::Cell;
use crate::error::QueryError;
use crate::histogram::SeriesKind;
use crate::list::Cost;
use crate::time::Instant;

/// What was found of one or two operands over one range.
pub(super) struct Range {
    pub operands: Vec<(Operand, Found)>,
}

/// A series under way: the groups of both operands.
struct Line {
    kind: SeriesKind,
    key: Vec<Scalar>,
    groups: Vec<Group>,
    /// Those of the other range.
    before: Vec<Group>,
}

impl Range {
    /// The keys of the first operand, those with the largest value over the whole range first.
    pub fn ranked(&self) -> Vec<Vec<Scalar>> {
        let Some((operand, found)) = self.operands.first() else { return Vec::new() };
        let seconds = operand.seconds();
        let total = |group: &Group| group.total(operand.aggregate, &seconds).map_or(f64::NEG_INFINITY, Value::as_f64);
        let mut ranked: Vec<(&Vec<Scalar>, f64)> =
            found.groups.iter().map(|(key, group)| (key, total(group))).collect();
        ranked.sort_by(|(a, x), (b, y)| y.total_cmp(x).then_with(|| a.cmp(b)));
        ranked.into_iter().map(|(key, _)| key.clone()).collect()
    }

    /// The groups of a key, of each operand, which are not here any more.
    fn take(&mut self, key: &[Scalar]) -> Vec<Group> {
        self.operands.iter_mut().map(|(_, found)| found.groups.remove(key).unwrap_or_default()).collect()
    }

    /// All groups that are here, as one.
    fn others(&self) -> Vec<Group> {
        let rest = |(operand, found): &(Operand, Found)| {
            let mut rest = Group::default();
            found.groups.values().for_each(|group| rest.add(operand.aggregate, group));
            rest
        };
        self.operands.iter().map(rest).collect()
    }

    /// The series of `shown`, which are in no range any more, then that of all others.
    fn lines(&mut self, mut compared: Option<&mut Self>, shown: Vec<Vec<Scalar>>) -> Vec<Line> {
        let mut line = |key: Vec<Scalar>| {
            let before = compared.as_deref_mut().map(|range| range.take(&key)).unwrap_or_default();
            Line { kind: SeriesKind::Value, groups: self.take(&key), key, before }
        };
        let mut lines: Vec<Line> = shown.into_iter().map(&mut line).collect();
        let groups = self.others();
        if groups.iter().any(|group| !group.is_empty()) {
            let before = compared.map(|range| range.others()).unwrap_or_default();
            lines.push(Line { kind: SeriesKind::Other, key: Vec::new(), groups, before });
        }
        lines
    }

    /// Of each operand the share of buckets in which something was measured, where a level is its mean over those: of a host that
    /// was watched for a minute of an hour, the memory is not a sixtieth.
    fn seen(&self) -> Vec<f64> {
        let share = |(operand, found): &(Operand, Found)| {
            if operand.aggregate != Aggregate::Level {
                return 1.0;
            }
            let seconds = operand.seconds();
            let mut seen = vec![false; seconds.len()];
            for group in found.groups.values() {
                group.mark(&mut seen);
            }
            let measured = seen.iter().filter(|seen| **seen).count();
            if measured == 0 { 1.0 } else { measured as f64 / seen.len() as f64 }
        };
        self.operands.iter().map(share).collect()
    }

    /// The values of a series by bucket, and over the whole range; `seen` is what [`Self::seen`] says.
    fn values(
        &self,
        operator: Option<Operator>,
        groups: &[Group],
        seen: &[f64],
    ) -> (Vec<Option<Value>>, Option<Value>) {
        let mut each = self.operands.iter().zip(groups).zip(seen).map(|(((operand, _), group), seen)| {
            let seconds = operand.seconds();
            let values = group.values(operand.aggregate, &seconds);
            let total = group.total(operand.aggregate, &seconds);
            let total = total.map(|total| if *seen < 1.0 { Value::Broken(total.as_f64() / seen) } else { total });
            (values, total, operand.aggregate.is_additive())
        });
        let Some((values, total, zero)) = each.next() else { return (Vec::new(), None) };
        match (operator, each.next()) {
            (Some(operator), Some((others, other, other_zero))) => {
                let both = |a: Option<Value>, b: Option<Value>| operator.apply(a, zero, b, other_zero);
                (values.into_iter().zip(others).map(|(a, b)| both(a, b)).collect(), both(total, other))
            }
            _ => (values, total),
        }
    }

    fn scanned(&self) -> Scanned {
        let mut all = Scanned::default();
        self.operands.iter().for_each(|(_, found)| all += found.scanned);
        all
    }

    fn unread(&self) -> u64 {
        self.operands.iter().flat_map(|(_, found)| found.groups.values()).map(Group::unread).sum()
    }
}

impl Operator {
    /// Two values as one. Nothing measured beside something that was is zero where that is what it means.
    fn apply(self, a: Option<Value>, a_zero: bool, b: Option<Value>, b_zero: bool) -> Option<Value> {
        let zero = |value: Option<Value>, is: bool, beside: bool| value.or((is && beside).then_some(Value::Whole(0)));
        let (x, y) = (zero(a, a_zero, b.is_some())?, zero(b, b_zero, a.is_some())?);
        let checked = |whole: Option<i64>, broken: f64| whole.map_or(Value::Broken(broken), Value::Whole);
        let (f, g) = (x.as_f64(), y.as_f64());
        let value = match (self, x, y) {
            (Self::Divide, ..) => Value::Broken(f / g),
            (Self::Add, Value::Whole(x), Value::Whole(y)) => checked(x.checked_add(y), f + g),
            (Self::Subtract, Value::Whole(x), Value::Whole(y)) => checked(x.checked_sub(y), f - g),
            (Self::Multiply, Value::Whole(x), Value::Whole(y)) => checked(x.checked_mul(y), f * g),
            (Self::Add, ..) => Value::Broken(f + g),
            (Self::Subtract, ..) => Value::Broken(f - g),
            (Self::Multiply, ..) => Value::Broken(f * g),
        };
        Some(value).filter(|value| value.as_f64().is_finite())
    }

    /// The unit of the result.
    fn unit(self, a: &str, b: &str) -> Result<String, QueryError> {
        match self {
            // Nothing was found of one of them.
            _ if a.is_empty() || b.is_empty() => Ok(format!("{a}{b}")),
            Self::Divide if a == b => Ok("1".to_owned()),
            Self::Divide => Ok(format!("{a}/({b})")),
            Self::Multiply => Ok(format!("{a}*{b}")),
            Self::Add | Self::Subtract if a == b => Ok(a.to_owned()),
            Self::Add | Self::Subtract => Err(QueryError::UnlikeUnits { one: a.to_owned(), other: b.to_owned() }),
        }
    }
}

impl Shape {
    /// Puts it together. `compared` is what was found over the other range.
    pub(super) fn answer(
        &self,
        shown: Vec<Vec<Scalar>>,
        mut now: Range,
        mut compared: Option<Range>,
    ) -> Result<SeriesAnswer, QueryError> {
        let (seen, unread) = ((now.seen(), compared.as_ref().map(Range::seen).unwrap_or_default()), now.unread());
        let groups = now.operands.first().map_or(0, |(_, found)| found.groups.len()) as u64;
        let lines = now.lines(compared.as_mut(), shown);
        let (now, compared) = (&now, compared.as_ref());
        let Some((first, found)) = now.operands.first() else { return Err(QueryError::TooManyGroups { max: 0 }) };
        let mut scanned = now.scanned();
        compared.into_iter().for_each(|range| scanned += range.scanned());
        let series = lines.iter().map(|line| self.series_of(line, now, compared, &seen)).collect();
        let (range, buckets) = (first.resolved.selection.range, first.buckets);
        let end = i128::from(buckets.origin) + i128::from(buckets.step) * i128::from(buckets.count);
        let other = compared.and_then(|range| range.operands.first());
        let other = other.map(|(operand, _)| operand.resolved.selection.range);
        Ok(SeriesAnswer {
            start: Instant(buckets.origin),
            step_ns: buckets.step,
            count: buckets.count,
            from: Instant(range.from),
            to: Instant(range.to),
            partial_first: buckets.origin < range.from,
            partial_last: end > i128::from(range.to),
            aggregate: first.aggregate,
            metric_kind: found.kind.clone(),
            unit: self.unit(now)?,
            by: self.by.iter().map(|split| split.name.clone()).collect(),
            compared_from: other.map(|range| Instant(range.from)),
            compared_to: other.map(|range| Instant(range.to)),
            series,
            groups,
            unread,
            resolution_ns: scanned.resolution,
            scanned: Cost::from(scanned),
        })
    }

    /// The unit of the values.
    fn unit(&self, now: &Range) -> Result<String, QueryError> {
        let mut units = now.operands.iter().map(|(operand, found)| unit(operand, found));
        let first = units.next().unwrap_or_default();
        match (self.operator, units.next()) {
            (Some(operator), Some(other)) => operator.unit(&first, &other),
            _ => Ok(first),
        }
    }

    /// A series, with that of the other range; `seen` are the shares of both ranges.
    fn series_of(&self, line: &Line, now: &Range, compared: Option<&Range>, seen: &(Vec<f64>, Vec<f64>)) -> SeriesOf {
        let first = now.operands.first().map(|(operand, _)| operand);
        let whole = now.operands.len() == 1 && first.is_some_and(|first| first.aggregate.is_whole());
        let other = line.kind == SeriesKind::Other;
        let before = compared.map(|range| {
            let (values, total) = range.values(self.operator, &line.before, &seen.1);
            let at = |place: &usize| values.get(*place).copied().flatten();
            (self.places.iter().map(at).collect(), total)
        });
        let (values, total) = now.values(self.operator, &line.groups, &seen.0);
        let (before, total_before) = before.map_or((None, None), |(values, total)| (Some(values), total));
        let metric = first.map_or("", |first| &first.metric);
        let everything = Predicate::All;
        let filter = first.map_or(&everything, |first| &first.resolved.selection.predicate);
        SeriesOf {
            kind: line.kind,
            key: self.cells(&line.key),
            values: amounts(values, whole),
            total: total.map(Value::as_f64),
            compared: before.map(|values| amounts(values, whole)),
            compared_total: total_before.map(Value::as_f64),
            drill: if other {
                drill::others(metric, filter)
            } else {
                drill::drill(metric, filter, &self.by, &line.key)
            },
        }
    }

    fn cells(&self, key: &[Scalar]) -> Vec<Cell> {
        self.by.iter().zip(key).map(|(split, value)| Cell::new(value.clone(), split.kind)).collect()
    }
}

fn unit(operand: &Operand, found: &Found) -> String {
    if found.kind.is_empty() { String::new() } else { operand.aggregate.unit(&found.unit) }
}

fn amounts(values: Vec<Option<Value>>, whole: bool) -> Amounts {
    // Numbers of more than 64 bits are no whole ones.
    if whole && !values.iter().flatten().any(|value| matches!(value, Value::Broken(_))) {
        let whole = |value| if let Value::Whole(number) = value { Some(number) } else { None };
        Amounts::Whole(values.into_iter().map(|value| value.and_then(whole)).collect())
    } else {
        Amounts::Broken(values.into_iter().map(|value| value.map(Value::as_f64)).collect())
    }
}
