//! `arachne.yml` while a server runs: looked at every two seconds, and at once on SIGHUP or when the system tells that it changed. A valid change is applied in place,
//! what is not valid changes nothing and is told, until the file is in order again.

mod hint;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use arachne_server::Control;
use arachne_telemetry::{codes, emit};
use signal_hook::consts::SIGHUP;

use crate::configure;
use crate::serve::{ServeArgs, Swappable};
use hint::Hint;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How soon a signal or a hint counts.
const TICK: Duration = Duration::from_millis(250);

/// Where the arguments of a running server come from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The file.
    pub file: PathBuf,
    /// Its content when the server started.
    pub content: Vec<u8>,
    /// What the command line says, which comes first.
    pub given: Box<ServeArgs>,
}

/// A thread that watches the file; it ends when this is dropped.
pub struct Watcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic of the thread was printed; the server goes on with what it has.
        self.thread.take().map(JoinHandle::join);
    }
}

/// Takes SIGHUP, which ends a process that does not: before anybody can know that there is a server to send it to.
///
/// # Errors
/// The signal cannot be taken.
pub fn on_hangup() -> Result<Arc<AtomicBool>> {
    let forced = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGHUP, Arc::clone(&forced)).context("cannot take the signal SIGHUP")?;
    Ok(forced)
}

/// Begins to watch the file that `args` come from; it is looked at at once when `forced` is set.
///
/// # Errors
/// No thread can be begun.
pub fn watch(
    origin: Origin,
    args: ServeArgs,
    control: Control,
    parts: Swappable,
    forced: Arc<AtomicBool>,
) -> Result<Watcher> {
    let (stop, stopped) = channel();
    let mut state = State { seen: Some(origin.content.clone()), origin, args, control, parts };
    state.tell(None);
    let thread = std::thread::Builder::new().name("configuration".to_owned());
    let thread = thread.spawn(move || state.run(&forced, &stopped)).context("cannot start a thread")?;
    Ok(Watcher { stop: Some(stop), thread: Some(thread) })
}

struct State {
    origin: Origin,
    /// The content that was judged last; nothing when it could not be read.
    seen: Option<Vec<u8>>,
    /// What is in force.
    args: ServeArgs,
    control: Control,
    parts: Swappable,
}

impl State {
    fn run(&mut self, forced: &AtomicBool, stopped: &Receiver<()>) {
        let (mut looked, mut hint) = (Instant::now(), Hint::of(&self.origin.file));
        while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            let forced = forced.swap(false, Ordering::AcqRel);
            if hint.came() || forced || looked.elapsed() >= LOOK {
                self.look(forced);
                looked = Instant::now();
            }
        }
    }

    /// Judges the file when it changed, or when that is asked for.
    fn look(&mut self, forced: bool) {
        let read = arachne_config::content(&self.origin.file);
        let content = read.as_ref().ok().cloned();
        if content == self.seen && !forced {
            return;
        }
        self.seen = content;
        let file = self.origin.file.display().to_string();
        match read.map_err(anyhow::Error::from).and_then(|bytes| self.changed(&bytes)) {
            Ok(changed) => {
                emit!(codes::SERVER_CONFIG_001, file = file, changed = changed.join(", "));
                self.tell(None);
            }
            Err(error) => {
                let error = format!("{error:#}");
                emit!(codes::SERVER_CONFIG_002, file = file, error = &*error);
                self.tell(Some(error));
            }
        }
    }

    /// What stands in the file and on the command line, put in force: what changed by that. All of it or nothing: what came in
    /// force before something was refused goes back.
    fn changed(&mut self, bytes: &[u8]) -> Result<Vec<&'static str>> {
        let config = arachne_config::of_file(&self.origin.file, bytes)?;
        let mut args = (*self.origin.given).clone();
        configure::fill(&config, &mut args);
        let before = self.args.clone();
        self.apply(&args).inspect_err(|_| {
            // It was in force a moment ago. Where it cannot be any more, what is in force is known: the next change starts there.
            drop(self.apply(&before));
        })
    }

    /// Puts arguments in force, and notes each part that is.
    fn apply(&mut self, args: &ServeArgs) -> Result<Vec<&'static str>> {
        if args.data != self.args.data {
            let data = args.data.as_deref().unwrap_or(Path::new(""));
            bail!(
                "storage.path: {} is another folder than that of the running server: start it anew for that",
                data.display()
            );
        }
        let retention = args.settings()?.retention;
        let mut changed = Vec::new();
        if args.agent != self.args.agent {
            self.parts.agent.set(args.agent.as_ref(), &self.parts.data, &self.control)?;
            self.args.agent.clone_from(&args.agent);
            changed.push("agent");
        }
        if args.access() != self.args.access() {
            self.control.change(args.access())?;
            (self.args.listen, self.args.auth) = (args.listen, args.auth);
            self.args.public_url.clone_from(&args.public_url);
            (self.args.beacons, self.args.own_series) = (args.beacons, args.own_series);
            self.args.tls_certificate.clone_from(&args.tls_certificate);
            self.args.tls_key.clone_from(&args.tls_key);
            changed.push("server");
        }
        if args.retention != self.args.retention {
            self.parts.store.set_retention(retention);
            self.args.retention.clone_from(&args.retention);
            changed.push("storage.retention");
        }
        if args.services != self.args.services {
            self.parts.services.set(args.services.clone());
            self.args.services.clone_from(&args.services);
            changed.push("services");
        }
        if args.paths != self.args.paths {
            self.control.paths(&args.paths).context("paths: cannot be kept in the data folder")?;
            self.parts.paths.set(args.paths.clone());
            self.args.paths.clone_from(&args.paths);
            changed.push("paths");
        }
        Ok(changed)
    }

    fn tell(&self, refused: Option<String>) {
        self.control.configured(refused);
    }
}
