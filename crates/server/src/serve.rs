//! Listening: TCP on a loopback address, the socket in the data folder, and an end that lets requests finish.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arachne_telemetry::{chain, codes, emit};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::agents::{Agents, RegistryError};
use crate::app::App;
use crate::auth::{AuthError, Tokens};
use crate::config::Config;
use crate::connection::{Paced, Peer, Phase};
use crate::parts::Parts;
use crate::{routes, uploads};

/// How long requests may go on when the server goes down.
const DRAIN: Duration = Duration::from_secs(10);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It was to listen where others can reach it, without encryption.
    #[error(
        "cannot listen on {0}: others could read along, since this version has no TLS; listen on 127.0.0.1 or [::1], and \
         let a proxy on this machine do TLS (with auth: required)"
    )]
    NotLoopback(SocketAddr),
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
}

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    app: App,
    tcp: TcpListener,
    socket: Option<(UnixListener, PathBuf)>,
    fresh_token: Option<String>,
}

/// Serves until Ctrl-C or SIGTERM. Blocks; makes its own runtime. `ready` is called once it listens.
///
/// # Errors
/// When it cannot start.
pub fn serve(config: Config, parts: Parts, ready: impl FnOnce(&Ready<'_>)) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(ServeError::Runtime)?;
    let served = runtime.block_on(async {
        let server = Server::bind(config, parts).await?;
        ready(&Ready { address: server.address()?, fresh_token: server.fresh_token() });
        server.run(asked_to_end()).await;
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
        if !config.listen.ip().is_loopback() {
            return Err(ServeError::NotLoopback(config.listen));
        }
        let listen = |address: String| move |source| ServeError::Listen { address, source };
        let tcp = TcpListener::bind(config.listen).await.map_err(listen(config.listen.to_string()))?;
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
        Ok(Self { app: App::new(config, parts, tokens, agents), tcp, socket, fresh_token })
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

    /// Every route with its permission.
    #[must_use]
    pub fn routes(&self) -> Vec<routes::Route> {
        routes::all(&self.app)
    }

    /// Answers until `end`; requests that are being answered then get some seconds to finish.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let Self { app, tcp, socket, .. } = self;
        emit!(codes::SERVER_MAIN_001, address = tcp.local_addr().map(|a| a.to_string()).unwrap_or_default());
        let (ending, ended) = watch::channel(false);
        let doors = Doors {
            router: routes::router(&app),
            connections: Arc::new(Semaphore::new(app.config.limits.connections)),
            app: app.clone(),
            ended,
        };
        let mut open = JoinSet::new();
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                accepted = tcp.accept() => match accepted {
                    Ok((stream, address)) => doors.enter(&mut open, stream, Peer::Address(address.ip())),
                    Err(error) => refused(&error).await,
                },
                accepted = accept(socket.as_ref()) => match accepted {
                    Ok(stream) => doors.enter(&mut open, stream, Peer::Socket),
                    Err(error) => refused(&error).await,
                },
                Some(_) = open.join_next() => {}
            }
        }
        app.stopping.store(true, Ordering::Relaxed);
        app.operations.stop_all();
        let _ = ending.send(true);
        let all = async { while open.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            app.running.list().iter().for_each(|work| work.stop());
            open.shutdown().await;
        }
        app.agents.close();
        if let Some((_, path)) = socket {
            // A later start replaces it anyhow.
            let _ = fs::remove_file(path);
        }
    }
}

/// A connection could not be taken: most likely no file handles are left, so wait until some are closed.
async fn refused(error: &io::Error) {
    emit!(codes::SERVER_NET_001, error = %chain(error));
    tokio::time::sleep(Duration::from_millis(100)).await;
}

async fn accept(socket: Option<&(UnixListener, PathBuf)>) -> io::Result<UnixStream> {
    match socket {
        Some((listener, _)) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

/// Listens on a socket that only its owner may use. What an ended process left is replaced; one that answers is not.
async fn open_socket(path: &std::path::Path) -> io::Result<UnixListener> {
    if UnixStream::connect(path).await.is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another server answers there"));
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Waits until the server goes down.
async fn wanted(ended: &mut watch::Receiver<bool>) {
    // An error means that the server is gone, which is the same.
    let _ = ended.wait_for(|ended| *ended).await.map(|_| ());
}

/// Where connections come in.
struct Doors {
    router: Router,
    connections: Arc<Semaphore>,
    app: App,
    ended: watch::Receiver<bool>,
}

impl Doors {
    /// Serves a connection, or closes it at once when there are too many.
    fn enter<I>(&self, open: &mut JoinSet<()>, stream: I, peer: Peer)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Ok(place) = Arc::clone(&self.connections).try_acquire_owned() else { return };
        let (router, limits) = (self.router.clone(), self.app.config.limits.clone());
        let mut ended = self.ended.clone();
        open.spawn(async move {
            let phase = Phase::default();
            let paced = Paced::new(stream, phase.clone(), limits.head_time);
            let service = service_fn(move |request: Request<Incoming>| {
                let (router, phase) = (router.clone(), phase.clone());
                phase.set_answering(true);
                async move {
                    let mut request = request.map(Body::new);
                    request.extensions_mut().insert(peer);
                    let response = router.oneshot(request).await;
                    phase.set_answering(false);
                    response
                }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(limits.idle_time).max_buf_size(limits.head_bytes);
            let connection = http.serve_connection(TokioIo::new(paced), service);
            tokio::pin!(connection);
            // How a connection ends is the client's affair: what matters to us was counted with its requests.
            let served = tokio::select! {
                served = &mut connection => Some(served),
                () = wanted(&mut ended) => None,
            };
            if served.is_none() {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
            drop(place);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_cannot_be_taken_is_told() {
        let count = || arachne_telemetry::count_of(&codes::SERVER_NET_001);
        let before = count();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(refused(&io::Error::other("too many open files")));
        assert_eq!(count(), before + 1, "SERVER-NET-001");
    }
}
