//! Logs as points and records, and what a kill may cost: nothing.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use arachne_aggregate::Normaliser;
use arachne_aggregate::access::Format;
use arachne_aggregate::access::job::Settings;
use arachne_aggregate::rules::{Kind, MetricSpec, RuleSpec, Source};
use arachne_content::redact::{Key, Redactor, Rules};
use arachne_model::table::{LogRow, PointRow};

use super::{LogSpec, Logs, What};
use crate::tail::Positions;

const NOON: i64 = 1_772_452_800_000_000_000;

fn redactor() -> Redactor {
    Redactor::new(Key::new([7; 32]), Rules::default())
}

fn append(path: &Path, text: &str) {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("writable");
}

/// What was made durable: rows, and the positions that came with them.
#[derive(Default)]
struct Durable {
    points: Vec<PointRow>,
    records: Vec<LogRow>,
    positions: Positions,
}

impl Durable {
    fn take(&mut self, logs: &mut Logs, end: bool) {
        for part in logs.take(NOON, end) {
            self.points.extend(part.points);
            self.records.extend(part.records);
            self.positions = Positions::from_bytes(&part.positions.to_bytes()).expect("as written");
        }
    }

    fn sum(&self, name: &str, label: &str) -> i64 {
        self.points.iter().filter(|p| p.name == name && p.labels.contains(label)).map(|p| p.sum).sum()
    }
}

fn specs(folder: &Path) -> Vec<LogSpec> {
    let label = |service: &str| vec![("service".to_owned(), service.to_owned())];
    let format =
        Box::new(Format::new("$remote_addr [$time_iso8601] \"$request\" $status $request_time").expect("a format"));
    let access = What::Access { format, settings: Settings::default(), hosts: Vec::new() };
    vec![
        LogSpec { pattern: folder.join("access.log").display().to_string(), labels: label("edge"), what: access },
        LogSpec {
            pattern: folder.join("app.log").display().to_string(),
            labels: label("shop"),
            what: What::Rules(Vec::new()),
        },
    ]
}

#[test]
fn requests_and_events_are_counted_and_kept_without_secrets() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut logs = Logs::new(redactor(), Normaliser::default(), Positions::default(), 1);
    logs.follow(specs(folder.path()));
    logs.poll(NOON);
    let access = folder.path().join("access.log");
    append(&access, "10.0.0.1 [2026-03-02T12:00:00+00:00] \"GET /item/17?password=hunter2 HTTP/1.1\" 200 0.020\n");
    append(&access, "10.0.0.1 [2026-03-02T12:00:00+00:00] \"GET /item/18 HTTP/1.1\" 503 1.500\nnonsense\n");
    let app = folder.path().join("app.log");
    append(&app, "2026-03-02 12:00:00 ERROR [P-C-007] refused password=hunter2\n\tat a.b.C(D.java:1)\n");
    append(&app, "2026-03-02 12:00:01 INFO fine\n");
    while logs.poll(NOON) {}
    let mut durable = Durable::default();
    durable.take(&mut logs, true);
    let sum = |name: &str, label: &str| durable.sum(name, label);
    assert_eq!((sum("access.total", "class: fast"), sum("access.total", "class: error")), (1, 1));
    assert_eq!((sum("access.requests", "template: /item/{id}"), sum("log.lines.unmatched", "reason: short")), (2, 1));
    assert_eq!((sum("log.events", "code: P-C-007"), sum("log.events", "level: info")), (1, 1));
    assert_eq!((sum("log.lines", "service: edge"), sum("log.lines", "service: shop")), (3, 3));
    let time = durable.points.iter().find(|p| p.name == "access.time").expect("times were counted");
    assert_eq!((time.unit.as_str(), time.kind.as_str(), time.count, time.start), ("ns", "histogram", 2, NOON));
    assert!(!time.sketch.is_empty());
    let all = format!("{:?}", durable.records);
    assert!(!all.contains("hunter2"), "{all}");
    let levels: BTreeMap<_, _> = durable.records.iter().map(|r| (r.message.as_str(), r.level.as_deref())).collect();
    assert_eq!(durable.records.len(), 4, "{levels:?}");
    let trace = durable.records.iter().find(|r| r.code.is_some()).expect("the trace is kept");
    assert!(trace.message.contains("D.java") && trace.fields == "lines: 2\n", "{trace:?}");
    let ids: std::collections::BTreeSet<_> = durable.records.iter().map(|r| &r.id).collect();
    assert_eq!(ids.len(), 4);
}

/// The folder of shared files; None, with a message, where there is none.
fn shared() -> Option<PathBuf> {
    let shared = std::env::var_os("ARACHNE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let found = shared.is_dir().then_some(shared);
    if found.is_none() {
        eprintln!("skipped: no shared files (set ARACHNE_SHARED)");
    }
    found
}

/// A file as the log of any application.
fn as_log(path: &Path) -> Durable {
    let mut bytes = fs::read(path).expect("it is there");
    if path.extension().is_some_and(|extension| extension == "gz") {
        let packed = std::mem::take(&mut bytes);
        flate2::read::MultiGzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).expect("it is whole");
    }
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut logs = Logs::new(redactor(), Normaliser::default(), Positions::default(), 1);
    logs.follow(specs(folder.path()));
    logs.poll(NOON);
    fs::write(folder.path().join("app.log"), bytes).expect("writable");
    while logs.poll(NOON) {}
    let mut durable = Durable::default();
    durable.take(&mut logs, true);
    durable
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).expect("it is there")).expect("it is JSON")
}

#[test]
fn a_postgresql_tells_as_many_events_as_others_count() {
    let Some(shared) = shared() else { return };
    let theirs = &json(&shared.join("logs/expected.json"))["postgres/pg15_*"];
    let stderr = &theirs["stderr_file"];
    for (file, records, lines) in [
        ("pg15_stderr.log", &stderr["lines_starting_with_a_timestamp"], Some(&stderr["physical_lines"])),
        ("pg15_csvlog.csv.gz", &theirs["records_csv"], None),
        ("pg15_jsonlog.json.gz", &theirs["records_json"], None),
    ] {
        let durable = as_log(&shared.join("logs/postgres").join(file));
        assert_eq!(Some(durable.sum("log.events", "")), records.as_i64(), "{file}");
        if let Some(lines) = lines {
            assert_eq!(Some(durable.sum("log.lines", "")), lines.as_i64(), "{file}");
        }
        // That of JSON is called `error_severity`: rules find it, as the tests of the crate aggregate show.
        let levels = [("error", "ERROR"), ("warn", "WARNING"), ("fatal", "FATAL")];
        for (level, severity) in levels.into_iter().filter(|_| !file.ends_with(".json.gz")) {
            // The statement of which one tells says `RAISE WARNING`, in a line of its own.
            let statements = i64::from(lines.is_some() && level == "warn");
            let ours = durable.sum("log.events", &format!("level: {level}")) - statements;
            assert_eq!(Some(ours), theirs["severity"][severity].as_i64(), "{file} {level}");
        }
    }
}

#[test]
fn hostile_lines_are_as_many_records_as_they_are() {
    let Some(shared) = shared() else { return };
    let cases = json(&shared.join("hostile/cases.json"));
    let cases = cases.as_array().or_else(|| cases["cases"].as_array()).expect("a list").iter();
    let mut seen = 0;
    for case in cases.filter(|case| case["kind"] == "log") {
        let (id, expect) = (&case["id"], &case["expect"]);
        let durable = as_log(&shared.join("hostile").join(case["file"].as_str().expect("a file")));
        let counted = durable.sum("log.events", "");
        match expect["records"].as_i64() {
            // The last of its lines is indented, and so belongs to the one before.
            Some(5) if id == "log-csv-formula" => assert_eq!((counted, durable.sum("log.lines", "")), (4, 5)),
            // It waits for its end, or for the rotation of its file.
            Some(1) if id == "log-no-newline" => assert_eq!(counted, 0),
            Some(records) => assert_eq!(counted, records, "{id}"),
            None => assert!(counted >= expect["records_min"].as_i64().expect("a count"), "{id}: {counted}"),
        }
        let kept: u64 = durable.records.iter().map(|row| row.weight).sum();
        assert_eq!(kept + durable.sum("log.records.dropped", "").unsigned_abs(), counted.unsigned_abs(), "{id}");
        if expect["flags"].as_array().is_some_and(|flags| flags.contains(&"truncated".into())) {
            assert_eq!(durable.sum("log.lines.cut", ""), 1, "{id}");
        }
        assert!(durable.records.iter().all(|row| row.message.len() <= 66_000), "{id}");
        seen += 1;
    }
    assert!(seen >= 11, "{seen} cases");
}

#[test]
fn sites_in_one_log_are_services_of_their_own() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("all.log");
    let format =
        Box::new(Format::new("[$time_iso8601] $http_host \"$request\" $status $request_time").expect("a format"));
    let hosts = ["shop.example", "api.example"].map(str::to_owned).to_vec();
    let labels = vec![("service".to_owned(), "nginx".to_owned())];
    let what = What::Access { format, settings: Settings::default(), hosts };
    let mut logs = Logs::new(redactor(), Normaliser::default(), Positions::default(), 1);
    logs.follow(vec![LogSpec { pattern: path.display().to_string(), labels, what }]);
    logs.poll(NOON);
    for host in ["shop.example", "SHOP.example:8080", "api.example", "strange.example", "-", "[::1]:80", "\\xFF"] {
        append(&path, &format!("[2026-03-02T12:00:00+00:00] {host} \"GET / HTTP/1.1\" 503 0.020\n"));
    }
    append(&path, "[2026-03-02T11:58:00+00:00] shop.example \"GET / HTTP/1.1\" 200 0.020\n");
    while logs.poll(NOON) {}
    let mut durable = Durable::default();
    durable.take(&mut logs, true);
    let sum = |name: &str, label: &str| durable.sum(name, label);
    let errors =
        ["shop.example", "api.example", "nginx"].map(|service| sum("access.total", &format!("service: {service}")));
    assert_eq!(errors, [2, 1, 4]);
    assert_eq!((sum("access.total", "server: shop.example"), sum("access.statuses", "status: 503")), (2, 7));
    assert_eq!((sum("log.lines.missed", "service: shop.example"), sum("log.lines", "service: nginx")), (1, 8));
    let of = |service: &str| durable.records.iter().filter(|row| row.service.as_deref() == Some(service)).count();
    assert_eq!((of("shop.example"), of("api.example"), of("nginx")), (2, 1, 4));
    // Found by review: requests of sites were no lines, so that a few strange ones among thousands were all of them.
    append(&path, &"[2026-03-02T12:00:00+00:00] shop.example \"GET / HTTP/1.1\" 200 0.020\n".repeat(2100));
    append(&path, &"strange\n".repeat(20));
    while logs.poll(NOON) {}
    durable.take(&mut logs, true);
    assert_eq!(durable.sum("log.lines.unmatched", ""), 20);
    assert!(logs.missing().is_empty(), "{:?}", logs.missing());
}

#[test]
fn killed_at_any_time_no_line_is_lost_and_none_counts_twice() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (access, app) = (folder.path().join("access.log"), folder.path().join("app.log"));
    let mut durable = Durable::default();
    let mut logs = Logs::new(redactor(), Normaliser::default(), Positions::default(), 1);
    logs.follow(specs(folder.path()));
    logs.poll(NOON);
    durable.take(&mut logs, false);
    // As when the first windows are told: patterns are known, whatever was there.
    durable.positions.patterns = specs(folder.path()).iter().map(|spec| spec.pattern.clone()).collect();
    let mut written = 0;
    for round in 0..200_i64 {
        append(&access, &format!("10.0.0.1 [2026-03-02T12:00:00+00:00] \"GET /r/{round} HTTP/1.1\" 200 0.020\n"));
        append(&app, &format!("2026-03-02 12:00:00 ERROR round {round}\n\tat a trace\n"));
        written += 1;
        logs.poll(NOON);
        if round % 7 == 0 {
            fs::rename(&app, folder.path().join("app.log.1")).expect("there");
            fs::rename(&access, folder.path().join("access.log.1")).expect("there");
        }
        match round % 5 {
            1 => durable.take(&mut logs, false),
            3 => {
                logs = Logs::new(redactor(), Normaliser::default(), durable.positions.clone(), 1);
                logs.follow(specs(folder.path()));
            }
            _ => {}
        }
    }
    while logs.poll(NOON) {}
    durable.take(&mut logs, true);
    assert_eq!(durable.sum("access.total", "class: fast"), written);
    assert_eq!(durable.sum("log.events", "level: error"), written);
    assert_eq!(durable.sum("log.lines", "service: shop"), 2 * written);
    assert_eq!(durable.records.iter().filter(|r| r.level.as_deref() == Some("error")).count() as i64, written);
}

#[test]
fn beacons_in_a_log_of_nginx_are_what_their_pages_told() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut logs = Logs::new(redactor(), Normaliser::default(), Positions::default(), 1);
    logs.follow(specs(folder.path()));
    logs.poll(NOON);
    let access = folder.path().join("access.log");
    let stat = |query: &str| {
        append(&access, &format!("10.0.0.1 [2026-03-02T12:00:00+00:00] \"GET /stat{query} HTTP/1.1\" 204 0.000\n"));
    };
    stat("?v=1&p=index&dns=18&server=200&id=0123456789abcdef");
    stat("?v=1&p=index&dns=-4");
    // A page of that name, which tells nothing.
    stat("?team=a");
    stat("");
    while logs.poll(NOON) {}
    let mut durable = Durable::default();
    durable.take(&mut logs, true);
    let sum = |name: &str, label: &str| durable.sum(name, label);
    assert_eq!((sum("browser.views", "page: index"), sum("access.total", "class: fast")), (1, 4));
    assert_eq!((sum("browser.beacons", "outcome: counted"), sum("browser.beacons", "outcome: impossible")), (1, 1));
    let beacon = durable.records.iter().find(|record| record.service.as_deref() == Some("browser")).expect("kept");
    assert_eq!((beacon.request.as_deref(), beacon.template.as_str()), (Some("0123456789abcdef"), "index"));
    assert_eq!(durable.records.len(), 3, "each line once");
}

/// The beacons of `clientstat.log`, counted beside this program by two other readers.
#[test]
fn a_real_log_of_beacons_has_the_quantiles_that_others_count() {
    let shared = std::env::var_os("ARACHNE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let file = shared.join("logs/nginx-real/clientstat.log");
    let Ok(text) = fs::read_to_string(&file) else {
        return eprintln!("skipped: no {} (set ARACHNE_SHARED)", file.display());
    };
    let read = |text: &str| {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let log = folder.path().join("clientstat.log");
        let format = Box::new(Format::new("combined_plus").expect("a format"));
        let what = What::Access { format, settings: Settings::default(), hosts: Vec::new() };
        let mut logs = Logs::new(redactor(), Normaliser::default(), Positions::default(), 1);
        logs.follow(vec![LogSpec { pattern: log.display().to_string(), labels: Vec::new(), what }]);
        logs.poll(NOON);
        append(&log, text);
        // Its lines are of later in the year.
        let arrived = 1_795_600_000_000_000_000;
        while logs.poll(arrived) {}
        let mut durable = Durable::default();
        durable.take(&mut logs, true);
        durable
    };
    let durable = read(&text);
    let bots = durable.sum("browser.beacons", "outcome: bot\n");
    assert!(bots > 0);
    assert_eq!(durable.sum("browser.views", "") + bots, 457);
    // The others count bots too, so all are browsers now: what a client says of itself stands between the fifth and sixth quote.
    let browsers: Vec<String> = text
        .lines()
        .map(|line| {
            let mut pieces: Vec<_> = line.split('"').collect();
            pieces[5] = "Mozilla/5.0 (X11; Linux x86_64)";
            pieces.join("\"") + "\n"
        })
        .collect();
    let durable = read(&browsers.concat());
    assert_eq!(durable.sum("browser.views", ""), 457);
    let counted = [
        ("index", "dns", 224, 37.0),
        ("index", "tcp", 224, 86.0),
        ("index", "server", 224, 385.0),
        ("index", "transfer", 224, 189.0),
        ("index", "processing", 224, 2561.0),
        ("vacancy", "dns", 233, 37.0),
        ("vacancy", "tcp", 233, 84.0),
        ("vacancy", "server", 233, 439.0),
        ("vacancy", "transfer", 233, 189.0),
        ("vacancy", "processing", 233, 2603.0),
    ];
    for (page, stage, count, p95) in counted {
        let mut all = arachne_aggregate::Histogram::new();
        let mine = |point: &&PointRow| {
            let labels = [format!("page: {page}\n"), format!("stage: {stage}\n")];
            point.name == "browser.stage.time" && labels.iter().all(|label| point.labels.contains(label))
        };
        for point in durable.points.iter().filter(mine) {
            all.merge(&arachne_aggregate::Histogram::from_bytes(&point.sketch).expect("as written"));
        }
        let found = all.quantile(0.95).expect("not empty") as f64 / 1e6;
        assert_eq!(all.count(), count, "{page} {stage}");
        assert!((found / p95 - 1.0).abs() <= 0.011, "{page} {stage}: {found} and not {p95}");
    }
}

#[test]
fn a_log_that_is_written_in_another_way_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut logs = Logs::new(redactor(), Normaliser::default(), Positions::default(), 1);
    logs.follow(specs(folder.path()));
    logs.poll(NOON);
    assert!(logs.missing().is_empty());
    let access = folder.path().join("access.log");
    for round in 0..30 {
        append(&access, &format!("10.0.0.1 [2026-03-02T12:00:00+00:00] \"GET /r/{round} HTTP/1.1\" 200\n\n"));
    }
    append(&folder.path().join("app.log"), &format!("ERROR {}\n", "x".repeat(70_000)));
    while logs.poll(NOON) {}
    Durable::default().take(&mut logs, true);
    let told: Vec<_> = logs.missing().into_iter().map(|missing| (missing.what, missing.fix)).collect();
    let fix = format!("--sample {}` shows such lines", access.display());
    assert!(told[0].0.starts_with("100 % of the lines of ") && told[0].1.contains(&fix), "{told:?}");
    assert!(told[1].0.starts_with("the ends of 1 lines of "), "{told:?}");
    assert_eq!(told.len(), 2);
}

/// A configuration of nginx with a log for each of its names, in the folder of all others.
fn overlapping(folder: &Path) -> Vec<LogSpec> {
    let mut all = specs(folder);
    let own = LogSpec { pattern: folder.join("*.log").display().to_string(), ..all[0].clone() };
    all.insert(0, own);
    all
}

#[test]
fn a_file_that_several_patterns_find_is_read_once() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (access, app, shop) =
        (folder.path().join("access.log"), folder.path().join("app.log"), folder.path().join("shop.log"));
    let mut durable = Durable::default();
    let mut logs = Logs::new(redactor(), Normaliser::default(), Positions::default(), 1);
    logs.follow(overlapping(folder.path()));
    logs.poll(NOON);
    durable.take(&mut logs, false);
    let mut written = 0;
    let mut write = |folder: &Path| {
        for name in [&access, &shop] {
            append(name, &format!("10.0.0.1 [2026-03-02T12:00:00+00:00] \"GET /{written} HTTP/1.1\" 200 0.020\n"));
        }
        append(&app, &format!("2026-03-02 12:00:00 INFO fine {written}\n"));
        // Never right after patterns changed: a name that no older file has is known by who had looked before.
        if matches!(written % 15, 2 | 6 | 13) {
            fs::rename(&access, folder.join("access.old.log")).expect("there");
            fs::rename(&app, folder.join("app.log.1")).expect("there");
        }
        written += 1;
        written
    };
    let mut all = 0;
    for round in 0..60 {
        all = write(folder.path());
        while logs.poll(NOON) {}
        durable.take(&mut logs, false);
        match round % 15 {
            // The pattern alone; then all again; then a new process with other patterns than before.
            4 => logs.follow(vec![overlapping(folder.path()).remove(0)]),
            7 => logs.follow(overlapping(folder.path())),
            9 => {
                logs = Logs::new(redactor(), Normaliser::default(), durable.positions.clone(), 1);
                logs.follow(overlapping(folder.path()).drain(..2).collect());
            }
            11 => {
                logs = Logs::new(redactor(), Normaliser::default(), durable.positions.clone(), 1);
                logs.follow(overlapping(folder.path()));
            }
            _ => {}
        }
    }
    while logs.poll(NOON) {}
    durable.take(&mut logs, true);
    let requests = durable.sum("access.total", "access.log\n") + durable.sum("access.total", "shop.log\n");
    assert_eq!(requests, 2 * all, "each request once");
    let lines = durable.sum("log.lines", "app.log\n");
    assert_eq!(lines, all, "each line of the application once, whoever read it");
    assert_eq!(durable.sum("log.lines", "access.old.log\n"), 0, "it was read as access.log");
}

#[test]
fn rules_say_more_of_a_log_of_requests() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut all = specs(folder.path());
    let rule = RuleSpec {
        name: "carts".to_owned(),
        source: Source::Regex(r#""GET /cart/(?P<shop>\w+)"#.to_owned()),
        time_field: None,
        time_format: None,
        timezone: String::new(),
        each: None,
        metrics: vec![MetricSpec {
            kind: Kind::Rate,
            name: "carts".to_owned(),
            value: None,
            percents: Vec::new(),
            labels: vec![("shop".to_owned(), "=shop".to_owned())],
        }],
    };
    let labels = vec![("service".to_owned(), "carts".to_owned()), ("dc".to_owned(), "east".to_owned())];
    all.push(LogSpec { pattern: all[0].pattern.clone(), labels, what: What::Rules(vec![rule]) });
    let mut logs = Logs::new(redactor(), Normaliser::default(), Positions::default(), 1);
    for turned in [false, true] {
        if turned {
            all.reverse();
        }
        logs.follow(all.clone());
        logs.poll(NOON);
        let access = folder.path().join("access.log");
        append(&access, "10.0.0.1 [2026-03-02T12:00:00+00:00] \"GET /cart/a HTTP/1.1\" 200 0.020\n");
        append(&access, "10.0.0.1 [2026-03-02T12:00:00+00:00] \"GET /other HTTP/1.1\" 200 0.020\n");
        while logs.poll(NOON) {}
        let mut durable = Durable::default();
        durable.take(&mut logs, true);
        assert_eq!((durable.sum("access.total", "class: fast"), durable.sum("carts", "shop: a")), (2, 1));
        assert_eq!(durable.sum("log.lines.unmatched", ""), 0, "a request is no line that nothing matched");
        let service = if turned { "service: carts" } else { "service: edge" };
        assert_eq!((durable.sum("carts", service), durable.sum("carts", "dc: east")), (1, 1), "the first counts");
    }
}

#[test]
fn a_metric_with_too_many_label_sets_names_the_label() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let rule = RuleSpec {
        name: "pages".to_owned(),
        source: Source::Regex(r"^page (?P<page>\S+) (?P<dc>\w+)".to_owned()),
        time_field: None,
        time_format: None,
        timezone: String::new(),
        each: None,
        metrics: vec![MetricSpec {
            kind: Kind::Rate,
            name: "pages".to_owned(),
            value: None,
            percents: Vec::new(),
            labels: vec![("dc".to_owned(), "=dc".to_owned()), ("page".to_owned(), "=page".to_owned())],
        }],
    };
    let app = folder.path().join("app.log");
    let spec = LogSpec { pattern: app.display().to_string(), labels: Vec::new(), what: What::Rules(vec![rule]) };
    let mut logs = Logs::new(redactor(), Normaliser::default(), Positions::default(), 1);
    logs.follow(vec![spec]);
    logs.poll(NOON);
    let mut durable = Durable::default();
    for _ in 0..2 {
        append(&app, &(0..700).map(|page| format!("page /p/{page} east\n")).collect::<String>());
        while logs.poll(NOON) {}
        durable.take(&mut logs, true);
    }
    assert_eq!(durable.sum("log.labels.limited", "label: page\nmetric: pages\n"), 400, "200 twice, each told once");
    let told = logs.missing();
    assert!(told[0].what.starts_with("400 values of pages") && told[0].fix.contains("`page`"), "{told:?}");
}

/// The line behind a spike of a percentile is there, though one of thousands is kept.
#[test]
fn the_slowest_lines_are_kept_and_marked() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut logs = Logs::new(redactor(), Normaliser::default(), Positions::default(), 1);
    let mut specs = specs(folder.path());
    specs[1].what = What::Rules(vec![RuleSpec {
        name: "stages".to_owned(),
        source: Source::Regex("stages (?P<list>.*)$".to_owned()),
        time_field: None,
        time_format: None,
        timezone: String::new(),
        each: Some(arachne_aggregate::rules::Each { field: "list".to_owned(), skip: Vec::new() }),
        metrics: vec![MetricSpec {
            kind: Kind::Percentiles,
            name: "stage.time".to_owned(),
            value: Some("ms2sec:value".to_owned()),
            percents: vec![9500],
            labels: vec![("stage".to_owned(), "=name".to_owned())],
        }],
    }]);
    logs.follow(specs);
    logs.poll(NOON);
    let (mut access, mut app) = (String::new(), String::new());
    for line in 0..3000 {
        let (path, time) = if line == 2222 { ("/needle", "0.499") } else { ("/", "0.100") };
        access += &format!("10.0.0.1 [2026-03-02T12:00:00+00:00] \"GET {path} HTTP/1.1\" 200 {time}\n");
        let (page, flush) = (if line == 1111 { 900 } else { 10 }, if line == 2444 { 70 } else { 3 });
        app += &format!("2026-03-02 12:00:00 INFO {line} stages page={page} flush={flush}\n");
    }
    append(&folder.path().join("access.log"), &access);
    append(&folder.path().join("app.log"), &app);
    while logs.poll(NOON) {}
    let mut durable = Durable::default();
    durable.take(&mut logs, true);
    let marked: Vec<_> = durable.records.iter().filter(|row| row.fields.contains("exemplar: slowest\n")).collect();
    let messages: Vec<_> = marked.iter().map(|row| row.message.as_str()).collect();
    assert_eq!(messages.len(), 3, "{messages:?}");
    for needle in ["/needle", " 1111 stages", " 2444 stages"] {
        assert!(messages.iter().any(|message| message.contains(needle)), "{needle}: {messages:?}");
    }
    for file in ["access.log", "app.log"] {
        let kept: Vec<_> =
            durable.records.iter().filter(|row| row.file.ends_with(file)).map(|row| row.weight).collect();
        assert!(kept.len() < 500 && kept.iter().sum::<u64>() <= 3002, "{file}: {kept:?}");
    }
}
