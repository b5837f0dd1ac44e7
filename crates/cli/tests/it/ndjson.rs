//! The ndjson contract: keys, their order, and what any bytes become.

use arachne_cli::fixtures::{exchange, raw_request, request, response, with_body};
use arachne_cli::output::ndjson::Ndjson;
use arachne_cli::output::{Output as _, SourceLabel};
use arachne_model::{Anomaly, AnomalySet, Exchange};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::{ProptestConfig, proptest};
use serde_json::{Value, json};

fn row(mut ndjson: Ndjson, exchange: &Exchange) -> String {
    let mut out = Vec::new();
    ndjson.exchange(exchange, &mut out);
    String::from_utf8(out).expect("JSON is UTF-8")
}

fn value(ndjson: Ndjson, exchange: &Exchange) -> Value {
    serde_json::from_str(&row(ndjson, exchange)).expect("valid JSON")
}

#[test]
fn the_whole_row() {
    let asked = request("GET", "/a?b=c", &[("Host", "api.shop")]);
    let mut x = exchange(Some(asked), Some(with_body(response(200, &[]), 4, b"hello")));
    x.anomalies.insert(Anomaly::Gap);
    x.anomalies.insert(Anomaly::BareLf);
    let expected = concat!(
        r#"{"start":"2024-02-29T10:02:11.304000000Z","duration_ns":2710000000,"#,
        r#""client.address":"10.0.0.7","client.port":51234,"server.address":"10.0.0.9","server.port":8080,"#,
        r#""http.request.method":"GET","http.request.header.host":"api.shop","url.path":"/a","url.query":"b=c","#,
        r#""http.response.status_code":200,"http.request.body.size":0,"http.response.body.size":4,"#,
        r#""http.request.body.decoded_size":null,"http.response.body.decoded_size":5,"#,
        r#""network.protocol.version":"1.1","tcp.session":1,"anomalies":["gap","bare_lf"]}"#,
        "\n"
    );
    assert_eq!(row(Ndjson::default(), &x), expected);
}

#[test]
fn halves_have_all_keys() {
    let keys = |v: &Value| v.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>());
    let whole = value(Ndjson::default(), &exchange(Some(request("GET", "/", &[])), Some(response(200, &[]))));
    let answer = value(Ndjson::default(), &exchange(None, Some(response(404, &[]))));
    let alone = value(Ndjson::default(), &exchange(Some(request("GET", "/", &[])), None));
    assert_eq!(keys(&whole), keys(&answer));
    assert_eq!(keys(&whole), keys(&alone));
    for key in ["http.request.method", "http.request.header.host", "url.path", "url.query", "http.request.body.size"] {
        assert_eq!(answer[key], Value::Null, "{key}");
    }
    assert_eq!(
        (&answer["http.response.status_code"], &answer["network.protocol.version"]),
        (&json!(404), &json!("1.1"))
    );
    for key in ["duration_ns", "http.response.status_code", "http.response.body.size", "http.request.header.host"] {
        assert_eq!(alone[key], Value::Null, "{key}");
    }
}

#[test]
fn flags_of_bodies_are_flags_of_the_exchange() {
    let mut answer = with_body(response(200, &[]), 4, b"x");
    answer.body.tap.as_mut().expect("built with one").anomalies = AnomalySet::from(Anomaly::DecompressError);
    let row = value(Ndjson::default(), &exchange(None, Some(answer)));
    assert_eq!(row["anomalies"], json!(["decompress_error"]));
}

#[test]
fn headers_and_hashes_when_asked() {
    let asked = request("GET", "/", &[("Host", "h"), ("X-A", "1"), ("x-a", "2")]);
    let x = exchange(Some(asked), Some(with_body(response(200, &[]), 4, b"x")));
    let row = value(Ndjson::new(true, true), &x);
    assert_eq!(row["http.request.headers"], json!([["Host", "h"], ["X-A", "1"], ["x-a", "2"]]));
    assert_eq!(row["http.response.headers"], json!([]));
    assert_eq!(row["http.response.body.sha256"], "ab".repeat(32));
    assert_eq!(row["http.response.body.decoded_sha256"], "cd".repeat(32));
    assert_eq!(row["http.request.body.sha256"], Value::Null);
    assert_eq!(value(Ndjson::new(true, false), &exchange(None, None))["http.request.headers"], Value::Null);
    assert!(value(Ndjson::default(), &x).get("http.request.headers").is_none());
}

#[test]
fn the_source_is_named_among_many() {
    let label = |among_many| SourceLabel { name: b"a\xff.pcap", number: 1, among_many };
    let named = |among_many| {
        let (mut out, mut ndjson) = (Vec::new(), Ndjson::default());
        ndjson.begin_source(&label(among_many), &mut out);
        ndjson.exchange(&exchange(None, Some(response(200, &[]))), &mut out);
        serde_json::from_slice::<Value>(&out).expect("valid JSON")
    };
    assert!(named(false).get("log.file.path").is_none());
    assert_eq!(named(true)["log.file.path"], "a\u{fffd}.pcap");
    assert_eq!(named(true)["log.file.path.base64"], STANDARD.encode(b"a\xff.pcap"));
}

#[test]
fn versions() {
    let version = |sent: &[u8]| {
        let asked = raw_request::<&[u8]>(b"GET", b"/", sent, &[]);
        value(Ndjson::default(), &exchange(Some(asked), None))["network.protocol.version"].clone()
    };
    assert_eq!(version(b"HTTP/1.0"), "1.0");
    assert_eq!(version(b""), "0.9");
    assert_eq!(version(b"HTTP/3.7"), "3.7");
    let cut = raw_request::<&[u8]>(b"GET", b"", b"", &[]);
    let version = value(Ndjson::default(), &exchange(Some(cut), None))["network.protocol.version"].clone();
    assert_eq!(version, Value::Null);
}

/// The text of `key` is the lossy form of `bytes`, and where that loses something the raw value stands beside it.
fn check_text(row: &Value, key: &str, bytes: &[u8]) {
    assert_eq!(row[key], *String::from_utf8_lossy(bytes), "{key}");
    let raw = row.get(format!("{key}.base64")).and_then(Value::as_str);
    match std::str::from_utf8(bytes) {
        Ok(_) => assert_eq!(raw, None),
        Err(_) => assert_eq!(STANDARD.decode(raw.expect("the raw value is there")).as_deref(), Ok(bytes)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn any_bytes_give_json_that_reads_back(
        method: Vec<u8>, path: Vec<u8>, query: Vec<u8>, host: Vec<u8>, name: Vec<u8>, value_: Vec<u8>,
    ) {
        let path: Vec<u8> = [b"/"].into_iter().flatten().chain(&path).copied().filter(|b| *b != b'?').collect();
        let target = [&path[..], b"?", &query].concat();
        let name = [&b"x"[..], &name].concat();
        let lines = [(b"host".to_vec(), host.clone()), (name.clone(), value_.clone())];
        let x = exchange(Some(raw_request(&method, &target, b"HTTP/1.1", &lines)), None);
        let text = row(Ndjson::new(true, false), &x);
        assert_eq!(text.matches('\n').count(), 1);
        let row: Value = serde_json::from_str(&text).expect("valid JSON");
        check_text(&row, "http.request.method", &method);
        check_text(&row, "url.path", &path);
        check_text(&row, "url.query", &query);
        check_text(&row, "http.request.header.host", &host);
        let pair = &row["http.request.headers"][1];
        assert_eq!(pair, &json!([String::from_utf8_lossy(&name), String::from_utf8_lossy(&value_)]));
        if std::str::from_utf8(&name).is_err() || std::str::from_utf8(&value_).is_err() {
            let raw = &row["http.request.headers.base64"][1];
            assert_eq!(raw, &json!([STANDARD.encode(&name), STANDARD.encode(&value_)]));
        }
    }
}
