//! Judges a build of `arachne` by the shared captures: `cargo run -p arachne-testkit --example golden -- PATH-OF-ARACHNE`.

#![allow(clippy::print_stdout, reason = "the report is what this is run for")]

use std::path::Path;
use std::process::Command;

use arachne_testkit::golden::{self, Decisions, Expected, Row, decisions, row_of_ndjson};

fn main() -> Result<(), String> {
    let arachne = std::env::args().nth(1).ok_or("usage: golden PATH-OF-ARACHNE")?;
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let Some(captures) = golden::captures(&workspace) else { return Ok(()) };
    let text = std::fs::read_to_string(captures.join("expected.json")).map_err(|error| error.to_string())?;
    let report = golden::run(&captures, &Expected::parse(&text)?, &Decisions::parse(decisions::TEXT)?, |file| {
        read(&arachne, file)
    });
    println!("{report}");
    Ok(())
}

/// The exchanges that `arachne read` finds in `file`, a damaged one included.
fn read(arachne: &str, file: &Path) -> Result<Vec<Row>, String> {
    let output = Command::new(arachne).args(["read", "--format", "ndjson"]).arg(file).output();
    let output = output.map_err(|error| format!("{arachne}: {error}"))?;
    if !matches!(output.status.code(), Some(0 | 6)) {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    String::from_utf8_lossy(&output.stdout).lines().map(row_of_ndjson).collect()
}
