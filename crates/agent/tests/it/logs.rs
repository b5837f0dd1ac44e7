//! Logs, from the file to the server: through rotations, restarts and kills each line counts once.
//!
//! `ARACHNE_ROTATIONS=1000 ARACHNE_LOG_KILLS=100` for a long run, `ARACHNE_SEED=n` for another one.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arachne_delivery::instructions::{AgentConfig, Collect, CollectedLog, LogMetric, LogRule};
use arachne_testkit::random::Random;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::agent::{Agent, PATIENCE, signal, wait};
use crate::server::Server;

/// Follows one pattern and captures nothing: no right is needed.
fn follow(pattern: &Path) -> AgentConfig {
    let metric = |name: &str, value: Option<&str>| LogMetric {
        name: name.to_owned(),
        value: value.map(str::to_owned),
        ..LogMetric::default()
    };
    let rule = LogRule {
        name: "numbered".to_owned(),
        expression: r"^n=(?P<n>\d+) ".to_owned(),
        metrics: vec![metric("test.lines", None), metric("test.sum", Some("n"))],
        ..LogRule::default()
    };
    let log = CollectedLog { file: pattern.display().to_string(), rule: Some(rule), ..CollectedLog::default() };
    let collect = Collect { logs: vec![log], ..Collect::nothing() };
    AgentConfig { version: 2, capture: false, collect, ..AgentConfig::default() }
}

fn start(folder: &Path, server: &Server) -> Agent {
    Agent::start(folder, &server.arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The sum of a counter.
fn sum(server: &Server, name: &str) -> i128 {
    server.state().rows.points.iter().filter(|point| point.name == name).map(|point| i128::from(point.sum)).sum()
}

/// Waits until windows were handed over twice: what was there before is in the second one.
fn wait_for_windows(server: &Server) {
    let count = || server.state().rows.points.iter().filter(|point| point.name == "log.files").count();
    let before = count();
    wait("two windows", || count() >= before + 2);
}

/// A log and its writer.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    fn append(&self, name: &str, bytes: &[u8]) {
        let file = OpenOptions::new().append(true).create(true).open(self.path(name));
        file.and_then(|mut file| file.write_all(bytes)).unwrap();
    }

    /// One step of a scenario, as `how` in the file says.
    fn step(&self, step: &[Value]) {
        let text = |at: usize| step[at].as_str().unwrap();
        match text(0) {
            "append" => {
                let lines = step[2].as_array().unwrap().iter().map(|line| format!("{}\n", line.as_str().unwrap()));
                self.append(text(1), lines.collect::<String>().as_bytes());
            }
            "append_raw" => self.append(text(1), text(2).as_bytes()),
            "append_hex" => self.append(text(1), &unhex(text(2))),
            "append_repeat" => {
                let times = usize::try_from(step[3].as_u64().unwrap()).unwrap();
                self.append(text(1), (text(2).repeat(times) + "\n").as_bytes());
            }
            "create" => self.append(text(1), b""),
            "rename" => fs::rename(self.path(text(1)), self.path(text(2))).unwrap(),
            "copy" => drop(fs::copy(self.path(text(1)), self.path(text(2))).unwrap()),
            "truncate" => drop(OpenOptions::new().write(true).truncate(true).open(self.path(text(1))).unwrap()),
            "delete" => fs::remove_file(self.path(text(1))).unwrap(),
            other => unreachable!("no such step: {other}"),
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// What lines a scenario must give, as records have them.
fn expected(scenario: &Value) -> Vec<String> {
    let list = |key: &str| scenario[key].as_array().cloned().unwrap_or_default();
    let text = |value: Value| value.as_str().unwrap().to_owned();
    let hex = |value: Value| String::from_utf8_lossy(&unhex(value.as_str().unwrap())).into_owned();
    let once = list("deliver").into_iter().chain(list("at_least_once")).map(text);
    let mut lines: Vec<_> = once.chain(list("deliver_hex").into_iter().map(hex)).collect();
    lines.sort();
    lines
}

fn run(scenario: &Value) {
    let name = scenario["name"].as_str().unwrap();
    let desk = Desk { folder: tempfile::tempdir().unwrap() };
    fs::create_dir(desk.path("")).unwrap();
    let server = Server::start(desk.folder.path());
    let pattern = if scenario["glob"] == true { "app.log*" } else { "app.log" };
    server.state().instructions.config = Some(follow(&desk.path(pattern)));
    let mut agent = Some(start(desk.folder.path(), &server));
    wait_for_windows(&server);
    for step in scenario["steps"].as_array().unwrap() {
        let step = step.as_array().unwrap();
        match step[0].as_str().unwrap() {
            "wait" => wait_for_windows(&server),
            "stop agent" => assert_eq!(agent.take().map(Agent::end), Some(0), "{name}"),
            "kill agent" => agent.take().unwrap().kill(),
            "start agent" => agent = Some(start(desk.folder.path(), &server)),
            _ => desk.step(step),
        }
    }
    wait_for_windows(&server);
    assert_eq!(agent.take().map(Agent::end), Some(0), "{name}");
    let state = server.state();
    let messages = state.rows.logs.iter().map(|row| row.message.clone());
    let mut found: Vec<_> = messages.filter(|message| !message.starts_with("zzzz")).collect();
    found.sort();
    assert_eq!(found, expected(scenario), "{name}");
    let cut = state.rows.points.iter().filter(|point| point.name == "log.lines.cut").map(|point| point.sum);
    assert_eq!(cut.sum::<i64>(), i64::from(name == "line over the limit"), "{name}");
}

#[test]
fn every_scenario_of_rotation_gives_its_lines_once() {
    let shared = std::env::var_os("ARACHNE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let Ok(text) = fs::read(shared.join("logs/edge/rotation_scenarios.json")) else {
        eprintln!("skipped: no shared/logs/edge/rotation_scenarios.json (ARACHNE_SHARED)");
        return;
    };
    let all: Value = serde_json::from_slice(&text).unwrap();
    let scenarios = all["scenarios"].as_array().unwrap();
    assert_eq!(scenarios.len(), 10);
    // They mostly wait: side by side.
    thread::scope(|scope| {
        let running: Vec<_> = scenarios.iter().map(|scenario| scope.spawn(move || run(scenario))).collect();
        running.into_iter().for_each(|one| one.join().unwrap());
    });
}

#[test]
fn a_collector_process_that_dies_is_started_again_and_reads_on() {
    let desk = Desk { folder: tempfile::tempdir().unwrap() };
    fs::create_dir(desk.path("")).unwrap();
    let server = Server::start(desk.folder.path());
    server.state().instructions.config = Some(follow(&desk.path("app.log")));
    let agent = start(desk.folder.path(), &server);
    server.wait("the first look", |state| state.rows.points.iter().any(|point| point.name == "log.files"));
    desk.append("app.log", b"n=1 \nn=2 \n");
    wait("the first lines", || sum(&server, "test.lines") == 2);
    desk.append("app.log", b"n=3 \n");
    let collectors = agent.processes("collector-process");
    assert_eq!(collectors.len(), 1);
    signal(collectors[0], Signal::SIGKILL);
    agent.wait_for("AGENT-COLLECT-001", 1);
    wait("the last line", || sum(&server, "test.lines") == 3);
    server.wait_status("it reads again", |status| status.collectors.iter().any(|one| one.name == "logs"));
    assert_eq!(agent.end(), 0);
    assert_eq!(sum(&server, "test.sum"), 6_000_000_000);
}

/// Writes numbered lines (the value modulo 1000, so that no sum overflows) and rotates, by renaming and by copying in turn.
fn write(desk: &Desk, rotations: u64, ends: &AtomicBool, rotated: &AtomicU64) -> u64 {
    let filler = "x".repeat(400);
    let mut number = 0;
    while rotated.load(Ordering::Relaxed) < rotations || !ends.load(Ordering::Relaxed) {
        let lines: String = (1..=200).map(|n| format!("n={} {} {filler}\n", (number + n) % 1000, number + n)).collect();
        number += 200;
        // Half a line stays for the next write.
        let (first, second) = lines.as_bytes().split_at(lines.len() / 2 + 7);
        desk.append("app.log", first);
        thread::sleep(Duration::from_millis(5));
        desk.append("app.log", second);
        if rotated.load(Ordering::Relaxed) >= rotations {
            continue;
        }
        let round = rotated.fetch_add(1, Ordering::Relaxed) + 1;
        let older = desk.path(&format!("app.log.{round}"));
        if round.is_multiple_of(4) {
            fs::copy(desk.path("app.log"), older).unwrap();
            fs::write(desk.path("app.log"), "").unwrap();
        } else {
            fs::rename(desk.path("app.log"), older).unwrap();
        }
    }
    number
}

fn asked_for(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn rotated_and_killed_at_random_no_line_is_lost_and_none_counts_twice() {
    let (rotations, kills) = (asked_for("ARACHNE_ROTATIONS", 40), asked_for("ARACHNE_LOG_KILLS", 4));
    let seed = asked_for("ARACHNE_SEED", 1);
    eprintln!("{rotations} rotations, {kills} kills, ARACHNE_SEED={seed}");
    let mut random = Random::new(seed);
    let desk = Arc::new(Desk { folder: tempfile::tempdir().unwrap() });
    fs::create_dir(desk.path("")).unwrap();
    let server = Server::start(desk.folder.path());
    server.state().instructions.config = Some(follow(&desk.path("app.log*")));
    let mut agent = start(desk.folder.path(), &server);
    server.wait("the first look", |state| state.rows.points.iter().any(|point| point.name == "log.files"));
    let (ends, rotated) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writer = {
        let (desk, ends, rotated) = (Arc::clone(&desk), Arc::clone(&ends), Arc::clone(&rotated));
        thread::spawn(move || write(&desk, rotations, &ends, &rotated))
    };
    for kill in 0..kills {
        // So that kills hit readings, batches and their way to the disk.
        let before = sum(&server, "test.lines");
        if kill % 2 == 0 {
            wait("some lines", || sum(&server, "test.lines") > before);
        }
        thread::sleep(Duration::from_millis(random.below(1500) as u64));
        agent.kill();
        agent = start(desk.folder.path(), &server);
    }
    ends.store(true, Ordering::Relaxed);
    let written = i128::from(writer.join().unwrap());
    let mut last = (0, Instant::now());
    // However long it takes, as long as more come.
    while last.0 < written && last.1.elapsed() < PATIENCE {
        let now = sum(&server, "test.lines");
        last = if now > last.0 { (now, Instant::now()) } else { last };
        thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(agent.end(), 0);
    let behind = |name| sum(&server, name);
    eprintln!("read {} of {written}, cut {}, behind {}", last.0, behind("log.lines.cut"), behind("log.behind"));
    assert_eq!(sum(&server, "test.lines"), written);
    assert_eq!(sum(&server, "test.sum"), (1..=written).map(|n| n % 1000).sum::<i128>() * 1_000_000_000);
    let all = rotated.load(Ordering::Relaxed);
    eprintln!("{written} lines through {all} rotations and {kills} kills: none lost, none twice");
}
