//! The real binary, and captures made to order or found in the shared folder.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use arachne_testkit::conversation::Packet;
use arachne_testkit::golden;
use arachne_testkit::{Conversation, capture};
use serde_json::Value;

/// The path of the binary under test.
pub const ARACHNE: &str = env!("CARGO_BIN_EXE_arachne");

/// What a run left behind.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let code = output.status.code().expect("arachne is never killed by a signal");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("all output is UTF-8");
        Self { code, out: text(output.stdout), err: text(output.stderr) }
    }

    /// The rows of ndjson.
    pub fn rows(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect("a row is JSON")).collect()
    }

    /// The last line of stderr, which `--stats` made.
    pub fn stats(&self) -> Value {
        let line = self.err.lines().last().expect("a stats line");
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

/// A command with the binary, free of what the environment of the tester asks for.
pub fn arachne() -> Command {
    // `ARACHNE_BIN` names another build, as for measurements.
    let mut command = Command::new(std::env::var_os("ARACHNE_BIN").unwrap_or_else(|| ARACHNE.into()));
    command.env_remove("NO_COLOR").env("TERM", "xterm").stdin(Stdio::null());
    command
}

/// `arachne read` with these arguments.
pub fn read<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    Ran::of(arachne().arg("read").args(arguments).output().expect("arachne starts"))
}

/// `arachne read` with these arguments and `file`.
pub fn read_file(file: &Path, words: &str) -> Ran {
    read(words.split_whitespace().map(OsStr::new).chain([file.as_os_str()]))
}

/// `arachne read -` with these bytes on stdin.
pub fn read_bytes(bytes: &[u8], words: &str) -> Ran {
    let mut child = arachne()
        .args(["read", "-"])
        .args(words.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("arachne starts");
    let mut stdin = child.stdin.take().expect("it was asked for");
    let bytes = bytes.to_vec();
    // A refused file is not read to its end: then nobody takes the rest.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
    let ran = Ran::of(child.wait_with_output().expect("it ends"));
    writer.join().expect("it only writes");
    ran
}

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A folder below the shared one; `None` with a message where it is absent.
pub fn shared(folder: &str) -> Option<PathBuf> {
    let captures = golden::captures(&workspace())?;
    Some(captures.parent()?.join(folder)).filter(|path| path.is_dir())
}

/// `expected.json` of the shared captures.
pub fn expected(captures: &Path) -> Value {
    let text = std::fs::read_to_string(captures.join("expected.json")).expect("the folder was found by it");
    serde_json::from_str(&text).expect("it is JSON")
}

/// The capture files below `folder`, sorted.
pub fn capture_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable folder").path();
            let name = path.to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if [".pcap", ".pcapng", ".pcap.gz", ".pcapng.gz", ".zst"].iter().any(|end| name.ends_with(end)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A whole connection with one exchange.
pub fn exchange(client_port: u16, target: &str) -> Vec<Packet> {
    let mut talk = Conversation::new(&format!("10.0.0.7:{client_port}"), "10.0.0.9:80");
    talk.handshake()
        .client(format!("GET {target} HTTP/1.1\r\nHost: shop\r\n\r\n").as_bytes())
        .server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .close();
    talk.packets().to_vec()
}

/// A pcap file of these packets.
pub fn pcap(packets: &[Packet]) -> Vec<u8> {
    capture::pcap(1, packets)
}

/// Checks `in = out + dropped + in_flight` of every stage of a stats line.
pub fn assert_balanced(stats: &Value, file: &str) {
    for stage in ["packets", "segments", "bytes", "sessions", "exchanges"] {
        let counts = &stats[stage];
        let number = |key: &str| counts[key].as_u64().unwrap_or_else(|| panic!("{file}: {stage}.{key}: {stats}"));
        let dropped = counts["dropped"].as_object().expect("reasons").values().map(|n| n.as_u64().expect("a count"));
        let left = number("out") + dropped.sum::<u64>() + number("in_flight");
        assert_eq!(number("in"), left, "{file}: {stage}: {counts}");
        assert_eq!(number("in_flight"), 0, "{file}: {stage} at rest");
    }
}
