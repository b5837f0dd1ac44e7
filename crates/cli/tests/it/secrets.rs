//! The hostile captures of kind `secret` through a server that runs: uploaded as people upload, then every route that gives
//! data is asked, and no answer has a marker. `site::secrets` asks the same after they were captured live.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::store::Server;
use crate::support;

/// Routes that change something or give nothing that was captured. Whoever adds a route that is asked with more than an
/// address decides here: a body below, or a word here.
const NOT_ASKED: &[&str] = &[
    "POST /api/v1/uploads",
    "POST /api/v1/login",
    "POST /api/v1/links",
    "PUT /api/v1/preferences",
    "PUT /api/v1/views/{name}",
    "POST /api/v1/agents",
    "POST /api/v1/marks",
    "POST /api/v1/timings",
    "POST /rum",
    "GET /rum",
    "GET /rum.js",
    "PUT /api/v1/agents/{name}/config",
    "POST /api/v1/agents/{name}/preview",
    "POST /agent/v1/batches",
    "POST /agent/v1/status",
    "GET /agent/v1/program",
];

/// A capture with what must never be seen of it, and what must be.
pub struct Case {
    pub bytes: Vec<u8>,
    pub secrets: Vec<String>,
    pub kept: Vec<String>,
}

/// Where a server is asked.
pub enum Door {
    Tcp(String),
    Socket(PathBuf),
}

/// The cases; `None` with a message where the folder is not there.
pub fn cases() -> Option<Vec<Case>> {
    let cases = read_cases(&support::shared("hostile")?);
    assert!(cases.len() >= 5, "{} cases", cases.len());
    Some(cases)
}

fn read_cases(hostile: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(hostile.join("cases.json")).expect("the list of cases is there");
    let all: Value = serde_json::from_str(&text).expect("it is JSON");
    let all = all.as_array().or_else(|| all["cases"].as_array()).expect("a list").clone();
    let texts = |value: &Value| {
        let all = value.as_array().into_iter().flatten();
        all.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let case = |case: &Value| Case {
        bytes: std::fs::read(hostile.join(case["file"].as_str().expect("text"))).expect("the capture is there"),
        secrets: texts(&case["expect"]["must_not_leave_host"]),
        kept: texts(&case["expect"]["must_keep"]),
    };
    all.iter().filter(|case| case["kind"] == "secret").map(case).collect()
}

/// Sends a request, as often as the server says that there were too many; status and body.
fn send(door: &Door, method: &str, target: &str, media: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let request = [head.as_bytes(), body].concat();
    loop {
        let answer = match door {
            Door::Tcp(address) => send_once(TcpStream::connect(address).expect("it listens"), &request),
            Door::Socket(path) => send_once(UnixStream::connect(path).expect("it listens"), &request),
        };
        match answer {
            (429, _) => std::thread::sleep(std::time::Duration::from_millis(100)),
            answer => return answer,
        }
    }
}

fn send_once(mut stream: impl std::io::Read + std::io::Write, request: &[u8]) -> (u16, Vec<u8>) {
    stream.write_all(request).expect("it takes requests");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    let split = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
    let status = String::from_utf8_lossy(&answer[9..12]).parse().expect("a status");
    (status, answer[split + 4..].to_vec())
}

pub fn get(door: &Door, target: &str) -> Value {
    let (status, body) = send(door, "GET", target, "", b"");
    assert_eq!(status, 200, "{target}");
    // Answers come in chunks: what stands between the first and the last bracket is JSON.
    serde_json::from_slice(&unchunked(&body)).unwrap_or_else(|error| panic!("{target}: {error}"))
}

/// A body without its chunk framing; one without is left as it is.
fn unchunked(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = body;
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let length = std::str::from_utf8(&rest[..line]).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let Some(length) = length.filter(|length| line + 4 + length <= rest.len()) else { return body.to_vec() };
        out.extend_from_slice(&rest[line + 2..line + 2 + length]);
        rest = &rest[line + 4 + length..];
        if length == 0 {
            return out;
        }
    }
    body.to_vec()
}

fn upload(door: &Door, case: &Case) {
    let target = "/api/v1/uploads?label=secret.pcap";
    let (status, body) = send(door, "POST", target, "application/octet-stream", &case.bytes);
    let body: Value = serde_json::from_slice(&unchunked(&body)).expect("an operation");
    assert_eq!(status, 202, "{body}");
    let own = format!("/api/v1/operations/{}", body["id"].as_str().expect("an id"));
    loop {
        let operation = get(door, &own);
        match operation["state"].as_str() {
            Some("waiting" | "running") => std::thread::yield_now(),
            state => return assert_eq!(state, Some("finished"), "{operation}"),
        }
    }
}

/// What a route is asked with. `fields` are those of the catalogue that rows can be split by.
fn bodies(fields: &[String]) -> BTreeMap<&'static str, Vec<Value>> {
    let each = |make: &dyn Fn(&str) -> Value| fields.iter().map(|field| make(field)).collect::<Vec<_>>();
    let facets: Vec<Value> = fields.chunks(8).map(|some| json!({"fields": some})).collect();
    let tables = ["exchanges", "tcp_sessions", "packets", "bodies", "capture_quality", "hosts"];
    let all = |table: &&str| json!({"statement": format!("select * from {table}")});
    let lists = tables.iter().map(|table| json!({"kind": "list", "scope": {"table": table}, "count": "later"}));
    let columns = ["id", "http.request.headers", "http.response.headers", "url.path", "url.query"];
    let lists = lists.chain([json!({"kind": "list", "columns": columns})]).collect::<Vec<_>>();
    BTreeMap::from([
        ("POST /api/v1/query/batch", vec![json!({"panels": lists})]),
        ("POST /api/v1/query/codes", vec![json!({})]),
        ("POST /api/v1/query/difference", each(&|f| json!({"selection": {"filter": "status:200"}, "fields": [f]}))),
        ("POST /api/v1/query/facets", facets),
        ("POST /api/v1/query/histogram", each(&|f| json!({"by": f, "top": 100}))),
        ("POST /api/v1/query/map", vec![json!({}), json!({"hide_gateways": true})]),
        ("POST /api/v1/query/quality", vec![json!({})]),
        ("POST /api/v1/query/quantiles", each(&|f| json!({"by": f}))),
        ("POST /api/v1/query/top", each(&|f| json!({"by": [f], "limit": 1000}))),
        ("POST /api/v1/query/values", each(&|f| json!({"field": f, "limit": 1000}))),
        ("POST /api/v1/filter/parse", vec![json!({"filter": "status:200"})]),
        ("POST /api/v1/filter/complete", each(&|f| json!({"filter": format!("{f}:")}))),
        ("POST /api/v1/paths/apply", vec![json!({})]),
        ("POST /api/v1/series", vec![json!({"metric": "system.cpu.time", "by": ["mode"]})]),
        ("POST /api/v1/sql", tables.iter().map(all).collect()),
    ])
}

/// The addresses of a route: each name in braces by all values that there are.
fn targets(path: &str, ids: &BTreeMap<&str, Vec<String>>) -> Vec<String> {
    let mut all = vec![path.to_owned()];
    for (name, values) in ids {
        let of = |target: String| match target.contains(name) {
            true => values.iter().map(|value| target.replacen(name, value, 1)).collect(),
            false => vec![target],
        };
        all = all.into_iter().flat_map(of).collect();
    }
    all
}

pub fn column(answer: &Value, name: &str) -> Vec<String> {
    let at = answer["columns"].as_array().expect("columns").iter().position(|c| c["name"] == name).expect(name);
    let rows = answer["rows"].as_array().expect("rows").iter();
    rows.filter_map(|row| row[at].as_str().map(str::to_owned)).collect()
}

/// Whether a text stands in an answer, also in what base64 hides.
pub fn has(answer: &[u8], wanted: &str) -> bool {
    let inside = |bytes: &[u8]| bytes.windows(wanted.len()).any(|part| part == wanted.as_bytes());
    let unit = |byte: &u8| !(byte.is_ascii_alphanumeric() || b"+/=".contains(byte));
    inside(answer)
        || answer
            .split(unit)
            .filter(|word| word.len() >= 12)
            .any(|word| STANDARD.decode(word).is_ok_and(|b| inside(&b)))
}

/// All answers that a server gives, each behind its question.
pub type Answers = Vec<(String, Vec<u8>)>;

/// Asks every route for everything.
pub fn ask_all(door: &Door) -> Answers {
    let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let exchanges = column(&get(door, "/api/v1/exchanges?twins=true"), "id");
    let sessions = column(&get(door, "/api/v1/sessions"), "id");
    let catalogue = get(door, "/api/v1/catalogue");
    let fields = catalogue[0]["fields"].as_array().expect("fields of exchanges").iter();
    let named: Vec<String> = fields.filter_map(|field| field["name"].as_str().map(str::to_owned)).collect();
    let asked = bodies(&named);
    let document = get(door, "/api/openapi.json");
    let (mut answers, mut silent) = (Vec::new(), BTreeSet::new());
    for (path, item) in document["paths"].as_object().expect("paths") {
        let ids = if path.contains("sessions") { sessions.clone() } else { exchanges.clone() };
        let ids = BTreeMap::from([
            ("{id}", ids),
            ("{direction}", texts(&["request", "response"])),
            ("{number}", texts(&["1", "4"])),
            ("{name}", texts(&["none", "web-1"])),
        ]);
        for method in item.as_object().expect("methods").keys().map(|method| method.to_uppercase()) {
            let route = format!("{method} {path}");
            let questions = match method.as_str() {
                "GET" => vec![Vec::new()],
                "DELETE" => continue,
                _ => asked.get(&*route).into_iter().flatten().map(|body| body.to_string().into_bytes()).collect(),
            };
            assert!(!questions.is_empty() || NOT_ASKED.contains(&&*route), "nobody says what {route} is asked with");
            let mut good = 0;
            for (target, body) in targets(path, &ids).iter().flat_map(|t| questions.iter().map(move |b| (t, b))) {
                let (status, answer) = send(door, &method, target, "application/json", body);
                good += usize::from(status == 200);
                answers.push((format!("{method} {target} {}", String::from_utf8_lossy(body)), unchunked(&answer)));
            }
            if good == 0 {
                silent.insert(route);
            }
        }
    }
    // Nothing is saved or shared here.
    let no_data = |route: &String| {
        NOT_ASKED.contains(&route.as_str())
            || ["/links/", "/views/{", "/agents/{"].iter().any(|part| route.contains(part))
    };
    silent.retain(|route| !no_data(route) && !route.contains("/operations/"));
    assert!(silent.is_empty(), "these gave no answer at all: {silent:?}");
    answers
}

/// Checks that no answer has a secret, and that nothing else was eaten.
pub fn assert_clean(answers: &Answers, cases: &[Case]) {
    for (question, answer) in answers {
        for secret in cases.iter().flat_map(|case| &case.secrets) {
            assert!(!has(answer, secret), "{secret} is in the answer to {question}");
        }
    }
    for kept in cases.iter().flat_map(|case| &case.kept) {
        assert!(answers.iter().any(|(_, answer)| has(answer, kept)), "{kept} is nowhere");
    }
}

#[test]
fn no_answer_has_a_secret() {
    let Some(cases) = cases() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path());
    let door = Door::Tcp(server.address.clone());
    cases.iter().for_each(|case| upload(&door, case));
    let exchanges = column(&get(&door, "/api/v1/exchanges?twins=true"), "id");
    assert_eq!(exchanges.len(), cases.len(), "each capture has an exchange");
    assert_clean(&ask_all(&door), &cases);
}
