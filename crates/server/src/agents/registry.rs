//! The agents of an installation: `agents.json` in the data folder. Keys are stored as SHA-256 and compared in constant time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use arachne_delivery::instructions::AgentConfig;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::auth::{hash, new_secret, well_formed};
use crate::durable;

/// What every key of an agent starts with, so that scanners find lost ones and no token of a person is taken for one.
const PREFIX: &str = "ara_";
/// Characters of a name.
const NAME_CHARS_MAX: usize = 64;
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
    #[error("`{}` is no name: 1 to {NAME_CHARS_MAX} letters, digits and -_. of ASCII, the first a letter or digit", .0.escape_debug())]
    Name(String),
    /// There is one of this name.
    #[error("there is an agent {0} already: revoke it first, or choose another name")]
    Known(String),
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
        named(name)?;
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
            agent.config = AgentConfig { version: version.saturating_add(1), ..config };
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
            // Nobody else has the key of this one: a lost file is made anew.
            if self.one(name).is_some() {
                self.revoke(name, now)?;
            }
            let key = self.add(name, now)?;
            let io = |source| RegistryError::Io { file: key_file.to_owned(), source };
            key_file.parent().map_or(Ok(()), fs::create_dir_all).map_err(io)?;
            durable::write(key_file, key.as_bytes()).map_err(io)?;
        }
        let wanted = |agent: &AgentEntry| AgentConfig { version: agent.config.version, ..config.clone() };
        if self.one(name).is_some_and(|agent| agent.local && agent.config == wanted(&agent)) {
            return Ok(());
        }
        self.change(|agents| {
            agents.iter_mut().for_each(|agent| agent.local = agent.name == name);
            let agent = find(agents, name)?;
            if agent.config != wanted(agent) {
                agent.config = AgentConfig { version: agent.config.version.saturating_add(1), ..config.clone() };
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

fn named(name: &str) -> Result<(), RegistryError> {
    let allowed = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if allowed && begins && name.len() <= NAME_CHARS_MAX { Ok(()) } else { Err(RegistryError::Name(name.to_owned())) }
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
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn registry() -> (Registry, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        (Registry::open(folder.path()).expect("no file yet"), folder)
    }

    #[test]
    fn a_key_is_shown_once_and_stored_hashed() {
        let (registry, folder) = registry();
        let key = registry.add("web-1", 7).expect("a new name");
        assert!(key.starts_with("ara_") && key.len() == 76);
        let file = folder.path().join("agents.json");
        let text = fs::read_to_string(&file).expect("it was written");
        assert!(!text.contains(&key[4..]));
        assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
        let again = Registry::open(folder.path()).expect("the same file");
        assert_eq!(again.list(), registry.list());
        assert_eq!(again.by_key(&key).as_deref(), Some("web-1"));
        for wrong in ["", "ara_", &key[..75], &key.replace("ara_", "arc_"), &format!("ara_{}", "0".repeat(72))] {
            assert_eq!(again.by_key(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_revoked_key_is_none_and_its_name_may_come_back() {
        let (registry, folder) = registry();
        let key = registry.add("web-1", 7).expect("a new name");
        assert!(matches!(registry.add("web-1", 8), Err(RegistryError::Known(_))));
        let tags = vec!["blue".to_owned()];
        registry.configure("web-1", AgentConfig { tags: tags.clone(), ..AgentConfig::default() }, Some(1)).expect("1");
        assert!(registry.revoke("web-1", 9).expect("it is there"));
        assert!(!registry.revoke("web-1", 10).expect("it is there"));
        assert!(matches!(registry.revoke("web-2", 9), Err(RegistryError::Unknown(_))));
        assert_eq!(registry.by_key(&key), None);
        assert_eq!(Registry::open(folder.path()).expect("a file").one("web-1").and_then(|one| one.revoked), Some(9));
        let second = registry.add("web-1", 11).expect("it was revoked");
        assert_eq!((registry.by_key(&key), registry.by_key(&second).as_deref()), (None, Some("web-1")));
        assert_eq!(
            registry.one("web-1").expect("it is there").config,
            AgentConfig { version: 2, tags, ..AgentConfig::default() }
        );
    }

    #[test]
    fn two_editors_do_not_overwrite_each_other() {
        let (registry, _folder) = registry();
        registry.add("a", 0).expect("a new name");
        let wanted = |capture| AgentConfig { capture, ..AgentConfig::default() };
        assert_eq!(registry.configure("a", wanted(false), Some(1)).expect("version 1").config.version, 2);
        let refused = registry.configure("a", wanted(true), Some(1)).expect_err("it has version 2");
        assert!(matches!(refused, RegistryError::Changed(2)), "{refused}");
        assert_eq!(registry.configure("a", wanted(true), None).expect("any version").config.version, 3);
    }

    #[test]
    fn the_own_agent_keeps_its_key_and_follows_the_file() {
        let (registry, folder) = registry();
        let key_file = folder.path().join("agents/local.key");
        let config = |capture| AgentConfig { capture, ..AgentConfig::default() };
        let adopt = |capture| registry.adopt("local", &key_file, config(capture), 1).expect("room");
        adopt(true);
        let key = fs::read_to_string(&key_file).expect("it was written");
        assert_eq!(fs::metadata(&key_file).expect("it is there").permissions().mode() & 0o777, 0o600);
        let version = || registry.one("local").map(|agent| (agent.local, agent.config.version));
        assert_eq!((registry.by_key(&key).as_deref(), version()), (Some("local"), Some((true, 1))));
        adopt(true);
        assert_eq!((fs::read_to_string(&key_file).ok(), version()), (Some(key.clone()), Some((true, 1))));
        adopt(false);
        assert_eq!(version(), Some((true, 2)));
        fs::remove_file(&key_file).expect("it is there");
        adopt(false);
        assert_eq!((registry.by_key(&key), version()), (None, Some((true, 2))));
        registry.adopt("other", &folder.path().join("other.key"), config(true), 2).expect("room");
        assert_eq!(registry.list().iter().map(|agent| agent.local).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn names() {
        for name in ["a", "web-1", "9", "A_b.c", &"x".repeat(64)] {
            assert!(named(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "-a", "_a", "a/b", "ä", "a b", "a\n", "../a", &"x".repeat(65)] {
            assert!(named(name).is_err(), "{name}");
        }
    }

    #[test]
    fn what_was_revoked_longest_ago_gives_way() {
        let entry = |n: usize, revoked| AgentEntry {
            name: n.to_string(),
            sha256: String::new(),
            created: 0,
            revoked,
            local: false,
            config: AgentConfig::default(),
        };
        let mut agents: Vec<_> = (0..AGENTS_MAX).map(|n| entry(n, None)).collect();
        assert!(matches!(make_room(&mut agents), Err(RegistryError::Full)));
        (agents[5].revoked, agents[3].revoked) = (Some(1), Some(2));
        make_room(&mut agents).expect("one was revoked");
        assert!(agents.len() == AGENTS_MAX - 1 && !agents.iter().any(|agent| agent.name == "5"));
    }

    #[test]
    fn a_broken_or_newer_file_is_refused_and_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("agents.json");
        for text in ["{", "{\"version\":2,\"agents\":[]}", "{\"version\":1,\"agents\":[],\"x\":1}"] {
            fs::write(&file, text).expect("a file");
            let error = Registry::open(folder.path()).expect_err("it is broken");
            assert!(matches!(error, RegistryError::Content { .. }), "{error}");
            assert_eq!(fs::read_to_string(&file).expect("it is there"), text);
        }
    }
}
