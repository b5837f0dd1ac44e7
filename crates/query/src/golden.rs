//! Golden cases: a question, the rows it is put to, and the answer, one file each in one folder, for every engine.
//!
//! For tests only. A case is `{"about", "data", "now", "ask", "answer"}`: `data` names a file of rows in the folder `data`
//! beside it, by table, each row an object of columns; `ask` is a [`Panel`]; what an answer cost is left out, since engines
//! differ in it. `UPDATE_GOLDEN=1` writes the answers instead of comparing them.

use std::path::{Path, PathBuf};

use arachne_model::table::{Kind, Row, Value as Cell};
use arachne_store::{Rows, Store, Token, Unwatched};
use serde_json::{Map, Value, json};

use crate::{Panel, Queries, When};

/// Asks a store every question of the folder; `make_store` gives an empty one each time.
///
/// # Panics
/// When an answer differs, with the case and both answers, or a case cannot be read.
pub fn check(folder: &Path, make_store: &dyn Fn() -> Box<dyn Store>) {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut differing = Vec::new();
    let cases = cases(folder);
    assert!(!cases.is_empty(), "no cases in {}", folder.display());
    for path in cases {
        let mut case = read(&path);
        let store = make_store();
        load(store.as_ref(), &folder.join("data").join(format!("{}.json", text(&case["data"]))));
        let found = ask(store.as_ref(), &case);
        if update {
            case["answer"] = found;
            let text = serde_json::to_string_pretty(&case).expect("JSON is text");
            std::fs::write(&path, text + "\n").expect("the case can be written");
        } else if found != case["answer"] {
            let (found, expected) = (show(&found), show(&case["answer"]));
            differing.push(format!("{}\n  expected {expected}\n  found    {found}", path.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

fn cases(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder of cases is there");
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut cases: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|ext| ext == "json")).collect();
    cases.sort();
    cases
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("the file can be read");
    serde_json::from_str(&text).unwrap_or_else(|error| json!({ "error": error.to_string() }))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn show(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn ask(store: &dyn Store, case: &Value) -> Value {
    let now = When::parse(text(&case["now"])).expect("now is an instant").resolve(0);
    let panel: Panel = match serde_json::from_value(case["ask"].clone()) {
        Ok(panel) => panel,
        Err(error) => return json!({ "refused": error.to_string() }),
    };
    match Queries::new(store, now, &Unwatched).panel(&panel) {
        Ok(answer) => {
            let mut answer = serde_json::to_value(&answer).expect("an answer is JSON");
            answer.as_object_mut().map(|answer| answer.remove("scanned"));
            rounded(answer)
        }
        Err(error) => json!({ "code": error.code(), "field": error.field(), "message": error.to_string() }),
    }
}

/// With six digits behind the point: logarithms differ in the last one between machines.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => json!((number.as_f64().unwrap_or_default() * 1e6).round() / 1e6),
        Value::Array(values) => values.into_iter().map(rounded).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, rounded(value))).collect::<Map<_, _>>().into()
        }
        value => value,
    }
}

/// Appends the rows of a file.
fn load(store: &dyn Store, path: &Path) {
    let data = read(path);
    let rows = Rows {
        exchanges: rows(&data["exchanges"]),
        sessions: rows(&data["tcp_sessions"]),
        packets: rows(&data["packets"]),
        bodies: rows(&data["bodies"]),
        quality: rows(&data["capture_quality"]),
        hosts: rows(&data["hosts"]),
        points: rows(&data["points"]),
        logs: rows(&data["log_records"]),
    };
    assert!(!rows.is_empty(), "no rows in {}: {}", path.display(), show(&data["error"]));
    let token = Token { sender: "golden".to_owned(), sequence: 0 };
    assert!(store.append(&token, rows).expect("rows are taken"));
}

fn rows<R: Row>(rows: &Value) -> Vec<R> {
    rows.as_array().map_or_else(Vec::new, |rows| rows.iter().filter_map(Value::as_object).map(row).collect())
}

fn row<R: Row>(fields: &Map<String, Value>) -> R {
    let mut row = R::default();
    for (name, value) in fields {
        let column = R::TABLE.column(name).unwrap_or(usize::MAX);
        let instant = R::TABLE.columns.get(column).is_some_and(|column| column.kind == Kind::Instant);
        let cell = match value {
            Value::Bool(flag) => Cell::Bool(*flag),
            Value::String(text) if instant => Cell::Int(When::parse(text).expect("an instant").resolve(0)),
            Value::String(text) => Cell::Text(text),
            Value::Number(number) => number.as_i64().map_or(Cell::Null, Cell::Int),
            _ => Cell::Null,
        };
        assert!(row.set(column, cell), "{}.{name} cannot be {value}", R::TABLE.name);
    }
    row
}
