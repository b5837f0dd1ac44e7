//! Behind real proxies: a connection that they keep is never closed under a request, since they let go of it first.
//!
//! Scaled: proxies keep connections for a second, the server for three; in the field 60 or 90 seconds against 130. Clients pause for
//! about that second, so that requests meet connections at the very moment when they end. They are sent as POST, which no
//! proxy sends again by itself. Agents meet the same at both ends of the proxy: what was sent into a connection that ended goes once
//! more, and counts once.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use arachne_delivery::client::{Client, Trust};
use arachne_delivery::codec::Head;
use arachne_delivery::courier::Parcel;
use arachne_delivery::outbox::Answer;
use arachne_delivery::proto::Lane;
use arachne_server::{Auth, Limits};
use serde_json::json;

use crate::batches::{packed, stored};
use crate::client::post;
use crate::secure::here;
use crate::world::World;

/// How long proxies keep a connection.
const KEPT: Duration = Duration::from_secs(1);
/// Requests of each client, and clients.
const ROUNDS: u64 = 6;
const CLIENTS: u64 = 32;

/// A proxy that runs; it ends when it is dropped.
struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself, which the requests have told.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_address() -> SocketAddr {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    free.expect("there is a free port")
}

/// Starts `program` and waits until it listens; `None` with a message where it is not installed.
fn start(program: &str, arguments: &[&str], front: SocketAddr) -> Option<Proxy> {
    let mut command = Command::new(program);
    let Ok(child) = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    let mut proxy = Proxy(child);
    while TcpStream::connect(front).is_err() {
        assert!(proxy.0.try_wait().expect("it is a child").is_none(), "{program} has ended");
        std::thread::yield_now();
    }
    Some(proxy)
}

/// What stands in front of what.
struct Place<'a> {
    folder: &'a Path,
    front: SocketAddr,
    back: SocketAddr,
    /// Whether the server has TLS.
    secure: bool,
    /// Certificate and key, in PEM, where the proxy has TLS.
    identity: Option<&'a Path>,
}

fn nginx(place: &Place<'_>) -> Option<Proxy> {
    let Place { folder, front, back, secure, identity } = place;
    let (at, kept, scheme) = (folder.display(), KEPT.as_secs(), if *secure { "https" } else { "http" });
    let temporary =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {at}/{name};"));
    let tls = identity.map(|file| format!("ssl_certificate {0}; ssl_certificate_key {0};", file.display()));
    let (tls, http) = (tls.as_deref().unwrap_or_default(), if identity.is_some() { "ssl http2" } else { "" });
    let text = format!(
        "daemon off; pid {at}/pid; error_log {at}/error.log; worker_processes 1;\n\
         events {{ worker_connections 512; }}\n\
         http {{ access_log off; {}\n\
         upstream arachne {{ server {back}; keepalive 64; keepalive_timeout {kept}s; }}\n\
         server {{ listen {front} {http}; {tls} keepalive_timeout {kept}s; location / {{ proxy_pass {scheme}://arachne; proxy_http_version 1.1;\n\
         proxy_set_header Connection \"\"; proxy_set_header Host localhost; }} }} }}\n",
        temporary.join(" "),
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, text).expect("a file");
    start("nginx", &["-p", folder.to_str().expect("UTF-8"), "-c", file.to_str().expect("UTF-8")], *front)
}

fn haproxy(place: &Place<'_>) -> Option<Proxy> {
    let Place { folder, front, back, secure, identity } = place;
    let tls = if *secure { "ssl verify none" } else { "" };
    let listen = identity.map_or_else(String::new, |file| format!("ssl crt {} alpn h2,http/1.1", file.display()));
    let kept = KEPT.as_secs();
    let text = format!(
        "defaults\n  mode http\n  retries 0\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n  timeout http-keep-alive {kept}s\n  \
         http-reuse always\nlisten arachne\n  bind {front} {listen}\n  server one {back} pool-purge-delay {}ms {tls}\n",
        KEPT.as_millis() / 2
    );
    let file = folder.join("haproxy.cfg");
    fs::write(&file, text).expect("a file");
    start("haproxy", &["-db", "-f", file.to_str().expect("UTF-8")], *front)
}

type Starter = fn(&Place<'_>) -> Option<Proxy>;
const PROGRAMS: [(&str, Starter); 2] = [("nginx", nginx), ("haproxy", haproxy)];

/// 900 to 1100 ms, another one for each client and round.
fn pause(client: u64, round: u64) -> Duration {
    let off = (client * ROUNDS + round) * 7919 % 201;
    KEPT + Duration::from_millis(off) - Duration::from_millis(100)
}

/// Requests with pauses around the time that connections are kept: answers by status.
fn knock(front: SocketAddr, token: &str) -> Vec<u16> {
    let client = |client: u64| {
        let mut statuses = Vec::new();
        for round in 0..ROUNDS {
            let ask = post("/api/v1/query/top", &json!({"by": ["service"]}));
            let ask = ask.with("Authorization", &format!("Bearer {token}"));
            statuses.push(ask.send(front).status);
            std::thread::sleep(pause(client, round));
        }
        statuses
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|at| scope.spawn(move || client(at))).collect();
        clients.into_iter().flat_map(|client| client.join().expect("it only asks")).collect()
    })
}

#[test]
fn no_request_meets_a_closed_connection() {
    assert!(Limits::default().idle_time >= Duration::from_secs(120), "longer than proxies keep connections");
    for secure in [false, true] {
        let world = World::with(|config| {
            if secure {
                config.access.listen = SocketAddr::from(([0, 0, 0, 0], 0));
            }
            config.access.auth = Auth::Required;
            config.limits.idle_time = 3 * KEPT;
            (config.limits.rate, config.limits.burst) = (1_000_000, 1_000_000);
        });
        let back = here(world.address);
        let scheme = if secure { "https" } else { "http" };
        for (program, begin) in PROGRAMS {
            let folder = tempfile::tempdir().expect("a folder");
            let front = free_address();
            let place = Place { folder: folder.path(), front, back, secure, identity: None };
            let Some(_proxy) = begin(&place) else { continue };
            let statuses = knock(front, &world.token);
            let failed: Vec<_> = statuses.iter().filter(|status| **status != 200).collect();
            assert!(failed.is_empty(), "{program} over {scheme}: {failed:?} of {}", statuses.len());
            eprintln!("{program} over {scheme}: {} requests, none failed", statuses.len());
        }
    }
}

/// Batches with pauses around the time that connections are kept, one row in each, by as many agents as there are clients: all answers.
fn deliver(client: &dyn Fn(u64) -> Client) -> Vec<Answer> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let agent = |agent: u64| {
        let client = client(agent);
        runtime.spawn(async move {
            let mut answers = Vec::new();
            for round in 0..ROUNDS {
                let head =
                    Head { epoch: agent + 1, lane: Lane::Live, sequence: round + 1, closed: crate::world::START };
                answers.push(client.deliver(&Parcel { head, bytes: packed(&head, 1) }).await);
                tokio::time::sleep(pause(agent, round)).await;
            }
            answers
        })
    };
    let agents: Vec<_> = (0..CLIENTS).map(agent).collect();
    let answers = agents.into_iter().map(|agent| runtime.block_on(agent).expect("it only sends"));
    answers.flatten().collect()
}

#[test]
fn each_batch_is_taken_once_whatever_closes_its_connection() {
    let key = rcgen::KeyPair::generate().expect("there is randomness");
    let about = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    let certificate = about.self_signed(&key).expect("the key signs").pem();
    for (program, begin) in PROGRAMS {
        for tls in [true, false] {
            let world = World::with(|config| config.limits.idle_time = 3 * KEPT);
            let (folder, front) = (tempfile::tempdir().expect("a folder"), free_address());
            let identity = folder.path().join("identity.pem");
            fs::write(&identity, format!("{certificate}{}", key.serialize_pem())).expect("a file");
            let identity = tls.then_some(identity.as_path());
            let place = Place { folder: folder.path(), front, back: world.address, secure: false, identity };
            let Some(_proxy) = begin(&place) else { continue };
            let agent = |number: u64| {
                let added = world.add_agent(&format!("web-{number}"));
                let trust = tls.then(|| Trust::Roots(certificate.clone().into_bytes()));
                let address = format!("{}://{front}", if tls { "https" } else { "http" });
                let key = added.trim_start_matches("Bearer ");
                Client::new(address.parse().expect("an address"), trust.as_ref(), key).expect("they fit")
            };
            let answers = deliver(&agent);
            let wrong: Vec<_> =
                answers.iter().filter(|answer| **answer != Answer::Taken { seen_before: false }).collect();
            assert!(wrong.is_empty(), "{program}, TLS {tls}: {wrong:?} of {}", answers.len());
            assert_eq!(stored(&world, "agent:web-*"), CLIENTS * ROUNDS, "{program}, TLS {tls}");
        }
    }
}
