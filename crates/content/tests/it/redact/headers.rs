//! Headers and targets: what goes, what stays.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::{check, expected, plain, redactor};

fn b64(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

#[test]
fn headers_with_secrets() {
    for (name, value) in [
        ("Authorization", "Bearer «S3CR3T-bearer»"),
        ("authorization", "bearer  «abc»"),
        ("Authorization", "«raw-key-without-scheme»"),
        ("Authorization", "«two words»"),
        ("Authorization", "Token «abc def»"),
        ("Proxy-Authorization", "Basic «UzNDUjNULWJhc2ljLTAx»"),
        ("Authorization", "Negotiate «YIIabc==»"),
        (
            "Authorization",
            "Digest username=\"ann\", realm=\"a, b\", nonce=\"«n0nce»\", uri=\"/x\", qop=auth, nc=00000001, \
             cnonce=\"«0a4f»\", response=\"«6629fae4»\", opaque=\"«5ccc»\"",
        ),
        (
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/eu/s3/aws4_request, \
             SignedHeaders=host;range, Signature=«fe5f80f77d5fa3beca038a248ff027d0»",
        ),
        ("Authorization", "OAuth oauth_consumer_key=\"app\", oauth_token=\"«tok»\", oauth_signature=\"«sig»\""),
        ("Authentication-Info", "nextnonce=\"«abc»\", qop=auth, rspauth=\"«def»\""),
        ("Cookie", "sid=«S3CR3T»; theme=«dark»;empty=; «nameless»"),
        (
            "Set-Cookie",
            "sid=«S3CR3T=x»; Path=/; HttpOnly; Max-Age=3; Expires=Wed, 21 Oct 2026 07:28:00 GMT; SameSite=Lax",
        ),
        ("Set-Cookie", "a=«1x»; Path=«/, b=secret»; Odd=«thing»"),
        ("X-Api-Key", "«S3CR3T-key-01»"),
        ("X-Auth-Token", "«abc»"),
        ("X-CSRF-Token", "«abc»"),
        ("X-Amz-Security-Token", "«abc»"),
        ("X-Goog-Api-Key", "«abc»"),
        ("Ocp-Apim-Subscription-Key", "«abc»"),
        ("X-Session-Id", "«abc»"),
        ("X-Vault-Token", "«abc»"),
        ("X-My-Credential", "«abc»"),
        ("Location", "/home?a=1#id_token=«S3CR3T-frag-06»&state=x"),
        ("Location", "https://ann:«pw»@a.test/cb?access_token=«t»"),
        ("Referer", "https://a.test/reset?token=«abc»&lang=de"),
        ("Refresh", "5; url=https://a.test/?session=«abc»"),
        ("Link", "<https://a.test/?page=2&api_key=«abc»>; rel=\"next\""),
        ("X-Original-URL", "/x?%70assword=«abc»"),
        ("Content-Location", "/x;jsessionid=«ABC123»?y=1"),
        ("X-Debug", "retry with password=«hunter2» later"),
        ("X-Debug", r#"{"s id":"«abc»","p\u0061ssword":"«x»","token":{"value":"«y»"},"note":"password=«hunter2»"}"#),
        ("X-Debug", r#" [{"name":"api key","value":"«z»"},{"user":"ann"}]"#),
        ("X-Debug", "{not JSON} password=«hunter2»"),
        ("X-Card", "4242 is not, «4111111111111111» is"),
    ] {
        check(&plain(value), redactor().header(name.as_bytes(), plain(value).as_bytes()), value);
    }
}

#[test]
fn headers_that_stay() {
    for (name, value) in [
        ("X-Request-Id", "3f2a9c0e7c1b4b7e9d0f2f6f0d1f9a11"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("WWW-Authenticate", "Bearer realm=\"token service\", error=\"invalid_token\", scope=\"a\""),
        ("WWW-Authenticate", "Digest realm=\"r\", nonce=\"abc\""),
        (":authority", "a.test"),
        ("Author", "ann"),
        ("X-Debug", r#"{"is it":"so","s":{"i d":1},"path":"a/s id/b"}"#),
        ("X-List", "[1, 2.50, \"b\"]"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Allow-Headers", "authorization, x-api-key, cookie"),
        ("Vary", "Cookie, Authorization"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Idempotency-Key", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("Content-Type", "text/html; charset=utf-8"),
        ("ETag", "\"4111111111111112\""),
        ("Date", "Wed, 21 Oct 2026 07:28:00 GMT"),
        ("Location", "https://ann@a.test/a?code=7&page=2#top"),
        ("X-Auth-User", "ann"),
        ("Set-Cookie", "a=; Path=/"),
        ("Keep-Alive", "timeout=5, max=1000"),
    ] {
        assert_eq!(redactor().header(name.as_bytes(), value.as_bytes()), None, "{name}: {value}");
    }
}

#[test]
fn headers_of_a_message_are_borrowed_where_they_stay() {
    let sent: [(&[u8], &[u8]); 3] =
        [(b"Host", b"a.test"), (b"Cookie", b"sid=S3CR3T"), (b"Accept", b"text/html;q=0.9, */*")];
    let shown: Vec<_> = redactor().headers(sent).collect();
    assert_eq!(shown[0], (sent[0].0, Cow::Borrowed(sent[0].1)));
    assert_eq!(shown[1].1, expected("sid=«S3CR3T»").as_bytes());
    assert_eq!(shown.iter().map(|(_, value)| matches!(value, Cow::Owned(_))).collect::<Vec<_>>(), [false, true, false]);
}

#[test]
fn basic_keeps_the_user() {
    for (credentials, wanted) in [
        ("ann:hunter2", "Basic ann:«hunter2»".to_owned()),
        ("ann:a:b", "Basic ann:«a:b»".to_owned()),
        ("ann\r\nX: y:z", format!("Basic «{}»", STANDARD.encode("ann\r\nX: y:z"))),
    ] {
        let value = format!("Basic {}", STANDARD.encode(credentials));
        check(&value, redactor().header(b"Authorization", value.as_bytes()), &wanted);
    }
}

#[test]
fn a_jwt_keeps_header_and_claims() {
    let (header, claims) = (b64(r#"{"alg":"HS256","typ":"JWT"}"#), b64(r#"{"sub":"ann","exp":1}"#));
    let token = format!("{header}.{claims}.«c2lnbmF0dXJl»");
    for (name, value) in [
        ("Authorization", format!("Bearer {token}")),
        ("Cookie", format!("jwt={token}; x=«y»")),
        ("X-Other", format!("see {token}, please")),
        ("Location", format!("/t/{token}/x?next={token}")),
    ] {
        check(&plain(&value), redactor().header(name.as_bytes(), plain(&value).as_bytes()), &value);
    }
}

#[test]
fn secret_claims_and_encrypted_tokens_go() {
    let header = b64(r#"{"alg":"HS256"}"#);
    let value = format!("Bearer {header}.{}.c2ln", b64(r#"{"sub":"ann","api_key":"K3Y"}"#));
    let claims = b64(&expected(r#"{"sub":"ann","api_key":"«K3Y»"}"#));
    check(&value, redactor().header(b"Authorization", value.as_bytes()), &format!("Bearer {header}.{claims}.«c2ln»"));

    let value = format!("Bearer {header}.«a2V5.aXY.Y2lwaGVy.dGFn»");
    check(&plain(&value), redactor().header(b"Authorization", plain(&value).as_bytes()), &value);
    // A password that only looks like a token has no claims to keep.
    let value = "«eyJhbGciOi.hunter2.xyz»";
    check(&plain(value), redactor().header(b"X-Api-Key", plain(value).as_bytes()), value);
}

#[test]
fn targets() {
    for target in [
        "/cb?access_token=«S3CR3T-query-05»&x=1",
        "/cb?x=1&%70assword=«abc»",
        "/cb?p%61ss%77ord=«a»&PASSWORD=«b»&user[password]=«c»",
        "/cb?code=«abc»&state=x",
        "/cb?sig=«abc»&sv=2020&X-Amz-Signature=«def»&X-Amz-Date=2026",
        "/maps?key=«AIzaShort»&q=berlin",
        "/a;jsessionid=«0123»/b",
        "http://ann:«pw»@a.test/",
        "/#/route?token=«abc»",
        "/pay?n=«4111111111111111»",
        "/x?pin=«1234»&otp=«567890»&sid=«z»",
        "/x?next=/cb?token=«abc»",
    ] {
        check(&plain(target), redactor().target(plain(target).as_bytes()), target);
    }
    let nested = "/login?next=https%3A%2F%2Fa.test%2F%3Ftoken%3D«abc»%26x%3D1";
    check(&plain(nested), redactor().target(plain(nested).as_bytes()), nested);
    // Equal values match however they are encoded.
    check("", redactor().target(b"/x?password=a%20b"), "/x?password=«a b»");
    check("", redactor().target(b"/x?n=4111%201111%201111%201111"), "/x?n=«4111111111111111»");
    for target in [
        "/",
        "*",
        "a.test:443",
        "/items/18?page=2&sort=price",
        "/authors?author=ann&keyword=x",
        "/x?code=7",
        "/x?order=4111111111111112",
        "/x?token=",
        "/x?max_tokens=100&token_type=bearer",
        "/keys/key",
        "/%zz?%",
        "https://a.test:8080/x",
        "/x?show_password=true",
    ] {
        assert_eq!(redactor().target(target.as_bytes()), None, "{target}");
    }
}

#[test]
fn configured_names_are_secret() {
    use arachne_content::redact::{Key, Redactor, Rules};
    let rules = Rules { headers: vec!["X-Kunde".to_owned()], fields: vec!["kunden-nummer".to_owned()] };
    let redactor = Redactor::new(Key::new([7; 32]), rules);
    check("", redactor.header(b"x-kunde", b"abc"), "«abc»");
    check("", redactor.target(b"/x?KundenNummer=abc"), "/x?KundenNummer=«abc»");
    for name in ["kundenNummer", "KUNDEN_NUMMER", "kunden nummer", "kundennummer"] {
        let body = format!(r#"{{"{name}":"abc"}}"#);
        let kept = super::kept(redactor.body(None, body.as_bytes(), true));
        assert_eq!(String::from_utf8(kept).unwrap(), expected(&body.replace("abc", "«abc»")));
    }
    check("", redactor.text(b"Kunden-Nummer: abc, ok"), "Kunden-Nummer: «abc», ok");
}
