//! Files of parts that the manifest does not know.

use std::collections::BTreeSet;
use std::io;

use super::Manifest;
use super::state::PartRecord;
use crate::disk::{Disk, quarantine};

/// What was found in a directory of parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Files that no part has, removed: left behind by a crash before their commit or after their removal.
    pub removed: Vec<String>,
    /// Files that no part has while the manifest is not intact, moved: from, to. They may hold what the damage lost.
    pub quarantined: Vec<(String, String)>,
    /// Files of parts that are not there.
    pub missing: Vec<String>,
}

impl<P: PartRecord> Manifest<P> {
    /// Clears `directory` and those below it of files that no part has. They are removed when the manifest was whole when it
    /// was opened, and quarantined otherwise. To be called before anybody writes parts.
    ///
    /// # Errors
    /// What the system says; the rest is left for the next time.
    pub fn sweep(&self, directory: &str) -> io::Result<Sweep> {
        let known: BTreeSet<&str> = self.state().parts.values().flat_map(PartRecord::files).collect();
        let mut found = BTreeSet::new();
        match collect(self.disk(), directory, &mut found) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
        let below = format!("{directory}/");
        let missing = known.iter().filter(|path| path.starts_with(&below) && !found.contains(**path));
        let mut sweep = Sweep { missing: missing.map(|path| (*path).to_owned()).collect(), ..Sweep::default() };
        for path in found.iter().filter(|path| !known.contains(path.as_str())) {
            if self.intact() {
                self.disk().remove(path)?;
                sweep.removed.push(path.clone());
            } else {
                sweep.quarantined.push((path.clone(), quarantine(self.disk(), path)?));
            }
        }
        Ok(sweep)
    }
}

fn collect(disk: &dyn Disk, directory: &str, found: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in disk.list(directory)? {
        let path = format!("{directory}/{}", entry.name);
        if entry.directory {
            collect(disk, &path, found)?;
        } else {
            found.insert(path);
        }
    }
    Ok(())
}
