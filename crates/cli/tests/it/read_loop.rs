//! The read loop around a scripted reader: exit codes, several sources, what goes to which stream.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use arachne_cli::args::{Cli, Command, ReadArgs};
use arachne_cli::exit::ExitStatus;
use arachne_cli::fixtures::{exchange, request, response, session};
use arachne_cli::interrupt::Interrupt;
use arachne_cli::read::console::Console;
use arachne_cli::read::notice::Notice;
use arachne_cli::read::sink::ReadSink;
use arachne_cli::read::source::{Note, Source, SourceOptions, SourceReader, SourceReport};
use arachne_cli::read::{World, run_with};
use arachne_model::Ledger;
use arachne_telemetry::{Flood, Format, LogLayer};
use arachne_wire::Sink as _;
use clap::Parser as _;
use serde_json::Value;

/// Gives one exchange and one session per source, then what `fault` says about it.
struct Script {
    fault: fn(&str) -> Option<Notice>,
    exchanges: u64,
}

impl SourceReader for Script {
    fn read(&mut self, source: &Source, _: &SourceOptions, sink: &mut ReadSink) -> SourceReport {
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
        let file = String::from_utf8_lossy(source.name()).into_owned();
        let notes = (self.fault)(&file).into_iter().map(|notice| Note { file: file.clone(), notice }).collect();
        SourceReport { ledger, bytes_read: 100, held_bytes_max: 7, notes, ..SourceReport::default() }
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
}

fn args(words: &[&str]) -> ReadArgs {
    match Cli::try_parse_from(["arachne", "read"].iter().chain(words)).expect("a good command line").command {
        Command::Read(args) => *args,
        _ => unreachable!("the first word is read"),
    }
}

fn run_on(stdout: Stream, mut reader: impl SourceReader, words: &[&str]) -> Ran {
    let args = args(words);
    let err = Stream::default();
    let world = World {
        stdout: Box::new(stdout.clone()),
        stderr: Box::new(err.clone()),
        console: Console::default(),
        interrupt: Interrupt::default(),
    };
    let log = LogLayer::new(err.clone(), Format::Text, args.messages.verbosity(), Flood::Unlimited);
    let status = log.scope(|| run_with(&args, &mut reader, world));
    Ran { status, out: stdout.text(), err: err.text() }
}

fn run(words: &[&str]) -> Ran {
    run_on(Stream::default(), Script { fault: |_| None, exchanges: 1 }, words)
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
    let none = || Script { fault: |_| None, exchanges: 0 };
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
    let bad = |name: &str| {
        let damaged = || Notice::Damaged { offset: 1234, error: "block at offset 1234 is cut".to_owned() };
        name.contains("bad").then(damaged)
    };
    let script = Script { fault: bad, exchanges: 1 };
    let ran = run_on(Stream::default(), script, &[names[0], names[1], names[2], "--format", "ndjson", "--stats"]);
    assert_eq!(ran.status, ExitStatus::Damaged);
    assert_eq!(ran.out.matches("\"log.file.path\"").count(), 3);
    assert!(ran.err.starts_with("error: the file is damaged  code=READ-FILE-001 file="), "{}", ran.err);
    assert!(ran.err.contains("bad.pcap offset=1234 error=\"block at offset 1234 is cut\"\n"), "{}", ran.err);
    let stats: Value = serde_json::from_str(ran.err.lines().last().expect("a line")).expect("valid JSON");
    assert_eq!((&stats["exchanges"]["out"], &stats["held_bytes_max"]), (&3.into(), &7.into()));
}

#[test]
fn a_missing_file_is_usage() {
    let ran = run(&["/does/not/exist.pcap"]);
    assert_eq!((ran.status, ran.out.as_str()), (ExitStatus::Usage, ""));
    let line =
        "error: the file cannot be read  code=READ-FILE-003 file=/does/not/exist.pcap error=\"cannot open: No such";
    assert!(ran.err.starts_with(line), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 1);
    let joined = run(&["--join", env!("CARGO_MANIFEST_DIR"), "/does/not/exist.pcap"]);
    assert!(joined.err.contains(concat!("file=", env!("CARGO_MANIFEST_DIR"), " ")), "{}", joined.err);
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
    let ran = run_on(gone, Script { fault: |_| None, exchanges: 9 }, &["-", "--stats"]);
    assert_eq!((ran.status, ran.err.as_str()), (ExitStatus::Done, ""));
}

#[test]
fn a_full_disk_is_an_error() {
    let full = Stream { fails_with: Some(io::ErrorKind::StorageFull), ..Stream::default() };
    let ran = run_on(full, Script { fault: |_| None, exchanges: 9 }, &["-"]);
    assert_eq!(ran.status, ExitStatus::Unexpected);
    let line = "error: the output cannot be written  code=READ-MAIN-002 error=\"cannot write to standard output: ";
    assert!(ran.err.starts_with(line), "{}", ran.err);
}

#[test]
fn counts_that_do_not_add_up_are_never_silent() {
    /// Forgets one packet.
    struct Forgetful;
    impl SourceReader for Forgetful {
        fn read(&mut self, _: &Source, _: &SourceOptions, _: &mut ReadSink) -> SourceReport {
            let mut ledger = Ledger::default();
            ledger.packets.input = 1;
            SourceReport { ledger, ..SourceReport::default() }
        }
    }
    let ran = run_on(Stream::default(), Forgetful, &["-"]);
    assert_eq!(ran.status, ExitStatus::Unexpected);
    assert!(
        ran.err.starts_with("error: the ledger does not balance  code=READ-MAIN-001 error=\"packets: "),
        "{}",
        ran.err
    );
}

#[test]
fn an_interrupt_ends_the_run_with_its_summary() {
    /// Is interrupted in the first source.
    struct Interrupted(usize);
    impl SourceReader for Interrupted {
        fn read(&mut self, _: &Source, options: &SourceOptions, sink: &mut ReadSink) -> SourceReport {
            self.0 += 1;
            options.interrupt.set();
            sink.exchange(exchange(Some(request("GET", "/", &[("Host", "h")])), None));
            SourceReport::default()
        }
    }
    let mut reader = Interrupted(0);
    let ran = run_on(Stream::default(), &mut reader, &["-", env!("CARGO_MANIFEST_DIR"), "--stats"]);
    assert_eq!((ran.status, reader.0), (ExitStatus::Done, 1));
    assert!(ran.out.contains("GET h/"), "{}", ran.out);
    assert!(
        ran.err.starts_with("info: interrupted, what is open is shown as it is  code=READ-MAIN-003\n"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("0 exchanges in 0 sessions") && ran.err.ends_with("}\n"), "{}", ran.err);
}
