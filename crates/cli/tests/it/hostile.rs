//! Hostile captures with required outcomes, judged by the runner that came with them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{self, ARACHNE};

/// Runs the cases of `kinds`, one of them where `only` names it; `None` with a message where there is no Python.
fn run(hostile: &Path, kinds: &str, only: Option<&str>) -> Option<Vec<Value>> {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results.json");
    let tools = hostile.join("tools");
    let adapter = tools.join("read_adapter.py");
    let command = format!("python3 '{}' '{ARACHNE}' {{file}}", adapter.display());
    let mut runner = Command::new("python3");
    runner.arg(tools.join("run_cases.py")).arg(hostile).args(["--kinds", kinds, "--cmd", &command, "--json"]);
    runner.arg(&results);
    if let Some(only) = only {
        runner.args(["--only", only]);
    }
    let Ok(output) = runner.output() else {
        #[allow(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: python3 does not start");
        }
        return None;
    };
    let text = std::fs::read_to_string(&results)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    Some(serde_json::from_str(&text).unwrap())
}

/// The cases of `kinds`, of which at least `least` are there and all pass.
fn all_pass(kinds: &str, only: Option<&str>, least: usize) {
    let Some(hostile) = support::shared("hostile") else { return };
    let Some(cases) = run(&hostile, kinds, only) else { return };
    assert!(cases.len() >= least, "{} cases of {kinds}", cases.len());
    let bad: Vec<&Value> = cases.iter().filter(|case| case["level"] == "must" && case["result"] != "pass").collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn capture_files() {
    all_pass("pcap,pcapng", None, 45);
}

#[test]
fn packets_and_streams() {
    all_pass("tcp", None, 35);
}

#[test]
fn messages_and_bodies() {
    all_pass("http,compress", None, 42);
}

#[test]
fn attacks_on_whoever_looks_or_forgets() {
    all_pass("xss,secret", None, 13);
}

#[test]
fn uploads_that_are_files() {
    for only in ["upload-not-a-pcap", "upload-pcap-gz-bomb", "upload-pcap-gz-gz"] {
        all_pass("upload", Some(only), 1);
    }
}

/// HTTP/2 is not parsed yet: these must not crash, hang or need more than their limits.
#[test]
fn http2_does_no_harm() {
    let Some(hostile) = support::shared("hostile") else { return };
    let Some(cases) = run(&hostile, "http2", None) else { return };
    assert!(cases.len() >= 7, "{} cases", cases.len());
    let harm = ["hang", "signal", "panic", " s > ", " MB > ", "stdout is not JSON", "exit "];
    for case in &cases {
        let words = case["bad"].to_string();
        assert!(!harm.iter().any(|word| words.contains(word)), "{case:#?}");
    }
}
