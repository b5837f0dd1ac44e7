//! The recording that `make demo` shows, beside what its nginx logged (`scripts/record-scene.sh`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{self, Ran, read_file};

fn fixture(name: &str) -> PathBuf {
    support::workspace().join("fixtures").join(name)
}

/// How often something was logged, and how much of that may have passed while the recorder lost packets.
#[derive(Clone, Copy, Debug, Default)]
struct Logged {
    count: usize,
    lost: usize,
}

/// What stands in the file of facts.
#[derive(Debug, Default)]
struct Facts {
    frames: i64,
    /// Seconds before the last frame.
    marks: BTreeMap<String, (f64, f64)>,
    /// By Host and status.
    clients: BTreeMap<(String, i64), Logged>,
    /// By server and status.
    upstreams: BTreeMap<(String, i64), Logged>,
}

fn facts() -> Facts {
    let mut facts = Facts::default();
    for line in std::fs::read_to_string(fixture("scene.expected")).unwrap().lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let key = || (words[1].to_owned(), words[2].parse().unwrap());
        let logged = || Logged { count: words[3].parse().unwrap(), lost: words[4].parse().unwrap() };
        match words[0] {
            "frames" => facts.frames = words[1].parse().unwrap(),
            "mark" => {
                _ = facts.marks.insert(words[1].to_owned(), (words[2].parse().unwrap(), words[3].parse().unwrap()))
            }
            "client" => _ = facts.clients.insert(key(), logged()),
            "upstream" => _ = facts.upstreams.insert(key(), logged()),
            other => panic!("{other} is no kind of fact"),
        }
    }
    facts
}

fn scene() -> Ran {
    let ran = read_file(&fixture("scene.pcapng.zst"), "--format ndjson --stats");
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_default()
}

fn status(row: &Value) -> Option<i64> {
    row["http.response.status_code"].as_i64()
}

/// How often each key and status was found.
fn counted<'a>(rows: impl Iterator<Item = (&'a Value, String)>) -> BTreeMap<(String, Option<i64>), usize> {
    let mut counts = BTreeMap::new();
    for (row, key) in rows {
        *counts.entry((key, status(row))).or_default() += 1;
    }
    counts
}

/// Nothing that was logged is missing, but for the gap; nothing else was found. nginx says 499 where there was no answer.
fn compare(logged: &BTreeMap<(String, i64), Logged>, mut found: BTreeMap<(String, Option<i64>), usize>) {
    let lost_of = |key: &str| logged.iter().filter(|((k, _), _)| k == key).map(|(_, l)| l.lost).sum::<usize>();
    for ((key, status), Logged { count, lost }) in logged {
        let seen = (*status != 499).then_some(*status);
        let number = found.remove(&(key.clone(), seen)).unwrap_or_default();
        // Where the answer was lost the request stands alone.
        let more = if seen.is_none() { lost_of(key) } else { 0 };
        assert!((count - lost..=count + more).contains(&number), "{key} {status}: {number} of {count}, {lost} lost");
    }
    for ((key, status), number) in found {
        assert!(status.is_none() && number <= lost_of(&key), "{key} {status:?}: {number} that were not logged");
    }
}

#[test]
fn the_scene_is_what_its_nginx_logged() {
    let (facts, ran) = (facts(), scene());
    let rows = ran.rows();
    assert_eq!(ran.stats()["packets"]["in"].as_i64(), Some(facts.frames));
    let edge = |row: &&Value| ["192.0.2.10", "2001:db8::10"].contains(&text(row, "server.address"));
    let host = |row: &Value| text(row, "http.request.header.host").to_owned();
    compare(
        &facts.clients,
        counted(rows.iter().filter(edge).filter(|row| !host(row).is_empty()).map(|row| (row, host(row)))),
    );
    let shop = |row: &&Value| host(row) == "shop.loom.internal";
    let server = |row: &Value| format!("{}:{}", text(row, "server.address"), row["server.port"]);
    // Visitors who left: nginx leaves too, and logs no status of the instance. Its 504 may be nginx's own word.
    let answered = rows.iter().filter(shop).filter(|row| status(row).is_some_and(|status| status != 504));
    compare(&facts.upstreams, counted(answered.map(|row| (row, server(row)))));
    let logged: usize = facts.clients.values().map(|logged| logged.count).sum();
    assert!(rows.len() > 12_000 && logged > 6_000, "{} exchanges, {logged} of visitors", rows.len());
}

/// The spools of its agents, imported: what they read of nginx's log is what stands in it, line for line.
#[test]
fn what_agents_collected_is_what_nginx_logged() {
    let folder = tempfile::tempdir().unwrap();
    let spools = std::fs::read_dir(support::workspace().join("fixtures")).unwrap().map(|entry| entry.unwrap().path());
    let spools = spools.filter(|path| path.extension().is_some_and(|extension| extension == "spool"));
    let imported = support::arachne().arg("import").arg("--data").arg(folder.path()).args(spools).output().unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let points = |name: &str| {
        let sql = format!("select labels, sum(count) as count from points where name = '{name}' group by 1");
        let asked =
            support::arachne().args(["sql", &sql, "--format", "ndjson", "--data"]).arg(folder.path()).output().unwrap();
        let rows = String::from_utf8(asked.stdout).unwrap();
        let row = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        rows.lines()
            .map(row)
            .map(|row| (text(&row, "labels").to_owned(), row["count"].as_i64().unwrap()))
            .collect::<Vec<_>>()
    };
    let label = |labels: &str, name: &str| {
        labels.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default().to_owned()
    };
    let mut found: BTreeMap<(String, i64), i64> = BTreeMap::new();
    for (labels, count) in points("access.statuses") {
        *found.entry((label(&labels, "server"), label(&labels, "status").parse().unwrap())).or_default() += count;
    }
    // A visitor who calls an address as such names no server.
    let server = |host: &str| if host.ends_with(".example") { host.to_owned() } else { String::new() };
    let mut logged: BTreeMap<(String, i64), i64> = BTreeMap::new();
    for ((host, status), lines) in facts().clients {
        *logged.entry((server(&host), status)).or_default() += lines.count as i64;
    }
    assert_eq!(found, logged);
    for metric in [
        "browser.vital.time",
        "app.stage.time",
        "postgresql.statement.time",
        "tcp.rtt",
        "system.cpu.time",
        "process.cpu.time",
    ] {
        assert!(points(metric).iter().map(|(_, count)| count).sum::<i64>() > 100, "{metric}");
    }
}

#[test]
fn the_scene_has_its_story() {
    let (facts, ran) = (facts(), scene());
    let rows = ran.rows();
    let instant = |row: &Value| text(row, "start").parse::<jiff::Timestamp>().unwrap();
    let last = rows.iter().map(instant).max().unwrap();
    let before_end = |row: &Value| last.duration_since(instant(row)).as_secs_f64();
    let (from, to) = facts.marks["lock"];
    // The last frame is a little later than the last request.
    let bad = |row: &&Value| (to - 30.0..=from).contains(&before_end(row));
    let failed = |row: &&Value| status(row).is_none_or(|status| status >= 500);
    let of = |host: &'static str| rows.iter().filter(move |row| text(row, "http.request.header.host") == host);
    for host in ["www.loom.example", "api.loom.example", "shop.loom.internal", "pricing.loom.internal"] {
        let (all, inside) = (of(host).filter(failed).count(), of(host).filter(failed).filter(bad).count());
        assert!(inside >= 20 && inside * 10 >= all * 7, "{host}: {inside} of {all} failures in the bad minute");
    }
    let exhausted = of("pricing.loom.internal").filter(|row| status(row) == Some(503));
    assert!(exhausted.filter(|row| row["duration_ns"].as_i64() >= Some(800_000_000)).count() > 100);
    let flagged =
        |flag: &str| rows.iter().filter(|row| row["anomalies"].as_array().unwrap().contains(&flag.into())).count();
    assert!(flagged("gap") > 0 && flagged("upgrade") > 0, "a gap, WebSockets");
    let stats = ran.stats();
    assert!(stats["segments"]["dropped"]["retransmission"].as_i64() > Some(50));
    let (release, _) = facts.marks["release"];
    assert!(release > from && facts.marks["gap"].0 < to, "release, bad minute, gap: in this order");
}
