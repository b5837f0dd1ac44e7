//! Databases and addresses that an agent asks: what they tell arrives, what is missing is said, and no password leaves the host.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use arachne_delivery::instructions::{AgentConfig, Collect, Database, RedisServer, Secret};
use arachne_testkit::postgresql::Cluster;

use crate::agent::Agent;
use crate::server::Server;

const PASSWORD: &str = "geheim-4711";

/// A Redis server that wants its password; its address.
fn redis() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let expected = format!("*2\r\n$4\r\nAUTH\r\n${}\r\n{PASSWORD}\r\n*1\r\n$4\r\nINFO\r\n", PASSWORD.len());
            let mut asked = vec![0; expected.len()];
            let right = stream.read_exact(&mut asked).is_ok() && asked == expected.as_bytes();
            let info = "used_memory:4711\r\n";
            let answer = format!("+OK\r\n${}\r\n{info}\r\n", info.len());
            let _ = stream.write_all(if right { answer.as_bytes() } else { b"-WRONGPASS\r\n" });
        }
    });
    address
}

/// The variable with the password.
const VARIABLE: &str = "ARACHNE_SECRET_REDIS";

fn start(folder: &std::path::Path, server: &Server, collect: Collect) -> Agent {
    let config = AgentConfig { version: 2, capture: false, collect, ..AgentConfig::default() };
    server.state().instructions.config = Some(config);
    let secrets = folder.join("secrets");
    let mut arguments: Vec<_> = server.arguments.iter().map(String::as_str).collect();
    arguments.extend(["--secrets", secrets.to_str().unwrap()]);
    Agent::start_in(folder, &arguments, &[(VARIABLE, PASSWORD), ("ANOTHER", "for nobody")])
}

#[test]
fn a_password_in_the_environment_reaches_who_needs_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let (address, env) = (redis(), Some(VARIABLE.to_owned()));
    let password = Secret { file: None, env };
    let redis = vec![RedisServer { address, password }];
    let agent = start(folder.path(), &server, Collect { redis, ..Collect::nothing() });
    server.wait("memory of Redis", |state| state.rows.points.iter().any(|point| point.name == "redis.memory.used"));
    let environment = |pid: u32| fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    let [collector] = agent.processes("collector-process")[..] else { unreachable!("one collects") };
    assert!(!environment(collector).contains("ANOTHER"));
    let mut config = server.state().instructions.config.clone().unwrap();
    (config.version, config.capture) = (3, true);
    server.state().instructions.config = Some(config);
    crate::agent::wait("the capture process, or that it cannot be", || {
        agent.capture_processes().first().is_some_and(|pid| !environment(*pid).contains(PASSWORD))
            || agent.log().contains("AGENT-CAPTURE-002")
    });
    assert_eq!(agent.end(), 0);
}

#[test]
fn what_is_asked_arrives_and_what_is_missing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    fs::create_dir(folder.path().join("secrets")).unwrap();
    fs::write(folder.path().join("secrets/redis"), format!("{PASSWORD}\n")).unwrap();
    let nowhere = folder.path().join("nowhere");
    let file = |name: &str| Secret { file: Some(name.to_owned()), env: None };
    let database = |name: &str, password| Database {
        connection: format!("host={} user=arachne", nowhere.display()),
        name: Some(name.to_owned()),
        password,
        ca_file: None,
    };
    let address = redis();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let collect = Collect {
        postgresql: vec![database("away", Secret::default()), database("locked", file("missing"))],
        redis: vec![RedisServer { address: address.clone(), password: file("redis") }],
        checks: vec![format!("http://{closed}/health?token=x")],
        ..Collect::nothing()
    };
    let agent = start(folder.path(), &server, collect);
    let has = |name: &str, label: &str| {
        server.state().rows.points.iter().any(|point| point.name == name && point.labels.contains(label))
    };
    crate::agent::wait("memory of Redis", || has("redis.memory.used", &format!("instance: {address}\n")));
    crate::agent::wait("an address that refuses", || has("httpcheck.status", "status: refused\n"));
    let error = |name: &'static str| {
        move |status: &arachne_delivery::status::Status| {
            status.collectors.iter().find(|one| one.name == name).and_then(|one| one.error.clone())
        }
    };
    server.wait_status("a database that is away", |status| {
        error("postgresql away")(status).is_some_and(|error| error.contains("cannot connect"))
    });
    server.wait_status("a password that is not there", |status| {
        error("postgresql locked")(status).is_some_and(|error| error.contains("missing"))
    });
    let told = {
        let state = server.state();
        format!("{:?} {:?}", state.status, state.rows.points)
    };
    assert!(!told.contains(PASSWORD) && !agent.log().contains(PASSWORD) && !told.contains("token=x"));
    assert_eq!(agent.end(), 0);
}

#[test]
fn a_real_postgresql_tells_its_statements() {
    let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let Some(cluster) = Cluster::start(data.path()).unwrap() else { return };
    cluster.run_script(&arachne_collectors::postgresql::setup_sql("arachne")).unwrap();
    let server = Server::start(folder.path());
    let connection = cluster.connection("arachne");
    let database = Database { connection, name: Some("main".to_owned()), ..Database::default() };
    let agent = start(folder.path(), &server, Collect { postgresql: vec![database], ..Collect::nothing() });
    server.wait_status("a reading", |status| {
        status.collectors.iter().any(|one| one.name == "postgresql main" && one.readings > 0 && one.error.is_none())
    });
    cluster.run("create table t (a int); insert into t select generate_series(1, 1000)").unwrap();
    crate::agent::wait("the statement", || {
        let labels = |labels: &str| labels.contains("instance: main\n") && labels.contains("insert into t");
        server
            .state()
            .rows
            .points
            .iter()
            .any(|point| point.name == "postgresql.statement.rows" && labels(&point.labels))
    });
    let missing: Vec<_> = server.state().status.iter().flat_map(|status| status.collectors.clone()).collect();
    assert!(missing.iter().all(|one| one.missing.is_empty()), "{missing:?}");
    assert_eq!(agent.end(), 0);
}
