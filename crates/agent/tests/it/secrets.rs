//! The hostile corpus of secrets, said once more by two hosts and captured live: nothing secret leaves the capture process,
//! and nothing else is eaten.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::thread;

use arachne_capture::{PipelineOptions, PipelineSink, ReadOptions};
use arachne_model::{Exchange, Limits, TcpSession};
use arachne_testkit::golden;
use arachne_wire::Sink;
use serde_json::Value;

use crate::agent::{Agent, spooled};
use crate::net::{Far, hosts};

/// What one side says next.
type Word = (bool, Vec<u8>);

/// What two hosts said in a capture, in order.
#[derive(Default)]
struct Script(Vec<Word>);

impl Sink for Script {
    fn exchange(&mut self, _: Exchange) {}
    fn session(&mut self, _: TcpSession) {}
    fn wants_streams(&self) -> bool {
        true
    }
    fn stream(&mut self, _session: u64, from_client: bool, _offset: u64, bytes: &[u8]) {
        self.0.push((from_client, bytes.to_vec()));
    }
}

impl PipelineSink for Script {
    fn waiting(&mut self, _: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

fn script(file: &Path) -> Vec<Word> {
    let mut reader = arachne_capture::open(file, &ReadOptions::default()).unwrap();
    let options = PipelineOptions { limits: Limits::default(), threads: 1, taps: None };
    let mut script = Script::default();
    arachne_capture::run(&mut reader, &options, &mut script);
    script.0
}

/// Says the words of one side, and hears those of the other.
fn play(mut connection: TcpStream, words: &[Word], client: bool) {
    for (from_client, bytes) in words {
        if *from_client == client {
            connection.write_all(bytes).unwrap();
        } else {
            connection.read_exact(&mut vec![0; bytes.len()]).unwrap();
        }
    }
}

fn replay(far: &Far, words: Vec<Word>) {
    let address: SocketAddr = "10.9.0.2:80".parse().unwrap();
    let listener = far.run(move || TcpListener::bind(address).unwrap());
    let there = words.clone();
    let server = thread::spawn(move || play(listener.accept().unwrap().0, &there, false));
    play(TcpStream::connect(address).unwrap(), &words, true);
    server.join().unwrap();
}

/// The folder of hostile cases; says when it is not there.
fn hostile() -> Option<PathBuf> {
    let captures = golden::captures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))?;
    Some(captures.parent()?.join("hostile")).filter(|path| path.is_dir())
}

/// All bytes of all files below a folder.
fn everything(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { bytes.extend(everything(&path)) } else { bytes.extend(fs::read(path).unwrap()) }
    }
    bytes
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn no_secret_leaves_the_capture_process_and_nothing_else_is_eaten() {
    let Some(hostile) = hostile() else { return };
    hosts(move |far| {
        let cases: Value = serde_json::from_slice(&fs::read(hostile.join("cases.json")).unwrap()).unwrap();
        let mut count = 0;
        for case in cases["cases"].as_array().unwrap().iter().filter(|case| case["kind"] == "secret") {
            let folder = tempfile::tempdir().unwrap();
            let agent = Agent::start(folder.path(), &["--interface", "near"]);
            agent.wait_for("AGENT-CAPTURE-001", 1);
            replay(far, script(&hostile.join(case["file"].as_str().unwrap())));
            assert_eq!(agent.end(), 0);
            let rows = spooled(folder.path());
            assert_eq!(rows.exchanges.len(), 1, "{}", case["id"]);
            let mut told = format!("{rows:?}").into_bytes();
            rows.bodies.iter().for_each(|body| told.extend(&body.bytes));
            let disk = everything(folder.path());
            let words = |key: &str| case["expect"][key].as_array().cloned().unwrap_or_default();
            for marker in words("must_not_leave_host") {
                let marker = marker.as_str().unwrap();
                assert!(!contains(&told, marker) && !contains(&disk, marker), "{}: {marker}", case["id"]);
            }
            for kept in words("must_keep") {
                assert!(contains(&told, kept.as_str().unwrap()), "{}: {kept} is gone", case["id"]);
            }
            assert!(contains(&told, "[redacted:"), "{}", case["id"]);
            count += 1;
        }
        assert!(count >= 5, "{count} cases");
    });
}
