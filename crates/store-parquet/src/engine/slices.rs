//! Answers about points, kept by slices of time.
//!
//! Screens ask the same again and again: their range moves on by seconds, and most of it lies in parts that stay as they are. A
//! question with buckets is cut into slices of [`BUCKETS`] of them, at places that do not depend on its range. What was found
//! in a slice is kept together with the parts it was found in, and is the answer for as long as exactly these hold the points
//! of that time. Slices with points in memory, or with lost ones, are looked at each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arachne_aggregate::sketch::Sketch;
use arachne_filter::Predicate;
use arachne_model::table::{PointRow, Row as _};
use arachne_store::{
    Buckets, CountMode, Group, GroupRequest, Groups, Key, Measure, Measured, Scalar, Scanned, TimeRange,
};
use arrow::array::AsArray as _;
use arrow::compute::{max, min};
use arrow::datatypes::Int64Type;

use crate::part::PartMeta;
use crate::snapshot::TableSnapshot;

/// Buckets of a slice.
const BUCKETS: i64 = 16;
/// What a slice costs besides its groups, in bytes.
const SLICE_BYTES: usize = 256;
/// What a question costs besides its slices: enough that there are never too many to look through.
const QUESTION_BYTES: usize = 4096;

/// What is kept.
#[derive(Debug)]
pub(super) struct Slices {
    bytes_max: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    questions: Vec<(Question, HashMap<i64, Slice>)>,
    bytes: usize,
    /// Grows with each question that is asked.
    clock: u64,
}

/// What is asked of any range.
#[derive(Clone, Debug, PartialEq)]
struct Question {
    predicate: Arc<Predicate>,
    /// Those behind the bucket.
    keys: Vec<Key>,
    measures: Vec<Measure>,
    /// Width of a bucket, and where buckets begin, modulo that.
    step: i64,
    phase: i64,
}

/// Parts that have points of a slice, with the time that is meant of them. A part that stays the same keeps its facts in place.
#[derive(Clone, Debug)]
struct Origin(Vec<(Arc<PartMeta>, TimeRange)>);

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        let same = |((a, of_a), (b, of_b)): (&(_, _), &(_, _))| Arc::ptr_eq(a, b) && of_a == of_b;
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(same)
    }
}

#[derive(Debug)]
struct Slice {
    origin: Origin,
    groups: Arc<[Held]>,
    bytes: usize,
    /// When it was asked for last.
    used: u64,
}

/// A group with the number of its bucket in its slice.
#[derive(Debug)]
struct Held {
    bucket: i64,
    key: Box<[Scalar]>,
    measures: Box<[HeldMeasure]>,
}

#[derive(Debug)]
enum HeldMeasure {
    Plain(Measured),
    /// As bytes, which take a fraction of the room.
    Sketch {
        histogram: Box<[u8]>,
        distinct: Box<[u8]>,
        unread: u64,
    },
}

/// A request in slices, and what must be asked to answer it.
#[derive(Debug)]
pub(super) struct Cut {
    /// The request over the ranges that nothing is known of.
    pub asked: Vec<GroupRequest>,
    question: Question,
    /// When the first slice begins, and the number of its first bucket.
    start: i64,
    first: i64,
    slices: Vec<Wanted>,
    /// Where the answer comes from, by time: the next of `asked`, or the slice of a number.
    order: Vec<Option<usize>>,
    /// Rows that there are.
    rows: u64,
}

#[derive(Debug)]
enum Wanted {
    Known(Arc<[Held]>),
    /// To be kept when it is found.
    Unknown(Origin),
    /// Not to be kept.
    Passing,
}

impl Slices {
    /// For at most about so many bytes; none keep nothing.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, kept: Mutex::default() }
    }

    /// Cuts a request over a view of points; `None` where it is to be asked as it is.
    pub fn cut(&self, request: &GroupRequest, view: &TableSnapshot) -> Option<Cut> {
        let (question, buckets) = Question::of(request).filter(|_| self.bytes_max > 0)?;
        let TimeRange { from, to } = request.selection.range;
        let end = buckets.step.checked_mul(buckets.count.into()).and_then(|width| buckets.origin.checked_add(width))?;
        let whole = question.slices(TimeRange { from: from.max(buckets.origin), to: to.min(end) })?;
        let length = question.length();
        let wanted = self.wanted(&question, (whole.from..whole.to).step_by(length as usize), view);

        let (mut asked, mut order, mut at) = (Vec::new(), Vec::new(), from);
        let mut ask = |range: TimeRange, order: &mut Vec<_>| {
            if range.from < range.to {
                let mut part = request.clone();
                part.selection.range = range;
                asked.push(part);
                order.push(None);
            }
        };
        for (number, slice) in wanted.iter().enumerate() {
            if matches!(slice, Wanted::Known(_)) {
                let start = whole.from + length * number as i64;
                ask(TimeRange { from: at, to: start }, &mut order);
                order.push(Some(number));
                at = start + length;
            }
        }
        ask(TimeRange { from: at, to }, &mut order);
        let first = (whole.from - buckets.origin) / buckets.step;
        Some(Cut { asked, question, start: whole.from, first, slices: wanted, order, rows: view.rows() })
    }

    /// What is known of slices that begin at these instants.
    fn wanted(&self, question: &Question, starts: impl Iterator<Item = i64>, view: &TableSnapshot) -> Vec<Wanted> {
        let memory = in_memory(view);
        let mut kept = self.kept();
        kept.clock += 1;
        let clock = kept.clock;
        let mut known = kept.questions.iter_mut().find(|(known, _)| known == question).map(|(_, slices)| slices);
        let of = |start: i64| {
            let range = TimeRange { from: start, to: start + question.length() };
            let fleeting = memory.iter().any(|&(first, last)| first < range.to && last >= range.from);
            if fleeting || view.lost_rows(range) > 0 {
                return Wanted::Passing;
            }
            let origin = Origin::of(view, range);
            match known.as_mut().and_then(|slices| slices.get_mut(&start)).filter(|slice| slice.origin == origin) {
                Some(slice) => {
                    slice.used = clock;
                    Wanted::Known(Arc::clone(&slice.groups))
                }
                None => Wanted::Unknown(origin),
            }
        };
        starts.map(of).collect()
    }

    /// Puts an answer together from what is known and what was found, and keeps that. `None` when the request must be asked as it
    /// is: there is too much of it, or damage, which must not be counted twice.
    pub fn answer(&self, mut cut: Cut, groups_max: usize, mut found: Vec<Groups>) -> Option<Groups> {
        if found.iter().any(|groups| groups.rest.is_some() || groups.scanned.lost > 0) {
            let alone = cut.order == [None];
            return found.pop().filter(|_| alone);
        }
        self.keep(&mut cut, &found);
        let rows = found.iter().map(|groups| groups.scanned.rows).sum();
        let scanned = Scanned { rows, skipped: cut.rows.saturating_sub(rows), ..Scanned::default() };
        let mut groups = Vec::new();
        let mut found = found.into_iter();
        for source in &cut.order {
            match source.map(|number| (number, &cut.slices[number])) {
                Some((number, Wanted::Known(held))) => {
                    let first = cut.first + BUCKETS * number as i64;
                    groups.extend(held.iter().map(|held| held.group(first)));
                }
                _ => groups.extend(found.next().unwrap_or_default().groups),
            }
        }
        (groups.len() <= groups_max).then_some(Groups { groups, rest: None, scanned })
    }

    fn keep(&self, cut: &mut Cut, found: &[Groups]) {
        let mut new: Vec<Option<(Origin, Vec<Held>)>> = Vec::new();
        for slice in &mut cut.slices {
            new.push(match slice {
                Wanted::Unknown(origin) => Some((Origin(std::mem::take(&mut origin.0)), Vec::new())),
                Wanted::Known(_) | Wanted::Passing => None,
            });
        }
        for group in found.iter().flat_map(|groups| &groups.groups) {
            let Some(Scalar::Int(bucket)) = group.key.first() else { continue };
            let (number, bucket) = ((bucket - cut.first).div_euclid(BUCKETS), (bucket - cut.first).rem_euclid(BUCKETS));
            let slice = usize::try_from(number).ok().and_then(|number| new.get_mut(number)).and_then(Option::as_mut);
            if let Some((_, held)) = slice {
                held.push(Held::of(group, bucket));
            }
        }
        let length = cut.question.length();
        let starts = (0_i64..).map(|number| cut.start + number * length);
        let new = starts.zip(new).filter_map(|(start, new)| Some((start, new?)));
        self.kept().put(&cut.question, new, self.bytes_max);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Keeps slices of a question; where that is too much, what was not asked for longest goes.
    fn put(&mut self, question: &Question, new: impl Iterator<Item = (i64, (Origin, Vec<Held>))>, bytes_max: usize) {
        let place = self.questions.iter().position(|(known, _)| known == question).unwrap_or_else(|| {
            self.questions.push((question.clone(), HashMap::new()));
            self.bytes += QUESTION_BYTES;
            self.questions.len() - 1
        });
        let slices = &mut self.questions[place].1;
        for (start, (origin, held)) in new {
            let bytes = SLICE_BYTES + held.iter().map(Held::bytes).sum::<usize>();
            let slice = Slice { origin, groups: held.into(), bytes, used: self.clock };
            let before = slices.insert(start, slice).map_or(0, |before| before.bytes);
            self.bytes = self.bytes + bytes - before;
        }
        if self.bytes > bytes_max {
            self.forget(bytes_max / 4 * 3);
        }
    }

    /// Forgets the slices that were not asked for longest, of one question the oldest, until at most so many bytes are left.
    fn forget(&mut self, bytes_max: usize) {
        let all = self.questions.iter().enumerate();
        let ages = all.flat_map(|(at, (_, slices))| slices.iter().map(move |(start, slice)| (slice.used, *start, at)));
        let mut ages: Vec<_> = ages.collect();
        ages.sort_unstable();
        for (_, start, at) in ages {
            if self.bytes <= bytes_max {
                break;
            }
            self.bytes -= self.questions[at].1.remove(&start).map_or(0, |slice| slice.bytes);
        }
        let before = self.questions.len();
        self.questions.retain(|(_, slices)| !slices.is_empty());
        self.bytes -= QUESTION_BYTES * (before - self.questions.len());
    }
}

impl Question {
    /// What is asked, and its buckets, where it can be cut: each point is in one bucket then, and what is found of a bucket is that
    /// of its points alone.
    fn of(request: &GroupRequest) -> Option<(Self, Buckets)> {
        let selection = &request.selection;
        let [Key::Bucket(buckets), keys @ ..] = request.keys.as_slice() else { return None };
        let fits = request.whole
            && selection.table.name == PointRow::TABLE.name
            && selection.mode == CountMode::Start
            && buckets.step > 0
            && keys.iter().all(|key| matches!(key, Key::Column(_) | Key::Header(..)))
            && !request.measures.iter().any(|measure| matches!(measure, Measure::Histogram(_)));
        let question = || Self {
            predicate: Arc::clone(&selection.predicate),
            keys: keys.to_vec(),
            measures: request.measures.clone(),
            step: buckets.step,
            phase: buckets.origin.rem_euclid(buckets.step),
        };
        // Slices of more than a year are of no use, and their borders might not be numbers.
        let fits = fits && buckets.step <= (366 * 86_400 * 1_000_000_000) / BUCKETS;
        fits.then(|| (question(), *buckets))
    }

    /// How long a slice is, in nanoseconds.
    const fn length(&self) -> i64 {
        self.step * BUCKETS
    }

    /// From where to where there are whole slices in a range.
    fn slices(&self, range: TimeRange) -> Option<TimeRange> {
        let length = self.length();
        let before = |at: i64| {
            let number = at.checked_sub(self.phase)?.div_euclid(length);
            number.checked_mul(length)?.checked_add(self.phase)
        };
        let from = before(range.from.checked_sub(1)?)?.checked_add(length)?;
        let to = before(range.to)?;
        (from < to).then_some(TimeRange { from, to })
    }
}

impl Origin {
    /// Of the points of a range.
    fn of(view: &TableSnapshot, range: TimeRange) -> Self {
        let parts = view.parts.iter().filter_map(|part| {
            let within = part.within.unwrap_or(TimeRange::ALL);
            let within = TimeRange { from: within.from.max(range.from), to: within.to.min(range.to) };
            let meets =
                part.meta.start_min < within.to && part.meta.start_max >= within.from && within.from < within.to;
            meets.then(|| (Arc::clone(&part.meta), within))
        });
        Self(parts.collect())
    }
}

impl Held {
    fn of(group: &Group, bucket: i64) -> Self {
        let measures = group.measures.iter().map(|measured| match measured {
            Measured::Sketch(sketch) => HeldMeasure::Sketch {
                histogram: sketch.histogram.to_bytes().into(),
                distinct: sketch.distinct.to_bytes().into(),
                unread: sketch.unread,
            },
            other => HeldMeasure::Plain(other.clone()),
        });
        Self { bucket, key: group.key[1..].into(), measures: measures.collect() }
    }

    /// As it was, where `first` is the number of the first bucket of its slice.
    fn group(&self, first: i64) -> Group {
        let measures = self.measures.iter().map(|measure| match measure {
            HeldMeasure::Plain(measured) => measured.clone(),
            HeldMeasure::Sketch { histogram, distinct, unread } => {
                let mut sketch = Sketch { unread: *unread, ..Sketch::default() };
                sketch.add(histogram);
                sketch.add(distinct);
                Measured::Sketch(Box::new(sketch))
            }
        });
        let key = std::iter::once(Scalar::Int(first + self.bucket)).chain(self.key.iter().cloned());
        Group { key: key.collect(), measures: measures.collect() }
    }

    fn bytes(&self) -> usize {
        let key = self.key.iter().map(|value| match value {
            Scalar::Text(text) => text.len(),
            Scalar::Bytes(bytes) => bytes.len(),
            Scalar::Null | Scalar::Bool(_) | Scalar::Int(_) => 0,
        });
        let measures = self.measures.iter().map(|measure| match measure {
            HeldMeasure::Sketch { histogram, distinct, .. } => histogram.len() + distinct.len(),
            HeldMeasure::Plain(_) => 0,
        });
        let plain = size_of::<Self>() + size_of_val(&*self.key) + size_of_val(&*self.measures);
        plain + key.sum::<usize>() + measures.sum::<usize>()
    }
}

/// The first and the last start of each batch in memory.
fn in_memory(view: &TableSnapshot) -> Vec<(i64, i64)> {
    let starts = view.memory.iter().map(|batch| batch.column(view.table.start).as_primitive::<Int64Type>());
    starts.filter_map(|starts| Some((min(starts)?, max(starts)?))).collect()
}
