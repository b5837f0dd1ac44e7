//! Series of points: exact sums, exact percentiles, nothing measured is null.

use arachne_aggregate::Distinct;
use arachne_aggregate::histogram::Histogram;
use arachne_model::table::{PointRow, Rows};
use arachne_query::{
    Aggregate, Amounts, Cell, Compare, MetricsQuery, Mode, Operator, Queries, SeriesAnswer, SeriesKind, SeriesQuery,
    SeriesWith, Span, When,
};
use arachne_store::conformance::Random;
use arachne_store::{MemoryStore, Store as _, Token, Unwatched};

use crate::support::BEGIN;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A point of a counter in the window `window` of ten seconds.
fn counter(window: i64, labels: &str, agent: &str, sum: i64) -> PointRow {
    PointRow {
        start: BEGIN + window * 10 * SECOND,
        width: 10 * SECOND,
        agent: agent.to_owned(),
        name: "access.requests".to_owned(),
        kind: "counter".to_owned(),
        unit: "1".to_owned(),
        labels: labels.to_owned(),
        count: sum.unsigned_abs(),
        sum,
        ..PointRow::default()
    }
}

fn gauge(window: i64, labels: &str, value: i64) -> PointRow {
    let read = Some(value);
    let (kind, unit, name) = ("gauge".to_owned(), "By".to_owned(), "process.memory".to_owned());
    PointRow { kind, unit, name, count: 1, min: read, max: read, last: read, ..counter(window, labels, "a", value) }
}

fn sketched(window: i64, labels: &str, kind: &str, sketch: Vec<u8>) -> PointRow {
    let name = format!("a.{kind}");
    PointRow { kind: kind.to_owned(), unit: "ns".to_owned(), name, sketch, ..counter(window, labels, "a", 1) }
}

fn store(points: Vec<PointRow>) -> MemoryStore {
    let store = MemoryStore::new();
    let rows = Rows { points, ..Rows::default() };
    assert!(store.append(&Token { sender: "test".into(), sequence: 0 }, rows).expect("a store in memory takes rows"));
    store
}

/// A question about the first `windows` windows in steps of `step` seconds.
fn query(metric: &str, aggregate: &str, windows: i64, step: i64) -> SeriesQuery {
    SeriesQuery {
        metric: metric.to_owned(),
        aggregate: Some(Aggregate::parse(aggregate).expect("an aggregate")),
        from: Some(When::At(BEGIN)),
        to: Some(When::At(BEGIN + windows * 10 * SECOND)),
        step: Some(Span(step * SECOND)),
        ..SeriesQuery::default()
    }
}

fn ask(store: &MemoryStore, query: &SeriesQuery) -> SeriesAnswer {
    Queries::new(store, BEGIN + DAY, &Unwatched).series(query).expect("a question in order")
}

fn refused(store: &MemoryStore, query: &SeriesQuery) -> &'static str {
    Queries::new(store, BEGIN + DAY, &Unwatched).series(query).expect_err("it is refused").code()
}

fn whole(amounts: &Amounts) -> &[Option<i64>] {
    if let Amounts::Whole(values) = amounts { values } else { unreachable!("whole numbers, not {amounts:?}") }
}

fn broken(amounts: &Amounts) -> &[Option<f64>] {
    if let Amounts::Broken(values) = amounts { values } else { unreachable!("broken numbers, not {amounts:?}") }
}

fn keys(answer: &SeriesAnswer) -> Vec<String> {
    answer.series.iter().map(|series| series.key.iter().map(Cell::text).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn sums_over_labels_are_the_total_exactly() {
    for seed in 0..30 {
        let mut random = Random::new(seed);
        let point = |random: &mut Random| {
            let labels = format!("class: {}\ntemplate: /t{}\n", random.of(&["fast", "slow", "error"]), random.below(7));
            counter(random.between(0, 60), &labels, random.clone().of(&["a", "b"]), random.between(0, 1 << 58))
        };
        let store = store((0..200).map(|_| point(&mut random)).collect());
        for aggregate in ["sum", "count"] {
            let all = ask(&store, &query("access.requests", aggregate, 60, 30));
            let top = usize::try_from(random.below(5)).expect("small");
            for by in [&["template"][..], &["agent"], &["class", "template"], &["nothing"]] {
                let by = by.iter().map(|name| (*name).to_owned()).collect();
                let split = ask(&store, &SeriesQuery { by, top, ..query("access.requests", aggregate, 60, 30) });
                assert!(split.series.len() <= top + 1);
                let summed = (0..all.count as usize).map(|at| {
                    let values = split.series.iter().filter_map(|series| whole(&series.values)[at]);
                    values.reduce(i64::saturating_add)
                });
                let expected = all.series.first().map_or(vec![None; 20], |all| whole(&all.values).to_vec());
                assert_eq!(summed.collect::<Vec<_>>(), expected, "seed {seed}, {aggregate}");
            }
        }
    }
}

#[test]
fn what_was_not_measured_is_null_and_ends_are_marked() {
    let labels = "class: fast\n";
    let store = store([(0, 3), (1, 6), (3, 0), (9, 30)].map(|(n, sum)| counter(n, labels, "a", sum)).to_vec());
    let sums = ask(&store, &query("access.requests", "sum", 10, 10));
    let none = None;
    let expected = [Some(3), Some(6), none, Some(0), none, none, none, none, none, Some(30)];
    assert_eq!(whole(&sums.series[0].values), expected);
    assert_eq!((sums.partial_first, sums.partial_last, sums.series[0].total), (false, false, Some(39.0)));
    let cut = SeriesQuery { from: Some(When::At(BEGIN + SECOND)), ..query("access.requests", "rate", 10, 30) };
    let rates = ask(&store, &SeriesQuery { to: Some(When::At(BEGIN + 95 * SECOND)), ..cut });
    assert_eq!((rates.partial_first, rates.partial_last, &*rates.unit), (true, true, "1/s"));
    let values = broken(&rates.series[0].values);
    assert_eq!(values, [Some(6.0 / 29.0), Some(0.0), None, Some(30.0 / 5.0)]);
    let nothing = ask(&store, &query("no.such.metric", "sum", 10, 10));
    assert_eq!((nothing.series.len(), &*nothing.unit, nothing.count), (0, "", 10));
}

#[test]
fn percentiles_are_those_of_all_values_wherever_they_were_measured() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let (mut points, mut all) = (Vec::new(), Histogram::new());
        for number in 0..60 {
            let mut histogram = Histogram::new();
            for _ in 0..random.below(20) {
                let bits = random.between(1, 40);
                let value = random.below(1 << bits);
                histogram.record(value);
                all.record(value);
            }
            points.push(sketched(
                random.between(0, 10),
                &format!("host: h{}\n", number % 9),
                "histogram",
                histogram.to_bytes(),
            ));
        }
        let store = store(points);
        for (name, share) in [("p50", 0.5), ("p99.9", 0.999)] {
            let answer = ask(&store, &query("a.histogram", name, 11, 110));
            let expected = all.quantile(share).map(|value| i64::try_from(value).expect("small"));
            assert_eq!(whole(&answer.series[0].values)[0], expected, "seed {seed}");
            let by = SeriesQuery { by: vec!["host".to_owned()], top: 3, ..query("a.histogram", name, 11, 110) };
            let answer = ask(&store, &by);
            assert_eq!((answer.series.len(), answer.groups, answer.unread), (4, 9, 0));
            assert_eq!(answer.series[3].kind, SeriesKind::Other);
        }
    }
}

#[test]
fn distinct_counters_merge_and_damaged_ones_are_told() {
    let of = |numbers: std::ops::Range<u64>| {
        let mut counter = Distinct::new();
        numbers.for_each(|number| counter.insert((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        counter.to_bytes()
    };
    let points = [of(0..10), of(5..15), vec![2, 255]];
    let store = store(points.into_iter().map(|bytes| sketched(0, "", "distinct", bytes)).collect());
    let answer = ask(&store, &SeriesQuery { aggregate: None, ..query("a.distinct", "sum", 1, 10) });
    assert_eq!((answer.aggregate, &*answer.unit, answer.unread), (Aggregate::Distinct, "1", 1));
    assert_eq!(whole(&answer.series[0].values), [Some(15)]);
}

#[test]
fn gauges_of_many_are_added_up() {
    let points = [("p: a\n", [10, 30]), ("p: b\n", [5, 7]), ("p: c\n", [1, 1])];
    let points =
        points.iter().flat_map(|(labels, values)| (0..).zip(values).map(|(n, value)| gauge(n, labels, *value)));
    let store = store(points.collect());
    let value = |aggregate: &str| {
        let answer = ask(&store, &query("process.memory", aggregate, 2, 20));
        match &answer.series[0].values {
            Amounts::Whole(values) => values[0].map(|value| value as f64),
            Amounts::Broken(values) => values[0],
        }
    };
    assert_eq!(["level", "last", "avg", "min", "max"].map(value), [27.0, 38.0, 9.0, 1.0, 30.0].map(Some));
    let by = SeriesQuery { by: vec!["p".to_owned()], top: 1, ..query("process.memory", "level", 2, 20) };
    let answer = ask(&store, &by);
    assert_eq!(keys(&answer), ["a", ""]);
    assert_eq!([0, 1].map(|n| broken(&answer.series[n].values)[0]), [Some(20.0), Some(7.0)]);
    let default = ask(&store, &SeriesQuery { aggregate: None, ..by });
    assert_eq!((default.aggregate, &*default.metric_kind, &*default.unit), (Aggregate::Avg, "gauge", "By"));
}

#[test]
fn a_level_is_its_mean_over_what_was_measured() {
    let points = vec![gauge(0, "p: a\n", 10), gauge(1, "p: a\n", 30), gauge(1, "p: b\n", 4)];
    let query = SeriesQuery { by: vec!["p".to_owned()], ..query("process.memory", "level", 8, 10) };
    let answer = ask(&store(points), &query);
    assert_eq!(keys(&answer), ["a", "b"]);
    assert_eq!(
        [0, 1].map(|n| answer.series[n].total),
        [Some(20.0), Some(2.0)],
        "six of eight windows were not watched"
    );
}

#[test]
fn two_metrics_become_one() {
    let (fast, error) = ("class: fast\n", "class: error\n");
    let points = [(0, fast, 8), (0, error, 2), (1, fast, 5), (3, error, 4), (3, fast, 0)];
    let mut points: Vec<_> = points.iter().map(|&(n, labels, sum)| counter(n, labels, "a", sum)).collect();
    points.push(gauge(0, "", 7));
    let store = store(points);
    let errors = SeriesQuery { filter: "label.class:error".to_owned(), ..query("access.requests", "sum", 4, 10) };
    let with = |operator, metric: &str, filter: &str| {
        let (metric, filter) = (metric.to_owned(), filter.to_owned());
        SeriesQuery { with: Some(SeriesWith { operator, metric, filter, aggregate: None }), ..errors.clone() }
    };
    let values = |query: &SeriesQuery| {
        let answer = ask(&store, query);
        (broken(&answer.series[0].values).to_vec(), answer.unit)
    };
    let share = with(Operator::Divide, "access.requests", "");
    assert_eq!(values(&share), (vec![Some(0.2), Some(0.0), None, Some(1.0)], "1".to_owned()));
    let less = with(Operator::Subtract, "access.requests", "label.class:fast");
    assert_eq!(values(&less), (vec![Some(-6.0), Some(-5.0), None, Some(4.0)], "1".to_owned()));
    let by_zero = with(Operator::Divide, "access.requests", "label.class:fast");
    assert_eq!(values(&by_zero).0, [Some(0.25), Some(0.0), None, None]);
    assert_eq!(refused(&store, &with(Operator::Add, "process.memory", "")), "unlike-units");
    let times = with(Operator::Multiply, "process.memory", "");
    assert_eq!(
        values(&times),
        (vec![Some(14.0), None, None, Some(0.0)], "1*By".to_owned()),
        "a sum of nothing is zero"
    );
    let with = times.with.clone().map(|with| SeriesWith { aggregate: Some(Aggregate::Avg), ..with });
    assert_eq!(values(&SeriesQuery { with, ..times }).0, [Some(14.0), None, None, None]);
}

#[test]
fn another_time_is_laid_beside_it() {
    let day = DAY / (10 * SECOND);
    let labels = |n: i64| format!("class: {}\n", if n % 2 == 0 { "fast" } else { "error" });
    let points =
        (0..4).flat_map(|n| [counter(n, &labels(n), "a", n + 1), counter(n - day, &labels(n), "a", 10 * (n + 1))]);
    let store = store(points.chain([counter(-1, "class: slow\n", "a", 77)]).collect());
    let question = SeriesQuery { compare: Some(Compare::Yesterday), ..query("access.requests", "sum", 4, 10) };
    let answer = ask(
        &store,
        &SeriesQuery { zone: "Europe/Berlin".to_owned(), by: vec!["class".to_owned()], ..question.clone() },
    );
    assert_eq!(keys(&answer), ["error", "fast"]);
    assert_eq!(whole(&answer.series[0].values), [None, Some(2), None, Some(4)]);
    let compared = answer.series[0].compared.as_ref().expect("it was asked for");
    assert_eq!(whole(compared), [None, Some(20), None, Some(40)]);
    assert_eq!((answer.series[1].total, answer.series[1].compared_total), (Some(4.0), Some(40.0)));
    assert_eq!(answer.compared_from.map(|at| at.0), Some(BEGIN - DAY));
    let previous = ask(&store, &SeriesQuery { compare: Some(Compare::Previous), ..question.clone() });
    let compared = previous.series[0].compared.as_ref().expect("it was asked for");
    assert_eq!(whole(compared), [None, None, None, Some(77)]);
    assert_eq!(refused(&store, &SeriesQuery { zone: "No/Where".to_owned(), ..question }), "bad-zone");
}

#[test]
fn a_click_opens_exchanges_or_lines() {
    let labels = "class: error\nstatus: 502\ntemplate: /cart/{id}\nupstream: [::1]:80\n";
    let store =
        store(vec![counter(0, labels, "web-1", 1), counter(0, "class: bot\n", "web-1", 1), gauge(0, "code: X\n", 1)]);
    let question = SeriesQuery { filter: "agent:web-1".to_owned(), ..query("access.requests", "sum", 1, 10) };
    let drill = |by: &str| {
        let by = by.split(' ').map(str::to_owned).collect();
        let answer = ask(
            &store,
            &SeriesQuery { by, filter: format!("{} label.status:502", question.filter), ..question.clone() },
        );
        let drill = answer.series[0].drill.clone();
        assert!(!drill.exact && drill.reason.is_some());
        (drill.view, drill.filter)
    };
    assert_eq!(drill("template"), ("exchanges", "agent:web-1 status:502 template:\"/cart/{id}\"".to_owned()));
    assert_eq!(drill("class upstream").1, "agent:web-1 status:502 class:error server:\"::1\" port:80");
    let bots = ask(&store, &SeriesQuery { by: vec!["class".to_owned()], ..question.clone() });
    let bots = bots.series.iter().find(|series| series.key[0].text() == "bot").expect("a bot");
    assert_eq!(bots.drill.filter, "agent:web-1");
    assert!(bots.drill.reason.as_ref().is_some_and(|reason| reason.contains("class")));
    assert_eq!(bots.drill.kept.as_ref().map(|kept| kept.filter.as_str()), Some("agent:web-1 field.class:bot"));
    let memory = ask(&store, &SeriesQuery { by: vec!["code".to_owned()], ..query("process.memory", "level", 1, 10) });
    let told = memory.series[0].drill.clone();
    assert_eq!((told.view, &*told.filter, told.kept.map(|kept| kept.view)), ("exchanges", "", Some("log_records")));
}

#[test]
fn a_click_says_all_that_the_other_table_knows() {
    let named = |name: &str, labels: &str| PointRow { name: name.to_owned(), ..counter(0, labels, "web-1", 1) };
    let store = store(vec![
        named("access.upstream.requests", "class: slow\nservice: shop\nfile: /a.log\n"),
        named("log.events", "level: error\nservice: shop\n"),
        named("app.stages", "handler: Vacancy\nstage: xsl\n"),
        named("tcp.segments.sent", "direction: in\npeer: 10.0.0.7\nport: 5432\n"),
        named("log.lines.unmatched", "reason: short\nfile: /a.log\n"),
    ]);
    let drill = |metric: &str, filter: &str, by: &str| {
        let by = by.split(' ').map(str::to_owned).collect();
        let question = SeriesQuery { by, filter: filter.to_owned(), ..query(metric, "sum", 1, 10) };
        ask(&store, &question).series[0].drill.clone()
    };
    // An upstream's class is not that of the whole, but lines have both.
    let slow = drill("access.upstream.requests", "agent:web-1", "class service file");
    assert_eq!((slow.view, &*slow.filter), ("exchanges", "agent:web-1 service:shop"));
    let kept = slow.kept.expect("lines");
    assert_eq!(kept.filter, "agent:web-1 field.upstream_class:slow service:shop file:/a.log");
    let errors = drill("log.events", "(label.level:error or label.level:fatal) -label.service:edge", "service");
    assert_eq!(errors.filter, "(level:error or level:fatal) -service:edge service:shop");
    assert_eq!(errors.kept, None);
    let stage = drill("app.stages", "", "stage handler");
    assert_eq!(stage.view, "log_records");
    assert_eq!(
        stage.filter,
        "(field.stage:xsl or field.stage.xsl:*) (field.handler:Vacancy or field.handler.vacancy:*)"
    );
    let peer = drill("tcp.segments.sent", "agent:web-1", "peer port direction");
    assert_eq!((peer.view, peer.mode), ("tcp_sessions", Mode::Overlap));
    assert_eq!(peer.filter, "agent:web-1 (client:10.0.0.7 or server:10.0.0.7) port:5432");
    assert!(peer.reason.expect("why").contains("direction"));
    assert_eq!(peer.kept.expect("lines").filter, "agent:web-1");
    let unmatched = drill("log.lines.unmatched", "", "file reason");
    assert_eq!(unmatched.filter, "file:/a.log");
    assert!(unmatched.reason.expect("why").contains("reason"));
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let other = PointRow { unit: "ns".to_owned(), ..counter(0, "", "a", 1) };
    let store = store(vec![counter(0, "", "a", 1), other]);
    let sum = query("access.requests", "sum", 1, 10);
    assert_eq!(refused(&store, &sum), "mixed-points");
    assert_eq!(ask(&store, &SeriesQuery { filter: "unit:ns".to_owned(), ..sum.clone() }).unit, "ns");
    for (query, code) in [
        (SeriesQuery { metric: String::new(), ..sum.clone() }, "unfit-field"),
        (SeriesQuery { filter: "label.".to_owned(), ..sum.clone() }, "bad-filter"),
        (SeriesQuery { by: vec![String::new()], ..sum.clone() }, "unknown-field"),
        (SeriesQuery { by: vec!["a".to_owned(); 9], ..sum.clone() }, "too-many"),
        (SeriesQuery { top: 100_000, ..sum.clone() }, "too-many"),
        (SeriesQuery { step: Some(Span(1)), ..sum }, "too-many"),
    ] {
        assert_eq!(refused(&store, &query), code, "{query:?}");
    }
}

#[test]
fn metrics_are_listed_with_their_labels() {
    let store = store(vec![
        counter(0, "class: fast\n", "a", 1),
        counter(5, "class: error\ntemplate: a: b\n", "b", 1),
        gauge(1, "p: a\n", 1),
    ]);
    let answer =
        Queries::new(&store, BEGIN + DAY, &Unwatched).metrics(&MetricsQuery::default()).expect("it is in order");
    let [requests, memory] = &answer.metrics[..] else { unreachable!("two metrics, not {answer:?}") };
    assert_eq!((&*requests.name, &*requests.metric_kind, &*requests.unit), ("access.requests", "counter", "1"));
    assert_eq!((requests.series, requests.agents, requests.values), (2, 2, 2));
    let labels: Vec<_> = requests.labels.iter().map(|label| (&*label.name, label.values)).collect();
    assert_eq!(labels, [("class", 2), ("template", 1)]);
    assert_eq!(requests.last.map(|at| at.0), Some(BEGIN + 50 * SECOND));
    assert_eq!((&*memory.name, &*memory.unit), ("process.memory", "By"));
}

#[test]
fn sums_beyond_64_bits_are_not_cut() {
    let store = store((0..4).map(|n| counter(n, "a: b\n", "a", i64::MAX)).collect());
    let sums = ask(&store, &query("access.requests", "sum", 4, 20));
    let twice = i64::MAX as f64 * 2.0;
    assert_eq!(broken(&sums.series[0].values), [Some(twice), Some(twice)]);
    assert_eq!(sums.series[0].total, Some(2.0 * twice));
    let each = ask(&store, &query("access.requests", "sum", 4, 10));
    assert_eq!(whole(&each.series[0].values), [Some(i64::MAX); 4]);
    let rate = ask(&store, &query("access.requests", "rate", 4, 20));
    assert_eq!(broken(&rate.series[0].values), [Some(twice / 20.0); 2]);
}

#[test]
fn of_many_series_a_few_are_told_apart_at_a_time() {
    // More series by buckets than one answer may have.
    let (series, windows) = (300_i64, 900_i64);
    let labels = |n: i64| format!("class: c{}\nprocess: p{n:03}\n", n % 3);
    let points = (0..windows).flat_map(|window| (0..series).map(move |n| (window, n)));
    let points: Vec<_> = points
        // One that is not there all the time.
        .filter(|(window, n)| *n != 7 || window % 2 == 0)
        .map(|(window, n)| gauge(window, &labels(n), n + window))
        .collect();
    let store = store(points);
    let sum = |window: i64, of: &dyn Fn(i64) -> bool| {
        (0..series).filter(|n| of(*n) && (*n != 7 || window % 2 == 0)).map(|n| n + window).sum::<i64>()
    };
    for aggregate in ["last", "level"] {
        let all = ask(&store, &query("process.memory", aggregate, windows, 10));
        let by =
            SeriesQuery { by: vec!["class".to_owned()], top: 1, ..query("process.memory", aggregate, windows, 10) };
        let by = ask(&store, &by);
        assert_eq!((all.groups, by.groups, by.series.len(), all.unit.as_str()), (1, 3, 2, "By"));
        let values = |amounts: &Amounts| match amounts {
            Amounts::Whole(values) => values.iter().map(|value| value.map(|value| value as f64)).collect::<Vec<_>>(),
            Amounts::Broken(values) => values.clone(),
        };
        let (total, first, others) =
            (values(&all.series[0].values), values(&by.series[0].values), values(&by.series[1].values));
        for window in 0..windows {
            let at = usize::try_from(window).expect("small");
            assert_eq!(total[at], Some(sum(window, &|_| true) as f64), "{aggregate} {window}");
            // The largest class has the largest numbers.
            assert_eq!(first[at], Some(sum(window, &|n| n % 3 == 2) as f64), "{aggregate} {window}");
            assert_eq!(others[at], Some(sum(window, &|n| n % 3 != 2) as f64), "{aggregate} {window}");
        }
        if aggregate == "last" {
            let newest = |n: i64| if n == 7 { n + windows - 2 } else { n + windows - 1 };
            assert_eq!(all.series[0].total, Some((0..series).map(newest).sum::<i64>() as f64));
        }
    }
}
