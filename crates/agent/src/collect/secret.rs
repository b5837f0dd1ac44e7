//! Passwords, which stay on the host of the agent: in files that its operator put into one folder, or in variables of its own.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use arachne_delivery::instructions::{SECRET_ENV, Secret};

/// A password is no longer.
const BYTES_MAX: u64 = 4096;
/// Certificates of authorities are no longer: those of a large cloud have 200 KiB.
const AUTHORITY_BYTES_MAX: u64 = 1 << 20;

/// The secret, if there is to be one. Texts of errors hold nothing of it.
///
/// # Errors
/// It is not where it should be.
pub fn read(secret: &Secret, folder: &Path) -> Result<Option<String>, String> {
    match (&secret.file, &secret.env) {
        (Some(name), _) => of_file(name, folder).map(Some),
        (None, Some(name)) => of_env(name).map(Some),
        (None, None) => Ok(None),
    }
}

/// The certificates of authorities in a file of the folder.
///
/// # Errors
/// It cannot be read.
pub fn authority(name: &str, folder: &Path) -> Result<String, String> {
    let file = place(name, folder)?;
    text(&file, AUTHORITY_BYTES_MAX).map_err(|why| format!("cannot read the authority in {}: {why}", file.display()))
}

/// The first line of a file.
fn of_file(name: &str, folder: &Path) -> Result<String, String> {
    let file = place(name, folder)?;
    let wrong = |why: &dyn std::fmt::Display| format!("cannot read the password in {}: {why}", file.display());
    match text(&file, BYTES_MAX).map_err(|error| wrong(&error))?.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(wrong(&"its first line is empty")),
    }
}

fn place(name: &str, folder: &Path) -> Result<PathBuf, String> {
    // Configurations are checked for this; here it is what keeps all other files of the host from being sent anywhere.
    if name.starts_with('.') || name.contains('/') {
        return Err(format!("{} is no file of the folder of secrets", name.escape_debug()));
    }
    Ok(folder.join(name))
}

fn text(file: &Path, bytes_max: u64) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(bytes_max).read_to_string(&mut text)?;
    Ok(text)
}

fn of_env(name: &str) -> Result<String, String> {
    let value = if name.starts_with(SECRET_ENV) { std::env::var(name).ok() } else { None };
    value.filter(|value| !value.is_empty()).ok_or_else(|| format!("the agent's environment has no variable {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_first_line_of_a_file_in_the_folder_and_nowhere_else() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("secrets")).expect("a folder");
        let secrets = folder.path().join("secrets");
        std::fs::write(secrets.join("pg"), "geheim 4711\nsecond\n").expect("a file");
        std::fs::write(secrets.join("empty"), "").expect("a file");
        std::fs::write(folder.path().join("outside"), "key").expect("a file");
        let file = |name: &str| read(&Secret { file: Some(name.to_owned()), env: None }, &secrets);
        assert_eq!(file("pg"), Ok(Some("geheim 4711".to_owned())));
        assert_eq!(read(&Secret::default(), &secrets), Ok(None));
        for name in ["../outside", "/etc/passwd", ".", "missing", "empty"] {
            assert!(file(name).is_err(), "{name}");
        }
        let env = |name: &str| read(&Secret { file: None, env: Some(name.to_owned()) }, &secrets);
        assert!(env("PATH").is_err() && env("ARACHNE_SECRET_NOBODY_SETS_THIS").is_err());
    }
}
