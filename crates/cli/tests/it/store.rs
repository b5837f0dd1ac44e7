//! The real binary over a data folder: import, query, sql, export, and the same through a server that holds it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value as Json;

use crate::support::{ARACHNE, arachne};

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/demo.pcapng.gz");

/// A data folder with the recorded demo in it.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with_demo(options: &[&str]) -> Self {
        let folder = Self::new();
        let done = folder.run("import", &[&[DEMO][..], options].concat());
        assert!(done.status.success(), "{}", text(&done.stderr));
        folder
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn run(&self, command: &str, words: &[&str]) -> Output {
        arachne().arg(command).arg("--data").arg(self.path()).args(words).output().unwrap()
    }

    /// What a successful command prints.
    fn out(&self, command: &str, words: &[&str]) -> String {
        let done = self.run(command, words);
        assert!(done.status.success(), "{command} {words:?}: {}", text(&done.stderr));
        text(&done.stdout)
    }

    fn lines(&self, command: &str, words: &[&str]) -> Vec<Json> {
        self.out(command, words).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The exchanges that `read` finds in the demo.
fn read() -> Vec<Json> {
    let done = arachne().args(["read", DEMO, "--format", "ndjson", "-q"]).output().unwrap();
    text(&done.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_read_finds_is_what_query_and_sql_answer() {
    let folder = Folder::with_demo(&[]);
    let (found, stored) = (read(), folder.lines("query", &["", "--limit", "1000000", "--format", "ndjson"]));
    assert_eq!(found.len(), stored.len());
    let statuses = |rows: &[Json]| {
        let mut all: Vec<_> = rows.iter().map(|row| row["http.response.status_code"].to_string()).collect();
        all.sort();
        all
    };
    assert_eq!(statuses(&found), statuses(&stored));
    let errors = found.iter().filter(|row| row["http.response.status_code"].as_u64().is_some_and(|s| s >= 500)).count();
    let listed = folder.lines("query", &["status:>=500", "--limit", "100000", "--format", "ndjson"]);
    assert_eq!(listed.len(), errors);
    let counted = folder.lines("sql", &["select count(*) as n from exchanges", "--format", "ndjson"]);
    assert_eq!(counted[0]["n"], found.len());
    let tops = folder.lines("query", &["", "--by", "status", "--format", "ndjson"]);
    assert_eq!(tops.last().unwrap()["count"], found.len());
}

#[test]
fn importing_again_changes_nothing_and_other_options_are_refused() {
    let folder = Folder::with_demo(&["--no-bodies"]);
    let before = folder.out("query", &["", "--limit", "100000", "--format", "csv"]);
    let again = folder.run("import", &[DEMO, "--no-bodies"]);
    assert!(again.status.success() && text(&again.stderr).contains("already"), "{}", text(&again.stderr));
    let other = folder.run("import", &[DEMO]);
    assert_eq!(other.status.code(), Some(2), "{}", text(&other.stderr));
    assert!(text(&other.stderr).contains("IMPORT-FILE-002"), "{}", text(&other.stderr));
    let replaced = folder.run("import", &[DEMO, "--replace"]);
    assert!(replaced.status.success(), "{}", text(&replaced.stderr));
    let after = folder.out("query", &["", "--limit", "100000", "--format", "csv"]);
    assert_eq!(before.lines().count(), after.lines().count());
}

#[test]
fn histograms_count_what_lists_list() {
    let folder = Folder::with_demo(&["--no-bodies", "--no-packets"]);
    let all = read().len();
    let words = ["", "--histogram", "1s", "--by", "class", "--count", "start", "--format", "ndjson"];
    let buckets = folder.lines("query", &words);
    let sum: u64 = buckets.iter().flat_map(|row| row.as_object().unwrap().values()).filter_map(Json::as_u64).sum();
    assert_eq!(sum, all as u64);
    let table = folder.out("query", &["", "--histogram", "1s"]);
    assert!(table.starts_with("START"), "{table}");
}

#[test]
fn exports_open_elsewhere() {
    let folder = Folder::with_demo(&["--full-packets"]);
    let first = &folder.lines("query", &["", "--limit", "1", "--format", "ndjson"])[0];
    let session = first["tcp.session"].as_str().unwrap();
    let done = folder.run("export", &["--session", session, "--format", "pcapng"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let file = folder.0.path().join("s.pcapng");
    fs::write(&file, &done.stdout).unwrap();
    let back = arachne().args(["read", "--format", "ndjson", "-q"]).arg(&file).output().unwrap();
    let back = text(&back.stdout);
    assert!(back.lines().any(|line| line.contains(first["url.path"].as_str().unwrap())), "{back}");
    let har: Json = serde_json::from_str(&folder.out("export", &["status:200", "--format", "har"])).unwrap();
    assert!(!har["log"]["entries"].as_array().unwrap().is_empty());
    assert!(folder.out("export", &["--format", "curl"]).starts_with("curl "));
    assert!(folder.out("export", &["--format", "csv"]).starts_with("id,start"));
}

#[test]
fn wrong_questions_say_what_is_wrong() {
    let folder = Folder::with_demo(&["--no-bodies", "--no-packets"]);
    let check = |command: &str, words: &[&str], part: &str| {
        let done = folder.run(command, words);
        let err = text(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{err}");
        assert!(err.contains(part), "{part}: {err}");
    };
    check("query", &["duration:>500"], "500ms");
    check("query", &["duration:>500"], "          ^");
    check("query", &["", "--from", "yesterdayish"], "ASK-MAIN-001");
    check("sql", &["drop table exchanges"], "ASK-MAIN-001");
    check("sql", &["select * from '/etc/passwd'"], "ASK-MAIN-001");
    check("sql", &["copy exchanges to '/nowhere/x.parquet'"], "ASK-MAIN-001");
    let nowhere = arachne().args(["query", "", "--data", "nowhere"]).output().unwrap();
    assert!(text(&nowhere.stderr).contains("there is no store in nowhere"), "{}", text(&nowhere.stderr));
}

#[test]
fn a_folder_that_cannot_be_is_said() {
    let folder = Folder::new();
    let file = folder.0.path().join("file");
    fs::write(&file, b"x").unwrap();
    let done = arachne().args(["import", DEMO, "--data"]).arg(file.join("below")).output().unwrap();
    let err = text(&done.stderr);
    assert!(err.contains("IMPORT-STORE-001") && err.contains("cannot make the folder"), "{err}");
}

/// A server on a free port, ended with the test.
pub struct Server {
    child: Child,
    pub address: String,
}

impl Server {
    pub fn start(data: &Path) -> Self {
        let mut child = Command::new(ARACHNE)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines.by_ref().map(Result::unwrap).find(|line| line.starts_with("http://")).unwrap();
        let address = line.trim_start_matches("http://").trim_end_matches('/').to_owned();
        // The pipe must not fill up.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    pub fn get(&self, path: &str) -> String {
        use std::io::Write as _;
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        text(&answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn commands_ask_the_server_that_holds_the_folder() {
    let folder = Folder::new();
    fs::create_dir(folder.path()).unwrap();
    let server = Server::start(&folder.path());
    let imported = folder.run("import", &[DEMO]);
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    let all = read().len();
    let listed = folder.lines("query", &["", "--limit", "1000000", "--format", "ndjson"]);
    assert_eq!(listed.len(), all);
    let counted = folder.lines("sql", &["select count(*) as n from exchanges", "--format", "ndjson"]);
    assert_eq!(counted[0]["n"], all);
    let wrong = folder.run("query", &["duration:>500"]);
    assert!(!wrong.status.success() && text(&wrong.stderr).contains("500ms"), "{}", text(&wrong.stderr));
    let top = folder.lines("query", &["", "--by", "status", "--format", "ndjson"]);
    assert_eq!(top.last().unwrap()["count"], all);
    assert!(folder.out("export", &["--format", "ndjson"]).lines().count() == all);
    let session = listed[0]["tcp.session"].as_str().unwrap();
    let capture = folder.run("export", &["--session", session, "--format", "pcapng"]);
    assert!(capture.status.success() && capture.stdout.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]));
    assert!(server.get("/healthz").starts_with("HTTP/1.1 200"));
    assert!(server.get("/api/v1/exchanges?limit=1").contains("\"rows\":[["));
    let second = arachne().args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path()).output().unwrap();
    assert!(text(&second.stderr).contains("SERVER-MAIN-004"), "{}", text(&second.stderr));
}
