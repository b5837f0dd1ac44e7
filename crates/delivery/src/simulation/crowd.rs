//! A thousand agents and a server that is away for a while: they come back spread out, not all at once.
//!
//! Each agent has the real [`Outbox`], tells its status every two seconds as the real one does, and keeps one connection.

use std::collections::BTreeMap;
use std::time::Duration;

use super::world::SECOND;
use crate::outbox::{Answer, LaneView, Next, Outbox};
use crate::proto::Lane;
use crate::random::Random;

const AGENTS: usize = 1000;
/// How long a client waits for a connection, and for an answer on one that went silent.
const CONNECT: u64 = 5 * SECOND;
const SILENCE: u64 = 8 * SECOND;

/// How a server is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Away {
    /// Connections are refused, those that were there are reset.
    Refuses,
    /// Nothing comes back.
    Swallows,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// There is one more batch.
    Batch,
    Poll,
    /// The status, every two seconds while the one before is answered.
    Tell,
    Answered(bool),
}

#[derive(Debug)]
struct One {
    outbox: Outbox,
    batches: u64,
    connected: bool,
}

struct Crowd {
    now: u64,
    random: Random,
    agents: Vec<One>,
    events: BTreeMap<(u64, u64), (usize, Event)>,
    number: u64,
    away: Option<Away>,
    /// Connections that were tried, by second.
    tried: BTreeMap<u64, u64>,
}

impl Crowd {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let one = |_| One { outbox: Outbox::new(random.number()), batches: 0, connected: false };
        let agents = (0..AGENTS).map(one).collect();
        let (events, tried) = (BTreeMap::new(), BTreeMap::new());
        let mut crowd = Self { now: 0, random, agents, events, number: 0, away: None, tried };
        for agent in 0..AGENTS {
            for event in [Event::Batch, Event::Tell] {
                let wait = crowd.random.below(2 * SECOND);
                crowd.after(wait, agent, event);
            }
        }
        crowd
    }

    fn after(&mut self, wait: u64, agent: usize, event: Event) {
        self.number += 1;
        self.events.insert((self.now + wait, self.number), (agent, event));
    }

    fn run(&mut self, seconds: u64) {
        let until = self.now + seconds * SECOND;
        while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= until) {
            let ((at, _), (agent, event)) = entry.remove_entry();
            self.now = at;
            match event {
                Event::Batch => {
                    self.agents[agent].batches += 1;
                    self.after(SECOND, agent, Event::Batch);
                }
                Event::Poll => {}
                Event::Tell => {
                    let (_, took) = self.ask(agent);
                    self.after(took.max(2 * SECOND), agent, Event::Tell);
                }
                Event::Answered(taken) => self.answered(agent, taken),
            }
            self.poll(agent);
        }
        self.now = until;
    }

    /// Whether a request is answered, and when that is known.
    fn ask(&mut self, agent: usize) -> (bool, u64) {
        let fast = SECOND / 50 + self.random.below(SECOND / 25);
        let one = &mut self.agents[agent];
        if !one.connected {
            *self.tried.entry(self.now / SECOND).or_default() += 1;
        }
        let silent = if one.connected { SILENCE } else { CONNECT };
        one.connected = self.away.is_none();
        match self.away {
            None => (true, fast),
            Some(Away::Refuses) => (false, SECOND / 1000),
            Some(Away::Swallows) => (false, silent),
        }
    }

    fn poll(&mut self, agent: usize) {
        let one = &mut self.agents[agent];
        let live = LaneView { batches: one.batches, front_bytes: 10_000, front_age: Duration::ZERO };
        match one.outbox.next(self.now, &[live, LaneView::default()]) {
            Next::Send(_) => {
                let (taken, took) = self.ask(agent);
                self.after(took, agent, Event::Answered(taken));
            }
            Next::Wait(Some(at)) => self.after(at - self.now, agent, Event::Poll),
            Next::Wait(None) => {}
        }
    }

    fn answered(&mut self, agent: usize, taken: bool) {
        let one = &mut self.agents[agent];
        let answer = match taken {
            true => Answer::Taken { seen_before: false },
            false => Answer::Failed { why: "away".to_owned() },
        };
        one.outbox.answered(self.now, Lane::Live, answer);
        one.batches -= u64::from(taken);
    }

    /// The server goes, for a while.
    fn is_away(&mut self, how: Away, seconds: u64) {
        self.away = Some(how);
        if how == Away::Refuses {
            self.agents.iter_mut().for_each(|one| one.connected = false);
        }
        self.run(seconds);
        self.away = None;
    }

    /// Connections tried in a second between two, on average and at most.
    fn rates(&self, from: u64, to: u64) -> (u64, u64) {
        let counts = self.tried.range(from..to).map(|(_, count)| *count);
        (counts.clone().sum::<u64>() / (to - from), counts.max().unwrap_or(0))
    }
}

/// Rates while a server is away for long, which is what it can expect; at most five times of it when it is back.
#[test]
fn a_thousand_agents_come_back_without_a_storm() {
    for how in [Away::Refuses, Away::Swallows] {
        let mut crowd = Crowd::new(1);
        crowd.run(60);
        crowd.is_away(how, 600);
        let (baseline, _) = crowd.rates(360, 660);
        crowd.run(60);
        for seconds in [1, 10, 60, 600] {
            let begun = crowd.now / SECOND;
            crowd.is_away(how, seconds);
            let back = crowd.now / SECOND;
            crowd.run(30);
            let (_, first) = crowd.rates(begun, back);
            let (_, most) = crowd.rates(back, back + 30);
            let connected = crowd.agents.iter().filter(|one| one.connected).count();
            eprintln!(
                "{how:?} {seconds} s: {baseline}/s on average while away, {first}/s at first, {most}/s when back"
            );
            assert_eq!(connected, AGENTS, "all are back within 30 s: {how:?} {seconds}");
            assert!(most <= 5 * baseline && first <= 5 * baseline, "{how:?} {seconds}: {first} {most}, {baseline}");
            crowd.run(120);
            let waiting = crowd.agents.iter().map(|one| one.batches).max().unwrap_or(0);
            assert!(waiting <= 2, "what waited is made up for: {waiting}");
        }
    }
}
