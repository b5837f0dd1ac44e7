//! Builds `ui/` with npm and writes `assets.rs`, the sorted table of its files.
//!
//! `UI_DIST=<folder>` takes a ready build instead (release images, packagers, no Node); a path that is not absolute starts
//! at the root of the workspace. `UI_SKIP=1`, and docs.rs, take a placeholder page (work on the Rust side alone).
//! Nothing is written outside `OUT_DIR` but `ui/node_modules`.

#![allow(clippy::print_stdout, reason = "cargo reads what a build script prints")]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::SystemTime;

const FAILED: &str = "The web UI could not be built. Install Node >= 20.19 with npm, or set UI_DIST=.. or UI_SKIP=1";
/// What the build reads. Their tests and documents change nothing in the program.
const SOURCES: [&str; 9] = [
    "src",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "svelte.config.js",
    "tsconfig.json",
    "vite.config.mjs",
    "vite.config.ts",
];
/// Files that the build makes beside each one where that is shorter.
const PACKED: [&str; 2] = ["br", "gz"];

fn main() -> ExitCode {
    for name in ["UI_DIST", "UI_SKIP", "DOCS_RS"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            println!("cargo::error={reason}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR").ok_or("cargo names no folder of this crate")?);
    let out = PathBuf::from(variable("OUT_DIR").ok_or("cargo names no folder for what is made")?);
    let root = here.join("../..");
    let (ui, table) = (root.join("ui"), out.join("assets.rs"));
    println!("cargo::rerun-if-changed={}", here.join("build.rs").display());
    let files = if let Some(dist) = variable("UI_DIST") {
        let dist = root.join(dist);
        println!("cargo::rerun-if-changed={}", dist.display());
        files(&dist)?
    } else if variable("UI_SKIP").or(variable("DOCS_RS")).is_some() || !ui.exists() {
        println!(
            "cargo::warning=the web UI is left out (UI_SKIP is set or there is no ui/): a placeholder takes its place"
        );
        let page = here.join("src/placeholder.html");
        println!("cargo::rerun-if-changed={}", page.display());
        vec![("index.html".to_owned(), page)]
    } else {
        files(&made(&ui, &out)?)?
    };
    if !files.iter().any(|(path, _)| path == "index.html") {
        return Err("the web UI has no index.html".to_owned());
    }
    fs::write(&table, text(&files)?).map_err(|error| format!("cannot write {}: {error}", table.display()))
}

/// A variable that says something: empty and `0` are as if it were not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !["", "0"].contains(&value.as_str()))
}

/// Builds `ui` into a folder of its own in `out`, which is given.
fn made(ui: &Path, out: &Path) -> Result<PathBuf, String> {
    // Naming what is not there would build again each time.
    for source in SOURCES.iter().map(|name| ui.join(name)).filter(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", source.display());
    }
    let dist = out.join("ui-dist");
    let failed = |reason: &str| format!("{FAILED} ({reason})");
    // An editor and a terminal may run cargo at once; the lock ends with the file handle.
    let lock = File::open(ui.join("package.json")).map_err(|error| failed(&format!("ui/package.json: {error}")))?;
    lock.lock().map_err(|error| failed(&format!("the lock on ui/package.json: {error}")))?;
    if stale(ui) {
        npm(ui, &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], &dist)?;
    }
    if dist.exists() {
        fs::remove_dir_all(&dist).map_err(|error| format!("cannot empty {}: {error}", dist.display()))?;
    }
    npm(ui, &["run", "build"], &dist)?;
    Ok(dist)
}

/// Whether the packages are not those of the lock file.
fn stale(ui: &Path) -> bool {
    let changed = |path: &str| -> Option<SystemTime> { fs::metadata(ui.join(path)).ok()?.modified().ok() };
    changed("package-lock.json") > changed("node_modules/.package-lock.json")
}

fn npm(ui: &Path, arguments: &[&str], dist: &Path) -> Result<(), String> {
    let done = Command::new("npm").args(arguments).current_dir(ui).env("UI_OUT", dist).output();
    let failed = |reason: &str| format!("{FAILED} (npm {}: {reason})", arguments[0]);
    let done = done.map_err(|error| failed(&error.to_string()))?;
    if done.status.success() {
        return Ok(());
    }
    // cargo shows this where a build script fails.
    println!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    Err(failed(&done.status.to_string()))
}

/// The files below `dist` by their path from there, sorted; without the packed ones and source maps.
fn files(dist: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let mut found = Vec::new();
    let mut folders = vec![dist.to_owned()];
    while let Some(folder) = folders.pop() {
        let unread = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
        for entry in fs::read_dir(&folder).map_err(unread)? {
            let path = entry.map_err(unread)?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let extension = path.extension().unwrap_or_default().to_string_lossy();
            if !PACKED.contains(&&*extension) && extension != "map" {
                let name = path.strip_prefix(dist).map_err(|error| error.to_string())?;
                found.push((name.to_string_lossy().replace('\\', "/"), path));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The table as Rust. Bytes are included from where they are.
fn text(files: &[(String, PathBuf)]) -> Result<String, String> {
    let mut out = String::from("/// All files, sorted by path.\nstatic ASSETS: &[Asset] = &[\n");
    for (path, file) in files {
        let file = fs::canonicalize(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let content = fs::read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let mut hash = DefaultHasher::new();
        content.hash(&mut hash);
        let tag = format!("W/\"{:016x}-{:x}\"", hash.finish(), content.len());
        let packed = PACKED.map(|coding| packed(&file, coding, content.len()));
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "    Asset {{ path: {path:?}, raw: include_bytes!({file:?}), br: {}, gz: {}, etag: {tag:?} }},",
            packed[0], packed[1]
        );
    }
    out.push_str("];\n");
    Ok(out)
}

/// The file in a coding, where it is there and saves something.
fn packed(file: &Path, coding: &str, plain: usize) -> String {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{coding}"));
    match fs::metadata(&name) {
        Ok(facts) if facts.len() < plain as u64 => format!("Some(include_bytes!({name:?}))"),
        _ => "None".to_owned(),
    }
}
