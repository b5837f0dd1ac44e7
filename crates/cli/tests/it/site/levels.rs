//! Spikes of load, and that everything is afterwards as it was before (R1).
//!
//! `ARACHNE_SPIKES=10` for so many spikes in a row.

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

/// Ten times as many visitors for a while, after some; gives the number of visits.
fn spike(round: u64) -> u64 {
    let before = web::Visitors::come(&format!("calm/{round}"), 1, Duration::from_millis(10));
    std::thread::sleep(Duration::from_millis(300));
    let spike = web::Visitors::come(&format!("spike/{round}"), 10, Duration::from_millis(1));
    std::thread::sleep(Duration::from_millis(1000));
    spike.leave() + before.leave()
}

#[test]
fn after_spikes_everything_is_as_before() {
    let spikes = asked_for("ARACHNE_SPIKES", 1);
    hosts(move |far| {
        let site = Site::new(far);
        web::serve(&site, &*Box::leak("knit one, purl one. ".repeat(200).into_boxed_str()));
        let agent = site.start_agent("web-1", Host::Far, &site.register("web-1"));
        // So little CPU that something gives way even on a fast machine.
        let config = json!({"interfaces": ["far"], "filter": "net 10.9.0.0/24", "limits": {"cpu_percent": 5}});
        site.ask("PUT", "/api/v1/agents/web-1/config", &config.to_string()).expect("it is sound");
        site.wait_agent("web-1", "the configuration", |agent| agent["status"]["config"]["applied"] == 2);
        let begin = now();
        let mut visits = spike(0);
        let before = levels(&site, &agent);
        for round in 1..=spikes {
            visits += spike(round);
            wait_or(&format!("the levels before spike {round}"), || {
                // Memory is given back by who works, a little.
                web::visit(&[format!("/after/{round}")]);
                visits += 1;
                let after = levels(&site, &agent);
                eprintln!("spike {round}: {visits} visits so far, {after:?}");
                if after.are_back(&before) { Ok(()) } else { Err(format!("{before:?} {after:?}")) }
            });
        }
        let how = site.wait_agent("web-1", "at rest", is_at_rest);
        let stored = site.count(begin).expect("the server answers");
        let found = &how["status"]["stages"]["exchanges"]["output"];
        assert_eq!(found, stored, "what the agent found is what the server has: {how}");
        assert!(stored <= visits && stored > 0, "{stored} of {visits}");
        eprintln!("{spikes} spikes: {stored} of {visits} exchanges; gave way: {}", how["status"]["gave_way"]);
        assert_eq!(agent.end(), Some(0));
    });
}
