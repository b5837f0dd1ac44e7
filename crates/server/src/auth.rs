//! Tokens: 256 random bits each, stored as SHA-256 in `auth.json` of the data folder, compared in constant time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use arachne_filter::parse_instant;
use arachne_telemetry::{chain, codes, emit};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::durable;

/// What every token starts with, so that scanners find lost ones.
const PREFIX: &str = "arc_";
/// Hexadecimal digits of the secret, and of the checksum behind it.
const SECRET_DIGITS: usize = 64;
const CHECKSUM_DIGITS: usize = 8;
/// Bytes of the file; thousands of tokens fit.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What a route asks of who calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Nothing, not even a token.
    Public,
    /// To read what is stored, but frames.
    Read,
    /// To read whole frames.
    FullPackets,
    /// To upload and stop captures.
    Import,
    /// All.
    Admin,
    /// To deliver what was captured: the keys of agents alone, and they nothing else.
    Agent,
}

/// What a token may do, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// May do all.
    Admin,
}

/// A line of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    role: Role,
    /// SHA-256 of the token, hexadecimal.
    sha256: String,
    /// Rights beside those of the role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rights: Vec<Permission>,
    /// When it ends, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    tokens: Vec<Entry>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub name: String,
    pub role: Role,
    pub rights: Vec<Permission>,
    /// Whether the login of a browser says so, not a token itself.
    pub login: bool,
}

impl Caller {
    /// Somebody on this machine.
    pub fn local() -> Self {
        Self { name: "local".to_owned(), role: Role::Admin, rights: Vec::new(), login: false }
    }

    pub fn may(&self, permission: Permission) -> bool {
        let by_role = match self.role {
            Role::Admin => true,
            Role::Viewer => permission <= Permission::Read,
        };
        permission != Permission::Agent && (by_role || self.rights.contains(&permission))
    }
}

/// Why the tokens cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
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
    #[error("{file} is not in order: remove it, and a new admin token is made at the next start")]
    Content {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
}

/// The tokens of a data folder. A change of the file counts from the next request on.
#[derive(Debug)]
pub(crate) struct Tokens {
    file: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    content: Content,
    changed: Option<SystemTime>,
}

impl Tokens {
    /// Reads `auth.json`; where there is none, makes it with one admin token, which is given as text this once.
    pub fn open(data: &Path) -> Result<(Self, Option<String>), AuthError> {
        let file = data.join("auth.json");
        let fresh = if file.exists() { None } else { Some(create(&file)?) };
        let changed = modified(&file);
        let content = read(&file)?;
        Ok((Self { file, known: Mutex::new(Known { content, changed }) }, fresh))
    }

    /// Whose token it is, if it is one at `now` (nanoseconds since the Unix epoch).
    pub fn caller(&self, token: &str, now: i64) -> Option<Caller> {
        if well_formed(PREFIX, token) { self.by_hash(&hash(token), now) } else { None }
    }

    /// Whose token has the SHA-256 `hash` (hexadecimal), if it is one at `now`.
    pub fn by_hash(&self, hash: &str, now: i64) -> Option<Caller> {
        let known = self.current();
        // Every entry is compared, so that the time says nothing about which one fits.
        let mut found = None;
        for entry in &known.content.tokens {
            if bool::from(entry.sha256.as_bytes().ct_eq(hash.as_bytes())) {
                found = Some(entry);
            }
        }
        let valid = |entry: &&Entry| match &entry.expires {
            None => true,
            Some(text) => parse_instant(text).is_some_and(|until| now < until.from),
        };
        let caller = |e: &Entry| Caller { name: e.name.clone(), role: e.role, rights: e.rights.clone(), login: false };
        found.filter(valid).map(caller)
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = modified(&self.file);
        if changed != known.changed {
            known.changed = changed;
            match read(&self.file) {
                Ok(content) => known.content = content,
                Err(error) => emit!(codes::SERVER_AUTH_001, error = %chain(&error)),
            }
        }
        known
    }
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|facts| facts.modified()).ok()
}

fn read(file: &Path) -> Result<Content, AuthError> {
    let io = |source| AuthError::Io { file: file.to_owned(), source };
    let size = fs::metadata(file).map_err(io)?.len();
    if size > FILE_BYTES_MAX {
        return Err(io(io::Error::other("it is over 4 MiB")));
    }
    let text = fs::read(file).map_err(io)?;
    serde_json::from_slice(&text).map_err(|source| AuthError::Content { file: file.to_owned(), source })
}

/// Writes a file with one new admin token, which is returned. It is there whole or not at all.
fn create(file: &Path) -> Result<String, AuthError> {
    let io = |source| AuthError::Io { file: file.to_owned(), source };
    let token = new_secret(PREFIX).map_err(io)?;
    let entry =
        Entry { name: "admin".to_owned(), role: Role::Admin, sha256: hash(&token), rights: Vec::new(), expires: None };
    let content = Content { version: 1, tokens: vec![entry] };
    let text = serde_json::to_vec_pretty(&content).map_err(|e| io(e.into()))?;
    durable::write(file, &text).map_err(io)?;
    Ok(token)
}

/// A new token or key: prefix, random digits, checksum.
pub(crate) fn new_secret(prefix: &str) -> io::Result<String> {
    let mut secret = [0_u8; SECRET_DIGITS / 2];
    getrandom::fill(&mut secret).map_err(|e| io::Error::other(e.to_string()))?;
    let digits = hex(&secret);
    Ok(format!("{prefix}{digits}{:08x}", crc32c::crc32c(digits.as_bytes())))
}

/// Whether it is a token or key at all: prefix, digits, checksum.
pub(crate) fn well_formed(prefix: &str, token: &str) -> bool {
    let Some(body) = token.strip_prefix(prefix) else { return false };
    let hexadecimal = body.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !hexadecimal || body.len() != SECRET_DIGITS + CHECKSUM_DIGITS {
        return false;
    }
    let (digits, checksum) = body.split_at(SECRET_DIGITS);
    checksum == format!("{:08x}", crc32c::crc32c(digits.as_bytes()))
}

pub(crate) fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_stored_hashed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (tokens, fresh) = Tokens::open(folder.path()).expect("a new file");
        let token = fresh.expect("the first start makes one");
        let file = folder.path().join("auth.json");
        let text = fs::read_to_string(&file).expect("it was written");
        assert!(token.starts_with("arc_") && token.len() == 76 && !text.contains(&token[4..]));
        assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
        assert_eq!(tokens.caller(&token, 0).map(|caller| caller.role), Some(Role::Admin));
        assert!(Tokens::open(folder.path()).expect("the same file").1.is_none());
        for wrong in ["", "arc_", &token[..75], &token.replace("arc_", "arx_"), &format!("arc_{}", "0".repeat(72))] {
            assert_eq!(tokens.caller(wrong, 0), None, "{wrong}");
        }
    }

    #[test]
    fn a_change_of_the_file_counts_at_once_and_a_broken_one_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (tokens, fresh) = Tokens::open(folder.path()).expect("a new file");
        let token = fresh.expect("the first start makes one");
        let file = folder.path().join("auth.json");
        let entry = format!(
            "{{\"name\":\"v\",\"role\":\"viewer\",\"sha256\":\"{}\",\"rights\":[\"full_packets\"],\
             \"expires\":\"1970-01-01T00:00:10Z\"}}",
            hash(&token)
        );
        let put = |text: String, at: u64| {
            fs::write(&file, text).expect("a file");
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(at);
            File::options().write(true).open(&file).and_then(|f| f.set_modified(time)).expect("a time");
        };
        put(format!("{{\"version\":1,\"tokens\":[{entry}]}}"), 1);
        let caller = tokens.caller(&token, 0).expect("still valid");
        assert!(caller.may(Permission::Read) && caller.may(Permission::FullPackets));
        assert!(!caller.may(Permission::Import) && !caller.may(Permission::Admin));
        assert_eq!(tokens.caller(&token, 10_000_000_000), None, "it has ended");
        let before = arachne_telemetry::count_of(&codes::SERVER_AUTH_001);
        put("{".to_owned(), 2);
        assert!(tokens.caller(&token, 0).is_some());
        assert_eq!(arachne_telemetry::count_of(&codes::SERVER_AUTH_001), before + 1, "SERVER-AUTH-001");
        put("{\"version\":1,\"tokens\":[]}".to_owned(), 3);
        assert_eq!(tokens.caller(&token, 0), None, "it was revoked");
    }
}
