//! An HTTP check: asks for a page from time to time and tells status, time, and when the certificate ends. It follows no
//! redirect and keeps no byte of the answer.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::report::Readings;
use crate::text::number;
use crate::tls;
use crate::{Collector, Metric, Sink};

/// What it reads.
pub const SAYS: &str = "An HTTP or HTTPS address that is asked for with GET every 10 s, `url` being the address without its query. A certificate \
is not judged: when it ends is told, whoever signed it.";

const DURATION: Metric = Metric::gauge(
    "httpcheck.duration",
    "ns",
    &["url"],
    "from the look-up of the name to the last byte, 1 MiB at most",
    "the clock",
);
const STATUS: Metric = Metric::counter(
    "httpcheck.status",
    "1",
    &["status", "url"],
    "answers by status; else `refused`, `timeout`, or `failed`: no connection, no TLS, no HTTP",
    "RFC 9112, section 4",
);
const REMAINING: Metric = Metric::gauge(
    "httpcheck.tls.cert_remaining",
    "ns",
    &["url"],
    "time until the certificate ends; 0 when it has ended",
    "RFC 5280, section 4.1.2.5",
);
/// What it measures.
pub const METRICS: &[&[Metric]] = &[&[DURATION, STATUS, REMAINING]];

const EVERY: Duration = Duration::from_secs(10);
/// All of a check.
const PATIENCE: Duration = Duration::from_secs(8);
const BYTES_MAX: usize = 1 << 20;

/// Asks for a page every 10 s.
#[derive(Debug)]
pub struct Check {
    url: String,
    host: String,
    port: u16,
    path: String,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    readings: Readings,
}

/// An answer: its status, and when the certificate ends, in seconds since the Unix epoch.
type Answer = (u16, Option<i64>);

impl Check {
    /// Of an address such as `https://www.example.com/health`.
    ///
    /// # Errors
    /// It is none of http or https, or names no host.
    pub fn new(url: &str) -> Result<Self, String> {
        let wrong = || format!("{url:?} is no address: one such as https://www.example.com/health is expected");
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let secure = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(wrong()),
        };
        let (place, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = match place.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong())?),
            None => (place, if secure { 443 } else { 80 }),
        };
        if host.is_empty() || url.chars().any(|letter| letter.is_control() || letter.is_whitespace() || letter == '@') {
            return Err(wrong());
        }
        let name = host.trim_matches(['[', ']']);
        let tls = if secure {
            Some((Arc::new(tls::of_anyone()?), ServerName::try_from(name.to_owned()).map_err(|_| wrong())?))
        } else {
            None
        };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let label = url.split(['?', '#']).next().unwrap_or_default().to_owned();
        Ok(Self { url: label, host: name.to_owned(), port, path, tls, readings: Readings::new(EVERY) })
    }

    fn ask(&self) -> std::io::Result<Answer> {
        let deadline = Instant::now() + PATIENCE;
        let address = (self.host.as_str(), self.port).to_socket_addrs()?.next().ok_or(ErrorKind::NotFound)?;
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let Some((config, name)) = &self.tls else { return Ok((self.exchange(stream, deadline)?, None)) };
        let connection = ClientConnection::new(config.clone(), name.clone()).map_err(std::io::Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        let status = self.exchange(&mut stream, deadline)?;
        let certificate = stream.conn.peer_certificates().and_then(|chain| chain.first());
        Ok((status, certificate.and_then(|certificate| end(certificate))))
    }

    fn exchange(&self, mut stream: impl Read + Write, deadline: Instant) -> std::io::Result<u16> {
        let (path, host, port) = (&self.path, &self.host, self.port);
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: arachne\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let (mut head, mut total, mut bytes) = (Vec::new(), 0, [0; 8192]);
        while total < BYTES_MAX {
            let length = match stream.read(&mut bytes) {
                Ok(0) => break,
                Ok(length) => length,
                // Many servers end TLS without saying so; what was to be said was said.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof && total > 0 => break,
                Err(error) => return Err(error),
            };
            if Instant::now() > deadline {
                return Err(ErrorKind::TimedOut.into());
            }
            total += length;
            head.extend_from_slice(&bytes[..length.min(32_usize.saturating_sub(head.len()))]);
        }
        status(&head).ok_or_else(|| std::io::Error::other("no HTTP"))
    }
}

/// The status of an answer.
fn status(head: &[u8]) -> Option<u16> {
    let code = head.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    number(code).and_then(|code| u16::try_from(code).ok()).filter(|code| (100..600).contains(code))
}

/// When a certificate ends.
fn end(certificate: &[u8]) -> Option<i64> {
    Some(x509_parser::parse_x509_certificate(certificate).ok()?.1.validity().not_after.timestamp())
}

impl Collector for Check {
    fn name(&self) -> &'static str {
        "check"
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn collect(&mut self, now: i64, sink: &mut dyn Sink) -> Result<(), String> {
        let begin = Instant::now();
        let answer = self.ask();
        let took = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let Some(mut report) = self.readings.begin(now, sink) else { return Ok(()) };
        let status = match &answer {
            Ok((status, _)) => status.to_string(),
            Err(error) => match error.kind() {
                ErrorKind::ConnectionRefused => "refused",
                ErrorKind::TimedOut | ErrorKind::WouldBlock => "timeout",
                _ => "failed",
            }
            .to_owned(),
        };
        report.counter(&STATUS, &[&status, &self.url], 1, 1);
        report.gauge(&DURATION, &[&self.url], took);
        if let Ok((_, Some(end))) = answer {
            let left = i128::from(end) * 1_000_000_000 - i128::from(now);
            report.gauge(&REMAINING, &[&self.url], u64::try_from(left.max(0)).unwrap_or(u64::MAX));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use proptest::prelude::*;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::{ServerConfig, ServerConnection};

    use super::*;
    use crate::testing::Found;

    const SECOND: i64 = 1_000_000_000;

    /// Answers one request, over TLS where there is a configuration; the port.
    fn server(answer: &'static [u8], tls: Option<Arc<ServerConfig>>) -> (u16, std::thread::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let serve = move || {
            let (stream, _) = listener.accept().expect("the check comes");
            match tls {
                None => reply(stream, answer),
                Some(config) => reply(StreamOwned::new(ServerConnection::new(config).expect("valid"), stream), answer),
            }
        };
        (port, std::thread::spawn(serve))
    }

    fn reply(mut stream: impl Read + Write, answer: &[u8]) {
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("it asks");
            asked.push(byte[0]);
        }
        assert!(asked.starts_with(b"GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:"), "{}", String::from_utf8_lossy(&asked));
        stream.write_all(answer).and_then(|()| stream.flush()).expect("it listens");
    }

    fn check(url: &str, now: i64) -> Found {
        let mut found = Found::default();
        Check::new(url).expect("an address").collect(now, &mut found).expect("a check never fails");
        found
    }

    fn outcome(found: &Found) -> &str {
        let status = found.points.iter().find(|point| point.name == STATUS.name).expect("always told");
        status.labels.strip_prefix("status: ").and_then(|labels| labels.lines().next()).expect("its first label")
    }

    #[test]
    fn a_page_over_tls_tells_everything_that_is_listed() {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
        params.not_after = rcgen::date_time_ymd(2031, 1, 1);
        let pair = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&pair).expect("a certificate").der().clone();
        let end = 1_924_992_000;
        let key = PrivateKeyDer::try_from(pair.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("TLS");
        let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).expect("a pair");
        let (port, thread) = server(b"HTTP/1.1 204 No Content\r\n\r\n", Some(Arc::new(config)));
        let found = check(&format!("https://127.0.0.1:{port}/a?b"), (end - 100) * SECOND);
        thread.join().expect("it was asked as expected");
        found.assert_all_of(METRICS[0]);
        assert_eq!(outcome(&found), "204");
        assert_eq!(found.total(&REMAINING), 100 * SECOND);
        assert!(found.total(&DURATION) > 0);
        assert!(found.points.iter().all(|point| point.labels.ends_with(&format!("url: https://127.0.0.1:{port}/a\n"))));
    }

    #[test]
    fn what_goes_wrong_is_told_as_a_status() {
        let cases: [(&[u8], &str); 4] = [
            (b"HTTP/1.0 503 Busy\r\n\r\nbody", "503"),
            (b"SSH-2.0-x\r\n", "failed"),
            (b"HTTP/1.1 999 x\r\n\r\n", "failed"),
            (b"", "failed"),
        ];
        for (answer, expected) in cases {
            let (port, thread) = server(answer, None);
            assert_eq!(outcome(&check(&format!("http://127.0.0.1:{port}/a?b"), 0)), expected);
            thread.join().expect("it was asked as expected");
        }
        let free =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
        assert_eq!(outcome(&check(&format!("http://127.0.0.1:{free}"), 0)), "refused");
    }

    #[test]
    fn only_addresses_of_pages_are_taken() {
        for url in [
            "www.example.com",
            "ftp://x/",
            "http://",
            "http://x:y/",
            "http://a b/",
            "http://u:p@x/",
            "https:///x",
            "http://x/\r\n",
        ] {
            assert!(Check::new(url).is_err(), "{url}");
        }
        let check = Check::new("https://[::1]/x?secret#y").expect("an address");
        assert_eq!((check.host.as_str(), check.port, check.url.as_str()), ("::1", 443, "https://[::1]/x"));
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_an_error_and_any_bytes_a_status_or_none(text in "(https?://)?\\PC{0,20}", bytes: Vec<u8>) {
            let _ = Check::new(&text);
            status(&bytes);
            end(&bytes);
        }
    }
}
