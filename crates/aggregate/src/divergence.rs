//! Which fields tell a selection from a baseline: slow exchanges from all, one bar of the timeline from the hour before.
//!
//! The score of a field is the Jensen-Shannon divergence of its values in the two, in bits: 0 when the shares are equal, 1
//! when no value occurs in both. Taken plainly it is large for noise, since few counts differ by chance and unique ids
//! always differ. So it is corrected: a value stands for itself only where the likelihood-ratio test of its two shares
//! exceeds `4 + 2 ln K`, K being how many values the field may have (the limit of 5 % for one value, tightened for many);
//! and only the [`VALUES_MAX`] strongest of those do, since a difference that needs more is no explanation. All others are
//! one common value. Joining values never raises the divergence, so the correction never invents a difference.
//!
//! Sources: Lin 1991, "Divergence measures based on the Shannon entropy"; Wilks 1938 (the test is chi-squared with one
//! degree of freedom, whose tail at `4 + 2 ln K` is below 5 % / K).

/// Values of a field that stand for themselves in its score.
pub const VALUES_MAX: usize = 8;

/// How much was counted on each side, of everything or of one value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In the selection.
    pub selection: u64,
    /// In the baseline. Whether it contains the selection is the caller's choice.
    pub baseline: u64,
}

/// A value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueCounts<'a> {
    /// The value as text.
    pub value: &'a str,
    /// How often it occurs.
    pub counts: Counts,
}

/// A field with the values that were counted; what they lack to the totals is its rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldCounts<'a> {
    /// Its name.
    pub field: &'a str,
    /// Each value at most once.
    pub values: Vec<ValueCounts<'a>>,
}

/// How much a field tells the selection from the baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence<'a> {
    /// Its name.
    pub field: &'a str,
    /// Corrected Jensen-Shannon divergence in bits, 0 to 1.
    pub score: f64,
    /// All its values: significant ones first, then by contribution, then by name.
    pub values: Vec<ValueShare<'a>>,
}

/// A value in the selection beside the baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueShare<'a> {
    /// The value as text.
    pub value: &'a str,
    /// How often it occurs.
    pub counts: Counts,
    /// Its share of the selection, 0 to 1.
    pub selection_share: f64,
    /// Its share of the baseline, 0 to 1.
    pub baseline_share: f64,
    /// Its own term of the uncorrected divergence, in bits.
    pub contribution: f64,
    /// How many times its share of the selection is that of the baseline; none where the baseline lacks it.
    pub lift: Option<f64>,
    /// The difference is more than chance; only such values count for the score.
    pub significant: bool,
}

/// Ranks `fields`, the most telling first, equal ones by name. `totals` counts everything on each side, also what has no
/// value or an unlisted one. Where listed values exceed a total (a field with several values at once), shares are of
/// their sum. With nothing on one side all scores are 0.
#[must_use]
pub fn rank<'a>(fields: &[FieldCounts<'a>], totals: Counts) -> Vec<Divergence<'a>> {
    let mut ranked: Vec<_> = fields.iter().map(|field| diverge(field, totals)).collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.field.cmp(b.field)));
    ranked
}

fn diverge<'a>(field: &FieldCounts<'a>, totals: Counts) -> Divergence<'a> {
    let sum = |side: fn(&Counts) -> u64| {
        field.values.iter().fold(0, |sum: u64, value| sum.saturating_add(side(&value.counts)))
    };
    let listed = Counts { selection: sum(|c| c.selection), baseline: sum(|c| c.baseline) };
    let all =
        Counts { selection: totals.selection.max(listed.selection), baseline: totals.baseline.max(listed.baseline) };
    // Each thing that is not listed may have a value of its own.
    let rest = (all.selection - listed.selection) as f64 + (all.baseline - listed.baseline) as f64;
    let limit = 4.0 + 2.0 * (field.values.len() as f64 + rest).max(1.0).ln();
    let mut values: Vec<_> = field.values.iter().map(|value| share(value, all, limit)).collect();
    values.sort_by(|a, b| {
        let strongest = b.significant.cmp(&a.significant).then(b.contribution.total_cmp(&a.contribution));
        strongest.then_with(|| a.value.cmp(b.value))
    });
    let score = score(&values);
    Divergence { field: field.field, score, values }
}

fn share<'a>(value: &ValueCounts<'a>, all: Counts, limit: f64) -> ValueShare<'a> {
    let part = |count: u64, all: u64| if all == 0 { 0.0 } else { count as f64 / all as f64 };
    let counts = value.counts;
    let (p, q) = (part(counts.selection, all.selection), part(counts.baseline, all.baseline));
    let comparable = all.selection > 0 && all.baseline > 0;
    ValueShare {
        value: value.value,
        counts,
        selection_share: p,
        baseline_share: q,
        contribution: if comparable { term(p, q) } else { 0.0 },
        lift: (q > 0.0).then(|| p / q),
        significant: comparable && likelihood_ratio(counts, all) > limit,
    }
}

/// The divergence of the strongest significant values, with all others as one.
fn score(values: &[ValueShare<'_>]) -> f64 {
    let strong = values.iter().filter(|value| value.significant).take(VALUES_MAX);
    let (sum, p, q) = strong.fold((0.0, 1.0, 1.0), |(sum, p, q), value| {
        (sum + value.contribution, p - value.selection_share, q - value.baseline_share)
    });
    // Rounding may leave a little less than nothing of a share, and a little more than one bit.
    (sum + term(f64::max(p, 0.0), f64::max(q, 0.0))).clamp(0.0, 1.0)
}

/// What a value with the shares `p` and `q` adds to the divergence, in bits; never negative.
fn term(p: f64, q: f64) -> f64 {
    let middle = f64::midpoint(p, q);
    let half = |share: f64| if share > 0.0 { 0.5 * share * (share / middle).log2() } else { 0.0 };
    (half(p) + half(q)).max(0.0)
}

/// The statistic G of the table (this value, others) × (selection, baseline).
fn likelihood_ratio(value: Counts, all: Counts) -> f64 {
    let columns = [(value.selection, all.selection), (value.baseline, all.baseline)];
    let total: f64 = columns.iter().map(|&(_, all)| all as f64).sum();
    let with: f64 = columns.iter().map(|&(with, _)| with as f64).sum();
    let cell = |seen: f64, expected: f64| if seen > 0.0 { 2.0 * seen * (seen / expected).ln() } else { 0.0 };
    let column = |&(with_here, all): &(u64, u64)| {
        let (here, all) = (with_here as f64, all as f64);
        cell(here, with * all / total) + cell(all - here, (total - with) * all / total)
    };
    columns.iter().map(column).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field<'a>(name: &'a str, values: &[(&'a str, u64, u64)]) -> FieldCounts<'a> {
        let value = |&(value, selection, baseline)| ValueCounts { value, counts: Counts { selection, baseline } };
        FieldCounts { field: name, values: values.iter().map(value).collect() }
    }

    fn totals(selection: u64, baseline: u64) -> Counts {
        Counts { selection, baseline }
    }

    /// The score of one field.
    fn score_of(values: &[(&str, u64, u64)], totals: Counts) -> f64 {
        rank(&[field("f", values)], totals)[0].score
    }

    #[test]
    fn the_telling_field_ranks_first() {
        let ids: Vec<String> = (0..100).map(|n| format!("id-{n}")).collect();
        let unique = |n: usize| (ids[n].as_str(), u64::from(n < 50), u64::from(n >= 50));
        let fields = [
            field("request id", &(0..100).map(unique).collect::<Vec<_>>()),
            field("method", &[("GET", 80, 8000), ("POST", 20, 2000)]),
            field("host", &[("a", 55, 5000), ("b", 45, 5000)]),
            field("release", &[("1.8", 10, 10_000), ("1.9", 90, 0)]),
            field("status", &[("200", 60, 9900), ("500", 40, 100)]),
        ];
        let ranked = rank(&fields, totals(100, 10_000));
        let order: Vec<_> = ranked.iter().map(|d| d.field).collect();
        assert_eq!(order, ["release", "status", "host", "method", "request id"]);
        assert!(ranked[0].score > 0.7 && ranked[1].score > 0.1, "{ranked:?}");
        assert!(ranked[2..].iter().all(|d| d.score == 0.0));
        let new = ranked[0].values[0];
        assert_eq!((new.value, new.selection_share, new.baseline_share, new.lift), ("1.9", 0.9, 0.0, None));
        assert!(new.significant && new.contribution > 0.4);
        let failed = ranked[1].values[0];
        assert_eq!((failed.value, failed.lift), ("500", Some(40.0)));
    }

    #[test]
    fn the_ends_of_the_scale() {
        assert_eq!(score_of(&[("a", 500, 5000), ("b", 500, 5000)], totals(1000, 10_000)), 0.0);
        assert_eq!(score_of(&[("a", 1000, 0), ("b", 0, 10_000)], totals(1000, 10_000)), 1.0);
        assert_eq!(score_of(&[], totals(1000, 10_000)), 0.0);
    }

    #[test]
    fn an_empty_side_tells_nothing() {
        for totals in [totals(0, 0), totals(0, 10), totals(10, 0)] {
            assert_eq!(score_of(&[("a", totals.selection, totals.baseline)], totals), 0.0);
        }
    }

    #[test]
    fn few_counts_are_noise_until_they_are_not() {
        let limit = |seen| score_of(&[("a", seen, 10), ("b", 4 - seen, 10)], totals(4, 20));
        assert_eq!((limit(3), limit(2)), (0.0, 0.0));
        assert!(score_of(&[("bad", 3, 0), ("good", 0, 100_000)], totals(3, 100_000)) > 0.9);
    }

    #[test]
    fn ids_are_noise_also_when_only_some_are_listed() {
        let ids: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let listed: Vec<_> = ids.iter().map(|id| (id.as_str(), 1, 0)).collect();
        assert_eq!(score_of(&listed, totals(20, 1_000_000)), 0.0);
    }

    #[test]
    fn what_needs_many_values_explains_less() {
        let sessions: Vec<String> = (0..200).map(|n| n.to_string()).collect();
        let seen = |n: usize| if n < 100 { (50, 0) } else { (0, 50) };
        let values: Vec<_> = sessions.iter().enumerate().map(|(n, s)| (s.as_str(), seen(n).0, seen(n).1)).collect();
        let score = score_of(&values, totals(5000, 5000));
        assert!(score > 0.0 && score < 0.1, "{score}");
    }

    #[test]
    fn several_values_at_once_stay_in_bounds() {
        let ranked = rank(&[field("tag", &[("a", 90, 10), ("b", 90, 90)])], totals(100, 100));
        assert!(ranked[0].score <= 1.0 && ranked[0].values.iter().all(|v| v.selection_share <= 1.0));
    }

    proptest! {
        #[test]
        fn scores_are_bounded_and_the_order_of_values_is_no_matter(
            counts in proptest::collection::vec((0_u64..2000, 0_u64..2000), 0..30), rest: (u32, u32),
        ) {
            let names: Vec<String> = (0..counts.len()).map(|n| format!("{n:02}")).collect();
            let mut values: Vec<_> = names.iter().zip(&counts).map(|(n, &(s, b))| (n.as_str(), s, b)).collect();
            let sum = |side: fn(&(u64, u64)) -> u64| counts.iter().map(side).sum::<u64>();
            let all = totals(sum(|c| c.0) + u64::from(rest.0 % 1000), sum(|c| c.1) + u64::from(rest.1 % 1000));
            let ranked = rank(&[field("f", &values)], all);
            values.reverse();
            prop_assert_eq!(&rank(&[field("f", &values)], all), &ranked);
            prop_assert!((0.0..=1.0).contains(&ranked[0].score));
            let plain: f64 = ranked[0].values.iter().map(|value| value.contribution).sum();
            prop_assert!(ranked[0].values.iter().all(|value| value.contribution >= 0.0));
            let listed = totals(sum(|c| c.0), sum(|c| c.1));
            prop_assert!(listed != all || ranked[0].score <= plain + 1e-9);
        }

        #[test]
        fn extreme_counts_do_no_harm(s: u64, b: u64, more: u64, selection: u64, baseline: u64) {
            let score = score_of(&[("a", s, b), ("b", more, s)], totals(selection, baseline));
            prop_assert!((0.0..=1.0).contains(&score));
        }
    }
}
