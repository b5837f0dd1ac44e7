//! `arachne.yml` through the real program: hostile files, and what a good one does to commands.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{self, ARACHNE};

fn run(arguments: &[&str]) -> Output {
    Command::new(ARACHNE).args(arguments).env_remove("ARACHNE_DATA").output().unwrap()
}

/// The exit code of a bad configuration; the corpus calls every refusal 2.
const REFUSED: i32 = 3;

#[test]
fn hostile_files() {
    let Some(hostile) = support::shared("hostile") else { return };
    let cases: Value = serde_json::from_slice(&fs::read(hostile.join("cases.json")).unwrap()).unwrap();
    let all = cases.as_array().or_else(|| cases["cases"].as_array()).unwrap();
    let mut seen = 0;
    for case in all.iter().filter(|case| case["kind"] == "config") {
        let file = hostile.join(case["file"].as_str().unwrap());
        let output = run(&["check", file.to_str().unwrap()]);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let id = &case["id"];
        let code = output.status.code();
        let fits = code == Some(REFUSED) || (code == Some(0) && case["expect"]["exit_any"].is_array());
        assert!(fits, "{id}: {code:?} {text}");
        for word in case["expect"]["error_mentions"].as_array().into_iter().flatten() {
            assert!(text.contains(word.as_str().unwrap()), "{id} does not mention {word}: {text}");
        }
        for word in case["expect"]["must_not_contain_in_output"].as_array().into_iter().flatten() {
            assert!(!text.contains(word.as_str().unwrap()), "{id} tells {word}: {text}");
        }
        seen += 1;
    }
    assert!(seen >= 11, "{seen} cases");
}

#[test]
fn the_store_and_the_names_of_services_come_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("arachne.yml");
    fs::write(&file, "storage:\n  path: store\nservices:\n  - name: everything\n").unwrap();
    let config = file.to_str().unwrap();
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/demo.pcapng.gz");
    let imported = run(&["--config", config, "import", capture]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    assert!(folder.path().join("store").is_dir());
    let answer = run(&["--config", config, "query", "-service:everything", "--format", "ndjson"]);
    assert!(answer.status.success() && answer.stdout.is_empty(), "{}", String::from_utf8_lossy(&answer.stdout));
    let answer = run(&["--config", config, "query", "service:everything", "--limit", "1", "--format", "ndjson"]);
    assert!(!answer.stdout.is_empty(), "{}", String::from_utf8_lossy(&answer.stderr));
}

#[test]
fn rules_for_paths_are_shown_and_count_for_samples_and_imports() {
    let folder = tempfile::tempdir().unwrap();
    let (file, sample) = (folder.path().join("arachne.yml"), folder.path().join("access.log"));
    let text = "storage: {path: store}\npaths:\n  - pattern: /**\n    template: /{all}\nlogs:\n  - {plugin: access, file: access.log, format: combined}\n";
    fs::write(&file, text).unwrap();
    fs::write(&sample, "10.0.0.1 - - [12/Jul/2026:10:00:00 +0000] \"GET /a/b HTTP/1.1\" 200 5 \"-\" \"curl/8\"\n")
        .unwrap();
    let config = file.to_str().unwrap();
    let shown = run(&["check", config]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("paths     /** is /{all}\n"), "{shown:?}");
    let tried = run(&["check", config, "--sample", sample.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&tried.stdout).contains("paths /{all} 1\n"), "{tried:?}");
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/demo.pcapng.gz");
    assert!(run(&["--config", config, "import", capture]).status.success());
    let other = run(&["--config", config, "query", "-template:\"/{all}\"", "--format", "ndjson"]);
    assert!(other.status.success() && other.stdout.is_empty(), "{}", String::from_utf8_lossy(&other.stdout));
    // The same capture with other rules is another thing to ask for.
    fs::write(&file, text.replace("{all}", "{any}")).unwrap();
    let again = run(&["--config", config, "import", capture]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("imported before with other options"), "{again:?}");
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let output = run(&["--config", "nowhere.yml", "query", ""]);
    assert_eq!(output.status.code(), Some(REFUSED));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere.yml: cannot be read"));
}

#[test]
fn a_sample_says_what_rules_hit_and_what_nothing_matched() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("arachne.yml");
    let sample = folder.path().join("app.log");
    let rule = "storage: {path: d}\nlogs:\n  - plugin: logparser\n    config:\n      name: xsl\n      file: app.log\n      \
                regex: '^(?P<at>\\S+) applied (?P<file>\\S+) in (?P<took>\\d+)ms'\n      metrics:\n        - type: rate\n          \
                name: xsl.time\n          value: ms2sec:took\n          labels: {file: =file}\n";
    fs::write(&config, rule).unwrap();
    fs::write(&sample, "1 applied a.xsl in 10ms\n2 applied b.xsl in 20ms\n3 applied c.xsl took \x1b[31m30ms\nother\n")
        .unwrap();
    let output = run(&["check", config.to_str().unwrap(), "--sample", sample.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for said in [
        ": 4 lines, ",
        "rule      xsl: 2 of 4 lines (50.0 %), one-pass, ",
        "only lines with ` applied ` are tried",
        "xsl.time: 2 values\n",
        "unmatched 2 of 4 lines (50.0 %)",
        "line 3: 3 applied c.xsl took \\x1b[31m30ms",
        "nearest is xsl: ",
        "line 4: other",
    ] {
        assert!(text.contains(said), "{said} is not in {text}");
    }
    fs::write(&config, rule.replace("\\d+)ms", "\\d+ms")).unwrap();
    let output = run(&["check", config.to_str().unwrap(), "--sample", sample.to_str().unwrap()]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(REFUSED));
    assert!(text.contains("arachne.yml:7:53: logs[0].regex: the expression unclosed group"), "{text}");
}
