//! The agent that `arachne serve` starts itself: another process with other rights, which delivers over the socket in the data
//! folder as any agent does.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arachne_config::Agent;
use arachne_server::Control;
use arachne_telemetry::{chain, codes, emit};
use rustix::process::{Pid, Signal, kill_process};

/// Time between two starts, which doubles with each agent that ended soon.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// An agent that lived so long did not end soon.
const SETTLED: Duration = Duration::from_secs(60);
/// How long it may take to deliver what it has when it is told to end.
const DRAIN: Duration = Duration::from_secs(15);
/// Time between two looks whether it still runs.
const LOOK: Duration = Duration::from_millis(200);

/// What is started.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl Program {
    /// This very program as the agent `name` of the server that holds `data`.
    ///
    /// # Errors
    /// The system does not tell where this program or the folder is.
    pub fn agent(data: &Path, name: &str, look_up_names: bool) -> io::Result<Self> {
        // The agent takes no relative address of a socket.
        let data = std::path::absolute(data)?;
        let folder = data.join("agents");
        let words = [
            ("--server", format!("unix:{}", data.join("socket").display())),
            ("--key-file", key_file(&data, name).display().to_string()),
            ("--spool", folder.join(format!("{name}.spool")).display().to_string()),
        ];
        let words = words.into_iter().flat_map(|(option, value)| [option.to_owned(), value]);
        let begin = ["agent", "--with-parent"].into_iter().chain(look_up_names.then_some("--look-up-names"));
        Ok(Self { path: std::env::current_exe()?, arguments: begin.map(str::to_owned).chain(words).collect() })
    }
}

/// Where the key of the own agent is.
#[must_use]
pub fn key_file(data: &Path, name: &str) -> PathBuf {
    data.join("agents").join(format!("{name}.key"))
}

/// A child that is started again when it ends, until it is stopped.
#[derive(Debug)]
pub struct LocalAgent {
    stopping: Arc<(Mutex<bool>, Condvar)>,
    thread: JoinHandle<()>,
}

impl LocalAgent {
    /// Starts `program`, and starts it again whenever it ends.
    #[must_use]
    pub fn start(program: Program) -> Self {
        let stopping = Arc::new((Mutex::new(false), Condvar::new()));
        let shared = Arc::clone(&stopping);
        Self { stopping, thread: thread::spawn(move || keep(&program, &shared)) }
    }

    /// Tells it to end, and waits until it has delivered what it has.
    pub fn stop(self) {
        *locked(&self.stopping.0) = true;
        self.stopping.1.notify_all();
        // It was told to the log when it panicked; there is nothing left to stop then.
        drop(self.thread.join());
    }
}

/// The own agent of a server, which a change of the configuration may start, change and stop.
#[derive(Clone, Debug, Default)]
pub struct OwnAgent(Arc<Mutex<Option<(Start, LocalAgent)>>>);

/// What the agent is started with: another one starts anew.
type Start = (String, bool);

impl OwnAgent {
    /// Sees to it that `wanted` runs for the server that holds `data` and is controlled by `control`, and no other.
    ///
    /// # Errors
    /// It cannot be made known to the server, or this program does not know where it is.
    pub fn set(&self, wanted: Option<&Agent>, data: &Path, control: &Control) -> anyhow::Result<()> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Agent { name, config, .. }) = wanted {
            control.adopt(name, &key_file(data, name), config.clone())?;
        }
        let start = wanted.map(|agent| (agent.name.clone(), agent.look_up_names));
        if running.as_ref().map(|(start, _)| start) == start.as_ref() {
            return Ok(());
        }
        if let Some((_, before)) = running.take() {
            before.stop();
        }
        if let Some((name, look_up_names)) = start {
            let agent = LocalAgent::start(Program::agent(data, &name, look_up_names)?);
            *running = Some(((name, look_up_names), agent));
        }
        Ok(())
    }

    /// Ends it.
    pub fn stop(&self) {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((_, agent)) = running {
            agent.stop();
        }
    }
}

type Stopping = (Mutex<bool>, Condvar);

fn locked(stopping: &Mutex<bool>) -> MutexGuard<'_, bool> {
    stopping.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits as long as `time`, or until it is to stop; whether it is.
fn wait(stopping: &Stopping, time: Duration) -> bool {
    let waited = stopping.1.wait_timeout_while(locked(&stopping.0), time, |stop| !*stop);
    *waited.unwrap_or_else(PoisonError::into_inner).0
}

fn keep(program: &Program, stopping: &Stopping) {
    let mut pause = PAUSE_MIN;
    loop {
        let began = Instant::now();
        let spawned = Command::new(&program.path).args(&program.arguments).stdin(Stdio::piped()).spawn();
        let why = match spawned {
            Ok(mut child) => match follow(&mut child, stopping) {
                None => return,
                Some(ended) => ended.map_or_else(|error| chain(&error).to_string(), |status| status.to_string()),
            },
            Err(error) => chain(&error).to_string(),
        };
        pause = if began.elapsed() >= SETTLED { PAUSE_MIN } else { pause };
        emit!(codes::SERVER_AGENT_006, why = why, again_after_s = pause.as_secs());
        if wait(stopping, pause) {
            return;
        }
        pause = (2 * pause).min(PAUSE_MAX);
    }
}

/// How the child ended by itself; `None` when it was stopped.
fn follow(child: &mut Child, stopping: &Stopping) -> Option<io::Result<ExitStatus>> {
    loop {
        let stop = wait(stopping, LOOK);
        match child.try_wait() {
            Ok(None) if stop => {
                end(child);
                return None;
            }
            Ok(None) => {}
            Ok(Some(_)) if stop => return None,
            Ok(Some(status)) => return Some(Ok(status)),
            Err(error) => return Some(Err(error)),
        }
    }
}

/// Ends the child: it may deliver what it has, within limits.
fn end(child: &mut Child) {
    let began = Instant::now();
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // It was not waited for yet, so that its number is still its own.
    let told = pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
    while told && began.elapsed() < DRAIN {
        match child.try_wait() {
            Ok(None) => thread::sleep(Duration::from_millis(20)),
            _ => return,
        }
    }
    // What it has not delivered is in its spool.
    drop(child.kill());
    drop(child.wait());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program { path: PathBuf::from("/bin/sh"), arguments: vec!["-c".to_owned(), script.to_owned()] }
    }

    /// Waits until `file` has so many lines; a test that hangs is killed by whoever runs it.
    fn lines(file: &Path, count: usize) -> String {
        loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            if text.lines().count() >= count {
                return text;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn it_is_told_to_end_and_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("lines");
        let script = format!(
            "trap 'echo end >> {0}; exit 0' TERM; echo start >> {0}; while :; do sleep 0.01; done",
            file.display()
        );
        let agent = LocalAgent::start(shell(&script));
        lines(&file, 1);
        agent.stop();
        assert_eq!(lines(&file, 2), "start\nend\n");
    }

    #[test]
    fn it_is_started_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("lines");
        let before = arachne_telemetry::count_of(&codes::SERVER_AGENT_006);
        let agent = LocalAgent::start(shell(&format!("echo start >> {}", file.display())));
        lines(&file, 2);
        agent.stop();
        assert!(arachne_telemetry::count_of(&codes::SERVER_AGENT_006) > before, "SERVER-AGENT-006");
        LocalAgent::start(Program { path: "/nonexistent/arachne".into(), arguments: Vec::new() }).stop();
    }

    #[test]
    fn the_agent_of_a_relative_folder() {
        let here = std::env::current_dir().expect("a folder");
        let program = Program::agent(Path::new("data"), "local", false).expect("this program is somewhere");
        assert_eq!(program.arguments[3], format!("unix:{}/data/socket", here.display()));
    }

    #[test]
    fn the_agent_of_a_folder() {
        let program = Program::agent(Path::new("/data"), "local", false).expect("this program is somewhere");
        let words = program.arguments.join(" ");
        assert_eq!(
            words,
            "agent --with-parent --server unix:/data/socket --key-file /data/agents/local.key --spool /data/agents/local.spool"
        );
    }
}
