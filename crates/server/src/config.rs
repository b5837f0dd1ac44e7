//! How the server is set up, and the caps of what it takes (law 3).

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use arachne_aggregate::template::Rule;

use crate::control::Access;

/// The port of `arachne serve` unless another one is given.
pub const PORT: u16 = 7117;

/// Who may ask over TCP. The socket in the data folder is guarded by the rights of its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// Whoever is on this machine, on a loopback address only.
    #[default]
    Local,
    /// Whoever has a token.
    Required,
}

/// A certificate and its key, in PEM. Changed files count from the next connection on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, then those that lead to its issuer.
    pub certificate: PathBuf,
    /// The private key of the first.
    pub key: PathBuf,
}

/// How the server is set up, at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who may ask, and where.
    pub access: Access,
    /// The data folder: holds `auth.json`, `socket`, `tls/` and `uploads/`. It must exist.
    pub data: PathBuf,
    /// Whether it also listens on `socket` in the data folder.
    pub socket: bool,
    /// Rules for templates of paths, the first that matches counts: before what is learned.
    pub paths: Vec<Rule>,
    /// What it takes.
    pub limits: Limits,
}

impl Config {
    /// The defaults on a data folder: loopback, port [`PORT`], no login.
    #[must_use]
    pub fn new(data: PathBuf) -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
        let auth = Auth::default();
        let access = Access { listen, public_url: None, auth, tls: None, beacons: None, own_series: true };
        Self { access, data, socket: true, paths: Vec::new(), limits: Limits::default() }
    }
}

/// What the server takes at most. What goes beyond is refused with an error that names the limit.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request body other than an upload.
    pub body_bytes: usize,
    /// Bytes of one upload.
    pub upload_bytes: u64,
    /// Bytes of all uploads that wait for their import.
    pub uploads_bytes: u64,
    /// Uploads that wait or are imported.
    pub uploads: usize,
    /// Bytes of a request head.
    pub head_bytes: usize,
    /// Time from the first byte of a request head to its last.
    pub head_time: Duration,
    /// Time that a connection may be idle; longer than the idle time-outs of what stands in front.
    pub idle_time: Duration,
    /// Time of a request until its answer begins, and between two parts of a body, in either direction.
    pub request_time: Duration,
    /// Time of a streamed answer.
    pub stream_time: Duration,
    /// How often the files of the certificate are looked at.
    pub look_time: Duration,
    /// Requests that work at the same time.
    pub working: usize,
    /// Requests that one HTTP/2 connection may have open.
    pub streams: u32,
    /// Connections.
    pub connections: usize,
    /// Requests a second of one client, on average.
    pub rate: u32,
    /// Requests that a client may send at once after a rest.
    pub burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            upload_bytes: 64 << 30,
            uploads_bytes: 128 << 30,
            uploads: 8,
            head_bytes: 64 << 10,
            head_time: Duration::from_secs(15),
            idle_time: Duration::from_secs(130),
            request_time: Duration::from_secs(30),
            stream_time: Duration::from_secs(3600),
            look_time: Duration::from_secs(2),
            working: 32,
            streams: 100,
            connections: 8192,
            rate: 200,
            burst: 1000,
        }
    }
}
