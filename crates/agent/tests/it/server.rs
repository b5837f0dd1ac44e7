//! A server that takes what agents say and does as it is told.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use arachne_delivery::codec::{decode, unpack};
use arachne_delivery::instructions::{Instructions, Keys};
use arachne_delivery::proto::Ack;
use arachne_delivery::status::Status;
use arachne_delivery::{BATCHES_PATH, STATUS_PATH};
use arachne_model::table::Rows;
use prost::Message as _;

use crate::agent::wait;

/// What was said, and what to answer.
#[derive(Default)]
pub struct State {
    /// All rows that were taken.
    pub rows: Rows,
    /// Batches that were taken.
    pub taken: HashSet<(u64, i32, u64)>,
    /// Whether batches are refused for now.
    pub away: bool,
    /// Whether batches are judged to be none.
    pub refuses: bool,
    /// Whether a status is not answered for now.
    pub mute: bool,
    /// What to answer to a status.
    pub instructions: Instructions,
    /// Settings of its configuration that only a later version has.
    pub later: serde_json::Map<String, serde_json::Value>,
    /// The last status.
    pub status: Option<Status>,
}

/// See the module.
pub struct Server {
    state: Arc<Mutex<State>>,
    /// What to give the agent.
    pub arguments: Vec<String>,
}

impl Server {
    /// Listens in the network of this thread.
    pub fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let key: PathBuf = folder.join("key");
        std::fs::write(&key, "ara_test\n").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let arguments = ["--server", &url, "--key-file", key.to_str().unwrap()].map(str::to_owned).to_vec();
        let state = Arc::new(Mutex::new(State::default()));
        let mut first = state.lock().unwrap();
        first.instructions.agent = "web-1".to_owned();
        first.instructions.keys = Some(Keys { redaction: "0f".repeat(32) });
        drop(first);
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for connection in listener.incoming() {
                let (connection, state) = (connection.unwrap(), Arc::clone(&shared));
                thread::spawn(move || serve(&connection, &state));
            }
        });
        Self { state, arguments }
    }

    /// What was said.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits for something to be said.
    pub fn wait(&self, what: &str, is_true: impl Fn(&State) -> bool) {
        wait(what, || is_true(&self.state()));
    }

    /// Waits for a status.
    pub fn wait_status(&self, what: &str, is_true: impl Fn(&Status) -> bool) {
        self.wait(what, |state| state.status.as_ref().is_some_and(&is_true));
    }
}

fn serve(connection: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(connection);
    loop {
        let (mut line, mut length, mut key) = (String::new(), 0, false);
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).unwrap_or(0) <= 2 {
                break;
            }
            let header = header.to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            key |= header.trim() == "authorization: bearer ara_test";
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let (status, answer) = if key { answer(&path, &body, state) } else { ("401 Unauthorized", Vec::new()) };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", answer.len());
        if { connection }.write_all(&[head.into_bytes(), answer].concat()).is_err() {
            return;
        }
    }
}

fn answer(path: &str, body: &[u8], state: &Mutex<State>) -> (&'static str, Vec<u8>) {
    let mut state = state.lock().unwrap();
    if path == STATUS_PATH {
        if state.mute {
            return ("503 Service Unavailable", Vec::new());
        }
        let status: Status = serde_json::from_slice(body).unwrap();
        let mut instructions = state.instructions.clone();
        (instructions.received, instructions.sent) = (status.sent + 1000, status.sent + 2000);
        instructions.config = instructions.config.filter(|config| config.version != status.config.received);
        state.status = Some(status);
        let mut told = serde_json::to_value(&instructions).unwrap();
        if let Some(config) = told["config"].as_object_mut() {
            config.extend(state.later.clone());
        }
        return ("200 OK", serde_json::to_vec(&told).unwrap());
    }
    assert_eq!(path, BATCHES_PATH);
    if state.away {
        return ("503 Service Unavailable", b"{\"title\":\"away\"}".to_vec());
    }
    if state.refuses {
        let problem = "400 Bad Request\r\nContent-Type: application/problem+json";
        return (problem, br#"{"code":"bad-batch","detail":"a row that cannot be"}"#.to_vec());
    }
    let batch = unpack(body).unwrap();
    let name = (batch.epoch, batch.lane, batch.sequence);
    let seen_before = !state.taken.insert(name);
    let mut unknown = 0;
    let rows = decode(batch.tables, &mut unknown).unwrap();
    let count = rows.len() as u64;
    if !seen_before {
        state.rows.append(rows);
    }
    let ack = Ack {
        epoch: name.0,
        lane: name.1,
        sequence: name.2,
        seen_before,
        rows: if seen_before { 0 } else { count },
        values_unknown: unknown,
    };
    ("200 OK", ack.encode_to_vec())
}
