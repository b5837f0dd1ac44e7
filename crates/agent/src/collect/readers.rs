//! The threads of the collector process: one for each collector, one for logs.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use arachne_collectors::check::Check;
use arachne_collectors::logs::nginx::{self, Place};
use arachne_collectors::logs::{LogSpec, Logs};
use arachne_collectors::postgresql::{self, Postgresql};
use arachne_collectors::process::Process;
use arachne_collectors::redis::Redis;
use arachne_collectors::system::System;
use arachne_collectors::tail::Positions;
use arachne_collectors::tcp::{Network, Tcp};
use arachne_collectors::{Collector, Missing};
use arachne_content::redact::{Redactor, Rules};
use arachne_delivery::instructions::Collect;
use arachne_delivery::status::{Collector as Status, Lacking};

use super::batch::{Batches, Found};
use super::{CollectError, LOOK, Shared, secret, specs};
use crate::channel::{Collection, Packed};
use crate::edge::plan;
use crate::edge::worker::unix_now;

/// How long after a whole interval collectors read.
const AFTER: i64 = 200_000_000;
/// How often logs are looked at.
const POLL: Duration = Duration::from_millis(250);
/// How long until one that could not be made is tried again.
const AGAIN: Duration = Duration::from_secs(10);
/// How often the configuration of nginx is read again.
const NGINX: Duration = Duration::from_secs(60);

/// A collector that is to run.
pub struct Wanted {
    /// What it is called in the status.
    name: String,
    /// Makes it, once it can be made: a file with a password may appear later.
    make: Box<dyn Fn() -> Result<Box<dyn Collector>, String> + Send>,
}

impl Wanted {
    fn new<C: Collector + 'static>(
        name: impl Into<String>,
        make: impl Fn() -> Result<C, String> + Send + 'static,
    ) -> Self {
        Self { name: name.into(), make: Box::new(move || make().map(|made| Box::new(made) as Box<dyn Collector>)) }
    }

    /// What it is called, cut for a thread.
    pub fn thread(&self) -> &str {
        &self.name[..self.name.floor_char_boundary(15)]
    }
}

/// All collectors that a configuration asks for; `secrets` is the folder of files with passwords. A new one is an entry here.
pub fn collectors(config: &Collect, secrets: &Path) -> Vec<Wanted> {
    let root = Path::new("/");
    let mut all = Vec::new();
    if config.system {
        all.push(Wanted::new("system", || Ok(System::new(root))));
    }
    if config.process {
        all.push(Wanted::new("process", || Ok(Process::new(root))));
    }
    if config.tcp {
        let networks = config.own_networks();
        all.push(Wanted::new("tcp", move || {
            let networks = networks.clone()?.into_iter().map(|(address, bits)| Network::new(address, bits));
            Ok(Tcp::new(root, networks.collect()))
        }));
    }
    for database in config.postgresql.iter().cloned() {
        let name = match &database.name {
            Some(name) => name.clone(),
            // Settings that are none are told when it is made.
            None => postgresql::place(&database.connection).unwrap_or_else(|_| "?".to_owned()),
        };
        let secrets = secrets.to_owned();
        all.push(Wanted::new(format!("postgresql {name}"), move || {
            let password = secret::read(&database.password, &secrets)?;
            let authority = database.ca_file.as_deref().map(|file| secret::authority(file, &secrets)).transpose()?;
            Postgresql::new(&database.connection, password.as_deref(), authority.as_deref(), Some(&name))
        }));
    }
    for server in config.redis.iter().cloned() {
        let secrets = secrets.to_owned();
        all.push(Wanted::new(format!("redis {}", server.address), move || {
            let password = secret::read(&server.password, &secrets)?;
            Ok(Redis::new(&server.address, password.as_deref()))
        }));
    }
    for url in &config.checks {
        let url = url.clone();
        let place = url.split(['?', '#']).next().unwrap_or_default().to_owned();
        all.push(Wanted::new(format!("check {place}"), move || Check::new(&url)));
    }
    all
}

/// Reads with one collector until the end.
pub fn read(wanted: &Wanted, mut batches: Batches, shared: &Shared) {
    let (mut made, mut readings): (Option<Box<dyn Collector>>, u64) = (None, 0);
    while !shared.ends() {
        let (now, begun) = (unix_now(), Instant::now());
        let mut found = Found::default();
        let read = match &mut made {
            Some(collector) => collector.collect(now, &mut found),
            None => (wanted.make)().and_then(|collector| made.insert(collector).collect(now, &mut found)),
        };
        readings += 1;
        let rows = (found.points.len() + found.logs.len()) as u64;
        let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let missing = made.as_ref().map(|collector| collector.missing()).unwrap_or_default();
        shared.tell(status(&wanted.name, &missing, (readings, rows, took), read.err()));
        for packed in batches.of_reading(found, now) {
            hand_over(packed, shared);
        }
        let every = made.as_ref().map_or(AGAIN, |collector| collector.every());
        let every = i64::try_from(every.as_nanos()).unwrap_or(i64::MAX).max(1);
        let next = (now.div_euclid(every) + 1).saturating_mul(every).saturating_add(AFTER);
        while !shared.ends() && unix_now() < next && unix_now() >= now {
            thread::sleep(LOOK);
        }
    }
}

/// Waits for room. Only a supervisor that is gone takes nothing, and then this process ends.
fn hand_over(packed: Packed, shared: &Shared) {
    let _ = shared.outlet.push(packed);
}

fn status(
    name: &str,
    missing: &[Missing],
    (readings, rows, took_ns): (u64, u64, u64),
    error: Option<String>,
) -> Status {
    let lacking =
        |missing: &Missing| Lacking { what: missing.what.clone(), why: missing.why.clone(), fix: missing.fix.clone() };
    Status { name: name.to_owned(), readings, rows, took_ns, error, missing: missing.iter().map(lacking).collect() }
}

/// Reads logs.
pub struct LogReader {
    logs: Logs,
    told: Vec<LogSpec>,
    /// Whether the logs of nginx are followed, and of which one alone.
    nginx: Option<Option<PathBuf>>,
    nginx_missing: Vec<Missing>,
    batches: Batches,
    readings: u64,
    rows: u64,
}

impl LogReader {
    /// As `collection` says.
    ///
    /// # Errors
    /// A format or a rule that cannot be, a key that is none.
    pub fn new(collection: &Collection) -> Result<Self, CollectError> {
        let rules = Rules { headers: collection.secrets.clone(), fields: collection.secrets.clone() };
        let redactor = Redactor::new(plan::key(collection.key.as_deref())?, rules);
        let before = Positions::from_bytes(&collection.position).unwrap_or_default();
        let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), unix_now());
        let nginx = collection.config.nginx.then(|| collection.nginx.clone());
        Ok(Self {
            logs: Logs::new(redactor, plan::normaliser(&collection.paths), before, seed),
            told: specs(&collection.config.logs).map_err(CollectError::Logs)?,
            nginx,
            nginx_missing: Vec::new(),
            batches: Batches::new(&collection.agent)?,
            readings: 0,
            rows: 0,
        })
    }

    /// Those that are told, then those that nginx writes.
    fn follow(&mut self) {
        let mut foreign = Vec::new();
        let places = match &self.nginx {
            None => Vec::new(),
            Some(Some(file)) => vec![Place::of(file)],
            Some(None) => {
                let mut places;
                (places, foreign) = nginx::running(Path::new("/"), nginx::trusted);
                if places.iter().all(|place| place.file != Path::new(nginx::USUAL)) {
                    places.insert(0, Place::of(Path::new(nginx::USUAL)));
                }
                places
            }
        };
        let found: Vec<_> = places.iter().filter_map(nginx::find).collect();
        let logs = found.iter().flat_map(|found| &found.logs);
        self.logs.follow(self.told.iter().chain(logs).cloned().collect());
        self.nginx_missing = found.into_iter().flat_map(|found| found.missing).chain(foreign).collect();
    }

    /// Reads until the end; then all that is there, and hands it over.
    pub fn run(mut self, shared: &Shared) {
        let mut followed: Option<Instant> = None;
        while !shared.ends() {
            if followed.is_none_or(|at| at.elapsed() >= NGINX) {
                self.hand_over(false, shared);
                self.follow();
                followed = Some(Instant::now());
            }
            let now = unix_now();
            let more = self.logs.poll(now);
            if self.logs.is_due(now) {
                self.hand_over(false, shared);
            }
            if !more {
                thread::sleep(POLL);
            }
        }
        self.logs.poll(unix_now());
        self.hand_over(true, shared);
    }

    fn hand_over(&mut self, end: bool, shared: &Shared) {
        let (now, begun) = (unix_now(), Instant::now());
        for taken in self.logs.take(now, end) {
            self.rows = (taken.points.len() + taken.records.len()) as u64;
            if let Some(packed) = self.batches.of_logs(taken, now) {
                hand_over(packed, shared);
            }
        }
        self.readings += 1;
        let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let missing: Vec<_> = self.logs.missing().into_iter().chain(self.nginx_missing.iter().cloned()).collect();
        let lost = self.batches.dropped();
        let error = (lost > 0).then(|| format!("{lost} rows did not fit into a batch and were dropped"));
        shared.tell(status("logs", &missing, (self.readings, self.rows, took), error));
    }
}
