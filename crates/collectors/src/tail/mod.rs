//! Follows log files: gives each line once, whatever happens to the files.
//!
//! A file is known by its number in the file system, its first bytes and the bytes before the place up to which it was read
//! ([`Position`]). So renamed files are read on, emptied and regrown ones from their start, copies and packed ones of what was read
//! not again, hard links once. A rotated file is read to its end before the one that took its name. Files are looked at again and
//! again; the system is not asked to tell of changes.
//!
//! It never keeps lines, knows nothing of what they mean, and writes nothing: positions are made durable by who uses the lines.

mod discover;
mod names;
mod position;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use names::{first_name, is_exact};
pub use position::{Mark, Position, Positions};
pub(crate) use source::open_regular;
pub use source::{LINE_BYTES_MAX, Line};
use source::{Source, Take};

/// A rotated file to which nothing is written for so long has ended its last line.
const LAST_LINE: Duration = Duration::from_secs(2);
/// One to which nothing is written for so long is closed; it is opened again when it grows.
const QUIET: Duration = Duration::from_secs(60);
/// The same for one that has no name any more: it takes room on the disk as long as it is open.
const QUIET_DELETED: Duration = Duration::from_secs(5);
/// Files that are open at the same time. Policy: those without new lines are closed first.
const OPEN_MAX: usize = 256;
/// Files that are remembered. Policy: those that were closed longest ago are forgotten.
const REMEMBERED_MAX: usize = 1024;
/// Bytes of one file that are read before others have their turn.
const TURN: usize = 1 << 20;

/// What happened to files, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Happened {
    /// Files that were begun.
    pub opened: u64,
    /// Files that were emptied, or written anew in place.
    pub emptied: u64,
    /// Files that took the place of others.
    pub rotated: u64,
}

/// Says whether the file at a path with this device and number is read by somebody else.
pub type Taken<'a> = &'a dyn Fn(&Path, (u64, u64)) -> bool;

/// Follows the files of one pattern.
#[derive(Debug)]
pub struct Tailer {
    pattern: String,
    /// The pattern, compiled; None where it names one file, or is none.
    glob: Option<glob::Pattern>,
    sources: Vec<Source>,
    /// Files that are not open.
    closed: Vec<Position>,
    /// Files that are there at the first look are new to this pattern, and read from their end.
    begin_at_end: bool,
    /// Whether files were looked for in this process.
    looked: bool,
    /// When files were last looked for, nanoseconds since the Unix epoch.
    looked_at: i64,
    next: u64,
    happened: Happened,
    trouble: BTreeMap<PathBuf, String>,
}

impl Tailer {
    /// For a pattern, an absolute path that may have `*`, `?`, `[…]` and `**` in it. Files that `before` tells of are read on.
    #[must_use]
    pub fn new(pattern: &str, before: &Positions) -> Self {
        let mine = before.files.iter().filter(|file| file.pattern == pattern);
        Self {
            pattern: pattern.to_owned(),
            glob: glob::Pattern::new(pattern).ok().filter(|_| !is_exact(pattern)),
            sources: Vec::new(),
            closed: mine.cloned().collect(),
            begin_at_end: !before.patterns.iter().any(|known| known == pattern),
            looked: false,
            looked_at: before.looked,
            next: 0,
            happened: Happened::default(),
            trouble: BTreeMap::new(),
        }
    }

    /// Files that are there at the first look are read from their start, whatever is known.
    pub fn begin_at_start(&mut self) {
        self.begin_at_end = false;
    }

    /// The pattern.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether the pattern names one file.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        is_exact(&self.pattern)
    }

    /// Whether the pattern finds what is called so.
    #[must_use]
    pub fn claims(&self, path: &Path) -> bool {
        // As files are found: a `*` is within one folder.
        let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
        let found = self.glob.as_ref().map(|glob| glob.matches_path_with(path, options));
        found.unwrap_or_else(|| path == Path::new(&self.pattern))
    }

    /// Whether the file at `path`, with this device and number, is read here: by its name or its first one, or because it was begun
    /// under another.
    #[must_use]
    pub fn holds(&self, path: &Path, key: (u64, u64)) -> bool {
        let was_read = |known: &Position| {
            let is_told = (known.device, known.inode) == key && known.is_told_by_content();
            is_told && open_regular(path).is_ok_and(|(file, _)| known.is_of(&file))
        };
        self.claims(path)
            || self.claims(Path::new(&first_name(path)))
            || self.sources.iter().any(|source| source.facts.key() == key)
            || self.closed.iter().any(was_read)
    }

    /// Reads a file on from where it was read up to by another pattern.
    pub fn adopt(&mut self, position: Position) {
        self.remember(position);
    }

    /// Leaves the file that is known as `path` to another pattern.
    pub fn disown(&mut self, path: &str) {
        self.sources.retain(|source| source.label != path);
        self.closed.retain(|known| known.path != path);
    }

    /// Looks for files that are not taken and reads up to about `budget` bytes of them. `now` is in nanoseconds since the Unix epoch. Gives how many
    /// bytes were read: as long as that is not 0 there may be more.
    pub fn poll(&mut self, now: i64, budget: usize, taken: Taken<'_>, take: &mut dyn FnMut(Line<'_>)) -> usize {
        self.look_at_open(take);
        self.discover(now, taken);
        self.sources.sort_by_key(|source| (!source.rotated, source.facts.modified()));
        let mut left = budget;
        let mut not_at_end: Vec<String> = Vec::new();
        for source in self.sources.iter_mut().filter(|source| !source.waits) {
            let waits_for_older = not_at_end.contains(&source.label);
            if left > 0 && !waits_for_older {
                match source.read(TURN.min(left), take) {
                    Ok(read) => left = left.saturating_sub(read),
                    Err(error) => drop(self.trouble.insert(source.path.clone(), error.to_string())),
                }
            }
            if !source.at_end || waits_for_older {
                not_at_end.push(source.label.clone());
            }
        }
        self.sources.iter_mut().filter(|source| !source.waits).for_each(|source| source.aim(now));
        self.close_quiet(take);
        budget - left
    }

    /// Files that are not what they were.
    fn look_at_open(&mut self, take: Take<'_>) {
        for at in 0..self.sources.len() {
            if self.sources[at].waits || !self.sources[at].look() {
                continue;
            }
            self.happened.emptied += 1;
            let position = self.sources[at].position();
            if !self.release_copy(&position, at) {
                self.sources[at].finish_line(take);
            }
            self.sources[at].restart();
        }
    }

    /// Ends files to which nothing comes any more.
    fn close_quiet(&mut self, take: Take<'_>) {
        let mut room = self.sources.len();
        let mut kept = Vec::new();
        for mut source in std::mem::take(&mut self.sources) {
            let quiet = source.quiet.map_or(Duration::ZERO, |since: Instant| since.elapsed());
            let packed = source.is_packed() && source.at_end;
            if packed || source.rotated && source.at_end && quiet >= LAST_LINE {
                source.finish_line(take);
            }
            let patience = if source.facts.links == 0 { QUIET_DELETED } else { QUIET };
            let crowded = room > OPEN_MAX && source.at_end && quiet >= LAST_LINE;
            if packed || crowded || source.rotated && source.at_end && !source.waits && quiet >= patience {
                self.remember(source.position());
                room -= 1;
            } else {
                kept.push(source);
            }
        }
        self.sources = kept;
    }

    fn remember(&mut self, position: Position) {
        if self.closed.len() >= REMEMBERED_MAX {
            self.closed.remove(0);
        }
        self.closed.push(Position { pattern: self.pattern.clone(), ..position });
    }

    /// How far all files were read; those in `earlier` (by [`Line::file`]) only up to a place before.
    #[must_use]
    pub fn positions(&self, earlier: &BTreeMap<u64, Mark>) -> Vec<Position> {
        let open = self.sources.iter().map(|source| {
            let position = match earlier.get(&source.number) {
                Some(mark) => source.position_at(*mark),
                None => source.position(),
            };
            Position { pattern: self.pattern.clone(), ..position }
        });
        self.closed.iter().cloned().chain(open).collect()
    }

    /// By path: bytes that are there and were not read, and since when some wait (nanoseconds since the Unix epoch).
    #[must_use]
    pub fn behind(&self) -> BTreeMap<&str, (u64, Option<i64>)> {
        let mut all = BTreeMap::new();
        for source in self.sources.iter().filter(|source| !source.waits) {
            let (bytes, since): &mut (u64, Option<i64>) = all.entry(source.label.as_str()).or_default();
            *bytes += source.behind();
            *since = [*since, source.waits_since()].into_iter().flatten().min();
        }
        all
    }

    /// Whether a file is packed or has ended: no line of it is continued.
    #[must_use]
    pub fn is_final(&self, file: u64) -> bool {
        self.sources.iter().find(|source| source.number == file).is_none_or(Source::is_packed)
    }

    /// Files that are open.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.sources.len() as u64
    }

    /// What happened to files so far.
    #[must_use]
    pub const fn happened(&self) -> Happened {
        self.happened
    }

    /// When files were last looked for, nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn looked_at(&self) -> i64 {
        self.looked_at
    }

    /// Files that cannot be read, and why.
    #[must_use]
    pub const fn trouble(&self) -> &BTreeMap<PathBuf, String> {
        &self.trouble
    }

    /// Opens a file and notes why that fails.
    fn open(&mut self, path: &Path, label: String) -> Option<Source> {
        match Source::open(path, self.next, label) {
            Ok(source) => {
                self.next += 1;
                self.trouble.remove(path);
                Some(source)
            }
            Err(error) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    self.trouble.insert(path.to_owned(), error.to_string());
                }
                None
            }
        }
    }
}
