//! What holds for any lines. Called by the properties here and by the fuzz target `line`.

use std::sync::LazyLock;

use arachne_aggregate::Normaliser;
use arachne_aggregate::access::Format;
use arachne_aggregate::access::job::{Job, Settings};
use arachne_aggregate::rules::{Each, Kind, MetricSpec, RuleSpec, Rules, Source};
use arachne_aggregate::series::Series;

/// Formats that lines are read by.
const FORMATS: &[&str] =
    &["combined_plus", "apache", "lighttpd", "json", "haproxy", "escape=none $msec \"$request\" $status $host"];

/// Built once: expressions take longer to compile than to run over some lines.
static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(&specs(), 2, 1).expect("they are good"));

/// Every line becomes a request, has a reason why not, or came at the wrong time; breakdowns add up; rules do no harm.
///
/// # Panics
/// When it is not so.
pub fn any_bytes(bytes: &[u8]) {
    let (choice, text) = bytes.split_first().map_or((0, bytes), |(first, rest)| (usize::from(*first), rest));
    let format = Format::new(FORMATS[choice % FORMATS.len()]).expect("they are good");
    let settings = Settings { templates_max: 3, top: 2, errors_min: 1, servers_max: 2, ..Settings::default() };
    let mut job = Job::new(&format, Normaliser::default(), settings, 1);
    let mut rules = RULES.clone();
    for line in text.split(|byte| *byte == b'\n') {
        let _ = job.push(line, i64::MAX);
        rules.push(line, i64::MAX);
    }
    // It compiles each rule piece by piece, which takes a hundred times as long as all else: on half of the inputs, the first line.
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if choice >= 128 {
        let _ = rules.nearest(&first[..first.len().min(200)]);
    }
    let mut sums = [0; 3];
    for (_, window) in job.finish() {
        window.series(&mut |series| add(&series, &["access.total", "access.requests", "access.methods"], &mut sums));
    }
    let lines = job.lines();
    let refused: u64 = lines.refused.values().sum();
    assert_eq!(lines.all, lines.counted + refused + lines.missed.late + lines.missed.ahead);
    assert_eq!(sums, [i128::from(lines.counted); 3]);
    for (_, window) in rules.finish() {
        window.series(&mut |_| {});
    }
    assert!(rules.lines().unmatched <= rules.lines().all);
}

fn add(series: &Series<'_>, names: &[&str; 3], sums: &mut [i128; 3]) {
    names.iter().zip(sums).filter(|(name, _)| **name == series.name).for_each(|(_, sum)| *sum += series.value.total());
}

fn specs() -> Vec<RuleSpec> {
    let metric = |kind| MetricSpec {
        kind,
        name: "m".to_owned(),
        value: Some("ms2sec:value".to_owned()),
        percents: Vec::new(),
        labels: vec![("name".to_owned(), "=name".to_owned())],
    };
    let rule = |source, each: Option<&str>| RuleSpec {
        name: "rule".to_owned(),
        source,
        time_field: Some("at".to_owned()),
        time_format: Some("%Y-%m-%d %H:%M:%S".to_owned()),
        timezone: String::new(),
        each: each.map(|field| Each { field: field.to_owned(), skip: Vec::new() }),
        metrics: vec![metric(Kind::Rate), metric(Kind::Percentiles)],
    };
    vec![
        rule(Source::Json, None),
        rule(Source::KeyValue, None),
        rule(Source::Regex(r"(?P<at>\S+ \S+) .*?: (?P<list>.*)".to_owned()), Some("list")),
        rule(Source::Grok("%{TIMESTAMP_ISO8601:at} %{DATA:name} %{NUMBER:value}".to_owned()), None),
        rule(Source::Regex(r"^(?P<at>[^,]+),\d+ (?P<name>[A-Z]+) (?P<value>\d+)".to_owned()), None),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300), near in "[0-5][-0-9a-zA-Z \\[\\]\"/:{},\n=;.]{0,200}") {
            super::any_bytes(&bytes);
            super::any_bytes(near.as_bytes());
        }
    }

    #[test]
    fn lines_of_all_kinds() {
        let lines = "2015-10-14 15:12:00,904 INFO 3: a=1 b=+2;\n{\"at\":\"2015-10-14 15:12:00\",\"name\":\"x\",\"value\":3}\n1.2.3.4 - - [21/Nov/2026:19:47:20 +0000] \"GET / HTTP/1.1\" 200 3 \"-\" \"x\" 0.000 - [0.1, - : 2] a, b : c id\n";
        for choice in (0..6_u8).chain(128..134) {
            super::any_bytes(&[&[choice], lines.as_bytes()].concat());
        }
    }
}
