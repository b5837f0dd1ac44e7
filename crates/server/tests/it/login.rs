//! The login of a browser: a cookie in place of a token, for this server's own pages alone.

use arachne_server::Auth;
use serde_json::json;

use crate::client::{Answer, Call, call, get, post};
use crate::world::{World, id};

/// Logs in: the header and the pair that a browser sends back.
fn log_in(world: &World, token: &str) -> (Answer, String) {
    let answer = world.send(&post("/api/v1/login", &json!({"token": token})));
    let pair = answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    (answer, pair)
}

#[test]
fn a_cookie_stands_for_a_token() {
    let world = World::with(|config| config.access.auth = Auth::Required);
    let (answer, cookie) = log_in(&world, &world.token);
    assert_eq!(answer.ok().json()["login"], true);
    let (again, other) = log_in(&world, &world.token);
    for part in ["; Path=/api/v1;", "; HttpOnly", "; SameSite=Strict"] {
        assert!(again.header("set-cookie").contains(part), "{}", again.header("set-cookie"));
    }
    assert!(!again.header("set-cookie").contains(&world.token[4..]) && other != cookie);
    let me = world.send(&get("/api/v1/me").with("Cookie", &format!("a=b; {cookie}; c"))).ok().json();
    assert_eq!((&me["name"], &me["login"], &me["role"]), (&json!("admin"), &json!(true), &json!("admin")));
    // Downloads and frames send no token.
    let frame = format!("/api/v1/exchanges/{}/bodies/request/preview", id(0));
    for target in ["/api/v1/export/packets.pcapng", &frame] {
        assert_eq!(world.send(&get(target)).status, 401);
        assert_eq!(world.send(&get(target).with("Cookie", &cookie)).status, 200);
    }
    let out = world.send(&call("DELETE", "/api/v1/login").with("Cookie", &cookie));
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").contains("=; ") && out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(world.send(&get("/api/v1/me").with("Cookie", &cookie)).status, 401);
    assert_eq!(world.send(&get("/api/v1/me").with("Cookie", &other)).status, 200, "another browser stays");
    assert_eq!(world.send(&call("DELETE", "/api/v1/login")).status, 204);
}

#[test]
fn pages_of_others_cannot_use_it() {
    let world = World::with(|config| config.access.auth = Auth::Required);
    let (_, cookie) = log_in(&world, &world.token);
    let port = world.address.port();
    let host = format!("localhost:{port}");
    let own = |call: Call| call.with("Host", &host).with("Cookie", &cookie);
    let link = post("/api/v1/links", &json!({"state": "?"}));
    let statuses = |name: &str, value: &str| {
        let send = |call: Call| world.send(&own(call).with(name, value)).status;
        (send(get("/api/v1/me")), send(link.clone()))
    };
    assert_eq!(statuses("Sec-Fetch-Site", "same-origin"), (200, 200));
    assert_eq!(statuses("Sec-Fetch-Site", "none"), (200, 200));
    assert_eq!(statuses("Origin", &format!("http://{host}")), (200, 200));
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        // Another port of this machine.
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "http://localhost:1"),
        ("Origin", "null"),
    ] {
        assert_eq!(statuses(name, value), (403, 403), "{name}: {value}");
    }
    let foreign = post("/api/v1/login", &json!({"token": world.token})).with("Sec-Fetch-Site", "cross-site");
    assert_eq!(world.send(&foreign).status, 403, "nobody is logged in by another site");
}

#[test]
fn it_ends_with_its_token_and_no_other_one_begins() {
    let world = World::with(|config| config.access.auth = Auth::Required);
    let viewer = world.add_token("\"role\":\"viewer\"");
    let (answer, cookie) = log_in(&world, &viewer);
    assert_eq!(answer.ok().json()["permissions"], json!(["read"]));
    assert_eq!(world.send(&get("/api/v1/export/packets.pcapng").with("Cookie", &cookie)).status, 403);
    std::fs::write(world.data.join("auth.json"), "{\"version\":1,\"tokens\":[]}").expect("it can be written");
    assert_eq!(world.send(&get("/api/v1/me").with("Cookie", &cookie)).status, 401);
    for wrong in ["", "arc_", &viewer, &world.token] {
        let (answer, cookie) = log_in(&world, wrong);
        assert_eq!((answer.status, &*cookie, &answer.json()["code"]), (401, "", &json!("bad-token")), "{wrong}");
    }
    assert_eq!(world.send(&post("/api/v1/login", &json!({}))).status, 400);
}

#[test]
fn on_loopback_without_tokens_there_is_nothing_to_log_in_to() {
    let world = World::new();
    let (answer, cookie) = log_in(&world, "whatever");
    assert_eq!((&answer.json()["name"], &answer.json()["login"], &*cookie), (&json!("local"), &json!(false), ""));
    assert_eq!(world.send(&get("/api/v1/me")).ok().json()["login"], false);
}
