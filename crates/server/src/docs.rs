//! The documentation: the OpenAPI document, and a page made of it that works offline and runs no script.

use std::fmt::Write as _;
use std::sync::OnceLock;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use serde_json::Value as Json;

use crate::app::App;
use crate::etag::tagged;
use crate::problem::KINDS;
use crate::routes;

/// The page loads its own stylesheet and nothing else.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const STYLE: &str = include_str!("docs.css");
/// How deep schemas inside schemas are written out; deeper ones are named.
const DEPTH_MAX: usize = 3;

/// The document as text, made once.
fn text(app: &App) -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        // It is made of texts and numbers, which always make JSON.
        let mut text = routes::document(app).to_pretty_json().unwrap_or_default();
        text.push('\n');
        text
    })
}

/// This document.
#[utoipa::path(get, path = "/api/openapi.json", operation_id = "getOpenapi", tag = "server",
    responses((status = 200, description = "OpenAPI 3.1", body = Object), (status = 304, description = "Unchanged")))]
pub(crate) async fn document(State(app): State<App>, headers: HeaderMap) -> Response {
    tagged(&headers, "application/json", text(&app).as_bytes().to_vec())
}

/// The documentation for people.
#[utoipa::path(get, path = "/api/docs", operation_id = "getDocs", tag = "server",
    responses((status = 200, description = "A page", content_type = "text/html", body = String),
        (status = 304, description = "Unchanged")))]
pub(crate) async fn page(State(app): State<App>, headers: HeaderMap) -> Response {
    static PAGE: OnceLock<String> = OnceLock::new();
    let page = PAGE.get_or_init(|| render(&serde_json::from_str(text(&app)).unwrap_or_default()));
    let mut response = tagged(&headers, "text/html; charset=utf-8", page.clone().into_bytes());
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// The stylesheet of the documentation.
#[utoipa::path(get, path = "/api/docs.css", operation_id = "getDocsStyle", tag = "server",
    responses((status = 200, description = "A stylesheet", content_type = "text/css", body = String),
        (status = 304, description = "Unchanged")))]
pub(crate) async fn style(headers: HeaderMap) -> Response {
    tagged(&headers, "text/css; charset=utf-8", STYLE.as_bytes().to_vec())
}

/// Text as HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A description as HTML: what stands between backticks is code.
fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, piece) in text.split('`').enumerate() {
        let code = at % 2 == 1;
        out.push_str(if code { "<code>" } else { "" });
        out.push_str(&escaped(piece));
        out.push_str(if code { "</code>" } else { "" });
    }
    out
}

fn word<'a>(value: &'a Json, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The page of a document.
fn render(document: &Json) -> String {
    let mut index = String::new();
    let mut body = String::new();
    let mut tag = "";
    for (route, method, operation) in sorted(document) {
        let own = operation["tags"][0].as_str().unwrap_or_default();
        // Writing to a string cannot fail.
        if own != tag {
            tag = own;
            let _ = write!(index, "<h2>{0}</h2>", escaped(tag));
            let _ = write!(body, "<h2 id=\"tag-{0}\">{0}</h2>", escaped(tag));
        }
        let id = escaped(word(operation, "operationId"));
        let (shown, upper) = (escaped(route), method.to_uppercase());
        let _ = write!(index, "<a href=\"#{id}\"><b class=\"{method}\">{upper}</b> {shown}</a>");
        let _ = write!(body, "<section id=\"{id}\"><h3><b class=\"{method}\">{upper}</b> <code>{shown}</code></h3>");
        push_operation(&mut body, document, operation);
        body.push_str("</section>");
    }
    let mut problems =
        String::from("<h2 id=\"problems\">Problems</h2><table><tr><th>code</th><th>status</th><th>meaning</th></tr>");
    for (code, status, title) in KINDS {
        let _ = write!(
            problems,
            "<tr id=\"problem-{code}\"><td><code>{code}</code></td><td>{}</td><td>{title}</td></tr>",
            status.as_u16()
        );
    }
    problems.push_str("</table><p>Other codes name what is wrong with a question: status 400.</p>");
    let info = &document["info"];
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Arachne API</title>\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
         <link rel=\"stylesheet\" href=\"/api/docs.css\"></head><body><nav><h1>Arachne API</h1>{index}\
         <h2>more</h2><a href=\"#problems\">Problems</a><a href=\"/api/openapi.json\">openapi.json</a></nav>\
         <main><p>Version {}. {}</p>{body}{problems}</main></body></html>\n",
        escaped(word(info, "version")),
        prose(word(info, "description")),
    )
}

/// The operations by tag, path and method.
fn sorted(document: &Json) -> Vec<(&str, &str, &Json)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if operation.get("operationId").is_some() {
                all.push((path.as_str(), method.as_str(), operation));
            }
        }
    }
    all.sort_by_key(|(path, method, operation)| (operation["tags"][0].as_str().unwrap_or_default(), *path, *method));
    all
}

fn push_operation(out: &mut String, document: &Json, operation: &Json) {
    for text in [word(operation, "summary"), word(operation, "description")] {
        for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
            let _ = write!(out, "<p>{}</p>", prose(paragraph));
        }
    }
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !parameters.is_empty() {
        out.push_str("<table><tr><th>parameter</th><th>in</th><th>type</th><th>meaning</th></tr>");
        for parameter in parameters {
            let _ = write!(
                out,
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escaped(word(parameter, "name")),
                escaped(word(parameter, "in")),
                escaped(&kind(&parameter["schema"])),
                prose(word(parameter, "description")),
            );
        }
        out.push_str("</table>");
    }
    for (media, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        let _ = write!(out, "<h4>Body: {}</h4>", escaped(media));
        push_schema(out, document, &content["schema"], 0);
    }
    for (status, response) in operation["responses"].as_object().into_iter().flatten().filter(|(s, _)| *s != "default")
    {
        let _ = write!(out, "<h4>{}: {}</h4>", escaped(status), prose(word(response, "description")));
        for (media, content) in response["content"].as_object().into_iter().flatten() {
            let _ = write!(out, "<p class=\"media\">{}</p>", escaped(media));
            push_schema(out, document, &content["schema"], 0);
        }
    }
}

/// The name of a schema's type.
fn kind(schema: &Json) -> String {
    if let Some(name) = reference(schema) {
        return name.to_owned();
    }
    if schema["type"] == "array" {
        return format!("list of {}", kind(&schema["items"]));
    }
    let alternatives = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
    if let Some(all) = alternatives {
        return all.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    match &schema["type"] {
        Json::String(one) => one.clone(),
        Json::Array(several) => several.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    }
}

fn reference(schema: &Json) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}

/// The fields of a schema, folded; schemas inside it are folded in it.
fn push_schema(out: &mut String, document: &Json, schema: &Json, depth: usize) {
    let element = if schema["type"] == "array" { &schema["items"] } else { schema };
    let Some(name) = reference(element).filter(|_| depth <= DEPTH_MAX) else { return };
    let named = &document["components"]["schemas"][name];
    let _ = write!(out, "<details><summary>{}</summary>", escaped(&kind(schema)));
    let _ = write!(out, "<p>{}</p>", prose(word(named, "description")));
    let words = named["enum"].as_array().map(|all| all.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", "));
    if let Some(words) = words {
        let _ = write!(out, "<p><code>{}</code></p>", escaped(&words));
    }
    let several = named["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    for part in several.iter().chain(named["allOf"].as_array().into_iter().flatten()) {
        push_fields(out, document, part, depth);
        push_schema(out, document, part, depth + 1);
    }
    push_fields(out, document, named, depth);
    out.push_str("</details>");
}

fn push_fields(out: &mut String, document: &Json, schema: &Json, depth: usize) {
    let Some(fields) = schema["properties"].as_object() else { return };
    out.push_str("<dl>");
    for (name, field) in fields {
        let _ = write!(out, "<dt><code>{}</code> <i>{}</i></dt>", escaped(name), escaped(&kind(field)));
        let _ = write!(out, "<dd>{}", prose(word(field, "description")));
        let inner = field["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
        std::iter::once(field).chain(inner).for_each(|schema| push_schema(out, document, schema, depth + 1));
        out.push_str("</dd>");
    }
    out.push_str("</dl>");
}
