//! Which server is the right one: by the pin of its key, or by certificates that are given.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};

use super::ClientError;

/// The SHA-256 of a server's key (the DER of its `SubjectPublicKeyInfo`), written `sha256/` and base64. It stays when the
/// certificate is renewed with the same key, and nobody else's certificate has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl Pin {
    /// Of a certificate in DER; `None` when it is none.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let certificate = CertificateDer::from(certificate);
        let parsed = ParsedCertificate::try_from(&certificate).ok()?;
        Some(Self(Sha256::digest(parsed.subject_public_key_info()).into()))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Pin {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        let bytes = text.strip_prefix("sha256/").and_then(|text| STANDARD.decode(text).ok());
        let digest = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        digest.map(Self).ok_or_else(|| {
            let why = format!("{text:?} is no pin: it is sha256/ and 44 characters, as `arachne agents add` prints it");
            ClientError::Trust(why)
        })
    }
}

/// Which server is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The one with this key, whatever its certificate says about names and dates.
    Pin(Pin),
    /// Those whose certificates follow from these, in PEM, for the name in the address and at this time.
    Roots(Vec<u8>),
}

/// The configuration of TLS: 1.3, or 1.2.
pub(super) fn config(trust: &Trust) -> Result<ClientConfig, ClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let failed = |error: Error| ClientError::Trust(error.to_string());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(failed)?;
    let mut config = match trust {
        Trust::Pin(pin) => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Pinned { pin: *pin, provider }))
        }
        Trust::Roots(pem) => builder.with_root_certificates(roots(pem)?),
    }
    .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn roots(pem: &[u8]) -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate =
            certificate.map_err(|error| ClientError::Trust(format!("the file of certificates is no PEM: {error}")))?;
        roots.add(certificate).map_err(|error| ClientError::Trust(format!("a certificate cannot be used: {error}")))?;
    }
    if roots.is_empty() {
        return Err(ClientError::Trust(
            "the file of certificates has none: it is PEM with BEGIN CERTIFICATE".to_owned(),
        ));
    }
    Ok(roots)
}

/// Takes the certificate with the right key, and no other.
#[derive(Debug)]
struct Pinned {
    pin: Pin,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match Pin::of(end_entity) {
            Some(pin) if pin == self.pin => Ok(ServerCertVerified::assertion()),
            Some(pin) => Err(Error::General(format!("the server's key is {pin}, not {}", self.pin))),
            None => Err(Error::InvalidCertificate(CertificateError::BadEncoding)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
