//! Clients that speak TLS.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{Request, Response};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, StreamOwned,
};
use sha2::{Digest as _, Sha256};

use crate::client::{Answer, Call, read};

/// A connection over TLS.
pub type Secure = StreamOwned<ClientConnection, TcpStream>;

/// Trusts a public key, whatever the certificate says.
#[derive(Debug)]
struct Pinned(String, Arc<CryptoProvider>);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let spki = ParsedCertificate::try_from(end)?.subject_public_key_info();
        let pin = format!("sha256/{}", STANDARD.encode(Sha256::digest(&*spki)));
        if pin == self.0 { Ok(ServerCertVerified::assertion()) } else { Err(Error::General("another key".to_owned())) }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.1.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.1.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.1.signature_verification_algorithms.supported_schemes()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A client that trusts a public key.
pub fn pinned(pin: &str, alpn: &[&str]) -> Arc<ClientConfig> {
    let verifier = Arc::new(Pinned(pin.to_owned(), provider()));
    let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let config = config.expect("there are some").dangerous().with_custom_certificate_verifier(verifier);
    speaking(config.with_no_client_auth(), alpn)
}

/// A client that trusts a certificate, as those do that were given it as their authority.
pub fn rooted(root: CertificateDer<'static>, alpn: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(root).expect("a certificate");
    let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    speaking(config.expect("there are some").with_root_certificates(roots).with_no_client_auth(), alpn)
}

fn speaking(mut config: ClientConfig, alpn: &[&str]) -> Arc<ClientConfig> {
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// Where a server that listens everywhere is reached.
pub fn here(address: SocketAddr) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()))
}

fn name() -> ServerName<'static> {
    ServerName::try_from("localhost").expect("a name")
}

/// Connects and shakes hands.
pub fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<Secure> {
    let mut stream = TcpStream::connect(here(address))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut connection = ClientConnection::new(Arc::clone(config), name()).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    Ok(StreamOwned::new(connection, stream))
}

/// Sends a request over a connection of its own.
pub fn send(address: SocketAddr, config: &Arc<ClientConfig>, call: &Call) -> io::Result<Answer> {
    use io::Write as _;
    let mut stream = connect(address, config)?;
    stream.write_all(&call.bytes())?;
    Ok(read(stream))
}

/// Sends requests over one HTTP/2 connection, one after the other.
pub fn over_http2(
    address: SocketAddr,
    config: &Arc<ClientConfig>,
    requests: Vec<Request<String>>,
) -> Vec<Response<hyper::body::Incoming>> {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(here(address)).await.expect("it listens");
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
        let stream = connector.connect(name(), stream).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.expect("it speaks HTTP/2");
        tokio::spawn(connection);
        let mut answers = Vec::new();
        for request in requests {
            answers.push(sender.send_request(request).await.expect("an answer"));
        }
        answers
    })
}
