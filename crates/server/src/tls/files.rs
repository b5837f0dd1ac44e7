//! The files of a certificate and its key, judged before anything is served with them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use sha2::{Digest as _, Sha256};
use x509_parser::parse_x509_certificate;

use super::TlsError;
use crate::config::TlsFiles;

/// Bytes of a file.
const BYTES_MAX: u64 = 1 << 20;

/// The bytes of both files.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Content {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content").finish_non_exhaustive()
    }
}

/// A certificate that can be served.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub key: Arc<CertifiedKey>,
    pub pin: String,
    /// First and last second of its validity since the Unix epoch.
    validity: (i64, i64),
}

impl Pair {
    /// Whether clients that look at the date accept it; else why not.
    pub fn valid_at(&self, now: i64) -> Result<(), String> {
        let (first, last) = self.validity;
        if now > last {
            return Err("the certificate has ended: renew it".to_owned());
        }
        if now < first {
            return Err("the certificate is not valid yet: look at its date and at the clock".to_owned());
        }
        Ok(())
    }
}

impl Content {
    pub fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self { certificate: read(&files.certificate)?, key: read(&files.key)? })
    }

    /// What stands for files that cannot be read.
    pub fn unreadable() -> Self {
        Self { certificate: Vec::new(), key: Vec::new() }
    }

    /// The certificate with those that lead to its issuer, and its key.
    pub fn pair(&self, files: &TlsFiles) -> Result<Pair, TlsError> {
        let wrong = |file: &Path, reason: String| TlsError::Content { file: file.to_owned(), reason };
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let list = read.map_err(|error| wrong(&files.certificate, format!("no PEM: {error}")))?;
        let validity = judge(&list).map_err(|reason| wrong(&files.certificate, reason))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key);
        let key =
            key.map_err(|_| wrong(&files.key, "a private key in PEM is expected, without a passphrase".to_owned()))?;
        let key = rustls::crypto::ring::sign::any_supported_type(&key);
        let key = key.map_err(|error| wrong(&files.key, format!("this key cannot be used: {error}")))?;
        let pair = CertifiedKey::new(list, key);
        match pair.keys_match() {
            Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                return Err(TlsError::OtherKey { certificate: files.certificate.clone(), key: files.key.clone() });
            }
            other => other?,
        }
        let pin = pin(pair.end_entity_cert()?)?;
        Ok(Pair { key: Arc::new(pair), pin, validity })
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let io = |source| TlsError::Io { file: file.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(file).and_then(|open| open.take(BYTES_MAX + 1).read_to_end(&mut bytes)).map_err(io)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io(std::io::Error::other("it is over 1 MiB: this is no certificate and no key")));
    }
    Ok(bytes)
}

/// The validity of the first certificate; each of the others must be the issuer of the one before it.
fn judge(list: &[CertificateDer<'_>]) -> Result<(i64, i64), String> {
    let parse = |der: &CertificateDer<'_>| {
        let (_, parsed) = parse_x509_certificate(der).map_err(|error| format!("no certificate: {error}"))?;
        let validity = (parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp());
        Ok::<_, String>((parsed.subject().as_raw().to_vec(), parsed.issuer().as_raw().to_vec(), validity))
    };
    let parsed = list.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    if let Some(at) = parsed.windows(2).position(|pair| pair[0].1 != pair[1].0) {
        let reason = "each certificate must be followed by that of its issuer; the server's own comes first";
        return Err(format!("certificate {} is not the issuer of certificate {}: {reason}", at + 2, at + 1));
    }
    let first = parsed.first().ok_or("there is no certificate in it: PEM is expected (-----BEGIN CERTIFICATE-----)")?;
    Ok(first.2)
}

/// SHA-256 of the public key of a certificate (its SubjectPublicKeyInfo, RFC 5280, section 4.1), as clients compare it.
fn pin(certificate: &CertificateDer<'_>) -> Result<String, Error> {
    let spki = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
    Ok(format!("sha256/{}", STANDARD.encode(Sha256::digest(&*spki))))
}
