//! The world: what happens, and when.

use std::collections::{BTreeMap, BTreeSet};

use super::server::{Server, Token, tables};
use crate::codec::{Head, Packer};
use crate::courier::{Courier, Now, Task};
use crate::outbox::{Answer, Outbox};
use crate::random::Random;
use crate::spool::broken::{Broken, Fail};
use crate::spool::{Class, Counts, NewBatch, Spool, SpoolSettings};

pub(super) const SECOND: u64 = 1_000_000_000;
const MILLISECOND: u64 = SECOND / 1000;
const TIMEOUT: u64 = 15 * SECOND;

/// What may happen, in percent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plan {
    /// A request is lost, or its answer; comes twice; takes seconds.
    pub lost: u64,
    pub twice: u64,
    pub slow: u64,
    /// A request is answered with something else.
    pub odd: u64,
    /// In a second: the agent dies, the server dies, the network is cut one way, a clock jumps, the disk fills or fails.
    pub agent_dies: u64,
    pub server_dies: u64,
    pub cut: u64,
    pub jump: u64,
    /// Nanoseconds that the clock goes back in each second, for ever.
    pub back: i64,
    pub full: u64,
    pub disk_fails: u64,
    /// Whether the spool is so small that it drops.
    pub small: bool,
    /// The spool's cap where it is not small; 0 is plenty.
    pub cap_bytes: u64,
}

impl Plan {
    pub fn none() -> Self {
        Self::default()
    }

    pub fn worst() -> Self {
        Self {
            lost: 20,
            twice: 20,
            slow: 20,
            odd: 10,
            agent_dies: 3,
            server_dies: 3,
            cut: 3,
            jump: 2,
            back: 0,
            full: 3,
            disk_fails: 5,
            small: true,
            cap_bytes: 0,
        }
    }

    pub fn any(random: &mut Random) -> Self {
        let mut some = |most: u64| if random.percent(50) { random.below(most + 1) } else { 0 };
        let Self { lost, twice, slow, odd, agent_dies, server_dies, cut, jump, full, disk_fails, .. } = Self::worst();
        Self {
            lost: some(lost),
            twice: some(twice),
            slow: some(slow),
            odd: some(odd),
            agent_dies: some(agent_dies),
            server_dies: some(server_dies),
            cut: some(cut),
            jump: some(jump),
            back: 0,
            full: some(full),
            disk_fails: some(disk_fails),
            small: some(1) == 1,
            cap_bytes: 0,
        }
    }
}

#[derive(Debug)]
enum Event {
    Produce,
    Sync,
    /// Whatever the plan may bring in a second.
    Fate,
    Poll,
    Request(Vec<u8>, u64),
    /// The server has written what it took.
    Done(Vec<u8>, u64),
    Answer(Head, Answer, u64),
    Start,
    ServerStart,
    Mended,
    Room,
}

#[derive(Debug, Default)]
pub(super) struct Network {
    pub lost: u64,
    to_server_cut: bool,
    to_agent_cut: bool,
}

#[derive(Debug)]
pub(super) struct World {
    pub now: u64,
    random: Random,
    plan: Plan,
    events: BTreeMap<(u64, u64), Event>,
    event: u64,
    clock_off: i64,
    folder: Broken,
    /// The agent while it lives, and how often it was started: answers reach only who asked.
    agent: Option<Courier>,
    life: u64,
    pub crashes: u64,
    /// Times that something happened.
    pub turns: u64,
    packer: Packer,
    number: u32,
    /// Batches that were appended and are not promised yet.
    fresh: BTreeSet<u32>,
    promised: BTreeMap<u32, Class>,
    pub server: Server,
    server_life: u64,
    pub network: Network,
}

impl World {
    pub fn new(random: Random, plan: Plan) -> Self {
        let mut world = Self {
            now: 0,
            random,
            plan,
            events: BTreeMap::new(),
            event: 0,
            clock_off: 1_800_000_000_000_000_000,
            folder: Broken::default(),
            agent: None,
            life: 0,
            crashes: 0,
            turns: 0,
            packer: Packer::new().expect("there is memory"),
            number: 0,
            fresh: BTreeSet::new(),
            promised: BTreeMap::new(),
            server: Server { up: true, watch_live_from: i64::MAX, ..Server::default() },
            server_life: 0,
            network: Network::default(),
        };
        for event in [Event::Start, Event::Produce, Event::Sync, Event::Fate] {
            world.after(0, event);
        }
        world
    }

    pub fn wall(&self) -> i64 {
        self.clock_off.saturating_add(i64::try_from(self.now).expect("days are few"))
    }

    fn clocks(&self) -> Now {
        Now { monotonic: self.now, wall: self.wall() }
    }

    fn after(&mut self, wait: u64, event: Event) {
        self.event += 1;
        self.events.insert((self.now + wait, self.event), event);
    }

    /// Until an instant.
    pub fn run(&mut self, until: u64) {
        while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= until) {
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            self.happens(event);
            self.balanced();
        }
        self.now = until;
    }

    fn happens(&mut self, event: Event) {
        self.turns += 1;
        match event {
            Event::Produce => self.produce(),
            Event::Sync => self.sync(),
            Event::Fate => self.fate(),
            Event::Poll => {}
            Event::Request(bytes, life) => self.request(bytes, life),
            Event::Done(bytes, life) => self.done(&bytes, life),
            Event::Answer(head, answer, life) => self.answer(&head, answer, life),
            Event::Start => self.start(),
            Event::ServerStart => self.server.up = true,
            Event::Mended => self.network = Network { lost: self.network.lost, ..Network::default() },
            Event::Room => self.folder.set_room(None),
        }
        self.poll();
    }

    fn produce(&mut self) {
        self.after(SECOND, Event::Produce);
        let now = self.clocks();
        let Some(agent) = &mut self.agent else { return };
        for _ in 0..=self.random.below(if self.plan.small { 4 } else { 1 }) {
            self.number += 1;
            let class = Class::ALL[self.number as usize % 3];
            let mut counts = Counts::default();
            counts.0[class as usize] = 1;
            let mut payload = self.packer.pack(tables(self.number)).expect("it is small");
            if self.plan.small {
                // A frame that is skipped, so that batches have some length.
                payload.extend([0x50, 0x2a, 0x4d, 0x18, 0xe8, 3, 0, 0]);
                payload.resize(payload.len() + 1000, 0);
            }
            if agent.put(now, NewBatch { class, counts, closed: now.wall, payload }).is_some() {
                self.fresh.insert(self.number);
            }
        }
    }

    fn sync(&mut self) {
        self.after(if self.plan.lost == 0 { SECOND } else { 200 * MILLISECOND }, Event::Sync);
        let Some(agent) = &mut self.agent else { return };
        if agent.spool.sync().is_ok() {
            let promised = std::mem::take(&mut self.fresh);
            self.promised.extend(promised.into_iter().map(|n| (n, Class::ALL[n as usize % 3])));
        }
        if self.random.percent(5) {
            let _ = agent.spool.keep_cursor();
        }
    }

    /// Sends whatever is to be sent.
    fn poll(&mut self) {
        let now = self.clocks();
        while let Some(agent) = &mut self.agent {
            match agent.next(now) {
                Ok(Task::Send(parcel)) => self.send(parcel.head, parcel.bytes),
                Ok(Task::Wait(Some(at))) => return self.after(at - self.now, Event::Poll),
                Ok(Task::Wait(None)) => return,
                Err(_) => return self.after(SECOND, Event::Poll),
            }
        }
    }

    fn delay(&mut self) -> u64 {
        let most = if self.random.percent(self.plan.slow) { 20 * SECOND } else { 40 * MILLISECOND };
        self.random.below(most)
    }

    fn send(&mut self, head: Head, bytes: Vec<u8>) {
        let timeout = Answer::Failed { why: "no answer in time".to_owned() };
        self.after(TIMEOUT, Event::Answer(head, timeout, self.life));
        for _ in 0..=u64::from(self.random.percent(self.plan.twice)) {
            if self.network.to_server_cut || self.random.percent(self.plan.lost) {
                self.network.lost += 1;
            } else {
                let delay = self.delay();
                self.after(delay, Event::Request(bytes.clone(), self.life));
            }
        }
    }

    fn request(&mut self, bytes: Vec<u8>, life: u64) {
        if !self.server.up {
            return;
        }
        if self.random.percent(self.plan.odd) {
            let head = {
                let batch = crate::codec::unpack(&bytes).expect("agents send what can be read");
                Head { epoch: batch.epoch, lane: batch.lane(), sequence: batch.sequence, closed: batch.closed }
            };
            let why = "the test wants it".to_owned();
            let answer = match self.random.below(3) {
                0 => Answer::Later { after: Some(std::time::Duration::from_secs(3)), why },
                1 => Answer::Full { why },
                _ => Answer::Failed { why },
            };
            return self.reply(head, answer, life);
        }
        // Which life of the server has it in memory goes with it.
        let writes = 20 * MILLISECOND + self.random.below(20 * MILLISECOND);
        let server_life = self.server_life << 32 | life;
        self.after(writes, Event::Done(bytes, server_life));
    }

    fn done(&mut self, bytes: &[u8], lives: u64) {
        if lives >> 32 != self.server_life || !self.server.up {
            return;
        }
        let (head, answer) = self.server.take(self.wall(), bytes);
        self.reply(head, answer, lives & 0xffff_ffff);
    }

    fn reply(&mut self, head: Head, answer: Answer, life: u64) {
        for _ in 0..=u64::from(self.random.percent(self.plan.twice)) {
            if self.network.to_agent_cut || self.random.percent(self.plan.lost) {
                self.network.lost += 1;
            } else {
                let delay = self.delay();
                self.after(delay, Event::Answer(head, answer.clone(), life));
            }
        }
    }

    fn answer(&mut self, head: &Head, answer: Answer, life: u64) {
        let now = self.clocks();
        let Some(agent) = self.agent.as_mut().filter(|_| life == self.life) else { return };
        if matches!(answer, Answer::Taken { .. }) {
            assert!(self.server.taken.contains_key(&(head.epoch, head.lane, head.sequence)));
        }
        agent.answered(now, head, answer);
    }

    fn fate(&mut self) {
        self.after(SECOND, Event::Fate);
        self.clock_off -= self.plan.back;
        let (plan, seconds) = (self.plan, SECOND * (1 + self.random.below(30)));
        if self.random.percent(plan.agent_dies) {
            self.agent_dies();
        }
        if self.random.percent(plan.server_dies) && self.server.up {
            self.server.up = false;
            self.server_life += 1;
            self.after(seconds, Event::ServerStart);
        }
        if self.random.percent(plan.cut) {
            self.network.to_server_cut |= self.random.percent(60);
            self.network.to_agent_cut |= self.random.percent(60);
            self.after(seconds, Event::Mended);
        }
        if self.random.percent(plan.jump) {
            let most = [3600, 10 * 365 * 86_400][usize::try_from(self.random.below(2)).expect("it is small")] * SECOND;
            let jump = i64::try_from(self.random.below(most)).expect("years are few");
            self.clock_off += if self.random.percent(50) { jump } else { -jump };
        }
        if self.random.percent(plan.full) {
            self.folder.set_room(Some(4000));
            self.after(seconds, Event::Room);
        }
        if self.random.percent(plan.disk_fails) {
            self.folder.fail_in(self.random.below(20), Fail::Error);
        }
    }

    fn agent_dies(&mut self) {
        if self.agent.take().is_none() {
            return;
        }
        self.crashes += 1;
        self.fresh.clear();
        self.folder = if self.random.percent(50) {
            self.folder.after_kill()
        } else {
            self.folder.after_power_cut(&mut self.random)
        };
        let wait = self.random.below(10 * SECOND);
        self.after(wait, Event::Start);
    }

    fn start(&mut self) {
        let settings = match (self.plan.small, self.plan.cap_bytes) {
            (true, _) => SpoolSettings { cap_bytes: 100 << 10, memory_bytes: 20 << 10 },
            (false, 0) => SpoolSettings { cap_bytes: 1 << 30, memory_bytes: 16 << 20 },
            (false, cap_bytes) => SpoolSettings { cap_bytes, memory_bytes: 16 << 20 },
        };
        self.life += 1;
        let epoch = self.random.number();
        match Spool::open(Box::new(self.folder.clone()), settings, epoch) {
            Ok(spool) => self.agent = Some(Courier::new(spool, Outbox::new(self.random.number()))),
            Err(_) => self.after(SECOND, Event::Start),
        }
    }

    /// No more faults.
    pub fn heal(&mut self) {
        self.plan = Plan { small: self.plan.small, cap_bytes: self.plan.cap_bytes, ..Plan::none() };
        self.folder.set_room(None);
        self.network = Network { lost: self.network.lost, ..Network::default() };
        self.server.up = true;
    }

    /// Until nothing waits.
    pub fn drain(&mut self) {
        let end = self.now + 3600 * SECOND;
        self.events.retain(|_, event| !matches!(event, Event::Produce));
        while self.waiting() > 0 || self.agent.is_none() {
            self.run(self.now + SECOND);
            assert!(
                self.now < end,
                "it does not end: {:?}",
                self.agent.as_ref().map(|a| (a.spool.figures(), a.outbox.breaker()))
            );
        }
    }

    fn balanced(&self) {
        let Some(agent) = &self.agent else { return };
        let f = agent.spool.figures();
        for class in 0..3 {
            let out = f.delivered[class] + f.refused[class] + f.dropped[class] + f.damaged[class] + f.waiting[class];
            assert_eq!(f.recovered[class] + f.appended[class], out, "{f:?}");
        }
    }

    pub fn waiting(&self) -> u64 {
        self.agent.as_ref().map_or(0, |agent| agent.spool.figures().waiting_batches.iter().sum())
    }

    pub fn backlog(&self) -> u64 {
        self.agent.as_ref().map_or(0, |agent| agent.spool.figures().waiting_batches[1])
    }

    /// Records that were dropped, by class.
    pub fn dropped(&self) -> [u64; 3] {
        self.agent.as_ref().map_or([0; 3], |agent| agent.spool.figures().dropped_ever)
    }

    pub fn disk_bytes(&self) -> u64 {
        self.agent.as_ref().map_or(0, |agent| agent.spool.figures().disk_bytes)
    }

    pub fn made_per_second(&self) -> f64 {
        f64::from(self.number) / (self.now / SECOND) as f64
    }

    /// Numbers of the batches of a class that were made and never came, in order.
    pub fn missing(&self, class: Class) -> Vec<u32> {
        let of_class = |number: &u32| Class::ALL[*number as usize % 3] == class;
        (1..=self.number).filter(of_class).filter(|number| !self.server.batches.contains_key(number)).collect()
    }

    pub fn check(&self) {
        let figures = self.agent.as_ref().expect("it was started").spool.figures();
        let twice: Vec<_> = self.server.batches.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "taken twice: {twice:?}");
        for class in Class::ALL {
            let missing = |(number, of): (&u32, &Class)| *of == class && !self.server.batches.contains_key(number);
            let missing = self.promised.iter().filter(|batch| missing(*batch)).count() as u64;
            let dropped = figures.dropped_ever[class as usize];
            assert!(missing <= dropped, "{missing} of {class:?} are missing, {dropped} were dropped: {figures:?}");
        }
        // A request of an agent that died may come late, and so may a batch that was dropped while it was under way.
        let given_up: u64 = figures.dropped_ever.iter().sum();
        let promised = |token: &&Token| self.promised.contains_key(&self.server.taken[*token]);
        let out_of_order = self.server.out_of_order.iter().filter(promised).count() as u64;
        assert!(out_of_order <= given_up, "{:?}", self.server.out_of_order);
        assert_eq!(figures.damaged, [0; 3], "what was synced is whole");
    }
}
