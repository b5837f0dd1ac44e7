//! Development tasks: `cargo xtask ci` runs what CI runs, `cargo xtask tidy` checks the rules no compiler knows.
//!
//! Never part of a product. Installs nothing and needs no network beyond what cargo itself needs.

mod ci;
mod lexer;
mod tidy;
mod ui;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
usage: cargo xtask <task>

  ci      format, clippy, tidy, tests, docs: everything CI runs, each step timed
  ui      the web interface: types, units, the real program in a real browser (Node, Chromium)
  tidy    crate arrows, purity, panics, module docs, log codes and other house rules
  checks  lists the checks of tidy by name
";

fn main() -> ExitCode {
    let task = std::env::args().nth(1).unwrap_or_default();
    let root = workspace_root();
    let result = match task.as_str() {
        "ci" => ci::run(&root),
        "tidy" => tidy::run(&root),
        "ui" => ui::run(&root),
        "checks" => Ok(tidy::list()),
        _ => {
            say(HELP);
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("xtask {task}: {error:#}\n"));
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace: xtask always lies directly below it.
fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Prints for the person in front of the terminal; a closed pipe is nobody's fault.
fn say(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
