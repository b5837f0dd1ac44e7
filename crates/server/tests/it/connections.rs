//! What holds for every request: hosts, origins, sizes, rates, slow heads.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use arachne_server::{Config, ServeError, Server};
use arachne_store::MemoryStore;
use serde_json::json;

use crate::client::{call, get, post};
use crate::world::World;

#[test]
fn names_of_others_are_refused() {
    let world = World::new();
    for host in ["evil.test", "localhost.evil.test", "", "0.0.0.0", "localhost:99999"] {
        assert_eq!(world.send(&get("/api/v1/me").with("Host", host)).status, 421, "{host}");
    }
    for host in ["localhost", "127.0.0.1:1", "[::1]:7117"] {
        assert_eq!(world.send(&get("/api/v1/me").with("Host", host)).status, 200, "{host}");
    }
    let twice = get("/api/v1/me").with("Host", "localhost").with("Host", "localhost");
    assert!(matches!(world.send(&twice).status, 400 | 421));
}

#[test]
fn pages_of_others_change_nothing() {
    let world = World::new();
    let ask = || post("/api/v1/query/top", &json!({}));
    assert_eq!(world.send(&ask().with("Origin", "http://evil.test")).status, 403);
    assert_eq!(world.send(&ask().with("Origin", "null")).status, 403);
    assert_eq!(world.send(&ask().with("Origin", "http://localhost")).status, 200);
    for site in ["cross-site", "same-site"] {
        assert_eq!(world.send(&ask().with("Sec-Fetch-Site", site)).status, 403, "{site}");
    }
    assert_eq!(world.send(&ask().with("Sec-Fetch-Site", "same-origin")).status, 200);
    let preflight = call("OPTIONS", "/api/v1/query/top").with("Origin", "http://evil.test");
    let answer = world.send(&preflight);
    assert_eq!(answer.status, 403);
    assert!(answer.headers.iter().all(|(name, _)| !name.to_lowercase().starts_with("access-control")));
}

#[test]
fn bodies_have_a_type_and_a_size() {
    let world = World::with(|config| config.limits.body_bytes = 1000);
    let target = "/api/v1/query/top";
    assert_eq!(world.send(&call("POST", target).with("Content-Type", "text/plain").body("{}")).status, 415);
    assert_eq!(world.send(&call("POST", target).body("{}")).status, 415);
    let long = json!({"scope": {"filter": "x".repeat(2000)}});
    assert_eq!(world.send(&post(target, &long)).status, 413);
}

#[test]
fn a_client_has_its_rate() {
    let world = World::with(|config| (config.limits.rate, config.limits.burst) = (1, 3));
    let all: Vec<_> = (0..5).map(|_| world.send(&get("/healthz"))).collect();
    assert_eq!(all.iter().filter(|answer| answer.status == 200).count(), 3);
    let refused = all.last().expect("five");
    assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    let socket = world.data.join("socket");
    assert_eq!(get("/healthz").send_to_socket(&socket).status, 200, "the socket has no rate");
}

#[test]
fn a_slow_head_ends_and_an_idle_connection_stays() {
    let world = World::with(|config| config.limits.head_time = Duration::from_millis(1));
    let mut slow = TcpStream::connect(world.address).expect("it listens");
    slow.write_all(b"GET /healthz HT").expect("it listens");
    let mut rest = Vec::new();
    // The end comes from the server; were it never to come, the test would never end.
    let _ = slow.read_to_end(&mut rest);
    let mut idle = TcpStream::connect(world.address).expect("it listens");
    for _ in 0..2 {
        idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it is open");
        let mut answer = [0; 12];
        idle.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200");
        let mut byte = [0];
        let mut seen = Vec::new();
        while !seen.ends_with(b"ok\n") {
            idle.read_exact(&mut byte).expect("an answer");
            seen.push(byte[0]);
        }
    }
}

#[test]
fn large_heads_are_refused() {
    let world = World::new();
    let answer = world.send(&get("/healthz").with("X-Large", &"x".repeat(200_000)));
    assert!(matches!(answer.status, 0 | 431), "{}", answer.status);
    assert_eq!(world.send(&get("/healthz")).status, 200);
}

#[test]
fn it_listens_where_nobody_else_reads_along() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config::new(folder.path().to_owned());
    config.access.listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let world = World::new();
    let parts = |world: &World| {
        let _ = world;
        arachne_server::Parts {
            store: Arc::new(MemoryStore::new()),
            sql: None,
            importer: Arc::new(crate::world::take()),
            ui: Vec::new(),
            capture_filter: None,
            keys: None,
            beacons: None,
        }
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let refused = runtime.block_on(Server::bind(config, parts(&world))).expect_err("it is refused");
    assert!(matches!(refused, ServeError::NotLoopback(_)));
    assert!(refused.to_string().contains("127.0.0.1"), "{refused}");
    let mut second = Config::new(world.data.clone());
    second.access.listen.set_port(0);
    let refused = runtime.block_on(Server::bind(second, parts(&world))).expect_err("the socket answers");
    assert!(matches!(refused, ServeError::Listen { .. }), "{refused}");
}
