//! Where the store is, and how it is opened: one place for all commands.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// The folder of the store: as given, else `ARACHNE_DATA`, else `arachne` in the user's data folder.
///
/// # Errors
/// None of them is known.
pub fn data_dir(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    choose(given, |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
}

/// Source: XDG Base Directory Specification 0.8; relative paths in its variables do not count.
fn choose(given: Option<&Path>, variable: impl Fn(&str) -> Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(dir) = given {
        return Ok(dir.to_owned());
    }
    if let Some(dir) = variable("ARACHNE_DATA") {
        return Ok(dir);
    }
    let data = variable("XDG_DATA_HOME").filter(|dir| dir.is_absolute());
    match data.or_else(|| variable("HOME").map(|home| home.join(".local/share"))) {
        Some(data) => Ok(data.join("arachne")),
        None => bail!("no folder for the store: give --data DIR, or set ARACHNE_DATA or HOME"),
    }
}

/// Makes the folder of the store, for its owner alone, where it is not there.
///
/// # Errors
/// The system refuses it.
pub fn make_dir(dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("cannot make the folder {}", dir.display()))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::choose;

    #[test]
    fn the_first_that_is_known() {
        let check = |given: Option<&str>, set: &[(&str, &str)], expected: Option<&str>| {
            let variable = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| PathBuf::from(value));
            let found = choose(given.map(Path::new), variable).ok();
            assert_eq!(found.as_deref(), expected.map(Path::new), "{given:?} {set:?}");
        };
        check(Some("a"), &[("ARACHNE_DATA", "/b")], Some("a"));
        check(None, &[("ARACHNE_DATA", "/b"), ("XDG_DATA_HOME", "/c")], Some("/b"));
        check(None, &[("XDG_DATA_HOME", "/c"), ("HOME", "/h")], Some("/c/arachne"));
        check(None, &[("XDG_DATA_HOME", "c"), ("HOME", "/h")], Some("/h/.local/share/arachne"));
        check(None, &[], None);
    }
}
