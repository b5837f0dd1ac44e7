//! The documentation: the golden file, and the page made of it.

use std::path::Path;

use crate::client::get;
use crate::world::World;

#[test]
fn the_document_is_the_golden_file() {
    let world = World::new();
    let answer = world.send(&get("/api/openapi.json")).ok();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &answer.body).expect("it can be written");
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        golden == answer.text(),
        "docs/openapi.json is not what the routes are: run with UPDATE_DOCS=1 and look at the change"
    );
    assert_eq!(world.send(&get("/api/openapi.json").with("If-None-Match", answer.header("etag"))).status, 304);
}

#[test]
fn every_route_is_documented_once() {
    let world = World::new();
    let document = world.send(&get("/api/openapi.json")).ok().json();
    assert!(document["openapi"].as_str().expect("a version").starts_with("3.1"));
    let mut names = std::collections::BTreeSet::new();
    for route in &world.routes {
        let operation = &document["paths"][&route.path][route.method.to_lowercase()];
        let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{route:?}"));
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        assert!(operation["responses"]["default"].is_object(), "{name}");
    }
    let refs = document.to_string();
    for part in refs.split("\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().expect("a name");
        assert!(document["components"]["schemas"][name].is_object(), "{name} is named and not there");
    }
}

#[test]
fn the_page_is_whole_and_runs_nothing() {
    let world = World::new();
    let page = world.send(&get("/api/docs")).ok();
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(
        page.header("content-security-policy"),
        "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    );
    let text = page.text();
    assert!(text.contains("id=\"queryHistogram\"") && text.contains("id=\"problem-busy\""));
    assert!(
        !text.contains("<script") && !text.contains("style=") && !text.contains("//"),
        "it loads nothing from elsewhere"
    );
    assert_eq!(world.send(&get("/api/docs").with("If-None-Match", page.header("etag"))).status, 304);
    assert_eq!(world.send(&get("/api/docs.css")).ok().header("content-type"), "text/css; charset=utf-8");
}
