//! The way to a server: HTTP/2 with TLS, HTTP/1.1 where the server speaks no other, HTTP/1.1 without TLS on a Unix socket
//! or to this host.
//!
//! Connections are kept and shared, idle ones for 55 s, less than servers and proxies keep them. A request whose connection
//! breaks before the first byte of an answer goes once more at once, and one that finds its connection ended before it is sent goes by
//! another; all else is left to [`crate::outbox`]. A way that
//! swallows everything, in one direction or both, is noticed within 10 s: by pings of HTTP/2, by the TCP user time-out
//! otherwise.

mod address;
mod answer;
mod connect;
mod tls;

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};

pub use address::Address;
pub use tls::{Pin, Trust};

use crate::clock::Exchange;
use crate::courier::Parcel;
use crate::instructions::{Instructions, known};
use crate::outbox::Answer;
use crate::status::Status;
use crate::{BATCHES_PATH, STATUS_PATH};
use connect::Connect;

/// An idle connection is closed by us before the server or anything between does it.
const IDLE: Duration = Duration::from_secs(55);
/// Without any answer, and for every 64 KiB of a request that much longer.
const REQUEST: Duration = Duration::from_secs(15);
const SLOWEST_BYTES_PER_SECOND: u64 = 64 << 10;
const PING: Duration = Duration::from_secs(3);
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer.
const ANSWER_MAX: usize = 4 << 20;

/// Why there is no client, or no answer to a status.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// An address that is none.
    #[error("{address:?} is no address of a server: {why}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong, and what to write.
        why: &'static str,
    },
    /// A pin or a file of certificates that cannot be used.
    #[error("{0}")]
    Trust(String),
    /// A key with bytes that no header has.
    #[error("the key has bytes that no key has: it is one line that begins with ara_")]
    Key,
    /// No answer.
    #[error("no answer from {address}: {why}")]
    Failed {
        /// The server.
        address: String,
        /// What happened.
        why: String,
    },
    /// An answer, but not the right one.
    #[error("{address} answers {status}: {why}")]
    Status {
        /// The server.
        address: String,
        /// The status code.
        status: u16,
        /// What it says.
        why: String,
    },
}

/// The answer to a status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// What the server says.
    pub instructions: Instructions,
    /// Settings of its configuration that a later version brought: they are left out.
    pub unknown: Vec<String>,
    /// A configuration that cannot be read, and is left out.
    pub misread: Option<Misread>,
    /// The instants of the question and the answer, for [`crate::clock::Clock`].
    pub exchange: Exchange,
}

/// A configuration that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    /// Its version.
    pub version: u64,
    /// Why.
    pub why: String,
}

/// A client of one server. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Client {
    address: Address,
    authorization: HeaderValue,
    /// [`REQUEST`], but in tests.
    patience: Duration,
    connect: Connect,
    http: legacy::Client<Connect, Full<Bytes>>,
}

/// An answer as it came.
#[derive(Debug)]
struct Raw {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Client {
    /// A client. Nothing is connected yet. Needs a tokio runtime later, with time and I/O.
    ///
    /// # Errors
    /// [`ClientError`] when address, trust and key cannot be used together.
    pub fn new(address: Address, trust: Option<&Trust>, key: &str) -> Result<Self, ClientError> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| ClientError::Key)?;
        authorization.set_sensitive(true);
        let connect = Connect::new(&address, trust)?;
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            // Nothing of these has left: a connection that was kept ended before they were sent, and the next one may have, too.
            .retry_canceled_requests(true);
        Ok(Self { http: builder.build(connect.clone()), connect, address, authorization, patience: REQUEST })
    }

    /// Where the server is on the network: all addresses that its name stands for, as of the last connection, and those of shortly
    /// before. Empty for a socket in the file system.
    #[must_use]
    pub fn places(&self) -> Vec<SocketAddr> {
        self.connect.known_places()
    }

    /// Resolves the server's name, so that [`Self::places`] are known before anything is sent.
    ///
    /// # Errors
    /// It cannot be resolved now; each connection tries again.
    pub async fn resolve(&self) -> std::io::Result<()> {
        self.connect.resolve().await.map(drop)
    }

    /// Sends a batch and says what became of it.
    pub async fn deliver(&self, parcel: &Parcel) -> Answer {
        let body = Bytes::from(parcel.bytes.clone());
        let answer = self.post(BATCHES_PATH, "application/x-protobuf", Some("zstd"), body).await;
        match answer {
            Ok(raw) => answer::of_batch(raw.status, &raw.headers, &raw.body, &parcel.head),
            Err(why) => Answer::Failed { why },
        }
    }

    /// Tells how the agent is. [`Status::sent`] is set to the clock of this moment.
    ///
    /// # Errors
    /// [`ClientError::Failed`] and [`ClientError::Status`].
    pub async fn tell(&self, mut status: Status) -> Result<Told, ClientError> {
        let failed = |why: String| ClientError::Failed { address: self.address.to_string(), why };
        status.sent = wall_clock();
        let body = serde_json::to_vec(&status).map_err(|error| failed(error.to_string()))?;
        let raw = self.post(STATUS_PATH, "application/json", None, body.into()).await.map_err(failed)?;
        let arrived = wall_clock();
        if raw.status != StatusCode::OK {
            let why = answer::said(&raw.body);
            return Err(ClientError::Status { address: self.address.to_string(), status: raw.status.as_u16(), why });
        }
        let mut told = instructed(&raw.body).map_err(|error| failed(format!("its instructions are none: {error}")))?;
        let (received, answered) = (told.instructions.received, told.instructions.sent);
        told.exchange = Exchange { sent: status.sent, received, answered, arrived };
        Ok(told)
    }

    /// Posts, and once more when the connection breaks before an answer begins.
    async fn post(
        &self,
        path: &str,
        content_type: &'static str,
        encoding: Option<&'static str>,
        body: Bytes,
    ) -> Result<Raw, String> {
        let most = self.patience + Duration::from_secs(body.len() as u64 / SLOWEST_BYTES_PER_SECOND);
        let end = Instant::now() + most;
        let mut again = true;
        loop {
            let mut request = Request::post(self.address.uri(path))
                .header(AUTHORIZATION, self.authorization.clone())
                .header(CONTENT_TYPE, content_type);
            if let Some(encoding) = encoding {
                request = request.header(CONTENT_ENCODING, encoding);
            }
            let request = request.body(Full::new(body.clone())).map_err(|error| error.to_string())?;
            let answer = tokio::time::timeout_at(end.into(), self.http.request(request)).await;
            match answer.map_err(|_| format!("no answer within {most:?}"))? {
                Ok(response) => return read(end, response).await,
                // A connection that was not made is another matter: the server may be away.
                Err(error) if again && !error.is_connect() && !is_silence(&error) => again = false,
                Err(error) => return Err(chain(&error)),
            }
        }
    }
}

/// Reads instructions of a server that may be newer: a configuration as far as it is known, and all else without it where it cannot
/// be read. Their instants are not filled in.
///
/// # Errors
/// They are none.
pub fn instructed(body: &[u8]) -> Result<Told, serde_json::Error> {
    let mut value: serde_json::Value = serde_json::from_slice(body)?;
    let config = value.get_mut("config").map(serde_json::Value::take).filter(|config| !config.is_null());
    let mut told = Told { instructions: serde_json::from_value(value)?, ..Told::default() };
    let Some(config) = config else { return Ok(told) };
    let version = config.get("version").and_then(serde_json::Value::as_u64).unwrap_or(0);
    match known(config) {
        Ok((config, unknown)) => (told.instructions.config, told.unknown) = (Some(config), unknown),
        Err(error) => {
            let why = format!("this version of the agent does not understand it: {error}");
            told.misread = Some(Misread { version, why });
        }
    }
    Ok(told)
}

async fn read(end: Instant, response: hyper::Response<hyper::body::Incoming>) -> Result<Raw, String> {
    let (head, body) = response.into_parts();
    let body = tokio::time::timeout_at(end.into(), Limited::new(body, ANSWER_MAX).collect()).await;
    let body = body.map_err(|_| "the answer does not end in time".to_owned())?;
    let body = body.map_err(|error| format!("the answer breaks off or is too long: {error}"))?.to_bytes();
    Ok(Raw { status: head.status, headers: head.headers, body })
}

/// Whether a connection was given up since nothing came for long: another one would meet the same silence.
fn is_silence(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let timed_out = |error: &std::io::Error| error.kind() == std::io::ErrorKind::TimedOut;
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_timeout)
            || error.downcast_ref::<std::io::Error>().is_some_and(timed_out)
        {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An error with all that caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let one = error.to_string();
        if !text.ends_with(&one) {
            text.push_str(": ");
            text.push_str(&one);
        }
        cause = error.source();
    }
    text
}

fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
