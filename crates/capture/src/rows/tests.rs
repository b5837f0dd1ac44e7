//! Rows of the store from records: ids, services, correlation, redaction.

use arachne_aggregate::template::Normaliser;
use arachne_content::TapOptions;
use arachne_content::redact::{Key, Redactor, Rules};
use arachne_model::table::{ExchangeRow, Row as _, Value};
use arachne_model::{
    Anomaly, AnomalySet, BodyFacts, Endpoint, Exchange, Field, Limits, Message, Span, StartLine, TapFacts, UnixNanos,
};
use arachne_wire::MessageHead;
use arachne_wire::sink::Direction;

use super::{RowMaker, RowOptions, Vantage};

const START: i64 = 1_767_225_600_123_456_789;

fn maker() -> RowMaker {
    let options = RowOptions {
        source: "s0".into(),
        agent: "edge".into(),
        vantage: Some(Vantage::Server),
        tags: vec!["a".into(), "b".into()],
        ..RowOptions::default()
    };
    RowMaker::new(options, Redactor::new(Key::new([7; 32]), Rules::default()), Normaliser::default())
}

fn append(head: &mut Vec<u8>, text: &str) -> Span {
    let start = u32::try_from(head.len()).expect("short");
    head.extend_from_slice(text.as_bytes());
    Span { start, end: start + u32::try_from(text.len()).expect("short") }
}

fn message(first: [&str; 2], lines: &[(&str, &str)], status: Option<u16>) -> Message {
    let mut head = Vec::new();
    let start_line = match status {
        Some(status) => {
            StartLine::Response { version: append(&mut head, "HTTP/1.1"), status, reason: append(&mut head, "OK") }
        }
        None => StartLine::Request {
            method: append(&mut head, first[0]),
            target: append(&mut head, first[1]),
            version: append(&mut head, "HTTP/1.1"),
        },
    };
    let field = |(name, value): &(&str, &str)| Field { name: append(&mut head, name), value: append(&mut head, value) };
    let fields: Vec<_> = lines.iter().map(field).collect();
    let (trailers_at, wire_bytes) = (fields.len(), head.len() as u64);
    Message { head, start_line, fields, trailers_at, body: BodyFacts::default(), complete: true, wire_bytes }
}

fn exchange(target: &str, asked: &[(&str, &str)], answer: Option<(u16, &[(&str, &str)])>) -> Exchange {
    Exchange {
        session: 3,
        session_start: UnixNanos(START - 5_000_000),
        network: 0,
        completed_by: 9,
        client: Endpoint { address: [10, 0, 0, 7].into(), port: 5000 },
        server: Endpoint { address: [10, 0, 0, 9].into(), port: 8080 },
        first_sequence: 77,
        start: UnixNanos(START),
        request_end: Some(UnixNanos(START + 1)),
        response_start: answer.map(|_| UnixNanos(START + 2)),
        end: answer.map(|_| UnixNanos(START + 3)),
        request: Some(message(["GET", target], asked, None)),
        response: answer.map(|(status, lines)| message(["", ""], lines, Some(status))),
        interim: vec![],
        anomalies: AnomalySet::EMPTY,
        retransmissions: 0,
        handshake_rtt_ns: None,
    }
}

fn row(target: &str, asked: &[(&str, &str)], answer: Option<(u16, &[(&str, &str)])>) -> ExchangeRow {
    maker().exchange(&exchange(target, asked, answer))
}

#[test]
fn a_whole_row() {
    let asked = [("Host", "Shop.Example:8080"), ("X-Request-ID", "r1"), ("X-Forwarded-For", "192.0.2.1, 10.0.0.1")];
    let mut x = exchange("/users/17?page=2", &asked, Some((200, &[("Content-Type", "Text/HTML; charset=utf-8")])));
    x.interim = vec![100, 103];
    x.anomalies.insert(Anomaly::Gap);
    let row = maker().exchange(&x);
    assert_eq!(
        row.request_headers.as_deref(),
        Some("Host: Shop.Example:8080\nX-Request-ID: r1\nX-Forwarded-For: 192.0.2.1, 10.0.0.1\n")
    );
    assert_eq!((row.host.as_deref(), row.service.as_str()), (Some("shop.example:8080"), "shop.example:8080"));
    assert_eq!(
        (row.method.as_deref(), row.path.as_deref(), row.query.as_deref()),
        (Some("GET"), Some("/users/17"), Some("page=2"))
    );
    assert_eq!(row.content_type.as_deref(), Some("text/html"));
    assert_eq!((row.origin.as_str(), row.client_address.as_str(), row.client_port), ("192.0.2.1", "10.0.0.7", 5000));
    assert_eq!((row.status, row.version.as_deref(), row.request_id.as_deref()), (Some(200), Some("1.1"), Some("r1")));
    assert_eq!(
        (row.interim.as_deref(), row.anomalies.as_deref(), row.tags.as_deref()),
        (Some("100 103"), Some("gap"), Some("a b"))
    );
    assert_eq!((row.vantage.as_deref(), row.agent.as_str(), row.source.as_str()), (Some("server"), "edge", "s0"));
    assert_eq!((row.start, row.end, row.counted, row.provisional), (START, Some(START + 3), true, false));
    assert_ne!(row.template, row.path);
}

#[test]
fn ids_hang_on_time_source_and_wire_alone() {
    let plain = row("/", &[], None);
    assert_eq!(plain, row("/", &[], None));
    let mut other = exchange("/other", &[("A", "b")], Some((200, &[])));
    other.completed_by = 4711;
    std::mem::swap(&mut other.client, &mut other.server);
    let mut maker = maker();
    let same = maker.exchange(&other);
    assert_eq!((&same.id, same.wire_key, &same.session), (&plain.id, plain.wire_key, &plain.session));
    assert_eq!(maker.session_id(other.session_start, other.session), plain.session);
    other.first_sequence += 1;
    assert_ne!(maker.exchange(&other).id, plain.id);
}

#[test]
fn an_open_exchange_has_the_id_of_its_end() {
    let (open, done) = (exchange("/", &[], None), exchange("/", &[], Some((200, &[]))));
    let mut maker = maker();
    let (open, done) = (maker.open_exchange(&open), maker.exchange(&done));
    assert_eq!((open.end, open.provisional, done.provisional), (None, true, false));
    assert_eq!(open.id, done.id);
}

#[test]
fn without_an_answer_it_ends_with_what_was_last_seen() {
    assert_eq!(row("/", &[], None).end, Some(START + 1));
    let mut x = exchange("/", &[], None);
    x.request_end = None;
    assert_eq!(maker().exchange(&x).end, Some(START));
    assert_eq!(maker().exchange(&x).status, None);
}

/// Packets that were captured in another order than sent, or a clock that was set back meanwhile.
#[test]
fn an_answer_captured_before_its_request_ends_no_earlier_than_it_began() {
    let mut x = exchange("/", &[("Host", "shop")], Some((200, &[])));
    x.response_start = Some(UnixNanos(START - 3));
    x.end = Some(UnixNanos(START - 2));
    let mut maker = maker();
    let row = maker.exchange(&x);
    assert_eq!((row.start, row.end), (START, Some(START)));
    maker.settle(&x, &row, true);
    assert!(maker.new_names().iter().all(|name| Some(name.first) <= name.last));
}

#[test]
fn secrets_do_not_reach_any_column() {
    let asked = [
        ("Host", "shop"),
        ("Authorization", "Basic YW5uYTpTM0NSM1Q="),
        ("Cookie", "sid=S3CR3T"),
        ("Referer", "http://x/?access_token=S3CR3T"),
    ];
    let answer = [("Set-Cookie", "sid=S3CR3T; Path=/"), ("Location", "/in#access_token=S3CR3T")];
    let mut x = exchange("/p?api_key=S3CR3T&q=1", &asked, Some((302, &answer)));
    let response = x.response.as_mut().expect("built with one");
    response.body.size = 30;
    let kept = br#"{"password":"S3CR3T","a":"yes"}"#.to_vec();
    response.body.tap = Some(Box::new(TapFacts { decoded_size: Some(31), kept: Some(kept), ..TapFacts::default() }));
    let maker = &mut maker();
    let row = maker.exchange(&x);
    assert_eq!((row.user.as_deref(), row.bodies.as_deref()), (Some("anna"), Some("response")));
    let bodies = maker.bodies(&row, &mut x);
    let all = format!("{row:?}{}", String::from_utf8_lossy(&bodies[0].bytes));
    assert!(!all.contains("S3CR3T") && !all.contains("UzNDUjNU"), "{all}");
    assert!(all.contains("q=1") && all.contains(r#""a":"yes""#), "{all}");
}

/// What stands behind a gap may be the second half of a secret, and what ends at one the first half.
#[test]
fn of_a_body_with_a_gap_only_the_start_is_kept() {
    let mut x = exchange("/", &[], Some((200, &[("Content-Type", "text/plain")])));
    let response = x.response.as_mut().expect("built with one");
    let options = TapOptions { decode: true, hash: false, keep: true, limits: Limits::default() };
    let mut tap = arachne_content::tap(&MessageHead { direction: Direction::Response, message: response }, &options)
        .expect("bytes are to be kept");
    tap.write(b"card 4111 1111 ");
    tap.gap(5);
    tap.write(b"1111 of ann");
    response.body.size = 26;
    response.body.tap = Some(Box::new(tap.finish(true)));
    let maker = &mut maker();
    let row = maker.exchange(&x);
    let bodies = maker.bodies(&row, &mut x);
    let stored = String::from_utf8_lossy(&bodies[0].bytes);
    assert!(bodies[0].cut && stored.starts_with("card [redacted:") && !stored.contains("11"), "{stored}");
    assert!(!stored.contains("ann"), "{stored}");
}

#[test]
fn what_cannot_be_read_is_withheld() {
    let mut x = exchange("/", &[], Some((200, &[("Content-Encoding", "odd")])));
    let response = x.response.as_mut().expect("built with one");
    response.body.size = 3;
    response.body.tap = Some(Box::new(TapFacts { kept: Some(b"abc".to_vec()), ..TapFacts::default() }));
    let maker = &mut maker();
    let row = maker.exchange(&x);
    let bodies = maker.bodies(&row, &mut x);
    assert_eq!((bodies[0].bytes.len(), bodies[0].withheld.as_deref()), (0, Some("encoded")));
}

#[test]
fn names_are_learned_from_kept_exchanges_alone() {
    let maker = &mut maker();
    for (host, kept) in [("Shop:8080", true), ("SHOP", true), ("10.0.0.1", true), ("hidden", false)] {
        let x = exchange("/", &[("Host", host)], None);
        let row = maker.exchange(&x);
        maker.settle(&x, &row, kept);
    }
    let rows = std::mem::replace(maker, self::maker()).finish(&[([1, 1, 1, 1].into(), "no span, no row".into())]);
    assert_eq!(rows.iter().map(|r| (&*r.address, &*r.name)).collect::<Vec<_>>(), [("10.0.0.9", "shop")]);
}

#[test]
fn a_row_in_the_memory_of_another_is_like_a_new_one() {
    let full = exchange(
        "/users/7?page=3",
        &[("Host", "shop"), ("X-Request-Id", "r1"), ("Authorization", "Basic YW5uYTpTM0NSM1Q=")],
        Some((200, &[("Content-Type", "text/html")])),
    );
    let bare = exchange("*", &[], None);
    let mut used = ExchangeRow::default();
    for (index, column) in ExchangeRow::TABLE.columns.iter().enumerate() {
        let values = [Value::Int(99), Value::Bool(true), Value::Text("before")];
        assert!(values.into_iter().any(|value| used.set(index, value)), "{}", column.name);
    }
    for one in [&full, &bare] {
        let new = maker().exchange(one);
        let mut maker = maker();
        maker.reuse(vec![new.clone(), used.clone()]);
        assert_eq!([maker.exchange(one), maker.exchange(one)], [new.clone(), new]);
    }
}
