//! What people save in the UI: entries by name, each a small checksummed file in a folder of the data folder.
//!
//! A file is `arachne-saved 1 <CRC-32C of the rest, 8 digits>`, a line end, and `{"key": …, "value": …}`. Its name is a hash
//! of the key: keys are text of strangers, never paths.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use arachne_telemetry::{codes, emit};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::auth::hex;
use crate::durable;
use crate::problem::Problem;

const MAGIC: &str = "arachne-saved 1 ";
/// Bytes of a file; larger ones were not written here.
const FILE_BYTES_MAX: u64 = 64 << 10;
const NAME_DIGITS: usize = 40;

/// Entries of one kind.
#[derive(Debug)]
pub(crate) struct Shelf {
    folder: PathBuf,
    /// What they are, for errors.
    what: &'static str,
    entries_max: usize,
    /// Held while files change, so that the count holds.
    changing: Mutex<()>,
}

#[derive(Serialize, Deserialize)]
struct Entry<V> {
    key: String,
    value: V,
}

/// What a file holds.
enum Found<V> {
    Entry(Entry<V>),
    Nothing,
    Damaged,
}

impl Shelf {
    /// A shelf in `data`; its folder is made with the first entry.
    pub fn new(data: &Path, name: &str, what: &'static str, entries_max: usize) -> Self {
        Self { folder: data.join("saved").join(name), what, entries_max, changing: Mutex::default() }
    }

    /// The entry under `key`. Blocks.
    pub fn get<V: DeserializeOwned>(&self, key: &str) -> Result<Option<V>, Problem> {
        match self.read::<V>(&self.file(key))? {
            Found::Entry(entry) if entry.key == key => Ok(Some(entry.value)),
            Found::Entry(_) | Found::Nothing => Ok(None),
            Found::Damaged => {
                let detail = "what was saved is damaged; the log of the server names its file";
                Err(Problem::new("store", detail))
            }
        }
    }

    /// All entries, by key; damaged ones are named in the log. Blocks.
    pub fn all<V: DeserializeOwned>(&self) -> Result<Vec<V>, Problem> {
        let mut found = Vec::new();
        for file in self.files()? {
            if let Found::Entry(entry) = self.read::<V>(&file)? {
                found.push((entry.key, entry.value));
            }
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found.into_iter().map(|(_, value)| value).collect())
    }

    /// Puts an entry in the place of the one under `key`. Durable when it returns. Blocks.
    pub fn put<V: Serialize>(&self, key: &str, value: V) -> Result<(), Problem> {
        let text = serde_json::to_string(&Entry { key: key.to_owned(), value }).map_err(|e| Problem::internal(&e))?;
        // What is nested as deeply as a request may be lies deeper here: what could not be read again is not taken.
        if serde_json::from_str::<serde_json::Value>(&text).is_err() {
            return Err(Problem::new("bad-request", "it is nested too deeply"));
        }
        let file = self.file(key);
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if !file.exists() && self.files()?.len() >= self.entries_max {
            let detail = format!("{} {} are saved already: remove one", self.entries_max, self.what);
            return Err(Problem::new("full", detail));
        }
        fs::create_dir_all(&self.folder).map_err(|error| Problem::unwritten(&error))?;
        let content = format!("{MAGIC}{:08x}\n{text}", crc32c::crc32c(text.as_bytes()));
        durable::write(&file, content.as_bytes()).map_err(|error| Problem::unwritten(&error))
    }

    /// Removes the entry under `key`; whether there was one. Blocks.
    pub fn remove(&self, key: &str) -> Result<bool, Problem> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        durable::remove(&self.file(key)).map_err(|error| Problem::unwritten(&error))
    }

    fn file(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{}.saved", &hex(&Sha256::digest(key))[..NAME_DIGITS]))
    }

    fn files(&self) -> Result<Vec<PathBuf>, Problem> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| Problem::internal(&error))?,
        };
        let files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>();
        let files = files.map_err(|error| Problem::internal(&error))?;
        Ok(files.into_iter().filter(|file| file.extension().is_some_and(|end| end == "saved")).collect())
    }

    fn read<V: DeserializeOwned>(&self, file: &Path) -> Result<Found<V>, Problem> {
        let content = match fs::metadata(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(Problem::internal(&error)),
            Ok(facts) if facts.len() > FILE_BYTES_MAX => Vec::new(),
            Ok(_) => fs::read(file).map_err(|error| Problem::internal(&error))?,
        };
        if let Some(entry) = sound(&content) {
            return Ok(Found::Entry(entry));
        }
        emit!(codes::SERVER_SAVED_001, file = %file.display());
        Ok(Found::Damaged)
    }
}

/// The entry in a file, when not a bit of it was changed.
fn sound<V: DeserializeOwned>(content: &[u8]) -> Option<Entry<V>> {
    let rest = std::str::from_utf8(content).ok()?.strip_prefix(MAGIC)?;
    let (sum, text) = rest.split_once('\n')?;
    (sum == format!("{:08x}", crc32c::crc32c(text.as_bytes()))).then_some(())?;
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf() -> (Shelf, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        (Shelf::new(folder.path(), "views", "views", 2), folder)
    }

    #[test]
    fn entries_are_kept_by_text_that_is_no_path() {
        let (shelf, folder) = shelf();
        let evil = "../../../auth.json\0/\u{202e}";
        assert_eq!(shelf.get::<u32>(evil).ok(), Some(None));
        shelf.put(evil, 1).expect("room");
        shelf.put(evil, 2).expect("the same again");
        shelf.put("a", 3).expect("room");
        assert_eq!(shelf.get(evil).ok(), Some(Some(2)));
        let again = Shelf::new(folder.path(), "views", "views", 2);
        assert_eq!(again.all::<u32>().ok(), Some(vec![2, 3]), "by key: '.' stands before 'a'");
        assert_eq!(shelf.put("b", 4).expect_err("there are two").code, "full");
        assert_eq!((shelf.remove("a").ok(), shelf.remove("a").ok()), (Some(true), Some(false)));
        shelf.put("b", 4).expect("there is room again");
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1, "all is inside its folder");
    }

    #[test]
    fn a_changed_bit_is_named_and_never_served() {
        let (shelf, _folder) = shelf();
        shelf.put("a", "text").expect("room");
        let file = shelf.file("a");
        let whole = fs::read(&file).expect("it is there");
        let before = arachne_telemetry::count_of(&codes::SERVER_SAVED_001);
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&file, &changed).expect("a file");
            assert_eq!(shelf.get::<String>("a").expect_err("it is damaged").code, "store", "byte {at}");
            assert_eq!(shelf.all::<String>().ok(), Some(Vec::new()));
        }
        fs::write(&file, &whole[..whole.len() - 1]).expect("a file");
        assert!(shelf.get::<String>("a").is_err(), "it is cut");
        assert!(arachne_telemetry::count_of(&codes::SERVER_SAVED_001) > before, "SERVER-SAVED-001");
        shelf.put("a", "text").expect("a new one takes its place");
        assert_eq!(shelf.get("a").ok(), Some(Some("text".to_owned())));
    }
}
