//! The folder of shared logs: `ARACHNE_SHARED`, else `../shared` beside the workspace.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The path of a file below that folder. None, with a message, where there are no shared files.
pub fn shared(path: &str) -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("ARACHNE_SHARED").map_or_else(|| workspace.join("../shared"), PathBuf::from);
    let found = Some(shared.join(path)).filter(|file| file.is_file());
    if found.is_none() {
        eprintln!("skipped: no {} (set ARACHNE_SHARED)", shared.join(path).display());
    }
    found
}

/// A file below that folder, unpacked where it ends in `.gz`. None, with a message, where there are no shared files.
pub fn file(path: &str) -> Option<Vec<u8>> {
    let bytes = std::fs::read(shared(path)?).expect("the shared file can be read");
    if !path.ends_with(".gz") {
        return Some(bytes);
    }
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut plain).expect("the shared file is whole");
    Some(plain)
}

/// A part of `logs/expected.json`.
pub fn expected(key: &str) -> Value {
    let bytes = file("logs/expected.json").expect("it lies beside the logs");
    let all: Value = serde_json::from_slice(&bytes).expect("it is JSON");
    all[key].clone()
}

/// The lines without their ends; what stands behind the last line feed is a line when it is not empty.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.split(|byte| *byte == b'\n')
}
