//! `cargo xtask ci`: the steps of CI in order, each timed, with a summary at the end.
//!
//! A failing step does not hide the ones behind it: all run, then the summary names those that failed.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{say, tidy, ui};

/// What became of one step.
struct Outcome {
    name: &'static str,
    passed: Option<bool>,
    took: Duration,
}

/// Runs all steps; true when each passed.
///
/// # Errors
/// When a check of `tidy` cannot read the workspace.
pub fn run(root: &Path) -> Result<bool> {
    let mut outcomes = Vec::new();
    step(&mut outcomes, "fmt", || cargo(root, &["fmt", "--all", "--check"], None));
    step(&mut outcomes, "clippy", || {
        cargo(root, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], None)
    });
    step(&mut outcomes, "tidy", || told("tidy", tidy::run(root)));
    step(&mut outcomes, "tests", || tests(root));
    step(&mut outcomes, "ui", || told("ui", ui::run(root)));
    step(&mut outcomes, "doctests", || cargo(root, &["test", "--workspace", "--doc", "--quiet"], None));
    step(&mut outcomes, "docs", || {
        cargo(root, &["doc", "--workspace", "--no-deps", "--quiet"], Some(("RUSTDOCFLAGS", "-D warnings")))
    });
    if has(root, "deny") {
        step(&mut outcomes, "deny", || cargo(root, &["deny", "check"], None));
    } else {
        outcomes.push(Outcome { name: "deny (cargo-deny is not installed)", passed: None, took: Duration::ZERO });
    }
    Ok(summary(&outcomes))
}

/// Why a step could not run fails it.
fn told(name: &str, result: Result<bool>) -> bool {
    result.unwrap_or_else(|error| {
        say(&format!("{name}: {error:#}\n"));
        false
    })
}

/// nextest where it is installed, since it is faster and stops hanging tests; plain cargo otherwise.
fn tests(root: &Path) -> bool {
    if has(root, "nextest") {
        cargo(root, &["nextest", "run", "--workspace", "--no-fail-fast"], None)
    } else {
        cargo(root, &["test", "--workspace", "--all-targets", "--no-fail-fast"], None)
    }
}

fn step(outcomes: &mut Vec<Outcome>, name: &'static str, run: impl FnOnce() -> bool) {
    say(&format!("\n== {name}\n"));
    let start = Instant::now();
    let passed = run();
    outcomes.push(Outcome { name, passed: Some(passed), took: start.elapsed() });
}

fn cargo(root: &Path, arguments: &[&str], env: Option<(&str, &str)>) -> bool {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(root).envs(env);
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            say(&format!("cannot start cargo: {error}\n"));
            false
        }
    }
}

fn has(root: &Path, subcommand: &str) -> bool {
    let probe = Command::new("cargo").args([subcommand, "--version"]).current_dir(root).output();
    probe.is_ok_and(|output| output.status.success())
}

fn summary(outcomes: &[Outcome]) -> bool {
    say("\n== summary\n");
    for outcome in outcomes {
        let word = match outcome.passed {
            Some(true) => "ok",
            Some(false) => "FAILED",
            None => "skipped",
        };
        say(&format!("{word:8} {:7.1} s  {}\n", outcome.took.as_secs_f64(), outcome.name));
    }
    outcomes.iter().all(|outcome| outcome.passed != Some(false))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Outcome, summary};

    #[test]
    fn a_skipped_step_does_not_fail_and_a_failed_one_does() {
        let outcome = |passed| Outcome { name: "step", passed, took: Duration::ZERO };
        assert!(summary(&[outcome(Some(true)), outcome(None)]));
        assert!(!summary(&[outcome(Some(true)), outcome(Some(false))]));
    }
}
