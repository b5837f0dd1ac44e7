//! TLS over real connections: handshakes, both versions of HTTP, certificates that change, hostile clients.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arachne_server::{Auth, Config, TlsFiles};
use hyper::{Request, Version};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::CertificateDer;
use serde_json::json;

use crate::client::{get, post, read};
use crate::secure::{Secure, connect, here, over_http2, pinned, rooted, send};
use crate::world::World;

/// A server for other machines.
fn public(config: &mut Config) {
    config.access.listen = SocketAddr::from(([0, 0, 0, 0], 0));
    config.access.auth = Auth::Required;
    config.limits.look_time = Duration::from_millis(10);
}

/// A certificate that signs itself and ends in the given year.
fn certificate(year: i32) -> (String, String, CertificateDer<'static>) {
    let key = KeyPair::generate().expect("a key");
    let mut facts = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    facts.not_after = date_time_ymd(year, 1, 1);
    let made = facts.self_signed(&key).expect("a certificate");
    (made.pem(), key.serialize_pem(), made.der().clone())
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles { certificate: folder.join("c.pem"), key: folder.join("k.pem") }
}

fn put(files: &TlsFiles, certificate: &str, key: &str) {
    fs::write(&files.certificate, certificate).expect("a file");
    fs::write(&files.key, key).expect("a file");
}

#[test]
fn both_versions_of_http_come_by_negotiation() {
    let world = World::with(public);
    for (offered, spoken) in
        [(&["http/1.1"][..], Some(&b"http/1.1"[..])), (&["h2", "http/1.1"], Some(b"h2")), (&[], None)]
    {
        let stream = connect(world.address, &pinned(&world.pin, offered)).expect("a handshake");
        assert_eq!(stream.conn.alpn_protocol(), spoken);
    }
    for offered in [&["http/1.1"][..], &[]] {
        let answer = send(world.address, &pinned(&world.pin, offered), &get("/healthz")).expect("an answer");
        assert_eq!((answer.status, &*answer.text()), (200, "ok\n"));
        assert_eq!(answer.header("content-length"), "3");
    }
    let request = |path: &str| Request::get(format!("https://localhost{path}"));
    let bearer = format!("Bearer {}", world.token);
    let requests = vec![
        request("/healthz").body(String::new()).expect("a request"),
        request("/api/v1/me").body(String::new()).expect("a request"),
        request("/api/v1/me").header("authorization", &bearer).body(String::new()).expect("a request"),
    ];
    let answers = over_http2(world.address, &pinned(&world.pin, &["h2"]), requests);
    let seen: Vec<_> = answers.iter().map(|answer| (answer.version(), answer.status().as_u16())).collect();
    assert_eq!(seen, [(Version::HTTP_2, 200), (Version::HTTP_2, 401), (Version::HTTP_2, 200)]);
}

#[test]
fn plain_http_is_told_what_to_do() {
    let world = World::with(public);
    let mut stream = TcpStream::connect(here(world.address)).expect("it listens");
    stream.write_all(&get("/").bytes()).expect("it takes requests");
    stream.shutdown(std::net::Shutdown::Write).expect("it is open");
    let answer = read(stream);
    assert_eq!((answer.status, answer.header("content-type")), (400, "text/plain; charset=utf-8"));
    assert!(answer.text().contains("https://"), "{}", answer.text());
    let mut noise = TcpStream::connect(here(world.address)).expect("it listens");
    noise.write_all(&[0x80; 300]).expect("it is open");
    let mut nothing = Vec::new();
    let _ = noise.read_to_end(&mut nothing);
    assert_eq!(nothing, b"");
}

#[test]
fn a_pin_tells_one_server_from_all_others() {
    let (world, other) = (World::with(public), World::with(public));
    assert_ne!(world.pin, other.pin);
    assert!(send(world.address, &pinned(&world.pin, &[]), &get("/healthz")).is_ok());
    let refused = send(other.address, &pinned(&world.pin, &[]), &get("/healthz")).expect_err("another key");
    assert!(refused.to_string().contains("another key"), "{refused}");
    let text = fs::read(world.data.join("tls/certificate.pem")).expect("it is there");
    let own = rustls::pki_types::pem::PemObject::from_pem_slice(&text).expect("PEM");
    assert!(send(world.address, &rooted(own, &[]), &get("/healthz")).is_ok(), "as an authority of its own");
}

#[test]
fn an_ended_certificate_serves_those_who_hold_its_pin() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = files(folder.path());
    let (certificate, key, der) = certificate(2001);
    put(&files, &certificate, &key);
    let before = arachne_telemetry::count_of(&arachne_telemetry::codes::SERVER_TLS_003);
    let world = World::with(|config| {
        public(config);
        config.access.tls = Some(files);
    });
    assert!(arachne_telemetry::count_of(&arachne_telemetry::codes::SERVER_TLS_003) > before);
    assert!(send(world.address, &pinned(&world.pin, &[]), &get("/healthz")).is_ok());
    let refused = send(world.address, &rooted(der, &[]), &get("/healthz")).expect_err("it has ended");
    assert!(refused.to_string().to_lowercase().contains("expired"), "{refused}");
}

#[test]
fn a_browser_logs_in_under_tls() {
    let world = World::with(public);
    let client = pinned(&world.pin, &["http/1.1"]);
    let login = post("/api/v1/login", &json!({"token": world.token})).with("Origin", "https://localhost");
    let answer = send(world.address, &client, &login).expect("an answer");
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-arachne_") && answer.header("strict-transport-security").is_empty());
    for part in ["; Path=/;", "; Secure;", "; HttpOnly;", "; SameSite=Strict"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let pair = cookie.split(';').next().expect("a pair");
    let status = |cookie: &str, origin: &str| {
        let call = get("/api/v1/me").with("Cookie", cookie).with("Origin", origin).with("Host", "web-1:7117");
        send(world.address, &client, &call).expect("an answer").status
    };
    assert_eq!(status(pair, "https://web-1:7117"), 200);
    assert_eq!(status(pair, "http://web-1:7117"), 403, "what is not encrypted is another site");
    assert_eq!(status(pair, "https://evil.test"), 403);
    assert_eq!(status(pair.trim_start_matches("__Host-"), "https://web-1:7117"), 401, "another cookie");
    let ask = |authority: &str, origin: &str, host: Option<&str>| {
        let mut request = Request::get(format!("https://{authority}/api/v1/me")).header("cookie", pair);
        request = request.header("origin", origin);
        request = host.into_iter().fold(request, |request, host| request.header("host", host));
        let request = request.body(String::new()).expect("a request");
        over_http2(world.address, &pinned(&world.pin, &["h2"]), vec![request])[0].status().as_u16()
    };
    assert_eq!(ask("web-1:7117", "https://web-1:7117", None), 200);
    assert_eq!(ask("web-1:7117", "https://evil.test", None), 403);
    assert_eq!(ask("web-1:7117", "https://evil.test", Some("evil.test")), 421, "named twice");
}

#[test]
fn certificates_change_under_load() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = files(folder.path());
    let pairs = [certificate(2090), certificate(2091)];
    put(&files, &pairs[0].0, &pairs[0].1);
    let world = World::with(|config| {
        public(config);
        config.access.tls = Some(files.clone());
        (config.limits.rate, config.limits.burst) = (1_000_000, 1_000_000);
    });
    let ended = AtomicBool::new(false);
    let served = AtomicU64::new(0);
    let accepts =
        |der: &CertificateDer<'static>| send(world.address, &rooted(der.clone(), &[]), &get("/healthz")).is_ok();
    std::thread::scope(|scope| {
        // One connection that stays, and connections that come and go: those trust whichever certificate it is.
        scope.spawn(|| {
            let mut stream = connect(world.address, &pinned(&world.pin, &["http/1.1"])).expect("a handshake");
            while !ended.load(Ordering::Relaxed) {
                once(&mut stream);
                served.fetch_add(1, Ordering::Relaxed);
            }
        });
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                assert!(
                    accepts(&pairs[0].2) || accepts(&pairs[1].2) || accepts(&pairs[0].2),
                    "it is served by one of both"
                );
                served.fetch_add(1, Ordering::Relaxed);
            }
        });
        for round in 0..10 {
            let (certificate, key, der) = &pairs[(round + 1) % 2];
            put(&files, certificate, if round % 2 == 0 { key } else { "broken" });
            put(&files, certificate, key);
            while !accepts(der) {
                std::thread::yield_now();
            }
        }
        ended.store(true, Ordering::Relaxed);
    });
    assert!(served.load(Ordering::Relaxed) > 0);
}

/// A frame of HTTP/2. Source: RFC 9113, section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("it is short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[test]
fn requests_that_are_taken_back_at_once_end_their_connection() {
    let world = World::with(public);
    let client = pinned(&world.pin, &["h2"]);
    let mut stream = connect(world.address, &client).expect("a handshake");
    let mut bytes = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(4, 0, 0, &[])].concat();
    // GET https://localhost/, in HPACK (RFC 7541), and CANCEL.
    let head = [&[0x82, 0x87, 0x84, 0x41, 9][..], b"localhost"].concat();
    for stream in (1..4001).step_by(2) {
        bytes.extend(frame(1, 5, stream, &head));
        bytes.extend(frame(3, 0, stream, &8_u32.to_be_bytes()));
    }
    // The end may come before all was sent: then what was answered is read past what could not be sent.
    let _ = stream.write_all(&bytes);
    let mut answer = Vec::new();
    while stream.conn.read_tls(&mut stream.sock).is_ok_and(|bytes| bytes > 0) {
        stream.conn.process_new_packets().expect("TLS");
        let _ = stream.conn.reader().read_to_end(&mut answer);
    }
    // GOAWAY with ENHANCE_YOUR_CALM.
    let goaway = answer.windows(9).position(|head| head[3] == 7 && head[5..] == [0; 4]).expect("it says good-bye");
    assert_eq!(answer[goaway + 13..goaway + 17], [0, 0, 0, 11]);
    assert!(send(world.address, &client, &get("/healthz")).is_ok(), "others are served");
}

#[test]
fn slow_connections_stop_nobody() {
    let world = World::with(|config| {
        public(config);
        (config.limits.rate, config.limits.burst) = (1_000_000, 1_000_000);
    });
    let client = pinned(&world.pin, &[]);
    let mut slow: Vec<TcpStream> = Vec::new();
    for at in 0..300 {
        let mut stream = TcpStream::connect(here(world.address)).expect("it listens");
        // Nothing, the beginning of a handshake, noise.
        let _ = stream.write_all([&b""[..], b"\x16\x03\x01\x02\x00\x01", b"GET /he"][at % 3]);
        slow.push(stream);
    }
    let mut shaken: Vec<_> = (0..50).map(|_| connect(world.address, &client).expect("a handshake")).collect();
    shaken.iter_mut().for_each(|stream| stream.write_all(b"GET /hea").expect("it is open"));
    let began = Instant::now();
    for _ in 0..50 {
        assert_eq!(send(world.address, &client, &get("/healthz")).expect("an answer").status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn slow_handshakes_end() {
    let world = World::with(|config| {
        public(config);
        config.limits.head_time = Duration::from_millis(20);
    });
    for beginning in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut slow = TcpStream::connect(here(world.address)).expect("it listens");
        slow.write_all(beginning).expect("it is open");
        // Were the end never to come, the test would never end.
        let _ = slow.read_to_end(&mut Vec::new());
    }
}

/// A request over a connection that stays open, and its answer.
fn once(stream: &mut Secure) {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it is open");
    let mut seen = Vec::new();
    while !seen.ends_with(b"ok\n") {
        let mut piece = [0; 512];
        let length = stream.read(&mut piece).expect("an answer");
        assert!(length > 0, "it was closed");
        seen.extend_from_slice(&piece[..length]);
    }
}

#[test]
fn the_end_closes_in_order() {
    let world = World::with(public);
    let mut idle = connect(world.address, &pinned(&world.pin, &["http/1.1"])).expect("a handshake");
    once(&mut idle);
    // These would never say good-bye: one has asked for nothing so far, one has not even shaken hands.
    let _new = connect(world.address, &pinned(&world.pin, &["h2"])).expect("a handshake");
    let _silent = TcpStream::connect(here(world.address)).expect("it listens");
    drop(world);
    // A clean end is 0; one without close_notify is an error.
    assert_eq!(idle.read(&mut [0; 100]).expect("a clean end"), 0);
}

#[test]
fn idle_connections_end() {
    let world = World::with(|config| {
        public(config);
        config.limits.idle_time = Duration::from_millis(200);
    });
    let mut new = connect(world.address, &pinned(&world.pin, &["http/1.1"])).expect("a handshake");
    let _ = new.read_to_end(&mut Vec::new());
    let mut used = connect(world.address, &pinned(&world.pin, &["http/1.1"])).expect("a handshake");
    used.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it is open");
    let mut all = Vec::new();
    used.read_to_end(&mut all).expect("a clean end");
    assert!(all.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&all));
}
