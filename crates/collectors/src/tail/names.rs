//! Names of log files: which ones a pattern finds, and which ones are older ones of another.

use std::fs;
use std::path::{Path, PathBuf};

/// Files that one pattern may find. Policy: further ones, in the order of names, are left out and told.
pub(super) const FILES_MAX: usize = 1024;

/// Whether a pattern names one file.
pub(super) fn is_exact(pattern: &str) -> bool {
    !pattern.contains(['*', '?', '['])
}

/// The files that a pattern finds now, and whether there are more than [`FILES_MAX`].
pub(super) fn found(pattern: &str) -> (Vec<PathBuf>, bool) {
    if is_exact(pattern) {
        return (vec![PathBuf::from(pattern)], false);
    }
    // A folder that cannot be read is as good as one without files.
    let mut files: Vec<_> = glob::glob(pattern).into_iter().flatten().flatten().take(FILES_MAX + 1).collect();
    let more = files.len() > FILES_MAX;
    files.truncate(FILES_MAX);
    (files, more)
}

/// The name that a rotated file had at first: without `.1`, `-20260302`, `.gz`, `.old` at its end.
pub(super) fn first_name(path: &Path) -> String {
    let text = path.to_string_lossy();
    let mut name = text.as_ref();
    loop {
        let number = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let shorter = [".gz", ".old"].iter().find_map(|end| name.strip_suffix(end));
        name = match shorter {
            Some(shorter) => shorter,
            None if number.len() < name.len() && number.ends_with(['.', '-', '_']) => &number[..number.len() - 1],
            None => return name.to_owned(),
        };
    }
}

/// Files beside `path` that may be older ones of it.
pub(super) fn older(path: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Vec::new() };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_older = |found: &fs::DirEntry| {
        let found = found.file_name();
        found != name && first_name(Path::new(&found)) == name.to_string_lossy()
    };
    let mut files: Vec<_> =
        entries.filter(is_older).take(FILES_MAX).map(|entry| folder.join(entry.file_name())).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_are_called_as_they_were() {
        let table = [
            ("/a/app.log", "/a/app.log"),
            ("/a/app.log.1", "/a/app.log"),
            ("/a/app.log.12.gz", "/a/app.log"),
            ("/a/app.log-20260302", "/a/app.log"),
            ("/a/app.log-20260302.gz", "/a/app.log"),
            ("/a/app.log.2026-03-02", "/a/app.log"),
            ("/a/app.log.old", "/a/app.log"),
            ("/a/http2", "/a/http2"),
        ];
        for (path, name) in table {
            assert_eq!(first_name(Path::new(path)), name, "{path}");
        }
    }
}
