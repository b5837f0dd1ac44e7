//! `docs/metrics.md` says what the collectors measure. `UPDATE_DOCS=1` writes it anew.
//!
//! Collectors can only emit what they declare; that they emit all of it is tested beside each of them.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use arachne_collectors::postgresql::setup_sql;
use arachne_collectors::{Family, Metric, families};

const START: &str = "<!-- generated from the collectors: UPDATE_DOCS=1 cargo test -p arachne-collectors -->";

#[test]
fn the_page_lists_every_metric() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let page = std::fs::read_to_string(&path).expect("the page is part of the repository");
    let (words, tables) = page.split_once(START).expect("the page has its mark");
    let expected: String = families().iter().map(section).collect();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{words}{START}\n{expected}")).expect("the page can be written");
        return;
    }
    let same = tables.trim_start() == expected.trim_start();
    assert!(same, "docs/metrics.md is not what the collectors say: UPDATE_DOCS=1 cargo test -p arachne-collectors");
}

fn section(family: &Family) -> String {
    let mut text = format!("\n## {}\n\n{}\n\n", family.collector, family.says);
    text.push_str("| metric | kind | unit | labels | what it says | source |\n|---|---|---|---|---|---|\n");
    for metric in family.metrics.iter().copied().flatten() {
        let Metric { name, kind, unit, labels, says, source } = metric;
        let kind = kind.name();
        writeln!(text, "| `{name}` | {kind} | {unit} | {} | {says} | {source} |", labels.join(", "))
            .expect("a String takes all");
    }
    if family.collector == "postgresql" {
        // One text for this page and for whoever prints it.
        write!(text, "\n```sql\n{}```\n", setup_sql("arachne")).expect("a String takes all");
    }
    text
}

#[test]
fn each_metric_is_well_formed_and_there_once() {
    let mut names = HashSet::new();
    for family in families() {
        for metric in family.metrics.iter().copied().flatten() {
            let Metric { name, unit, labels, says, source, .. } = metric;
            assert!(names.insert(*name), "{name} is there twice");
            assert!(
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._".contains(&byte)),
                "{name}"
            );
            assert!(["ns", "By", "1", "1e-9"].contains(unit), "{name}: {unit}");
            assert!(labels.is_sorted(), "{name}: labels in ascending order, as they are stored");
            assert!(!says.is_empty() && !source.is_empty() && !format!("{says}{source}").contains('|'), "{name}");
        }
    }
}
