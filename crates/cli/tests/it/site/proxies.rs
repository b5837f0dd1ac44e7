//! Agents whose server stands behind a real nginx or HAProxy, with the configuration that `docs/delivery.md` gives.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::delivery::{is_balanced, is_delivered};
use super::process::{Process, wait};
use super::{Host, SERVER, Site, hosts, web};

/// Where the proxy is, as its configuration has it.
const FRONT: &str = "10.9.1.1:443";
/// Bytes of each answer, which do not pack.
const NOISE: usize = 900_000;

/// A proxy that ends TLS in front of a server.
#[derive(Clone, Copy)]
struct Proxy {
    program: &'static str,
    /// What stands around the documented part in the test: a log that has a line for each request, its status and its bytes.
    around: fn(&str, &Path) -> String,
    /// Options that name the file.
    options: &'static [&'static str],
    /// Whether its log is what it says.
    says_log: bool,
}

const NGINX: Proxy = Proxy {
    program: "nginx",
    // Connections are closed after twenty requests, so that many are while requests are sent.
    around: |text, at| {
        let at = at.display();
        let temporary =
            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {at}/{name};"));
        format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log; events {{ worker_connections 256; }}\n\
             http {{ log_format told 'told $status $request_length $request_uri'; access_log {at}/access.log told;\n\
             keepalive_requests 20; {}\n{text} }}\n",
            temporary.join(" ")
        )
    },
    options: &["-c"],
    says_log: false,
};

const HAPROXY: Proxy = Proxy {
    program: "haproxy",
    around: |text, _| {
        format!(
            "defaults\n  log stdout format raw local0\n  log-format \"told %ST %U %HU\"\n  timeout client 75s\n{text}"
        )
    },
    options: &["-db", "-f"],
    says_log: true,
};

impl Proxy {
    /// The part of the documentation, with the names and addresses of the site.
    fn documented(self, site: &Site<'_>) -> String {
        let page = include_str!("../../../../../docs/delivery.md");
        let (_, rest) = page.split_once(&format!("```{}\n", self.program)).expect("the page has it");
        let (text, _) = rest.split_once("```").expect("it ends");
        let file = |name: &str| site.path(name).display().to_string();
        let own = site.data().join("tls/certificate.pem").display().to_string();
        let puts = [
            ("10.0.0.9:7117", SERVER.to_owned()),
            ("443 ssl http2", format!("{FRONT} ssl http2")),
            (":443 ssl crt", format!("{FRONT} ssl crt")),
            ("/etc/ssl/arachne.example.pem", file("proxy.pem")),
            ("/etc/ssl/arachne.example.key", file("proxy.key")),
            ("/etc/ssl/arachne.example.both.pem", file("proxy.both")),
            ("/var/lib/arachne/tls/certificate.pem", own),
        ];
        puts.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    /// Starts it; `None` with a message where it is not installed.
    fn start(self, site: &Site<'_>) -> Option<Process> {
        if Command::new(self.program).arg("-v").output().is_err() {
            eprintln!("skipped: {} is not installed (the Debian package of that name)", self.program);
            return None;
        }
        let folder = site.path("proxy");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("conf");
        std::fs::write(&file, (self.around)(&self.documented(site), &folder)).unwrap();
        let mut command = Command::new("sh");
        // What it says and what it logs are one file.
        command.args(["-c", "exec \"$@\" 1>&2", "sh", self.program]).args(self.options).arg(file);
        let process = Process::start(command, &self.log(site));
        wait(self.program, || TcpStream::connect(FRONT).is_ok());
        Some(process)
    }

    fn log(self, site: &Site<'_>) -> PathBuf {
        site.path(if self.says_log { "proxy/access.log" } else { "proxy/said.log" })
    }

    /// Status and bytes of each request of the agent that it passed on.
    fn passed(self, site: &Site<'_>) -> Vec<(u16, u64)> {
        let log = std::fs::read_to_string(site.path("proxy/access.log")).unwrap();
        let told = |line: &str| {
            let mut words = line.split_once("told ")?.1.split(' ');
            let (status, bytes, path) = (words.next()?, words.next()?, words.next()?);
            path.contains("/agent/").then(|| Some((status.parse().ok()?, bytes.parse().ok()?)))?
        };
        log.lines().filter_map(told).collect()
    }
}

/// A certificate for the proxy, and its key, as both want them.
fn identify(site: &Site<'_>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["10.9.1.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    std::fs::write(site.path("proxy.both"), format!("{certificate}{key}")).unwrap();
    std::fs::write(site.path("proxy.pem"), certificate).unwrap();
    std::fs::write(site.path("proxy.key"), key).unwrap();
}

/// The command line of an agent that goes there.
fn behind(site: &Site<'_>, words: Vec<String>) -> Vec<String> {
    let ca = site.path("proxy.pem").display().to_string();
    let mut is_pin = false;
    let word = |word: String| match word.as_str() {
        "--pin" => {
            is_pin = true;
            "--ca".to_owned()
        }
        _ if std::mem::take(&mut is_pin) => ca.clone(),
        _ => word.replace(SERVER, FRONT),
    };
    words.into_iter().map(word).collect()
}

fn goes_through(proxy: Proxy) {
    hosts(move |far| {
        let site = Site::new(far);
        identify(&site);
        let Some(running) = proxy.start(&site) else { return };
        web::serve_noise(&site, NOISE);
        let words = behind(&site, site.register("web-1"));
        let agent = site.start_agent("web-1", Host::Far, &words);
        agent.wait_for("AGENT-NET-002", 1);
        let mut paths: Vec<String> = Vec::new();
        let mut visit = |name: &str, times: usize, pause: Duration| {
            for n in 0..times {
                // Several at once: their answers are in one batch, of more than the 1 MiB that nginx would let pass by itself.
                let some: Vec<_> = (0..3).map(|one| format!("/{name}/{n}/{one}")).collect();
                web::visit(&some);
                paths.extend(some);
                std::thread::sleep(pause);
            }
        };
        visit("calm", 12, Duration::from_millis(400));
        let all = |agent: &serde_json::Value| is_delivered(agent) && is_balanced(agent);
        site.wait_agent("web-1", "delivered", all);
        for trouble in ["AGENT-NET-001", "AGENT-NET-003", "AGENT-SPOOL-003"] {
            assert!(!agent.said().contains(trouble), "{}: {}", proxy.program, agent.said());
        }
        // Gone in the middle of whatever is under way.
        drop(running);
        visit("away", 2, Duration::from_millis(400));
        let _running = proxy.start(&site);
        visit("back", 4, Duration::from_millis(100));
        site.wait_for_each_once(&paths);
        site.wait_agent("web-1", "what left is what came", |agent| {
            all(agent) && agent["status"]["stages"]["spool"]["output"] == agent["delivered"]["rows"]
        });
        let passed = proxy.passed(&site);
        let wrong: Vec<_> = passed.iter().filter(|(status, _)| *status != 200).collect();
        let largest = passed.iter().map(|(_, bytes)| *bytes).max().unwrap_or_default();
        assert!(wrong.is_empty(), "{}: {wrong:?} of {}", proxy.program, passed.len());
        assert!(
            passed.len() > 40 && largest > 1 << 20,
            "{}: {} requests, at most {largest} bytes",
            proxy.program,
            passed.len()
        );
        eprintln!("{}: {} requests of the agent, none failed, at most {largest} bytes", proxy.program, passed.len());
        assert_eq!(agent.end(), Some(0));
    });
}

#[test]
fn all_goes_through_a_real_nginx_once() {
    goes_through(NGINX);
}

#[test]
fn all_goes_through_a_real_haproxy_once() {
    goes_through(HAPROXY);
}
