//! What is watched: a web server and its visitors.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arachne_testkit::random::Random;

use super::Site;
use super::process::{Process, wait};

/// Where visitors find it.
pub const WEB: &str = "10.9.0.2:80";

/// Answers every request, on the far host, for as long as the tests live.
pub fn serve(site: &Site<'_>, body: &'static str) {
    serve_each(site, move |_| body.to_owned());
}

/// The same with texts of so many bytes that do not pack, another one in each answer.
pub fn serve_noise(site: &Site<'_>, bytes: usize) {
    serve_each(site, move |number| {
        let mut random = Random::new(number);
        (0..bytes).map(|_| char::from(b'!' + u8::try_from(random.below(90)).unwrap())).collect()
    });
}

fn serve_each(site: &Site<'_>, body: impl Fn(u64) -> String + Send + Sync + 'static) {
    let (body, count) = (Arc::new(body), Arc::new(AtomicU64::new(0)));
    site.far.run(move || {
        let listener = TcpListener::bind(WEB).unwrap();
        thread::spawn(move || {
            listener.incoming().flatten().for_each(|visitor| {
                let (body, count) = (Arc::clone(&body), Arc::clone(&count));
                thread::spawn(move || answer(visitor, || body(count.fetch_add(1, Ordering::Relaxed))));
            });
        });
    });
}

fn answer(visitor: TcpStream, body: impl Fn() -> String) -> Option<()> {
    let (mut into, mut lines) = (visitor.try_clone().ok()?, BufReader::new(visitor).lines());
    loop {
        while !lines.next()?.ok()?.is_empty() {}
        let (kind, body) = ("Content-Type: text/plain", body());
        let answer = format!("HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        into.write_all(answer.as_bytes()).ok()?;
    }
}

/// Starts a real nginx on the far host; `None` with a message where there is none.
pub fn nginx(site: &Site<'_>) -> Option<Process> {
    if Command::new("nginx").arg("-v").output().is_err() {
        eprintln!("skipped: nginx is not installed (Debian package nginx-light)");
        return None;
    }
    let (folder, text) = (site.path("nginx"), include_str!("nginx.conf"));
    for inside in ["body", "proxy", "fcgi", "uwsgi", "scgi"] {
        std::fs::create_dir_all(folder.join(inside)).unwrap();
    }
    std::fs::write(folder.join("nginx.conf"), text).unwrap();
    let process = site.far.run(move || {
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "error.log"]);
        Process::start(command, &folder.join("log"))
    });
    wait("nginx", || TcpStream::connect(WEB).is_ok());
    Some(process)
}

/// The paths in the log of that nginx.
pub fn logged(folder: &Path) -> Vec<String> {
    std::fs::read_to_string(folder.join("access.log")).unwrap().lines().map(str::to_owned).collect()
}

/// Asks for these paths one after another on one connection.
pub fn visit(paths: &[String]) {
    let to: SocketAddr = WEB.parse().unwrap();
    let mut connection = TcpStream::connect(to).unwrap();
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    for path in paths {
        connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\n\r\n").as_bytes()).unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(reader.read_line(&mut line).unwrap() > 0, "an answer to {path}");
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        reader.read_exact(&mut vec![0; length]).unwrap();
    }
}

/// Visitors that come until this is dropped, each path once.
pub struct Visitors {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<u64>>,
}

impl Visitors {
    /// So many at a time, each with a connection of its own for each visit, and a pause behind it.
    pub fn come(name: &str, at_a_time: u64, pause: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let one = |thread: u64| {
            let (stop, name) = (Arc::clone(&stop), name.to_owned());
            thread::spawn(move || {
                let mut visits = 0;
                while !stop.load(Ordering::Relaxed) {
                    visit(&[format!("/{name}/{thread}/{visits}")]);
                    visits += 1;
                    thread::sleep(pause);
                }
                visits
            })
        };
        let threads = (0..at_a_time).map(one).collect();
        Self { stop, threads }
    }

    /// Ends it; gives the number of visits.
    pub fn leave(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).map(|thread| thread.join().unwrap()).sum()
    }
}

impl Drop for Visitors {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
