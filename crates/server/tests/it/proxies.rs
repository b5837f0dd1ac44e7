//! Behind real proxies: a connection that they keep is never closed under a request, since they let go of it first.
//!
//! Scaled: proxies keep connections for a second, the server for three; in the field 60 or 90 seconds against 130. Clients pause for
//! about that second, so that requests meet connections at the very moment when they end. They are sent as POST, which no
//! proxy sends again by itself.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use arachne_server::{Auth, Limits};
use serde_json::json;

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

fn nginx(folder: &Path, front: SocketAddr, back: SocketAddr, scheme: &str) -> Option<Proxy> {
    let at = folder.display();
    let temporary =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {at}/{name};"));
    let text = format!(
        "daemon off; pid {at}/pid; error_log {at}/error.log; worker_processes 1;\n\
         events {{ worker_connections 512; }}\n\
         http {{ access_log off; {}\n\
         upstream arachne {{ server {back}; keepalive 64; keepalive_timeout {}s; }}\n\
         server {{ listen {front}; location / {{ proxy_pass {scheme}://arachne; proxy_http_version 1.1;\n\
         proxy_set_header Connection \"\"; proxy_set_header Host localhost; }} }} }}\n",
        temporary.join(" "),
        KEPT.as_secs()
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, text).expect("a file");
    start("nginx", &["-p", folder.to_str().expect("UTF-8"), "-c", file.to_str().expect("UTF-8")], front)
}

fn haproxy(folder: &Path, front: SocketAddr, back: SocketAddr, secure: bool) -> Option<Proxy> {
    let tls = if secure { "ssl verify none" } else { "" };
    let text = format!(
        "defaults\n  mode http\n  retries 0\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n  \
         http-reuse always\nlisten arachne\n  bind {front}\n  server one {back} pool-purge-delay {}ms {tls}\n",
        KEPT.as_millis() / 2
    );
    let file = folder.join("haproxy.cfg");
    fs::write(&file, text).expect("a file");
    start("haproxy", &["-db", "-f", file.to_str().expect("UTF-8")], front)
}

/// Requests with pauses around the time that connections are kept: answers by status.
fn knock(front: SocketAddr, token: &str) -> Vec<u16> {
    let client = |client: u64| {
        let mut statuses = Vec::new();
        for round in 0..ROUNDS {
            let ask = post("/api/v1/query/top", &json!({"by": ["service"]}));
            let ask = ask.with("Authorization", &format!("Bearer {token}"));
            statuses.push(ask.send(front).status);
            // 900 to 1100 ms, another one for each client and round.
            let off = (client * ROUNDS + round) * 7919 % 201;
            std::thread::sleep(KEPT + Duration::from_millis(off) - Duration::from_millis(100));
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
        for program in ["nginx", "haproxy"] {
            let folder = tempfile::tempdir().expect("a folder");
            let front = free_address();
            let proxy = match program {
                "nginx" => nginx(folder.path(), front, back, scheme),
                _ => haproxy(folder.path(), front, back, secure),
            };
            let Some(_proxy) = proxy else { continue };
            let statuses = knock(front, &world.token);
            let failed: Vec<_> = statuses.iter().filter(|status| **status != 200).collect();
            assert!(failed.is_empty(), "{program} over {scheme}: {failed:?} of {}", statuses.len());
            eprintln!("{program} over {scheme}: {} requests, none failed", statuses.len());
        }
    }
}
