//! Work ends when nobody waits for it any more.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::client::{call, get, post, read};
use crate::world::{Stuck, World};

#[test]
fn a_running_query_is_stopped_by_its_id() {
    let store = Arc::new(Stuck::default());
    let world = World::on(Arc::clone(&store) as _, |_| {});
    let ask = post("/api/v1/query/top", &json!({"by": ["service"]})).with("X-Query-Id", "mine");
    let mut asking = TcpStream::connect(world.address).expect("it listens");
    asking.write_all(&ask.bytes()).expect("it takes requests");
    store.until(1, 0);
    let running = world.send(&get("/api/v1/queries")).ok().json();
    assert_eq!((&running[0]["id"], &running[0]["route"]), (&json!("mine"), &json!("/api/v1/query/top")));
    assert_eq!(world.send(&ask).status, 409, "the id is in use");
    assert_eq!(world.send(&call("DELETE", "/api/v1/queries/mine")).status, 202);
    let answer = read(asking);
    assert_eq!((answer.status, &answer.json()["code"]), (409, &json!("stopped")));
    store.until(1, 1);
    assert_eq!(world.send(&call("DELETE", "/api/v1/queries/mine")).status, 404);
    assert_eq!(world.send(&get("/api/v1/exchanges").with("X-Query-Id", "a b")).status, 400);
}

#[test]
fn work_stops_when_its_client_goes_away() {
    let store = Arc::new(Stuck::default());
    let world = World::on(Arc::clone(&store) as _, |_| {});
    for (n, ask) in [
        get("/api/v1/exchanges"),
        post("/api/v1/query/batch", &json!({"panels": [{"kind": "top", "by": ["service"]}]})),
        get("/api/v1/export/exchanges.ndjson"),
    ]
    .iter()
    .enumerate()
    {
        let n = n as u64;
        let mut asking = TcpStream::connect(world.address).expect("it listens");
        asking.write_all(&ask.bytes()).expect("it takes requests");
        store.until(n + 1, n);
        drop(asking);
        store.until(n + 1, n + 1);
    }
    let calls = store.calls.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(store.calls.load(std::sync::atomic::Ordering::Relaxed), calls, "nothing goes on");
}

#[test]
fn a_query_has_its_time() {
    let store = Arc::new(Stuck::default());
    let world = World::on(Arc::clone(&store) as _, |config| config.limits.request_time = Duration::from_millis(50));
    let answer = world.send(&get("/api/v1/exchanges"));
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("time-limit")));
    store.until(1, 1);
}

#[test]
fn those_who_work_are_limited() {
    let store = Arc::new(Stuck::default());
    let world = World::on(Arc::clone(&store) as _, |config| config.limits.working = 1);
    let mut asking = TcpStream::connect(world.address).expect("it listens");
    asking.write_all(&get("/api/v1/exchanges").bytes()).expect("it takes requests");
    store.until(1, 0);
    let busy = world.send(&get("/api/v1/exchanges"));
    assert_eq!((busy.status, &busy.json()["code"], busy.header("retry-after")), (503, &json!("busy"), "1"));
    assert_eq!(world.send(&get("/healthz")).status, 200);
    assert_eq!(world.send(&get("/metrics")).status, 200);
    drop(asking);
    store.until(1, 1);
}
