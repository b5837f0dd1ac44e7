//! Clocks that are set while everything runs (R8): of the server, and of the agent. Needs faketime (Debian package faketime);
//! says so where it skips.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::delivery::is_delivered;
use super::process::wait_or;
use super::{Host, SERVER, Site, hosts, web};
use crate::support::arachne;

/// What clocks are set to, and how far that is from the true time.
const JUMPS: [(&str, i64); 6] =
    [("+0", 0), ("+3600", HOUR), ("-3600", -HOUR), ("+10y", 10 * YEAR), ("-10y", -10 * YEAR), ("+0", 0)];
const HOUR: i64 = 3600;
const YEAR: i64 = 365 * 24 * HOUR;
/// How far off a measured offset may be: a busy machine, and what a year is.
const NEAR: i64 = 30;

/// A clock that can be set: the environment of whoever goes by it.
struct Clock {
    file: PathBuf,
    library: String,
}

impl Clock {
    /// `None` with a message where there is none.
    fn new(file: PathBuf) -> Option<Self> {
        let asked = Command::new("faketime").args(["-f", "+0", "printenv", "LD_PRELOAD"]).output();
        let Some(asked) = asked.ok().filter(|output| output.status.success()) else {
            eprintln!("skipped: faketime is not installed (Debian package faketime)");
            return None;
        };
        let library = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
        let clock = Self { file, library };
        clock.set("+0");
        Some(clock)
    }

    fn set(&self, to: &str) {
        let new = self.file.with_extension("new");
        fs::write(&new, to).unwrap();
        fs::rename(new, &self.file).unwrap();
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("LD_PRELOAD", self.library.clone()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            // What counts time that passes is not what somebody sets.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }
}

/// Processor time of a process so far.
fn used(id: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let words: Vec<u64> =
        stat.rsplit(") ").next().unwrap_or_default().split(' ').map(|w| w.parse().unwrap_or(0)).collect();
    // In hundredths of a second, of the process itself.
    Duration::from_millis(10 * (words[11] + words[12]))
}

/// Nobody spins: what a process uses in some seconds is a share of them.
fn assert_calm(id: u32, jump: &str) {
    let (begun, before) = (Instant::now(), used(id));
    std::thread::sleep(Duration::from_secs(2));
    let (took, used) = (begun.elapsed(), used(id).saturating_sub(before));
    assert!(used * 2 < took, "{jump}: {used:?} of {took:?}");
}

/// Visits after each jump of a clock; all of them are there, at the time at which they were.
fn visits_after_jumps(site: &Site<'_>, clock: &Clock, id: u32, check: impl Fn(&str, i64)) {
    let mut paths = Vec::new();
    for (jump, seconds) in JUMPS {
        clock.set(jump);
        for _ in 0..5 {
            paths.push(format!("/after/{}", paths.len()));
        }
        web::visit(&paths[paths.len() - 5..]);
        site.wait_for_each_once(&paths);
        check(jump, seconds);
        assert_calm(id, jump);
    }
    let question = "/api/v1/export/exchanges.ndjson?twins=true&from=0&columns=start,end";
    let rows = site.ask("GET", question, "").expect("it answers");
    let rows: Vec<serde_json::Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), paths.len());
    let year = super::now() / (YEAR * 1_000_000_000) + 1970;
    for row in &rows {
        let at = row["start"].as_str().unwrap_or_default();
        let of: i64 = at.get(..4).and_then(|year| year.parse().ok()).unwrap_or_default();
        assert!((of - year).abs() <= 1, "captured now, whatever other clocks say: {row}");
        assert!(row["end"].as_str().is_some_and(|end| end >= at), "a duration is not negative: {row}");
    }
}

#[test]
fn a_server_whose_clock_jumps_takes_and_keeps_everything() {
    hosts(|far| {
        let text = format!("server:\n  listen: {SERVER}\n  auth: required\nstorage:\n  path: data\n  retention: 30d\n");
        let mut site = Site::with_config(far, &text);
        let Some(clock) = Clock::new(site.path("clock")) else { return };
        site.kill_server();
        site.start_server_in(&clock.environment());
        web::serve(&site, "hello");
        let agent = site.start_agent("web-1", Host::Far, &site.register("web-1"));
        let id = site.server.as_ref().expect("it runs").id();
        visits_after_jumps(&site, &clock, id, |jump, seconds| {
            site.wait_agent("web-1", jump, |agent| {
                let offset = agent["status"]["clock_offset_ns"].as_i64().map(|offset| offset / 1_000_000_000);
                offset.is_some_and(|offset| (offset - seconds).abs() <= NEAR + seconds.abs() / 100)
            });
        });
        assert_eq!(agent.end(), Some(0));
    });
}

#[test]
fn an_agent_whose_clock_jumps_delivers_everything() {
    hosts(|far| {
        let site = Site::new(far);
        let Some(clock) = Clock::new(site.path("clock")) else { return };
        web::serve(&site, "hello");
        let mut program = arachne();
        program.envs(clock.environment());
        let agent = site.launch(program, "web-1", Host::Far, &site.register("web-1"), "net 10.9.0.0/24");
        visits_after_jumps(&site, &clock, agent.id(), |_, _| {});
        wait_or("at rest", || match site.agent("web-1") {
            Some(agent) if is_delivered(&agent) => Ok(()),
            other => Err(format!("{other:?}")),
        });
        assert_eq!(agent.end(), Some(0));
    });
}
