//! From the packet to the server.

use arachne_content::redact::{Key, Redactor, Rules};
use arachne_delivery::instructions::{AgentConfig, Preview};
use arachne_delivery::status::{Stage, State};

use crate::agent::{Agent, ask, serve, spooled, wait};
use crate::net::{Far, hosts};
use crate::server::Server;

fn start(folder: &std::path::Path, server: &Server, more: &[&str]) -> Agent {
    let arguments: Vec<&str> = server.arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
    Agent::start(folder, &arguments)
}

fn service(far: &Far) -> std::net::SocketAddr {
    far.run(|| serve("10.9.0.2:80".parse().unwrap(), "hello"))
}

fn balanced(stage: &Stage) -> bool {
    stage.input == stage.output + stage.in_flight + stage.dropped.values().sum::<u64>()
}

#[test]
fn an_exchange_reaches_the_server_without_its_secret_and_every_count_balances() {
    hosts(|far| {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path());
        let agent = start(folder.path(), &server, &["--interface", "near"]);
        agent.wait_for("AGENT-NET-002", 1);
        agent.wait_for("AGENT-CAPTURE-001", 1);
        let web = service(far);
        ask(web, "/cart", "Authorization: Bearer S3CR3T\r\nX-Request-Id: r1\r\n");
        server.wait("the exchange", |state| state.rows.exchanges.len() == 1 && state.rows.bodies.len() == 1);
        let state = server.state();
        let row = &state.rows.exchanges[0];
        assert_eq!((row.agent.as_str(), row.source.as_str(), row.path.as_deref()), ("web-1", "web-1", Some("/cart")));
        assert!(!format!("{:?}", state.rows).contains("S3CR3T"));
        assert!(row.request_headers.as_deref().unwrap().contains("Bearer [redacted:"), "{row:?}");
        drop(state);
        server.wait_status("a status after it", |status| {
            status.stages.get("exchanges").is_some_and(|stage| stage.output == 1)
                && status.spool.live_batches + status.spool.backlog_batches == 0
        });
        let status = server.state().status.clone().unwrap();
        assert_eq!((status.state, status.why.as_deref()), (State::Capturing, None));
        for (name, stage) in &status.stages {
            assert!(balanced(stage), "{name}: {stage:?}");
        }
        let near = status.interfaces.iter().find(|interface| interface.name == "near").unwrap();
        assert!(near.captured && near.packets >= 8 && near.addresses.contains(&"10.9.0.1".parse().unwrap()));
        let capture = status.sandbox.iter().find(|one| one.process == "capture").unwrap();
        assert!(capture.capabilities.is_empty() && capture.no_new_privs && capture.seccomp && capture.uid != 0);
        assert_eq!(status.processes.len(), 3);
        assert!(status.clock_offset_ns.is_some() && status.newest_packet.is_some());
        assert_eq!(agent.end(), 0);
        assert!(server.state().rows.quality.iter().any(|row| row.stage == "packets"));
    });
}

#[test]
fn killed_and_started_again_nothing_is_lost_and_nothing_comes_twice() {
    hosts(|far| {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path());
        let agent = start(folder.path(), &server, &["--interface", "near"]);
        agent.wait_for("AGENT-CAPTURE-001", 1);
        let web = service(far);
        ask(web, "/before", "");
        server.wait("the first exchange", |state| state.rows.exchanges.len() == 1);
        server.state().away = true;
        (0..20).for_each(|n| ask(web, &format!("/while/{n}"), ""));
        wait("the exchanges in the spool", || spooled(folder.path()).exchanges.len() >= 20);
        agent.kill();
        server.state().away = false;
        let agent = start(folder.path(), &server, &["--interface", "near"]);
        server.wait("the rest", |state| state.rows.exchanges.len() >= 21);
        agent.wait_for("AGENT-CAPTURE-001", 2);
        ask(web, "/after", "");
        server.wait("the last", |state| state.rows.exchanges.len() >= 22);
        assert_eq!(agent.end(), 0);
        let state = server.state();
        let mut paths: Vec<_> = state.rows.exchanges.iter().filter_map(|row| row.path.clone()).collect();
        paths.sort();
        paths.dedup();
        assert_eq!((paths.len(), state.rows.exchanges.len()), (22, 22), "{paths:?}");
    });
}

#[test]
fn a_capture_that_began_without_its_server_gets_the_key_of_redaction_later() {
    hosts(|far| {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path());
        server.state().mute = true;
        let agent = start(folder.path(), &server, &["--interface", "near"]);
        agent.wait_for("AGENT-CAPTURE-001", 1);
        // What a server tells an agent that nobody has configured: what it does already.
        server.state().instructions.agent.clear();
        server.state().instructions.config = Some(AgentConfig { version: 1, ..AgentConfig::default() });
        server.state().mute = false;
        server.wait_status("its word", |status| status.config.received == 1);
        let web = service(far);
        let mark = Redactor::new(Key::new([0x0f; 32]), Rules::default()).mark(b"S3CR3T");
        wait("secrets under the key of the installation", || {
            ask(web, "/", "Authorization: Bearer S3CR3T\r\n");
            format!("{:?}", server.state().rows.exchanges).contains(&mark)
        });
        assert_eq!(agent.capture_processes().len(), 1);
        assert_eq!(agent.log().matches("AGENT-CAPTURE-001").count(), 1, "by the process that runs");
        assert_eq!(agent.end(), 0);
    });
}

#[test]
fn a_batch_that_is_refused_is_told_and_the_next_ones_are_delivered() {
    hosts(|far| {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path());
        server.state().refuses = true;
        let agent = start(folder.path(), &server, &["--interface", "near"]);
        agent.wait_for("AGENT-CAPTURE-001", 1);
        let web = service(far);
        ask(web, "/refused", "");
        agent.wait_for("AGENT-SPOOL-003", 1);
        assert!(agent.log().contains("a row that cannot be"), "{}", agent.log());
        server.wait_status("the count", |status| status.stages["spool"].dropped.contains_key("refused"));
        server.state().refuses = false;
        ask(web, "/taken", "");
        server.wait("the next", |state| state.rows.exchanges.iter().any(|row| row.path.as_deref() == Some("/taken")));
        assert_eq!(agent.end(), 0);
    });
}

#[test]
fn a_key_that_is_refused_is_told() {
    hosts(|_| {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path());
        std::fs::write(folder.path().join("key"), "ara_wrong").unwrap();
        let agent = start(folder.path(), &server, &[]);
        agent.wait_for("AGENT-NET-001", 1);
        assert!(agent.log().contains("401"), "{}", agent.log());
        assert_eq!(agent.end(), 0);
    });
}

#[test]
fn a_bad_configuration_keeps_the_last_good_one_and_a_good_one_is_in_force_at_once() {
    hosts(|far| {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path());
        let config = AgentConfig { interfaces: vec!["near".into()], ..AgentConfig::default() };
        server.state().instructions.config = Some(AgentConfig { version: 2, ..config.clone() });
        let agent = start(folder.path(), &server, &[]);
        server.wait_status("version 2", |status| status.config.applied == 2 && status.state == State::Capturing);
        let web = service(far);
        server.state().instructions.config =
            Some(AgentConfig { version: 3, filter: "tcp prot".into(), ..config.clone() });
        server.wait_status("the refusal", |status| status.config.received == 3);
        agent.wait_for("AGENT-CONFIG-001", 1);
        let state = server.state().status.clone().unwrap().config;
        assert_eq!(state.applied, 2);
        assert!(state.error.unwrap().contains("tcp prot"));
        ask(web, "/still", "");
        server.wait("the exchange", |state| state.rows.exchanges.len() == 1);

        server.state().instructions.config =
            Some(AgentConfig { version: 4, filter: "port 81".into(), ..config.clone() });
        server.wait_status("version 4", |status| status.config.applied == 4 && status.config.error.is_none());
        let process = agent.capture_processes();
        ask(web, "/unseen", "");
        let preview = Preview { id: "p".into(), filter: "port 80".into(), seconds: 2, ..Preview::default() };
        server.state().instructions.preview = Some(preview);
        server.wait_status("the look begins", |status| status.preview.is_some());
        ask(web, "/looked-at", "");
        server.wait_status("the look", |status| status.preview.as_ref().is_some_and(|preview| preview.done));
        let preview = server.state().status.clone().unwrap().preview.unwrap();
        assert_eq!((preview.id.as_str(), preview.error.as_deref()), ("p", None));
        assert!(preview.passed_packets <= preview.packets);

        server.state().instructions.config = Some(AgentConfig { version: 5, capture: false, ..config });
        server.wait_status("the stop", |status| status.state == State::Stopped && status.config.applied == 5);
        wait("the end of its process", || agent.capture_processes().is_empty());
        assert_eq!(process.len(), 1, "a new filter needs no new process");
        let preview = Preview { id: "q".into(), filter: "port 80".into(), seconds: 2, ..Preview::default() };
        server.state().instructions.preview = Some(preview);
        server.wait_status("a look without a capture", |status| {
            status.preview.as_ref().is_some_and(|preview| preview.id == "q" && preview.done)
        });
        let preview = server.state().status.clone().unwrap().preview.unwrap();
        assert_eq!(preview.error, None);
        wait("the end of who looked", || agent.capture_processes().is_empty());
        assert_eq!(agent.end(), 0);
        let state = server.state();
        assert!(state.rows.exchanges.iter().all(|row| row.path.as_deref() != Some("/unseen")));
    });
}
