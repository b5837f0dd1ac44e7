//! What the agent remembers beside its spool: its name and its last good configuration, so that it goes on as before
//! while its server is away. No key is in it.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use arachne_delivery::instructions::{AgentConfig, known};
use arachne_telemetry::{chain, codes, emit};
use serde::{Deserialize, Serialize};

use super::DeliveryError;

const FILE: &str = "agent.json";
/// Is there while something is captured; its time says when that was last so.
const CAPTURING: &str = "capturing";

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// What the agent is called.
    pub agent: Option<String>,
    /// The last good configuration.
    pub config: Option<AgentConfig>,
    /// Why the file that was there could not be understood.
    #[serde(skip)]
    pub damaged: Option<String>,
}

/// Where it is kept.
pub fn file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

impl Kept {
    /// What is in `folder`, which is made where it is missing. A file that cannot be understood is told in [`Self::damaged`]: what it
    /// said is not known. One that a later version wrote is understood as far as it is known.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn load(folder: &Path) -> Result<Self, DeliveryError> {
        let failed = |source: io::Error| DeliveryError::Folder { folder: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        match fs::read(folder.join(FILE)) {
            Ok(bytes) => {
                Ok(Self::read(&bytes).unwrap_or_else(|why| Self { damaged: Some(why.to_string()), ..Self::default() }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(failed(error)),
        }
    }

    fn read(bytes: &[u8]) -> serde_json::Result<Self> {
        known(serde_json::from_slice(bytes)?).map(|(kept, _)| kept)
    }

    /// Writes it anew. A disk that does not take it costs the memory of it, no capture.
    pub fn store(&self, folder: &Path) {
        if let Err(error) = self.write(&folder.join(FILE)) {
            emit!(codes::AGENT_SPOOL_002, error = %chain(&error));
        }
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        write_whole(path, &serde_json::to_vec_pretty(self)?)
    }
}

/// Writes a file anew, whole or not at all, for the agent alone.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    // The new name is durable with its folder.
    path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

/// Something is captured now. Not synced: a host that stops may make it some seconds older, so what is marked as unknown
/// is never too short.
pub fn note_capturing(folder: &Path) {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join(CAPTURING));
    if let Err(error) = file.and_then(|file| file.set_modified(SystemTime::now())) {
        emit!(codes::AGENT_SPOOL_002, error = %chain(&error));
    }
}

/// Nothing is captured any more, and all that was is kept.
pub fn forget_capturing(folder: &Path) {
    // Where it stays, a start too many says what it does not know.
    let _ = fs::remove_file(folder.join(CAPTURING));
}

/// When an agent last captured that did not end by itself, nanoseconds since the Unix epoch.
pub fn last_capturing(folder: &Path) -> Option<i64> {
    let at = fs::metadata(folder.join(CAPTURING)).and_then(|facts| facts.modified()).ok()?;
    i64::try_from(at.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use arachne_delivery::instructions::AgentConfig;
    use arachne_telemetry::{codes, count_of};

    use super::{Kept, forget_capturing, last_capturing, note_capturing};
    use crate::edge::worker::unix_now;

    #[test]
    fn what_is_kept_comes_back_and_nonsense_is_told() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("a/b");
        assert_eq!(Kept::load(&path).expect("it is made"), Kept::default());
        let config = AgentConfig { version: 7, ..AgentConfig::default() };
        let kept = Kept { agent: Some("web-1".to_owned()), config: Some(config), damaged: None };
        kept.store(&path);
        assert_eq!(Kept::load(&path).expect("readable"), kept);
        let newer = br#"{"agent": "web-1", "colour": "red", "config": {"version": 7, "gpu": true}}"#;
        std::fs::write(path.join("agent.json"), newer).expect("writable");
        assert_eq!(Kept::load(&path).expect("readable"), kept, "as far as it is known");
        for damaged in [b"{".as_slice(), b"", b"[]", br#"{"config": {"capture": "no"}}"#] {
            std::fs::write(path.join("agent.json"), damaged).expect("writable");
            let found = Kept::load(&path).expect("readable");
            assert!(found.damaged.is_some() && found.config.is_none(), "{found:?}");
        }
    }

    #[test]
    fn what_was_captured_last_is_known_until_an_end() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(last_capturing(folder.path()), None);
        let before = unix_now();
        note_capturing(folder.path());
        let first = last_capturing(folder.path()).expect("it is noted");
        note_capturing(folder.path());
        // File systems keep times less finely than clocks.
        let fine = 1_000_000_000;
        assert!(first >= before - fine && last_capturing(folder.path()) >= Some(first));
        forget_capturing(folder.path());
        forget_capturing(folder.path());
        assert_eq!(last_capturing(folder.path()), None);
    }

    #[test]
    fn a_disk_that_does_not_take_it_is_told() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(folder.path().join("agent.json")).expect("writable");
        Kept::default().store(folder.path());
        assert!(count_of(&codes::AGENT_SPOOL_002) >= 1);
    }
}
