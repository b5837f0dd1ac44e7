//! What is known about paths of URLs: rules that are configured, and which words are names, which is learned here from what all agents
//! delivered, so that all of them go by the same rules, told to each, and kept over restarts.
//!
//! Only what is new is looked at. What was learned stays: a template that became another one never comes back.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arachne_aggregate::Normaliser;
use arachne_aggregate::template::Rule;
use arachne_aggregate::template::learn::{Position, TEMPLATES_MAX, learn};
use arachne_delivery::instructions::{PathPosition, PathRule, Paths};
use arachne_filter::catalogue::lookup;
use arachne_filter::{Field, Predicate, Test, TextTest};
use arachne_model::table::{ExchangeRow, PointRow, Row as _, Table};
use arachne_store::{
    CountMode, GroupRequest, Key, Measure, Number, Scalar, Selection, Store, StoreError, TimeRange, Watch,
};
use arachne_telemetry::{chain, codes, emit};

use crate::durable;

/// How often it is looked for something new.
pub(crate) const LOOK: Duration = Duration::from_secs(30);
/// How long a look may take. Policy: what takes longer is not looked at.
const PATIENCE: Duration = Duration::from_secs(5);
/// How far back the first look goes, in nanoseconds.
const FIRST_LOOK: i64 = 3_600_000_000_000;
/// How long rules stay as they are once agents were told, in nanoseconds: their collectors begin anew by others.
const STAY: i64 = 600_000_000_000;
/// Bytes of the file.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// See the module.
#[derive(Debug)]
pub(crate) struct Learned {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    paths: Paths,
    /// Templates that were seen, and how often.
    seen: BTreeMap<String, u64>,
    /// Up to when was looked, and when rules changed last.
    looked: Option<i64>,
    changed: Option<i64>,
}

impl Learned {
    /// What was learned before, of the data folder. What is damaged is said, and learned anew.
    pub fn open(data: &Path) -> Self {
        let file = data.join("paths.json");
        let read = fs::metadata(&file).and_then(|facts| match facts.len() {
            0..=FILE_BYTES_MAX => fs::read(&file),
            _ => Err(io::Error::other("it is over 4 MiB")),
        });
        let read = read.and_then(|text| serde_json::from_slice::<Paths>(&text).map_err(io::Error::from));
        let paths = read.unwrap_or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                emit!(codes::SERVER_PATHS_002, file = %file.display(), error = %chain(&error));
            }
            Paths::default()
        });
        Self { file, state: Mutex::new(State { paths, ..State::default() }) }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in force.
    pub fn paths(&self) -> Paths {
        self.locked().paths.clone()
    }

    /// What makes templates now.
    pub fn normaliser(&self) -> Normaliser {
        let state = self.locked();
        let positions = state.paths.positions.iter().map(position).collect();
        Normaliser::default()
            .with_rules(state.paths.rules.iter().map(rule))
            .with_learned(state.paths.version, positions)
    }

    /// The version of what is in force.
    pub fn version(&self) -> u32 {
        self.locked().paths.version
    }

    /// Goes by these configured rules in the place of those before: a new version where they differ. Blocks.
    ///
    /// # Errors
    /// They cannot be kept: then those before stay in force.
    pub fn configure(&self, rules: &[Rule]) -> io::Result<()> {
        let told = |of: &Rule| PathRule { pattern: of.pattern.clone(), template: of.template.clone() };
        let rules: Vec<PathRule> = rules.iter().map(told).collect();
        let mut state = self.locked();
        if state.paths.rules == rules {
            return Ok(());
        }
        let version = state.paths.version.saturating_add(1);
        let paths = Paths { version, positions: state.paths.positions.clone(), rules };
        self.keep(&paths)?;
        emit!(codes::SERVER_PATHS_003, version = version, rules = paths.rules.len());
        state.paths = paths;
        Ok(())
    }

    /// Makes it durable: what is not kept is not told, so that a version never means two things.
    fn keep(&self, paths: &Paths) -> io::Result<()> {
        let written = serde_json::to_vec(paths).map_err(io::Error::from);
        written.and_then(|text| durable::write(&self.file, &text)).inspect_err(|error| {
            emit!(codes::SERVER_PATHS_002, file = %self.file.display(), error = %chain(error));
        })
    }

    /// What to tell an agent that knows `version`.
    pub fn news(&self, version: u32) -> Option<Paths> {
        let state = self.locked();
        (state.paths.version != version).then(|| state.paths.clone())
    }

    /// Looks at what came since the last look, and learns from it. Blocks. What the store cannot tell now it may tell the
    /// next time.
    pub fn look(&self, store: &dyn Store, now: i64) {
        let from = self.locked().looked.unwrap_or(now.saturating_sub(FIRST_LOOK));
        // A clock that went back: what is there was looked at. Nobody waits for the rules meanwhile.
        let found = if from < now { templates(store, TimeRange { from, to: now }) } else { Ok(Vec::new()) };
        let found = match found {
            Err(StoreError::Stopped) | Ok(_) => found.unwrap_or_default(),
            Err(_) => return,
        };
        let mut state = self.locked();
        found.into_iter().for_each(|(template, count)| *state.seen.entry(template).or_default() += count);
        state.looked = Some(now);
        if state.changed.is_some_and(|changed| now.saturating_sub(changed) < STAY) {
            return;
        }
        let known: Vec<Position> = state.paths.positions.iter().map(position).collect();
        let learned = learn(state.seen.iter().map(|(template, count)| (template.as_str(), *count)), &known);
        state.forget(&learned);
        if learned.len() <= known.len() {
            return;
        }
        let told = |of: &Position| PathPosition { prefix: of.prefix.clone(), kept: of.kept.clone() };
        let paths = Paths {
            version: state.paths.version.saturating_add(1),
            positions: learned.iter().map(told).collect(),
            rules: state.paths.rules.clone(),
        };
        if self.keep(&paths).is_err() {
            return;
        }
        let new: Vec<&str> = learned.iter().filter(|one| !known.contains(one)).map(|one| one.prefix.as_str()).collect();
        emit!(codes::SERVER_PATHS_001, version = paths.version, positions = new.join(", "));
        (state.paths, state.changed) = (paths, Some(now));
    }
}

impl State {
    /// Joins what is the same by what is known now. Policy: of more templates than are looked at, those that are seldom seen go.
    fn forget(&mut self, learned: &[Position]) {
        let (normaliser, mut out) = (Normaliser::default().with_learned(0, learned.to_vec()), String::new());
        let mut after: BTreeMap<String, u64> = BTreeMap::new();
        for (template, count) in std::mem::take(&mut self.seen) {
            normaliser.normalise(&template, &mut out);
            *after.entry(out.clone()).or_default() += count;
        }
        let mut least = 1;
        while after.len() > TEMPLATES_MAX / 2 {
            after.retain(|_, count| *count > least);
            least *= 2;
        }
        self.seen = after;
    }
}

fn position(told: &PathPosition) -> Position {
    Position { prefix: told.prefix.clone(), kept: told.kept.clone() }
}

fn rule(told: &PathRule) -> Rule {
    Rule { pattern: told.pattern.clone(), template: told.template.clone() }
}

/// Until when an answer is wanted.
struct Patience(Instant);

impl Watch for Patience {
    fn progress(&self, _: u64, _: u64) -> ControlFlow<()> {
        if Instant::now() < self.0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

/// Templates of captured exchanges, and of requests in logs, with how often each was seen.
fn templates(store: &dyn Store, range: TimeRange) -> Result<Vec<(String, u64)>, StoreError> {
    let named = PointRow::TABLE.column("name").map(|name| {
        Predicate::Is(Field::Column(name), Test::Text(TextTest::OneOf(vec!["access.requests".to_owned()])))
    });
    let exchanges = request(ExchangeRow::TABLE, range, Predicate::All, "url.template", Measure::Count);
    let counted = PointRow::TABLE.column("sum").map_or(Measure::Count, |sum| Measure::Sum(Number::Column(sum)));
    let logged = request(PointRow::TABLE, range, named.unwrap_or(Predicate::All), "label.template", counted);
    let requests: Vec<GroupRequest> = exchanges.into_iter().chain(logged).collect();
    let answers = store.group(&requests, &Patience(Instant::now() + PATIENCE))?;
    let mut all = Vec::new();
    for group in answers.into_iter().flat_map(|groups| groups.groups) {
        if let (Some(Scalar::Text(template)), Some(count)) = (group.key.into_iter().next(), group.measures.first()) {
            all.push((template.into(), count.number().max(0).unsigned_abs()));
        }
    }
    Ok(all)
}

fn request(
    table: &'static Table,
    range: TimeRange,
    predicate: Predicate,
    field: &str,
    measure: Measure,
) -> Option<GroupRequest> {
    let key = match lookup(table, field)?.field {
        Field::Column(column) => Key::Column(column),
        Field::Header(side, name) => Key::Header(side, name),
        _ => return None,
    };
    let selection = Selection {
        table,
        range,
        mode: CountMode::Start,
        predicate: Arc::new(predicate),
        now: range.to,
        counted_only: false,
    };
    let measures = vec![measure];
    Some(GroupRequest { selection, keys: vec![key], measures, groups_max: TEMPLATES_MAX / 4, whole: false })
}

#[cfg(test)]
mod tests {
    use arachne_store::{MemoryStore, Rows, Token};

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn names(store: &MemoryStore, sequence: u64, at: i64, prefix: &str) {
        let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).expect("a letter"));
        let template = |n: usize| format!("{prefix}/{}{}", letter(n), letter(n / 26));
        let row = |n| ExchangeRow {
            id: format!("{sequence}-{n}"),
            start: at,
            end: Some(at),
            template: Some(template(n)),
            ..ExchangeRow::default()
        };
        let rows = Rows { exchanges: (0..300).map(row).collect(), ..Rows::default() };
        store.append(&Token { sender: "t".to_owned(), sequence }, rows).expect("memory takes all");
    }

    #[test]
    fn what_is_learned_stays_and_is_told_once() {
        let (folder, store) = (tempfile::tempdir().expect("a folder"), MemoryStore::new());
        let learned = Learned::open(folder.path());
        learned.look(&store, 1000 * SECOND);
        assert_eq!(learned.news(0), None, "nothing came");
        names(&store, 1, 1010 * SECOND, "/users");
        learned.look(&store, 1060 * SECOND);
        let told = learned.news(0).expect("something was learned");
        assert_eq!((told.version, told.positions.len(), told.positions[0].prefix.as_str()), (1, 1, "/users"));
        assert_eq!(learned.news(1), None);
        names(&store, 2, 1070 * SECOND, "/shops");
        learned.look(&store, 1120 * SECOND);
        assert_eq!(learned.paths().version, 1, "agents are not told every minute");
        learned.look(&store, 1700 * SECOND);
        let prefixes: Vec<String> = learned.paths().positions.into_iter().map(|one| one.prefix).collect();
        assert_eq!(prefixes, ["/shops", "/users"]);
        assert_eq!(Learned::open(folder.path()).paths(), learned.paths(), "it is kept");
        let rules = [Rule { pattern: "/users/{user}".to_owned(), template: None }];
        learned.configure(&rules).expect("it can be written");
        learned.configure(&rules).expect("nothing is to be done");
        let again = Learned::open(folder.path());
        assert_eq!((again.paths(), again.version(), again.paths().positions.len()), (learned.paths(), 3, 2));
        let mut out = String::new();
        again.normaliser().normalise("/users/bob", &mut out);
        assert_eq!(out, "/users/{user}", "what is configured comes before what was learned");
        learned.configure(&[]).expect("it can be written");
        assert_eq!((learned.version(), learned.paths().rules), (4, Vec::new()), "taken away is a change, too");
        fs::remove_file(folder.path().join("paths.json"))
            .and_then(|()| fs::create_dir(folder.path().join("paths.json")))
            .expect("a folder in its place");
        learned.configure(&rules).expect_err("it cannot be kept");
        assert_eq!(learned.version(), 4, "what is not kept is not told");
        fs::remove_dir(folder.path().join("paths.json")).expect("it is empty");
        fs::write(folder.path().join("paths.json"), "{").expect("a file");
        let before = arachne_telemetry::count_of(&codes::SERVER_PATHS_002);
        assert_eq!(Learned::open(folder.path()).paths(), Paths::default());
        assert_eq!(arachne_telemetry::count_of(&codes::SERVER_PATHS_002), before + 1, "SERVER-PATHS-002");
    }
}
