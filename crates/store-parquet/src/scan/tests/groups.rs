//! Groups.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use arachne_aggregate::Histogram;
use arachne_filter::{Computed, HeaderSide, header_values};
use arachne_model::table::{ExchangeRow, Row as _, Value};
use arachne_store::{
    Buckets, CountMode, Group, GroupRequest, Key, Measure, Measured, Number, Scalar, Selection, TimeRange, Unwatched,
};
use proptest::prelude::*;

use super::data::{Stored, column, stored};
use super::predicates::{selection, thresholds};
use super::reference::{end, number, selected};
use crate::scan::{ScanOptions, group};

/// Buckets that cover the range of a selection.
fn buckets(selection: &Selection, step: i64, before: i64) -> Buckets {
    let TimeRange { from, to } = selection.range;
    let origin = from - before % step;
    Buckets { origin, step, count: u32::try_from((to - origin + step - 1) / step).unwrap_or(1).max(1) }
}

fn keys(selection: Selection) -> impl Strategy<Value = (Selection, Vec<Key>)> {
    let names = ["service", "url.template", "url.path", "http.response.status_code", "counted", "trace.id", "wire.key"];
    let columns = prop::sample::select(names.map(column).to_vec()).prop_map(Key::Column);
    let bounded = selection.range != TimeRange::ALL;
    let times = selection.clone();
    let buckets = (1_i64..15, 0_i64..15).prop_map(move |(step, before)| match (bounded, times.mode) {
        (false, _) => Key::Class(thresholds()),
        (true, CountMode::Overlap) => Key::Buckets(buckets(&times, step, before)),
        (true, _) => Key::Bucket(buckets(&times, step, before)),
    });
    let sides = prop::sample::select(vec![HeaderSide::Request, HeaderSide::Response, HeaderSide::Either]);
    let key = prop_oneof![
        4 => columns,
        1 => Just(Key::Class(thresholds())),
        1 => sides.prop_map(|side| Key::Header(side, "x-tag".to_owned())),
        3 => buckets,
    ];
    (Just(selection), prop::collection::vec(key, 0..4))
}

fn measures() -> impl Strategy<Value = Vec<Measure>> {
    let number = prop::sample::select(vec![
        Number::Column(column("http.request.size")),
        Number::Column(column("wire.key")),
        Number::Column(column("end")),
        Number::Column(column("service")),
        Number::Computed(Computed::Duration),
        Number::Computed(Computed::Wait),
    ]);
    let measure = prop_oneof![
        Just(Measure::Count),
        number.clone().prop_map(Measure::Sum),
        number.clone().prop_map(Measure::Min),
        number.clone().prop_map(Measure::Max),
        number.prop_map(Measure::Histogram),
    ];
    prop::collection::vec(measure, 0..4)
}

fn request() -> impl Strategy<Value = GroupRequest> {
    let keys = selection().prop_flat_map(keys);
    (keys, measures(), prop_oneof![4 => Just(1000_usize), 1 => 0_usize..4]).prop_map(
        |((selection, keys), measures, groups_max)| GroupRequest { selection, keys, measures, groups_max },
    )
}

fn key(row: &ExchangeRow, key: &Key, selection: &Selection) -> Scalar {
    match key {
        Key::Column(column) => row.value(*column).into(),
        Key::Class(thresholds) => Computed::Class(*thresholds).with(row, |value| value.into()),
        Key::Header(side, name) => {
            let lines = side.columns::<ExchangeRow>().map(|column| row.value(column));
            let texts = lines.filter_map(|value| if let Value::Text(text) = value { Some(text) } else { None });
            let first = texts.flat_map(|text| header_values(text, name)).next();
            first.map_or(Scalar::Null, |value| Scalar::Text(value.into()))
        }
        Key::Bucket(buckets) => {
            let at = if selection.mode == CountMode::End { row.end.expect("it ends inside") } else { row.start };
            Scalar::Int((at - buckets.origin).div_euclid(buckets.step))
        }
        Key::Buckets(buckets) => {
            let from = row.start.max(selection.range.from);
            let to = end(row, selection).min(selection.range.to);
            // Instant by instant: an item without length is at one.
            let met = (from..to.max(from + 1)).map(|at| (at - buckets.origin).div_euclid(buckets.step));
            let (first, last) = (met.clone().min().expect("one instant"), met.max().expect("one instant"));
            Scalar::Int(first << 32 | last)
        }
    }
}

fn measured(rows: &[&ExchangeRow], measure: Measure) -> Measured {
    let numbers = |by: Number| rows.iter().filter_map(move |row| number(row, by));
    match measure {
        Measure::Count => Measured::Int(rows.len() as i64),
        Measure::Sum(by) => Measured::Int(numbers(by).sum()),
        Measure::Min(by) => Measured::Extreme(numbers(by).min()),
        Measure::Max(by) => Measured::Extreme(numbers(by).max()),
        Measure::Histogram(by) => {
            let mut histogram = Histogram::new();
            numbers(by).for_each(|number| histogram.record(u64::try_from(number).unwrap_or(0)));
            Measured::Histogram(Box::new(histogram))
        }
    }
}

fn check(stored: &Stored, requests: &[GroupRequest]) -> Result<(), TestCaseError> {
    let snapshot = stored.snapshot();
    let asked: Vec<_> = requests.iter().map(|request| (&snapshot, request)).collect();
    let on = |threads| {
        let options = ScanOptions { threads: NonZeroUsize::new(threads).expect("above 0") };
        group(&asked, &Unwatched, &options).expect("nothing is damaged")
    };
    let answers = on(1);
    prop_assert_eq!(&answers, &on(3), "the answer does not depend on threads");
    for (request, answer) in requests.iter().zip(answers) {
        let mut expected: BTreeMap<Vec<Scalar>, Vec<&ExchangeRow>> = BTreeMap::new();
        if request.keys.is_empty() && request.groups_max > 0 {
            expected.insert(Vec::new(), Vec::new());
        }
        for row in selected(&stored.rows, &request.selection) {
            let keys = request.keys.iter().map(|k| key(row, k, &request.selection)).collect();
            expected.entry(keys).or_default().push(row);
        }
        let measure = |rows: &[&ExchangeRow]| request.measures.iter().map(|m| measured(rows, *m)).collect::<Vec<_>>();
        prop_assert_eq!(answer.groups.len(), expected.len().min(request.groups_max), "{:?}", request);
        for Group { key, measures } in answer.groups {
            let rows = expected.remove(&key);
            prop_assert_eq!(rows.as_deref().map(measure), Some(measures), "{:?} of {:?}", key, request);
        }
        let rest: Vec<&ExchangeRow> = expected.into_values().flatten().collect();
        prop_assert_eq!((!rest.is_empty()).then(|| measure(&rest)), answer.rest);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn groups_equal_plain_loops(stored in stored(), first in request(), second in request(), shared in any::<bool>()) {
        let mut second = second;
        if shared {
            // Keys of buckets belong to a range: they come along.
            second.keys.clone_from(&first.keys);
            second.selection = first.selection.clone();
        }
        check(&stored, &[first, second])?;
    }
}
