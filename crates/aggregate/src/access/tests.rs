//! Broken and ambiguous lines of every format.

use super::*;
use proptest::prelude::*;

fn read<'a>(format: &str, line: &'a str) -> Result<Record<'a>, Refusal> {
    Reader::new(&Format::new(format).expect("the test names a good format")).read(line.as_bytes())
}

#[test]
fn lines_that_are_broken_say_how() {
    let good = r#"1.2.3.4 - - [21/Nov/2026:19:47:20 +0000] "GET / HTTP/1.1" 200 3 "-" "x""#;
    assert_eq!(read("combined", good).map(|record| record.status), Ok(Some(200)));
    let cut = read("combined", good.strip_suffix("\"").expect("it ends so")).expect("all else is there");
    assert_eq!((cut.user_agent, cut.cut), (Some(b"x".as_slice()), true));
    let table = [
        ("  ", Refusal::Blank),
        ("1.2.3.4 - ", Refusal::Short),
        (r#"1.2.3.4 - - [21/Nov/2026:19:47:20 +0000] "GET /"#, Refusal::Short),
        (r#"1.2.3.4 - - [21/Nov/2026:19:47:20 +0000] "GET / HTTP/1.1" 200 3 "-"#, Refusal::Short),
        (r#"1.2.3.4 - - [21/Nov/2026:19:47:20 +0000] "GET / HTTP/1.1" 20x 3 "-" "x""#, Refusal::Shape(Field::Status)),
        (
            r#"1.2.3.4 - - [41/Nov/2026:19:47:20 +0000] "GET / HTTP/1.1" 200 3 "-" "x""#,
            Refusal::Shape(Field::TimeLocal),
        ),
        (r#"1.2.3.4 - - [21/Nov/2026:19:47:20 +0000] "GET / HTTP/1.1" 200 3 "-" "x" 0.1"#, Refusal::Long),
        (
            r#"1.2.3.4 - a [21/Nov/2026:1 [21/Nov/2026:19:47:20 +0000] "GET / HTTP/1.1" 200 3 "-" "x""#,
            Refusal::Ambiguous(Field::User),
        ),
    ];
    for (line, refusal) in table {
        assert_eq!(read("combined", line), Err(refusal), "{line}");
    }
}

#[test]
fn without_escapes_two_ends_are_one_too_many() {
    let format = r#"escape=none $remote_addr "$request" $status "$http_user_agent""#;
    assert_eq!(
        read(format, r#"::1 "GET /"a HTTP/1.1" 200 "x"y""#).map(|r| r.user_agent),
        Ok(Some(br#"x"y"#.as_slice()))
    );
    assert_eq!(read(format, r#"::1 "GET /" 404 " HTTP/1.1" 200 "x""#), Err(Refusal::Ambiguous(Field::Request)));
}

#[test]
fn apache_escapes_quotes_with_a_backslash() {
    let line = r#"h - - [21/Nov/2026:19:47:20 +0000] "GET /\"\\ HTTP/1.1" 200 - "-" "a\\""#;
    let record = read("apache", line).expect("it is a line of Apache");
    assert_eq!((record.bytes, record.user_agent), (None, Some(br"a\\".as_slice())));
    assert_eq!(record.text(record.request.target.expect("it has one")).as_ref(), br#"/"\"#);
}

/// Found by the recorded scene: a host, and behind it two values that both look like a status.
#[test]
fn a_tab_ends_a_value_since_servers_escape_those_that_were_sent() {
    let format = r#"$msec\t$http_host\t$status\t$upstream_status\t$http_user_agent\t$request_time"#;
    let line = "1795412383.433\twww.loom.example\t503\t503, 503\tprobe 2.0 (x)\t0.004";
    let record = read(format, line).expect("it is one");
    assert_eq!((record.status, record.user_agent), (Some(503), Some(b"probe 2.0 (x)".as_slice())));
    assert_eq!(record.host, Some(b"www.loom.example".as_slice()));
    let unescaped = read(r#"escape=none $http_host\t$status\t$upstream_status"#, "a\t200\t200");
    assert_eq!(unescaped, Err(Refusal::Ambiguous(Field::Host)));
}

/// Found by review: what was asked for is not the status.
#[test]
fn with_escape_json_a_quote_behind_a_backslash_was_sent() {
    let format = r#"escape=json '"$request" $status $host'"#;
    for (line, sent) in [
        (r#""GET /\" 200 evil" 404 real"#, r#"/" 200 evil"#),
        (r#""GET /\\\" 200 evil" 404 real"#, r#"/\" 200 evil"#),
        (r#""GET /\\" 404 real"#, r"/\"),
        (r#""GET /\u00e9\n" 404 real"#, "/é\n"),
    ] {
        let record = read(format, line).expect("nginx writes such lines");
        let target = record.text(record.request.target.expect("it has one"));
        assert_eq!((record.status, target.as_ref()), (Some(404), sent.as_bytes()), "{line}");
    }
    assert_eq!(read(format, r#""GET /\" 404 real"#), Err(Refusal::Short));
    let unquoted = r#"escape=json $http_user_agent $status "$request""#;
    let forged = read(unquoted, r#"a\" 200 x 404 "GET / HTTP/1.1""#);
    assert_eq!(forged, Err(Refusal::Ambiguous(Field::UserAgent)));
}

#[test]
fn a_line_may_end_as_windows_ends_it() {
    assert_eq!(read("$status", "200\r").map(|record| record.status), Ok(Some(200)));
}

proptest! {
    #[test]
    fn no_bytes_do_harm(
        line in proptest::collection::vec(any::<u8>(), 0..300),
        near in r#"[-0-9a-z \[\]"/:{},\\+]{0,120}"#,
        cut in 0_usize..200,
    ) {
        let good = br#"1.2.3.4 - - [21/Nov/2026:19:47:20 +0000] "GET / HTTP/1.1" 200 3 "-" "x" 0.000 - [0.1, - : 2] a, b : c id"#;
        for format in ["combined_plus", "apache", "lighttpd", "json", "haproxy", "escape=none $http_x $host, $status"] {
            let mut reader = Reader::new(&Format::new(format).expect("a good format"));
            for bytes in [&line[..], near.as_bytes(), &good[..cut.min(good.len())]] {
                if let Ok(record) = reader.read(bytes) {
                    let _ = (record.upstreams.nanos(), record.upstreams.attempts().count(), record.outside_upstream());
                }
            }
        }
    }
}
