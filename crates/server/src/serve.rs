//! The server: what it listens on, its start, and an end that lets requests finish.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arachne_telemetry::{codes, emit};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};

use crate::agents::{Agents, RegistryError};
use crate::app::{App, now};
use crate::auth::{AuthError, Tokens};
use crate::config::Config;
use crate::control::{Control, Threshold, Wish, encryption};
use crate::listen::{Entrance, House, open_socket};
use crate::parts::Parts;
use crate::tls::TlsError;
use crate::{own, paths, routes, uploads};

/// How often what browsers told is kept.
const KEEP_BEACONS: Duration = Duration::from_secs(5);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It was to listen where others can reach it, without asking them for a token.
    #[error(
        "cannot listen on {0}: other machines reach it, and nobody would be asked for a token; set server.auth: required \
         (--auth required), or listen on 127.0.0.1 or [::1]"
    )]
    NotLoopback(SocketAddr),
    /// There is no certificate to encrypt with.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address cannot be used.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address, or the socket.
        address: String,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The folder of uploads cannot be made or emptied.
    #[error("cannot prepare {folder}")]
    Uploads {
        /// The folder.
        folder: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The tokens cannot be used.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The list of agents cannot be used.
    #[error(transparent)]
    Agents(#[from] RegistryError),
    /// It is going down: nothing is changed any more.
    #[error("the server is going down")]
    Stopping,
    /// The runtime cannot be made.
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
}

/// What a started server tells once.
#[derive(Debug)]
pub struct Ready<'a> {
    /// Where it listens.
    pub address: SocketAddr,
    /// The admin token that was made at the first start: shown now and never again.
    pub fresh_token: Option<&'a str>,
    /// What clients tell this server by, where it speaks TLS: `sha256/` and the base64 of SHA-256 of its public key.
    pub pin: Option<&'a str>,
    /// Changes the server while it runs.
    pub control: &'a Control,
}

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    app: App,
    tcp: TcpListener,
    socket: Option<(UnixListener, PathBuf)>,
    fresh_token: Option<String>,
    control: Control,
    wishes: mpsc::Receiver<Wish>,
}

/// Serves until Ctrl-C or SIGTERM. Blocks; makes its own runtime. `ready` is called once it listens, `ending` when it is
/// asked to end, and while it still answers.
///
/// # Errors
/// When it cannot start.
pub fn serve(
    config: Config,
    parts: Parts,
    ready: impl FnOnce(&Ready<'_>),
    ending: impl FnOnce() + Send + 'static,
) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(ServeError::Runtime)?;
    let served = runtime.block_on(async {
        let server = Server::bind(config, parts).await?;
        let (address, pin) = (server.address()?, server.app.pin());
        let fresh_token = server.fresh_token();
        ready(&Ready { address, fresh_token, pin: pin.as_deref(), control: server.control() });
        let end = async {
            asked_to_end().await;
            // It panics no more than the ending of a process does.
            let _ = tokio::task::spawn_blocking(ending).await;
        };
        server.run(end).await;
        Ok(())
    });
    // Work that does not look at its watch must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(2));
    served
}

async fn asked_to_end() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = interrupt.await;
        }
    }
}

impl Server {
    /// Listens. Nothing is answered before [`Self::run`].
    ///
    /// # Errors
    /// When the address is not allowed or in use, or the data folder cannot be used.
    pub async fn bind(config: Config, parts: Parts) -> Result<Self, ServeError> {
        let tls = encryption(&config.access, &config.data)?;
        let listen = |address: String| move |source| ServeError::Listen { address, source };
        let tcp = TcpListener::bind(config.access.listen).await.map_err(listen(config.access.listen.to_string()))?;
        let folder = uploads::folder(&config.data);
        uploads::empty(&folder).map_err(|source| ServeError::Uploads { folder, source })?;
        let (tokens, fresh_token) = Tokens::open(&config.data)?;
        let socket = if config.socket {
            let path = config.data.join("socket");
            let listener = open_socket(&path).await.map_err(listen(path.display().to_string()))?;
            Some((listener, path))
        } else {
            None
        };
        let agents = Agents::open(&config.data, parts.keys.clone())?;
        // What cannot be kept was told; the server is of use without.
        let _ = agents.paths.configure(&config.paths);
        let app = App::new(config, parts, tokens, agents, tls);
        app.set_address(tcp.local_addr().map_err(listen("the address".to_owned()))?);
        let (control, wishes) = Control::new(app.clone());
        Ok(Self { app, tcp, socket, fresh_token, control, wishes })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn address(&self) -> Result<SocketAddr, ServeError> {
        self.tcp.local_addr().map_err(|source| ServeError::Listen { address: "the address".to_owned(), source })
    }

    /// The admin token, when this start made one.
    #[must_use]
    pub fn fresh_token(&self) -> Option<&str> {
        self.fresh_token.as_deref()
    }

    /// What clients tell this server by, where it speaks TLS: `sha256/` and the base64 of SHA-256 of its public key.
    #[must_use]
    pub fn pin(&self) -> Option<String> {
        self.app.pin()
    }

    /// Changes the server while it runs.
    #[must_use]
    pub const fn control(&self) -> &Control {
        &self.control
    }

    /// Every route with its permission.
    #[must_use]
    pub fn routes(&self) -> Vec<routes::Route> {
        routes::all(&self.app)
    }

    /// Answers until `end`; requests that are being answered then get some seconds to finish.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let Self { app, tcp, socket, mut wishes, control, .. } = self;
        // Held, so that there is somebody to wish something.
        let _control = control;
        emit!(codes::SERVER_MAIN_001, address = tcp.local_addr().map(|a| a.to_string()).unwrap_or_default());
        let connections = Arc::new(Semaphore::new(app.config.limits.connections));
        let house = House { router: routes::router(&app), connections, app: app.clone() };
        let socket = socket.map(|(listener, path)| house.open(Entrance::Socket(listener, path)));
        let mut threshold = Threshold::new(house, app.config.access.clone(), tcp);
        tokio::pin!(end);
        let looking = tokio::spawn(look_after(app.clone()));
        let keeping = tokio::spawn(keep_beacons(app.clone()));
        let telling = tokio::spawn(keep_own(app.clone()));
        let learning = tokio::spawn(learn_paths(app.clone()));
        loop {
            tokio::select! {
                () = &mut end => break,
                Some(wish) = wishes.recv() => threshold.grant(wish).await,
            }
        }
        looking.abort();
        keeping.abort();
        telling.abort();
        learning.abort();
        app.stopping.store(true, Ordering::Relaxed);
        app.operations.stop_all();
        tokio::join!(threshold.close(), async {
            if let Some(socket) = socket {
                socket.close().await;
            }
        });
        app.running.list().iter().for_each(|work| work.stop());
        app.agents.close();
        app.beacons.keep(&*app.parts.store, now());
    }
}

/// Says once that the store cannot write, and once that it can again.
fn tell_failing(known: &mut Option<String>, now: Option<String>) {
    match (&known, &now) {
        (None, Some(error)) => emit!(codes::SERVER_STORE_002, error = error.as_str()),
        (Some(_), None) => emit!(codes::SERVER_STORE_003),
        _ => {}
    }
    *known = now;
}

/// Makes rows of what browsers told, for ever.
async fn keep_beacons(app: App) {
    let mut ticks = interval(KEEP_BEACONS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let app = app.clone();
        let keep = move || {
            app.beacons.go_by(&app.agents.paths);
            app.beacons.keep(&*app.parts.store, now());
        };
        // It panics no more than the taking of a batch does.
        let _ = tokio::task::spawn_blocking(keep).await;
    }
}

/// Makes points of the server's own figures, soon after each of their windows is over, for ever.
async fn keep_own(app: App) {
    loop {
        let rest = own::WINDOW - now().rem_euclid(own::WINDOW);
        tokio::time::sleep(Duration::from_nanos(rest.unsigned_abs())).await;
        let app = app.clone();
        // It panics no more than the taking of a batch does.
        let _ = tokio::task::spawn_blocking(move || app.own.keep(&app, now())).await;
    }
}

/// Learns about paths, for ever.
async fn learn_paths(app: App) {
    // A server that starts has better to do.
    let mut ticks = interval_at(Instant::now() + paths::LOOK, paths::LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let app = app.clone();
        // It panics no more than a question does.
        let _ = tokio::task::spawn_blocking(move || app.agents.paths.look(&*app.parts.store, now())).await;
    }
}

/// Looks at the files of the certificate, and whether the store can write, for ever.
async fn look_after(app: App) {
    let mut failing = None;
    let mut ticks = interval(app.config.limits.look_time);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        tell_failing(&mut failing, app.parts.store.failing());
        if let Some(tls) = app.encryption() {
            // It panics no more than the reading of two files does.
            let _ = tokio::task::spawn_blocking(move || tls.refresh()).await;
        }
    }
}
