//! Tables of paths and their templates, and the laws that hold for any text.

use proptest::prelude::*;

use super::*;

fn template(path: &str) -> String {
    with(&Normaliser::default(), path)
}

fn with(normaliser: &Normaliser, path: &str) -> String {
    let mut out = String::from("what was there before");
    normaliser.normalise(path, &mut out);
    out
}

fn check(cases: &[(&str, &str)]) {
    for (path, expected) in cases {
        assert_eq!(template(path), *expected, "{path}");
    }
}

#[test]
fn values_become_placeholders() {
    check(&[
        ("/users/12345/orders/7?sort=date#top", "/users/{id}/orders/{id}"),
        ("/o/550e8400-e29b-41d4-a716-446655440000", "/o/{uuid}"),
        ("/o/550E8400E29B41D4A716446655440000/x", "/o/{uuid}/x"),
        ("/commit/8f3a9c0d12/diff", "/commit/{hex}/diff"),
        ("/day/2024-01-31/20240131/2024-01", "/day/{date}/{date}/{date}"),
        ("/at/2024-01-31T10:00:00%2B03:00", "/at/{date}"),
        ("/unsubscribe/bob.x+1@mail.example.com", "/unsubscribe/{email}"),
        ("/unsubscribe/bob%40example.com", "/unsubscribe/{email}"),
        ("/reset/V1StGXR8_Z5jdHi6B-myT", "/reset/{token}"),
        ("/map/55.7558/37.6173/10.0.0.1", "/map/{number}/{number}/{ip}"),
        ("/range/10-20/1,2,3", "/range/{number}/{number}"),
    ]);
}

#[test]
fn words_stay() {
    let paths = [
        "/",
        "/api/v1/users",
        "/v2.1/x",
        "/api/1.0/x",
        "/page2",
        "/page-2",
        "/mp3",
        "/h264",
        "/sha256",
        "/utf8",
        "/log4j",
        "/x86_64",
        "/web2",
        "/win32",
        "/i18n",
        "/oauth2/token",
        "/jquery-3.6.0.min.js",
        "/index.html",
        "/.well-known/x",
        "/a//b/",
        "/..",
        "/facade",
        "/deadbeef",
        "/getUserProfileInformationV2",
        "/caf%C3%A9",
        "/a%20b",
        "/100%",
        "/%zz",
        "/iphone-x-pro-max-blue",
        "/path/~bob/:id/@scope/$x",
        "/q=a,b",
        "/пример",
        "/v1beta1",
        "/x.m3u8",
        "/a.tar.gz",
    ];
    for path in paths {
        assert_eq!(template(path), path);
    }
}

#[test]
fn values_within_segments() {
    check(&[
        ("/order-12345", "/order-{id}"),
        ("/item_77", "/item_{id}"),
        ("/user12345", "/user{id}"),
        ("/catalog-2024-01-31.csv", "/catalog-{date}.csv"),
        ("/report-20240131.csv", "/report-{date}.csv"),
        ("/user-550e8400-e29b-41d4-a716-446655440000-x", "/user-{uuid}-x"),
        ("/user-12345-profile", "/user-{id}-profile"),
        ("/img/8f3a9c0d12.png", "/img/{hex}.png"),
        ("/img/12345.jpeg", "/img/{id}.jpeg"),
        ("/js/app.3f2a9c1d.js", "/js/app.{hex}.js"),
        ("/js/main.8f3a9c0d.chunk.js", "/js/main.{hex}.chunk.js"),
        ("/js/V1StGXR8Z5jdHi6BmyTx.js", "/js/{token}.js"),
        ("/caf%c3%a9-12345", "/caf%C3%A9-{id}"),
        ("/a%2Fb-12345%3F", "/a%2Fb-{id}%3F"),
        ("/a{b-12345", "/a{b-{id}"),
    ]);
}

#[test]
fn odd_targets() {
    check(&[
        ("", "/"),
        ("*", "*"),
        ("?x=1", "/"),
        ("example.com:443", "example.com:443"),
        ("[2001:db8::1]:8443", "[2001:db8::1]:8443"),
        ("http://example.com/users/12?x", "/users/{id}"),
        ("https://example.com?x", "/"),
        ("users/12", "/users/{id}"),
        ("/a?u=http://example.com/b", "/a"),
        ("a:;x//b", "/a://b"),
        ("/cart;jsessionid=0A1B2C3D/12;v=1", "/cart/{id}"),
        ("/a\r\nb/\u{1b}[31m/\u{85}/\u{fffd}", "/{bytes}/{bytes}/{bytes}/{bytes}"),
        ("/%00/%ff%fe/%c2%85/%0d%0aSet-Cookie", "/{bytes}/{bytes}/{bytes}/{bytes}"),
    ]);
}

#[test]
fn depth_and_length_are_capped() {
    let deep = "/a".repeat(DEPTH_MAX);
    assert_eq!(template(&deep), deep);
    assert_eq!(template(&format!("{deep}/b/c")), format!("{deep}/{{…}}"));
    let long = "x".repeat(65);
    assert_eq!(template(&format!("/{long}.js")), "/{long}.js");
    assert_eq!(template(&format!("/%20{}", long.repeat(9))), "/{long}");
    let x = "x".repeat(64);
    let wide = format!("/{x}/{x}/{}", &x[1..]);
    assert_eq!(wide.len() + REST.len(), TEMPLATE_BYTES_MAX);
    assert_eq!(template(&format!("{wide}/abcde")), format!("{wide}/abcde"));
    assert_eq!(template(&format!("{wide}/abcdef")), format!("{wide}/{{…}}"));
    assert_eq!(template(&format!("{wide}/abcde/")), format!("{wide}/{{…}}"));
    assert_eq!(template(&"/".repeat(1_000_000)), format!("{}/{{…}}", "/".repeat(DEPTH_MAX)));
}

fn rule(pattern: &str, template: &str) -> Rule {
    Rule { pattern: pattern.to_owned(), template: (!template.is_empty()).then(|| template.to_owned()) }
}

#[test]
fn configured_rules_win() {
    let rules = vec![
        rule("/users/me", ""),
        rule("/users/{user}/orders/*", "/users/{user}/orders/{order}"),
        rule("/users/{user}", ""),
        rule("/static/**", "/static/{file}"),
        rule("/search", "/find"),
    ];
    let normaliser = Normaliser::new(rules).expect("the rules are well formed");
    let cases = [
        ("/users/me", "/users/me"),
        ("/users/bob?x=1", "/users/{user}"),
        ("/users/bob/orders/77", "/users/{user}/orders/{order}"),
        ("/users/bob/orders", "/users/bob/orders"),
        ("/users/bob/orders/", "/users/bob/orders/"),
        ("/users//orders/5", "/users//orders/{id}"),
        ("/static", "/static/{file}"),
        ("/static/a/b/c.js", "/static/{file}"),
        ("/statics/12", "/statics/{id}"),
        ("http://example.com/search", "/find"),
        ("/other/12", "/other/{id}"),
    ];
    for (path, expected) in cases {
        assert_eq!(with(&normaliser, path), expected, "{path}");
        assert_eq!(with(&normaliser, expected), expected, "twice");
    }
}

#[test]
fn senseless_rules_are_refused() {
    let long = format!("/{}", "x".repeat(200));
    let cases = [
        (rule("users", ""), RuleError::NoSlash("users".into())),
        (rule("/a", "b"), RuleError::NoSlash("b".into())),
        (rule("/a/**/b", ""), RuleError::RestNotLast("/a/**/b".into())),
        (rule("/a*", ""), RuleError::PartOfSegment("/a*".into())),
        (rule("/{a}{b}", ""), RuleError::PartOfSegment("/{a}{b}".into())),
        (rule("/a?b=*", ""), RuleError::NotAPath("/a?b=*".into())),
        (rule("/a", "/a\n"), RuleError::NotAPath("/a\n".into())),
        (rule(&long, ""), RuleError::TooLong(long.clone())),
    ];
    for (rule, expected) in cases {
        assert_eq!(Normaliser::new(vec![rule]).err(), Some(expected.clone()));
        assert!(!expected.to_string().contains('\n'), "{expected}");
    }
}

#[test]
fn rules_that_are_never_used_are_found() {
    let covers = |first: &str, then: &str| rule(first, "").covers(&rule(then, ""));
    for (first, then) in [
        ("/a/{b}", "/a/me"),
        ("/a/*", "/a/{x}"),
        ("/a/**", "/a/b/c"),
        ("/a/**", "/a"),
        ("/**", "/a/{b}/**"),
        ("/a", "/a"),
    ] {
        assert!(covers(first, then), "{first} {then}");
    }
    for (first, then) in [
        ("/a/me", "/a/{b}"),
        ("/a/*", "/a/**"),
        ("/a/*", "/a/"),
        ("/a/*", "/a"),
        ("/a", "/a/b"),
        ("a", "/a"),
        ("/a", "a"),
    ] {
        assert!(!covers(first, then), "{first} {then}");
    }
}

#[test]
fn of_rules_from_elsewhere_the_senseless_are_left_out() {
    let rules = [rule("users", ""), rule("/users/{user}", "")];
    let normaliser = Normaliser::default().with_rules(rules).with_learned(3, Vec::new());
    assert_eq!((with(&normaliser, "/users/bob").as_str(), normaliser.version()), ("/users/{user}", 3 << 8 | 1));
}

#[test]
fn the_fingerprint_names_the_rules() {
    let print = |rules: &[(&str, &str)]| {
        let rules = rules.iter().map(|(pattern, template)| rule(pattern, template)).collect();
        Normaliser::new(rules).expect("the rules are well formed").fingerprint()
    };
    assert_eq!(print(&[]), Normaliser::default().fingerprint());
    assert_eq!(print(&[("/a", "/b")]), print(&[("/a", "/b")]));
    assert_ne!(print(&[("/a", "/b"), ("/c", "/d")]), print(&[("/c", "/d"), ("/a", "/b")]));
    assert_ne!(print(&[("/a", "/bc")]), print(&[("/ab", "/c")]));
}

/// Pieces from which most shapes arise, and any text.
fn path() -> impl Strategy<Value = String> {
    let known = proptest::sample::select(vec![
        "/",
        "/",
        "/",
        "-",
        "_",
        ".",
        ";",
        "%",
        "?",
        ":",
        "@",
        "{",
        "}",
        "{id}",
        "{hex}",
        "{…}",
        "%7Bid%7D",
        "user",
        "v2",
        "2024",
        "01",
        "31",
        "20240131",
        "2024-01-31",
        "2024-01",
        "T10:00:00Z",
        "8f3a9c0d12",
        "7",
        "77",
        "777",
        "12345",
        "550e8400-e29b-41d4-a716-446655440000",
        "V1StGXR8",
        "Z5jdHi6BmyT",
        ".png",
        "example.com",
        "%40",
        "%2F",
        "%ff",
        "é",
        "%C3%A9",
        "http://h",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "1.2.3.4",
        "-1",
    ]);
    let piece = prop_oneof![8 => known.prop_map(str::to_owned), 1 => "[ -~]{1,6}", 1 => any::<String>()];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_template_is_its_own_template(path in path(), slash: bool) {
        let path = if slash { format!("/{path}") } else { path };
        let once = template(&path);
        prop_assert_eq!(template(&once), once);
    }

    #[test]
    fn a_template_is_short_and_printable(path in path()) {
        let template = template(&path);
        prop_assert!(template.len() <= TEMPLATE_BYTES_MAX && !template.is_empty());
        prop_assert!(template.split('/').count() <= DEPTH_MAX + 2);
        prop_assert!(!template.chars().any(|c| c.is_control() || c == '?' || c == '#'));
    }

    #[test]
    fn the_query_changes_nothing(path in path(), query in "[?#].{0,20}") {
        prop_assert_eq!(template(&path), template(&format!("{path}{query}")));
    }

    #[test]
    fn numbers_of_a_resource_share_a_template(id in 1_u64.., more in 1_u64..) {
        let of = |id: u64| template(&format!("/orders/{id}/items"));
        prop_assume!(![id, more].iter().any(|id| (10_000_000..100_000_000).contains(id)));
        prop_assert_eq!(of(id), of(more));
    }
}
