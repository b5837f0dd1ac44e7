//! What is offered at the cursor, marked `|`.

use arachne_filter::{Completion, Field, complete};
use arachne_model::table::{ExchangeRow, PacketRow, Row as _};

fn at(filter: &str) -> (String, Completion) {
    let cursor = filter.find('|').expect("a cursor");
    let text = filter.replacen('|', "", 1);
    let completion = complete(&text, cursor, ExchangeRow::TABLE);
    (text, completion)
}

/// What stands there, and the first items.
fn check(filter: &str, replaced: &str, first: &[&str]) {
    let (text, completion) = at(filter);
    assert_eq!(&text[completion.span.clone()], replaced, "{filter}");
    let inserts: Vec<&str> = completion.items.iter().map(|item| &*item.insert).take(first.len()).collect();
    assert_eq!(inserts, first, "{filter}");
}

#[test]
fn names_of_fields() {
    check("sta|", "sta", &["start:", "status:"]);
    check("-stat|us:500", "status:", &["status:"]);
    check("(STATUS|", "STATUS", &["status:"]);
    check("http.resp|", "http.resp", &["http.response.status_code:", "http.response.interim:"]);
    check("status:500 clas|", "clas", &["class:"]);
    check("head|", "head", &["header."]);
    check("status:500 an|", "an", &["anomaly:"]);
    check("zzzz|", "zzzz", &[]);
    check("\"sta|", "\"sta", &[]);
    check("|", "", &["exchange:"]);
}

#[test]
fn values() {
    check("class:s|", "s", &["slow"]);
    check("class:(fast or e|)", "e", &["error"]);
    check("counted:|", "", &["true", "false"]);
    check("duration:|", "", &[">=", ">", "<=", "<", "[", "*"]);
    check("nonsense:|", "", &[]);
    check("status:500 or class:s| path:/a", "s", &["slow"]);
}

#[test]
fn values_of_the_store() {
    for (filter, name, prefix, replaced) in [
        ("service:|", "service", "", ""),
        ("service:hh|", "service", "hh", "hh"),
        ("service:\"h h|h\" a", "service", "h h", "\"h hh\""),
        ("-host:(a or b, c|d) x", "http.request.header.host", "c", "cd"),
        ("service:\"a:b (|", "service", "a:b (", "\"a:b ("),
        ("status:50|", "http.response.status_code", "50", "50"),
        ("status:=50|", "http.response.status_code", "50", "50"),
    ] {
        let (text, completion) = at(filter);
        let wanted = completion.wants_values.expect(filter);
        assert_eq!((&*wanted.name, &*wanted.prefix), (name, prefix), "{filter}");
        assert!(matches!(wanted.field, Field::Column(_)));
        assert!(text[completion.span.clone()].starts_with(replaced), "{filter}: {:?}", completion.span);
    }
    for filter in ["path:/a|", "class:|", "service|", "x service:a y|", "status:>=5|", "service:/a|", "status:[4|"] {
        assert_eq!(at(filter).1.wants_values, None, "{filter}");
    }
}

#[test]
fn odd_cursors() {
    for cursor in 0..20 {
        let completion = complete("é:\"ü (", cursor, PacketRow::TABLE);
        assert!(completion.span.start <= completion.span.end);
    }
}
