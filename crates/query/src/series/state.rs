//! What is known of groups of series, by bucket.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use arachne_aggregate::sketch::Sketch;
use arachne_store::Scalar;

use super::aggregate::Aggregate;

/// What is known of some points. Which parts are there depends on the aggregate.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    pub sum: i128,
    pub count: i128,
    pub extreme: Option<i64>,
    /// Of one bucket.
    pub level: Option<f64>,
    pub sketch: Option<Box<Sketch>>,
}

/// A number, exact where it is whole: what needs more than 64 bits is broken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    Whole(i64),
    Broken(f64),
}

impl Value {
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Broken(number) => number,
        }
    }

    /// Of a sum.
    fn of(sum: i128) -> Self {
        i64::try_from(sum).map_or(Self::Broken(sum as f64), Self::Whole)
    }

    fn add(self, other: Self) -> Self {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Self::of(i128::from(a) + i128::from(b)),
            (a, b) => Self::Broken(a.as_f64() + b.as_f64()),
        }
    }
}

impl State {
    /// Adds what is known of other points; where there is a newest, theirs is newer.
    pub fn add(&mut self, aggregate: Aggregate, other: &Self) {
        self.sum = self.sum.saturating_add(other.sum);
        self.count = self.count.saturating_add(other.count);
        self.extreme = match aggregate {
            Aggregate::Min => [self.extreme, other.extreme].into_iter().flatten().min(),
            Aggregate::Max => self.extreme.max(other.extreme),
            _ => other.extreme.or(self.extreme),
        };
        self.level = [self.level, other.level].into_iter().flatten().reduce(|a, b| a + b);
        match (&mut self.sketch, &other.sketch) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (mine @ None, theirs) => mine.clone_from(theirs),
            _ => {}
        }
    }

    /// The value of these points, over so many seconds; `None` where they have none.
    fn value(&self, aggregate: Aggregate, seconds: f64) -> Option<Value> {
        match aggregate {
            Aggregate::Rate => (seconds > 0.0).then(|| Value::Broken(self.sum as f64 / seconds)),
            Aggregate::Sum => Some(Value::of(self.sum)),
            Aggregate::Count => Some(Value::of(self.count)),
            Aggregate::Avg => (self.count > 0).then(|| Value::Broken(self.sum as f64 / self.count as f64)),
            Aggregate::Level => self.level.map(Value::Broken),
            Aggregate::Min | Aggregate::Max | Aggregate::Last => self.extreme.map(Value::Whole),
            Aggregate::Distinct => {
                let distinct = &self.sketch.as_ref()?.distinct;
                Some(Value::Whole(i64::try_from(distinct.estimate()).unwrap_or(i64::MAX)))
            }
            Aggregate::Quantile(share) => {
                let value = self.sketch.as_ref()?.histogram.quantile(share)?;
                Some(Value::Whole(i64::try_from(value).unwrap_or(i64::MAX)))
            }
        }
    }
}

/// Series that are shown as one: each by its buckets. Of aggregates that are not made by series it has one, that of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Group {
    members: BTreeMap<Vec<Scalar>, BTreeMap<u32, State>>,
    settled: Option<Settled>,
    /// Over the whole range, once it was asked for: adding up sketches takes its time.
    total: OnceCell<Option<Value>>,
}

/// Series that are not told apart any more: nothing of theirs will come.
#[derive(Clone, Debug, PartialEq)]
struct Settled {
    /// By bucket.
    values: Vec<Option<Value>>,
    /// Over the whole range; not used where that is made of the buckets.
    total: Option<Value>,
}

impl Group {
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.settled.is_none()
    }

    /// Adds points of a series.
    pub fn put(&mut self, aggregate: Aggregate, series: Vec<Scalar>, bucket: u32, state: &State) {
        self.total.take();
        self.members.entry(series).or_default().entry(bucket).or_default().add(aggregate, state);
    }

    /// Adds another group.
    pub fn add(&mut self, aggregate: Aggregate, other: &Self) {
        for (series, buckets) in &other.members {
            for (bucket, state) in buckets {
                self.put(aggregate, series.clone(), *bucket, state);
            }
        }
        self.total.take();
        match (&mut self.settled, &other.settled) {
            (Some(mine), Some(theirs)) => mine.add(theirs),
            (mine @ None, theirs) => mine.clone_from(theirs),
            _ => {}
        }
    }

    /// Adds up its series, all of which are whole: what is left of them is a value for each bucket.
    pub fn settle(&mut self, aggregate: Aggregate, seconds: &[f64]) {
        let settled = Settled { values: self.values(aggregate, seconds), total: self.total(aggregate, seconds) };
        *self = Self { settled: Some(settled), ..Self::default() };
    }

    /// Its value in each bucket; `seconds` has how long each one is.
    pub fn values(&self, aggregate: Aggregate, seconds: &[f64]) -> Vec<Option<Value>> {
        let settled = self.settled.as_ref().map(|settled| settled.values.clone());
        let mut values: Vec<Option<Value>> = settled.unwrap_or_default();
        values.resize(seconds.len(), None);
        for buckets in self.members.values() {
            for (bucket, state) in buckets {
                let at = *bucket as usize;
                let Some((slot, seconds)) = values.get_mut(at).zip(seconds.get(at)) else { continue };
                *slot = added(*slot, state.value(aggregate, *seconds));
            }
        }
        values
    }

    /// Marks the buckets in which it was measured.
    pub fn mark(&self, seen: &mut [bool]) {
        let mut at = |bucket: usize| seen.get_mut(bucket).into_iter().for_each(|seen| *seen = true);
        self.members.values().flat_map(BTreeMap::keys).for_each(|bucket| at(*bucket as usize));
        let settled = self.settled.iter().flat_map(|settled| settled.values.iter().enumerate());
        settled.filter(|(_, value)| value.is_some()).for_each(|(bucket, _)| at(bucket));
    }

    /// Its value over the whole range. Of [`Aggregate::Level`] the mean of its buckets, those without it being zero.
    pub fn total(&self, aggregate: Aggregate, seconds: &[f64]) -> Option<Value> {
        *self.total.get_or_init(|| self.added_up(aggregate, seconds))
    }

    fn added_up(&self, aggregate: Aggregate, seconds: &[f64]) -> Option<Value> {
        if aggregate == Aggregate::Level {
            let values = self.values(aggregate, seconds);
            let sum = values.iter().flatten().map(|value| value.as_f64()).sum::<f64>();
            return (!self.is_empty()).then(|| Value::Broken(sum / values.len().max(1) as f64));
        }
        let whole: f64 = seconds.iter().sum();
        let of_series = self.members.values().map(|buckets| {
            let mut all = State::default();
            buckets.values().for_each(|state| all.add(aggregate, state));
            all.value(aggregate, whole)
        });
        of_series.fold(self.settled.as_ref().and_then(|settled| settled.total), added)
    }

    /// Sketches that could not be read.
    pub fn unread(&self) -> u64 {
        let states = self.members.values().flat_map(BTreeMap::values);
        states.filter_map(|state| state.sketch.as_ref()).map(|sketch| sketch.unread).sum()
    }
}

impl Settled {
    fn add(&mut self, other: &Self) {
        self.values.iter_mut().zip(&other.values).for_each(|(mine, theirs)| *mine = added(*mine, *theirs));
        self.total = added(self.total, other.total);
    }
}

fn added(a: Option<Value>, b: Option<Value>) -> Option<Value> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.add(b)),
        (a, b) => a.or(b),
    }
}
