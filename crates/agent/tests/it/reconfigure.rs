//! Another process takes the place of the one that captures, and nobody notices.

use std::net::UdpSocket;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arachne_delivery::instructions::AgentConfig;
use arachne_delivery::status::State;
use nix::sys::signal::Signal;

use crate::agent::{Agent, signal, wait};
use crate::net::hosts;
use crate::server::Server;

fn start(folder: &std::path::Path, server: &Server) -> Agent {
    Agent::start(folder, &server.arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn config(version: u64) -> AgentConfig {
    let (interfaces, filter) = (vec!["near".to_owned()], "udp dst port 9".to_owned());
    AgentConfig { version, interfaces, filter, ..AgentConfig::default() }
}

fn configure(server: &Server, config: AgentConfig) {
    let version = config.version;
    server.state().instructions.config = Some(config);
    server.wait_status(&format!("version {version}"), |status| status.config.applied == version);
}

/// An agent that captures by [`config`], and its server.
fn capturing() -> (tempfile::TempDir, Server, Agent) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.state().instructions.config = Some(config(2));
    let agent = start(folder.path(), &server);
    server.wait_status("version 2", |status| status.config.applied == 2 && status.state == State::Capturing);
    (folder, server, agent)
}

#[test]
fn every_packet_is_counted_once_while_ring_and_threads_change() {
    hosts(|_| {
        let (_folder, server, agent) = capturing();
        let mut processes = agent.capture_processes();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        // The namespace is that of the thread that starts it.
        let sender = std::thread::spawn(move || {
            let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
            let mut sent = 0_u64;
            while !stopped.load(Ordering::Relaxed) {
                // Nobody listens: refusals of earlier ones come back as errors, and the next one is sent.
                let done = socket.send_to(&sent.to_be_bytes(), "10.9.0.2:9").is_ok();
                sent += u64::from(done);
                std::thread::sleep(Duration::from_micros(200));
            }
            sent
        });
        for (version, threads, ring_bytes) in [(3, 1, 8 << 20), (4, 2, 8 << 20), (5, 2, 16 << 20), (6, 1, 16 << 20)] {
            let mut config = config(version);
            (config.limits.threads, config.limits.ring_bytes) = (threads, ring_bytes);
            configure(&server, config);
            server.wait_status("it captures", |status| status.state == State::Capturing);
            processes.extend(agent.capture_processes());
        }
        // What another process is not needed for.
        let mut last = config(7);
        (last.limits.body_bytes, last.limits.memory_bytes) = (1000, 256 << 20);
        wait("the last one alone", || agent.capture_processes().len() == 1);
        let before = agent.capture_processes();
        configure(&server, last);
        assert_eq!(agent.capture_processes(), before);
        stop.store(true, Ordering::Relaxed);
        let sent = sender.join().unwrap();
        assert_eq!(agent.end(), 0);
        processes.sort_unstable();
        processes.dedup();
        assert!(processes.len() >= 5, "each had a process of its own: {processes:?}");
        let state = server.state();
        let sum = |stage: &str, count: &str| {
            let same = |row: &&arachne_model::table::QualityRow| row.stage == stage && row.count == count;
            state.rows.quality.iter().filter(same).map(|row| row.value).sum::<u64>()
        };
        assert!(sent > 1000, "{sent}");
        assert_eq!((sum("packets", "in"), sum("kernel", "in"), sum("kernel", "dropped")), (sent, sent, 0));
        assert_eq!(sum("capture", "unaccounted"), 0);
    });
}

#[test]
fn a_capture_that_cannot_be_made_keeps_the_one_there_is_also_over_a_start() {
    hosts(|_| {
        let (folder, server, agent) = capturing();
        let process = agent.capture_processes();
        // Fewer files than it takes threads: their sockets cannot be opened.
        let open = std::fs::read_dir(format!("/proc/{}/fd", agent.pid())).unwrap().count();
        let limit = format!("--nofile={}", (open + 16).max(40));
        let limited = Command::new("prlimit").args(["--pid", &agent.pid().to_string(), &limit]).status();
        assert!(limited.is_ok_and(|status| status.success()), "the tool prlimit of util-linux is installed");
        let mut large = config(3);
        (large.limits.threads, large.limits.memory_bytes) = (64, 1 << 30);
        server.state().instructions.config = Some(large);
        server.wait_status("the refusal", |status| status.config.received == 3 && status.config.error.is_some());
        agent.wait_for("AGENT-CONFIG-001", 1);
        let status = server.state().status.clone().unwrap();
        assert_eq!((status.config.applied, status.state), (2, State::Capturing), "{status:?}");
        assert_eq!(agent.capture_processes(), process, "the same goes on");
        // The server is away at the next start: what is kept is the one that was in force.
        let kept = std::fs::read_to_string(folder.path().join("agent.json")).unwrap();
        assert!(kept.contains("\"version\": 2"), "{kept}");
        assert_eq!(agent.end(), 0);
        let unaccounted = server.state().rows.quality.iter().filter(|row| row.count == "unaccounted").count();
        assert_eq!(unaccounted, 0);
    });
}

#[test]
fn a_process_that_dies_while_it_hands_over_is_told() {
    hosts(|_| {
        let (_folder, server, agent) = capturing();
        let [process] = agent.capture_processes()[..] else { unreachable!("one captures") };
        // It does not hear that it is to end.
        signal(process, Signal::SIGSTOP);
        signal(agent.pid(), Signal::SIGTERM);
        std::thread::sleep(Duration::from_secs(1));
        signal(process, Signal::SIGKILL);
        assert_eq!(agent.wait(), 0);
        let state = server.state();
        let lost: Vec<_> = state.rows.quality.iter().filter(|row| row.count == "unaccounted").collect();
        assert!(lost.iter().all(|row| row.reason.as_deref() == Some("process_died")), "{lost:?}");
        let nanoseconds = lost.iter().map(|row| row.value).sum::<u64>();
        assert!(nanoseconds >= 500_000_000, "it stood still for a second: {lost:?}");
    });
}

#[test]
fn a_newer_server_is_followed_as_far_as_it_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let stopped = |version, tag: &str| AgentConfig { capture: false, tags: vec![tag.to_owned()], ..config(version) };
    server.state().later.insert("gpu".to_owned(), true.into());
    server.state().instructions.config = Some(stopped(2, "two"));
    let agent = start(folder.path(), &server);
    server.wait_status("version 2", |status| status.config.applied == 2 && status.config.unknown == ["gpu"]);
    agent.wait_for("AGENT-CONFIG-003", 1);
    server.state().later.insert("tags".to_owned(), "no list any more".into());
    server.state().instructions.config = Some(stopped(3, "three"));
    server.wait_status("version 3", |status| status.config.received == 3);
    let status = server.state().status.clone().unwrap().config;
    assert!(status.applied == 2 && status.error.is_some_and(|why| why.contains("(at tags)")));
    assert_eq!(agent.end(), 0);
    assert!(std::fs::read_to_string(folder.path().join("agent.json")).unwrap().contains("two"));
}

#[test]
fn what_was_kept_and_is_damaged_captures_nothing_until_the_server_says_what() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("agent.json"), "{\"config\": {\"capture\": false, ").unwrap();
    let alone = Agent::start(folder.path(), &[]);
    assert_eq!(alone.wait(), 6);
    let log = std::fs::read_to_string(folder.path().join("agent.log")).unwrap();
    assert!(log.contains("AGENT-MAIN-001") && log.contains("agent.json"), "{log}");
    let server = Server::start(folder.path());
    let agent = start(folder.path(), &server);
    agent.wait_for("AGENT-CONFIG-004", 1);
    server.wait_status("it stands still and says why", |status| {
        status.state == State::Stopped && status.config.error.as_ref().is_some_and(|why| why.contains("agent.json"))
    });
    assert!(agent.capture_processes().is_empty() && agent.processes("collector-process").is_empty());
    let file = folder.path().join("one.pcap");
    std::fs::write(&file, b"").unwrap();
    let files = vec![file.to_str().unwrap().to_owned()];
    server.state().instructions.config = Some(AgentConfig { version: 9, files, ..AgentConfig::default() });
    server.wait_status("it does as it is told", |status| {
        status.config.received == 9 && status.config.error.is_none() && status.state != State::Stopped
    });
    assert_eq!(agent.end(), 0);
}
