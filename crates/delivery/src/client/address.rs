//! Where a server is.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use hyper::Uri;

use super::ClientError;

/// The address of a server: `https://host[:port]`, `http://` to this host only, or `unix:/path` of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// With TLS.
    Https {
        /// Name or address, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// Without, to this host.
    Loopback {
        /// `localhost` or a loopback address, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// The port of a server where none is told.
const PORT: u16 = 7117;

impl FromStr for Address {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        let wrong = |why| ClientError::Address { address: text.to_owned(), why };
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
            return if path.is_absolute() { Ok(Self::Unix(path)) } else { Err(wrong("write unix:/path/of/socket")) };
        }
        let uri: Uri = text.parse().map_err(|_| wrong("write https://host:port"))?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong("it ends behind the port"));
        }
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let authority = authority.ok_or_else(|| wrong("write https://host:port"))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = if authority.as_str().len() > authority.host().len() {
            authority.port_u16().ok_or_else(|| wrong("the port is a number up to 65535"))?
        } else {
            PORT
        };
        match uri.scheme_str() {
            Some("https") => Ok(Self::Https { host, port }),
            Some("http") if is_loopback(&host) => Ok(Self::Loopback { host, port }),
            Some("http") => Err(wrong("records and keys go to other hosts over TLS only: write https://")),
            _ => Err(wrong("write https://host:port")),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

impl Address {
    /// What a request to `path` names.
    pub(super) fn uri(&self, path: &str) -> String {
        match self {
            Self::Unix(_) => format!("http://localhost{path}"),
            _ => format!("{self}{path}"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Https { host, port } => write!(f, "https://{}:{port}", bracketed(host)),
            Self::Loopback { host, port } => write!(f, "http://{}:{port}", bracketed(host)),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
