//! Filters in words, as chips, and in canonical spelling.

use arachne_filter::{Settings, explain, parse};
use arachne_model::table::{ExchangeRow, Row as _};

#[test]
fn explanations() {
    for (filter, words) in [
        ("", "everything"),
        ("status:>=500 -path:/health*", "status is at least 500, and path does not start with /health"),
        ("duration:[500ms..2s)", "duration is at least 500ms and below 2s"),
        ("duration:[..2s]", "duration is at most 2s"),
        ("service:(session or hhid)", "service is session or hhid"),
        ("-service:(session or hhid)", "service is not session nor hhid"),
        ("service:(a or b*)", "service is a or starts with b"),
        ("server:10.2.0.0/16", "server is in 10.2.0.0/16"),
        ("header.x-request-id:abc", "header.x-request-id is abc"),
        ("anomaly:gap", "anomaly includes gap"),
        ("-user:*", "user is not there"),
        ("path:*cart*", "path contains cart"),
        ("path:a?b", "path fits a?b"),
        ("path:/a|b/i", "path matches /a|b/i"),
        ("anomaly:=\"a b\"", "anomaly is exactly \"a b\""),
        ("\"out of memory\"", "any of path, query, request.headers and response.headers contains \"out of memory\""),
        ("a:1 or (status:1 status:2)", "a is 1, or (status is 1, and status is 2)"),
        ("-(status:1 or status:2)", "not (status is 1, or status is 2)"),
        ("--status:1", "status is 1"),
    ] {
        assert_eq!(explain(&parse(filter, ExchangeRow::TABLE, &Settings::default()).ast), words, "{filter}");
    }
}

#[test]
fn chips() {
    let filter = "status:>=500 -path:/health* (class:error or not -\"x y\")";
    let parsed = parse(filter, ExchangeRow::TABLE, &Settings::default());
    let chips: Vec<(&str, Option<String>, bool)> =
        parsed.ast.chips().into_iter().map(|chip| (&filter[chip.span], chip.field, chip.negated)).collect();
    let expected = [
        ("status:>=500", Some("status".to_owned()), false),
        ("-path:/health*", Some("path".to_owned()), true),
        ("class:error", Some("class".to_owned()), false),
        ("not -\"x y\"", None, false),
    ];
    assert_eq!(chips, expected);
}

#[test]
fn canonical_spelling() {
    for (filter, canonical) in [
        ("  status:500   AND  path:\"/a\" ", "status:500 path:/a"),
        ("a OR b AND not c", "\"a\" or \"b\" -\"c\""),
        ("(a b) c", "\"a\" \"b\" \"c\""),
        ("(a or b) c", "(\"a\" or \"b\") \"c\""),
        ("-(a or b)", "-(\"a\" or \"b\")"),
        ("service:(a,\"b c\" , d*)", "service:(a or \"b c\" or d*)"),
        ("PATH:/a\\*b*", "path:/a\\*b*"),
        ("path:/a\\ b*", "path:/a\\ b*"),
        ("duration:[ 1s .. 2s )", "duration:[1s..2s)"),
        ("path:=a*", "path:=\"a*\""),
    ] {
        assert_eq!(parse(filter, ExchangeRow::TABLE, &Settings::default()).ast.to_string(), canonical, "{filter}");
    }
}
