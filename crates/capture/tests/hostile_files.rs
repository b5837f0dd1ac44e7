//! The shared hostile files of the kinds pcap, pcapng and upload: packets kept, error or not, its offset and text.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod common;

use std::io::Read;

use serde_json::Value;

use common::{Outcome, read_all, shared};

/// The bytes of a case as a program gets them.
fn input(case: &Value) -> Option<Vec<u8>> {
    let packed = std::fs::read(shared("hostile")?.join(case["file"].as_str()?)).ok()?;
    if case["unpack"].as_str() != Some("gzip") {
        return Some(packed);
    }
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn check(case: &Value, outcome: &Outcome) -> Vec<String> {
    let (expect, error) = (&case["expect"], outcome.error.as_deref());
    let mut wrong = Vec::new();
    let mut require = |holds: bool, what: &str| {
        if !holds {
            wrong.push(format!("{}: {what}: {outcome:?}", case["id"]));
        }
    };
    if let Some(exit) = expect["exit"].as_u64() {
        require((exit == 2) == error.is_some(), "error or not");
    }
    if let Some(packets) = expect["packets"].as_u64() {
        require(outcome.packets == packets, "packets");
    }
    if let Some(packets) = expect["packets_max"].as_u64() {
        require(outcome.packets <= packets, "packets at most");
    }
    if let Some(offset) = expect["error_offset"].as_u64() {
        require(outcome.offset.is_some_and(|found| found.abs_diff(offset) <= 16), "offset");
        let text = format!("offset {}", outcome.offset.unwrap_or_default());
        require(error.is_some_and(|error| error.contains(&text)), "offset in the text");
    }
    for word in expect["error_mentions"].as_array().into_iter().flatten() {
        require(error.is_some_and(|error| error.contains(word.as_str().unwrap())), "mentions");
    }
    for word in expect["must_not_contain_in_output"].as_array().into_iter().flatten() {
        require(!format!("{outcome:?}").contains(word.as_str().unwrap()), "must not contain");
    }
    let flags: Vec<_> = expect["flags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    require(!flags.contains(&"bad_timestamp") || outcome.bad_timestamps > 0, "bad_timestamp");
    wrong
}

fn cases(kinds: &[&str]) -> Option<Vec<Value>> {
    let text = std::fs::read(shared("hostile")?.join("cases.json")).ok()?;
    let all: Value = serde_json::from_slice(&text).unwrap();
    let of_kind = |case: &&Value| case["kind"].as_str().is_some_and(|kind| kinds.contains(&kind));
    Some(all["cases"].as_array().unwrap().iter().filter(of_kind).cloned().collect())
}

#[test]
fn hostile_files_end_as_required() {
    let Some(cases) = cases(&["pcap", "pcapng"]) else {
        eprintln!("skipped: no shared hostile files, see ARACHNE_SHARED");
        return;
    };
    assert!(!cases.is_empty());
    let check_case = |case: &Value| check(case, &read_all(input(case).unwrap()));
    let wrong: Vec<_> = cases.iter().flat_map(check_case).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn hostile_uploads_are_refused_or_read_in_bounds() {
    let Some(cases) = cases(&["upload"]) else {
        eprintln!("skipped: no shared hostile files, see ARACHNE_SHARED");
        return;
    };
    let outcome = |id: &str| {
        let case = cases.iter().find(|case| case["id"] == id).unwrap();
        read_all(input(case).unwrap())
    };
    for (id, text) in [
        ("upload-not-a-pcap", "not a capture file (a Windows executable), offset 0"),
        ("upload-zip-slip", "not a capture file (a zip archive, unpack it first), offset 0"),
        (
            "upload-pcap-gz-gz",
            "not a capture file (gzip data inside gzip data, only one layer is unpacked), \
             offset 0 of the unpacked gzip data",
        ),
    ] {
        let outcome = outcome(id);
        assert_eq!(outcome.error.as_deref(), Some(text), "{id}");
        assert_eq!(outcome.packets, 0, "{id}");
    }
    // Streamed: one record, a little over the buffer for a read, is all that is held.
    let bomb = outcome("upload-pcap-gz-bomb");
    assert!(bomb.held_bytes <= 257 * 1024, "{bomb:?}");
    assert!(bomb.packets > 0 || bomb.error.is_some(), "{bomb:?}");
}
