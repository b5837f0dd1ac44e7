//! Makes connections.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::{Address, ClientError, Trust, tls};

/// To connect, with TLS.
const CONNECT: Duration = Duration::from_secs(5);
/// Bytes that nobody acknowledges for so long break a connection, in milliseconds.
const UNACKNOWLEDGED_MS: u32 = 8_000;
/// Addresses of the server that are known at most; further ones of one answer are hardly used.
const PLACES_MAX: usize = 16;
/// How long one is known that is no answer any more: longer than idle connections are kept.
const PLACE_KEPT: Duration = Duration::from_secs(120);

/// Connects to one server, whatever a request names.
#[derive(Clone)]
pub(super) struct Connect {
    address: Address,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    places: Arc<Mutex<Places>>,
}

/// Where the server is on the network, as its name was resolved: the newest answer, and those of shortly before, whose connections may
/// still be open.
#[derive(Debug, Default)]
struct Places {
    /// With when it was last an answer.
    known: Vec<(SocketAddr, Instant)>,
}

impl Places {
    fn note(&mut self, found: &[SocketAddr], now: Instant) {
        self.known.retain(|(place, seen)| !found.contains(place) && now.duration_since(*seen) < PLACE_KEPT);
        self.known.splice(0..0, found.iter().map(|place| (*place, now)));
        self.known.truncate(PLACES_MAX);
    }

    fn all(&self, now: Instant) -> Vec<SocketAddr> {
        let newest = self.known.first().map(|(_, seen)| *seen);
        let is_used = |seen: Instant| Some(seen) == newest || now.duration_since(seen) < PLACE_KEPT;
        let mut all: Vec<SocketAddr> =
            self.known.iter().filter(|(_, seen)| is_used(*seen)).map(|(place, _)| *place).collect();
        all.sort_unstable();
        all
    }
}

impl std::fmt::Debug for Connect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connect").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Connect {
    pub fn new(address: &Address, trust: Option<&Trust>) -> Result<Self, ClientError> {
        let tls = match (address, trust) {
            (Address::Https { host, .. }, Some(trust)) => {
                let wrong = |_| ClientError::Address { address: address.to_string(), why: "the host is no name" };
                let name = ServerName::try_from(host.clone()).map_err(wrong)?;
                Some((TlsConnector::from(Arc::new(tls::config(trust)?)), name))
            }
            (Address::Https { .. }, None) => {
                let why =
                    "an https server is known by its pin (--pin sha256/...) or by certificates (--ca FILE): name one";
                return Err(ClientError::Trust(why.to_owned()));
            }
            _ => None,
        };
        Ok(Self { address: address.clone(), tls, places: Arc::default() })
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // Each change leaves it whole.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See [`super::Client::places`].
    pub fn known_places(&self) -> Vec<SocketAddr> {
        self.places().all(Instant::now())
    }

    /// Resolves the server's name.
    pub async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let (Address::Https { host, port } | Address::Loopback { host, port }) = &self.address else {
            return Ok(Vec::new());
        };
        let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), *port)).await?.collect();
        self.places().note(&found, Instant::now());
        Ok(found)
    }

    async fn connect(self) -> io::Result<Stream> {
        if let Address::Unix(path) = &self.address {
            return Ok(Stream::new(UnixStream::connect(path).await?, false));
        }
        // Each time, and noted before anything is sent: a server may have moved.
        let tcp = TcpStream::connect(self.resolve().await?.as_slice()).await?;
        tcp.set_nodelay(true)?;
        #[cfg(target_os = "linux")]
        rustix::net::sockopt::set_tcp_user_timeout(&tcp, UNACKNOWLEDGED_MS)?;
        let Some((tls, name)) = self.tls else { return Ok(Stream::new(tcp, false)) };
        let stream = tls.connect(name, tcp).await?;
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Stream::new(stream, h2))
    }
}

impl tower_service::Service<Uri> for Connect {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let connect = tokio::time::timeout(CONNECT, self.clone().connect());
        Box::pin(async move {
            connect.await.unwrap_or_else(|_| {
                Err(io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {} s", CONNECT.as_secs())))
            })
        })
    }
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection of any kind.
pub(super) struct Stream {
    io: TokioIo<Box<dyn Io>>,
    h2: bool,
}

impl Stream {
    fn new(io: impl Io + 'static, h2: bool) -> Self {
        Self { io: TokioIo::new(Box::new(io)), h2 }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        if self.h2 { Connected::new().negotiated_h2() } else { Connected::new() }
    }
}

impl Read for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{PLACE_KEPT, PLACES_MAX, Places};

    #[test]
    fn a_server_that_moves_is_known_at_both_places_for_a_while() {
        let (mut places, begun) = (Places::default(), Instant::now());
        let place = |n: usize| std::net::SocketAddr::from(([10, 0, 0, u8::try_from(n).expect("small")], 443));
        places.note(&[place(1), place(2)], begun);
        let long = begun + 10 * PLACE_KEPT;
        assert_eq!(places.all(long), [place(1), place(2)], "there is no newer answer");
        places.note(&[place(2), place(3)], long);
        assert_eq!(places.all(long), [place(2), place(3)]);
        places.note(&[place(4)], long + PLACE_KEPT / 2);
        assert_eq!(places.all(long + PLACE_KEPT / 2), [place(2), place(3), place(4)]);
        assert_eq!(places.all(long + 2 * PLACE_KEPT), [place(4)]);
        places.note(&(0..100).map(place).collect::<Vec<_>>(), long);
        assert_eq!(places.all(long).len(), PLACES_MAX);
    }
}
