//! `docs/filter.md` says what the catalogue says. `UPDATE_DOCS=1` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use arachne_filter::catalogue::{Entry, Values, entries};
use arachne_filter::{Code, Settings, parse};
use arachne_model::table::{Kind, TABLES};

const START: &str = "<!-- generated from the field catalogue: UPDATE_DOCS=1 cargo test -p arachne-filter -->";

#[test]
fn the_page_equals_the_catalogue() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/filter.md");
    let page = std::fs::read_to_string(&path).expect("the page is in the repository");
    let (written, _) = page.split_once(START).expect("the page has a generated part");
    let expected = format!("{written}{START}\n{}", generated());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).expect("the page can be written");
    } else {
        assert_eq!(page, expected, "docs/filter.md is old: UPDATE_DOCS=1 cargo test -p arachne-filter");
    }
}

#[test]
fn examples_of_page_and_catalogue_are_filters() {
    for table in TABLES {
        for example in entries(table).iter().flat_map(|entry| entry.examples) {
            let parsed = parse(example, table, &Settings::default());
            assert_eq!(parsed.diagnostics, [], "{example}");
        }
    }
    let page = include_str!("../../../../docs/filter.md");
    let (written, _) = page.split_once(START).expect("the page has a generated part");
    let mut found = 0;
    for row in written.lines().filter_map(|line| line.strip_prefix("| `")) {
        let filter = row.split("` |").next().unwrap_or_default().replace("\\|", "|");
        let parsed = parse(&filter, TABLES[0], &Settings::default());
        assert_eq!(parsed.diagnostics, [], "{filter}");
        found += 1;
    }
    assert!(found > 20, "{found} examples");
}

fn generated() -> String {
    let mut out = String::new();
    for table in TABLES {
        let _ = writeln!(out, "\n### {}\n\n| name | also | values | meaning |\n|---|---|---|---|", table.name);
        for entry in entries(table) {
            let others: Vec<String> = entry.spellings().skip(1).map(|s| format!("`{s}`")).collect();
            let (kind, doc) = (kind(&entry), entry.doc.replace('|', "\\|"));
            let examples: Vec<String> = entry.examples.iter().map(|e| format!("`{}`", e.replace('|', "\\|"))).collect();
            let examples = if examples.is_empty() { String::new() } else { format!(". {}", examples.join(", ")) };
            let _ = writeln!(out, "| `{}` | {} | {kind} | {doc}{examples} |", entry.name, others.join(" "));
        }
    }
    out.push_str("\n## What can be wrong\n\n| code | meaning |\n|---|---|\n");
    for code in Code::ALL {
        let _ = writeln!(out, "| `{}` | {} |", code.name(), code.words().replace('|', "\\|"));
    }
    out
}

fn kind(entry: &Entry) -> String {
    if let Values::Fixed(names) = entry.values {
        return names.join(", ");
    }
    let name = match entry.kind {
        Kind::Instant => return "instant".to_owned(),
        Kind::Duration => "duration",
        Kind::Size => "size",
        Kind::Integer => "number",
        Kind::Hash => "hash",
        Kind::Flag => "flag",
        Kind::Label | Kind::Text | Kind::Headers | Kind::Labels => "text",
        Kind::Words => "words",
        Kind::Address => "address",
        Kind::Id => "id",
        Kind::Bytes => "bytes",
    };
    name.to_owned()
}
