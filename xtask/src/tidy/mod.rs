//! `cargo xtask tidy`: the house rules that no compiler and no linter knows.
//!
//! Each check is a function from the workspace to findings, so that a test can feed it a violating source and see the
//! finding. A finding says where, what, why, and what to do. Idea: rust-lang/rust-analyzer, `xtask/src/tidy.rs`.

mod arrows;
mod log_codes;
mod manifests;
mod panics;
mod purity;
mod shape;
mod words;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::lexer::{self, Token};
use crate::say;

/// Something a check did not like.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// Path from the workspace root.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// Why it matters and what to do.
    pub advice: &'static str,
    /// A note is shown but does not fail the run.
    pub note: bool,
}

impl Finding {
    /// A finding that fails the run.
    pub fn new(file: &str, line: usize, what: impl Into<String>, advice: &'static str) -> Self {
        Self { file: file.to_owned(), line, what: what.into(), advice, note: false }
    }
}

/// A text file of the repository.
pub struct Source {
    /// Path from the workspace root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Its tokens, for Rust files.
    pub tokens: Vec<Token>,
    /// Per token, whether it is test code.
    pub test: Vec<bool>,
}

impl Source {
    /// A file at `path` that holds `text`.
    pub fn new(path: &str, text: &str) -> Self {
        let tokens = if path.ends_with(".rs") { lexer::tokens(text) } else { Vec::new() };
        let mut test = lexer::test_code(&tokens);
        if is_test_path(path) {
            test.fill(true);
        }
        Self { path: path.to_owned(), text: text.to_owned(), tokens, test }
    }

    /// Whether it is Rust.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Indices of the tokens outside test code.
    pub fn product_code(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.tokens.len()).filter(|&at| !self.test[at])
    }
}

/// Whether everything in `path` is test, bench, example or fuzz code; `conformance` is the suite that every engine's tests run.
fn is_test_path(path: &str) -> bool {
    let folder = |name: &str| path.starts_with(&format!("{name}/")) || path.contains(&format!("/{name}/"));
    folder("tests")
        || folder("benches")
        || folder("examples")
        || folder("fuzz")
        || folder("conformance")
        || path.ends_with("/tests.rs")
}

/// What the checks look at.
pub struct Workspace {
    /// All text files that git knows or would add.
    pub sources: Vec<Source>,
    /// The crates of the workspace.
    pub crates: Vec<arrows::Crate>,
}

impl Workspace {
    fn read(root: &Path) -> Result<Self> {
        // CI often runs as another user than the one who cloned; listing files is harmless.
        let trust = "safe.directory=*";
        let listed =
            output(root, "git", &["-c", trust, "ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
        let mut sources = Vec::new();
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            // Deleted files are still listed, captures are no text.
            let Ok(bytes) = std::fs::read(root.join(path)) else { continue };
            if let Ok(text) = String::from_utf8(bytes) {
                sources.push(Source::new(path, &text));
            }
        }
        let metadata = output(root, "cargo", &["metadata", "--no-deps", "--format-version", "1"])?;
        Ok(Self { sources, crates: arrows::from_metadata(&metadata)? })
    }

    /// The Rust files.
    pub fn rust(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| source.is_rust())
    }

    /// The text of the file at `path`.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.sources.iter().find(|source| source.path == path).map(|source| source.text.as_str())
    }
}

fn output(root: &Path, program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).current_dir(root).output();
    let output = output.with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        bail!("{program} {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).with_context(|| format!("{program} printed what is not UTF-8"))
}

type Check = fn(&Workspace) -> Vec<Finding>;

/// All checks: name, what it holds, the function.
const CHECKS: &[(&str, &str, Check)] = &[
    ("arrows", "crates depend only on the layers below them", arrows::check),
    ("pure-dependencies", "PURE crates use only listed external crates", arrows::check_pure_dependencies),
    ("pure-sources", "PURE crates have no I/O, threads, clock, randomness, logging, async", purity::check),
    ("manifests", "each dependency is declared once, with its reason", manifests::check),
    ("panics", "no unwrap outside tests, each expect states its proof", panics::check),
    ("module-docs", "each file says what it is for", shape::check_module_docs),
    ("size", "functions and files stay readable", shape::check_size),
    ("machine-paths", "no folder of somebody's machine", words::check_machine_paths),
    ("unfinished", "nothing is left for later", words::check_unfinished),
    ("ignored-tests", "no test is switched off", words::check_ignored_tests),
    ("log-codes", "log codes in the sources and in docs/log-codes.md are the same", log_codes::check),
];

/// Runs all checks over the workspace at `root`; true when nothing was found.
///
/// # Errors
/// git or cargo cannot be asked.
pub fn run(root: &Path) -> Result<bool> {
    let workspace = Workspace::read(root)?;
    let (mut failures, mut notes) = (0, 0);
    for (name, _, check) in CHECKS {
        for finding in check(&workspace) {
            let word = if finding.note { "note" } else { "error" };
            say(&format!("{}:{}: {word}[{name}]: {}\n", finding.file, finding.line, finding.what));
            say(&format!("    {}\n", finding.advice));
            *(if finding.note { &mut notes } else { &mut failures }) += 1;
        }
    }
    let files = workspace.sources.len();
    say(&format!("tidy: {} checks over {files} files: {failures} findings, {notes} notes\n", CHECKS.len()));
    Ok(failures == 0)
}

/// Prints the names of the checks.
pub fn list() -> bool {
    for (name, holds, _) in CHECKS {
        say(&format!("{name:18} {holds}\n"));
    }
    true
}

#[cfg(test)]
pub mod testing {
    //! A workspace made of strings.

    use super::{Source, Workspace};

    /// A workspace of these files, without crates.
    pub fn workspace(files: &[(&str, &str)]) -> Workspace {
        Workspace { sources: files.iter().map(|(path, text)| Source::new(path, text)).collect(), crates: Vec::new() }
    }

    /// `file:line` and what was found, for comparison.
    pub fn shown(findings: &[super::Finding]) -> Vec<String> {
        findings.iter().map(|f| format!("{}:{} {}", f.file, f.line, f.what)).collect()
    }
}
