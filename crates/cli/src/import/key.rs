//! The installation's key: 32 random bytes beside the data, readable by their owner alone. Digests in place of secrets are
//! made under it, so that equal secrets still match here and mean nothing elsewhere.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use arachne_content::redact::Key;
use arachne_delivery::instructions::Keys;

const BYTES: usize = 32;

/// The key in `data`, made there when there is none. Whoever calls holds the folder: nobody else makes one meanwhile.
///
/// # Errors
/// The file cannot be read or written, or is no key.
pub fn key(data: &Path) -> anyhow::Result<Key> {
    bytes(data).map(Key::new)
}

/// The same key as agents are told it.
///
/// # Errors
/// As for [`key`].
pub fn keys(data: &Path) -> anyhow::Result<Keys> {
    let digits = bytes(data)?.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Keys { redaction: digits })
}

fn bytes(data: &Path) -> anyhow::Result<[u8; BYTES]> {
    let path = data.join("key");
    match fs::read(&path) {
        Ok(bytes) => match <[u8; BYTES]>::try_from(bytes.as_slice()) {
            Ok(key) => Ok(key),
            Err(_) => bail!(
                "{} holds {} bytes instead of {BYTES}: put the right file back; a new key would no longer match what was \
                 redacted before",
                path.display(),
                bytes.len()
            ),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(data, &path).with_context(|| format!("cannot make the key {}", path.display()))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read the key {}", path.display())),
    }
}

/// The name appears when all bytes are on the disk.
fn make(data: &Path, path: &Path) -> io::Result<[u8; BYTES]> {
    let mut key = [0; BYTES];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    let draft = data.join("key.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(&key)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(data)?.sync_all()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use arachne_content::redact::{Redactor, Rules};

    use super::key;

    #[test]
    fn made_once_and_never_replaced() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mark = || Redactor::new(key(dir.path()).expect("a key"), Rules::default()).mark(b"x");
        assert_eq!(mark(), mark());
        let told = super::keys(dir.path()).expect("a key").redaction;
        assert!(told.len() == 64 && told.bytes().all(|byte| byte.is_ascii_hexdigit()), "{told}");
        let path = dir.path().join("key");
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
        fs::write(&path, b"short").expect("writable");
        let error = key(dir.path()).expect_err("no key").to_string();
        assert!(error.contains("5 bytes instead of 32"), "{error}");
    }
}
