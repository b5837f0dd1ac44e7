//! The client against servers in this process: right ones, wrong ones, and ones that break off.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use prost::Message as _;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_rustls::TlsAcceptor;

use super::{Address, Client, ClientError, Pin, Trust};
use crate::codec::{Head, Packer, address, unpack};
use crate::courier::Parcel;
use crate::instructions::Instructions;
use crate::outbox::Answer;
use crate::proto::{Ack, Lane};
use crate::status::Status;

const KEY: &str = "ara_key";

fn parcel() -> Parcel {
    let head = Head { epoch: 7, lane: Lane::Backlog, sequence: 3, closed: 1 };
    let packed = Packer::new().expect("there is memory").pack(Vec::new()).expect("it is small");
    Parcel { head, bytes: address(&head, &packed).expect("there is memory") }
}

/// A server that does as it should.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    assert_eq!(request.headers()["authorization"], format!("Bearer {KEY}"));
    let version = request.version();
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.expect("the request is whole").to_bytes();
    let body = if path == crate::STATUS_PATH {
        let status: Status = serde_json::from_slice(&body).expect("it is a status");
        let instructions = Instructions { received: status.sent + 5, sent: status.sent + 6, ..Instructions::default() };
        serde_json::to_vec(&instructions).expect("it is plain")
    } else {
        let batch = unpack(&body).expect("it is a batch");
        let seen_before = version == Version::HTTP_2;
        Ack { epoch: batch.epoch, lane: batch.lane, sequence: batch.sequence, seen_before, ..Ack::default() }
            .encode_to_vec()
    };
    Ok(Response::new(Full::new(body.into())))
}

async fn serve(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
    // A client that goes away is none of the server's business.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(io), service_fn(answer)).await;
}

/// A server with TLS; its certificate, address, and how many connections it got.
async fn tls_server(alpn: &[&[u8]], expired: bool) -> (rcgen::Certificate, String, Arc<AtomicUsize>) {
    let key = rcgen::KeyPair::generate().expect("there is randomness");
    let mut about = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("it is a name");
    if expired {
        about.not_after = rcgen::date_time_ymd(2001, 1, 1);
    }
    let certificate = about.self_signed(&key).expect("the key signs");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let builder = builder.expect("ring has the versions").with_no_client_auth();
    let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).expect("they belong together");
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let port = listener.local_addr().expect("it is bound").port();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(tcp).await {
                    serve(stream).await;
                }
            });
        }
    });
    (certificate, format!("https://localhost:{port}"), connections)
}

fn client(address: &str, trust: Option<Trust>) -> Client {
    Client::new(address.parse().expect("it is an address"), trust.as_ref(), KEY).expect("they fit")
}

fn pin(certificate: &rcgen::Certificate) -> Trust {
    Trust::Pin(Pin::of(certificate.der()).expect("it is a certificate"))
}

fn why(answer: Answer) -> String {
    match answer {
        Answer::Failed { why } => why,
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn the_right_pin_is_enough_and_a_connection_is_kept() {
    let (certificate, address, connections) = tls_server(&[b"h2", b"http/1.1"], true).await;
    let client = client(&address, Some(pin(&certificate)));
    for _ in 0..3 {
        assert_eq!(client.deliver(&parcel()).await, Answer::Taken { seen_before: true }, "over HTTP/2");
    }
    let told = client.tell(Status::default()).await.expect("it answers");
    assert_eq!(told.exchange.received - told.exchange.sent, 5);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn without_http_2_it_is_http_1() {
    let (certificate, address, _) = tls_server(&[b"http/1.1"], false).await;
    let client = client(&address, Some(pin(&certificate)));
    assert_eq!(client.deliver(&parcel()).await, Answer::Taken { seen_before: false });
}

#[tokio::test]
async fn another_server_is_refused() {
    let (_, address, _) = tls_server(&[b"h2"], false).await;
    let (other, _, _) = tls_server(&[b"h2"], false).await;
    let why = why(client(&address, Some(pin(&other))).deliver(&parcel()).await);
    assert!(why.contains("the server's key is sha256/"), "{why}");
}

#[tokio::test]
async fn certificates_are_judged_by_those_that_are_given() {
    let (certificate, address, _) = tls_server(&[b"h2"], false).await;
    let roots = Trust::Roots(certificate.pem().into_bytes());
    assert_eq!(client(&address, Some(roots.clone())).deliver(&parcel()).await, Answer::Taken { seen_before: true });
    let (_, other, _) = tls_server(&[b"h2"], false).await;
    let unknown = why(client(&other, Some(roots)).deliver(&parcel()).await);
    assert!(unknown.contains("certificate"), "{unknown}");
    let (expired, address, _) = tls_server(&[b"h2"], true).await;
    let late = why(client(&address, Some(Trust::Roots(expired.pem().into_bytes()))).deliver(&parcel()).await);
    assert!(late.contains("certificate") && late.contains("expired"), "{late}");
}

#[tokio::test]
async fn a_socket_needs_no_tls() {
    let folder = tempfile::tempdir().expect("there is a place for tests");
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).expect("it is free");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    let client = client(&format!("unix:{}", path.display()), None);
    assert_eq!(client.deliver(&parcel()).await, Answer::Taken { seen_before: false });
}

#[test]
fn addresses_are_judged() {
    let https = |host: &str, port| Address::Https { host: host.to_owned(), port };
    let loopback = |host: &str, port| Address::Loopback { host: host.to_owned(), port };
    let good = [
        ("https://a.example", https("a.example", 7117), "https://a.example:7117"),
        ("https://a.example:1/", https("a.example", 1), "https://a.example:1"),
        ("https://[2001:db8::1]:7", https("2001:db8::1", 7), "https://[2001:db8::1]:7"),
        ("http://127.0.0.1:80", loopback("127.0.0.1", 80), "http://127.0.0.1:80"),
        ("http://[::1]", loopback("::1", 7117), "http://[::1]:7117"),
        ("http://localhost", loopback("localhost", 7117), "http://localhost:7117"),
        ("unix:/run/a", Address::Unix(PathBuf::from("/run/a")), "unix:/run/a"),
    ];
    for (text, address, shown) in good {
        assert_eq!(text.parse::<Address>().expect("it is an address"), address, "{text}");
        assert_eq!(address.to_string(), shown);
    }
    let bad =
        ["", "a.example", "ftp://a", "http://a.example", "http://10.0.0.1", "https://a/b", "https://a?b", "unix:run/a"];
    for text in bad.into_iter().chain(["https://u@a", "https://a:99999", "http://127.0.0.1.example", "https://"]) {
        assert!(matches!(text.parse::<Address>(), Err(ClientError::Address { .. })), "{text:?}");
    }
    let far = "https://a.example".parse().expect("it is an address");
    let refused = Client::new(far, None, KEY).expect_err("nobody is trusted");
    assert!(refused.to_string().contains("--pin"), "{refused}");
    assert!("sha256/AAAA".parse::<Pin>().is_err() && "sha1/AAAA".parse::<Pin>().is_err());
    let socket = || Address::Unix(PathBuf::from("/x"));
    assert!(matches!(Client::new(socket(), None, "a\nb"), Err(ClientError::Key)));
    assert!(!format!("{:?}", Client::new(socket(), None, KEY)).contains(KEY), "the key is never printed");
}

/// A server that reads a request and does what `act` does with the connection; `act` is told how many came before.
async fn raw_server<F>(act: impl Fn(usize, TcpStream) -> F + Send + 'static) -> (String, Arc<AtomicUsize>)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let before = count.fetch_add(1, Ordering::SeqCst);
            // The head comes in one piece, and there is nothing behind it that matters.
            let _ = tcp.read(&mut [0; 4096]).await;
            let acted = act(before, tcp);
            tokio::spawn(acted);
        }
    });
    (address, connections)
}

async fn reset(tcp: TcpStream) -> io::Result<()> {
    tcp.set_zero_linger()
}

fn ok() -> Vec<u8> {
    let Head { epoch, lane, sequence, .. } = parcel().head;
    let body = Ack { epoch, lane: lane.into(), sequence, ..Ack::default() }.encode_to_vec();
    let mut out = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    out.extend(body);
    out
}

#[tokio::test]
async fn a_reset_before_the_answer_is_tried_again_once() {
    let (address, connections) =
        raw_server(
            |before, mut tcp| async move { if before == 0 { reset(tcp).await } else { tcp.write_all(&ok()).await } },
        )
        .await;
    assert_eq!(client(&address, None).deliver(&parcel()).await, Answer::Taken { seen_before: false });
    assert_eq!(connections.load(Ordering::SeqCst), 2);

    let (address, connections) = raw_server(|_, tcp| reset(tcp)).await;
    why(client(&address, None).deliver(&parcel()).await);
    assert_eq!(connections.load(Ordering::SeqCst), 2, "once, not twice");

    let (address, connections) = raw_server(|_, mut tcp| async move {
        tcp.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await?;
        tcp.shutdown().await
    })
    .await;
    why(client(&address, None).deliver(&parcel()).await);
    assert_eq!(connections.load(Ordering::SeqCst), 1, "not behind the first byte of the answer");
}

#[tokio::test]
async fn nobody_at_home_is_told_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    drop(listener);
    let why = why(client(&address, None).deliver(&parcel()).await);
    assert!(why.contains("refused"), "{why}");
}

const PROBLEM: &str = "content-type: application/problem+json\r\n";

#[tokio::test]
async fn answers_mean_what_the_protocol_says() {
    let later = |seconds: Option<u64>, why: &str| Answer::Later {
        after: seconds.map(Duration::from_secs),
        why: why.to_owned(),
    };
    let refused = |why: &str| Answer::Refused { why: why.to_owned() };
    let failed = |why: &str| Answer::Failed { why: why.to_owned() };
    let cases = [
        ("400 x", PROBLEM, r#"{"code":"bad-batch","detail":"rows\u0007 lie"}"#, refused("400: rows lie")),
        ("413 x", PROBLEM, r#"{"code":"too-large","title":"too large"}"#, refused("413: too large")),
        // What a proxy says, or a server that did not get all of it, or that is older than the agent.
        ("400 x", "", r#"{"code":"bad-batch","detail":"no problem"}"#, failed("400: no problem")),
        ("400 x", PROBLEM, r#"{"code":"bad-request","detail":"it ended early"}"#, failed("400: it ended early")),
        ("400 x", PROBLEM, "bad-batch", failed("400: bad-batch")),
        ("413 x", "content-type: text/html\r\n", "<html>", failed("413: <html>")),
        ("422 x", PROBLEM, r#"{"code":"version","detail":"1 is taken"}"#, failed("422: 1 is taken")),
        ("401 x", "", "", Answer::Key { why: "401: ".to_owned() }),
        ("403 x", "", "", Answer::Key { why: "403: ".to_owned() }),
        ("429 x", "retry-after: 7\r\n", "", later(Some(7), "429: ")),
        ("503 x", "retry-after: soon\r\n", "", later(None, "503: ")),
        ("507 x", "", "", Answer::Full { why: "507: ".to_owned() }),
        ("404 x", "", "", failed("404: ")),
        ("502 x", "", "<html>", failed("502: <html>")),
        ("302 x", "location: http://127.0.0.1/\r\n", "", failed("302: ")),
        ("200 OK", "", "ok", failed("the answer acknowledges another batch, or none")),
        ("200 OK", "", "", failed("the answer acknowledges another batch, or none")),
    ];
    for (status, headers, body, expected) in cases {
        let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
        let (address, _) = raw_server(move |_, mut tcp| {
            let text = text.clone();
            async move { tcp.write_all(text.as_bytes()).await }
        })
        .await;
        assert_eq!(client(&address, None).deliver(&parcel()).await, expected, "{status}");
    }
}

#[tokio::test]
async fn garbage_is_no_answer() {
    for garbage in [&b"\x16\x03\x01\x00"[..], b"HTTP/1.1 999999 x\r\n\r\n", b"\0\0\0\0", b""] {
        let (address, _) = raw_server(move |_, mut tcp| async move {
            tcp.write_all(garbage).await?;
            tcp.shutdown().await
        })
        .await;
        why(client(&address, None).deliver(&parcel()).await);
        let status = client(&address, None).tell(Status::default()).await;
        assert!(matches!(status, Err(ClientError::Failed { .. })), "{status:?}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let (address, connections) = raw_server(|_, tcp| async move {
        std::future::pending::<()>().await;
        drop(tcp);
        Ok(())
    })
    .await;
    let client = Client { patience: Duration::from_millis(50), ..client(&address, None) };
    let why = why(client.deliver(&parcel()).await);
    assert!(why.contains("no answer within 50ms"), "{why}");
    assert_eq!(connections.load(Ordering::SeqCst), 1, "whoever is slow is not asked twice at once");
}
