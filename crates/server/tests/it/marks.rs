//! Marks on the time axis: set, listed by time, removed.

use serde_json::json;

use crate::client::{call, get, post};
use crate::world::World;

#[test]
fn marks_are_set_listed_and_removed() {
    let world = World::new();
    assert_eq!(world.send(&get("/api/v1/marks")).ok().json(), json!({"marks": [], "total": 0}));
    let release = json!({
        "at": "2026-11-22T10:00:00Z", "kind": "release", "text": "release 42", "service": "cart",
        "labels": {"commit": "=cmd|' /C calc'!A0<script>"}
    });
    let set = world.send(&post("/api/v1/marks", &release));
    assert_eq!(set.status, 201, "{}", set.text());
    let kept = set.json();
    let expected = json!({
        "id": kept["id"], "at": "2026-11-22T10:00:00.000000000Z", "kind": "release", "text": "release 42",
        "service": "cart", "labels": release["labels"], "by": "local"
    });
    assert_eq!(kept, expected);
    let note = world.send(&post("/api/v1/marks", &json!({"text": "switch replaced"}))).json();
    assert_eq!((&note["kind"], note.get("service")), (&json!("note"), None), "now, a note: {note}");
    let within = |range: &str| world.send(&get(&format!("/api/v1/marks?{range}"))).ok().json();
    assert_eq!(within("from=2026-11-22T10:00:00Z&to=2026-11-22T10:00:01Z"), json!({"marks": [expected], "total": 1}));
    assert_eq!(within("from=2026-11-22T09:00:00Z&to=2026-11-22T10:00:00Z")["total"], 0, "the end is outside");
    assert_eq!(within("limit=1"), json!({"marks": [within("")["marks"][1]], "total": 2}), "the newest");
    let gone = call("DELETE", &format!("/api/v1/marks/{}", kept["id"].as_str().expect("an id")));
    assert_eq!((world.send(&gone).status, world.send(&gone).status), (204, 404));
    assert_eq!(within("")["total"], 1);
}

#[test]
fn what_is_no_mark_is_explained() {
    let world = World::new();
    let labels = |n: usize| (0..n).map(|n| (format!("l{n}"), json!("x"))).collect::<serde_json::Map<_, _>>();
    for (mark, field) in [
        (json!({}), "text"),
        (json!({"text": ""}), "text"),
        (json!({"text": " x"}), "text"),
        (json!({"text": "x\u{1b}[31m"}), "text"),
        (json!({"text": "x".repeat(501)}), "text"),
        (json!({"text": "x", "kind": "two words"}), "kind"),
        (json!({"text": "x", "kind": "k".repeat(33)}), "kind"),
        (json!({"text": "x", "service": ""}), "service"),
        (json!({"text": "x", "labels": {"a b": "x"}}), "labels"),
        (json!({"text": "x", "labels": {"a": "x".repeat(201)}}), "labels"),
        (json!({"text": "x", "labels": labels(11)}), "labels"),
        (json!({"text": "x", "at": "soon"}), "body"),
        (json!({"text": "x", "id": "mine"}), "body"),
    ] {
        let answer = world.send(&post("/api/v1/marks", &mark));
        assert_eq!((answer.status, &answer.json()["field"]), (400, &json!(field)), "{mark}: {}", answer.text());
    }
    for query in ["limit=0", "limit=10001", "from=soon", "till=now"] {
        assert_eq!(world.send(&get(&format!("/api/v1/marks?{query}"))).status, 400, "{query}");
    }
    assert_eq!(world.send(&get("/api/v1/marks")).ok().json()["total"], 0);
}
