//! The hostile cases of kind api and upload, their neutral endpoints mapped to the routes.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::client::{Answer, Call, call, get, post};
use crate::uploads::{ended, upload};
use crate::world::World;

fn folder() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("ARACHNE_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let folder = root.join(shared).join("hostile");
    if folder.join("cases.json").exists() {
        return Some(folder);
    }
    eprintln!("skipped: there are no hostile cases (set ARACHNE_SHARED)");
    None
}

fn cases(folder: &Path, kind: &str) -> Vec<Json> {
    let text = std::fs::read(folder.join("cases.json")).expect("the list of cases");
    let list: Json = serde_json::from_slice(&text).expect("it is JSON");
    list["cases"].as_array().expect("cases").iter().filter(|case| case["kind"] == kind).cloned().collect()
}

fn content(folder: &Path, case: &Json) -> Vec<u8> {
    let bytes = std::fs::read(folder.join(case["file"].as_str().expect("a file"))).expect("it is there");
    if case["unpack"] != "gzip" {
        return bytes;
    }
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut out).expect("it is gzip");
    out
}

/// Where a neutral endpoint lies. What Arachne has not is asked for where it would be.
fn target(endpoint: &str, id: &str) -> String {
    match endpoint {
        "query.http" | "query.logs" => "/api/v1/query/batch".to_owned(),
        "query.metrics" => "/api/v1/query/histogram".to_owned(),
        "get.flow" => format!("/api/v1/sessions/{id}"),
        "download.pcap" => format!("/api/v1/sessions/{id}/pcapng"),
        "export.csv" => "/api/v1/export/exchanges.csv".to_owned(),
        // Nothing of that kind exists: the nearest route that takes text of its caller.
        _ => "/api/v1/filter/parse".to_owned(),
    }
}

/// A neutral filter as a question of ours.
fn question(body: &Json) -> Option<Json> {
    let filters = body["filters"].as_array()?;
    let term = |f: &Json| {
        let field = f["field"].as_str().unwrap_or_default();
        Some(format!("{field}:={}", arachne_filter::literal(f["value"].as_str()?)))
    };
    let filter = filters.iter().map(term).collect::<Option<Vec<_>>>()?.join(" ");
    Some(json!({"scope": {"filter": filter}}))
}

fn check(case: &Json, answer: &Answer) {
    let id = &case["id"];
    let expect = &case["expect"];
    let statuses = expect["status_any"].as_array().expect("statuses");
    let fits = statuses.iter().any(|status| *status == answer.status);
    assert!(fits, "{id}: {} {}", answer.status, answer.text());
    for text in expect["must_not_contain"].as_array().into_iter().flatten() {
        assert!(!answer.text().contains(text.as_str().expect("text")), "{id}");
    }
    for header in expect["must_not_contain_header"].as_array().into_iter().flatten() {
        let name = header.as_str().expect("text").split(':').next().expect("a name");
        assert_eq!(answer.header(name), "", "{id}");
    }
    if let Some(max) = expect["max_response_bytes"].as_u64() {
        assert!(answer.body.len() as u64 <= max, "{id}");
    }
    if let Some(rows) = expect["rows"].as_u64() {
        assert_eq!(
            answer.json()["rows"].as_array().map(Vec::len),
            usize::try_from(rows).ok(),
            "{id}: {}",
            answer.text()
        );
    }
    let shown = answer.text();
    for inner in ["SELECT", "parquet", ".rs:", "panicked", "datafusion"] {
        let sent = id.as_str().expect("text").starts_with("api-sql") || id.as_str().expect("text").contains("field");
        assert!(sent || !shown.contains(inner), "{id}: {shown}");
    }
}

/// The calls that a case stands for.
fn calls(request: &Json) -> Vec<Call> {
    let endpoint = request["endpoint"].as_str().expect("an endpoint");
    let id: String = request["path_params"]["id"].as_str().unwrap_or("x").to_owned();
    // In a path, what is no part of one is escaped, as every client does; what is escaped already stays.
    let escape = |b: u8| {
        if b.is_ascii_graphic() && !b"/?#".contains(&b) { char::from(b).to_string() } else { format!("%{b:02x}") }
    };
    let id: String = id.bytes().map(escape).collect();
    let method = request["method"].as_str().expect("a method");
    let mut made = Vec::new();
    if let Some(raw) = request["raw"].as_str() {
        made.push(call(method, &target(endpoint, &id)).body(raw));
    } else if let Some(known) = question(&request["json"]) {
        // The list of rows, and the same filter in a body.
        made.push(call(
            "GET",
            &format!("/api/v1/exchanges?filter={}", encoded(known["scope"]["filter"].as_str().expect("text"))),
        ));
    } else if request["json"].is_object() {
        made.push(call(method, &target(endpoint, &id)).body(request["json"].to_string()));
    } else {
        made.push(call(method, &target(endpoint, &id)));
    }
    let given = request["headers"].as_object().into_iter().flatten();
    let mut headers: Vec<(String, String)> =
        given.map(|(n, v)| (n.clone(), v.as_str().unwrap_or_default().to_owned())).collect();
    if !headers.iter().any(|(name, _)| name == "Content-Type") {
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    made.into_iter().map(|call| headers.iter().fold(call, |call, (n, v)| call.with(n, v))).collect()
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

#[test]
fn questions_of_attackers() {
    let Some(folder) = folder() else { return };
    let world = World::new();
    let cases = cases(&folder, "api");
    assert!(cases.len() >= 37);
    for case in &cases {
        let request: Json = serde_json::from_slice(&content(&folder, case)).expect("a case is JSON");
        for call in calls(&request) {
            let mut case = case.clone();
            let answer = world.send(&call);
            // A head that is too large is refused before it is read.
            if case["id"] == "api-filters-10k" {
                case["expect"]["status_any"] = json!([400, 413, 414, 422, 431]);
            }
            check(&case, &answer);
        }
        assert_eq!(world.send(&get("/readyz")).status, 200, "{}", case["id"]);
    }
    let refused =
        post("/api/v1/query/histogram", &json!({"scope": {"from": "0000-01-01T00:00:00Z", "to": "now"}, "step": "1s"}));
    assert_eq!(world.send(&refused).status, 400);
    for pattern in ["(a+)+$", "(a|aa)+$", "((a{0,1000}){0,1000}){0,1000}"] {
        let filter = format!("path:/{pattern}/");
        let answer = world.send(&get(&format!("/api/v1/exchanges?filter={}", encoded(&filter))));
        assert!(matches!(answer.status, 200 | 400), "{pattern}: {}", answer.text());
    }
}

#[test]
fn uploads_of_attackers() {
    let Some(folder) = folder() else { return };
    let world = World::new();
    for case in cases(&folder, "upload") {
        let body = content(&folder, &case);
        let answer = if case["id"] == "upload-name-traversal" {
            let names: Json = serde_json::from_slice(&body).expect("a list of names");
            for name in names["filenames"].as_array().expect("a list") {
                let answer = world.send(&upload(name.as_str().expect("text"), &crate::uploads::PCAP)).ok();
                let label = answer.json()["label"].as_str().expect("text").to_owned();
                assert!(label.len() <= 255 && !label.chars().any(char::is_control), "{label:?}");
                assert!(!answer.headers.iter().any(|(name, _)| name == "X-Inj"));
                ended(&world, answer.header("location"));
            }
            continue;
        } else {
            world.send(&upload("case", &body))
        };
        let statuses = case["expect"]["status_any"].as_array().cloned().unwrap_or(vec![json!(202)]);
        assert!(statuses.iter().any(|status| *status == answer.status), "{}: {}", case["id"], answer.text());
        if answer.status == 202 {
            ended(&world, answer.header("location"));
        }
    }
    assert_eq!(std::fs::read_dir(world.data.join("uploads")).expect("it is there").count(), 0);
    for path in ["etc", "passwd", "x"] {
        assert!(!world.data.join(path).exists());
    }
}
