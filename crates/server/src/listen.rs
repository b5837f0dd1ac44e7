//! Doors: where connections come in, are encrypted where that is wanted, and speak HTTP/1.1 or HTTP/2.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use arachne_telemetry::{chain, codes, emit};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use futures_util::FutureExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tower::ServiceExt as _;

use crate::app::App;
use crate::config::Limits;
use crate::connection::{Leaving, Paced, Peer, Phase, Way};
use crate::tls::Tls;

/// How long requests may go on when a door closes.
const DRAIN: Duration = Duration::from_secs(10);
/// How long those who had just connected when a door closed have for their first request.
const LATE: Duration = Duration::from_millis(250);
/// How often an HTTP/2 connection is asked whether it is still there, and how long it may take to answer.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(20);
/// HTTP/2 requests that were taken back before they were begun, of one connection; more end it (CVE-2023-44487).
const RESETS_MAX: usize = 20;
/// Bytes of an HTTP/2 answer that wait for their receiver.
const SEND_BYTES_MAX: usize = 256 << 10;
/// The first byte of TLS: a handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;
/// The answer to who speaks plain HTTP where TLS is expected.
const PLAIN: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 62\r\n\
                     connection: close\r\n\r\nThis port speaks HTTPS: write https:// in place of http://.  \n";

/// The certificate of a door, which may change.
pub(crate) type Encryption = Arc<RwLock<Option<Arc<Tls>>>>;

/// What all doors share.
#[derive(Clone, Debug)]
pub(crate) struct House {
    pub router: Router,
    pub connections: Arc<Semaphore>,
    pub app: App,
}

/// Where connections come in.
#[derive(Debug)]
pub(crate) enum Entrance {
    /// An address.
    Tcp(TcpListener, Encryption),
    /// The socket in the data folder.
    Socket(UnixListener, PathBuf),
}

/// A door that is open.
#[derive(Debug)]
pub(crate) struct Door {
    closing: watch::Sender<bool>,
    /// Ends when nothing listens any more.
    listens: watch::Receiver<()>,
    task: JoinHandle<()>,
}

impl Door {
    /// Takes no more connections, and waits until its address is free. Requests that are being answered go on.
    pub async fn shut(&mut self) {
        let _ = self.closing.send(true);
        // Nothing is ever sent: it ends.
        let _ = self.listens.changed().await;
    }

    /// Takes no more connections; requests that are being answered get some seconds. Waits for them.
    pub async fn close(self) {
        let _ = self.closing.send(true);
        // It was ended with the runtime, or has panicked: it is closed.
        let _ = self.task.await;
    }
}

enum Arrived {
    Tcp(TcpStream, SocketAddr),
    Socket(UnixStream),
}

impl Entrance {
    async fn accept(&self) -> io::Result<Arrived> {
        match self {
            Self::Tcp(listener, _) => listener.accept().await.map(|(stream, peer)| Arrived::Tcp(stream, peer)),
            Self::Socket(listener, _) => listener.accept().await.map(|(stream, _)| Arrived::Socket(stream)),
        }
    }
}

/// Listens on a socket that only its owner may use. What an ended process left is replaced; one that answers is not.
pub(crate) async fn open_socket(path: &Path) -> io::Result<UnixListener> {
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

/// A connection could not be taken: most likely no file handles are left, so wait until some are closed.
async fn refused(error: &io::Error) {
    emit!(codes::SERVER_NET_001, error = %chain(error));
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// Waits until the door closes.
async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error means that the server is gone, which is the same.
    let _ = closing.wait_for(|closing| *closing).await.map(|_| ());
}

impl House {
    /// Takes connections until the door is closed.
    pub fn open(&self, entrance: Entrance) -> Door {
        let (closing, closed) = watch::channel(false);
        let (listening, listens) = watch::channel(());
        let task = tokio::spawn(self.clone().keep(entrance, closed, listening));
        Door { closing, listens, task }
    }

    async fn keep(self, entrance: Entrance, mut closing: watch::Receiver<bool>, listening: watch::Sender<()>) {
        let mut guests = JoinSet::new();
        loop {
            tokio::select! {
                () = closed(&mut closing) => break,
                arrived = entrance.accept() => match arrived {
                    Ok(arrived) => self.enter(&mut guests, &entrance, arrived, closing.clone()),
                    Err(error) => refused(&error).await,
                },
                Some(_) = guests.join_next() => {}
            }
        }
        // Who has connected already is served: it cannot know.
        while let Some(Ok(arrived)) = entrance.accept().now_or_never() {
            self.enter(&mut guests, &entrance, arrived, closing.clone());
        }
        let socket = match entrance {
            Entrance::Tcp(listener, _) => {
                drop(listener);
                None
            }
            Entrance::Socket(_, path) => Some(path),
        };
        drop(listening);
        let all = async { while guests.join_next().await.is_some() {} };
        if timeout(DRAIN, all).await.is_err() {
            guests.shutdown().await;
        }
        // A later start replaces it anyhow.
        socket.map(fs::remove_file);
    }

    /// Serves a connection, or closes it at once when there are too many.
    fn enter(&self, guests: &mut JoinSet<()>, entrance: &Entrance, arrived: Arrived, closing: watch::Receiver<bool>) {
        let Ok(place) = Arc::clone(&self.connections).try_acquire_owned() else { return };
        let guest = Guest { router: self.router.clone(), limits: self.app.config.limits.clone(), closing };
        match (entrance, arrived) {
            (Entrance::Tcp(listener, encryption), Arrived::Tcp(stream, peer)) => {
                let public = listener.local_addr().map_or(true, |address| !address.ip().is_loopback());
                let tls = encryption.read().unwrap_or_else(PoisonError::into_inner).clone();
                let way = Way { tls: tls.is_some(), public };
                let peer = Peer::Address(peer.ip().to_canonical());
                guests.spawn(async move {
                    match tls {
                        None => guest.serve(stream, peer, way).await,
                        Some(tls) => guest.encrypted(stream, &tls, peer, way).await,
                    }
                    drop(place);
                });
            }
            (_, Arrived::Socket(stream)) => {
                guests.spawn(async move {
                    guest.serve(stream, Peer::Socket, Way::default()).await;
                    drop(place);
                });
            }
            (Entrance::Socket(..), Arrived::Tcp(..)) => {}
        }
    }
}

/// One connection.
struct Guest {
    router: Router,
    limits: Limits,
    closing: watch::Receiver<bool>,
}

impl Guest {
    /// Shakes hands within the time of a head. Who speaks plain HTTP is told what to do.
    async fn encrypted(mut self, stream: TcpStream, tls: &Tls, peer: Peer, way: Way) {
        let hands = async {
            let mut first = [0];
            if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE {
                explain(stream, first[0]).await?;
                return io::Result::Ok(None);
            }
            tls.accept(stream).await.map(Some)
        };
        let hands = timeout(self.limits.head_time, hands);
        tokio::pin!(hands);
        let shaken = tokio::select! {
            shaken = &mut hands => shaken,
            () = closed(&mut self.closing) => match timeout(LATE, hands).await {
                Ok(shaken) => shaken,
                Err(_) => return,
            },
        };
        // How a handshake fails is told to the client by its alert.
        if let Ok(Ok(Some(stream))) = shaken {
            self.serve(stream, peer, way).await;
        }
    }

    async fn serve<I: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: I, peer: Peer, way: Way) {
        let Self { router, limits, mut closing } = self;
        let phase = Phase::default();
        let paced = Paced::new(stream, phase.clone(), limits.head_time);
        let counted = phase.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let (router, inside) = (router.clone(), counted.enter());
            async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(peer);
                request.extensions_mut().insert(way);
                let answered: Result<Response<Body>, _> = router.oneshot(request).await;
                answered.map(|response| response.map(|body| Leaving::new(body, inside)))
            }
        });
        let http = protocols(&limits);
        let connection = http.serve_connection(TokioIo::new(paced), service);
        tokio::pin!(connection);
        let idle = tokio::select! {
            // How a connection ends is the client's affair: what matters to us was counted with its requests.
            _ = &mut connection => return,
            () = closed(&mut closing) => false,
            () = phase.idle(limits.idle_time) => true,
        };
        if !idle && phase.is_new() && timeout(LATE, &mut connection).await.is_ok() {
            return;
        }
        connection.as_mut().graceful_shutdown();
        if idle {
            // Nothing is being answered: a client that does not let go is left.
            let _ = timeout(DRAIN, connection).await;
        } else {
            let _ = connection.await;
        }
    }
}

/// Both versions of HTTP with the limits of each.
fn protocols(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().max_buf_size(limits.head_bytes);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_send_buf_size(SEND_BYTES_MAX)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG);
    http
}

/// Answers a plain request; letters alone begin one.
async fn explain(mut stream: TcpStream, first: u8) -> io::Result<()> {
    if !first.is_ascii_uppercase() {
        return Ok(());
    }
    // What was sent is taken, since closing in front of it would take the answer back.
    let mut taken = vec![0; 16 << 10];
    let _ = stream.read(&mut taken).await?;
    stream.write_all(PLAIN.as_bytes()).await?;
    stream.shutdown().await?;
    while stream.read(&mut taken).await? > 0 {}
    Ok(())
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

    #[test]
    fn the_answer_to_plain_http_is_as_long_as_it_says() {
        let (head, body) = PLAIN.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}
