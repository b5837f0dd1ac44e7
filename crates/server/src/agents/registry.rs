//! The agents of an installation: `agents.json` in the data folder. Keys are stored as SHA-256 and compared in constant time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use arachne_delivery::instructions::{AgentConfig, Wrong, agent_name};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::auth::{hash, new_secret, well_formed};
use crate::durable;

/// What every key of an agent starts with, so that scanners find lost ones and no token of a person is taken for one.
const PREFIX: &str = "ara_";
/// Agents, those revoked too. Policy: an agent that was revoked longest ago gives way, none else does.
const AGENTS_MAX: usize = 1000;
/// Bytes of the file.
const FILE_BYTES_MAX: u64 = 64 << 20;
const VERSION: u32 = 1;

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentEntry {
    /// What it is called.
    pub name: String,
    /// SHA-256 of its key, hexadecimal.
    sha256: String,
    /// When it was added, nanoseconds since the Unix epoch.
    pub created: i64,
    /// When its key was revoked, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<i64>,
    /// Whether the server starts it itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub local: bool,
    /// What it is to do.
    pub config: AgentConfig,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    agents: Vec<AgentEntry>,
}

/// Why an agent cannot be added, changed or revoked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The file cannot be read or written.
    #[error("cannot read or write {file}")]
    Io {
        /// The file.
        file: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The file is not in order.
    #[error("{file} is not in order: put a good copy back, or remove it and add all agents again")]
    Content {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// It is no name.
    #[error("{}", .0.detail)]
    Name(Wrong),
    /// There is one of this name.
    #[error("there is an agent {0} already: revoke it first, or choose another name")]
    Known(String),
    /// What the own agent is to do cannot be done.
    #[error("agent.{}: {}", .0.field, .0.detail)]
    Wanted(Wrong),
    /// The agent of this name is on another host: its key and its configuration are not this server's own to change.
    #[error("agent.name: there is an agent {0} of another host: choose another name, or revoke that agent first")]
    Elsewhere(String),
    /// There is none of this name.
    #[error("there is no agent {}", .0.escape_debug())]
    Unknown(String),
    /// There are too many.
    #[error("there are {AGENTS_MAX} agents already: revoke one first")]
    Full,
    /// Somebody else changed its configuration meanwhile.
    #[error("the configuration was changed meanwhile: it has version {0} now")]
    Changed(u64),
}

/// What comes after `before`: with the next version, and rules of redaction with theirs where they are others.
fn next(before: &AgentConfig, mut config: AgentConfig) -> AgentConfig {
    config.version = before.version.saturating_add(1);
    let changed = config.redaction.names != before.redaction.names;
    config.redaction.version = before.redaction.version.saturating_add(changed.into());
    config
}

/// The agents of a data folder, in memory and on disk.
#[derive(Debug)]
pub struct Registry {
    file: PathBuf,
    known: Mutex<Content>,
}

impl Registry {
    /// Reads `agents.json` in `data`; without the file there are no agents.
    ///
    /// # Errors
    /// [`RegistryError::Io`] and [`RegistryError::Content`].
    pub fn open(data: &Path) -> Result<Self, RegistryError> {
        let file = data.join("agents.json");
        let known = read(&file)?.unwrap_or(Content { version: VERSION, agents: Vec::new() });
        Ok(Self { file, known: Mutex::new(known) })
    }

    /// Adds an agent at `now` (nanoseconds since the Unix epoch) and gives its key: shown this once and stored as a hash.
    /// One that was revoked comes back with its configuration. Durable when it returns. Blocks.
    ///
    /// # Errors
    /// [`RegistryError`]; nothing has changed then.
    pub fn add(&self, name: &str, now: i64) -> Result<String, RegistryError> {
        agent_name(name).map_err(RegistryError::Name)?;
        let key = new_secret(PREFIX).map_err(|source| self.io(source))?;
        self.change(|agents| match agents.iter_mut().find(|agent| agent.name == name) {
            Some(agent) if agent.revoked.is_none() => Err(RegistryError::Known(name.to_owned())),
            Some(agent) => {
                (agent.sha256, agent.created, agent.revoked) = (hash(&key), now, None);
                Ok(())
            }
            None => {
                make_room(agents)?;
                let config = AgentConfig { version: 1, ..AgentConfig::default() };
                agents.push(AgentEntry {
                    name: name.to_owned(),
                    sha256: hash(&key),
                    created: now,
                    revoked: None,
                    local: false,
                    config,
                });
                agents.sort_by(|a, b| a.name.cmp(&b.name));
                Ok(())
            }
        })?;
        Ok(key)
    }

    /// Revokes the key of an agent; `false` when it was revoked before. Counts from the next request on. Durable when it
    /// returns. Blocks.
    ///
    /// # Errors
    /// [`RegistryError`]; nothing has changed then.
    pub fn revoke(&self, name: &str, now: i64) -> Result<bool, RegistryError> {
        if self.one(name).is_some_and(|agent| agent.revoked.is_some()) {
            return Ok(false);
        }
        self.change(|agents| {
            find(agents, name)?.revoked = Some(now);
            Ok(true)
        })
    }

    /// Sets what an agent is to do, when the version in force is `expected` (any for `None`): it gets the next version.
    /// Durable when it returns. Blocks.
    ///
    /// # Errors
    /// [`RegistryError`]; nothing has changed then.
    pub fn configure(
        &self,
        name: &str,
        config: AgentConfig,
        expected: Option<u64>,
    ) -> Result<AgentEntry, RegistryError> {
        self.change(|agents| {
            let agent = find(agents, name)?;
            let version = agent.config.version;
            if expected.is_some_and(|expected| expected != version) {
                return Err(RegistryError::Changed(version));
            }
            agent.config = next(&agent.config, config);
            Ok(agent.clone())
        })
    }

    /// Sees to it that the agent which the server starts itself is there, has the key in `key_file`, and is to do `config`.
    /// Durable when it returns. Blocks.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn adopt(&self, name: &str, key_file: &Path, config: AgentConfig, now: i64) -> Result<(), RegistryError> {
        let known = fs::read_to_string(key_file).ok().and_then(|key| self.by_key(key.trim()));
        if known.as_deref() != Some(name) {
            match self.one(name) {
                Some(agent) if !agent.local && agent.revoked.is_none() => {
                    return Err(RegistryError::Elsewhere(name.to_owned()));
                }
                // Nobody else has the key of this one: a lost file is made anew.
                Some(_) => _ = self.revoke(name, now)?,
                None => {}
            }
            let key = self.add(name, now)?;
            let io = |source| RegistryError::Io { file: key_file.to_owned(), source };
            key_file.parent().map_or(Ok(()), fs::create_dir_all).map_err(io)?;
            durable::write(key_file, key.as_bytes()).map_err(io)?;
        }
        let wanted = |agent: &AgentEntry| {
            let next = next(&agent.config, config.clone());
            AgentConfig { version: agent.config.version, ..next }
        };
        if self.one(name).is_some_and(|agent| agent.local && agent.config == wanted(&agent)) {
            return Ok(());
        }
        self.change(|agents| {
            agents.iter_mut().for_each(|agent| agent.local = agent.name == name);
            let agent = find(agents, name)?;
            if agent.config != wanted(agent) {
                agent.config = next(&agent.config, config.clone());
            }
            Ok(())
        })
    }

    /// All agents, by name.
    #[must_use]
    pub fn list(&self) -> Vec<AgentEntry> {
        self.locked().agents.clone()
    }

    /// The agent of that name, revoked or not.
    #[must_use]
    pub fn one(&self, name: &str) -> Option<AgentEntry> {
        self.locked().agents.iter().find(|agent| agent.name == name).cloned()
    }

    /// The name of the agent that has this key.
    #[must_use]
    pub fn by_key(&self, key: &str) -> Option<String> {
        if !well_formed(PREFIX, key) {
            return None;
        }
        let (hash, known) = (hash(key), self.locked());
        // Every agent is compared, so that the time says nothing about which one fits.
        let mut found = None;
        for agent in &known.agents {
            if bool::from(agent.sha256.as_bytes().ct_eq(hash.as_bytes())) {
                found = Some(agent);
            }
        }
        found.filter(|agent| agent.revoked.is_none()).map(|agent| agent.name.clone())
    }

    /// Makes a change of all agents durable, then visible.
    fn change<A>(
        &self,
        change: impl FnOnce(&mut Vec<AgentEntry>) -> Result<A, RegistryError>,
    ) -> Result<A, RegistryError> {
        let mut known = self.locked();
        let mut next = known.clone();
        let answer = change(&mut next.agents)?;
        let text = serde_json::to_vec_pretty(&next).map_err(|source| self.io(source.into()))?;
        durable::write(&self.file, &text).map_err(|source| self.io(source))?;
        *known = next;
        Ok(answer)
    }

    fn io(&self, source: io::Error) -> RegistryError {
        RegistryError::Io { file: self.file.clone(), source }
    }

    fn locked(&self) -> MutexGuard<'_, Content> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a bearer claims to be the key of an agent.
pub(crate) fn is_key(bearer: &str) -> bool {
    bearer.starts_with(PREFIX)
}

fn find<'a>(agents: &'a mut [AgentEntry], name: &str) -> Result<&'a mut AgentEntry, RegistryError> {
    let found = agents.iter_mut().find(|agent| agent.name == name);
    found.ok_or_else(|| RegistryError::Unknown(name.to_owned()))
}

/// Sees to it that one more fits.
fn make_room(agents: &mut Vec<AgentEntry>) -> Result<(), RegistryError> {
    if agents.len() < AGENTS_MAX {
        return Ok(());
    }
    let revoked = agents.iter().enumerate().filter_map(|(at, agent)| Some((agent.revoked?, at)));
    let (_, oldest) = revoked.min().ok_or(RegistryError::Full)?;
    agents.remove(oldest);
    Ok(())
}

fn read(file: &Path) -> Result<Option<Content>, RegistryError> {
    let io = |source| RegistryError::Io { file: file.to_owned(), source };
    let size = match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        facts => facts.map_err(io)?.len(),
    };
    if size > FILE_BYTES_MAX {
        return Err(io(io::Error::other("it is over 64 MiB")));
    }
    let content = |source| RegistryError::Content { file: file.to_owned(), source };
    let read: Content = serde_json::from_slice(&fs::read(file).map_err(io)?).map_err(content)?;
    if read.version != VERSION {
        let newer = format!("it has version {}, this program knows version {VERSION}", read.version);
        return Err(content(serde::de::Error::custom(newer)));
    }
    Ok(Some(read))
}

#[cfg(test)]
mod tests;
