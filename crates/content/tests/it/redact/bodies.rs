//! Bodies of every form, and free text: what goes, what stays, what is withheld.

use arachne_content::redact::{Body, Reason};

use super::{check, expected, kept, plain, redactor};

fn body(content_type: &str, text: &str) -> String {
    let content_type = (!content_type.is_empty()).then_some(content_type.as_bytes());
    String::from_utf8(kept(redactor().body(content_type, text.as_bytes(), true))).unwrap()
}

/// Each entry stays as it is, but for the places marked.
fn check_all(content_type: &str, marked: &[&str]) {
    for text in marked {
        assert_eq!(body(content_type, &plain(text)), expected(text), "{content_type}: {text}");
    }
}

#[test]
fn json() {
    let table = [
        r#"{"user":"ann","auth":{"Password":"«S3CR3T-json-03»","tokens":[{"access_token":"«S3CR3T-json-04»"}]}}"#,
        r#"{"order":"4111111111111112","n":4111111111111112,"max_tokens":100,"token_type":"bearer","key":"x"}"#,
        r#"{"password":null,"token":true,"secret":"","has":{"author":"ann"}}"#,
        r#"{"token":{"type":"bearer","value":"«abc»","expires_in":3600,"deep":["«x»",{"y":"«z»"}]}}"#,
        r#"{"auth":{"user":"ann","kind":"basic"},"session":{"n":1},"card":{"expiry":"12/30"}}"#,
        r#"{"auth":["«a»","«b»"],"session":"«c»"}"#,
        r#"{ "a" : [ { "password" : "«a\b»" } ] }"#.replace("\\b", "b").as_str().to_owned().leak(),
        r#"{"p\u0061ssword":"«abc»","x":"y"}"#,
        r#"{"headers":[{"name":"Authorization","value":"Bearer «abc»"},{"name":"Accept","value":"*/*"}]}"#,
        r#"{"env":[{"value":"«abc»","name":"DB_PASSWORD"},{"name":"HOME","value":"/root"}]}"#,
        r#"{"msg":"login with password=«hunter2» failed","label":"Password:","placeholder":"x"}"#,
        r#"{"s id":"«abc»","s:id":"«d»","s/id":"«e»","p in":"«f»","C/C":"«g»","is id":"h","s  i":"k"}"#,
        r#"{"url":"https://a.test/?token=«abc»&x=1","cookie":"sid=«abc»; a=«b»"}"#,
        r#"{"inner":"{\"password\":\"«abc»\",\"n\":1}"}"#,
        r#"{"inner":"{\"q\":\"{\\\"token\\\":\\\"«abc»\\\"}\"}"}"#,
        "{\"a\":1,\"token\":\"«x»\"}\n{\"a\":2,\"token\":\"«y»\"}\n",
        r#"[1,2.5,-3e7,true,"text",{"a":[]},{}]"#,
        r#""just a string""#,
    ];
    check_all("application/json", &table);
    check_all("", &table);
    // The wrong claim hides nothing.
    check_all("application/x-www-form-urlencoded", &table[..4]);
    check_all("text/plain", &table[..4]);
}

#[test]
fn json_values_without_quotes_get_them() {
    for (text, wanted) in [
        (r#"{"pin":1234}"#, r#"{"pin":"«1234»"}"#),
        (r#"{"n":4111111111111111}"#, r#"{"n":"«4111111111111111»"}"#),
        (r#"{"card":"4111 1111 1111 1111"}"#, r#"{"card":"«4111 1111 1111 1111»"}"#),
        (r#"{"x":"4111 1111 1111 1111"}"#, r#"{"x":"«4111111111111111»"}"#),
        (r#"{"password":"a\"b"}"#, r#"{"password":"«a"b»"}"#),
    ] {
        assert_eq!(body("application/json", text), expected(wanted), "{text}");
    }
}

#[test]
fn forms() {
    let table = [
        "username=ann&password=«S3CR3T-form-02»&next=%2F",
        "a=1&user%5Bpassword%5D=«x;y,z»&b=2",
        "grant_type=authorization_code&code=«abc»&code_verifier=«def»&redirect_uri=https%3A%2F%2Fa.test",
        "code=DE&name=ann",
        "json=%7B%22password%22%3A%22«abc»%22%7D&x=1",
        "card_number=«4111111111111112»&order=4111111111111112\n",
    ];
    check_all("application/x-www-form-urlencoded", &table);
    check_all("", &table);
}

/// Each body holds nothing that could be found but the one secret, and that behind an encoding or in a split name.
#[test]
fn an_encoding_hides_no_secret() {
    let json = [
        r#"{"u":"https:\/\/ann:«pw»@db\/x"}"#,
        r#"{"u":"\/\/ann:«pw»@db\/x?a=b"}"#,
        r#"{"u":"//ann:«pw»@db/x?a=b"}"#,
        r#"{"u":"https:\u002f\u002fann:«pw»@db"}"#,
        r#"{"u":"https://ann:«pw»\u0040db"}"#,
        r#"{"q":"{\"u\":\"https:\\\/\\\/ann:«pw»@db\\\/x\"}"}"#,
        r#"{"h":"Bearer\u0020«abcdef123456»"}"#,
        r#"{"q":"{\"h\":\"Bearer\\u0020«abcdef123456»\"}"}"#,
        r#"{"s_id":"«abcdef»"}"#,
        r#"{"c-c":"«abcdef»"}"#,
        r#"{"p\u005fin":"«abcdef»"}"#,
        r#"{"sess:id":"«abcdef»"}"#,
        r#"{"n":"is\n«4111111111111111»"}"#,
        r#"{"n":"\u20ac«4111111111111111»"}"#,
        r#"{"pas\sword":"«abcdef»"}"#,
    ];
    check_all("application/json", &json);
    let form = [
        "a=1&url=https%3A%2F%2Fann%3A«pw»%40host%2F",
        "a=1&url=https%3A%2F%2Fann:«pw»@host%2F",
        "a=1&url=https%253A%252F%252Fann%253A«pw»%2540host",
        "a=1&url=//ann:«pw»@host/?b=c",
        "a=1&h=Bearer+«abcdef123456»",
        "a=1&h=Bearer%20«abcdef123456»",
        "a=1&h=bearer%2520«abcdef123456»",
        "a=1&s_id=«abcdef»",
        "a=1&s[id]=«abcdef»",
        "a=1&s%5Bid%5D=«abcdef»",
        "a=1&u=/in?code%3D«abcdef»%26state%3Dx",
        "q=%7B%22a%22%3A%22%5Cn«4111111111111111»%22%7D",
        "x=-----BEGIN+PRIVATE+KEY-----«MIIabc»",
    ];
    check_all("application/x-www-form-urlencoded", &form);
    for text in ["h=Basic%20YW5uOnB3", "h=Basic+YW5uOnB3", r#"{"h":"Basic\u0020YW5uOnB3"}"#] {
        assert!(!body("", text).contains("OnB3"), "{text}");
    }
    check_all("text/html", &["<a data-u='https:&#x2F;&#x2F;ann:«pw»@host?b=c'>x</a>", "<s_id>«abcdef»</s_id>"]);
}

/// What a name is, its end tells, however far away it is.
#[test]
fn long_names_are_judged_as_a_whole() {
    let (dashes, letters) = ("-".repeat(70), "x".repeat(58));
    check_all(
        "application/json",
        &[
            &format!(r#"{{"sess{dashes}id":"«abcdef»"}}"#),
            &format!(r#"{{"sess{dashes}ion":"abcdef"}}"#),
            &format!(r#"{{"token_{letters}_type":"abcdef"}}"#),
            &format!(r#"{{"token_{letters}_type_more":"«abcdef»"}}"#),
        ],
    );
}

#[test]
fn multipart() {
    let text = "--XX\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nann\r\n--XX\r\nContent-Disposition: \
                form-data; name=\"password\"\r\n\r\n«hunter2\nline two»\r\n--XX\r\ncontent-disposition: form-data; \
                name=\"meta\"\r\nContent-Type: application/json\r\n\r\n{\"token\":\"«abc»\"}\r\n--XX\r\n\
                Content-Disposition: form-data; name=\"f\"; filename=\"a.bin\"\r\nContent-Type: image/png\r\n\r\n\
                password is data «4111111111111111»\r\n--XX--\r\n";
    check_all("multipart/form-data; boundary=XX", &[text]);
    check_all("", &[text]);
}

#[test]
fn markup() {
    check_all(
        "text/xml",
        &[
            "<?xml version=\"1.0\"?><a><user>ann</user><ns:Password t=\"1\">«hunter2»</ns:Password></a>",
            "<password><v>«a»</v><w>«b»</w></password><x>c</x>",
            "<Password><![CDATA[«a<b»]]></Password>",
            "<db password=\"«a b»\" user='ann'/>",
            "<entry key=\"api-key\">«abc»</entry><add name=\"Secret\" value=\"«abc»\"/><entry key=\"a\">b</entry>",
            "<auth><user>ann</user><token>«x»</token></auth>",
        ],
    );
    check_all(
        "text/html",
        &[
            "<input type=\"password\" name=p value=\"«x»\"><input name=\"q\" value=\"shoes\">",
            "<meta name=\"csrf-token\" content=\"«abc»\"><meta name=\"author\" content=\"ann\">",
            "<a href=\"/x?token=«abc»&amp;y=1\">Password:</a><label for=\"password\">Password</label>",
            "<div data-x=\"{&quot;token&quot;:&quot;«abc»&quot;}\">",
            "<script>var token = \"«abc»\"; if (a<b) { password = read(); }</script><p>the author's session</p>",
        ],
    );
}

#[test]
fn text() {
    let table = [
        "user=ann password=«hunter2» ok",
        "password: \"«two words»\", next",
        "db.password='«x»';token = «abc»;x=1",
        "{user=ann, password=«a,b»}",
        "Authorization: Bearer «abc»\r\nHost: a.test\r\nCookie: a=«b»; c=«d»\r\n",
        "curl -H 'Authorization: Token «abc»' https://ann:«pw»@a.test/x",
        "sent Bearer «abc123.def» to x",
        "card «4111 1111 1111 1111» and «4111-1111-1111-1111», order 4111111111111112, run 41111111111111111111",
        "-----BEGIN RSA PRIVATE KEY-----«\nMIIabc\n»-----END RSA PRIVATE KEY-----\nx",
        "-----BEGIN PRIVATE KEY-----«\nMIIabc\n»",
        "-----BEGIN CERTIFICATE-----\nMIIabc\n-----END CERTIFICATE-----",
        "id AKIAIOSFODNN7EXAMPLE with «wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY» there",
        "push with «ghp_abcdefghijklmnopqrstuvwxyz0123456789» done",
        "GET /x?%70assword=«abc»&y=%20 HTTP/1.1",
        "GET /x?key=«abc» HTTP/1.1 and key=abc",
        "postgres://ann:«pw»@db:5432/x",
        "session: closed, author: ann, max_tokens=5, the bearer token required, auth: failed",
        "WWW-Authenticate: Bearer realm=\"x\"",
        "the secret of the secretary, a password is needed, pass the token",
        "ids 1700000000000 1700000000000000000 2026-01-01 12:00:00 10.0.0.1",
    ];
    for text in table {
        check(&plain(text), redactor().text(plain(text).as_bytes()), &card_digits(text));
        assert_eq!(body("text/plain", &plain(text)), expected(&card_digits(text)), "{text}");
    }
}

/// The mark of a card number is over its digits, however they were grouped.
fn card_digits(text: &str) -> String {
    text.replace("«4111 1111 1111 1111»", "«4111111111111111»").replace("«4111-1111-1111-1111»", "«4111111111111111»")
}

#[test]
fn what_cannot_be_read_is_withheld() {
    for (content_type, body, reason) in [
        ("application/json", &b"\x1f\x8b\x08\x00\x00\x00\x00\x00"[..], Reason::Encoded),
        ("text/html", b"\x28\xb5\x2f\xfd\x00\x01\x02", Reason::Encoded),
        ("text/html", b"\x0b\x01\x80\x02\x03\x04\x05", Reason::LostSync),
        ("application/json", b"p\0a\0s\0s\0", Reason::Charset),
        ("", b"\xff\xfep\0a\0s\0s\0", Reason::Charset),
        ("application/json", b"{\"a\":5\", \"password\":\"hunter2\"}", Reason::LostSync),
        ("application/json", b"hello {\"p\\u0061ssword\":\"x\"", Reason::LostSync),
        ("application/msgpack", b"\x81\xa8password\xa1\x01\x02\x03\x04x", Reason::UnreadableFields),
        ("multipart/form-data", b"no parts, but a password", Reason::LostSync),
    ] {
        let content_type = (!content_type.is_empty()).then_some(content_type.as_bytes());
        assert_eq!(redactor().body(content_type, body, true), Body::Withheld { reason }, "{body:?}");
    }
}

#[test]
fn binary_bodies_pass_but_for_shapes() {
    let picture = b"\x89PNG\x00\x01\x02 password=\x03\x04abc\x00";
    assert_eq!(kept(redactor().body(Some(b"image/png"), picture, true)), picture);
    let message = b"\x0a\x05\x00\x01\x024111111111111111\x00\x01";
    let message = kept(redactor().body(Some(b"application/grpc"), message, true));
    assert!(message.windows(4).all(|window| window != b"4111") && message.starts_with(b"\x0a\x05\x00\x01\x02["));
}

#[test]
fn a_cut_hides_what_may_be_half_a_secret() {
    let cut = |content_type: &str, text: &str| {
        String::from_utf8(kept(redactor().body(Some(content_type.as_bytes()), text.as_bytes(), false))).unwrap()
    };
    for (content_type, text) in [
        ("application/json", r#"{"a":1,"password":"«hunt»"#),
        ("application/json", r#"{"value":"«abc»","#),
        ("application/x-www-form-urlencoded", "a=1&code=«abc»"),
        ("text/plain", "card «411111111»"),
        ("text/plain", "sent Bearer «abc»"),
        ("text/plain", "http://ann:«p»"),
        ("text/xml", "<a><password>«hun»"),
        ("multipart/form-data; boundary=X", "--X\r\nContent-Disposition: form-data; name=pin\r\n\r\n«12»"),
        ("text/plain", "order 411111"),
        ("application/json", r#"{"u":"https:\/\/ann:«p»"#),
        ("application/x-www-form-urlencoded", "a=1&u=https%3A%2F%2Fann:«p»\n"),
    ] {
        assert_eq!(cut(content_type, &plain(text)), expected(text), "{text}");
    }
}
