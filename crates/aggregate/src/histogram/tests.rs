//! Laws of the histogram: the promised error, and merging as addition.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// The error that the module promises.
const ERROR: f64 = 0.0109;

fn of(values: &[u64]) -> Histogram {
    let mut histogram = Histogram::new();
    values.iter().for_each(|&value| histogram.record(value));
    histogram
}

fn merged(a: &Histogram, b: &Histogram) -> Histogram {
    let mut all = a.clone();
    all.merge(b);
    all
}

/// Values of all magnitudes, and zero.
fn value() -> impl Strategy<Value = u64> {
    prop_oneof![1 => Just(0_u64), 9 => (0_u32..64, any::<u64>()).prop_map(|(shift, bits)| bits >> shift)]
}

#[test]
fn an_empty_one_has_no_quantile() {
    let empty = Histogram::new();
    assert_eq!((empty.quantile(0.5), empty.quantiles(&[0.5, 0.9]), empty.is_empty()), (None, vec![], true));
    assert_eq!(empty.window(), (0, &[][..]));
}

#[test]
fn small_values_are_exact() {
    let histogram = of(&[0, 0, 1, 2, 3, 7, 20, 40]);
    let qs = [-1.0, 0.0, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 2.0, f64::NAN];
    assert_eq!(histogram.quantiles(&qs), [0, 0, 0, 1, 2, 3, 7, 20, 40, 40, 0]);
    assert_eq!((histogram.count(), histogram.sum(), histogram.zeros()), (8, 73, 2));
}

#[test]
fn ranks_are_not_off_by_one_from_binary_fractions() {
    let mut histogram = Histogram::new();
    histogram.record_n(10, 7);
    histogram.record_n(1000, 93);
    assert_eq!(histogram.quantile(0.07), Some(10));
    assert_eq!(histogram.quantile(0.0701).map(|v| v > 900), Some(true));
}

#[test]
fn the_window_covers_what_is_in_use() {
    let mut histogram = of(&[4, 3]);
    assert_eq!((histogram.window().0, histogram.window().1.len()), (50, 14));
    histogram.record_n(9, 0);
    assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(50, 1), (63, 1)]);
    let widest = of(&[u64::MAX, 1]);
    assert_eq!(widest.window().1.len(), 2049);
}

#[test]
fn counters_stop_at_their_end() {
    let mut histogram = Histogram::new();
    histogram.record_n(5, u64::MAX);
    histogram.record_n(7, u64::MAX);
    assert_eq!((histogram.count(), histogram.quantile(1.0)), (u64::MAX, Some(5)));
    histogram.merge(&histogram.clone());
    assert_eq!(histogram.count(), u64::MAX);
}

#[test]
fn a_foreign_index_is_refused() {
    for index in [-2, 2048, i16::MIN, i16::MAX] {
        assert_eq!(Histogram::from_parts(0, 0, [(index, 1)]), Err(BadIndex { index }));
    }
    assert_eq!(BadIndex { index: -2 }.to_string(), "histogram bucket -2 is not between -1 and 2047");
}

proptest! {
    #[test]
    fn quantiles_keep_the_promised_error(mut values in vec(value(), 1..400), q in 0.0_f64..=1.0) {
        let estimate = of(&values).quantile(q).expect("there are values") as f64;
        values.sort_unstable();
        let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
        let exact = values[rank - 1] as f64;
        prop_assert!((estimate - exact).abs() <= exact * ERROR + 0.5, "{} for {}", estimate, exact);
    }

    #[test]
    fn merging_is_recording_everything(a in vec(value(), 0..100), b in vec(value(), 0..100), c in vec(value(), 0..100)) {
        let all = of(&[a.clone(), b.clone(), c.clone()].concat());
        let (a, b, c) = (of(&a), of(&b), of(&c));
        prop_assert_eq!(&merged(&merged(&a, &b), &c), &all);
        prop_assert_eq!(&merged(&a, &merged(&c, &b)), &all);
    }

    #[test]
    fn parts_make_the_same_histogram(values in vec((value(), 0_u64..5), 0..100)) {
        let mut histogram = Histogram::new();
        values.iter().for_each(|&(value, count)| histogram.record_n(value, count));
        let again = Histogram::from_parts(histogram.zeros(), histogram.sum(), histogram.buckets());
        prop_assert_eq!(again.as_ref(), Ok(&histogram));
        let (first, counts) = histogram.window();
        let again = Histogram::from_parts(histogram.zeros(), histogram.sum(), (first..).zip(counts.iter().copied()));
        prop_assert_eq!(again.as_ref(), Ok(&histogram));
    }

    #[test]
    fn record_n_is_record_repeated(value in value(), count in 0_u64..20) {
        let mut counted = Histogram::new();
        counted.record_n(value, count);
        prop_assert_eq!(counted, of(&vec![value; count as usize]));
    }
}
