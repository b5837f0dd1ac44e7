//! Input that is still being made: pipes and growing files, and the end by a signal.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::support::{arachne, assert_balanced, exchange, pcap};

/// Nothing here takes a second on a quiet machine; a run that hangs fails instead of hanging the tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `arachne read` whose lines can be waited for.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(words: &[&str], stdin: Stdio) -> Self {
        let mut command = arachne();
        command.args(["read", "--format", "ndjson", "--stats"]).args(words);
        let mut child =
            command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("arachne starts");
        let lines = lines_of(child.stdout.take().expect("it was asked for"));
        Self { child, lines }
    }

    /// The next row.
    fn row(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("a row comes while the input is open");
        serde_json::from_str(&line).expect("a row is JSON")
    }

    fn path(&self) -> Value {
        self.row()["url.path"].clone()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill starts").success());
    }

    /// Exit code, rows that were left, and stderr.
    fn end(mut self) -> (Option<i32>, Vec<String>, String) {
        let mut err = String::new();
        self.child.stderr.take().expect("it was asked for").read_to_string(&mut err).expect("text");
        let status = self.child.wait().expect("it ends");
        (status.code(), self.lines.iter().collect(), err)
    }
}

fn lines_of(out: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines() {
            if line.map(|line| sender.send(line)).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The bytes of a file with exchanges of these targets, cut behind each: the first piece has the file header, the last
/// one ends in the middle of an exchange that has no answer.
fn pieces(targets: &[&str]) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    for (number, target) in (0_u16..).zip(targets) {
        let file = pcap(&exchange(5000 + number, target));
        pieces.push(if number == 0 { file } else { file[24..].to_vec() });
    }
    let open = pcap(&exchange(6000, "/open")[..4]);
    pieces.push(open[24..].to_vec());
    pieces
}

fn assert_clean_end(running: Running, open: usize) {
    let (code, rows, err) = running.end();
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(rows.len(), open, "{rows:?}");
    assert!(err.contains("code=READ-MAIN-003"), "{err}");
    assert!(err.contains(" exchanges in ") && !err.contains("error"), "{err}");
    let stats: Value = serde_json::from_str(err.lines().last().expect("stats")).expect("JSON");
    assert_balanced(&stats, "an interrupted run");
    assert_eq!(stats["exchanges"]["out"], 3);
}

#[test]
fn a_pipe_gives_each_exchange_when_it_is_complete() {
    for threads in ["1", "2"] {
        let mut running = Running::start(&["-", "--threads", threads], Stdio::piped());
        let mut pipe = running.child.stdin.take().expect("it was asked for");
        let pieces = pieces(&["/1", "/2"]);
        for (piece, target) in pieces.iter().zip(["/1", "/2"]) {
            pipe.write_all(piece).expect("arachne reads");
            assert_eq!(running.path(), target);
        }
        pipe.write_all(&pieces[2]).expect("arachne reads");
        drop(pipe);
        let (code, rows, err) = running.end();
        assert_eq!((code, rows.len()), (Some(0), 1), "{err}");
        assert!(rows[0].contains(r#""url.path":"/open""#), "{rows:?}");
    }
}

#[test]
fn ctrl_c_ends_a_pipe_with_what_is_open() {
    for signal in ["INT", "TERM"] {
        let mut running = Running::start(&["-"], Stdio::piped());
        let mut pipe = running.child.stdin.take().expect("it was asked for");
        let pieces = pieces(&["/1", "/2"]);
        pipe.write_all(&pieces.concat()).expect("arachne reads");
        // A record that is cut is no damage: its writer was interrupted too.
        pipe.write_all(&[0; 7]).expect("arachne reads");
        assert_eq!((running.path(), running.path()), ("/1".into(), "/2".into()));
        running.signal(signal);
        assert_clean_end(running, 1);
        drop(pipe);
    }
}

#[test]
fn a_growing_file_is_followed_until_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grows.pcap");
    let mut file = File::create(&path).unwrap();
    let pieces = pieces(&["/1", "/2"]);
    file.write_all(&pieces[0]).unwrap();
    let running = Running::start(&["--follow", path.to_str().expect("UTF-8")], Stdio::null());
    assert_eq!(running.path(), "/1");
    // In two parts, so that a look falls into the middle of a record now and then.
    let (head, tail) = pieces[1].split_at(100);
    file.write_all(head).unwrap();
    file.write_all(tail).unwrap();
    assert_eq!(running.path(), "/2");
    file.write_all(&pieces[2]).unwrap();
    file.write_all(&[1; 5]).unwrap();
    running.signal("INT");
    assert_clean_end(running, 1);
}

#[test]
fn ctrl_c_ends_a_long_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.pcap");
    let written = arachne_testkit::stream::stream(File::create(&path).unwrap(), 20_000_000, 1).unwrap();
    let mut command = arachne();
    command.args(["read", "--format", "ndjson", "--stats"]).arg(&path);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("arachne starts");
    let mut out = child.stdout.take().expect("it was asked for");
    // Rows are many times what the pipe holds: until they are taken the run cannot end.
    out.read_exact(&mut [0; 1]).expect("rows come");
    let (_, lines) = channel();
    let running = Running { child, lines };
    running.signal("INT");
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("text");
    let (code, _, err) = running.end();
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("code=READ-MAIN-003") && !err.contains("error"), "{err}");
    let stats: Value = serde_json::from_str(err.lines().last().expect("stats")).expect("JSON");
    assert_balanced(&stats, "an interrupted run");
    assert_eq!(rest.lines().count() as u64, stats["exchanges"]["out"], "every row was written");
    assert!(stats["packets"]["in"].as_u64() < Some(written.packets), "{err}");
}
