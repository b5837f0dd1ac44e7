//! A running agent, and what it leaves behind.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use arachne_delivery::codec::decode;
use arachne_delivery::spool::read_file;
use arachne_model::table::Rows;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running agent.
pub struct Agent {
    process: Child,
    log: PathBuf,
}

impl Agent {
    /// Starts one in the network of this thread.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_in(folder, arguments, &[])
    }

    /// The same with more in its environment.
    pub fn start_in(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arachne-agent"));
        command.args(["--spool", folder.to_str().unwrap(), "--name", "test"]);
        command.args(arguments).envs(environment.iter().copied());
        Self::run(folder, command)
    }

    /// Starts one by a command of its own, with its log in the folder.
    pub fn run(folder: &Path, mut command: Command) -> Self {
        let log = folder.join("agent.log");
        let into = fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(into).spawn().unwrap();
        Self { process, log }
    }

    /// Its own number.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it has said `code` `times` times.
    pub fn wait_for(&self, code: &str, times: usize) {
        wait(&format!("{code} in {}", self.log.display()), || self.log().matches(code).count() >= times);
    }

    /// The numbers of its capture processes.
    pub fn capture_processes(&self) -> Vec<u32> {
        self.processes("capture-process")
    }

    /// The numbers of its processes that were started with this word.
    pub fn processes(&self, word: &str) -> Vec<u32> {
        let own = self.process.id().to_string();
        let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
        let is_such = |pid: &u32| {
            let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            command.contains(word)
        };
        children.split_whitespace().filter_map(|pid| pid.parse().ok()).filter(is_such).collect()
    }

    /// Asks it to end; gives its exit code.
    pub fn end(mut self) -> i32 {
        signal(self.process.id(), Signal::SIGTERM);
        self.process.wait().unwrap().code().unwrap_or(-1)
    }

    /// Kills it as a power cut would.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Its exit code, when it ends by itself.
    pub fn wait(mut self) -> i32 {
        self.process.wait().unwrap().code().unwrap_or(-1)
    }
}

/// Sends a signal.
pub fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

/// Waits for something to become true.
pub fn wait(what: &str, mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// All rows in the spool of an agent, which may go on meanwhile.
pub fn spooled(folder: &Path) -> Rows {
    let mut rows = Rows::default();
    // It is made by the agent, which may only just have begun.
    let Ok(entries) = fs::read_dir(folder.join("spool")) else { return rows };
    for entry in entries {
        let path = entry.unwrap().path();
        let is_spool = fs::read(&path).is_ok_and(|bytes| bytes.starts_with(b"ARASPOOL"));
        let Some(mut file) = is_spool.then(|| read_file(&path).ok()).flatten() else { continue };
        while let Some(batch) = file.next_batch().unwrap() {
            let mut unknown = 0;
            rows.append(decode(batch.unwrap().tables, &mut unknown).unwrap());
            assert_eq!(unknown, 0);
        }
    }
    rows
}

/// Answers one request a connection with `body`, for as long as the process lives.
pub fn serve(address: SocketAddr, body: &'static str) -> SocketAddr {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if connection.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                request.push(byte[0]);
            }
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nContent-Type: text/plain\r\n\r\n", body.len());
            let _ = connection.write_all(&[head.as_bytes(), body.as_bytes()].concat());
        }
    });
    address
}

/// Asks for `path` with `headers`.
pub fn ask(server: SocketAddr, path: &str, headers: &str) {
    let mut connection = TcpStream::connect(server).unwrap();
    connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\n{headers}\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
