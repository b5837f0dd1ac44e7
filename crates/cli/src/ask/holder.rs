//! Opens the data folder, or finds the server that holds it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use arachne_store::StoreError;
use arachne_store_parquet::{EmbeddedStore, Settings};

/// Who has the store.
pub enum Opened {
    /// This process.
    Here(EmbeddedStore),
    /// The server that listens on this socket.
    Served(PathBuf),
}

/// The settings of a command that ends soon: what has time is left to a server.
#[must_use]
pub fn brief() -> Settings {
    Settings { background: false, ..Settings::default() }
}

/// Opens the store in `dir`, which must be there.
///
/// # Errors
/// When it cannot be opened, or is held by somebody who is no server.
pub fn open(dir: &Path, settings: Settings) -> Result<Opened> {
    match EmbeddedStore::open(dir, settings) {
        Ok(store) => Ok(Opened::Here(store)),
        Err(StoreError::Locked { holder }) => {
            let socket = dir.join("socket");
            if socket.exists() {
                return Ok(Opened::Served(socket));
            }
            Err(StoreError::Locked { holder })
                .with_context(|| format!("{} is in use, and not by a server that could be asked", dir.display()))
        }
        Err(error) => Err(error).with_context(|| format!("cannot open the store in {}", dir.display())),
    }
}

/// Opens the store that is asked: it must be there, so that a wrong name does not look like an empty store.
///
/// # Errors
/// As for [`open`], and when there is no store.
pub fn open_existing(data: Option<&Path>) -> Result<Opened> {
    let dir = crate::store::data_dir(data)?;
    if !dir.is_dir() {
        bail!("there is no store in {}: `arachne import FILE` makes one, --data DIR names another one", dir.display());
    }
    open(&dir, brief())
}
