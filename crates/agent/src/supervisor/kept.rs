//! What the agent remembers beside its spool: its name and its last good configuration, so that it goes on as before
//! while its server is away. No key is in it.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use arachne_delivery::instructions::AgentConfig;
use arachne_telemetry::{chain, codes, emit};
use serde::{Deserialize, Serialize};

use super::DeliveryError;

const FILE: &str = "agent.json";

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// What the agent is called.
    pub agent: Option<String>,
    /// The last good configuration.
    pub config: Option<AgentConfig>,
}

impl Kept {
    /// What is in `folder`, which is made where it is missing. A file that cannot be understood counts as none.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn load(folder: &Path) -> Result<Self, DeliveryError> {
        let failed = |source: io::Error| DeliveryError::Folder { folder: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        match fs::read(folder.join(FILE)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Writes it anew. A disk that does not take it costs the memory of it, no capture.
    pub fn store(&self, folder: &Path) {
        if let Err(error) = self.write(&folder.join(FILE)) {
            emit!(codes::AGENT_SPOOL_002, error = %chain(&error));
        }
    }

    fn write(&self, path: &PathBuf) -> io::Result<()> {
        let draft = path.with_extension("new");
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    }
}

#[cfg(test)]
mod tests {
    use arachne_delivery::instructions::AgentConfig;
    use arachne_telemetry::{codes, count_of};

    use super::Kept;

    #[test]
    fn what_is_kept_comes_back_and_nonsense_counts_as_none() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("a/b");
        assert_eq!(Kept::load(&path).expect("it is made"), Kept::default());
        let config = AgentConfig { version: 7, ..AgentConfig::default() };
        let kept = Kept { agent: Some("web-1".to_owned()), config: Some(config) };
        kept.store(&path);
        assert_eq!(Kept::load(&path).expect("readable"), kept);
        std::fs::write(path.join("agent.json"), b"{").expect("writable");
        assert_eq!(Kept::load(&path).expect("readable"), Kept::default());
    }

    #[test]
    fn a_disk_that_does_not_take_it_is_told() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(folder.path().join("agent.json")).expect("writable");
        Kept::default().store(folder.path());
        assert!(count_of(&codes::AGENT_SPOOL_002) >= 1);
    }
}
