//! Which files there are now, and which of them were read under another name or number.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::names::{first_name, found, is_exact, older};
use super::position::Position;
use super::source::{Facts, Source};
use super::{OPEN_MAX, Tailer, Taken};

/// A file that was made so long before files were last looked for was there then.
const CLOCK_SLACK: i64 = 1_000_000_000;

impl Tailer {
    /// Opens what is new, and marks what has lost its name.
    pub(super) fn discover(&mut self, now: i64, taken: Taken<'_>) {
        let (mut paths, more) = found(&self.pattern);
        if more {
            self.trouble.insert(PathBuf::from(&self.pattern), "it finds too many files: some are left out".to_owned());
        }
        self.retain_trouble(&paths);
        let mut seen = Vec::new();
        for path in std::mem::take(&mut paths) {
            if let Ok(found) = fs::metadata(&path).inspect_err(|error| self.complain(&path, error)) {
                seen.push(Facts::of(&found).key());
                self.meet(&path, &Facts::of(&found), false, taken);
            }
        }
        self.mark_rotated(&seen);
        let lost = self.sources.iter().any(|source| source.rotated) || !self.looked;
        if is_exact(&self.pattern) && lost {
            self.look_for_older(taken);
        }
        (self.begin_at_end, self.looked, self.looked_at) = (false, true, now);
    }

    fn complain(&mut self, path: &Path, error: &std::io::Error) {
        if error.kind() != std::io::ErrorKind::NotFound {
            self.trouble.insert(path.to_owned(), error.to_string());
        }
    }

    fn retain_trouble(&mut self, paths: &[PathBuf]) {
        let pattern = Path::new(&self.pattern);
        self.trouble.retain(|path, _| path == pattern || paths.contains(path));
    }

    fn mark_rotated(&mut self, seen: &[(u64, u64)]) {
        for source in self.sources.iter_mut().filter(|source| !source.rotated) {
            let has_other_name = source.path != Path::new(&source.label);
            if has_other_name || !seen.contains(&source.facts.key()) {
                source.rotated = true;
                self.happened.rotated += 1;
            }
        }
    }

    /// The pattern of one file: older ones of it are not found by it, but they are read on, and so is what came and went since
    /// files were looked for.
    fn look_for_older(&mut self, taken: Taken<'_>) {
        for path in older(Path::new(&self.pattern)) {
            if let Ok(found) = fs::metadata(&path) {
                let born = found.created().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
                let born = born.and_then(|at| i64::try_from(at.as_nanos()).ok());
                let is_new = born.is_some_and(|born| self.looked_at > 0 && born > self.looked_at - CLOCK_SLACK);
                self.meet(&path, &Facts::of(&found), !is_new, taken);
            }
        }
    }

    /// A file is at `path` now. `only_known`: it is of no interest when nothing of it was read.
    fn meet(&mut self, path: &Path, facts: &Facts, only_known: bool, taken: Taken<'_>) {
        if let Some(source) = self.sources.iter_mut().find(|source| source.facts.key() == facts.key()) {
            // A hard link is no new name as long as the first one is there.
            if source.path != path
                && fs::metadata(&source.path).map_or(true, |old| Facts::of(&old).key() != facts.key())
            {
                path.clone_into(&mut source.path);
            }
            return;
        }
        let known = self.closed.iter().position(|known| (known.device, known.inode) == facts.key());
        if let Some(at) = known {
            let is_done = self.closed[at].ended || self.closed[at].offset == facts.length && !is_packed_name(path);
            if !is_done || !self.looked {
                self.reopen(path, at, only_known, taken);
            }
            return;
        }
        if self.sources.len() < 2 * OPEN_MAX && !taken(path, facts.key()) {
            self.begin(path, only_known);
        }
    }

    /// A file whose number is known: it has grown, or is another one.
    fn reopen(&mut self, path: &Path, at: usize, only_known: bool, taken: Taken<'_>) {
        let position = self.closed[at].clone();
        let Some(mut source) = self.open(path, position.path.clone()) else { return };
        if source.facts.key() != (position.device, position.inode) {
            return;
        }
        if position.ended && source.is_packed() {
            return;
        }
        if source.resume(&position) {
            self.closed.remove(at);
            self.happened.opened += 1;
            self.sources.push(source);
        } else {
            // The number was given to another file, or this one was written anew.
            self.closed[at].inode = 0;
            // What was adopted may have the number of another file that is gone.
            let facts = source.facts;
            drop(source);
            self.meet(path, &facts, only_known, taken);
        }
    }

    /// A file that is not known by its number.
    fn begin(&mut self, path: &Path, only_known: bool) {
        let label = first_name(path);
        let Some(mut source) = self.open(path, label.clone()) else { return };
        if path != Path::new(&label) || source.is_packed() {
            if self.is_copy_of_open(&mut source, path, &label) {
                return;
            }
            if let Some(known) = self.resume_by_content(&mut source, path, &label) {
                if known {
                    self.sources.push(source);
                }
                return;
            }
        }
        if only_known {
            return;
        }
        if self.begin_at_end {
            if source.is_packed() {
                let done = Position { ended: true, ..source.position() };
                return self.remember(done);
            }
            source.begin_at_end();
        }
        self.happened.opened += 1;
        self.sources.push(source);
    }

    /// A copy of a file that is read, made to empty that one: it waits until that happens.
    fn is_copy_of_open(&mut self, source: &mut Source, path: &Path, label: &str) -> bool {
        let open = self.sources.iter().filter(|open| open.label == label && !open.waits);
        let positions: Vec<_> = open.map(Source::position).filter(Position::is_told_by_content).collect();
        for position in positions {
            let Some(mut copy) = anew(source, path) else { return true };
            if copy.resume(&position) {
                if copy.is_packed() {
                    // The packed form of a file that is open is complete there.
                    let done = Position { ended: true, ..copy.position() };
                    self.remember(done);
                } else {
                    copy.waits = true;
                    self.sources.push(copy);
                }
                return true;
            }
        }
        false
    }

    /// A file that was read under another number: `Some(true)` when it goes on there, `Some(false)` when it is to be left alone.
    fn resume_by_content(&mut self, source: &mut Source, path: &Path, label: &str) -> Option<bool> {
        let told = |position: &&Position| position.is_told_by_content() && position.path == label;
        let known: Vec<_> = self.closed.iter().filter(told).cloned().collect();
        for position in known {
            let mut copy = anew(source, path)?;
            if copy.resume(&position) {
                let of_position =
                    |closed: &Position| (closed.device, closed.inode) == (position.device, position.inode);
                let still_there = fs::metadata(&position.path)
                    .is_ok_and(|found| Facts::of(&found).key() == (position.device, position.inode));
                if still_there {
                    return Some(false);
                }
                self.closed.retain(|closed| !of_position(closed));
                *source = copy;
                return Some(true);
            }
        }
        None
    }

    /// A file was emptied: what of it was not read may be in a copy. Whether there is one.
    pub(super) fn release_copy(&mut self, position: &Position, at: usize) -> bool {
        let label = position.path.clone();
        if let Some(copy) = self.sources.iter_mut().find(|copy| copy.waits && copy.label == label)
            && copy.resume(position)
        {
            (copy.waits, copy.rotated) = (false, true);
            return true;
        }
        if !position.is_told_by_content() {
            return false;
        }
        for path in older(&self.sources[at].path.clone()) {
            let known = fs::metadata(&path).map(|found| Facts::of(&found).key());
            if known.is_ok_and(|key| self.sources.iter().any(|source| source.facts.key() == key)) {
                continue;
            }
            let Some(mut copy) = self.open(&path, label.clone()) else { continue };
            if copy.resume(position) {
                copy.rotated = true;
                self.sources.push(copy);
                return true;
            }
        }
        false
    }
}

/// The same file, opened once more: what was unpacked of it cannot be packed again.
fn anew(source: &Source, path: &Path) -> Option<Source> {
    let found = Source::open(path, source.number, source.label.clone()).ok()?;
    (found.facts.key() == source.facts.key()).then_some(found)
}

fn is_packed_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz")
}
