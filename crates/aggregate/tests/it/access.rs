//! Access logs: all that `expected.json` says of them, the JSON twin field by field, ambiguous and broken lines.

use std::collections::{BTreeMap, BTreeSet};

use arachne_aggregate::Normaliser;
use arachne_aggregate::access::job::{CLASSES, Class, Job, Settings};
use arachne_aggregate::access::{Format, Reader, Record, Refusal};
use arachne_aggregate::template::Rule;
use arachne_aggregate::windows::Missed;
use serde_json::{Value, json};

use crate::shared::{expected, file, lines, shared};

fn reader(format: &str) -> Reader {
    Reader::new(&Format::new(format).expect("the test names a good format"))
}

/// What `expected.json` counts of an access log, counted from records.
#[derive(Default)]
struct Facts {
    lines: u64,
    refused: BTreeMap<&'static str, u64>,
    bytes: u64,
    dash_bytes: u64,
    ipv6: u64,
    ids: BTreeSet<Vec<u8>>,
    clients: BTreeSet<Vec<u8>>,
    status: BTreeMap<String, u64>,
    classes: [u64; 3],
    caches: BTreeMap<String, u64>,
    methods: BTreeMap<String, u64>,
    request_times: Vec<u64>,
    upstream_times: Vec<u64>,
    attempts: BTreeMap<String, u64>,
    comma: u64,
    colon: u64,
    users: BTreeMap<String, u64>,
    paths: BTreeMap<Vec<u8>, u64>,
    error_paths: BTreeMap<Vec<u8>, u64>,
    seconds: BTreeMap<i64, u64>,
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

impl Facts {
    fn of(log: &[u8], format: &str) -> Self {
        let (mut facts, mut reader) = (Self::default(), reader(format));
        for line in lines(log) {
            match reader.read(line) {
                Ok(record) => facts.add(&record),
                Err(refusal) => *facts.refused.entry(refusal.reason()).or_default() += 1,
            }
            facts.lines += 1;
        }
        facts.request_times.sort_unstable();
        facts.upstream_times.sort_unstable();
        facts
    }

    fn add(&mut self, record: &Record<'_>) {
        let count = |map: &mut BTreeMap<String, u64>, key: &[u8]| *map.entry(shown(key)).or_default() += 1;
        self.bytes += record.bytes.unwrap_or(0);
        self.dash_bytes += u64::from(record.bytes.is_none());
        let client = record.client.unwrap_or(b"-");
        self.ipv6 += u64::from(client.contains(&b':'));
        self.clients.insert(client.to_vec());
        record.id.into_iter().for_each(|id| self.ids.extend([id.to_vec()]));
        count(&mut self.status, record.status.expect("each of these lines has a status").to_string().as_bytes());
        if let Some(time) = record.request_time {
            self.classes[usize::from(time >= 500_000_000) + usize::from(time >= 1_000_000_000)] += 1;
            self.request_times.push(time);
        }
        self.upstream_times.extend(record.upstreams.nanos());
        count(&mut self.caches, record.cache.unwrap_or(b"-"));
        record.user.into_iter().for_each(|user| count(&mut self.users, user));
        for attempt in record.upstreams.attempts() {
            count(&mut self.attempts, attempt.address);
        }
        let has = |what: &str| record.upstreams.times.is_some_and(|times| shown(times).contains(what));
        self.comma += u64::from(has(", "));
        self.colon += u64::from(has(" : "));
        *self.seconds.entry(record.at.expect("each of these lines has a time")).or_default() += 1;
        self.add_request(record);
    }

    fn add_request(&mut self, record: &Record<'_>) {
        let request = record.request;
        let whole = request.method.filter(|_| request.is_whole());
        *self.methods.entry(shown(whole.unwrap_or(b"(not an HTTP request line)"))).or_default() += 1;
        if let (Some(path), true) = (request.path(), request.is_whole()) {
            *self.paths.entry(path.to_vec()).or_default() += 1;
            if record.status >= Some(500) {
                *self.error_paths.entry(path.to_vec()).or_default() += 1;
            }
        }
    }

    fn percentile(values: &[u64], q: f64) -> f64 {
        let rank = (values.len() as f64 * q).ceil() as usize;
        values[rank.max(1) - 1] as f64 / 1e9
    }

    fn times(values: &[u64]) -> BTreeMap<&'static str, f64> {
        let sum: u64 = values.iter().sum();
        let mut all: BTreeMap<_, _> =
            [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)].map(|(name, q)| (name, Self::percentile(values, q))).into();
        all.insert("sum", sum as f64 / 1e9);
        all
    }
}

/// Each time that both sides have is the same.
fn same_times(ours: &BTreeMap<&str, f64>, theirs: &Value) {
    for (name, value) in ours {
        assert!((value - theirs[*name].as_f64().expect("a number")).abs() < 5e-4, "{name}: {value} {theirs}");
    }
}

fn top(paths: &BTreeMap<Vec<u8>, u64>, theirs: &Value) {
    for pair in theirs.as_array().expect("a list of tops") {
        let path = pair[0].as_str().expect("a path");
        assert_eq!(json!(paths.get(path.as_bytes())), pair[1], "{path}");
    }
}

/// Compares with what both readers of `expected.json` counted of a log with timings.
fn compare_plus(facts: &Facts, theirs: &Value) {
    assert_eq!(json!(facts.bytes), theirs["bytes_sent"]);
    assert_eq!(json!(facts.ipv6), theirs["ipv6_clients"]);
    assert_eq!(json!(facts.ids.len()), theirs["distinct_request_ids"]);
    assert_eq!(json!(facts.status), theirs["status"]);
    let classes = &theirs["speed_class_by_request_time"];
    assert_eq!(json!(facts.classes), json!([classes["fast <0.5"], classes["medium 0.5-1"], classes["slow >=1"]]));
    assert_eq!(json!(facts.caches), theirs["cache"]);
    assert_eq!(json!(facts.methods), theirs["methods"]);
    same_times(&Facts::times(&facts.request_times), &theirs["request_time"]);
    let upstream = &theirs["upstream_time_total_per_request"];
    assert_eq!(json!(facts.upstream_times.len()), upstream["requests_with_upstream"]);
    same_times(&Facts::times(&facts.upstream_times), upstream);
    assert_eq!(json!(facts.attempts), theirs["upstream_attempts"]);
    let several = &theirs["several_times"];
    assert_eq!(
        json!([facts.comma, facts.colon]),
        json!([several["comma: next upstream"], several["colon: internal redirect"]])
    );
    assert_eq!(json!(facts.users), theirs["remote_users"]);
    assert_eq!(json!(facts.paths.len()), theirs["distinct_paths"]);
    top(&facts.paths, &theirs["top_paths"]);
    top(&facts.error_paths, &theirs["errors_5xx_top_paths"]);
    assert_eq!(json!(facts.seconds.len()), theirs["seconds"]);
    assert_eq!(json!(facts.seconds.values().max()), theirs["busiest_second"][1]);
}

#[test]
fn a_real_server_is_counted_as_two_others_count_it() {
    let Some(log) = file("logs/nginx-real/access_plus.log") else { return };
    let theirs = expected("nginx-real/access_plus.log");
    let facts = Facts::of(&log, "combined_plus");
    assert_eq!(json!(facts.lines), theirs["lines"]);
    assert_eq!(facts.refused, BTreeMap::new());
    compare_plus(&facts, &theirs);
}

#[test]
fn generated_lines_are_counted_and_broken_ones_have_reasons() {
    let Some(log) = file("logs/generated/access_plus_20k.log.gz") else { return };
    let theirs = &expected("generated/access_plus_20k.log.gz")["by_reader"];
    let mut facts = Facts::of(&log, "combined_plus");
    // Blank lines are no lines to the other readers.
    let blank = facts.refused.remove("blank").unwrap_or(0);
    assert_eq!(json!(facts.lines - blank), theirs["lines"]);
    assert_eq!(json!(facts.refused.values().sum::<u64>()), theirs["unparsed"], "{:?}", facts.refused);
    compare_plus(&facts, theirs);
}

#[test]
fn the_combined_format_of_the_same_requests() {
    let Some(log) = file("logs/nginx-real/access_combined.log.gz") else { return };
    let facts = Facts::of(&log, "combined");
    let theirs = expected("nginx-real/access_plus.log");
    assert_eq!(facts.refused, BTreeMap::new());
    assert_eq!((json!(facts.status), json!(facts.bytes)), (theirs["status"].clone(), theirs["bytes_sent"].clone()));
}

#[test]
fn a_site_behind_apache() {
    let Some(log) = file("logs/access/apache_combined_10k.log") else { return };
    let (facts, theirs) = (Facts::of(&log, "apache"), expected("access/apache_combined_10k.log"));
    assert_eq!(facts.refused, BTreeMap::new());
    assert_eq!(json!(facts.lines), theirs["lines"]);
    assert_eq!(json!(facts.bytes), theirs["bytes"]);
    assert_eq!(json!(facts.dash_bytes), theirs["dash_bytes"]);
    assert_eq!(json!(facts.status), theirs["status"]);
    assert_eq!(json!(facts.methods), theirs["methods"]);
    assert_eq!(json!(facts.clients.len()), theirs["distinct_clients"]);
    assert_eq!(json!(facts.paths.len()), theirs["distinct_paths"]);
    top(&facts.paths, &theirs["top_paths"]);
    // Its times are those of UTC; all of them are of one month.
    let mut days = BTreeMap::<String, u64>::new();
    for (at, count) in &facts.seconds {
        let day = at.div_euclid(86_400_000_000_000) - MAY_OF_2015 + 1;
        *days.entry(format!("{day:02}/May/2015")).or_default() += count;
    }
    assert_eq!(json!(days), theirs["days"]);
}

/// The day of 2015-05-01, from the Unix epoch.
const MAY_OF_2015: i64 = 16_556;

#[test]
fn lighttpd_and_haproxy() {
    let Some(log) = file("logs/access/lighttpd_access.log") else { return };
    let facts = Facts::of(&log, "lighttpd");
    assert_eq!((facts.refused, facts.lines > 0, facts.status["200"] > 0), (BTreeMap::new(), true, true));
    let log = file("logs/access/lnav_haproxy.0.log").expect("it lies beside the other");
    let mut haproxy = reader("haproxy");
    let records: Vec<_> = lines(&log).filter(|line| line.ends_with(b"\"")).map(|line| haproxy.read(line)).collect();
    assert!(records.len() > 10 && records.iter().all(Result::is_ok), "{records:?}");
    let first = records[0].expect("all are");
    assert_eq!((first.status, first.bytes, first.request_time), (Some(200), Some(11394), Some(1_487_000_000)));
    assert_eq!((first.upstreams.nanos(), first.client), (Some(1_457_000_000), Some(b"141.35.244.171".as_slice())));
    assert_eq!(first.upstreams.attempts().next().map(|one| shown(one.address)), Some("bk_admin/nginx_sonst".into()));
    let other = lines(&log).filter(|line| !line.ends_with(b"\"")).map(|line| haproxy.read(line));
    assert!(other.into_iter().all(|read| read == Err(Refusal::Foreign) || read == Err(Refusal::Short)));
}

/// A field of a text line without its escapes; what JSON has for an absent one.
fn plain(record: &Record<'_>, raw: Option<&[u8]>) -> Vec<u8> {
    raw.map_or(Vec::new(), |raw| record.text(raw).into_owned())
}

/// All that both kinds of line say of a request.
fn said(record: &Record<'_>) -> Vec<Vec<u8>> {
    let text = |raw: Option<&[u8]>| plain(record, raw);
    let number = |value: Option<u64>| format!("{value:?}").into_bytes();
    vec![
        text(record.client),
        text(record.user),
        text(record.request.line),
        text(record.user_agent),
        text(record.cache),
        text(record.upstreams.addresses),
        text(record.upstreams.times),
        text(record.id),
        number(record.status.map(u64::from)),
        number(record.bytes),
        number(record.request_time),
    ]
}

fn twin() -> Option<BTreeMap<Vec<u8>, Vec<Vec<u8>>>> {
    let log = file("logs/nginx-real/access_plus.json.gz")?;
    let conf = String::from_utf8(file("logs/nginx-real/log_formats.conf")?).expect("it is text");
    let format = conf.lines().find_map(|line| line.trim().strip_prefix("log_format json_plus ")).expect("it is there");
    let mut reader = reader(format);
    let all = lines(&log).map(|line| reader.read(line).expect("nginx wrote it"));
    Some(all.map(|record| (record.id.expect("each has one").to_vec(), said(&record))).collect())
}

#[test]
fn the_json_twin_says_the_same() {
    let (Some(twin), Some(log)) = (twin(), file("logs/nginx-real/access_plus.log")) else { return };
    let mut reader = reader("combined_plus");
    assert_eq!(twin.len(), 8539);
    for line in lines(&log) {
        let record = reader.read(line).expect("nginx wrote it");
        let theirs = &twin[record.id.expect("each has one")];
        assert_eq!(&said(&record), theirs, "{}", shown(line));
    }
}

#[test]
fn picked_lines_have_the_expected_fields() {
    let Some(cases) = file("logs/edge/nginx_fields.jsonl") else { return };
    let mut reader = reader("combined_plus");
    let latin = |text: &Value| -> Vec<u8> {
        text.as_str().expect("a text").chars().map(|c| u8::try_from(u32::from(c)).expect("latin-1")).collect()
    };
    for case in lines(&cases) {
        let case: Value = serde_json::from_slice(case).expect("each line is JSON");
        let line = latin(&case["line_latin1"]);
        let record = reader.read(&line).expect("nginx wrote it");
        let theirs = &case["expect_decoded_latin1"];
        let texts = [
            ("addr", record.client),
            ("user", record.user),
            ("request", record.request.line),
            ("upstream_times", record.upstreams.times),
            ("upstream_addr", record.upstreams.addresses),
            ("cache", record.cache),
            ("user_agent", record.user_agent),
            ("id", record.id),
        ];
        for (name, raw) in texts {
            assert_eq!(plain(&record, raw), latin(&theirs[name]), "{}: {name}", case["case"]);
        }
        assert_eq!(json!(record.status), theirs["status"]);
        assert_eq!(json!(record.bytes), theirs["bytes"]);
        let time = record.request_time.expect("each has one") as f64 / 1e9;
        assert!((time - theirs["request_time"].as_f64().expect("a number")).abs() < 1e-9);
        if case["case"] == "request_time below upstream time" {
            assert_eq!(record.outside_upstream(), Some(0));
        }
        if case["case"] == "empty header vs absent" {
            assert_eq!((record.user_agent, record.user), (Some(b"".as_slice()), None));
        }
    }
}

#[test]
fn without_escapes_lines_are_right_or_refused() {
    let (Some(twin), Some(log)) =
        (file("logs/nginx-real/access_plus.json.gz"), file("logs/nginx-real/access_escape_none.log"))
    else {
        return;
    };
    let format = r#"escape=none '$remote_addr [$time_local] "$request" $status "$http_user_agent" $request_time $upstream_response_time'"#;
    let (mut raw, mut json) = (reader(format), reader("json"));
    let (mut ambiguous, mut other) = (0, 0);
    assert_eq!(lines(&log).count(), 8539);
    for (line, twin) in lines(&log).zip(lines(&twin)) {
        let twin = json.read(twin).expect("nginx wrote it");
        match raw.read(line) {
            Ok(record) => {
                assert_eq!(plain(&record, record.request.line), plain(&twin, twin.request.line), "{}", shown(line));
                assert_eq!(plain(&record, record.user_agent), plain(&twin, twin.user_agent));
                assert_eq!((record.status, record.request_time), (twin.status, twin.request_time));
                assert_eq!(record.upstreams.nanos(), twin.upstreams.nanos());
            }
            Err(Refusal::Ambiguous(_)) => ambiguous += 1,
            Err(_) => other += 1,
        }
    }
    println!("of 8539 lines without escapes {ambiguous} are ambiguous, {other} broken");
    assert!(ambiguous + other < 100, "{ambiguous} {other}");
}

#[test]
fn caddy_behind_docker_compose() {
    let Some(log) = file("logs/access/lnav_caddy_log.0.log") else { return };
    let mut reader = reader("json");
    let read: Vec<_> = lines(&log).map(|line| reader.read(line)).collect();
    let records: Vec<_> = read.iter().flatten().collect();
    assert!(!records.is_empty(), "{read:?}");
    assert!(records.iter().all(|record| record.request.method.is_some() && record.at.is_some()));
}

#[test]
fn hostile_lines_are_refused_with_a_reason() {
    for name in [
        "ansi.log",
        "bad-utf8.log",
        "bidi.log",
        "crlf-forge.log",
        "json-trap.log",
        "line-10m.log.gz",
        "nul.log",
        "xss.log",
    ] {
        let Some(log) = file(&format!("hostile/log/{name}")) else { return };
        for format in ["combined", "combined_plus", "apache", "lighttpd", "json", "haproxy"] {
            let mut reader = reader(format);
            for line in lines(&log) {
                let read = reader.read(line);
                assert!(read.is_err(), "{name} as {format}: {read:?}");
            }
        }
    }
}

#[test]
fn the_job_counts_what_the_records_say() {
    let Some(log) = file("logs/generated/access_plus_20k.log.gz") else { return };
    let theirs = &expected("generated/access_plus_20k.log.gz")["by_reader"];
    let format = Format::new("combined_plus").expect("it is a known name");
    let mut job = Job::new(&format, Normaliser::default(), Settings::default(), 1);
    for line in lines(&log) {
        let _ = job.push(line, i64::MAX);
    }
    let windows = job.finish();
    assert_eq!(job.lines().missed, Missed::default());
    let (mut statuses, mut methods, mut attempts, mut classes) =
        (BTreeMap::<String, u64>::new(), 0, BTreeMap::<String, u64>::new(), [0; CLASSES.len()]);
    for (_, window) in &windows {
        classes.iter_mut().zip(window.totals()).for_each(|(sum, count)| *sum += count);
        for (status, count) in window.templates().flat_map(|(_, requests)| &requests.statuses) {
            *statuses.entry(status.to_string()).or_default() += count;
        }
        for (server, counted) in window.servers().filter(|(_, counted)| counted.attempts > 0) {
            *attempts.entry(server.to_owned()).or_default() += counted.attempts;
        }
        window.series(&mut |series| methods += u64::from(series.name == "access.methods"));
    }
    assert_eq!(json!(statuses), theirs["status"]);
    assert_eq!(json!(attempts), theirs["upstream_attempts"]);
    assert!(windows.len() == 10 && methods > 10);
    // 500, 502, 503, 504 and 429, whoever asked.
    assert_eq!((classes[Class::Error as usize], classes[Class::Limited as usize]), (3 + 47 + 26 + 40, 83));
    assert_eq!(json!(classes.iter().sum::<u64>()), json!(job.lines().counted));
    assert!(classes[Class::Bot as usize] > 1000 && classes[Class::Untimed as usize] >= 45, "{classes:?}");
}

/// What the generator of a log says of the lines that it made on purpose, and what we count of it; its routes are our rules for paths.
fn agrees_with_its_generator(log: &[u8], theirs: &Value) {
    let count = |of: &Value| of.as_u64().expect("a count");
    let made = theirs["routes"].as_object().expect("by route");
    let mut rules: Vec<Rule> = made
        .keys()
        .filter(|route| route.starts_with('/'))
        .map(|route| {
            let part = |segment: &str| if segment.contains('{') { "*".to_owned() } else { segment.to_owned() };
            let pattern = route.split('/').map(part).collect::<Vec<_>>().join("/");
            Rule { pattern, template: Some(route.clone()) }
        })
        .collect();
    // `/employer/list` is not one of `/employer/{id}`.
    rules.sort_by_key(|rule| rule.pattern.matches('*').count());
    let (normaliser, mut template) = (Normaliser::new(rules).expect("good rules"), String::new());
    let (mut reader, mut refused) = (reader("combined_plus"), 0);
    let (mut statuses, mut routes, mut errors) =
        (BTreeMap::<String, u64>::new(), BTreeMap::<String, u64>::new(), BTreeMap::<String, u64>::new());
    let (mut classes, mut seconds, mut all) = ([0; 3], BTreeSet::new(), 0);
    for line in lines(log) {
        all += 1;
        let Ok(record) = reader.read(line) else {
            refused += 1;
            continue;
        };
        let status = record.status.expect("each has one");
        *statuses.entry(status.to_string()).or_default() += 1;
        let time = record.request_time.expect("each has one");
        classes[usize::from(time >= 500_000_000) + usize::from(time >= 1_000_000_000)] += 1;
        seconds.extend(record.at.map(|at| at.div_euclid(1_000_000_000)));
        normaliser.normalise(&shown(record.request.path().unwrap_or(b"-")), &mut template);
        *routes.entry(template.clone()).or_default() += 1;
        *errors.entry(template.clone()).or_default() += u64::from(status >= 500);
    }
    let weird = count(&theirs["weird"]);
    assert_eq!((all, count(&theirs["well_formed"])), (count(&theirs["lines"]), all - weird));
    // Of the lines that are broken on purpose two kinds are requests all the same: bytes that are no UTF-8 in `/search`, and a
    // `/redirect` that is long.
    let of = |map: &BTreeMap<String, u64>, key: &str| map.get(key).copied().unwrap_or(0);
    let found = [of(&statuses, "200") - count(&theirs["status"]["200"]), of(&statuses, "414")];
    assert_eq!(refused + found.iter().sum::<u64>(), weird);
    for (status, made) in theirs["status"].as_object().expect("by status").iter().filter(|(status, _)| *status != "200")
    {
        assert_eq!(of(&statuses, status), count(made), "status {status}");
    }
    assert_eq!((of(&routes, "/search"), of(&routes, "/redirect") - found[1]), (found[0], count(&made["/redirect"])));
    // A scanner and who speaks no HTTP ask for `/`, too.
    let named =
        made.iter().filter(|(route, _)| route.starts_with('/') && !["/", "/redirect"].contains(&route.as_str()));
    for (route, made) in named {
        assert_eq!(of(&routes, route), count(made), "route {route}");
    }
    for (route, made) in theirs["errors_5xx_by_route"].as_object().expect("by route") {
        assert_eq!(of(&errors, route), count(made), "errors of {route}");
    }
    let (speed, others) =
        (&theirs["speed_class_of_routed"], ["(bad request)", "(scanner)"].map(|one| count(&made[one])));
    let quick = others.iter().chain(&found).sum::<u64>();
    assert_eq!(classes, [count(&speed["fast"]) + quick, count(&speed["medium"]), count(&speed["slow"])]);
    assert_eq!(json!(seconds.len()), theirs["seconds"]);
}

#[test]
fn generated_lines_are_what_their_generator_says() {
    let Some(log) = file("logs/generated/access_plus_20k.log.gz") else { return };
    agrees_with_its_generator(&log, &expected("generated/access_plus_20k.log.gz")["by_generator"]);
}

/// Others than those that lie there: as the benchmark makes them.
#[test]
fn fresh_lines_are_what_their_generator_says() {
    let Some(script) = shared("bench/make_access_log.py") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let [log, facts] = ["access.log", "facts.json"].map(|name| folder.path().join(name));
    for (seed, weird) in [("2026", "0"), ("11", "0.05")] {
        let made = std::process::Command::new("python3")
            .arg(&script)
            .arg(&log)
            .args(["--lines", "8000", "--rps", "200", "--paths", "3000", "--seed", seed, "--weird", weird, "--facts"])
            .arg(&facts)
            .output();
        let Ok(made) = made else {
            eprintln!("skipped: python3 is not installed");
            return;
        };
        assert!(made.status.success(), "{}", shown(&made.stderr));
        let theirs = serde_json::from_slice(&std::fs::read(&facts).expect("facts")).expect("JSON");
        agrees_with_its_generator(&std::fs::read(&log).expect("a log"), &theirs);
    }
}
