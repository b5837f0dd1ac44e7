//! Every route does what it is for.

use serde_json::{Value as Json, json};

use crate::client::{call, get, post};
use crate::world::{EVIL, START, World, id};

fn column(page: &Json, name: &str) -> Vec<Json> {
    let columns = page["columns"].as_array().expect("columns");
    let at = columns.iter().position(|column| column["name"] == name).unwrap_or_else(|| panic!("no {name}: {page}"));
    page["rows"].as_array().expect("rows").iter().map(|row| row[at].clone()).collect()
}

#[test]
fn lists_come_in_pages() {
    let world = World::new();
    let first = world.send(&get("/api/v1/exchanges?limit=4&count=exact&columns=id,status,class")).ok().json();
    assert_eq!(first["total"], 10);
    assert_eq!(column(&first, "id"), [id(9), id(8), id(7), id(6)].map(Json::from));
    assert_eq!(first["item"], "/api/v1/exchanges/{id}");
    let cursor = first["next"].as_str().expect("there are more");
    let next = world.send(&get(&format!("/api/v1/exchanges?limit=4&columns=id&cursor={cursor}"))).ok().json();
    assert_eq!(column(&next, "id")[0], Json::from(id(5)));
    let failed = world.send(&get("/api/v1/exchanges?filter=status%3A%3E%3D500&columns=id")).ok().json();
    assert_eq!(column(&failed, "id"), [Json::from(id(3))]);
    for (target, rows) in [("sessions", 2), ("packets", 3), ("hosts", 1)] {
        let page = world.send(&get(&format!("/api/v1/{target}?from=2026-11-21&to=2026-11-22T00:00:00Z"))).ok().json();
        assert_eq!(page["rows"].as_array().map(Vec::len), Some(rows), "{target}");
    }
    for (from, rows) in [("1795255209", 1), ("1795255208000", 2), ("1795255208000000", 2), ("1795255209000000000", 1)] {
        let target = format!("/api/v1/exchanges?mode=start&from={from}&to=1795255300");
        let page = world.send(&get(&target)).ok().json();
        assert_eq!(page["rows"].as_array().map(Vec::len), Some(rows), "{from}");
    }
}

#[test]
fn an_item_has_links_to_what_exists() {
    let world = World::new();
    let whole = world.send(&get(&format!("/api/v1/exchanges/{}", id(0)))).ok();
    let (tag, item) = (whole.header("etag").to_owned(), whole.json());
    let own = format!("/api/v1/exchanges/{}", id(0));
    assert_eq!(item["links"]["body.request"], format!("{own}/bodies/request"));
    for (name, link) in item["links"].as_object().expect("links") {
        let followed = world.send(&get(link.as_str().expect("text")));
        assert_eq!(followed.status, 200, "{name}: {}", followed.text());
    }
    let bare = world.send(&get(&format!("/api/v1/exchanges/{}", id(1)))).ok().json();
    assert!(bare["links"].get("body.request").is_none() && bare["links"].get("packets").is_none(), "{bare}");
    assert_eq!(world.send(&get(&own).with("If-None-Match", &tag)).status, 304);
    assert_eq!(world.send(&get(&own).with("If-None-Match", "\"x\"")).status, 200);
    let session = item["links"]["session"].as_str().expect("a session");
    let session = world.send(&get(session)).ok().json();
    let exchanges = world.send(&get(session["links"]["exchanges"].as_str().expect("a link"))).ok().json();
    assert_eq!(exchanges["rows"].as_array().map(Vec::len), Some(5));
    let capture = world.send(&get(session["links"]["pcapng"].as_str().expect("a link"))).ok();
    assert!(capture.body.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]));
}

#[test]
fn bodies_are_attachments() {
    let world = World::new();
    let body = world.send(&get(&format!("/api/v1/exchanges/{}/bodies/request", id(0)))).ok();
    assert_eq!(body.body, b"<script>");
    assert_eq!(body.header("content-type"), "application/octet-stream");
    assert_eq!(body.header("x-content-type-options"), "nosniff");
    assert!(body.header("content-disposition").starts_with("attachment;"));
    assert!(body.header("content-security-policy").starts_with("default-src 'none'"));
    let none = world.send(&get(&format!("/api/v1/exchanges/{}/bodies/request", id(1)))).json();
    assert_eq!((&none["code"], &none["status"]), (&json!("not-kept"), &json!(404)));
    let shown = world.send(&get(&format!("/api/v1/exchanges/{}/bodies/request/preview", id(0)))).ok();
    assert_eq!((&*shown.body, shown.header("content-type")), (&b"<script>"[..], "text/html"));
    assert_eq!((shown.header("content-disposition"), shown.header("x-frame-options")), ("inline", "SAMEORIGIN"));
    let policy = shown.header("content-security-policy");
    assert!(policy.starts_with("sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"), "{policy}");
    assert!(!policy.contains("allow-") && !policy.contains("script") && policy.contains("frame-ancestors 'self'"));
    assert_eq!((shown.header("x-content-type-options"), shown.header("set-cookie")), ("nosniff", ""));
    let curl = world.send(&get(&format!("/api/v1/exchanges/{}/curl", id(0)))).ok().text();
    assert!(curl.starts_with("curl ") && curl.contains("'\\''"), "{curl}");
}

#[test]
fn questions_are_answered() {
    let world = World::new();
    let scope = json!({"from": START, "to": "2026-11-21T10:00:10Z", "mode": "start"});
    let ask = |name: &str, body: Json| world.send(&post(&format!("/api/v1/query/{name}"), &body)).ok().json();
    let bars = ask("histogram", json!({"scope": scope, "step": "1s", "by": "class"}));
    assert_eq!((&bars["count"], &bars["total"]), (&json!(10), &json!(10)));
    assert_eq!(bars["series"].as_array().map(Vec::len), Some(6), "a series for each class");
    assert_eq!(bars["series"][0]["drill"]["view"], "exchanges");
    let link = world.send(&get("/api/v1/query/histogram?step=1s&mode=start&from=1795255200&to=1795255210&by=class"));
    assert_eq!(link.ok().json()["series"], bars["series"]);
    let top = ask("top", json!({"scope": scope, "by": ["service"]}));
    assert_eq!(top["rows"][0]["count"], 5);
    assert_eq!(
        world.send(&get("/api/v1/query/top?by=service&limit=1")).ok().json()["rows"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(ask("quantiles", json!({"scope": scope, "step": "10s"}))["series"][0]["total"], 10);
    assert_eq!(ask("facets", json!({"scope": scope, "fields": ["status"]}))["fields"][0]["total"], 10);
    let difference = json!({"scope": scope, "selection": {"filter": "status:503"}, "fields": ["path"]});
    assert_eq!(ask("difference", difference)["selection"], 1);
    assert_eq!(ask("map", json!({"scope": scope}))["total"]["count"], 10);
    assert_eq!(ask("quality", json!({}))["series"][0]["total"], 3);
    let values = ask("values", json!({"scope": scope, "field": "service", "prefix": "sh"}));
    assert_eq!((&values["values"][0]["value"], &values["values"][0]["count"]), (&json!("shop"), &json!(5)));
}

#[test]
fn a_batch_streams_panels() {
    let world = World::new();
    let panels = json!({"panels": [
        {"kind": "top", "by": ["service"]}, {"kind": "list", "limit": 1}, {"kind": "histogram", "by": "nonsense"}]});
    let answer = world.send(&post("/api/v1/query/batch", &panels)).ok();
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let lines = answer.lines();
    let panel =
        |at: usize| lines.iter().find(|line| line["panel"]["at"] == at).expect("each has its line")["panel"].clone();
    assert_eq!(panel(0)["answer"]["kind"], "top");
    assert_eq!(panel(1)["answer"]["rows"].as_array().map(Vec::len), Some(1));
    assert_eq!(panel(2)["problem"]["code"], "unknown-field");
    assert_eq!(lines.last().expect("an end")["end"]["panels"], 3);
}

#[test]
fn filters_are_explained_and_completed() {
    let world = World::new();
    let parsed =
        world.send(&post("/api/v1/filter/parse", &json!({"filter": "status:>=500 -path:/health*"}))).ok().json();
    assert_eq!((&parsed["valid"], &parsed["tree"]["kind"]), (&json!(true), &json!("and")));
    assert_eq!(parsed["chips"][1]["negated"], true);
    let wrong = world.send(&post("/api/v1/filter/parse", &json!({"filter": "duration:>500"}))).ok().json();
    assert_eq!(wrong["diagnostics"][0]["code"], "missing-unit");
    assert!(!wrong["diagnostics"][0]["fixes"].as_array().expect("a list").is_empty());
    let completed = world.send(&post("/api/v1/filter/complete", &json!({"filter": "service:sh"}))).ok().json();
    assert_eq!((&completed["field"], &completed["values"][0]["count"]), (&json!("service"), &json!(5)));
    let fields = world.send(&post("/api/v1/filter/complete", &json!({"filter": "stat"}))).ok().json();
    assert_eq!(fields["items"][0]["kind"], "field");
    let catalogue = world.send(&get("/api/v1/catalogue")).ok();
    assert_eq!(catalogue.json()[0]["table"], "exchanges");
    assert_eq!(world.send(&get("/api/v1/catalogue").with("If-None-Match", catalogue.header("etag"))).status, 304);
}

#[test]
fn exports_are_harmless_and_whole() {
    let world = World::new();
    let lines = world.send(&get("/api/v1/export/exchanges.ndjson?filter=status:200")).ok();
    assert_eq!(lines.lines().len(), 9);
    assert!(!lines.text().contains('\u{1b}'));
    let csv = world.send(&get("/api/v1/export/exchanges.csv?columns=service,path&limit=2")).ok().text();
    assert_eq!(csv.lines().next(), Some("service,url.path"));
    let guarded = format!("\"'{}\"", EVIL.replace('\u{1b}', "\u{fffd}"));
    assert_eq!(csv.lines().nth(2), Some(&*format!("{guarded},/cart/1")));
    let har = world.send(&get("/api/v1/export/exchanges.har")).ok().json();
    assert_eq!(har["log"]["entries"].as_array().map(Vec::len), Some(10));
    assert_eq!(har["log"]["entries"][0]["request"]["postData"]["text"], "<script>");
    let capture = world.send(&get("/api/v1/export/packets.pcapng")).ok();
    assert!(capture.header("content-disposition").contains("packets.pcapng") && capture.body.len() > 180);
    let bad = world.send(&get("/api/v1/export/exchanges.csv?columns=nonsense")).json();
    assert_eq!(bad["code"], "unknown-field");
}

#[test]
fn sql_streams_rows_and_hides_what_is_inside() {
    let world = World::new();
    let ask = |statement: &str| world.send(&post("/api/v1/sql", &json!({"statement": statement})));
    assert_eq!(ask("select 1").ok().lines(), [json!({"columns": ["length"]}), json!({"length": 8})]);
    assert_eq!(ask("wrong").json()["code"], "bad-statement");
    let before = arachne_telemetry::count_of(&arachne_telemetry::codes::SERVER_STORE_001);
    let boom = ask("boom");
    assert_eq!((boom.status, &boom.json()["code"]), (500, &json!("store")));
    assert!(!boom.text().contains("secret") && !boom.text().contains("parquet"), "{}", boom.text());
    let after = arachne_telemetry::count_of(&arachne_telemetry::codes::SERVER_STORE_001);
    assert!(after > before, "SERVER-STORE-001");
}

#[test]
fn the_server_tells_about_itself() {
    let world = World::new();
    assert_eq!(world.send(&get("/healthz")).ok().text(), "ok\n");
    assert_eq!(world.send(&get("/readyz")).ok().text(), "ready\n");
    let me = world.send(&get("/api/v1/me")).ok().json();
    assert_eq!((&me["name"], &me["role"]), (&json!("local"), &json!("admin")));
    let store = world.send(&get("/api/v1/store")).ok().json();
    assert_eq!((&store["tables"][0]["table"], &store["tables"][0]["rows"]), (&json!("exchanges"), &json!(10)));
    assert_eq!(store["tables"][0]["first"], "2026-11-21T10:00:00.000000000Z");
    let metrics = world.send(&get("/metrics")).ok().text();
    assert!(
        metrics.contains("arachne_http_requests_total{route=\"/api/v1/me\",method=\"GET\",status=\"200\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("arachne_store_rows{table=\"exchanges\"} 10"), "{metrics}");
    assert_eq!(world.send(&get("/api/v1/imports")).ok().json(), json!([]));
    assert_eq!(world.send(&get("/api/v1/queries")).ok().json(), json!([]));
}

#[test]
fn answers_are_compressed_for_who_asks() {
    let world = World::new();
    for coding in ["gzip", "br", "zstd"] {
        let answer = world.send(&get("/api/v1/catalogue").with("Accept-Encoding", coding)).ok();
        assert_eq!(answer.header("content-encoding"), coding);
    }
    let plain = world.send(&get("/api/v1/export/exchanges.csv")).ok();
    let packed = world.send(&get("/api/v1/export/exchanges.csv").with("Accept-Encoding", "gzip")).ok();
    let mut unpacked = Vec::new();
    let read = std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*packed.body), &mut unpacked);
    assert!(read.is_ok() && unpacked == plain.body, "a stream is whole behind its compression");
}

#[test]
fn what_is_wrong_is_explained() {
    let world = World::new();
    let scope = |key: &str, value: Json| post("/api/v1/query/top", &json!({"scope": {key: value}}));
    for (call, code, field) in [
        (get("/api/v1/nonsense"), "not-found", Json::Null),
        (call("PUT", "/api/v1/store"), "method-not-allowed", Json::Null),
        (get("/api/v1/exchanges?filter=nonsense:1"), "bad-filter", json!("filter")),
        (get("/api/v1/exchanges?nonsense=1"), "bad-request", json!("query")),
        (get("/api/v1/exchanges?limit=1&limit=2"), "bad-request", json!("query")),
        (get("/api/v1/exchanges?limit=99999"), "too-many", json!("limit")),
        (get("/api/v1/exchanges?columns=nonsense"), "unknown-field", json!("columns")),
        (get("/api/v1/exchanges?cursor=AAAA"), "bad-cursor", json!("cursor")),
        (get("/api/v1/exchanges?from=soon"), "bad-request", json!("query")),
        (get("/api/v1/exchanges?from=2026-01-02&to=2026-01-01"), "empty-range", json!("from")),
        (get("/api/v1/exchanges/nonsense"), "not-found", Json::Null),
        (scope("table", json!("users")), "unknown-table", json!("table")),
        (scope("filter", json!("a:b")), "bad-filter", json!("filter")),
        (scope("nonsense", json!(1)), "bad-request", json!("body")),
        (post("/api/v1/query/top", &json!([])), "bad-request", json!("body")),
    ] {
        let answer = world.send(&call);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{call:?}");
        let problem = answer.json();
        assert_eq!((&problem["code"], &problem["field"]), (&json!(code), &field), "{call:?} {problem}");
        assert_eq!(problem["status"], answer.status);
    }
}
