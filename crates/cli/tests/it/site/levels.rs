//! Spikes of twice, five and ten times the load, and that everything is afterwards as it was before (R1).
//!
//! `ARACHNE_SPIKES=10` for so many rounds of the three in a row.

use std::time::Duration;

use serde_json::{Value, json};

use super::delivery::{is_balanced, is_delivered};
use super::process::{Process, is_alive, wait_or};
use super::{Host, Site, asked_for, hosts, now, web};

/// What must not grow.
#[derive(Clone, Debug, Default)]
struct Levels {
    /// Resident bytes of the agent's processes.
    memory: u64,
    files: u64,
    threads: u64,
}

impl Levels {
    /// Whether they are those of `before`, but for a twentieth, and a tenth of memory.
    const fn are_back(&self, before: &Self) -> bool {
        self.memory * 10 <= before.memory * 11
            && self.files * 20 <= before.files * 21
            && self.threads * 20 <= before.threads * 21
    }
}

/// Whether nothing gives way, nothing waits and every count balances.
fn is_calm(agent: &Value) -> bool {
    let open = |stage: &str| agent["status"]["stages"][stage]["in_flight"].as_u64() != Some(0);
    is_delivered(agent)
        && is_balanced(agent)
        && agent["status"]["pressure"] == "none"
        && !open("exchanges")
        && !open("records")
        && agent["status"]["stages"]["spool"]["output"] == agent["delivered"]["rows"]
}

/// Whether connections are forgotten too, which takes some seconds behind their end.
fn is_at_rest(agent: &Value) -> bool {
    is_calm(agent) && agent["status"]["stages"]["sessions"]["in_flight"] == 0
}

fn levels(site: &Site<'_>, agent: &Process) -> Levels {
    let how = site.wait_agent("web-1", "calm", is_calm);
    let status = &how["status"];
    let sum = |list: &Value, key: &str| list.as_array().into_iter().flatten().filter_map(|one| one[key].as_u64()).sum();
    let processes: Vec<u32> = agent.children().into_iter().chain([agent.id()]).filter(|id| is_alive(*id)).collect();
    assert_eq!(processes.len(), 3);
    let entries = |folder: &str| {
        processes.iter().filter_map(|id| std::fs::read_dir(format!("/proc/{id}/{folder}")).ok()).flatten().count()
            as u64
    };
    Levels { memory: sum(&status["processes"], "memory"), files: entries("fd"), threads: entries("task") }
}

/// How many times the load a spike is, in each round.
const TIMES: [u64; 3] = [2, 5, 10];
/// How long a spike is, and between two visits of a visitor.
const SPIKE: Duration = Duration::from_millis(1000);
const PAUSE: Duration = Duration::from_millis(10);

/// So many times as many visitors for a while, with the usual one before, meanwhile and behind; gives the number of visits.
fn spike(name: &str, times: u64, pause: Duration) -> u64 {
    let usual = web::Visitors::come(&format!("usual/{name}"), 1, PAUSE);
    std::thread::sleep(SPIKE / 3);
    let more = web::Visitors::come(&format!("spike/{name}"), times - 1, pause);
    std::thread::sleep(SPIKE);
    let visits = more.leave();
    std::thread::sleep(SPIKE / 3);
    visits + usual.leave()
}

/// What all that `levels` grew by from the first to the last is, in percent of the middle one: by the median of the slopes between any
/// two (Theil and Sen), which a few that are out of line do not move.
#[expect(clippy::cast_precision_loss, reason = "a share needs few digits")]
fn trend_percent(levels: &[u64]) -> f64 {
    let median = |mut numbers: Vec<f64>| {
        numbers.sort_by(f64::total_cmp);
        numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
    };
    let levels: Vec<f64> = levels.iter().map(|level| *level as f64).collect();
    let slope = |from: usize, to: usize| (levels[to] - levels[from]) / (to - from) as f64;
    let slopes = (0..levels.len()).flat_map(|to| (0..to).map(move |from| (from, to)));
    let slope = median(slopes.map(|(from, to)| slope(from, to)).collect());
    slope * levels.len().saturating_sub(1) as f64 * 100.0 / median(levels.clone()).max(1.0)
}

/// Waits until the levels are those of `before`; gives what they are then, and the visits that it took.
fn wait_for_levels(site: &Site<'_>, agent: &Process, before: &Levels, name: &str) -> (Levels, u64) {
    let (mut last, mut visits) = (Levels::default(), 0);
    wait_or(&format!("the levels before spike {name}"), || {
        // Memory is given back by who works, a little.
        web::visit(&[format!("/after/{name}")]);
        visits += 1;
        last = levels(site, agent);
        if last.are_back(before) { Ok(()) } else { Err(format!("{before:?} {last:?}")) }
    });
    (last, visits)
}

/// Packets that the agent did not look at for want of room, and says so: each visit that it has not seen took several.
fn packets_dropped(agent: &Value) -> u64 {
    let dropped = |(stage, reason): (&str, &str)| agent["status"]["stages"][stage]["dropped"][reason].as_u64();
    let reasons = [("kernel", "ring_full"), ("segments", "new_flow"), ("segments", "memcap")];
    reasons.into_iter().filter_map(dropped).sum()
}

#[test]
fn after_spikes_everything_is_as_before() {
    let rounds = asked_for("ARACHNE_SPIKES", 1);
    hosts(move |far| {
        let site = Site::new(far);
        web::serve(&site, &*Box::leak("knit one, purl one. ".repeat(200).into_boxed_str()));
        let agent = site.start_agent("web-1", Host::Far, &site.register("web-1"));
        let begin = now();
        let mut visits: u64 = TIMES.iter().map(|times| spike(&format!("first/{times}"), *times, PAUSE)).sum();
        let before = levels(&site, &agent);
        let mut all = vec![before.clone()];
        for round in 1..=rounds {
            for times in TIMES {
                let name = format!("{round}/{times}");
                visits += spike(&name, times, PAUSE);
                let (after, more) = wait_for_levels(&site, &agent, &before, &name);
                visits += more;
                eprintln!("round {round}, {times} times: {visits} visits so far, {after:?}");
                all.push(after);
            }
        }
        for (what, level) in [
            ("memory", (|one| one.memory) as fn(&Levels) -> u64),
            ("files", |one| one.files),
            ("threads", |one| one.threads),
        ] {
            let trend = trend_percent(&all.iter().map(level).collect::<Vec<_>>());
            eprintln!("{what}: trend {trend:.1} % over {} spikes", all.len() - 1);
            // A few levels have no trend.
            assert!(rounds == 1 || trend <= 5.0, "{what} grows: {all:?}");
        }
        let how = site.wait_agent("web-1", "at rest", is_at_rest);
        let (stored, dropped) = (site.count(begin).expect("the server answers"), packets_dropped(&how));
        assert_eq!(
            how["status"]["stages"]["exchanges"]["output"], stored,
            "what the agent found is what the server has: {how}"
        );
        eprintln!(
            "{rounds} rounds: {stored} of {visits} visits, {dropped} packets dropped; gave way: {}",
            how["status"]["gave_way"]
        );
        assert!(
            stored <= visits && visits - stored <= dropped,
            "{stored} of {visits}, {dropped} packets dropped: {how}"
        );
        assert_eq!(agent.end(), Some(0));
    });
}

#[test]
fn an_agent_that_has_to_give_way_is_as_before_when_its_load_is() {
    hosts(|far| {
        let site = Site::new(far);
        web::serve(&site, &*Box::leak("knit one, purl one. ".repeat(200).into_boxed_str()));
        let agent = site.start_agent("web-1", Host::Far, &site.register("web-1"));
        // So little CPU that something gives way even on a fast machine.
        let config = json!({"interfaces": ["far"], "filter": "net 10.9.0.0/24", "limits": {"cpu_percent": 5}});
        site.ask("PUT", "/api/v1/agents/web-1/config", &config.to_string()).expect("it is sound");
        site.wait_agent("web-1", "the configuration", |agent| agent["status"]["config"]["applied"] == 2);
        let begin = now();
        let mut visits = spike("first", 10, Duration::from_millis(1));
        let before = levels(&site, &agent);
        visits += spike("second", 10, Duration::from_millis(1));
        visits += wait_for_levels(&site, &agent, &before, "second").1;
        let how = site.wait_agent("web-1", "at rest", is_at_rest);
        let (stored, dropped) = (site.count(begin).expect("the server answers"), packets_dropped(&how));
        assert_eq!(
            how["status"]["stages"]["exchanges"]["output"], stored,
            "what the agent found is what the server has: {how}"
        );
        assert!(how["status"]["gave_way"]["body_bytes"].as_u64() > Some(0), "{how}");
        eprintln!("{stored} of {visits} visits, {dropped} packets dropped; gave way: {}", how["status"]["gave_way"]);
        assert!(
            stored <= visits && visits - stored <= dropped,
            "{stored} of {visits}, {dropped} packets dropped: {how}"
        );
        assert_eq!(agent.end(), Some(0));
    });
}

#[test]
fn a_trend_is_told_from_what_comes_and_goes() {
    let steady = [100, 104, 99, 101, 130, 98, 102, 100, 97, 103];
    assert!(trend_percent(&steady).abs() < 5.0, "{}", trend_percent(&steady));
    let leaks: Vec<u64> = steady.iter().zip(0..).map(|(level, round)| level + 2 * round).collect();
    assert!(trend_percent(&leaks) > 10.0, "{}", trend_percent(&leaks));
    assert!(trend_percent(&[7]) == 0.0 && trend_percent(&[]) == 0.0);
}
