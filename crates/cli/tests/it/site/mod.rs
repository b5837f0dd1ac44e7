//! Two hosts, a real server on one of them, and real agents: the whole way from a packet to an answer of the API.
//!
//! The hosts are network namespaces, `near` with visitors and the server, `far` with the web server that they visit. Agents
//! reach the server over TLS by addresses of their own (10.9.1.0/24), so that this way can be cut without cutting the other.
//! Needs root; says so where it skips.

mod agents;
mod backlog;
mod clocks;
mod delivery;
mod full_disks;
mod kills;
mod levels;
mod logs;
mod moves;
#[path = "../../../../capture/tests/live/net.rs"]
mod net;
mod partitions;
mod paths;
mod process;
mod proxies;
mod reloads;
mod secrets;
mod web;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use arachne_delivery::codec::decode;
use arachne_delivery::spool::read_file;
use arachne_model::table::Rows;
use serde_json::Value;

use crate::support::arachne;
use net::{Far, hosts, ip};
use process::{Process, wait};

/// Where agents find the server.
const SERVER: &str = "10.9.1.1:7117";

/// A host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Near,
    Far,
}

/// A server with what it was told.
struct Site<'a> {
    far: &'a Far,
    folder: tempfile::TempDir,
    data: PathBuf,
    server: Option<Process>,
}

/// A row of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    path: String,
    agent: String,
    counted: bool,
}

impl<'a> Site<'a> {
    /// With a server that runs.
    fn new(far: &'a Far) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Self::begin(far, folder, data, None)
    }

    /// With a server that runs, and has its data there.
    fn with_data(far: &'a Far, data: &Path) -> Self {
        Self::begin(far, tempfile::tempdir().unwrap(), data.to_owned(), None)
    }

    fn begin(far: &'a Far, folder: tempfile::TempDir, data: PathBuf, config: Option<&str>) -> Self {
        ip("addr add 10.9.1.1/24 dev near");
        far.run(|| ip("addr add 10.9.1.2/24 dev far"));
        let mut site = Self { far, folder, data, server: None };
        config.into_iter().for_each(|text| site.put_config(text));
        site.start_server();
        site
    }

    /// With a server that runs by this `arachne.yml`.
    fn with_config(far: &'a Far, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Self::begin(far, folder, data, Some(text))
    }

    /// Puts a text in the place of `arachne.yml`.
    fn put_config(&self, text: &str) {
        let new = self.path("new.yml");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, self.config()).unwrap();
    }

    fn config(&self) -> PathBuf {
        self.path("arachne.yml")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.data.clone()
    }

    fn start_server(&mut self) {
        self.start_server_in(&[]);
    }

    /// The same with more in its environment.
    fn start_server_in(&mut self, environment: &[(&str, String)]) {
        let mut command = arachne();
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        if self.config().exists() {
            command.arg("--config").arg(self.config()).arg("serve");
        } else {
            command.args(["serve", "--listen", SERVER, "--auth", "required", "--data"]).arg(self.data());
        }
        self.server = Some(Process::start(command, &self.path("serve.log")));
        wait("the server", || self.ask("GET", "/readyz", "").is_some_and(|answer| answer.trim() == "ready"));
    }

    /// Kills the server as a power cut would.
    fn kill_server(&mut self) {
        drop(self.server.take());
    }

    /// Asks the server by its socket; `None` when it does not answer well.
    fn ask(&self, method: &str, path: &str, body: &str) -> Option<String> {
        ask(&self.data().join("socket"), method, path, body)
    }

    /// Rows of the exchanges that began at `from` or later; `None` when the server does not answer.
    fn seen(&self, from: i64) -> Option<Vec<Seen>> {
        let answer = self.ask(
            "GET",
            &format!("/api/v1/export/exchanges.ndjson?twins=true&from={from}&columns=path,agent,counted"),
            "",
        )?;
        let row = |line: &str| {
            let row: Value = serde_json::from_str(line).ok()?;
            let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            Some(Seen { path: text("url.path"), agent: text("agent"), counted: row["counted"].as_bool()? })
        };
        answer.lines().map(row).collect()
    }

    /// Exchanges that began at `from` or later as the timeline shows them, by agent.
    fn timeline(&self, from: i64) -> Option<Value> {
        let path = format!("/api/v1/query/histogram?mode=start&by=agent&from={from}&to=now");
        serde_json::from_str(&self.ask("GET", &path, "")?).ok()
    }

    /// How many they are.
    fn count(&self, from: i64) -> Option<u64> {
        self.timeline(from)?["total"].as_u64()
    }

    /// Waits until the paths that count are these, each once.
    fn wait_for_each_once(&self, paths: &[String]) {
        let mut expected = paths.to_vec();
        expected.sort();
        let mut last = Vec::new();
        let counted = |rows: Vec<Seen>| {
            let mut paths: Vec<_> = rows.into_iter().filter(|row| row.counted).map(|row| row.path).collect();
            paths.sort();
            paths
        };
        process::wait_or("each path once", || {
            last = self.seen(0).map(counted).unwrap_or_default();
            if last == expected { Ok(()) } else { Err(difference(&last, &expected)) }
        });
    }

    /// How the server sees an agent.
    fn agent(&self, name: &str) -> Option<Value> {
        serde_json::from_str(&self.ask("GET", &format!("/api/v1/agents/{name}"), "")?).ok()
    }

    /// Waits until an agent is as wanted, and gives how it is.
    fn wait_agent(&self, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        process::wait_or(&format!("{name}: {what}"), || {
            last = self.agent(name).unwrap_or_default();
            if is_so(&last) { Ok(()) } else { Err(last.to_string()) }
        });
        last
    }

    /// Registers an agent; its command line.
    fn register(&self, name: &str) -> Vec<String> {
        let added = arachne().args(["agents", "add", name, "--data"]).arg(self.data()).output().unwrap();
        let lines = String::from_utf8(added.stdout).unwrap();
        let key = lines.split_whitespace().find(|word| word.starts_with("ara_")).expect("a key");
        let file = self.path(&format!("{name}.key"));
        std::fs::write(&file, key).unwrap();
        // As it is printed, but for the file, which nobody may write on the tester's machine.
        let command = lines.lines().find(|line| line.starts_with("arachne-agent ")).expect("a command").to_owned();
        let words = command.split(' ').skip(1).map(|word| match word.starts_with("/etc/") {
            true => file.display().to_string(),
            false => word.to_owned(),
        });
        let words: Vec<_> = words.collect();
        assert!(words.contains(&"--pin".to_owned()) && words.contains(&format!("https://{SERVER}")), "{lines}");
        words
    }

    /// Starts an agent with the command line that [`Self::register`] gave, and waits until it captures.
    fn start_agent(&self, name: &str, host: Host, words: &[String]) -> Process {
        // The server's own answers on the same cable are none of the traffic.
        self.launch(arachne(), name, host, words, "net 10.9.0.0/24")
    }

    /// The same with another program and another filter.
    fn launch(&self, mut program: Command, name: &str, host: Host, words: &[String], filter: &str) -> Process {
        let interface = if host == Host::Near { "near" } else { "far" };
        program.arg("agent").args(words).args(["--interface", interface, "--filter", filter]);
        program.arg("--spool").arg(self.path(name));
        let log = self.path(&format!("{name}.log"));
        let start = move || Process::start(program, &log);
        let agent = if host == Host::Near { start() } else { self.far.run(start) };
        agent.wait_for("AGENT-CAPTURE-001", 1);
        agent
    }
}

/// Asks a server by its socket; `None` when it does not answer well.
fn ask(socket: &Path, method: &str, path: &str, body: &str) -> Option<String> {
    let mut stream = UnixStream::connect(socket).ok()?;
    // Of HTTP/1.0, whose answers end with the connection.
    let head =
        format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nIf-Match: *\r\nContent-Type: application/json\r\n");
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer)).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.split(' ').nth(1).is_some_and(|status| status.starts_with('2')).then(|| body.to_owned())
}

/// What is missing and what is too much.
fn difference(found: &[String], expected: &[String]) -> String {
    let mut count: BTreeMap<&str, i64> = BTreeMap::new();
    found.iter().for_each(|path| *count.entry(path).or_default() += 1);
    expected.iter().for_each(|path| *count.entry(path).or_default() -= 1);
    count.retain(|_, n| *n != 0);
    let some: Vec<_> = count.iter().take(10).collect();
    format!("{} found, {} expected; more (+) or fewer (-): {some:?}", found.len(), expected.len())
}

/// Nanoseconds since the Unix epoch.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap()
}

/// Where tests are asked to do more than usual.
fn asked_for(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The rows in the spool of an agent, which may go on meanwhile.
fn spooled(folder: &Path) -> Vec<Rows> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder.join("spool")).into_iter().flatten().flatten() {
        let Ok(mut file) = read_file(&entry.path()) else { continue };
        while let Ok(Some(Ok(batch))) = file.next_batch() {
            found.extend(decode(batch.tables, &mut 0));
        }
    }
    found
}

/// A moment at random.
fn pause(random: &mut arachne_testkit::random::Random, milliseconds: usize) {
    std::thread::sleep(Duration::from_millis(random.below(milliseconds) as u64));
}
