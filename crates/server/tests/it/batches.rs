//! Batches of agents: durable when they are acknowledged, once, and nothing that lies gets in.

use arachne_delivery::codec::{Head, Packer, address};
use arachne_delivery::proto::{Ack, Lane};
use arachne_model::table::{ExchangeRow, Rows};
use prost::Message as _;
use serde_json::json;

use crate::client::{Answer, Call, call, get, post};
use crate::world::{START, World};

fn batch(sequence: u64, lane: Lane, exchanges: usize) -> Vec<u8> {
    packed(&Head { epoch: 1, lane, sequence, closed: START }, exchanges)
}

/// A packed batch with so many exchanges.
pub fn packed(head: &Head, exchanges: usize) -> Vec<u8> {
    let row = |n: usize| ExchangeRow {
        id: format!("{:016}{:010}", head.epoch, 1000 * head.sequence as usize + n),
        start: START,
        end: Some(START + 1),
        agent: "somebody".to_owned(),
        counted: true,
        ..ExchangeRow::default()
    };
    let rows = Rows { exchanges: (0..exchanges).map(row).collect(), ..Rows::default() };
    let body = Packer::new().and_then(|mut packer| packer.pack_rows(&rows)).expect("it is small");
    address(head, &body).expect("it is small")
}

fn delivery(key: &str, body: Vec<u8>) -> Call {
    let media = call("POST", "/agent/v1/batches").with("Content-Type", "application/x-protobuf");
    media.with("Content-Encoding", "zstd").with("Authorization", key).body(body)
}

fn ack(answer: Answer) -> Ack {
    let answer = answer.ok();
    assert_eq!(answer.header("content-type"), "application/x-protobuf");
    Ack::decode(&answer.body[..]).expect("an acknowledgement")
}

/// How many exchanges the server has.
pub fn stored(world: &World, filter: &str) -> u64 {
    let scope = json!({"table": "exchanges", "filter": filter, "twins": true});
    let panels = json!({"panels": [{"kind": "list", "scope": scope, "columns": ["id"], "limit": 1000}]});
    let lines = world.send(&post("/api/v1/query/batch", &panels)).ok().lines();
    let rows = lines.iter().find_map(|line| line["panel"]["answer"]["rows"].as_array().map(Vec::len));
    rows.expect("a page") as u64
}

#[test]
fn a_batch_counts_once_and_is_of_its_key() {
    let world = World::new();
    let (first, second) = (world.add_agent("web-1"), world.add_agent("web-2"));
    let send = |key: &str, body: Vec<u8>| ack(world.send(&delivery(key, body)));
    let expected = Ack { epoch: 1, lane: 0, sequence: 1, seen_before: false, rows: 3, values_unknown: 0 };
    assert_eq!(send(&first, batch(1, Lane::Live, 3)), expected);
    assert_eq!(send(&first, batch(1, Lane::Live, 3)), Ack { seen_before: true, ..expected.clone() });
    assert!(!send(&first, batch(3, Lane::Live, 2)).seen_before, "a hole is no repetition");
    assert!(!send(&first, batch(1, Lane::Backlog, 0)).seen_before, "the other lane counts for itself");
    assert_eq!((stored(&world, "agent:web-1"), stored(&world, "agent:somebody")), (5, 0));
    assert!(!send(&second, batch(1, Lane::Live, 1)).seen_before, "another agent counts for itself");
    let agent = world.send(&get("/api/v1/agents/web-1")).ok().json();
    let delivered = &agent["delivered"];
    let numbers = ["batches", "batches_repeated", "rows"].map(|name| delivered[name].as_u64().expect("a count"));
    assert_eq!(numbers, [3, 1, 5]);
    assert!(delivered["last"].is_string() && delivered["lag_ns"].as_i64().is_some(), "{delivered}");
    let metrics = world.send(&get("/metrics")).ok().text();
    assert!(metrics.contains("arachne_agent_rows_total{agent=\"web-1\"} 5\n"), "{metrics}");
    let facts = world.send(&get("/api/v1/store")).ok().json();
    assert_eq!((&facts["delivered"]["batches"], &facts["delivered"]["rows"]), (&json!(4), &json!(6)));
}

#[test]
fn what_lies_is_refused_and_counted() {
    let world = World::new();
    let key = world.add_agent("web-1");
    let refused = |call: Call| {
        let answer = world.send(&call);
        (answer.status, answer.json()["code"].as_str().expect("a code").to_owned())
    };
    let told = |status: u16, code: &str| (status, code.to_owned());
    let good = batch(1, Lane::Live, 3);
    assert_eq!(refused(delivery(&key, good[..good.len() - 3].to_vec())), told(400, "bad-batch"));
    assert_eq!(refused(delivery(&key, Vec::new())), told(400, "bad-batch"));
    assert_eq!(refused(delivery(&key, b"no zstd".to_vec())), told(400, "bad-batch"));
    let long = delivery(&key, good.clone()).with("Content-Length", "999999999");
    assert_eq!(refused(long), told(413, "too-large"));
    let other = call("POST", "/agent/v1/batches").with("Authorization", &key).body(good.clone());
    assert_eq!(refused(other), told(415, "bad-content-type"));
    let stranger = format!("Bearer ara_{}", "0".repeat(72));
    assert_eq!(refused(delivery(&stranger, good.clone())), told(401, "bad-token"));
    let next = arachne_delivery::proto::Batch { version: 99, ..Default::default() }.encode_to_vec();
    let next = zstd::bulk::compress(&next, 1).expect("it is small");
    assert_eq!(refused(delivery(&key, next)), told(422, "version"));
    let bomb = zstd::bulk::compress(&vec![0; 100 << 20], 1).expect("it packs well");
    assert_eq!(refused(delivery(&key, bomb)), told(413, "too-large"));
    assert_eq!(stored(&world, "agent:web-1"), 0);
    let delivered = &world.send(&get("/api/v1/agents/web-1")).ok().json()["delivered"];
    let counts = json!({"bad-batch": 3, "too-large": 2, "bad-content-type": 1, "version": 1});
    assert_eq!(delivered["refused"], counts);
    world.send(&call("DELETE", "/api/v1/agents/web-1")).ok();
    assert_eq!(refused(delivery(&key, good)), told(401, "bad-token"));
}
