//! TLS: a certificate from files, or one that the server made for itself; changed files count without a restart.
//!
//! TLS 1.3 and 1.2 with the cipher suites of rustls, HTTP/2 and HTTP/1.1 by ALPN (RFC 7301). There is no
//! `Strict-Transport-Security`: browsers hold it for a name with all its ports, so that it would break what else that
//! machine serves.

mod addresses;
mod files;
mod own;

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use arachne_telemetry::{chain, codes, emit};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::TlsFiles;
use files::{Content, Pair};

/// Why TLS cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("cannot read or write {file}")]
    Io {
        /// The file.
        file: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what is expected; the text says what.
    #[error("{file}: {reason}")]
    Content {
        /// The file.
        file: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The key is that of another certificate.
    #[error("the key in {key} is not that of the first certificate in {certificate}")]
    OtherKey {
        /// The file of certificates.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate")]
    Make(#[from] rcgen::Error),
    /// The library refuses to start.
    #[error("cannot set up TLS")]
    Library(#[from] rustls::Error),
}

/// What encrypts connections.
#[derive(Debug)]
pub(crate) struct Tls {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
    files: TlsFiles,
    seen: Mutex<Seen>,
}

/// What the files held when they were looked at last.
#[derive(Debug)]
struct Seen {
    content: Content,
    /// It is no pair, which is told when it stays so: files are replaced one after the other.
    doubtful: bool,
}

/// The certificate that new connections get.
#[derive(Debug)]
struct Current(RwLock<Pair>);

impl Current {
    fn pair(&self) -> Pair {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.pair().key)
    }
}

/// Seconds since the Unix epoch.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

impl Tls {
    /// Reads the certificate, or makes one in `data` for a server that listens on `address`.
    pub fn open(files: Option<&TlsFiles>, data: &Path, address: IpAddr) -> Result<Self, TlsError> {
        let files = match files {
            Some(files) => files.clone(),
            None => own::files(data, address)?,
        };
        let content = Content::read(&files)?;
        let pair = content.pair(&files)?;
        if let Err(reason) = pair.valid_at(now()) {
            emit!(codes::SERVER_TLS_003, file = files.certificate.display().to_string(), reason = reason);
        }
        let current = Arc::new(Current(RwLock::new(pair)));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as _);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let seen = Mutex::new(Seen { content, doubtful: false });
        Ok(Self { config: Arc::new(config), current, files, seen })
    }

    /// SHA-256 of the public key of the certificate that new connections get: `sha256/` and base64.
    pub fn pin(&self) -> String {
        self.current.pair().pin
    }

    /// Looks whether the files changed: a good pair counts from the next connection on, a bad one is refused. Blocks.
    pub fn refresh(&self) {
        let read = Content::read(&self.files);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let content = match read {
            Ok(content) if content == seen.content && !seen.doubtful => return,
            Ok(content) => content,
            Err(error) => {
                let told = Content::unreadable();
                if seen.content != told {
                    self.refuse(&chain(&error).to_string());
                    *seen = Seen { content: told, doubtful: false };
                }
                return;
            }
        };
        let usable = content.pair(&self.files).map_err(|error| chain(&error).to_string());
        let usable = usable.and_then(|pair| pair.valid_at(now()).map(|()| pair));
        let again = content == seen.content;
        match usable {
            Ok(pair) => {
                emit!(codes::SERVER_TLS_001, file = self.files.certificate.display().to_string(), pin = &*pair.pin);
                *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = pair;
                *seen = Seen { content, doubtful: false };
            }
            Err(reason) if again => {
                self.refuse(&reason);
                seen.doubtful = false;
            }
            Err(_) => *seen = Seen { content, doubtful: true },
        }
    }

    fn refuse(&self, reason: &str) {
        emit!(codes::SERVER_TLS_002, file = self.files.certificate.display().to_string(), error = reason);
    }

    /// Shakes hands.
    pub async fn accept<I: AsyncRead + AsyncWrite + Unpin>(&self, stream: I) -> io::Result<TlsStream<I>> {
        TlsAcceptor::from(Arc::clone(&self.config)).accept(stream).await
    }
}

#[cfg(test)]
mod tests;
