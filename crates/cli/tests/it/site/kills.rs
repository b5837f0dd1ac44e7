//! Agent and server killed at random, as `kill -9` and power cuts do: what anybody saw stays, and nothing comes twice.
//!
//! `ARACHNE_KILLS=500` for so many rounds, `ARACHNE_SEED=n` for those of another seed.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::Duration;

use arachne_testkit::random::Random;
use nix::sys::signal::Signal;

use super::process::{Process, is_alive, signal, wait, wait_or};
use super::{Host, Seen, Site, asked_for, hosts, now, pause, spooled, web};

/// Who is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Agent,
    Capture,
    Server,
    Both,
}

const VICTIMS: [Victim; 4] = [Victim::Server, Victim::Agent, Victim::Both, Victim::Capture];

/// Paths of exchanges in the spool of an agent.
fn spooled_paths(folder: &Path) -> HashSet<String> {
    spooled(folder).into_iter().flat_map(|rows| rows.exchanges).filter_map(|row| row.path).collect()
}

fn paths(rows: &[Seen]) -> HashSet<String> {
    rows.iter().map(|row| row.path.clone()).filter(|path| !path.is_empty()).collect()
}

/// Everything in one place for a round.
struct Rounds<'a> {
    site: Site<'a>,
    words: Vec<String>,
    agent: Option<Process>,
    random: Random,
}

impl Rounds<'_> {
    /// One round; gives what must be there for ever.
    fn round(&mut self, round: u64) -> HashSet<String> {
        let begin = now();
        let victim = VICTIMS[usize::try_from(round).unwrap() % VICTIMS.len()];
        pause(&mut self.random, 400);
        let mut kept = self.site.seen(begin).map(|rows| paths(&rows)).expect("the server is there");
        match victim {
            Victim::Server => kept.extend(self.server_away(round, false)),
            Victim::Both => kept.extend(self.server_away(round, true)),
            Victim::Agent => self.kill_agent(),
            Victim::Capture => self.kill_capture(),
        }
        pause(&mut self.random, 200);
        if self.site.server.is_none() {
            self.site.start_server();
        }
        if self.agent.is_none() {
            self.agent = Some(self.site.start_agent("web-1", Host::Far, &self.words));
        }
        let mark = format!("/mark/{round}");
        web::visit(std::slice::from_ref(&mark));
        kept.insert(mark);
        wait_or(&format!("what was there before {victim:?} was killed in round {round}"), || {
            let there = paths(&self.site.seen(begin).unwrap_or_default());
            let missing: Vec<_> = kept.difference(&there).take(5).collect();
            if missing.is_empty() { Ok(()) } else { Err(format!("missing {missing:?}")) }
        });
        kept
    }

    /// What is asked while the server is away is in the spool, whoever is killed then.
    fn server_away(&mut self, round: u64, agent_too: bool) -> Vec<String> {
        self.site.kill_server();
        let paths: Vec<_> = (0..5).map(|n| format!("/kept/{round}/{n}")).collect();
        paths.iter().for_each(|path| web::visit(std::slice::from_ref(path)));
        if agent_too {
            let folder = self.site.path("web-1");
            wait("the exchanges in the spool", || {
                let there = spooled_paths(&folder);
                paths.iter().all(|path| there.contains(path))
            });
            self.kill_agent();
        }
        paths
    }

    fn kill_agent(&mut self) {
        let agent = self.agent.take().expect("it runs");
        let captures = agent.children();
        drop(agent);
        wait("the end of its capture process", || captures.iter().all(|id| !is_alive(*id)));
    }

    fn kill_capture(&mut self) {
        let agent = self.agent.as_ref().expect("it runs");
        let times = agent.said().matches("AGENT-CAPTURE-001").count();
        agent.children().into_iter().for_each(|id| signal(id, Signal::SIGKILL));
        agent.wait_for("AGENT-CAPTURE-001", times + 1);
    }
}

#[test]
fn killed_at_random_nothing_that_was_seen_is_lost_and_nothing_comes_twice() {
    let (rounds, seed) = (asked_for("ARACHNE_KILLS", 4), asked_for("ARACHNE_SEED", 1));
    eprintln!("{rounds} rounds, ARACHNE_SEED={seed}");
    hosts(move |far| {
        let site = Site::new(far);
        web::serve(&site, "hello");
        let words = site.register("web-1");
        let agent = Some(site.start_agent("web-1", Host::Far, &words));
        let mut all = Rounds { site, words, agent, random: Random::new(seed) };
        let visitors = web::Visitors::come("visit", 1, Duration::from_millis(20));
        let mut kept = HashSet::new();
        (0..rounds).for_each(|round| kept.extend(all.round(round)));
        let visits = visitors.leave();
        assert_eq!(all.agent.take().map(Process::end), Some(Some(0)));
        let rows = all.site.seen(0).expect("the server is there");
        let there = paths(&rows);
        assert!(kept.is_subset(&there), "lost: {:?}", kept.difference(&there).take(5).collect::<Vec<_>>());
        let mut times: BTreeMap<&str, u64> = BTreeMap::new();
        rows.iter().filter(|row| !row.path.is_empty()).for_each(|row| *times.entry(&row.path).or_default() += 1);
        times.retain(|_, times| *times > 1);
        assert!(times.is_empty(), "twice: {times:?}");
        eprintln!("{rounds} rounds: {} exchanges kept of {visits} visits, none lost, none twice", there.len());
    });
}
