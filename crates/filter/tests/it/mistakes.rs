//! Wrong filters: what is said of them, where, and what is offered.

use arachne_filter::{Code, Settings, parse};
use arachne_model::table::{ExchangeRow, PacketRow, Row as _, Table};

/// `place`: the text that is marked.
fn check_in(table: &'static Table, filter: &str, code: &str, place: &str, fixes: &[&str]) {
    let parsed = parse(filter, table, &Settings::default());
    let [one] = &*parsed.diagnostics else { panic!("{filter}: {:?}", parsed.diagnostics) };
    assert_eq!(parsed.predicate, None, "{filter}");
    assert_eq!(one.code.name(), code, "{filter}: {one:?}");
    assert_eq!(&filter[one.span.clone()], place, "{filter}: {one:?}");
    let offered: Vec<&str> = one.fixes.iter().map(|fix| &*fix.replacement).collect();
    assert_eq!(offered, fixes, "{filter}");
    // What is offered mends it.
    for fix in offered {
        let mended = format!("{}{fix}{}", &filter[..one.span.start], &filter[one.span.end..]);
        let again = parse(&mended, table, &Settings::default());
        assert_eq!(again.diagnostics, [], "{filter} mended as {mended}");
    }
}

#[test]
fn mistakes_in_values() {
    let check = |filter, code, place, fixes: &[&str]| check_in(ExchangeRow::TABLE, filter, code, place, fixes);
    check("duration:>500", "missing-unit", "500", &["500ms", "500s"]);
    check("cart duration:[500..1h)", "missing-unit", "500", &["500ms", "500s"]);
    check("size:>5", "missing-unit", "5", &["5B", "5kB"]);
    check("duration:>5parsec", "unknown-unit", "5parsec", &[]);
    check("duration:fast", "bad-number", "fast", &[]);
    check("status:abc", "bad-status", "abc", &[]);
    check("status:5*", "bad-status", "5*", &["5xx"]);
    check("status:/5../", "not-a-pattern", "/5../", &[]);
    check("port:NaN", "bad-number", "NaN", &[]);
    check("port:99999999999999999999", "bad-number", "99999999999999999999", &[]);
    check("class:read", "unknown-class", "read", &["fast", "medium", "slow", "error", "open", "upgrade"]);
    check("class:(slow or eror)", "unknown-class", "eror", &["error"]);
    check("start:yesterday", "bad-instant", "yesterday", &[]);
    check("start:>-1h", "bad-instant", "-1h", &[]);
    check("client:10.2.*", "bad-address", "10.2.*", &["10.2.0.0/16"]);
    check("client:10.2.0.0/33", "bad-address", "10.2.0.0/33", &[]);
    check("client:localhost", "bad-address", "localhost", &[]);
    check("client:>10.0.0.1", "not-comparable", "10.0.0.1", &[]);
    check("client:/10/", "not-a-pattern", "/10/", &[]);
    check("counted:yes", "bad-flag", "yes", &["true", "false"]);
    check("counted:>true", "not-comparable", "true", &[]);
    check("path:>a", "not-comparable", "a", &[]);
    check("path:[a..b]", "not-comparable", "[a..b]", &[]);
    check("wire.key:>5", "not-comparable", "5", &[]);
    check("status:[5..4]", "empty-range", "[5..4]", &[]);
    check("status:[5..5)", "empty-range", "[5..5)", &[]);
    check("status:[..]", "empty-range", "[..]", &["*"]);
    check("path:/(/", "bad-regex", "/(/", &[]);
    check("path:/(?=a)/", "bad-regex", "/(?=a)/", &[]);
    check(r"path:\d", "unknown-escape", r"\d", &[r"\\d"]);
    check(r#"path:"C:\temp\dir""#, "unknown-escape", r"\d", &[r"\\d"]);
    check_in(PacketRow::TABLE, "bytes:abc", "only-exists", "abc", &["*"]);
}

#[test]
fn mistakes_in_terms() {
    let check = |filter, code, place, fixes: &[&str]| check_in(ExchangeRow::TABLE, filter, code, place, fixes);
    check("statsu:500", "unknown-field", "statsu", &["status"]);
    check("-sttus:500", "unknown-field", "sttus", &["status"]);
    check("http://a/b cart", "unknown-field", "http://a/b", &["\"http://a/b\""]);
    check("path_:/a", "unknown-field", "path_", &["path"]);
}

#[test]
fn mistakes_in_structure() {
    let check = |filter, code, place, fixes: &[&str]| check_in(ExchangeRow::TABLE, filter, code, place, fixes);
    check("zzzzzz://a/b cart", "unknown-field", "zzzzzz://a/b", &["\"zzzzzz://a/b\""]);
    check(":foo", "missing-field", ":foo", &["\":foo\""]);
    check("status:", "missing-value", "status:", &["status:*"]);
    check("(status:)", "missing-value", "status:", &["status:*"]);
    check("status: 500", "missing-value", "status: ", &["status:"]);
    check("status:>=", "missing-value", "status:>=", &[]);
    check("status>=500", "missing-colon", "status>=500", &["status:>=500", "\"status>=500\""]);
    check("status:!=500", "bad-operator", "status:!=500", &["-status:500"]);
    check("status:==500", "bad-operator", "status:==500", &["status:=500"]);
    check("cart && items", "bad-operator", "&&", &["and", "\"&&\""]);
    check("cart*", "pattern-in-text", "cart*", &["\"cart\"", "\"cart*\""]);
    check("*", "pattern-in-text", "*", &["", "\"*\""]);
    check("a \"\" b", "empty-text", "\"\"", &[""]);
    check("cart or", "missing-operand", "", &[]);
    check("or cart", "missing-operand", "or", &["\"or\""]);
    check("and cart", "missing-operand", "and", &["\"and\""]);
    check("cart not", "missing-operand", "not", &["\"not\""]);
    check("cart - items", "missing-operand", "-", &["\"-\""]);
    check("()", "missing-operand", ")", &[]);
    check("(cart", "unclosed-parenthesis", "(cart", &["(cart)"]);
    check("cart) items", "unmatched-parenthesis", ")", &[""]);
    check("service:(a or b", "unclosed-parenthesis", "(a or b", &["(a or b)"]);
    check("service:(a b)", "missing-separator", " ", &[" or "]);
    check("\"cart", "unclosed-quote", "\"cart", &["\"cart\""]);
    check("path:\"/a\"b", "missing-blank", "", &[" "]);
    check("path:/a(b", "missing-blank", "", &[]);
}

#[test]
fn mistakes_by_table() {
    check_in(PacketRow::TABLE, "cart", "no-text", "cart", &[]);
    check_in(PacketRow::TABLE, "header.x:1", "unknown-field", "header.x:1", &[]);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let filter = "statsu:500 duration:>5 (class:blue or path:/ok* service:(a b)) size:1 \"end";
    let parsed = parse(filter, ExchangeRow::TABLE, &Settings::default());
    let codes: Vec<Code> = parsed.diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    let expected = [
        Code::UnknownField,
        Code::MissingUnit,
        Code::UnknownClass,
        Code::MissingSeparator,
        Code::MissingUnit,
        Code::UnclosedQuote,
    ];
    assert_eq!(codes, expected);
    assert_eq!(parsed.ast.chips().len(), 5, "what can be read is there");
}

#[test]
fn mistakes_have_unique_stable_names() {
    let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Code::ALL.len());
}
