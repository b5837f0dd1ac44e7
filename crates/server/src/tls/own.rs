//! A certificate that the server makes for itself, once, and keeps: agents hold on to its public key.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, date_time_ymd,
};

use super::{TlsError, addresses};
use crate::config::TlsFiles;
use crate::durable;

/// The files in `data`, made where they are not there. A key without a certificate gets one: its pin stays.
pub(super) fn files(data: &Path, address: IpAddr) -> Result<TlsFiles, TlsError> {
    let folder = data.join("tls");
    let files = TlsFiles { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
    let io = |file: &Path| {
        let file = file.to_owned();
        move |source: io::Error| TlsError::Io { file, source }
    };
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(io(&folder))?;
    let key = if files.key.exists() {
        let text = fs::read_to_string(&files.key).map_err(io(&files.key))?;
        KeyPair::from_pem(&text).map_err(|error| TlsError::Content {
            file: files.key.clone(),
            reason: format!("no key: {error}; where it is removed a new one is made, whose pin agents have to be told"),
        })?
    } else {
        let key = KeyPair::generate()?;
        durable::write(&files.key, key.serialize_pem().as_bytes()).map_err(io(&files.key))?;
        key
    };
    if !files.certificate.exists() {
        let text = certificate(&key, addresses::names(address))?;
        durable::write(&files.certificate, text.as_bytes()).map_err(io(&files.certificate))?;
    }
    Ok(files)
}

/// ECDSA on P-256 with SHA-256. It holds for a century: what counts is its public key, which agents are told.
fn certificate(key: &KeyPair, names: Vec<String>) -> Result<String, TlsError> {
    let mut facts = CertificateParams::new(names)?;
    facts.not_before = date_time_ymd(2000, 1, 1);
    facts.not_after = date_time_ymd(2099, 12, 31);
    facts.distinguished_name = DistinguishedName::new();
    facts.distinguished_name.push(DnType::CommonName, "Arachne");
    facts.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    facts.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(facts.self_signed(key)?.pem())
}
