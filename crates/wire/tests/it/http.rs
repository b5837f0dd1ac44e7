//! HTTP/1.x by tables of a few bytes: bodies, pairing, and a flag for each ambiguity.

use crate::support::{Run, check, run, turns};
use arachne_model::Limits;

const OK: &[u8] = b"<HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn plain_exchanges_raise_no_flag() {
    check(&[b">GET /a HTTP/1.1\r\nHost: x\r\n\r\n", OK], &["GET /a 200 0/2"]);
    check(&[b">POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", OK], &["POST /a 200 3/2"]);
    check(&[b">GET http://x/a?b HTTP/1.1\r\nHost: x\r\n\r\n", OK], &["GET http://x/a?b 200 0/2"]);
    check(&[b">FROB /a HTTP/1.1\r\nHost: x\r\n\r\n", OK], &["FROB /a 200 0/2"]);
    check(&[b">GET /a HTTP/1.0\r\n\r\n", b"<HTTP/1.0 200 OK\r\n\r\nto the end"], &["GET /a 200 0/10"]);
}

#[test]
fn body_ends() {
    let get = b">GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    let cases: [(&[u8], &str); 10] = [
        (b"<HTTP/1.1 204 No Content\r\n\r\n", "GET /a 204 0/0"),
        (b"<HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "GET /a 304 0/0"),
        (b"<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET /a 200 0/0"),
        (b"<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "GET /a 200 0/3"),
        (
            b"<HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n03;a=\"b\"\r\nabc\r\n2 \r\nde\r\n0\r\n\r\n",
            "GET /a 200 0/5",
        ),
        (b"<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n", "GET /a 200 0/0"),
        (b"<HTTP/1.1 200 OK\r\n\r\nuntil close", "GET /a 200 0/11"),
        (b"<HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "GET /a 200 0/1"),
        (b"<HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", "GET /a 200 0/1"),
        (b"<HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "GET /a 200 0/2~ incomplete"),
    ];
    for (response, expected) in cases {
        check(&[get, response], &[expected]);
    }
    check(
        &[b">HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n", b"<HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"],
        &["HEAD /a 200 0/0"],
    );
}

#[test]
fn trailers_and_interim_responses_are_told() {
    let found = run(turns(&[
        b">GET /a HTTP/1.1\r\nHost: x\r\n\r\n",
        b"<HTTP/1.1 103 Early Hints\r\nLink: y\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
        b"<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nDigest: q\r\nEtag:  w \r\n\r\n",
    ])
    .packets());
    assert_eq!(found.lines(), ["GET /a 200 0/1"]);
    assert_eq!(found.exchanges[0].interim, [103, 100]);
    let response = found.exchanges[0].response.as_ref().unwrap();
    let trailers: Vec<_> = response.trailers().collect();
    assert_eq!(trailers, [(&b"Digest"[..], &b"q"[..]), (b"Etag", b"w")]);
    assert_eq!(response.header("transfer-encoding"), Some(&b"chunked"[..]));
    assert_eq!(response.header("digest"), None, "a trailer is no header");
}

#[test]
fn pairing() {
    let get: &[u8] = b">GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n";
    check(&[get, OK, OK], &["GET /a 200 0/2", "GET /b 200 0/2"]);
    check(&[get, OK], &["GET /a 200 0/2", "GET /b - 0/-"]);
    check(&[b"<HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n"], &["- - 408 -/0 unsolicited_response"]);
    check(
        &[b"<HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n", b">GET /a HTTP/1.1\r\nHost: x\r\n\r\n", OK],
        &["- - 408 -/0 unsolicited_response", "GET /a 200 0/2"],
    );
    check(
        &[b">GET /a HTTP/1.1\r\nHost: x\r\n\r\n", OK, OK, b">GET /b HTTP/1.1\r\nHost: x\r\n\r\n", OK],
        &["GET /a 200 0/2", "- - 200 -/2 unsolicited_response", "GET /b 200 0/2"],
    );
}

#[test]
fn an_early_answer_ends_with_the_request() {
    let (head, rest) = (b">POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab", b">cd");
    check(&[head, OK, rest], &["POST /a 200 4/2"]);
}

#[test]
fn a_tunnel_is_opaque() {
    let connect = b">CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n";
    let bytes: &[&[u8]] = &[connect, b"<HTTP/1.1 200 OK\r\n\r\n", b">GET /x HTTP/1.1\r\n\r\n", OK];
    check(bytes, &["CONNECT h:443 200 0/0"]);
    check(
        &[connect, b"<HTTP/1.1 403 No\r\nContent-Length: 1\r\n\r\nx", b">GET /x HTTP/1.1\r\nHost: h\r\n\r\n", OK],
        &["CONNECT h:443 403 0/1", "GET /x 200 0/2"],
    );
}

#[test]
fn an_upgrade_ends_the_request_it_answers() {
    let ask = b">GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let accept = b"<HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    check(&[ask, accept, b">\x81\x82\x01\x02\x03\x04ab", b"<\x81\x02hi"], &["GET /ws 101 0/0 upgrade"]);
    // The body of the request was still on its way: it ends here, and so does its tap.
    let early = b">POST /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nContent-Length: 90\r\n\r\nab";
    check(&[early, accept, b">\x81\x82\x01\x02\x03\x04ab"], &["POST /ws 101 2~/0 incomplete upgrade"]);
    let connect = b">CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nContent-Length: 90\r\n\r\nab";
    check(&[connect, b"<HTTP/1.1 200 OK\r\n\r\n"], &["CONNECT h:1 200 2~/0 incomplete"]);
}

#[test]
fn requests_and_responses_cut_by_the_end() {
    check(&[b">GET /a HTTP/1.1\r\nHos"], &["GET /a - 0~/- incomplete"]);
    check(&[b">GET /a HT"], &["GET  - 0~/- incomplete"]);
    check(&[b">POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"], &["POST /a - 3~/- incomplete"]);
    check(&[b">GET /a HTTP/1.1\r\nHost: x\r\n\r\n", b"<HTTP/1.1 200 OK\r\nX"], &["GET /a 200 0/0~ incomplete"]);
    check(
        &[b">GET /a HTTP/1.1\r\nHost: x\r\n\r\n", b"<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"],
        &["GET /a 200 0/2~ incomplete"],
    );
}

/// Each row: what the client sends, and the line that comes out when the server answers `200` with two bytes.
#[test]
fn flags_of_requests() {
    let cases: [(&[u8], &str); 24] = [
        (b">GET /a HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", "obs_fold"),
        (b">GET /a HTTP/1.1\nHost: x\n\n", "bare_lf"),
        (b">GET /a HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", "bare_cr"),
        (b">GET /a HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", "nul"),
        (b">GET /a HTTP/1.1\r\nHost: x\r\nA: b\x01c\r\n\r\n", "bad_header"),
        (b">GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0x\r\n\r\n", "ambiguous bad_cl"),
        (b">GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 0\r\n\r\n", "bad_cl dup_cl"),
        (b">GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", "dup_cl"),
        (b">GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n", "ambiguous dup_cl"),
        (
            b">GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "ambiguous te_and_cl",
        ),
        (b">GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", "ambiguous"),
        (b">GET /a HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "ambiguous"),
        (b">GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "ambiguous bad_chunk"),
        (
            b">GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\naXX\r\n0\r\n\r\n",
            "ambiguous bad_chunk",
        ),
        (b">GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "ambiguous bad_chunk"),
        (b">GET /a HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", "ambiguous bad_header"),
        (b">GET /a HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", "bad_header"),
        (b">GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "ambiguous dup_host"),
        (b">GET /a HTTP/1.1\r\n\r\n", "no_host"),
        (b">GET http://y/a HTTP/1.1\r\nHost: x\r\n\r\n", "host_mismatch"),
        (b">GET /a HTTP/1.7\r\nHost: x\r\n\r\n", "bad_version"),
        (b">GET  /a HTTP/1.1\r\nHost: x\r\n\r\n", "ambiguous"),
        (b">GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", "ambiguous"),
        (b">GET /a HTTP/1.1\r\nHost: x\r\n X: y\r\n\r\n", "obs_fold"),
    ];
    for (request, flags) in cases {
        let found = run(turns(&[request, OK]).packets());
        let names: Vec<_> = found.exchanges[0].anomalies.iter().map(arachne_model::Anomaly::name).collect();
        assert_eq!(names.join(" "), flags, "{}", request.escape_ascii());
        assert_eq!(found.lines().len(), 1, "{}: {:?}", request.escape_ascii(), found.lines());
    }
}

#[test]
fn the_protocol_is_found_at_any_segment_size() {
    let long = "a".repeat(600);
    let first: [(String, &str); 6] = [
        (format!("OPTIONS /{long} HTTP/1.1\r\nHost: x\r\n\r\n"), "http"),
        (format!("FROB /{long} HTTP/1.1\r\nHost: x\r\n\r\n"), "http"),
        ("GET /a HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "http"),
        ("*1\r\n$4\r\nPING\r\n".to_owned(), "redis"),
        ("SSH-2.0-x\r\n".to_owned(), "ssh"),
        ("\u{1}\u{4}xx\u{1}\0\0\u{1}\0\0\0\0\0\0\u{7}example\u{3}com\0".to_owned(), "dns"),
    ];
    for (bytes, name) in first {
        for size in [1, 2, 3, 7, 60, 1448] {
            let mut talk = crate::support::talk();
            talk.handshake().segment_size(size).client(bytes.as_bytes()).close();
            let found = run(talk.packets());
            assert_eq!(found.session().protocol.name(), name, "{size} bytes: {}", bytes.escape_default());
        }
    }
}

#[test]
fn flags_of_responses() {
    let cases: [(&[u8], &str); 6] = [
        (b"<HTTP/1.1 2xx OK\r\nContent-Length: 0\r\n\r\n", "bad_status"),
        (b"<HTTP/1.1 700 OK\r\nContent-Length: 0\r\n\r\n", "bad_status"),
        (b"<HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", "bad_version"),
        (b"<HTTP/1.1 200 OK\nContent-Length: 0\n\n", "bare_lf"),
        (b"<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\na\n0\n\n", "bare_lf"),
        (b"<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nbad\r\n\r\n", "bad_header"),
    ];
    for (response, flags) in cases {
        let found = run(turns(&[b">GET /a HTTP/1.1\r\nHost: x\r\n\r\n", response]).packets());
        let names: Vec<_> = found.exchanges[0].anomalies.iter().map(arachne_model::Anomaly::name).collect();
        assert_eq!(names.join(" "), flags, "{}", response.escape_ascii());
    }
}

#[test]
fn a_broken_websocket_frame_is_flagged() {
    let found = run(turns(&[
        b">GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n",
        b"<HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b">\x83\x00",
    ])
    .packets());
    assert!(found.flags().contains(&"bad_websocket"), "{:?}", found.flags());
}

#[test]
fn head_limits_cut_and_flag() {
    let limits = Limits { head_bytes_max: 64, head_fields_max: 2, ..Limits::default() };
    let run = Run { limits, ..Run::default() };
    let many = turns(&[b">GET /a HTTP/1.1\r\nHost: x\r\nA: b\r\nC: d\r\n\r\n", OK]);
    let found = run.packets(many.packets());
    assert_eq!(found.lines(), ["GET /a 200 0/2 too_many_headers"]);
    assert_eq!(found.exchanges[0].request.as_ref().unwrap().fields.len(), 2);
    let large = [b">GET /a HTTP/1.1\r\nHost: x\r\nA: ", &[b'y'; 60][..], b"\r\n\r\n"].concat();
    let found = run.packets(turns(&[&large, OK, b">GET /b HTTP/1.1\r\nHost: x\r\n\r\n", OK]).packets());
    assert_eq!(found.lines(), ["GET /a 200 0~/2 header_too_large", "GET /b 200 0/2"]);
}

#[test]
fn more_pending_requests_than_the_limit_pair_rightly() {
    let limits = Limits { pending_exchanges_max: 2, ..Limits::default() };
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let requests = format!(">{}{}{}", ask("/1"), ask("/2"), ask("/3"));
    let answer = |n: usize| format!("HTTP/1.1 20{n} OK\r\nContent-Length: 0\r\n\r\n");
    let responses = format!("<{}{}{}", answer(1), answer(2), answer(3));
    let talk = turns(&[requests.as_bytes(), responses.as_bytes()]);
    let found = Run { limits, ..Run::default() }.packets(talk.packets());
    // The answer to the request that had to go must not be taken for the next one's.
    assert_eq!(found.lines(), ["GET /1 - 0/- memcap", "- - 201 -/0 memcap", "GET /2 202 0/0", "GET /3 203 0/0"]);
}
