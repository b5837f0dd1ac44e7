//! `arachne.yml` changed under a running server: good changes count, bad ones change nothing, no request fails.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::arachne;

/// A server that runs with a file; it is ended when this is dropped.
struct Served {
    child: Child,
    folder: tempfile::TempDir,
    address: SocketAddr,
    token: String,
}

fn free_address() -> SocketAddr {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    free.expect("there is a free port")
}

/// The configuration with these lines below `server:` and behind all.
fn text(server: &str, more: &str) -> String {
    format!("server:\n{server}storage:\n  path: data\n{more}")
}

impl Served {
    fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), "")
    }

    /// A server of a folder with these lines behind all of its configuration.
    fn start_in(folder: tempfile::TempDir, more: &str) -> Self {
        let address = free_address();
        let file = folder.path().join("arachne.yml");
        fs::write(&file, text(&format!("  listen: {address}\n"), more)).unwrap();
        let mut command = arachne();
        command.args(["--config", file.to_str().unwrap(), "serve"]).env_remove("ARACHNE_DATA").stderr(Stdio::piped());
        let mut child = command.stdout(Stdio::null()).spawn().expect("arachne starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it was asked for")).lines();
        let token = lines.find_map(|line| {
            let line = line.expect("text");
            line.strip_prefix("admin token, shown only now: ").map(str::to_owned)
        });
        let token = token.expect("the first start makes one");
        // What it says is taken, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, folder, address, token }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("arachne.yml")
    }

    /// Puts a text in the place of the file, and asks for it to be read.
    fn put(&self, text: &str) {
        let new = self.folder.path().join("new.yml");
        fs::write(&new, text).unwrap();
        fs::rename(&new, self.file()).unwrap();
        let sent = Command::new("kill").args(["-s", "HUP", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill starts").success());
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("data/socket")
    }

    /// How the configuration stands.
    fn stands(&self) -> Value {
        let stream = UnixStream::connect(self.socket()).expect("it listens");
        let (status, body) = ask(stream, "/api/v1/configuration", "");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// Waits until the configuration stands as wanted.
    fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let stands = self.stands();
            if wanted(&stands) {
                return stands;
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request and reads the answer: status and body.
fn ask(mut stream: impl std::io::Read + std::io::Write, path: &str, token: &str) -> (u16, String) {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    if stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer)).is_err() {
        return (0, answer);
    }
    let status = answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    (status, body)
}

/// What a configuration is changed to in round `round`, and what is wrong with it.
fn variant(round: u64, address: SocketAddr) -> (String, Option<&'static str>) {
    let listen = format!("  listen: {address}\n");
    let broken = ["agnet:\n", "services: shop\n", "storage:\n  path: e\n", "agent: {limits: {memory: much}}\n"];
    let words = ["did you mean `agent`", "a list is expected", "given twice", "is no size"];
    let at = usize::try_from(round / 2).unwrap() % 4;
    if round % 2 == 1 {
        return (text(&listen, broken[at]), Some(words[at]));
    }
    let good = [
        text(&format!("{listen}  auth: required\n"), ""),
        text(&listen, &format!("services:\n  - name: shop-{round}\n    port: 80\n")),
        text(&listen, "").replace("path: data", "path: data\n  retention: 30d"),
        text(&listen, &format!("agent:\n  limits:\n    cpu_percent: {}\n", round % 100)),
    ];
    (good[at].clone(), None)
}

#[test]
fn reloads_under_load_fail_no_request() {
    let rounds = std::env::var("ARACHNE_RELOADS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let served = Served::start();
    let (ended, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    let stream = UnixStream::connect(served.socket()).expect("it listens");
                    let (status, body) = ask(stream, "/api/v1/me", &served.token);
                    assert_eq!(status, 200, "{body}");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 0..rounds {
            let (text, wrong) = variant(round, served.address);
            served.put(&text);
            let stands = served.until(|stands| stands["in_force"] == wrong.is_none());
            let told = stands["refused"].as_str().unwrap_or_default();
            assert!(told.contains(wrong.unwrap_or_default()), "round {round}: {told}");
            assert!(wrong.is_none() || told.contains("arachne.yml:"), "line and column: {told}");
            for _ in 0..5 {
                let stream = TcpStream::connect(served.address).expect("it listens");
                let (status, body) = ask(stream, "/api/v1/me", &served.token);
                assert_eq!(status, 200, "round {round}: {body}");
                asked.fetch_add(1, Ordering::Relaxed);
            }
        }
        ended.store(true, Ordering::Relaxed);
    });
    let asked = asked.load(Ordering::Relaxed);
    eprintln!("{rounds} reloads, every second one broken, in {:.1?}: {asked} requests, none failed", began.elapsed());
}

#[test]
fn what_is_asked_changes_in_place() {
    let served = Served::start();
    let me = |token: &str| ask(TcpStream::connect(served.address).expect("it listens"), "/api/v1/me", token).0;
    assert_eq!(me(""), 200, "whoever is on this machine");
    served.put(&text(&format!("  listen: {}\n  auth: required\n", served.address), ""));
    // Not as fast as it goes: whoever asks a hundred times a second is told to ask less.
    while me("") != 401 {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(me(&served.token), 200);
    let ready = || ask(UnixStream::connect(served.socket()).expect("it listens"), "/readyz", "").1;
    assert_eq!(ready(), "ready\n");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    let taken = (taken.local_addr().expect("it has one"), taken);
    for (refused, why) in [
        (text("  listen: 0.0.0.0:1\n", ""), "other machines reach this address"),
        (text("", "").replace("path: data", "path: elsewhere"), "storage.path: "),
        (text(&format!("  listen: {}\n", taken.0), ""), "cannot listen on"),
        (text("  tls: {certificate: nowhere.pem, key: nowhere.pem}\n", ""), "nowhere.pem"),
    ] {
        served.put(&refused);
        let stands = served.until(|stands| stands["refused"].as_str().is_some_and(|told| told.contains(why)));
        assert_eq!((&stands["in_force"], me("")), (&Value::Bool(false), 401), "{stands}");
        assert!(ready().contains("not in force"), "{}", ready());
    }
    fs::remove_file(served.file()).unwrap();
    served.until(|stands| stands["refused"].as_str().is_some_and(|told| told.contains("cannot be read")));
    let metrics = ask(UnixStream::connect(served.socket()).expect("it listens"), "/metrics", "").1;
    assert!(metrics.contains("arachne_configuration_in_force 0"), "{metrics}");
    assert!(metrics.contains("log_events_total{code=\"SERVER-CONFIG-002\"}"), "{metrics}");
}

#[test]
fn a_refused_change_leaves_nothing_behind() {
    let served = Served::start();
    let (old, to) = (text(&format!("  listen: {}\n", served.address), ""), free_address());
    let data = served.folder.path().join("data");
    let added = arachne().args(["agents", "add", "web-1", "--data"]).arg(&data).output().expect("arachne starts");
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    let taken = (taken.local_addr().expect("it has one"), taken);
    let answers = || ask(TcpStream::connect(served.address).expect("it listens"), "/healthz", "").0;
    for (listen, agent, why) in [(to, "web-1", "of another host"), (taken.0, "mine", "cannot listen on")] {
        let both = text(&format!("  listen: {listen}\n"), &format!("agent:\n  name: {agent}\n  interfaces: lo\n"));
        served.put(&both);
        served.until(|stands| stands["refused"].as_str().is_some_and(|told| told.contains(why)));
        assert_eq!((answers(), TcpStream::connect(to).is_err()), (200, true), "{agent}");
        served.put(&old);
        served.until(|stands| stands["in_force"] == true);
        assert_eq!(answers(), 200, "{agent}");
    }
}

#[test]
fn an_agent_that_cannot_be_started_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let added = arachne().args(["agents", "add", "web-1", "--data"]).arg(&data).output().expect("arachne starts");
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let served = Served::start_in(folder, "agent:\n  name: web-1\n");
    let metrics = || ask(UnixStream::connect(served.socket()).expect("it listens"), "/metrics", "").1;
    // The agent is looked after behind the greeting.
    while !metrics().contains("log_events_total{code=\"SERVER-AGENT-007\"} 1") {
        std::thread::yield_now();
    }
}

#[test]
fn an_address_moves_and_nobody_is_cut_off() {
    let served = Served::start();
    let to = free_address();
    // A request that is half sent when the door closes.
    let mut open = TcpStream::connect(served.address).expect("it listens");
    open.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n").expect("it is open");
    served.put(&text(&format!("  listen: {to}\n"), ""));
    while TcpStream::connect(to).is_err() {
        std::thread::yield_now();
    }
    open.write_all(b"Connection: close\r\n\r\n").expect("it is open");
    let mut answer = String::new();
    open.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(ask(TcpStream::connect(to).expect("it listens"), "/healthz", "").0, 200);
    while TcpStream::connect(served.address).is_ok() {
        std::thread::yield_now();
    }
    served.until(|stands| stands["in_force"] == true);
}

#[test]
fn the_example_of_the_readme_is_short_and_right() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let example = readme.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("arachne.yml");
    fs::write(&file, example).unwrap();
    let checked = arachne().arg("check").arg(&file).output().expect("arachne starts");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(said.contains("agent     ") && said.contains("limits    "), "{said}");
    assert!(example.lines().count() <= 22, "{} lines", example.lines().count());
}
