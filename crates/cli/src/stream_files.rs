//! The reassembled bytes of each direction in files of a directory, for `--streams DIR`.
//!
//! Names are made of numbers alone: `<session>-client.bin`, `<session>-server.bin`, with `<source>.` before them where
//! there are several sources. Nothing from the wire is ever part of a name. A file holds what was delivered in order;
//! missing bytes leave no hole (the stats line lists them). Older files of the same names are removed, not written
//! through, so that a link that somebody put there leads nowhere. At most [`OPEN_MAX`] files are open at a time.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Files open at a time.
pub const OPEN_MAX: usize = 64;

/// A direction of a session: its number and whether the client sends.
type Stream = (u64, bool);

#[derive(Debug)]
struct OpenFile {
    file: io::BufWriter<File>,
    last_used: u64,
}

/// Writes the files; see the module.
#[derive(Debug)]
pub struct StreamFiles {
    dir: PathBuf,
    prefix: String,
    open: HashMap<Stream, OpenFile>,
    /// Streams of open sessions whose file exists already and is only to be continued.
    begun: HashSet<Stream>,
    clock: u64,
}

impl StreamFiles {
    /// Makes `dir` where it does not exist.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn create(dir: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot create the directory {}", dir.display()))?;
        Ok(Self { dir: dir.to_owned(), prefix: String::new(), open: HashMap::new(), begun: HashSet::new(), clock: 0 })
    }

    /// The streams of another source follow; `number` becomes part of their names where there are several.
    ///
    /// # Errors
    /// Bytes of the source before could not be written.
    pub fn begin_source(&mut self, number: Option<usize>) -> anyhow::Result<()> {
        self.finish()?;
        self.prefix = number.map(|n| format!("{n}.")).unwrap_or_default();
        Ok(())
    }

    /// Appends the next bytes of a direction.
    ///
    /// # Errors
    /// The file cannot be made or written.
    pub fn write(&mut self, session: u64, from_client: bool, bytes: &[u8]) -> anyhow::Result<()> {
        let stream = (session, from_client);
        if !self.open.contains_key(&stream) {
            self.make_room()?;
            let file = self.open_file(stream)?;
            self.open.insert(stream, OpenFile { file: io::BufWriter::new(file), last_used: 0 });
        }
        self.clock += 1;
        let path = self.path(stream);
        let open = self.open.get_mut(&stream).expect("it was there or was inserted just now");
        open.last_used = self.clock;
        open.file.write_all(bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The session has ended.
    ///
    /// # Errors
    /// Its last bytes cannot be written.
    pub fn close(&mut self, session: u64) -> anyhow::Result<()> {
        for stream in [(session, true), (session, false)] {
            self.close_file(stream)?;
            self.begun.remove(&stream);
        }
        Ok(())
    }

    /// Writes what is buffered and closes all files.
    ///
    /// # Errors
    /// Bytes cannot be written.
    pub fn finish(&mut self) -> anyhow::Result<()> {
        let open: Vec<_> = self.open.keys().copied().collect();
        open.into_iter().try_for_each(|stream| self.close_file(stream))?;
        self.begun.clear();
        Ok(())
    }

    fn path(&self, (session, from_client): Stream) -> PathBuf {
        let side = if from_client { "client" } else { "server" };
        self.dir.join(format!("{}{session}-{side}.bin", self.prefix))
    }

    /// Closes the file that was used longest ago when the limit is reached. O(limit), only when files change.
    fn make_room(&mut self) -> anyhow::Result<()> {
        if self.open.len() < OPEN_MAX {
            return Ok(());
        }
        let oldest = self.open.iter().min_by_key(|(_, file)| file.last_used).map(|(stream, _)| *stream);
        oldest.map_or(Ok(()), |stream| self.close_file(stream))
    }

    fn open_file(&mut self, stream: Stream) -> anyhow::Result<File> {
        let path = self.path(stream);
        let opened =
            if self.begun.insert(stream) { create(&path) } else { OpenOptions::new().append(true).open(&path) };
        opened.with_context(|| format!("cannot open {}", path.display()))
    }

    fn close_file(&mut self, stream: Stream) -> anyhow::Result<()> {
        let Some(mut open) = self.open.remove(&stream) else { return Ok(()) };
        open.file.flush().with_context(|| format!("cannot write {}", self.path(stream).display()))
    }
}

/// A new file at `path`. What was there is unlinked first, and `create_new` refuses whatever came in between.
fn create(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => OpenOptions::new().write(true).create_new(true).open(path),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{OPEN_MAX, StreamFiles};

    #[test]
    fn more_streams_than_open_files() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut files = StreamFiles::create(&dir.path().join("new/deep")).expect("it can be made");
        let sessions = OPEN_MAX as u64 + 40;
        for round in 0..3_u8 {
            for session in 1..=sessions {
                files.write(session, true, &[b'a' + round; 3]).expect("writable");
                assert!(files.open.len() <= OPEN_MAX);
            }
        }
        files.write(1, false, b"answer").expect("writable");
        (1..=sessions).for_each(|session| files.close(session).expect("writable"));
        assert!(files.open.is_empty() && files.begun.is_empty());
        let read = |name: &str| fs::read(dir.path().join("new/deep").join(name)).expect("written");
        (1..=sessions).for_each(|session| assert_eq!(read(&format!("{session}-client.bin")), b"aaabbbccc"));
        assert_eq!(read("1-server.bin"), b"answer");
    }

    #[cfg(unix)]
    #[test]
    fn a_planted_link_is_not_followed() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let victim = dir.path().join("victim");
        fs::write(&victim, "precious").expect("writable");
        let out = dir.path().join("out");
        let mut files = StreamFiles::create(&out).expect("it can be made");
        std::os::unix::fs::symlink(&victim, out.join("1-client.bin")).expect("links work");
        files.write(1, true, b"evil").expect("writable");
        files.finish().expect("writable");
        assert_eq!(fs::read(&victim).expect("still there"), b"precious");
        assert_eq!(fs::read(out.join("1-client.bin")).expect("written"), b"evil");
    }

    #[test]
    fn several_sources_do_not_mix() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut files = StreamFiles::create(dir.path()).expect("it can be made");
        for number in 1..=2 {
            files.begin_source(Some(number)).expect("writable");
            files.write(1, true, format!("source {number}").as_bytes()).expect("writable");
        }
        files.finish().expect("writable");
        assert_eq!(fs::read(dir.path().join("2.1-client.bin")).expect("written"), b"source 2");
        assert_eq!(fs::read(dir.path().join("1.1-client.bin")).expect("written"), b"source 1");
    }

    #[test]
    fn errors_name_the_file() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut files = StreamFiles::create(dir.path()).expect("it can be made");
        fs::create_dir(dir.path().join("1-client.bin")).expect("writable");
        let error = files.write(1, true, b"x").expect_err("a directory is in the way");
        assert!(error.to_string().contains("1-client.bin"), "{error}");
    }
}
