//! What gives way, and that it is told and counted.

use arachne_delivery::instructions::{AgentConfig, AgentLimits};
use arachne_delivery::status::{Pressure, Status};

use crate::agent::{Agent, ask, serve};
use crate::net::{Far, hosts};
use crate::server::{Server, State};

/// Text that does not pack, of many bytes, the same each time.
fn noise(bytes: usize) -> &'static str {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let text: String = (0..bytes)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + u8::try_from(state >> 57).unwrap() % 90)
        })
        .collect();
    Box::leak(text.into_boxed_str())
}

/// Bytes of each answer.
const BODY: usize = 400_000;

/// Asks `times` times, so slowly that each answer is in a batch of its own.
fn slowly(times: usize, web: std::net::SocketAddr) {
    for n in 0..times {
        ask(web, &format!("/{n}"), "");
        std::thread::sleep(std::time::Duration::from_millis(600));
    }
}

fn begin(far: &Far, limits: AgentLimits) -> (tempfile::TempDir, Server, Agent, std::net::SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let config = AgentConfig { version: 2, interfaces: vec!["near".into()], limits, ..AgentConfig::default() };
    server.state().instructions.config = Some(config);
    let arguments: Vec<&str> = server.arguments.iter().map(String::as_str).collect();
    let agent = Agent::start(folder.path(), &arguments);
    server.wait_status("the configuration", |status| status.config.applied == 2);
    let body = noise(BODY);
    let web = far.run(move || serve("10.9.0.2:80".parse().unwrap(), body));
    (folder, server, agent, web)
}

#[test]
fn a_full_minute_gives_way_step_by_step_and_first_exchanges_are_whole() {
    hosts(|far| {
        let limits = AgentLimits { megabytes_per_minute: 1, ..AgentLimits::default() };
        let (_folder, server, agent, web) = begin(far, limits);
        // A new minute may begin meanwhile: asked until it gave way, whenever that is.
        let gave_way =
            || {
                server.state().status.as_ref().is_some_and(|status| {
                    status.pressure > Pressure::None && status.gave_way.contains_key("body_bytes")
                })
            };
        let mut asked = 0;
        while !gave_way() {
            assert!(asked < 300, "nothing gave way: {:?}", server.state().status);
            slowly(1, web);
            asked += 1;
        }
        agent.wait_for("AGENT-LOAD-001", 1);
        server.wait("the first body", |state| state.rows.bodies.iter().any(|body| body.direction == "response"));
        let state = server.state();
        let first = state.rows.bodies.iter().find(|body| body.direction == "response").unwrap();
        // Noise may look like a secret somewhere, which changes its length by some bytes.
        assert!(!first.cut && first.bytes.len().abs_diff(BODY) < 1000, "{} {}", first.cut, first.bytes.len());
        drop(state);
        assert_eq!(agent.end(), 0);
    });
}

#[test]
fn an_agent_that_takes_too_much_cpu_gives_way_and_first_exchanges_are_whole() {
    hosts(|far| {
        let limits = AgentLimits { cpu_percent: 1, ..AgentLimits::default() };
        let (_folder, server, agent, web) = begin(far, limits);
        let mut asked = 0;
        let gave_way = |status: &Status| status.gave_way.contains_key("body_bytes");
        while !server.state().status.as_ref().is_some_and(gave_way) {
            assert!(asked < 3000, "nothing gave way: {:?}", server.state().status);
            ask(web, &format!("/{asked}"), "");
            asked += 1;
        }
        agent.wait_for("AGENT-LOAD-001", 1);
        server.wait("exchanges", |state| !state.rows.exchanges.is_empty());
        let state = server.state();
        let cut = state.rows.exchanges.iter().filter(|row| row.status != Some(200) || row.path.is_none()).count();
        assert_eq!(cut, 0, "what is seen of a connection is seen whole, but for its body");
        drop(state);
        assert_eq!(agent.end(), 0);
    });
}

#[test]
fn what_gave_way_comes_back_once_its_reason_is_gone() {
    hosts(|far| {
        let limits = AgentLimits { megabytes_per_minute: 1, ..AgentLimits::default() };
        let (_folder, server, agent, web) = begin(far, limits);
        let gives_way = |status: &Status| status.pressure >= Pressure::Bodies;
        for asked in 0.. {
            assert!(asked < 300, "nothing gave way: {:?}", server.state().status);
            slowly(1, web);
            if server.state().status.as_ref().is_some_and(gives_way) {
                break;
            }
        }
        let mut config = server.state().instructions.config.clone().unwrap();
        (config.version, config.limits.megabytes_per_minute) = (3, 0);
        server.state().instructions.config = Some(config);
        server
            .wait_status("all is kept again", |status| status.config.applied == 3 && status.pressure == Pressure::None);
        ask(web, "/last", "");
        let whole = |state: &State| {
            let last = state.rows.exchanges.iter().find(|row| row.path.as_deref() == Some("/last"));
            last.is_some_and(|last| state.rows.bodies.iter().any(|body| body.exchange == last.id && !body.cut))
        };
        server.wait("the body of the last one", whole);
        assert_eq!(agent.end(), 0);
    });
}

#[test]
fn a_full_spool_drops_what_is_worth_least_and_counts_it() {
    hosts(|far| {
        let limits = AgentLimits { spool_bytes: 1_000_000, ..AgentLimits::default() };
        let (_folder, server, agent, web) = begin(far, limits);
        server.state().away = true;
        slowly(12, web);
        agent.wait_for("AGENT-SPOOL-001", 1);
        server.state().away = false;
        server.wait("all exchanges", |state| state.rows.exchanges.len() == 12);
        assert!(server.state().rows.bodies.len() < 12, "bodies gave way");
        server.wait_status("an empty spool", |status| {
            let stage = &status.stages["spool"];
            stage.in_flight == 0
                && stage.dropped.contains_key("spool_full_bulk")
                && stage.input == stage.output + stage.dropped.values().sum::<u64>()
        });
        assert_eq!(agent.end(), 0);
    });
}
