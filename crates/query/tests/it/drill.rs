//! The drill contract: what a click opens has exactly the rows that were counted.

use arachne_filter::catalogue::entries;
use arachne_model::table::{ExchangeRow, Row as _};
use arachne_query::{
    DifferenceQuery, Drill, FacetsQuery, HistogramAnswer, HistogramMeasure, HistogramQuery, MapQuery, Numbers, Part,
    QuantilesQuery, Queries, Rank, Scope, SeriesKind, Span, TopQuery, When,
};
use arachne_store::conformance::Random;

use crate::support::{END, listed, queries, range, scope, store};

/// Every field that rows can be grouped by.
fn fields() -> Vec<String> {
    let columns = entries(ExchangeRow::TABLE).into_iter().filter(|e| !["duration", "wait", "text"].contains(&&*e.name));
    columns.map(|entry| entry.name.into_owned()).collect()
}

fn field(random: &mut Random) -> String {
    let all = fields();
    let likely = ["class", "service", "status", "anomalies", "user"];
    let at = usize::try_from(random.below(all.len() as u64)).unwrap_or(0);
    if random.one_in(2) { random.of(&likely).to_owned() } else { all[at].clone() }
}

fn whole(numbers: &Numbers) -> &[i64] {
    if let Numbers::Whole(values) = numbers { values } else { &[] }
}

/// The part of bucket `n` that lies in the range.
fn bucket(answer: &HistogramAnswer, n: usize) -> (i64, i64) {
    let start = answer.start.0 + answer.step_ns * i64::try_from(n).expect("a bucket");
    (start.max(answer.from.0), (start + answer.step_ns).min(answer.to.0))
}

#[test]
fn a_bar_opens_its_rows() {
    let store = store(11, 250);
    let queries = queries(&store);
    let mut random = Random::new(5);
    let mut checked = 0;
    for _ in 0..80 {
        let scope = scope(&mut random);
        let buckets = Some(1 + u32::try_from(random.below(40)).unwrap_or(0));
        let by = Some(if random.one_in(8) { String::new() } else { field(&mut random) });
        let top = usize::try_from(random.below(5)).unwrap_or(0);
        let query = HistogramQuery { scope, buckets, by, top, ..HistogramQuery::default() };
        let answer = queries.histogram(&query).expect("it is answered");
        for series in &answer.series {
            assert!(series.drill.exact, "{query:?}: {:?}", series.drill);
            assert_eq!(
                listed(queries, &query.scope, &series.drill, range(&query.scope)),
                series.total,
                "{query:?}: {series:?}"
            );
            for _ in 0..4 {
                let n = usize::try_from(random.below(answer.count.into())).unwrap_or(0);
                let found = listed(queries, &query.scope, &series.drill, bucket(&answer, n));
                let shown = whole(&series.values)[n];
                assert_eq!(i64::try_from(found), Ok(shown), "bucket {n} of {:?} in {query:?}", series.drill);
                checked += usize::from(shown > 0);
            }
        }
        all_buckets_together(queries, &query.scope, &answer);
    }
    assert!(checked > 200, "only {checked} bars had rows");
}

/// The series of a bucket add up to its rows, and so do the provisional ones.
fn all_buckets_together(queries: Queries<'_>, scope: &Scope, answer: &HistogramAnswer) {
    let page =
        Drill { view: "exchanges", filter: String::new(), mode: scope.mode, exact: true, reason: None, kept: None };
    let open = Drill { filter: "provisional:true".to_owned(), ..page.clone() };
    for n in 0..(answer.count as usize).min(3) {
        let sum: i64 = answer.series.iter().map(|series| whole(&series.values)[n]).sum();
        assert_eq!(i64::try_from(listed(queries, scope, &page, bucket(answer, n))), Ok(sum), "bucket {n}, {scope:?}");
        let found = listed(queries, scope, &open, bucket(answer, n));
        assert_eq!(i64::try_from(found), Ok(answer.provisional[n]), "bucket {n}, {scope:?}");
    }
    let sum: u64 = answer.series.iter().map(|series| series.total).sum();
    assert_eq!(sum, answer.total);
}

#[test]
fn rows_of_a_top_open_theirs() {
    let store = store(12, 250);
    let queries = queries(&store);
    let mut random = Random::new(6);
    for _ in 0..60 {
        let by = (0..=random.below(2)).map(|_| field(&mut random)).collect();
        let order = *random.of(&[&Rank::Count, &Rank::Duration, &Rank::Errors, &Rank::P95, &Rank::Max]);
        let query = TopQuery { scope: scope(&mut random), by, order, limit: 4, ..TopQuery::default() };
        let answer = queries.top(&query).expect("it is answered");
        let rows = answer.rows.iter().chain(&answer.other);
        assert_eq!(rows.clone().map(|row| row.counts.count).sum::<u64>(), answer.total.count);
        assert_eq!(rows.clone().map(|row| row.counts.errors).sum::<u64>(), answer.total.errors);
        assert_eq!(rows.clone().map(|row| row.counts.duration_ns).sum::<i64>(), answer.total.duration_ns);
        for row in rows {
            assert!(row.drill.exact, "{query:?}: {:?}", row.drill);
            let found = listed(queries, &query.scope, &row.drill, range(&query.scope));
            assert_eq!(found, row.counts.count, "{query:?}: {row:?}");
        }
    }
}

#[test]
fn facets_maps_quantiles_and_differences_open_their_rows() {
    let store = store(13, 250);
    let queries = queries(&store);
    let mut random = Random::new(7);
    for _ in 0..25 {
        let scope = scope(&mut random);
        let found = |drill: &Drill| listed(queries, &scope, drill, range(&scope));
        let query = FacetsQuery { scope: scope.clone(), fields: vec![field(&mut random), "class".into()], limit: 3 };
        for facet in queries.facets(&query).expect("it is answered").fields {
            assert_eq!(facet.values.iter().map(|value| value.count).sum::<u64>() + facet.other, facet.total);
            facet.values.iter().for_each(|value| assert_eq!(found(&value.drill), value.count, "{value:?}"));
        }
        let map =
            queries.map(&MapQuery { scope: scope.clone(), nodes: 5, ..MapQuery::default() }).expect("it is answered");
        map.nodes.iter().for_each(|node| assert_eq!(found(&node.drill), node.counts.count, "{node:?}"));
        map.edges.iter().for_each(|edge| assert_eq!(found(&edge.drill), edge.counts.count, "{edge:?}"));
        assert_eq!(map.edges.iter().map(|edge| edge.counts.count).sum::<u64>(), map.total.count);
        let by = Some(field(&mut random));
        let query = QuantilesQuery { scope: scope.clone(), buckets: Some(5), by, ..QuantilesQuery::default() };
        let quantiles = queries.quantiles(&query).expect("it is answered");
        quantiles.series.iter().for_each(|series| assert_eq!(found(&series.drill), series.total, "{series:?}"));
        let selection = Part { filter: "class:error or duration:>100ms".into(), ..Part::default() };
        let query = DifferenceQuery { scope: scope.clone(), selection, ..DifferenceQuery::default() };
        for value in queries.difference(&query).expect("it is answered").fields.iter().flat_map(|f| &f.values) {
            assert_eq!(found(&value.drill), value.selection, "{value:?}");
        }
    }
}

#[test]
fn headers_say_why_their_list_may_differ() {
    let store = store(14, 100);
    let scope = Scope { from: Some(When::At(0)), to: Some(When::At(END)), ..Scope::default() };
    let by = Some("header.x-tenant".to_owned());
    let answer = queries(&store).histogram(&HistogramQuery {
        scope,
        by,
        buckets: Some(9000),
        step: Some(Span(86_400_000_000_000 * 7)),
        ..HistogramQuery::default()
    });
    for series in answer.expect("it is answered").series {
        assert!(!series.drill.exact);
        assert!(series.drill.reason.expect("a reason").contains("several lines"));
    }
}

#[test]
fn too_much_to_leave_out_is_said() {
    let store = store(15, 400);
    let scope = Scope { from: Some(When::At(0)), to: Some(When::At(END)), ..Scope::default() };
    // A filter has at most 1000 terms; two for each of 600 rows are more.
    let by = vec!["id".to_owned(), "service".to_owned()];
    let answer =
        queries(&store).top(&TopQuery { scope, by, limit: 300, ..TopQuery::default() }).expect("it is answered");
    let other = answer.other.expect("there are more");
    assert!(other.drill.exact, "600 terms fit: {:?}", other.drill.reason);
    let store = self::store(15, 1200);
    let query = TopQuery { by: vec!["id".into(), "path".into()], limit: 700, ..TopQuery::default() };
    let other = queries(&store).top(&query).expect("it is answered").other.expect("there are more");
    assert!(!other.drill.exact, "1400 terms do not");
    assert!(other.drill.reason.expect("a reason").contains("filter"));
    // 998 terms fit alone, not beside three of the page.
    let scope = Scope { filter: "status:* method:* client:*".into(), ..Scope::default() };
    let query = TopQuery { scope, by: vec!["id".into(), "path".into()], limit: 499, ..TopQuery::default() };
    let other = queries(&store).top(&query).expect("it is answered").other.expect("there are more");
    assert!(!other.drill.exact, "it does not fit beside the page's filter");
}

#[test]
fn sums_of_a_histogram_are_those_of_a_top() {
    let store = store(17, 250);
    let queries = queries(&store);
    let mut random = Random::new(9);
    for _ in 0..12 {
        let scope = scope(&mut random);
        let by = field(&mut random);
        let query = TopQuery { scope: scope.clone(), by: vec![by.clone()], ..TopQuery::default() };
        let total = queries.top(&query).expect("it is answered").total;
        for (measure, expected) in [
            (HistogramMeasure::Count, i64::try_from(total.count).expect("few rows")),
            (HistogramMeasure::Errors, i64::try_from(total.errors).expect("few rows")),
            (HistogramMeasure::Duration, total.duration_ns),
        ] {
            // One bucket, so that each row counts in one.
            let step = Some(Span(7_000_000_000_000_000_000));
            let query = HistogramQuery {
                scope: scope.clone(),
                by: Some(by.clone()),
                step,
                measure,
                ..HistogramQuery::default()
            };
            let answer = queries.histogram(&query).expect("it is answered");
            assert_eq!(answer.count, 1);
            let sum: i64 = answer.series.iter().map(|series| whole(&series.values)[0]).sum();
            assert_eq!(sum, expected, "{query:?}");
        }
    }
}

#[test]
fn shares_and_rates_follow_from_counts() {
    let store = store(16, 250);
    let queries = queries(&store);
    let mut random = Random::new(8);
    for _ in 0..20 {
        let query = HistogramQuery {
            scope: scope(&mut random),
            buckets: Some(7),
            by: Some(String::new()),
            ..HistogramQuery::default()
        };
        let ask = |measure, rate| {
            let query = HistogramQuery { measure, rate, ..query.clone() };
            queries.histogram(&query).expect("it is answered")
        };
        let counts = ask(HistogramMeasure::Count, false);
        let (errors, shares) = (ask(HistogramMeasure::Errors, false), ask(HistogramMeasure::ErrorShare, false));
        let rates = ask(HistogramMeasure::Count, true);
        let Some(series) = counts.series.first() else { continue };
        assert_eq!(series.kind, SeriesKind::Value);
        let (Numbers::Broken(shares), Numbers::Broken(rates)) = (&shares.series[0].values, &rates.series[0].values)
        else {
            unreachable!("shares and rates are no whole numbers")
        };
        for (n, &count) in whole(&series.values).iter().enumerate() {
            let errors = whole(&errors.series[0].values)[n];
            assert_eq!(shares[n], (count > 0).then(|| errors as f64 / count as f64));
            let (from, to) = bucket(&counts, n);
            assert_eq!(rates[n], Some(count as f64 * 1e9 / (to - from) as f64));
        }
    }
}
