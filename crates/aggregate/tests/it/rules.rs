//! The rules of the article on its own lines: `app/seed_formats.log` counted as `expected.json` counts it.

use std::collections::BTreeMap;

use arachne_aggregate::Histogram;
use arachne_aggregate::rules::{Each, Kind, LABEL_SETS_MAX, MetricSpec, RuleSpec, Rules, Source, Tier};
use arachne_aggregate::series::Value;

use crate::shared::{expected, file, lines};

fn metric(kind: Kind, name: &str, value: Option<&str>, labels: &[(&str, &str)]) -> MetricSpec {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    MetricSpec { kind, name: name.to_owned(), value: value.map(str::to_owned), percents: vec![5000, 9500], labels }
}

fn rule(name: &str, regex: &str, each: Option<Each>, metrics: Vec<MetricSpec>) -> RuleSpec {
    RuleSpec {
        name: name.to_owned(),
        source: Source::Regex(regex.to_owned()),
        time_field: Some("datetime".to_owned()),
        time_format: Some("2006-01-02 15:04:05".to_owned()),
        timezone: String::new(),
        each,
        metrics,
    }
}

fn rules() -> Vec<RuleSpec> {
    let at = r"(?P<datetime>\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})";
    let file = [("xsl_file", "=xsl_file")];
    let stage = [("handler", "=handler"), ("stage", "=name")];
    vec![
        rule(
            "xsl",
            &format!(r"{at},\d+ [^:]+: applied XSL (?P<xsl_file>\S+) in (?P<xsl_time>\d+\.\d+)ms"),
            None,
            vec![
                metric(Kind::Rate, "xhh.xsl.calls.rate", None, &file),
                metric(Kind::Rate, "xhh.xsl.cpu_time.rate", Some("ms2sec:xsl_time"), &file),
                metric(Kind::Percentiles, "xhh.xsl.time.percentiles", Some("ms2sec:xsl_time"), &file),
            ],
        ),
        rule(
            "stages",
            &format!(r"{at},\d+ [^:]+: timings for (?P<handler>[^:]+): (?P<stages>.*)"),
            Some(Each { field: "stages".to_owned(), skip: vec!["code".to_owned()] }),
            vec![metric(Kind::Percentiles, "stage", Some("ms2sec:value"), &stage)],
        ),
        rule(
            "session",
            &format!(
                r"{at}\.\d+ \[[^\]]+\] INFO response: (?P<code>\d+); context: [^;]+; total time \d+ ms; (?P<steps>.*)"
            ),
            Some(Each { field: "steps".to_owned(), skip: Vec::new() }),
            vec![metric(Kind::Rate, "step", Some("ms2sec:value"), &[("step", "=name")])],
        ),
        rule(
            "codes",
            &format!(r"{at},\d+ [A-Z]+: \[(?P<code>[A-Z]+-[A-Z]+-\d+)\]"),
            None,
            vec![metric(Kind::Rate, "codes", None, &[("code", "=code")])],
        ),
    ]
}

/// Sums of counts and sums, and merged distributions, by name and labels.
fn counted(rules: &mut Rules) -> (BTreeMap<String, i128>, BTreeMap<String, Histogram>) {
    let (mut sums, mut histograms) = (BTreeMap::new(), BTreeMap::<String, Histogram>::new());
    for (_, window) in rules.finish() {
        window.series(&mut |series| {
            let labels: Vec<_> = series.labels.iter().map(|(_, value)| *value).collect();
            let key = format!("{}|{}", series.name, labels.join("|"));
            *sums.entry(key.clone()).or_default() += series.value.total();
            if let Value::Histogram(histogram) = series.value {
                histograms.entry(key).or_default().merge(histogram);
            }
        });
    }
    (sums, histograms)
}

fn near(histogram: &Histogram, millis: f64, what: &str) {
    let p95 = histogram.quantile(0.95).expect("it has values") as f64 / 1e6;
    assert!((p95 / millis - 1.0).abs() <= 0.011, "{what}: {p95} for {millis}");
}

#[test]
fn the_rules_of_the_article_count_what_others_count() {
    let Some(log) = file("logs/app/seed_formats.log") else { return };
    let theirs = expected("app/seed_formats.log");
    let mut rules = Rules::new(&rules(), LABEL_SETS_MAX, 1).expect("the rules are good");
    lines(&log).for_each(|line| _ = rules.push(line, i64::MAX));
    for report in rules.report() {
        assert!(report.hits > 0 && report.bad_times == 0, "{report:?}");
        assert_eq!(report.tier, Tier::OnePass, "{}: {:?}", report.name, report.slow);
    }
    let (sums, histograms) = counted(&mut rules);
    let sum = |name: &str| sums.iter().filter(|(key, _)| key.starts_with(name)).map(|(_, sum)| *sum).sum::<i128>();
    assert_eq!(sum("xhh.xsl.calls.rate|"), theirs["xsl_calls"].as_i64().expect("a count").into());
    let seconds = sum("xhh.xsl.cpu_time.rate|") as f64 / 1e9;
    assert!((seconds - theirs["xsl_seconds"].as_f64().expect("a sum")).abs() < 1e-6, "{seconds}");
    for (file, p95) in theirs["xsl_p95_ms"].as_object().expect("by file") {
        near(&histograms[&format!("xhh.xsl.time.percentiles|{file}")], p95.as_f64().expect("a time"), file);
    }
    for (handler, stages) in theirs["stage_p95_ms"].as_object().expect("by handler") {
        for (stage, counted) in stages.as_object().expect("by stage") {
            let histogram = &histograms[&format!("stage|{handler}|{stage}")];
            assert_eq!(histogram.count(), counted[0].as_u64().expect("a count"), "{handler} {stage}");
            near(histogram, counted[1].as_f64().expect("a time"), stage);
        }
    }
    for (code, count) in theirs["codes"].as_object().expect("by code") {
        assert_eq!(sums[&format!("codes|{code}")], count.as_i64().expect("a count").into(), "{code}");
    }
    assert!(sums["step|DB#getHhSession"] > 0);
}

#[test]
fn beacons_in_a_log_are_stages() {
    let Some(log) = file("logs/nginx-real/clientstat.log") else { return };
    let theirs = expected("nginx-real/clientstat.log");
    let each = Some(Each { field: "query".to_owned(), skip: vec!["v".to_owned()] });
    let metrics =
        vec![metric(Kind::Percentiles, "stage", Some("ms2sec:value"), &[("page", "=page"), ("stage", "=name")])];
    let mut spec = rule("beacons", r#""[A-Z]+ /stat\?v=1&p=(?P<page>[^&]+)&(?P<query>[^ ]*) HTTP"#, each, metrics);
    (spec.time_field, spec.time_format) = (None, None);
    let mut rules = Rules::new(&[spec], LABEL_SETS_MAX, 1).expect("the rule is good");
    lines(&log).for_each(|line| _ = rules.push(line, 0));
    assert_eq!(rules.report()[0].hits, theirs["beacons"].as_u64().expect("a count"));
    let (_, histograms) = counted(&mut rules);
    for (page, stages) in theirs["p95_by_page"].as_object().expect("by page") {
        for (stage, counted) in stages.as_object().expect("by stage") {
            let histogram = &histograms[&format!("stage|{page}|{stage}")];
            assert_eq!(histogram.count(), counted["n"].as_u64().expect("a count"));
            near(histogram, counted["p95"].as_f64().expect("a time"), stage);
        }
    }
}

#[test]
fn hostile_lines_do_no_harm() {
    for name in ["ansi.log", "bad-utf8.log", "json-trap.log", "line-10m.log.gz", "nul.log", "xss.log"] {
        let Some(log) = file(&format!("hostile/log/{name}")) else { return };
        let mut specs = rules();
        specs.extend([Source::Json, Source::KeyValue].map(|source| RuleSpec {
            source,
            time_field: None,
            time_format: None,
            ..rule("any", "", None, vec![metric(Kind::Rate, "any", Some("a"), &[("b", "=b")])])
        }));
        let mut rules = Rules::new(&specs, LABEL_SETS_MAX, 1).expect("the rules are good");
        lines(&log).for_each(|line| _ = rules.push(line, 0));
        assert_eq!(rules.lines().all, lines(&log).count() as u64);
        assert_eq!(rules.lines().cut, u64::from(name.starts_with("line-10m")));
        rules.finish();
    }
}

#[test]
fn the_json_log_of_a_postgresql_is_what_others_count() {
    let Some(log) = file("logs/postgres/pg15_jsonlog.json.gz") else { return };
    let theirs = expected("postgres/pg15_*");
    let lines_of = |name: &'static str, label: &'static str| metric(Kind::Rate, name, None, &[(name, label)]);
    let json = RuleSpec {
        time_field: None,
        time_format: None,
        source: Source::Json,
        ..rule(
            "records",
            "",
            None,
            vec![
                lines_of("severity", "=error_severity"),
                lines_of("state", "=state_code"),
                lines_of("user", "=user"),
                lines_of("app", "=application_name"),
            ],
        )
    };
    let durations = vec![metric(Kind::Percentiles, "duration", Some("ms2sec:ms"), &[])];
    let mut durations = rule("durations", r#""message":"duration: (?P<ms>[0-9.]+) ms"#, None, durations);
    (durations.time_field, durations.time_format) = (None, None);
    let mut rules = Rules::new(&[json, durations], LABEL_SETS_MAX, 1).expect("the rules are good");
    lines(&log).for_each(|line| _ = rules.push(line, 0));
    assert_eq!(rules.report()[0].hits, theirs["records_json"].as_u64().expect("a count"));
    let (sums, histograms) = counted(&mut rules);
    for (name, theirs) in [
        ("severity", &theirs["severity"]),
        ("state", &theirs["sqlstate_not_00000"]),
        ("user", &theirs["users"]),
        ("app", &theirs["apps"]),
    ] {
        for (value, count) in theirs.as_object().expect("by value") {
            assert_eq!(sums[&format!("{name}|{value}")], count.as_i64().expect("a count").into(), "{name} {value}");
        }
    }
    let (durations, theirs) = (&histograms["duration|"], &theirs["durations"]);
    assert_eq!(durations.count(), theirs["n"].as_u64().expect("a count"));
    assert!((durations.sum() as f64 / 1e6 - theirs["sum"].as_f64().expect("a sum")).abs() < 5e-4);
    for (q, theirs) in [(0.5, &theirs["p50"]), (0.95, &theirs["p95"]), (1.0, &theirs["max"])] {
        let (ours, theirs) =
            (durations.quantile(q).expect("it has values") as f64 / 1e6, theirs.as_f64().expect("a time"));
        assert!((ours / theirs - 1.0).abs() <= 0.011, "{q}: {ours} for {theirs}");
    }
}
