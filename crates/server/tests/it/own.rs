//! What the server tells of itself as series.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{call, post};
use crate::world::World;

/// Waits until a metric has a value over the last minute, by its labels.
fn wait_for(world: &World, metric: &str, aggregate: &str, by: &[&str], key: &[&str], expected: f64) {
    let question = json!({"metric": metric, "aggregate": aggregate, "by": by, "from": "-1m", "step": "10s"});
    let (begun, patience) = (Instant::now(), Duration::from_secs(60));
    loop {
        let answer = world.send(&post("/api/v1/series", &question)).ok().json();
        let all = answer["series"].as_array().expect("a list");
        let found = all.iter().find(|one| one["key"] == json!(key)).map(|one| one["total"].as_f64());
        if found == Some(Some(expected)) {
            return;
        }
        assert!(begun.elapsed() < patience, "{metric} {key:?}: {answer}");
        std::thread::sleep(Duration::from_millis(250));
    }
}

#[test]
fn figures_of_the_server_and_its_callers_are_series() {
    let world = World::with(|config| config.access.own_series = true);
    (0..7).for_each(|_| assert_eq!(world.send(&call("GET", "/healthz")).status, 200));
    let told = json!({"calls": [
        {"path": "/api/v1/series", "duration_ns": 5_000_000},
        {"path": "/api/v1/exchanges/01K", "duration_ns": 7_000_000},
    ]});
    assert_eq!(world.send(&post("/api/v1/timings", &told)).status, 204);
    for wrong in [
        json!({"calls": [{"path": "/etc/passwd", "duration_ns": 1}]}),
        json!({"calls": [{"path": "/api/v1/series", "duration_ns": 3_600_000_000_001_u64}]}),
        json!({"calls": vec![json!({"path": "/api/v1/series", "duration_ns": 1}); 257]}),
        json!({"calls": [{"path": "/api/v1/series", "duration_ns": -1}]}),
    ] {
        let answer = world.send(&post("/api/v1/timings", &wrong));
        assert!([400, 422].contains(&answer.status), "{} {}", answer.status, answer.text());
    }
    let by = ["route", "status"];
    wait_for(&world, "arachne.http.server.requests", "count", &by, &["/healthz", "200"], 7.0);
    wait_for(&world, "arachne.http.server.requests", "sum", &by, &["/api/v1/timings", "204"], 1.0);
    wait_for(&world, "arachne.http.server.duration", "count", &["route"], &["/healthz"], 7.0);
    wait_for(&world, "arachne.http.client.duration", "count", &["route"], &["/api/v1/exchanges/{id}"], 1.0);
    wait_for(&world, "arachne.store.rows", "last", &["table"], &["exchanges"], 10.0);
}

#[test]
fn where_they_are_not_wanted_nothing_is_written() {
    let world = World::new();
    let told = json!({"calls": [{"path": "/api/v1/series", "duration_ns": 1}]});
    assert_eq!(world.send(&post("/api/v1/timings", &told)).status, 204);
    let facts = world.send(&call("GET", "/api/v1/store")).ok().json();
    let points = facts["tables"].as_array().into_iter().flatten().find(|table| table["table"] == "points");
    assert_eq!(points.map_or(0, |table| table["rows"].as_u64().unwrap_or(1)), 0);
}
