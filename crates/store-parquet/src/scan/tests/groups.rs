//! Groups.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use arachne_aggregate::Histogram;
use arachne_filter::{Computed, HeaderSide, Outcome};
use arachne_model::table::{ExchangeRow, Row as _};
use arachne_store::{
    Buckets, Callers, Group, GroupRequest, Key, Means, Measure, Measured, Number, Scalar, Unwatched, outcome,
};
use proptest::prelude::*;

use super::data::{Stored, column, stored};
use super::predicates::{selection, thresholds};
use super::reference::selected;
use crate::scan::{ScanOptions, group};

fn key() -> impl Strategy<Value = Key> {
    let names = ["service", "url.template", "url.path", "http.response.status_code", "counted", "trace.id", "wire.key"];
    let columns = prop::sample::select(names.map(column).to_vec()).prop_map(Key::Column);
    let sides = prop::sample::select(vec![HeaderSide::Request, HeaderSide::Response, HeaderSide::Either]);
    // More than a million pairs of buckets are not counted in a table of all pairs.
    let buckets = (-9_i64..30, 1_i64..15, prop_oneof![0_u32..9, Just(2_000), Just(3_000_000)]);
    let buckets = buckets.prop_map(|(origin, step, count)| Buckets { origin, step, count });
    let some = || prop::collection::btree_set(prop::sample::select(vec!["10.0.0.1", "fd00::1", "?"]), 0..4);
    let some = move || some().prop_map(|set| set.into_iter().map(Into::into).collect());
    let (client, origin) = (column("client.address"), column("origin.address"));
    let callers = (some(), some()).prop_map(move |(gateways, named)| Callers { client, origin, gateways, named });
    prop_oneof![
        1 => callers.prop_map(|callers| Key::Caller(Arc::new(callers))),
        4 => columns,
        1 => Just(Key::Class(thresholds())),
        1 => sides.prop_map(|side| Key::Header(side, "x-tag".to_owned())),
        1 => buckets.clone().prop_map(Key::Bucket),
        2 => buckets.prop_map(Key::Buckets),
    ]
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
    let integers = ["http.request.size", "http.response.status_code", "end"].map(column).to_vec();
    let integer = prop::sample::select(integers);
    let series = prop::sample::select(["service", "url.template", "counted", "trace.id"].map(column).to_vec());
    let means = ([integer.clone(), integer], [series.clone(), series]);
    let measure = prop_oneof![
        Just(Measure::Count),
        Just(Measure::Outcomes),
        number.clone().prop_map(Measure::Sum),
        number.clone().prop_map(Measure::Min),
        number.clone().prop_map(Measure::Max),
        number.clone().prop_map(Measure::Last),
        number.prop_map(Measure::Histogram),
        means.prop_map(|([sum, count], of)| Measure::Means(Means { sum, count, of })),
    ];
    prop::collection::vec(measure, 0..4)
}

fn request() -> impl Strategy<Value = GroupRequest> {
    let keys = prop::collection::vec(key(), 0..4);
    let parts = (selection(), keys, measures(), prop_oneof![4 => Just(1000_usize), 1 => 0_usize..4], any::<bool>());
    parts.prop_map(|(selection, keys, measures, groups_max, whole)| GroupRequest {
        selection,
        keys,
        measures,
        groups_max,
        whole,
    })
}

/// Sum and count of each series.
fn series(rows: &[&ExchangeRow], means: Means) -> BTreeMap<[Scalar; 2], (i128, i128)> {
    let mut all: BTreeMap<[Scalar; 2], (i128, i128)> = BTreeMap::new();
    for row in rows {
        let number = |column| Number::Column(column).of(*row).map_or(0, i128::from);
        let (sum, count) = all.entry(means.of.map(|column| row.value(column).into())).or_default();
        (*sum, *count) = (*sum + number(means.sum), *count + number(means.count));
    }
    all
}

fn measured(rows: &[&ExchangeRow], measure: Measure) -> Measured {
    let numbers = |by: Number| rows.iter().filter_map(move |row| by.of(*row));
    match measure {
        Measure::Count => Measured::Int(rows.len() as i64),
        Measure::Outcomes => {
            let mut counts = [0; Outcome::COUNT];
            rows.iter().for_each(|row| counts[outcome(*row) as usize] += 1);
            Measured::Outcomes(counts)
        }
        Measure::Sum(by) => Measured::Sum(numbers(by).map(i128::from).sum()),
        Measure::Min(by) => Measured::Extreme(numbers(by).min()),
        Measure::Max(by) => Measured::Extreme(numbers(by).max()),
        Measure::Last(by) => {
            let newest = rows.iter().filter_map(|row| Some((row.start, by.of(*row)?))).max();
            Measured::Extreme(newest.map(|(_, number)| number))
        }
        Measure::Means(means) => {
            let mean = |(sum, count): (i128, i128)| (count > 0).then(|| sum as f64 / count as f64);
            Measured::Mean(series(rows, means).into_values().filter_map(mean).reduce(|all, mean| all + mean))
        }
        // Exchanges have none; the conformance suite asks for those of points.
        Measure::Sketch(_) => Measured::Sketch(Box::default()),
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
            let keys = request.keys.iter().map(|key| key.of(row, &request.selection)).collect();
            expected.entry(keys).or_default().push(row);
        }
        let measure = |rows: &[&ExchangeRow]| request.measures.iter().map(|m| measured(rows, *m)).collect::<Vec<_>>();
        let series = |measure: &Measure| match measure {
            Measure::Means(means) => expected.values().map(|rows| series(rows, *means).len()).sum(),
            _ => 0,
        };
        let most = request.measures.iter().map(series).fold(expected.len(), usize::max);
        if request.whole && most > request.groups_max {
            prop_assert!(answer.groups.is_empty() && answer.rest.is_some(), "{:?}", request);
            continue;
        }
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
        let selection = if shared { &first.selection } else { &second.selection }.clone();
        let second = GroupRequest { selection, ..second };
        check(&stored, &[first, second])?;
    }
}
