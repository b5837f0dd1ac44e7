//! What holds for any text. Called by the properties here and by the fuzz target `filter`.

use arachne_filter::limits::{DIAGNOSTICS_MAX, TEXT_BYTES_MAX};
use arachne_filter::{Settings, complete, explain, parse};
use arachne_model::table::{ExchangeRow, PacketRow, Row as _, Table};

/// Any bytes give a predicate or diagnostics inside the text; a predicate survives printing; completions fit.
///
/// # Panics
/// When they do not.
pub fn any_bytes(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for table in [ExchangeRow::TABLE, PacketRow::TABLE] {
        any_text(&text, table);
        completions(&text, table);
    }
}

fn any_text(text: &str, table: &'static Table) {
    let parsed = parse(text, table, &Settings::default());
    assert_eq!(parsed.predicate.is_some(), parsed.diagnostics.is_empty(), "{text:?}");
    assert!(parsed.diagnostics.len() <= DIAGNOSTICS_MAX);
    for diagnostic in &parsed.diagnostics {
        assert!(text.get(diagnostic.span.clone()).is_some(), "{diagnostic:?} in {text:?}");
        assert!(!diagnostic.message.is_empty() && !diagnostic.message.contains(char::is_control), "{diagnostic:?}");
    }
    for chip in parsed.ast.chips() {
        assert!(text.get(chip.span.clone()).is_some_and(|text| !text.is_empty()), "{chip:?} in {text:?}");
    }
    assert!(!explain(&parsed.ast).contains(char::is_control), "{text:?}");
    if let Some(predicate) = parsed.predicate {
        let printed = parsed.ast.to_string();
        // Quotes may make it longer than a filter may be.
        if printed.len() > TEXT_BYTES_MAX {
            return;
        }
        let again = parse(&printed, table, &Settings::default());
        assert_eq!(again.predicate, Some(predicate), "{text:?} printed as {printed:?}: {:?}", again.diagnostics);
        assert_eq!(again.ast.to_string(), printed, "{text:?}");
    }
}

fn completions(text: &str, table: &'static Table) {
    for cursor in [0, text.len() / 2, text.len()] {
        let completion = complete(text, cursor, table);
        assert!(text.get(completion.span.clone()).is_some(), "{:?} in {text:?}", completion.span);
        assert!(completion.span.start <= cursor, "{text:?}");
    }
}
