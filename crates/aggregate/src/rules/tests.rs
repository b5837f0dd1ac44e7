//! Rules on lines to order: values, windows, caps, lists, JSON and logfmt.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::time::SECOND;

fn metric(kind: Kind, name: &str, value: Option<&str>, labels: &[(&str, &str)]) -> MetricSpec {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    MetricSpec { kind, name: name.to_owned(), value: value.map(str::to_owned), percents: vec![9500], labels }
}

fn rule(source: Source, metrics: Vec<MetricSpec>) -> RuleSpec {
    RuleSpec {
        name: "rule".to_owned(),
        source,
        time_field: None,
        time_format: None,
        timezone: String::new(),
        each: None,
        metrics,
    }
}

fn sums(windows: &[(i64, RulesWindow)]) -> BTreeMap<String, i128> {
    let mut sums = BTreeMap::new();
    for (_, window) in windows {
        window.series(&mut |series| {
            let labels: Vec<_> = series.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            *sums.entry(format!("{}{{{}}}", series.name, labels.join(","))).or_default() += series.value.total();
        });
    }
    sums
}

fn said(spec: RuleSpec, lines: &[&str]) -> Vec<String> {
    let mut rules = Rules::new(&[spec], LABEL_SETS_MAX, 1).expect("the test has a good rule");
    lines.iter().for_each(|line| _ = rules.push(line.as_bytes(), SECOND));
    sums(&rules.finish()).into_iter().map(|(name, sum)| format!("{name} {sum}")).collect()
}

#[test]
fn fields_of_all_sources() {
    let metrics = || {
        vec![metric(Kind::Rate, "n", None, &[("l", "=l"), ("dc", "x")]), metric(Kind::Rate, "s", Some("ms2sec:t"), &[])]
    };
    let expected = ["n{l=a,dc=x} 2", "s{} 30000000"];
    let table: Vec<(Source, [&str; 3])> = vec![
        (Source::Regex(r"^(?P<l>\w+) took (?P<t>\d+)ms".into()), ["a took 10ms", "a took 20ms", "b gave up"]),
        (Source::Grok("%{WORD:l} took %{NUMBER:t}ms".into()), ["a took 10ms", "a took 20ms", "b gave up"]),
        (Source::KeyValue, ["x=1 l=a t=10", "t=20 l=\"a\"", "nothing here"]),
        (Source::Json, [r#"{"l":"a","t":10}"#, r#"app | {"t":"20","l":"a"}"#, r#"{"l":"a","t":10"#]),
    ];
    for (source, lines) in table {
        assert_eq!(said(rule(source.clone(), metrics()), &lines), expected, "{source:?}");
    }
}

#[test]
fn lists_give_a_value_for_each_name() {
    let metrics = vec![metric(Kind::Rate, "stage", Some("ms2sec:value"), &[("page", "=page"), ("stage", "=name")])];
    let each = Some(Each { field: "all".to_owned(), skip: vec!["code".to_owned()] });
    let spec = RuleSpec { each, ..rule(Source::Regex(r"for (?P<page>\S+): (?P<all>.*)".into()), metrics) };
    let lines = ["timings for a.B: x=1.5 db#get=+3; code=200", "timings for a.B: x=0.5"];
    let mut rules = Rules::new(std::slice::from_ref(&spec), 10, 1).expect("a good rule");
    let mut labels = Vec::new();
    rules.labels(lines[0].as_bytes(), &mut |name, value| {
        labels.push(format!("{name}={}", String::from_utf8_lossy(value)));
    });
    assert_eq!(labels, ["page=a.B", "stage.x=1.5", "stage.db#get=+3"]);
    assert_eq!(rules.lines().all, 0);
    assert_eq!(said(spec, &lines), ["stage{page=a.B,stage=db#get} 3000000", "stage{page=a.B,stage=x} 2000000"]);
}

#[test]
fn label_sets_are_bounded_and_the_label_to_blame_is_named() {
    let spec = rule(
        Source::Regex(r"^(?P<a>\w) (?P<b>\w+)".into()),
        vec![metric(Kind::Rate, "n", None, &[("a", "=a"), ("b", "=b")])],
    );
    let mut rules = Rules::new(&[spec], 10, 1).expect("a good rule");
    (0..1000).for_each(|n| _ = rules.push(format!("x b{n}").as_bytes(), 0));
    let report = rules.report();
    let limited = report[0].metrics[0].3.clone().expect("990 sets have no place");
    assert_eq!((limited.values, limited.label.as_str()), (990, "b"));
    assert!(limited.distinct.abs_diff(990) < 50);
    let sums = sums(&rules.finish());
    let bound = sums["log.labels.other_max{metric=n}"];
    assert!((1..=990 / 64 + 1).contains(&bound), "each came once, 64 are watched: {bound}");
    assert_eq!((sums.len(), sums["n{a=~other,b=~other}"], sums.values().sum::<i128>()), (12, 990, 1000 + bound));
}

#[test]
fn a_label_set_that_grows_heavy_earns_a_place_when_windows_are_closed_one_by_one() {
    let spec = rule(Source::Regex(r"^(?P<a>\w)".into()), vec![metric(Kind::Rate, "n", None, &[("a", "=a")])]);
    let mut rules = Rules::new(&[spec], 2, 1).expect("a good rule");
    let mut window = |start: i64, lines: &[&str]| {
        lines.iter().for_each(|line| _ = rules.push(line.as_bytes(), start * SECOND));
        sums(&rules.finish())
    };
    assert_eq!(window(0, &["a", "b", "c"])["n{a=~other}"], 1);
    // Long after the others were there.
    assert_eq!(window(100_000, &["c"; 50])["n{a=~other}"], 50);
    assert_eq!(window(100_010, &["c"; 50]).get("n{a=c}"), Some(&50));
}

#[test]
fn bad_values_and_times_are_counted() {
    let metrics = vec![metric(Kind::Percentiles, "p", Some("t"), &[])];
    let time = (Some("at".to_owned()), Some("2006-01-02 15:04:05".to_owned()));
    let spec = RuleSpec {
        time_field: time.0,
        time_format: time.1,
        ..rule(Source::Regex(r"^(?P<at>\S+ \S+) (?P<t>\S+)".into()), metrics)
    };
    let mut rules = Rules::new(&[spec], 10, 1).expect("a good rule");
    for line in ["1970-01-01 00:00:01 5", "1970-01-01 00:00:15 -5", "1970-99-01 00:00:01 x", ""] {
        rules.push(line.as_bytes(), 20 * SECOND);
    }
    let report = &rules.report()[0];
    assert_eq!((report.hits, report.bad_times, report.metrics[0].1, report.metrics[0].2), (3, 1, 1, 2));
    assert_eq!((rules.lines().all, rules.lines().unmatched), (4, 1));
    assert_eq!(rules.finish().iter().map(|(start, _)| start / SECOND).collect::<Vec<_>>(), [0, 10, 20]);
}

#[test]
fn rules_that_say_nothing_are_refused() {
    let good = metric(Kind::Rate, "n", None, &[]);
    let regex = |text: &str| Source::Regex(text.to_owned());
    let table = [
        (rule(regex("a(b"), vec![good.clone()]), Place::Source(Some(1))),
        (rule(regex("a"), vec![]), Place::Metrics),
        (rule(regex("a"), vec![metric(Kind::Rate, "n", Some("x2y:t"), &[])]), Place::Metric(0)),
        (rule(regex("a"), vec![good.clone(), metric(Kind::Percentiles, "n", None, &[])]), Place::Metric(1)),
        (rule(regex("a"), vec![metric(Kind::Rate, "n", Some("t"), &[])]), Place::Source(None)),
        (rule(Source::Grok("%{NOPE}".into()), vec![good.clone()]), Place::Source(Some(0))),
        (RuleSpec { time_field: Some("a".into()), ..rule(regex("a"), vec![good]) }, Place::Time),
    ];
    for (spec, place) in table {
        let errors = Rules::new(std::slice::from_ref(&spec), 1, 0).expect_err("it is wrong");
        assert_eq!((errors.len(), errors[0].1.place), (1, place), "{spec:?}: {}", errors[0].1);
    }
}

proptest! {
    /// Whatever comes, what was matched in time is in the series, to the last billionth.
    #[test]
    fn sums_over_labels_are_those_of_the_lines(
        lines in proptest::collection::vec(("[a-e]{1,2}", 0_u32..5000, 0_i64..100), 0..200),
        sets in 0_usize..6,
    ) {
        let metrics = vec![metric(Kind::Rate, "n", None, &[("l", "=l")]), metric(Kind::Rate, "s", Some("ms2sec:t"), &[("l", "=l")])];
        let mut rules = Rules::new(&[rule(Source::KeyValue, metrics)], sets, 3).expect("a good rule");
        let mut sum = 0;
        for (label, millis, second) in &lines {
            let before = rules.lines().missed;
            rules.push(format!("l={label} t={millis}").as_bytes(), second * SECOND);
            if rules.lines().missed == before {
                sum += i128::from(*millis) * 1_000_000;
            }
        }
        let counted = lines.len() as u64 - rules.lines().missed.late;
        let sums = sums(&rules.finish());
        let of = |name: &str| sums.iter().filter(|(key, _)| key.starts_with(name)).map(|(_, sum)| *sum).sum::<i128>();
        prop_assert_eq!((of("n{"), of("s{")), (i128::from(counted), sum));
    }

    #[test]
    fn no_bytes_do_harm(line in proptest::collection::vec(any::<u8>(), 0..200), near in r#"[a-z=":{}, \\#;+0-9]{0,80}"#) {
        let metrics = || vec![metric(Kind::Percentiles, "p", Some("ms2sec:t"), &[("l", "=l")])];
        let sources = [Source::KeyValue, Source::Json, Source::Regex("(?P<l>.*?)=(?P<t>[^ ]*)".into()), Source::Grok("%{DATA:l} %{QS:t}".into())];
        let specs: Vec<_> = sources.into_iter().map(|source| rule(source, metrics())).collect();
        let mut rules = Rules::new(&specs, 2, 3).expect("good rules");
        for bytes in [&line[..], near.as_bytes()] {
            rules.push(bytes, 0);
            let _ = rules.nearest(bytes);
        }
        rules.finish();
    }
}

proptest! {
    /// Sums over labels are the totals, and none of `~other` has more than is said, whatever comes in whatever order.
    #[test]
    fn no_label_set_of_the_others_has_more_than_is_said(
        lines in proptest::collection::vec((0_i64..35, 0_u8..6), 1..300),
        sets in 0_usize..4,
        closing in 1_usize..300,
    ) {
        let spec = rule(Source::Regex(r"^(?P<at>\d+) (?P<a>\w)".into()), vec![metric(Kind::Rate, "n", None, &[("a", "=a")])]);
        let spec = RuleSpec { time_field: Some("at".into()), time_format: Some("%s".into()), ..spec };
        let mut rules = Rules::new(&[spec], sets, 1).expect("a good rule");
        let (mut windows, mut truth) = (Vec::new(), BTreeMap::<(i64, String), i128>::new());
        for (at, (late, name)) in lines.iter().enumerate() {
            let second = 1000 + at as i64 / 3 - late;
            let (name, missed) = (char::from(b'a' + name).to_string(), rules.lines().missed);
            rules.push(format!("{second} {name}").as_bytes(), 2000 * SECOND);
            *truth.entry((second / 10, name)).or_default() += i128::from(rules.lines().missed == missed);
            if at == closing {
                windows.append(&mut rules.finish());
            }
        }
        windows.append(&mut rules.finish());
        for ((number, name), count) in truth {
            let same: Vec<_> = windows.iter().filter(|(start, _)| start / SECOND / 10 == number).cloned().collect();
            let sums = sums(&same);
            let get = |key: &str| sums.get(key).copied().unwrap_or(0);
            let (named, bound) = (get(&format!("n{{a={name}}}")), get("log.labels.other_max{metric=n}"));
            prop_assert!(count - named <= bound, "{} of {} are not named, {} at most", count - named, name, bound);
            let others = get("n{a=~other}");
            prop_assert!(bound <= others, "{} of {}", bound, others);
        }
    }
}
