//! Filters made to exhaust the reader: refused by a limit that is named, in bounded time and depth.

use arachne_filter::limits::{DEPTH_MAX, LIST_MAX, REGEXES_MAX, TERMS_MAX, TEXT_BYTES_MAX};
use arachne_filter::{Code, Settings, parse};
use arachne_model::table::{ExchangeRow, Row as _};

use crate::laws::any_bytes;

fn codes(filter: &str) -> Vec<Code> {
    any_bytes(filter.as_bytes());
    let parsed = parse(filter, ExchangeRow::TABLE, &Settings::default());
    parsed.diagnostics.into_iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn depth() {
    for (open, close) in [("(", ")"), ("-", ""), ("not ", ""), ("-(", ")"), ("(not ", ")")] {
        for levels in [5000, TEXT_BYTES_MAX / 10] {
            let nested = format!("{}a{}", open.repeat(levels), close.repeat(levels));
            assert_eq!(codes(&nested), [Code::TooDeep], "{open}");
        }
    }
    assert_eq!(codes(&"(".repeat(5000)), [Code::TooDeep]);
    let fits = |levels| format!("{}a{}", "(".repeat(levels), ")".repeat(levels));
    assert_eq!(codes(&fits(DEPTH_MAX)), []);
    assert_eq!(codes(&fits(DEPTH_MAX + 1)), [Code::TooDeep]);
}

#[test]
fn terms_and_lists() {
    let terms = |number| vec!["host:h"; number].join(" or ");
    assert_eq!(codes(&terms(TERMS_MAX)), []);
    assert_eq!(codes(&terms(TERMS_MAX + 1)), [Code::TooMany]);
    assert_eq!(codes(&vec!["a:b"; 10_000].join(" ")).len(), arachne_filter::limits::DIAGNOSTICS_MAX);
    let list = |number| format!("host:({})", vec!["h"; number].join(","));
    assert_eq!(codes(&list(LIST_MAX)), []);
    assert_eq!(codes(&list(LIST_MAX + 1)), [Code::TooLong]);
    assert_eq!(codes(&"a".repeat(TEXT_BYTES_MAX)), []);
    assert_eq!(codes(&"a".repeat(TEXT_BYTES_MAX + 1)), [Code::TooLong]);
    assert_eq!(codes(&"é".repeat(TEXT_BYTES_MAX)), [Code::TooLong]);
}

#[test]
fn expressions() {
    for bad in [r"/\w{1000}/", r"/((a{100}){100}){100}/", &format!("/{}a{}/", "(".repeat(100), ")".repeat(100))] {
        assert_eq!(codes(&format!("path:{bad}")), [Code::BadRegex], "{bad}");
    }
    assert_eq!(codes(&format!("path:/{}/", "a".repeat(5000))), [Code::TooLong]);
    assert_eq!(codes("path:/(a+)+$/ path:/(a|a)*b/"), [], "backtracking is not there to explode");
    let many = |number| vec!["path:/a/"; number].join(" ");
    assert_eq!(codes(&many(REGEXES_MAX)), []);
    assert_eq!(codes(&many(REGEXES_MAX + 1)), [Code::TooMany]);
    let patterns = vec!["*a*"; LIST_MAX].join(",");
    assert_eq!(codes(&format!("path:({patterns})")), [], "the patterns of a term are one expression");
    assert_eq!(codes(&format!("path:{}", "?".repeat(60_000))), [Code::BadRegex]);
}

#[test]
fn names_that_are_no_fields() {
    let long = "a.b.c.d".repeat(1000);
    for name in ["path\\;\\ DROP", "path\\\"\\ FROM\\ system.users\\ --", "__proto__", &long, "*", "header."] {
        assert_eq!(codes(&format!("{name}:x")), [Code::UnknownField], "{name}");
    }
    assert_eq!(codes(":x"), [Code::MissingField]);
}

#[test]
fn unclosed_things_cost_no_square_of_time() {
    for piece in ["[", "a:[", "\"", "a:(", "/", "path:/", "path:[a..", "\\", "-", "("] {
        any_bytes(piece.repeat(TEXT_BYTES_MAX / piece.len()).as_bytes());
        let apart = format!("{piece} ");
        any_bytes(apart.repeat(TEXT_BYTES_MAX / apart.len()).as_bytes());
    }
}

#[test]
fn what_fuzzing_found_once() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/regressions/filter");
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        any_bytes(&std::fs::read(entry.path()).expect("a listed file is there"));
    }
}
