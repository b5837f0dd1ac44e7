//! How far the files of the host were read, so that after a start no exchange is told again.

use std::fs;
use std::path::Path;

use arachne_telemetry::{chain, codes, emit};

use super::kept::write_whole;
use crate::channel::FilePosition;

const FILE: &str = "files.json";
/// Files that are remembered. Policy: those that were read longest ago are forgotten.
const FILES_MAX: usize = 1024;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions(Vec<FilePosition>);

impl Positions {
    /// What is in `folder`. A file that cannot be understood counts as none.
    #[must_use]
    pub fn load(folder: &Path) -> Self {
        let known = fs::read(folder.join(FILE)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self(known.unwrap_or_default())
    }

    /// All of them.
    #[must_use]
    pub fn told(&self) -> Vec<FilePosition> {
        self.0.clone()
    }

    /// A file was read up to there: durable when this returns, where the disk takes it.
    pub fn note(&mut self, position: Option<&FilePosition>, folder: &Path) {
        let Some(position) = position.filter(|position| !self.0.contains(position)) else { return };
        self.0.retain(|known| known.path != position.path);
        if self.0.len() >= FILES_MAX {
            self.0.remove(0);
        }
        self.0.push(position.clone());
        let written = serde_json::to_vec(&self.0).map_err(Into::into).and_then(|b| write_whole(&folder.join(FILE), &b));
        if let Err(error) = written {
            emit!(codes::AGENT_SPOOL_002, error = %chain(&error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FILES_MAX, Positions};
    use crate::channel::FilePosition;

    fn position(path: &str, packets: u64) -> FilePosition {
        FilePosition { path: path.to_owned(), packets, head_bytes: 24, head_crc: 7 }
    }

    #[test]
    fn the_last_position_of_each_file_comes_back() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let mut positions = Positions::load(folder.path());
        assert_eq!(positions, Positions::default());
        for (path, packets) in [("a", 1), ("b", 1), ("a", 2)] {
            positions.note(Some(&position(path, packets)), folder.path());
        }
        positions.note(None, folder.path());
        assert_eq!(Positions::load(folder.path()).told(), [position("b", 1), position("a", 2)]);
        for file in 0..FILES_MAX {
            positions.note(Some(&position(&file.to_string(), 1)), folder.path());
        }
        assert_eq!(Positions::load(folder.path()).told().len(), FILES_MAX);
        std::fs::write(folder.path().join("files.json"), b"[{").expect("writable");
        assert_eq!(Positions::load(folder.path()), Positions::default());
    }
}
