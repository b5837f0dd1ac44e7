//! Laws: nothing changes twice, equal secrets match, no cut leaks, other bytes stay, nothing panics.

use arachne_content::redact::{Body, Key, Redactor, Rules};
use proptest::prelude::*;

use super::{kept, redactor};

/// Pieces that hostile texts are made of.
const PIECES: &[&str] = &[
    "password",
    "token",
    "eyJhbGciOiJI",
    "eyJzdWIiOjF9",
    ".",
    "=",
    ":",
    "\"",
    "'",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ";",
    "&",
    "?",
    "#",
    "/",
    "%70",
    "%22",
    "%",
    "+",
    " ",
    "\n",
    "\r\n",
    "<",
    ">",
    "</",
    "<password>",
    "</password>",
    "<!--",
    "<![CDATA[",
    "--X",
    "name=",
    "value",
    "Bearer ",
    "Basic YTpi",
    "Authorization: ",
    "Cookie: ",
    "4111111111111111",
    "4111 1111",
    "411",
    "-----BEGIN PRIVATE KEY-----",
    "-----END ",
    "AKIAIOSFODNN7EXAMPLE",
    "://",
    "u:p@",
    "\\u0061",
    "&quot;",
    "auth",
    "session",
    "code",
    "state",
    "x",
    "abc123",
    "\u{e9}",
    "null",
    "true",
    "12",
    "Digest nonce=",
    "[redacted:0123456789abcdef]",
    "[redacted:",
    "Content-Disposition: form-data; name=\"pin\"\r\n\r\n",
];

const TYPES: &[&str] = &[
    "",
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=X",
    "text/xml",
    "text/plain",
    "application/javascript",
    "image/png",
    "application/octet-stream",
];

/// One way to redact.
type Way<'a> = &'a dyn Fn(&[u8]) -> Option<Vec<u8>>;

fn hostile_text() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(proptest::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat().into_bytes())
}

fn content_type() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(TYPES)
}

/// Texts with one secret each; what stands before the place of the cut never shows two bytes of it.
const SECRET: &str = "S3cr-hunter2";

proptest! {
    #[test]
    fn redacting_a_body_twice_changes_nothing(text in hostile_text(), content_type in content_type(), whole: bool) {
        let redactor = redactor();
        if let Body::Kept(once) = redactor.body(Some(content_type.as_bytes()), &text, whole) {
            match redactor.body(Some(content_type.as_bytes()), &once, whole) {
                Body::Kept(twice) => prop_assert_eq!(
                    String::from_utf8_lossy(&twice), String::from_utf8_lossy(&once),
                    "of {:?}", String::from_utf8_lossy(&text)
                ),
                Body::Withheld { .. } => {}
            }
        }
    }

    #[test]
    fn redacting_heads_and_text_twice_changes_nothing(text in hostile_text()) {
        let redactor = redactor();
        let ways: [(&str, Way<'_>); 7] = [
            ("target", &|text| redactor.target(text)),
            ("text", &|text| redactor.text(text)),
            ("authorization", &|text| redactor.header(b"Authorization", text)),
            ("cookie", &|text| redactor.header(b"Cookie", text)),
            ("set-cookie", &|text| redactor.header(b"Set-Cookie", text)),
            ("link", &|text| redactor.header(b"Link", text)),
            ("other", &|text| redactor.header(b"X-Other", text)),
        ];
        for (name, way) in ways {
            if let Some(once) = way(&text) {
                let twice = way(&once).unwrap_or_else(|| once.clone());
                prop_assert_eq!(
                    String::from_utf8_lossy(&twice), String::from_utf8_lossy(&once),
                    "{} of {:?}", name, String::from_utf8_lossy(&text)
                );
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), content_type in content_type(), whole: bool) {
        let redactor = redactor();
        redactor.body(Some(content_type.as_bytes()), &bytes, whole);
        redactor.target(&bytes);
        redactor.text(&bytes);
        for name in [&b"Authorization"[..], b"Cookie", b"Set-Cookie", b"Refresh", b"X", &bytes] {
            redactor.header(name, &bytes);
        }
    }

    #[test]
    fn equal_secrets_match_and_other_keys_do_not(secret in "[!-~]{1,40}", key: [u8; 32], other: [u8; 32]) {
        let one = Redactor::new(Key::new(key), Rules::default());
        prop_assert_eq!(one.mark(secret.as_bytes()), one.clone().mark(secret.as_bytes()));
        prop_assert!(one.mark(secret.as_bytes()) != one.mark(&[secret.as_bytes(), b"x"].concat()));
        if key != other {
            let two = Redactor::new(Key::new(other), Rules::default());
            prop_assert!(one.mark(secret.as_bytes()) != two.mark(secret.as_bytes()));
        }
    }

    #[test]
    fn bytes_outside_secrets_stay(before in "[a-z0-9 ]{0,30}", secret in "[A-Za-z0-9!]{4,20}", after in "[a-z0-9 ]{0,30}") {
        prop_assume!(!["true", "null"].contains(&secret.to_ascii_lowercase().as_str()) && !secret.eq_ignore_ascii_case("false"));
        let redactor = redactor();
        let mark = redactor.mark(secret.as_bytes());
        let json = |value: &str| format!("{{\"a\": \"{before}\",\t\"Password\" : \"{value}\", \"z\":[\"{after}\"]}}");
        let body = kept(redactor.body(None, json(&secret).as_bytes(), true));
        prop_assert_eq!(String::from_utf8(body).unwrap(), json(&mark));
    }
}

#[test]
fn no_cut_leaks() {
    let texts = [
        ("application/json", format!(r#"{{"user":"ann","x":[{{"password":"{SECRET}"}}],"n":1}}"#)),
        ("application/json", format!(r#"{{"p\u0061ssword":"{SECRET}","inner":"{{\"token\":\"{SECRET}\"}}"}}"#)),
        ("application/x-www-form-urlencoded", format!("a=1&%70assword={SECRET}&b=2&code={SECRET}&state=1")),
        ("text/xml", format!("<a><password>{SECRET}</password><b token=\"{SECRET}\"/></a>")),
        ("text/plain", format!("user=ann password={SECRET} Authorization: Bearer {SECRET}\nCookie: a={SECRET}\n")),
        (
            "multipart/form-data; boundary=X",
            format!("--X\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n{SECRET}\r\n--X--\r\n"),
        ),
    ];
    let redactor = redactor();
    for (content_type, text) in texts {
        for cut in 0..=text.len() {
            if let Body::Kept(out) = redactor.body(Some(content_type.as_bytes()), &text.as_bytes()[..cut], false) {
                let shown = String::from_utf8_lossy(&out);
                assert!(!shown.contains("S3"), "{content_type} cut at {cut}: {shown}");
            }
        }
        let whole = redactor.body(Some(content_type.as_bytes()), text.as_bytes(), true);
        assert!(!String::from_utf8_lossy(&kept(whole)).contains("hunter2"), "{text}");
    }
}

#[test]
fn hostile_texts_cost_no_more_than_others() {
    // Each would take minutes if any scanner were quadratic.
    let redactor = redactor();
    let size = 200_000;
    let pieces = [
        "{",
        "[",
        "\"",
        "\\",
        "password",
        "password=",
        "password\"",
        "<password>",
        "<a",
        "</",
        "%70",
        "%",
        "eyJ",
        "eyJ.",
        "Bearer ",
        "://",
        "authorization: bearer x ",
        "authorization: x ",
        "-----BEGIN PRIVATE KEY-----",
        "AKIAIOSFODNN7EXAMPLE ",
        "4 ",
        "4111 ",
        "--X\r\n",
        "a=",
        "&",
        "code=",
        "{\"a\":\"",
        "\\\"",
        "&quot;",
        "<a b=\"",
        "token,",
        "key",
        "cc",
        ";",
        ",a",
    ];
    for piece in pieces {
        let text: Vec<u8> = piece.bytes().cycle().take(size).collect();
        for content_type in TYPES {
            redactor.body(Some(content_type.as_bytes()), &text, false);
        }
        redactor.target(&text);
    }
}
