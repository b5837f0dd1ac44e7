//! Views, short links and preferences: kept for good, by text that is never a path.

use arachne_server::Auth;
use serde_json::{Value as Json, json};

use crate::client::{call, get, post, put};
use crate::world::World;

#[test]
fn views_are_kept_by_name() {
    let world = World::new();
    assert_eq!(world.send(&get("/api/v1/views")).ok().json(), json!([]));
    let view =
        json!({"table": "exchanges", "filter": "status:>=500", "columns": ["start", "path"], "layout": {"w": [1, {}]}});
    // "a/b ü" and "../../auth.json"
    for name in ["a%2Fb%20%C3%BC", "..%2F..%2Fauth.json"] {
        let kept = world.send(&put(&format!("/api/v1/views/{name}"), &view)).ok().json();
        assert_eq!((&kept["layout"], &kept["by"]), (&view["layout"], &json!("local")));
        assert!(kept["changed"].as_str().is_some_and(|at| at.ends_with('Z')), "{kept}");
        assert_eq!(world.send(&get(&format!("/api/v1/views/{name}"))).ok().json(), kept);
    }
    let other = json!({"table": "packets"});
    assert_eq!(world.send(&put("/api/v1/views/a%2Fb%20%C3%BC", &other)).ok().json()["filter"], "");
    let all = world.send(&get("/api/v1/views")).ok().json();
    let named = |at: usize| (all[at]["name"].as_str().expect("a name"), all[at]["table"].as_str().expect("a table"));
    assert_eq!((named(0), named(1)), (("../../auth.json", "exchanges"), ("a/b ü", "packets")));
    let gone = call("DELETE", "/api/v1/views/a%2Fb%20%C3%BC");
    assert_eq!((world.send(&gone).status, world.send(&gone).status), (204, 404));
    assert_eq!(world.send(&get("/api/v1/views/a%2Fb%20%C3%BC")).json()["code"], "not-found");
    assert!(world.data.join("auth.json").exists() && world.data.join("saved/views").is_dir());
}

#[test]
fn what_is_no_view_is_explained() {
    let world = World::new();
    let deep =
        format!("{{\"table\":\"hosts\",\"layout\":{}{}}}", "{\"a\":".repeat(126), "1".to_owned() + &"}".repeat(126));
    let deep: Json = serde_json::from_str(&deep).expect("it is JSON");
    for (name, view, field) in [
        ("a", json!({"table": "users"}), json!("table")),
        ("a", json!({"table": "hosts", "sql": 1}), json!("body")),
        ("a", json!({"table": "hosts", "filter": "x".repeat(9000)}), json!("filter")),
        ("a", json!({"table": "hosts", "columns": vec!["x"; 201]}), json!("columns")),
        ("a", json!({"table": "hosts", "layout": {"x": "y".repeat(16 << 10)}}), json!("layout")),
        ("a", json!({"table": "hosts", "layout": []}), json!("body")),
        ("a", deep, Json::Null),
        ("a%00b", json!({"table": "hosts"}), json!("name")),
        ("%20a", json!({"table": "hosts"}), json!("name")),
        (&"%C3%BC".repeat(101), json!({"table": "hosts"}), json!("name")),
    ] {
        let answer = world.send(&put(&format!("/api/v1/views/{name}"), &view));
        assert_eq!((answer.status, &answer.json()["field"]), (400, &field), "{name}: {}", answer.text());
    }
    assert_eq!(world.send(&put("/api/v1/views/%FF", &json!({"table": "hosts"}))).status, 400);
    assert_eq!(world.send(&get("/api/v1/views")).ok().json(), json!([]));
}

#[test]
fn a_state_has_one_short_link() {
    let world = World::new();
    let made = |state: &str| world.send(&post("/api/v1/links", &json!({"state": state})));
    let state = "/explore?from=now-1h&q=status:%3E=500";
    let link = made(state).ok().json();
    assert_eq!(link, made(state).ok().json());
    let id = link["id"].as_str().expect("an id");
    assert_eq!((&link["url"], &link["state"]), (&json!(format!("/s/{id}")), &json!(state)));
    assert_eq!(world.send(&get(&format!("/api/v1/links/{id}"))).ok().json(), link);
    assert_ne!(made("?a=1").ok().json()["id"], link["id"]);
    for wrong in
        ["", "x", "//evil.test/", "/\\evil.test", "https://evil.test/", "?a\n", &format!("?{}", "x".repeat(8192))]
    {
        assert_eq!((made(wrong).status, &made(wrong).json()["field"]), (400, &json!("state")), "{wrong}");
    }
    for none in ["none", "..%2F..%2Fauth", &"0".repeat(20)] {
        assert_eq!(world.send(&get(&format!("/api/v1/links/{none}"))).status, 404, "{none}");
    }
}

#[test]
fn everybody_has_preferences_of_their_own() {
    let world = World::with(|config| config.access.auth = Auth::Required);
    let viewer = world.add_token("\"role\":\"viewer\"");
    let bearer = |token: &str| format!("Bearer {token}");
    let ask = |token: &str| world.send(&get("/api/v1/preferences").with("Authorization", &bearer(token))).ok().json();
    let own = json!({"theme": "dark", "rows": [1, 2]});
    let kept = world.send(&put("/api/v1/preferences", &own).with("Authorization", &bearer(&viewer)));
    assert_eq!(kept.status, 204, "{}", kept.text());
    assert_eq!((ask(&viewer), ask(&world.token)), (own, json!({})));
    let large = put("/api/v1/preferences", &json!({"x": "y".repeat(16 << 10)}));
    assert_eq!(world.send(&large.with("Authorization", &bearer(&viewer))).status, 400);
}
