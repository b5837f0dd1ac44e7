//! Exit codes, pipes that close, joined sets, HAR, and file names that nobody expects.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use arachne_testkit::capture::Reader;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{self, arachne, assert_balanced, exchange, pcap, read, read_bytes, read_file};

fn folder_with(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

#[test]
fn exit_codes_with_real_files() {
    let good = pcap(&exchange(5000, "/good"));
    let cut = &good[..good.len() - 3];
    let folder = folder_with(&[("good.pcap", &good), ("cut.pcap", cut), ("text.pcap", b"not a capture\n")]);
    let path = |name: &str| folder.path().join(name);
    let missing = path("missing.pcap");
    for (files, code) in [
        (vec![path("good.pcap")], 0),
        (vec![missing.clone()], 2),
        (vec![folder.path().to_owned()], 2),
        (vec![path("cut.pcap")], 6),
        (vec![path("text.pcap")], 6),
        (vec![path("good.pcap"), path("cut.pcap"), path("good.pcap")], 6),
        (vec![missing.clone(), path("good.pcap")], 2),
        (vec![missing, path("cut.pcap")], 6),
    ] {
        let ran = read(&files);
        assert_eq!(ran.code, code, "{files:?}: {}", ran.err);
        let good = files.iter().filter(|file| file.ends_with("good.pcap") || file.ends_with("cut.pcap")).count();
        assert_eq!(ran.out.matches("GET shop/good").count(), good, "the others are read: {}", ran.out);
    }
    assert_eq!(read(["--format", "xml", "-"]).code, 2);
    assert_eq!(read(["--sessions", "--format", "har", "-"]).code, 2);
    assert_eq!(read_bytes(b"", "").code, 6, "nothing at all is no capture");
}

#[test]
fn a_damaged_file_tells_its_offset_last() {
    let good = pcap(&exchange(5000, "/good"));
    let folder = folder_with(&[("offset 77.pcap", &good[..good.len() - 3])]);
    for format in ["text", "json"] {
        let file = folder.path().join("offset 77.pcap");
        let ran = read_file(&file, &format!("--stats --log-format {format}"));
        let offset = ran.err.rsplit("offset ").next().and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
        let last_record = good.len() - 16 - 54;
        assert_eq!(offset, Some(last_record.to_string().as_str()), "{}", ran.err);
        assert_balanced(&ran.stats(), "a damaged file");
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let packets: Vec<_> = (0..2000).flat_map(|n| exchange(5000 + n, "/a/rather/long/target")).collect();
    let folder = folder_with(&[("many.pcap", &pcap(&packets))]);
    for format in ["table", "ndjson", "har"] {
        let mut command = arachne();
        command.args(["read", "--format", format, "--stats"]).arg(folder.path().join("many.pcap"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{format}");
    }
}

#[test]
fn a_full_disk_is_told() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let folder = folder_with(&[("a.pcap", &pcap(&exchange(5000, "/")))]);
    let mut command = arachne();
    command.arg("read").arg(folder.path().join("a.pcap")).stdout(std::fs::File::create(full).unwrap());
    let output = command.output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.starts_with("error: the output cannot be written  code=READ-MAIN-002 error="), "{err}");
    // Neither is standard error a place where a run can fail.
    let gone = std::fs::File::create(full).unwrap();
    let mut command = arachne();
    command.args(["read", "--stats"]).arg(folder.path().join("a.pcap")).stderr(gone);
    assert_eq!(command.output().unwrap().status.code(), Some(0));
}

#[test]
fn a_folder_for_streams_that_cannot_be_made_is_told() {
    let folder = folder_with(&[("a.pcap", &pcap(&exchange(5000, "/"))), ("file", b"")]);
    let ran =
        read_file(&folder.path().join("a.pcap"), &format!("--streams {}", folder.path().join("file/x").display()));
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("code=READ-MAIN-002") && ran.err.contains("cannot create the directory"), "{}", ran.err);
}

#[test]
fn any_file_name_is_only_a_name() {
    let good = pcap(&exchange(5000, "/"));
    let folder = tempfile::tempdir().unwrap();
    let names: [&[u8]; 5] =
        [b"-dash.pcap", b"two words\t\n.pcap", b"\xff\xfe.pcap", b"\x1b[31mred.pcap", b"\xe2\x80\xaebidi"];
    let mut paths = Vec::new();
    for name in names {
        let path = folder.path().join(OsString::from_vec(name.to_vec()));
        std::fs::write(&path, &good[..good.len() - 1]).unwrap();
        paths.push(path);
    }
    for format in ["table", "ndjson", "har"] {
        let ran = read([vec![PathBuf::from("--format"), PathBuf::from(format)], paths.clone()].concat());
        assert_eq!(ran.code, 6);
        assert_eq!(ran.err.matches("code=READ-FILE-001").count(), names.len(), "{}", ran.err);
        for text in [&ran.out, &ran.err] {
            assert!(!text.contains(['\x1b', '\u{202e}', '\t', '\r']), "{text:?}");
        }
    }
}

#[test]
fn a_set_that_was_rotated_is_one_capture() {
    let Some(captures) = support::shared("captures") else { return };
    let whole = captures.join("mixed/web-browsing.pcap");
    let mut reader = Reader::new(std::fs::File::open(&whole).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let paths = ["1.pcap", "2.pcap"].map(|name| folder.path().join(name));
    let mut parts = paths.each_ref().map(|path| std::io::BufWriter::new(std::fs::File::create(path).unwrap()));
    parts.iter_mut().for_each(|part| part.write_all(&reader.header).unwrap());
    let mut number = 0;
    while let Some(record) = reader.next_record().unwrap() {
        let part = usize::from(number >= 2000);
        reader.write(&record, &mut parts[part]).unwrap();
        number += 1;
    }
    drop(parts);
    let one = read_file(&whole, "--format ndjson --stats");
    // The order on the command line does not matter: packets are merged by time.
    let [first, second] = paths.each_ref().map(|path| path.to_str().expect("UTF-8"));
    let words = ["--format", "ndjson", "--stats", "--join", second, first];
    let joined = read(words);
    assert_eq!(joined.out, one.out);
    assert_eq!(joined.stats(), one.stats());
    assert_eq!(joined.code, 0, "{}", joined.err);
}

#[test]
fn a_fault_in_a_joined_set_names_its_file() {
    let good = pcap(&exchange(5000, "/1"));
    let later = pcap(&exchange(5001, "/2"));
    let folder = folder_with(&[("a.pcap", &good), ("b.pcap", &later[..later.len() - 1]), ("c.pcap", b"nothing")]);
    let paths = ["a.pcap", "b.pcap", "c.pcap"].map(|name| folder.path().join(name));
    let ran = read([&[PathBuf::from("--join")][..], &paths].concat());
    assert_eq!(ran.code, 6);
    let line = |code: &str| ran.err.lines().find(|line| line.contains(code)).unwrap_or_default();
    assert!(line("READ-FILE-001").contains("/b.pcap offset="), "{}", ran.err);
    assert!(line("READ-FILE-002").contains("/c.pcap error="), "{}", ran.err);
    assert_eq!(ran.out.matches("GET shop/").count(), 2, "{}", ran.out);
}

/// The rules of HAR 1.2 that every reader relies on.
fn assert_har(log: &Value, file: &Path) {
    let text = |value: &Value| assert!(value.is_string(), "{}: {value}", file.display());
    let number = |value: &Value| assert!(value.as_f64().is_some_and(|n| n >= -1.0), "{}: {value}", file.display());
    assert_eq!(log["log"]["version"], "1.2");
    text(&log["log"]["creator"]["name"]);
    text(&log["log"]["creator"]["version"]);
    for entry in log["log"]["entries"].as_array().expect("a list") {
        text(&entry["startedDateTime"]);
        number(&entry["time"]);
        ["send", "wait", "receive"].iter().for_each(|key| number(&entry["timings"][key]));
        assert!(entry["cache"].is_object());
        let (request, response) = (&entry["request"], &entry["response"]);
        ["method", "url", "httpVersion"].iter().for_each(|key| text(&request[key]));
        assert!(request["url"].as_str().is_some_and(|url| url.starts_with("http")), "{request}");
        ["statusText", "httpVersion", "redirectURL"].iter().for_each(|key| text(&response[key]));
        number(&response["status"]);
        number(&response["content"]["size"]);
        text(&response["content"]["mimeType"]);
        for message in [request, response] {
            ["headersSize", "bodySize"].iter().for_each(|key| number(&message[key]));
            assert!(message["cookies"].is_array());
            for header in message["headers"].as_array().expect("a list") {
                text(&header["name"]);
                text(&header["value"]);
            }
        }
        let pairs = request["queryString"].as_array().expect("a list").iter();
        pairs.for_each(|pair| ["name", "value"].iter().for_each(|key| text(&pair[key])));
    }
}

#[test]
fn har_of_every_capture_is_har() {
    let Some(captures) = support::shared("captures") else { return };
    let mut entries = 0;
    for file in support::capture_files(&captures) {
        let ran = read_file(&file, "--format har");
        let log: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_har(&log, &file);
        let rows = read_file(&file, "--format ndjson").out.lines().count();
        assert_eq!(log["log"]["entries"].as_array().map(Vec::len), Some(rows), "{}", file.display());
        entries += rows;
    }
    assert!(entries > 500, "{entries} entries");
}

#[test]
fn no_table_holds_what_a_terminal_would_obey() {
    let Some(hostile) = support::shared("hostile") else { return };
    for folder in ["xss", "http", "tcp"] {
        for file in support::capture_files(&hostile.join(folder)) {
            for words in ["", "--headers", "--sessions"] {
                let ran = read_file(&file, words);
                let bad = |c: char| c.is_control() && c != '\n';
                assert!(!ran.out.contains(bad) && !ran.err.contains(bad), "{} {words}", file.display());
            }
        }
    }
}
