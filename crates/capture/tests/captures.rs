//! The shared captures: packets per file as other tools count them, and what the files are.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod common;

use serde_json::Value;

use arachne_capture::Format;
use common::{Outcome, read_all, shared};

/// Files that end with an error, with its offset: what came before is kept.
const DAMAGED: &[(&str, u64)] = &[
    ("file/bad-block.pcapng", 12_400),
    ("file/cut-short.pcap", 5_035),
    ("file/fuzz-radius.pcap", 440),
    ("file/fuzz-unbounded-epb.pcapng", 48),
];

/// Files where our count differs by decision: (file, packets, packets of other tools, reason).
const DECIDED: &[(&str, u64, u64, &str)] =
    &[("file/le-102-sections.pcapng", 5, 8, "tshark counts the three custom blocks as packets; they carry none")];

fn expected_packets(name: &str, facts: &Value) -> u64 {
    let packets = facts["packets"].as_u64().unwrap();
    let decided = DECIDED.iter().find(|(file, _, others, _)| *file == name && *others == packets);
    decided.map_or(packets, |(_, ours, _, _)| *ours)
}

fn check(name: &str, facts: &Value, outcome: &Outcome) -> Result<(), String> {
    let says = |what: &str| Err(format!("{name}: {what}: {outcome:?}"));
    if outcome.packets != expected_packets(name, facts) {
        return says("packets");
    }
    if outcome.error.is_some() != DAMAGED.iter().any(|(damaged, _)| *damaged == name) {
        return says("error or not");
    }
    let Some(summary) = &outcome.summary else { return says("refused") };
    let (format, order) = match summary.format {
        Format::Pcap { order, .. } => ("pcap", order),
        Format::Pcapng { order } => ("pcapng", order),
    };
    if facts["format"] != format || !order.to_string().starts_with(facts["byte_order"].as_str().unwrap()) {
        return says("format");
    }
    let mut links: Vec<_> = summary.link_types.iter().map(|link| u64::from(link.0)).collect();
    links.sort_unstable();
    let expected: Vec<_> = facts["link_types"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
    if links != expected {
        return says("link types");
    }
    match facts["blocks"]["DSB"].as_u64().unwrap_or_default() == summary.secrets_blocks {
        true => Ok(()),
        false => says("secrets"),
    }
}

#[test]
fn packets_are_counted_as_by_others() {
    let Some(folder) = shared("captures") else {
        eprintln!("skipped: no shared captures, see ARACHNE_SHARED");
        return;
    };
    let expected: Value = serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let files = expected["files"].as_object().unwrap();
    let wrong: Vec<_> = files
        .iter()
        .filter_map(|(name, facts)| check(name, facts, &read_all(std::fs::read(folder.join(name)).unwrap())).err())
        .collect();
    assert!(wrong.is_empty(), "{} of {} files: {wrong:#?}", wrong.len(), files.len());
    for (name, offset) in DAMAGED {
        let outcome = read_all(std::fs::read(folder.join(name)).unwrap());
        assert_eq!(outcome.offset, Some(*offset), "{name}");
    }
}
