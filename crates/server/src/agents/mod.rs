//! Agents: who they are, what they are to do, how they are and were, and what they deliver.

pub(crate) mod batch;
pub(crate) mod check;
pub(crate) mod counts;
pub(crate) mod history;
pub(crate) mod intake;
pub(crate) mod live;
mod registry;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use arachne_delivery::instructions::{Instructions, Keys, Preview};
use arachne_delivery::status::Status;
use arachne_telemetry::{chain, codes, emit};

pub(crate) use registry::is_key;
pub use registry::{AgentEntry, Registry, RegistryError};

use crate::durable;
use crate::paths::Learned;
use counts::Counts;
use history::History;
use intake::Intake;
use live::{Asked, Heard};

/// How often a history that has changed is written, and one that has only gone on, in nanoseconds.
const WRITE_AFTER: i64 = 5_000_000_000;
const WRITE_ANYHOW: i64 = 60_000_000_000;
/// Bytes of a file with a history.
const HISTORY_BYTES_MAX: u64 = 4 << 20;

/// All agents of a server.
#[derive(Debug)]
pub(crate) struct Agents {
    /// Who they are and what they are to do.
    pub registry: Registry,
    /// What they delivered.
    pub counts: Counts,
    /// Room for what they deliver.
    pub intake: Intake,
    /// What all of them know about paths.
    pub paths: Learned,
    folder: PathBuf,
    keys: Option<Keys>,
    known: Mutex<BTreeMap<String, Known>>,
}

/// An agent that was heard of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// How it is.
    pub heard: Heard,
    /// How it was.
    pub history: History,
    changed: bool,
    written: i64,
}

/// The agent of a request; its key was checked.
#[derive(Clone, Debug)]
pub(crate) struct Agent(pub String);

impl Agents {
    /// Those of the data folder; `keys` are what agents are told.
    pub fn open(data: &Path, keys: Option<Keys>) -> Result<Self, RegistryError> {
        let registry = Registry::open(data)?;
        let (counts, intake, known) = (Counts::default(), Intake::default(), Mutex::default());
        let paths = Learned::open(data);
        Ok(Self { registry, counts, intake, paths, folder: data.join("agents"), keys, known })
    }

    /// Takes a status that came at `received`; what the agent is to do. Blocks.
    pub fn status(&self, name: &str, status: Status, received: i64) -> Instructions {
        let wanted = self.registry.one(name).map(|agent| agent.config);
        let config = wanted.filter(|config| config.version != status.config.received);
        let paths = self.paths.news(status.paths);
        let mut known = self.locked();
        let one = known.entry(name.to_owned()).or_insert_with(|| Known::read(&self.file(name)));
        one.changed |= one.history.observe(&status, received);
        one.heard.take(status, received);
        let (preview, due) = (one.heard.question(received), one.due(received));
        drop(known);
        if let Some(history) = due {
            self.write(name, &history);
        }
        let keys = self.keys.clone();
        Instructions { agent: name.to_owned(), received, sent: 0, config, keys, preview, paths }
    }

    /// What is known of an agent. Blocks.
    pub fn known(&self, name: &str) -> Known {
        let found = self.locked().get(name).cloned();
        found.unwrap_or_else(|| Known::read(&self.file(name)))
    }

    /// The last statuses of those that are heard of at `now`, by name.
    pub fn heard(&self, now: i64) -> Vec<(String, Status)> {
        let known = self.locked();
        let online = known.iter().filter(|(_, one)| one.heard.is_online(now));
        online.map(|(name, one)| (name.clone(), one.heard.status.clone())).collect()
    }

    /// Asks an agent at `now`, in the place of what it was asked before.
    pub fn ask(&self, name: &str, question: Preview, now: i64) {
        let mut known = self.locked();
        let one = known.entry(name.to_owned()).or_insert_with(|| Known::read(&self.file(name)));
        one.heard.preview = Some(Asked { question, at: now, result: None });
    }

    /// What was asked under `id`, while somebody may want it.
    pub fn asked(&self, name: &str, id: &str, now: i64) -> Option<Asked> {
        let asked = self.locked().get(name).and_then(|one| one.heard.preview.clone());
        asked.filter(|asked| asked.question.id == id && !asked.is_stale(now))
    }

    /// Writes all histories: the server goes down. Blocks.
    pub fn close(&self) {
        let all: Vec<_> = self.locked().iter().map(|(name, one)| (name.clone(), one.history.clone())).collect();
        all.iter().for_each(|(name, history)| self.write(name, history));
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names are those of the registry: they fit a file.
    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.history"))
    }

    /// A history that cannot be written is told and tried again; nobody waits for it.
    fn write(&self, name: &str, history: &History) {
        let written = serde_json::to_vec(history).map_err(io::Error::from).and_then(|text| {
            fs::create_dir_all(&self.folder)?;
            durable::write(&self.file(name), &text)
        });
        if let Err(error) = written {
            emit!(codes::SERVER_AGENT_001, agent = name, error = %chain(&error));
        }
    }
}

impl Known {
    /// What a server wrote before. What is not there or damaged begins anew: it says how agents were, nothing else.
    fn read(file: &Path) -> Self {
        let read = fs::metadata(file).and_then(|facts| match facts.len() {
            0..=HISTORY_BYTES_MAX => fs::read(file),
            _ => Err(io::Error::other("it is over 4 MiB")),
        });
        let history = read.and_then(|text| serde_json::from_slice(&text).map_err(io::Error::from));
        let history = history.unwrap_or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                emit!(codes::SERVER_AGENT_002, file = %file.display(), error = %chain(&error));
            }
            History::default()
        });
        Self { history, ..Self::default() }
    }

    /// The history, when it is to be written at `now`.
    fn due(&mut self, now: i64) -> Option<History> {
        let after = if self.changed { WRITE_AFTER } else { WRITE_ANYHOW };
        if now.saturating_sub(self.written) < after {
            return None;
        }
        (self.changed, self.written) = (false, now);
        Some(self.history.clone())
    }
}

#[cfg(test)]
mod tests {
    use arachne_delivery::instructions::AgentConfig;
    use arachne_delivery::status::{ConfigState, State};

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn agents() -> (Agents, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = Keys { redaction: "00".to_owned() };
        let agents = Agents::open(folder.path(), Some(keys)).expect("an empty folder");
        agents.registry.add("a", 0).expect("a new name");
        (agents, folder)
    }

    #[test]
    fn a_configuration_is_told_until_the_agent_has_it() {
        let (agents, _folder) = agents();
        let told = |received| {
            let status = Status { config: ConfigState { received, ..ConfigState::default() }, ..Status::default() };
            agents.status("a", status, SECOND)
        };
        let first = told(0);
        assert_eq!((&*first.agent, first.config.map(|config| config.version)), ("a", Some(1)));
        assert!(first.keys.is_some());
        assert_eq!(told(1).config, None);
        agents.registry.configure("a", AgentConfig { capture: false, ..AgentConfig::default() }, None).expect("room");
        assert_eq!(told(1).config.map(|config| (config.version, config.capture)), Some((2, false)));
    }

    #[test]
    fn histories_survive_a_restart_and_damage_starts_anew() {
        let (agents, folder) = agents();
        agents.status("a", Status { state: State::Capturing, ..Status::default() }, 100 * SECOND);
        let file = folder.path().join("agents/a.history");
        assert!(file.exists(), "the first status is written at once");
        agents.status("a", Status { state: State::Stopped, ..Status::default() }, 102 * SECOND);
        agents.close();
        let again = Agents::open(folder.path(), None).expect("the same folder");
        let history = again.known("a").history;
        assert_eq!((history.seen, history.states.within(0, i64::MAX).len()), (102 * SECOND, 2));
        fs::write(&file, "{").expect("a file");
        let before = arachne_telemetry::count_of(&codes::SERVER_AGENT_002);
        let fresh = Agents::open(folder.path(), None).expect("the same folder");
        assert_eq!(fresh.known("a").history, History::default());
        assert_eq!(arachne_telemetry::count_of(&codes::SERVER_AGENT_002), before + 1, "SERVER-AGENT-002");
    }

    #[test]
    fn a_history_that_cannot_be_written_is_told() {
        let (agents, folder) = agents();
        fs::write(folder.path().join("agents"), "no folder").expect("a file");
        let before = arachne_telemetry::count_of(&codes::SERVER_AGENT_001);
        agents.status("a", Status::default(), 100 * SECOND);
        assert!(arachne_telemetry::count_of(&codes::SERVER_AGENT_001) > before, "SERVER-AGENT-001");
    }

    #[test]
    fn a_preview_is_asked_and_answered() {
        let (agents, _folder) = agents();
        let question = Preview { id: "p".to_owned(), seconds: 5, ..Preview::default() };
        agents.ask("a", question.clone(), SECOND);
        assert_eq!(agents.status("a", Status::default(), 2 * SECOND).preview, Some(question));
        assert!(agents.asked("a", "p", SECOND).is_some_and(|asked| asked.result.is_none()));
        assert!(agents.asked("a", "q", SECOND).is_none() && agents.asked("b", "p", SECOND).is_none());
    }
}
