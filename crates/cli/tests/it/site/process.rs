//! Processes of a test, and waiting for what they do.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process with a log; killed when it is dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
    /// Where its log began: those before it have written to it too.
    begun: u64,
}

impl Process {
    /// Starts it; what it says goes to the end of `log`.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let into = OpenOptions::new().create(true).append(true).open(log).unwrap();
        let begun = into.metadata().unwrap().len();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(into).spawn().expect("it starts");
        Self { child, log: log.to_owned(), begun }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has said.
    pub fn said(&self) -> String {
        let log = fs::read(&self.log).unwrap();
        String::from_utf8_lossy(&log[usize::try_from(self.begun).unwrap()..]).into_owned()
    }

    /// Waits until it has said `code` `times` times.
    pub fn wait_for(&self, code: &str, times: usize) {
        let said = || if self.said().matches(code).count() >= times { Ok(()) } else { Err(self.said()) };
        wait_or(&format!("{times} times {code}"), said);
    }

    /// Its child processes.
    pub fn children(&self) -> Vec<u32> {
        let id = self.id();
        let tasks = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
        let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        children
            .flat_map(|text| text.split(' ').filter_map(|id| id.trim().parse().ok()).collect::<Vec<u32>>())
            .collect()
    }

    /// Asks it to end; gives its exit code.
    pub fn end(mut self) -> Option<i32> {
        signal(self.id(), Signal::SIGTERM);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal; to one that is gone, none.
pub fn signal(id: u32, signal: Signal) {
    let _ = kill(Pid::from_raw(i32::try_from(id).unwrap()), signal);
}

/// Whether a process is there.
pub fn is_alive(id: u32) -> bool {
    // One that nobody has asked for its exit code yet is no more than its number.
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z') && !rest.is_empty())
}

/// Waits for something to become true.
pub fn wait(what: &str, mut is_true: impl FnMut() -> bool) {
    wait_or(what, || if is_true() { Ok(()) } else { Err(String::new()) });
}

/// Waits for something, and says how it stood where it never comes.
pub fn wait_or(what: &str, mut look: impl FnMut() -> Result<(), String>) {
    let begun = Instant::now();
    while let Err(how) = look() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}: {how}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
