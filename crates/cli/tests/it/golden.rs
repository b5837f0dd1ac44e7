//! Real captures made by others: exchanges, streams and bodies against what other tools find in them.

use std::path::Path;

use arachne_testkit::golden::{self, Decisions, Expected, Row, decisions, row_of_ndjson};

use crate::support::{self, read_file};

/// The share of files that must be equal or decided, in percent.
const SHARE_MIN: f64 = 97.0;

/// TLS needs the secrets in the file, which are not read yet.
const ACCEPTED: &[&str] = &["tls/tls12-dsb.pcapng"];

fn rows(file: &Path) -> Result<Vec<Row>, String> {
    let ran = read_file(file, "--format ndjson");
    if !matches!(ran.code, 0 | 6) {
        return Err(format!("exit {}: {}", ran.code, ran.err));
    }
    ran.out.lines().map(row_of_ndjson).collect()
}

#[test]
fn exchanges_of_real_captures() {
    let Some(captures) = support::shared("captures") else { return };
    let expected = Expected::parse(&support::expected(&captures).to_string()).unwrap();
    let decisions = Decisions::parse(decisions::TEXT).unwrap();
    let report = golden::run(&captures, &expected, &decisions, rows);
    assert!(report.percentage() >= SHARE_MIN, "{report}");
    assert!(report.unused_decisions.is_empty(), "{report}");
    let missed = |verdict: &golden::Verdict| matches!(verdict, golden::Verdict::Wrong(_) | golden::Verdict::Failed(_));
    let missed: Vec<&str> =
        report.files.iter().filter(|(_, verdict)| missed(verdict)).map(|(file, _)| file.as_str()).collect();
    assert_eq!(missed, ACCEPTED, "{report}");
}
