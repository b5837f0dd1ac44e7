//! Law 1 and law 9 over every capture there is: nothing vanishes, and the number of threads changes nothing.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{self, Ran, assert_balanced, read_file};

/// The file to feed: unpacked where the list of cases asks for it.
fn fed(path: &Path, unpack: bool, folder: &Path) -> PathBuf {
    if !unpack {
        return path.to_owned();
    }
    let unpacked = folder.join(path.file_stem().expect("a file has a name"));
    let mut from = flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap());
    let mut into = std::fs::File::create(&unpacked).unwrap();
    std::io::copy(&mut from, &mut into).unwrap();
    unpacked
}

/// Everything of a stats line that may not depend on the number of threads.
fn comparable(ran: &Ran) -> Value {
    let mut stats = ran.stats();
    stats.as_object_mut().expect("an object").remove("held_bytes_max");
    stats
}

/// Reads `file` with several numbers of threads, and checks the ledger and that all runs are the same.
fn check(file: &Path) {
    let name = file.display().to_string();
    let runs = [1, 2, 5, 8].map(|threads| read_file(file, &format!("--format ndjson --stats --threads {threads}")));
    for ran in &runs {
        assert!(matches!(ran.code, 0 | 6), "{name}: exit {}: {}", ran.code, ran.err);
        assert_balanced(&ran.stats(), &name);
        assert_eq!(ran.out.lines().count() as u64, ran.stats()["exchanges"]["out"], "{name}: rows are exchanges");
        assert_eq!(ran.code, runs[0].code, "{name}");
        assert!(ran.out == runs[0].out, "{name}: rows depend on the number of threads");
        assert_eq!(comparable(ran), comparable(&runs[0]), "{name}: counts depend on the number of threads");
    }
}

#[test]
fn every_real_capture_balances_on_any_number_of_threads() {
    let Some(captures) = support::shared("captures") else { return };
    let files = support::capture_files(&captures);
    assert!(files.len() > 100, "{} files", files.len());
    files.iter().for_each(|file| check(file));
}

#[test]
fn every_hostile_capture_balances_on_any_number_of_threads() {
    let Some(hostile) = support::shared("hostile") else { return };
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(hostile.join("cases.json")).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut files = std::collections::BTreeSet::new();
    for case in cases["cases"].as_array().expect("a list") {
        let text = |key: &str| case[key].as_str().unwrap_or_default();
        let offline = ["pcap", "pcapng", "tcp", "http", "http2", "compress", "upload", "secret", "xss"];
        let capture = [".pcap", ".pcapng", ".gz", ".zst"].iter().any(|end| text("file").ends_with(end));
        if offline.contains(&text("kind")) && capture {
            files.insert((hostile.join(text("file")), case.get("unpack").is_some()));
        }
    }
    assert!(files.len() > 100, "{} files", files.len());
    for (file, unpack) in files {
        check(&fed(&file, unpack, folder.path()));
    }
}
