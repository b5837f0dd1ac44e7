//! Small files that are there whole or not at all, and still there after a power cut.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Writes `file`, for its owner's eyes alone, in the place of what was there. Durable when it returns.
///
/// # Errors
/// Those of the system; what was there before then stays.
pub(crate) fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = file.with_extension("new");
    let mut out = File::options().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(&aside, file)?;
    synced(file)
}

/// Removes `file`, durably; whether it was there.
///
/// # Errors
/// Those of the system.
pub(crate) fn remove(file: &Path) -> io::Result<bool> {
    match fs::remove_file(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        removed => removed.and_then(|()| synced(file)).map(|()| true),
    }
}

/// A new or removed name is durable once its folder is.
fn synced(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
