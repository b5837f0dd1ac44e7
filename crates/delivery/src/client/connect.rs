//! Makes connections.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

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

/// Connects to one server, whatever a request names.
#[derive(Clone)]
pub(super) struct Connect {
    address: Address,
    tls: Option<(TlsConnector, ServerName<'static>)>,
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
        Ok(Self { address: address.clone(), tls })
    }

    async fn connect(self) -> io::Result<Stream> {
        let (host, port) = match &self.address {
            Address::Https { host, port } | Address::Loopback { host, port } => (host.as_str(), *port),
            Address::Unix(path) => return Ok(Stream::new(UnixStream::connect(path).await?, false)),
        };
        let tcp = TcpStream::connect((host, port)).await?;
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
