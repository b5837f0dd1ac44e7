//! The read loop around a scripted reader: exit codes, several sources, what goes to which stream.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use anyhow::anyhow;
use arachne_cli::args::{Cli, Command, ReadArgs};
use arachne_cli::diagnostics::Diagnostics;
use arachne_cli::exit::ExitStatus;
use arachne_cli::fixtures::{exchange, request, response, session};
use arachne_cli::read::console::Console;
use arachne_cli::read::run_with;
use arachne_cli::read::sink::ReadSink;
use arachne_cli::read::source::{Source, SourceFailure, SourceOptions, SourceReader, SourceReport};
use arachne_model::Ledger;
use arachne_wire::Sink as _;
use clap::Parser as _;
use serde_json::Value;

/// Gives one exchange and one session per source, then what `fault` says about it.
struct Script {
    fault: fn(&str) -> Option<SourceFailure>,
    exchanges: u64,
    sources: usize,
}

impl SourceReader for Script {
    fn read(&mut self, source: &Source, _: &SourceOptions, sink: &mut ReadSink) -> SourceReport {
        self.sources += 1;
        let mut ledger = Ledger::default();
        for _ in 0..self.exchanges {
            sink.exchange(exchange(Some(request("GET", "/", &[("Host", "h")])), Some(response(200, &[]))));
            ledger.exchanges.input += 1;
            ledger.exchanges.output += 1;
            if sink.progress(1).is_break() {
                break;
            }
        }
        if sink.wants_streams() {
            sink.stream(1, true, 0, b"abc");
        }
        sink.session(session(1));
        ledger.sessions.input = 1;
        ledger.sessions.output = 1;
        let failure = (self.fault)(&String::from_utf8_lossy(source.name()));
        SourceReport { ledger, bytes_read: 100, held_bytes_max: 7, failure, ..SourceReport::default() }
    }
}

/// A stream that can be read afterwards, or one whose reader has gone.
#[derive(Clone, Default)]
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    fails_with: Option<io::ErrorKind>,
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(kind) = self.fails_with {
            return Err(kind.into());
        }
        self.bytes.lock().expect("no writer panics").write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream {
    fn text(&self) -> String {
        String::from_utf8(self.bytes.lock().expect("no writer panics").clone()).expect("text")
    }
}

struct Ran {
    status: ExitStatus,
    out: String,
    err: String,
    sources: usize,
}

fn args(words: &[&str]) -> ReadArgs {
    match Cli::try_parse_from(["arachne", "read"].iter().chain(words)).expect("a good command line").command {
        Command::Read(args) => *args,
        Command::Completions { .. } => unreachable!("the first word is read"),
    }
}

fn run_on(stdout: Stream, mut script: Script, words: &[&str]) -> Ran {
    let args = args(words);
    let err = Stream::default();
    let mut diagnostics = Diagnostics::new(Box::new(err.clone()), args.log_format, args.verbosity());
    let status = run_with(&args, &mut script, Box::new(stdout.clone()), Console::default(), &mut diagnostics);
    Ran { status, out: stdout.text(), err: err.text(), sources: script.sources }
}

fn run(words: &[&str]) -> Ran {
    run_on(Stream::default(), Script { fault: |_| None, exchanges: 1, sources: 0 }, words)
}

#[test]
fn data_and_talk_go_apart() {
    let ran = run(&["-"]);
    assert_eq!(ran.status, ExitStatus::Done);
    assert!(ran.out.contains("GET h/") && !ran.out.contains("exchange"), "{}", ran.out);
    assert!(ran.err.starts_with("1 exchange in 1 session · 0 packets · 0 lost · "), "{}", ran.err);
    assert_eq!(run(&["-", "-q"]).err, "");
}

#[test]
fn nothing_found_is_success() {
    let none = || Script { fault: |_| None, exchanges: 0, sources: 0 };
    for format in ["table", "ndjson"] {
        let ran = run_on(Stream::default(), none(), &["-", "--format", format]);
        assert_eq!((ran.status, ran.out.as_str()), (ExitStatus::Done, ""));
    }
    let har = run_on(Stream::default(), none(), &["-", "--format", "har"]);
    let log: Value = serde_json::from_str(&har.out).expect("valid JSON");
    assert_eq!(log["log"]["entries"].as_array().map(Vec::len), Some(0));
}

#[test]
fn sessions_replace_exchanges() {
    let ran = run(&["-", "--sessions", "--format", "ndjson"]);
    assert_eq!(ran.out.lines().count(), 1);
    assert!(ran.out.starts_with("{\"tcp.session\":1,"), "{}", ran.out);
}

#[test]
fn one_bad_file_among_many() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let paths = ["good.pcap", "bad.pcap", "last.pcap"].map(|name| dir.path().join(name));
    paths.iter().for_each(|path| std::fs::write(path, "x").expect("writable"));
    let names = paths.each_ref().map(|p| p.to_str().expect("UTF-8"));
    let bad = |name: &str| name.contains("bad").then(|| SourceFailure::damaged(anyhow!("block at offset 1234 is cut")));
    let script = Script { fault: bad, exchanges: 1, sources: 0 };
    let ran = run_on(Stream::default(), script, &[names[0], names[1], names[2], "--format", "ndjson", "--stats"]);
    assert_eq!((ran.status, ran.sources), (ExitStatus::Damaged, 3));
    assert_eq!(ran.out.matches("\"log.file.path\"").count(), 3);
    assert!(ran.err.contains("bad.pcap: block at offset 1234 is cut\n"), "{}", ran.err);
    let stats: Value = serde_json::from_str(ran.err.lines().last().expect("a line")).expect("valid JSON");
    assert_eq!((&stats["exchanges"]["out"], &stats["held_bytes_max"]), (&3.into(), &7.into()));
}

#[test]
fn a_missing_file_is_usage() {
    let ran = run(&["/does/not/exist.pcap"]);
    assert_eq!((ran.status, ran.sources), (ExitStatus::Usage, 0));
    assert!(ran.err.starts_with("error: /does/not/exist.pcap: cannot open: No such file"), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 1);
    let joined = run(&["--join", "-", "/does/not/exist.pcap"]);
    assert!(joined.err.contains("cannot open /does/not/exist.pcap: "), "{}", joined.err);
}

#[test]
fn stream_hashes_end_the_stats_line() {
    let ran = run(&["-", "--stats", "--stream-hashes", "-q"]);
    let stats: Value = serde_json::from_str(&ran.err).expect("the only line");
    let stream = &stats["streams"][0];
    assert_eq!((&stream["session"], &stream["client_bytes"]), (&1.into(), &3.into()));
    let sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(stream["client_sha256"], sha);
}

#[test]
fn streams_become_files() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let ran = run(&["-", "--streams", dir.path().to_str().expect("UTF-8")]);
    assert_eq!(ran.status, ExitStatus::Done);
    assert_eq!(std::fs::read(dir.path().join("1-client.bin")).expect("written"), b"abc");
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    let gone = Stream { fails_with: Some(io::ErrorKind::BrokenPipe), ..Stream::default() };
    let ran = run_on(gone, Script { fault: |_| None, exchanges: 9, sources: 0 }, &["-", "--stats"]);
    assert_eq!((ran.status, ran.err.as_str()), (ExitStatus::Done, ""));
}

#[test]
fn a_full_disk_is_an_error() {
    let full = Stream { fails_with: Some(io::ErrorKind::StorageFull), ..Stream::default() };
    let ran = run_on(full, Script { fault: |_| None, exchanges: 9, sources: 0 }, &["-"]);
    assert_eq!(ran.status, ExitStatus::Unexpected);
    assert!(ran.err.starts_with("error: cannot write to standard output: "), "{}", ran.err);
}
