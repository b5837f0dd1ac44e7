//! Certificates of every kind of wrong, and files that change.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;

use arachne_telemetry::count_of;
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

use super::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

fn files(folder: &Path) -> TlsFiles {
    TlsFiles { certificate: folder.join("c.pem"), key: folder.join("k.pem") }
}

fn put(files: &TlsFiles, certificate: &str, key: &str) {
    fs::write(&files.certificate, certificate).expect("a file");
    fs::write(&files.key, key).expect("a file");
}

/// A certificate for localhost that signs itself, and its key, in PEM.
fn pair() -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    (certificate(&key).pem(), key.serialize_pem())
}

fn certificate(key: &KeyPair) -> Certificate {
    let facts = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    facts.self_signed(key).expect("a certificate")
}

#[test]
fn the_own_certificate_is_made_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Tls::open(None, folder.path(), HERE).expect("it is made");
    let (key, certificate) = (folder.path().join("tls/key.pem"), folder.path().join("tls/certificate.pem"));
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&key), mode(&certificate), mode(&folder.path().join("tls"))), (0o600, 0o600, 0o700));
    assert!(first.pin().starts_with("sha256/") && first.pin().len() == 7 + 44, "{}", first.pin());
    assert!(first.current.pair().valid_at(now()).is_ok());
    let again = Tls::open(None, folder.path(), HERE).expect("it is there");
    assert_eq!(again.pin(), first.pin());
    fs::remove_file(&certificate).expect("it is there");
    assert_eq!(Tls::open(None, folder.path(), HERE).expect("it is made").pin(), first.pin(), "the key stays");
    fs::write(&key, "no key").expect("a file");
    let told = chain(&Tls::open(None, folder.path(), HERE).expect_err("no key")).to_string();
    assert!(told.contains("tls/key.pem") && told.contains("removed"), "{told}");
}

#[test]
fn a_pair_that_is_none_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = files(folder.path());
    let ((certificate, key), (_, other_key)) = (pair(), pair());
    let stranger = {
        let mut facts = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        facts.distinguished_name.push(rcgen::DnType::CommonName, "another");
        facts.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate").pem()
    };
    let reversed = format!("{certificate}{stranger}");
    let long = "x".repeat((1 << 20) + 1);
    for (certificate, key, told) in [
        (&*certificate, &*other_key, "is not that of the first certificate"),
        ("", &*key, "there is no certificate in it"),
        ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", &*key, "no PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &*key, "no certificate"),
        (&*reversed, &*key, "certificate 2 is not the issuer of certificate 1"),
        (&*certificate, "", "a private key in PEM is expected"),
        (&*certificate, &*certificate, "a private key in PEM is expected"),
        (&*certificate, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "this key cannot be used"),
        (&*long, &*key, "over 1 MiB"),
    ] {
        put(&files, certificate, key);
        let error = Tls::open(Some(&files), folder.path(), HERE).expect_err(told);
        let text = chain(&error).to_string();
        assert!(text.contains(told), "{text} without {told}");
        assert!(text.contains("c.pem") || text.contains("k.pem"), "{text}");
        assert!(!text.contains("BEGIN PRIVATE"), "{text}");
    }
    put(&files, &certificate, &key);
    fs::remove_file(&files.key).expect("it is there");
    let text = chain(&Tls::open(Some(&files), folder.path(), HERE).expect_err("no file")).to_string();
    assert!(text.contains("k.pem"), "{text}");
}

#[test]
fn a_certificate_comes_with_its_issuer() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = files(folder.path());
    let root_key = KeyPair::generate().expect("a key");
    let mut root = CertificateParams::new(Vec::new()).expect("no names");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name.push(rcgen::DnType::CommonName, "root");
    let root_certificate = root.self_signed(&root_key).expect("a certificate");
    let key = KeyPair::generate().expect("a key");
    let facts = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let leaf = facts.signed_by(&key, &Issuer::from_params(&root, &root_key)).expect("a certificate");
    put(&files, &format!("{}{}", leaf.pem(), root_certificate.pem()), &key.serialize_pem());
    let tls = Tls::open(Some(&files), folder.path(), HERE).expect("a chain");
    assert_eq!(tls.current.pair().key.cert.len(), 2);
}

#[test]
fn changed_files_count_and_bad_ones_do_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = files(folder.path());
    let counts = || (count_of(&codes::SERVER_TLS_001), count_of(&codes::SERVER_TLS_002));
    let (certificate, key) = pair();
    put(&files, &certificate, &key);
    let tls = Tls::open(Some(&files), folder.path(), HERE).expect("a pair");
    let first = tls.pin();
    let (before_good, before_bad) = counts();
    tls.refresh();
    assert_eq!(counts(), (before_good, before_bad), "nothing changed");
    let (other, other_key) = pair();
    // One file after the other, with a look in between.
    fs::write(&files.certificate, &other).expect("a file");
    tls.refresh();
    assert_eq!((counts(), tls.pin()), ((before_good, before_bad), first.clone()), "it may be half done");
    fs::write(&files.key, &other_key).expect("a file");
    tls.refresh();
    assert_ne!(tls.pin(), first);
    assert_eq!(counts().0, before_good + 1, "SERVER-TLS-001");
    let second = tls.pin();
    let ended = {
        let key = KeyPair::generate().expect("a key");
        let mut facts = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        facts.not_after = date_time_ymd(2001, 1, 1);
        (facts.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
    };
    for (at, (certificate, key)) in (1..).zip([(&*other, &*key), ("", ""), (&*ended.0, &*ended.1)]) {
        put(&files, certificate, key);
        (0..4).for_each(|_| tls.refresh());
        assert_eq!((counts().1, tls.pin()), (before_bad + at, second.clone()), "SERVER-TLS-002, once each");
    }
    fs::remove_file(&files.key).expect("it is there");
    (0..4).for_each(|_| tls.refresh());
    assert_eq!((counts().1, tls.pin()), (before_bad + 4, second), "no file");
    put(&files, &certificate, &key);
    tls.refresh();
    assert_eq!(tls.pin(), first, "it is back");
    let before = count_of(&codes::SERVER_TLS_003);
    put(&files, &ended.0, &ended.1);
    Tls::open(Some(&files), folder.path(), HERE).expect("a server starts with what it has");
    assert_eq!(count_of(&codes::SERVER_TLS_003), before + 1, "SERVER-TLS-003");
}
