//! Who may do what: every route times every kind of caller, from the table of routes itself.

use arachne_server::{Auth, Permission};

use serde_json::json;

use crate::client::{Call, call, post};
use crate::world::World;

/// A call of a route that says nothing useful beyond who asks.
fn plain(method: &str, path: &str) -> Call {
    let target = path
        .replace("{id}", "none")
        .replace("{direction}", "request")
        .replace("{name}", "none")
        .replace("{number}", "1");
    let media = if path.ends_with("/uploads") { "application/octet-stream" } else { "application/json" };
    let body = if ["POST", "PUT"].contains(&method) { "{}" } else { "" };
    call(method, &target).with("Content-Type", media).body(body)
}

#[test]
fn every_route_asks_for_its_right() {
    let world = World::with(|config| config.access.auth = Auth::Required);
    let viewer = world.add_token("\"role\":\"viewer\"");
    let capturer = world.add_token("\"role\":\"viewer\", \"rights\":[\"full_packets\"]");
    let importer = world.add_token("\"role\":\"viewer\",  \"rights\":[\"import\"]");
    let ended = world.add_token("\"role\":\"admin\",   \"expires\":\"2020-01-01T00:00:00Z\"");
    let wrong = world.token.replace(|c: char| c.is_ascii_digit(), "0");
    let added = post("/api/v1/agents", &json!({"name": "web-1"}));
    let added = world.send(&added.with("Authorization", &format!("Bearer {}", world.token))).ok().json();
    let agent = added["key"].as_str().expect("a key").to_owned();
    let callers = [
        ("none", None, &[][..]),
        ("wrong", Some(&wrong), &[]),
        ("ended", Some(&ended), &[]),
        ("viewer", Some(&viewer), &[Permission::Read]),
        ("capturer", Some(&capturer), &[Permission::Read, Permission::FullPackets]),
        ("agent", Some(&agent), &[Permission::Agent]),
        ("importer", Some(&importer), &[Permission::Read, Permission::Import]),
        (
            "admin",
            Some(&world.token),
            &[Permission::Read, Permission::FullPackets, Permission::Import, Permission::Admin],
        ),
    ];
    assert!(world.routes.len() >= 40, "the table is there");
    for route in &world.routes {
        let of_agents = route.path.starts_with("/agent/");
        assert_eq!(route.permission == Permission::Agent, of_agents, "{route:?}");
        let open = !route.path.starts_with("/api/v1") && !of_agents || route.path == "/api/v1/login";
        assert_eq!(route.permission == Permission::Public, open, "{route:?}");
        // Who reads may save views, links and preferences of the UI: the only change that asks for no more.
        let saves = ["/api/v1/views/{name}", "/api/v1/preferences"].contains(&&*route.path);
        let right = if saves { Permission::Read } else { Permission::Admin };
        assert!(route.method != "PUT" || route.permission == right, "{route:?}");
        for (name, token, rights) in &callers {
            let mut call = plain(&route.method, &route.path);
            if let Some(token) = token {
                call = call.with("Authorization", &format!("Bearer {token}"));
            }
            let answer = world.send(&call);
            let permitted = route.permission == Permission::Public || rights.contains(&route.permission);
            let expected = if permitted {
                None
            } else if rights.is_empty() {
                Some(401)
            } else {
                Some(403)
            };
            match expected {
                Some(status) => assert_eq!(answer.status, status, "{route:?} as {name}"),
                None => assert!(![401, 403].contains(&answer.status), "{route:?} as {name}: {}", answer.text()),
            }
        }
        let other = plain("PATCH", &route.path).with("Authorization", &format!("Bearer {}", world.token));
        // Who is no agent is turned away from the routes of agents before it matters what is asked.
        assert_eq!(world.send(&other).status, if of_agents { 403 } else { 405 }, "{route:?}");
    }
}

#[test]
fn agents_and_people_never_stand_in_for_each_other() {
    // On this machine people need no token; agents always need their key, and keys open nothing else.
    let world = World::new();
    let added = world.send(&post("/api/v1/agents", &json!({"name": "web-1"}))).ok().json();
    let key = format!("Bearer {}", added["key"].as_str().expect("a key"));
    let status = post("/agent/v1/status", &json!({"protocol": 1}));
    let told = |answer: crate::client::Answer| (answer.status, answer.json()["code"].as_str().map(str::to_owned));
    let refused = |status: u16, code: &str| (status, Some(code.to_owned()));
    assert_eq!(told(world.send(&status)), refused(401, "no-token"));
    let admin = format!("Bearer {}", world.token);
    assert_eq!(told(world.send(&status.clone().with("Authorization", &admin))), refused(403, "not-permitted"));
    let wrong = format!("{}0", &key[..key.len() - 1]);
    let wrong = if wrong == key { format!("{}1", &key[..key.len() - 1]) } else { wrong };
    assert_eq!(told(world.send(&status.clone().with("Authorization", &wrong))), refused(401, "bad-token"));
    let list = call("GET", "/api/v1/agents").with("Authorization", &key);
    assert_eq!(told(world.send(&list)), refused(403, "not-permitted"));
    let socket = world.data.join("socket");
    assert_eq!(told(list.send_to_socket(&socket)), refused(403, "not-permitted"));
    assert_eq!(told(status.send_to_socket(&socket)), refused(401, "no-token"));
    assert_eq!(status.with("Authorization", &key).send_to_socket(&socket).status, 200);
    let rights = world.add_token("\"role\":\"viewer\", \"rights\":[\"agent\"]");
    let status = post("/agent/v1/status", &json!({"protocol": 1}));
    assert_eq!(world.send(&status.with("Authorization", &format!("Bearer {rights}"))).status, 403);
}

#[test]
fn tokens_come_in_one_form() {
    let world = World::with(|config| config.access.auth = Auth::Required);
    for value in
        [world.token.clone(), format!("Basic {}", world.token), format!("Bearer{}", world.token), "Bearer".to_owned()]
    {
        assert_eq!(world.send(&call("GET", "/api/v1/me").with("Authorization", &value)).status, 401, "{value}");
    }
    let bearer = format!("Bearer {}", world.token);
    let twice = call("GET", "/api/v1/me").with("Authorization", &bearer).with("Authorization", &bearer);
    assert_eq!(world.send(&twice).status, 401);
    let answer = world.send(&call("GET", "/api/v1/me").with("Authorization", &bearer)).ok();
    assert!(!answer.text().contains(&world.token[4..]));
    let none = world.send(&call("GET", "/api/v1/me"));
    assert_eq!(none.header("www-authenticate"), "Bearer");
}

#[test]
fn frames_ask_for_their_own_right() {
    let world = World::with(|config| config.access.auth = Auth::Required);
    let viewer = format!("Bearer {}", world.add_token("\"role\":\"viewer\""));
    let admin = format!("Bearer {}", world.token);
    let ask = |target: &str, token: &str| world.send(&call("GET", target).with("Authorization", token));
    let sessions = ask("/api/v1/sessions?columns=id&filter=id:*00", &admin).ok().json();
    let id = sessions["rows"][0][0].as_str().expect("a session").to_owned();
    let target = format!("/api/v1/sessions/{id}/packets");
    assert!(ask(&target, &admin).ok().text().contains("packet.bytes"));
    let shown = ask(&target, &viewer).ok().json();
    assert_eq!(shown["rows"].as_array().map(Vec::len), Some(3));
    assert!(!shown.to_string().contains("packet.bytes") && !shown.to_string().contains("BwcH"));
    assert_eq!(ask("/api/v1/packets?columns=packet.bytes", &viewer).status, 403);
    assert_eq!(ask("/api/v1/packets?columns=packet_bytes", &viewer).status, 403);
    assert_eq!(ask("/api/v1/packets?columns=packet.bytes", &admin).status, 200);
    let panel = r#"{"panels":[{"kind":"list","scope":{"table":"packets"},"columns":["PACKET.BYTES"]}]}"#;
    let batch = call("POST", "/api/v1/query/batch").with("Content-Type", "application/json").body(panel);
    assert_eq!(world.send(&batch.clone().with("Authorization", &viewer)).status, 403);
    assert_eq!(world.send(&batch.with("Authorization", &admin)).status, 200);
}

#[test]
fn the_socket_is_guarded_by_its_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::with(|config| config.access.auth = Auth::Required);
    let socket = world.data.join("socket");
    let mode = std::fs::metadata(&socket).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let me = call("GET", "/api/v1/me").with("Host", "arachne").send_to_socket(&socket).ok().json();
    assert_eq!(me["role"], "admin");
}
