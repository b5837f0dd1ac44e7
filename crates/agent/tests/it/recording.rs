//! Recording without a server: what is captured is in the spool.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use arachne_testkit::capture::pcap;
use arachne_testkit::conversation::Conversation;
use arachne_testkit::link::link_type;
use nix::sys::signal::Signal;

use crate::agent::{Agent, ask, serve, signal, spooled, wait};
use crate::net::hosts;

#[test]
fn an_exchange_between_two_hosts_is_recorded_once_and_without_its_secret() {
    hosts(|far| {
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::start(folder.path(), &["--interface", "near"]);
        agent.wait_for("AGENT-CAPTURE-001", 1);
        let server = far.run(|| serve("10.9.0.2:80".parse().unwrap(), "hello"));
        ask(server, "/cart?password=S3CR3Tq", "Authorization: Bearer S3CR3Tb\r\n");
        let pid = agent.capture_processes()[0];
        assert_eq!(agent.end(), 0);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "it ends with its supervisor");
        let rows = spooled(folder.path());
        let [exchange] = rows.exchanges.as_slice() else { panic!("one exchange: {:?}", rows.exchanges) };
        assert_eq!(
            (exchange.path.as_deref(), exchange.status, exchange.agent.as_str()),
            (Some("/cart"), Some(200), "test")
        );
        assert_eq!(exchange.vantage.as_deref(), Some("client"));
        let text = format!("{rows:?}");
        assert!(!text.contains("S3CR3T") && text.contains("Authorization: Bearer [redacted:"), "{text}");
        assert_eq!(rows.bodies.iter().map(|body| body.bytes.as_slice()).collect::<Vec<_>>(), [b"hello"]);
        assert_eq!(rows.sessions.len(), 1);
        assert!(rows.quality.iter().any(|row| row.stage == "packets" && row.count == "in" && row.value >= 8));
    });
}

#[test]
fn a_capture_process_that_dies_is_started_again_and_the_time_is_marked() {
    hosts(|far| {
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::start(folder.path(), &[]);
        agent.wait_for("AGENT-CAPTURE-001", 1);
        let first = agent.capture_processes();
        signal(first[0], Signal::SIGKILL);
        agent.wait_for("AGENT-CAPTURE-003", 1);
        agent.wait_for("AGENT-CAPTURE-001", 2);
        assert_ne!(agent.capture_processes(), first);
        let server = far.run(|| serve("10.9.0.2:80".parse().unwrap(), "again"));
        ask(server, "/again", "");
        assert_eq!(agent.end(), 0);
        let rows = spooled(folder.path());
        assert!(rows.exchanges.iter().any(|row| row.path.as_deref() == Some("/again")));
        let lost: Vec<_> = rows.quality.iter().filter(|row| row.count == "unaccounted").collect();
        // What was in its memory, and until another one captured.
        assert!(lost.len() == 2 && lost.iter().all(|row| row.reason.as_deref() == Some("process_died")), "{lost:?}");
        assert!(lost.iter().all(|row| row.value > 0 && row.value < 120_000_000_000), "{lost:?}");
    });
}

#[test]
fn an_agent_that_dies_leaves_the_time_marked_and_one_that_ends_does_not() {
    hosts(|_| {
        let folder = tempfile::tempdir().unwrap();
        let unaccounted = || {
            let rows = spooled(folder.path()).quality.into_iter().filter(|row| row.count == "unaccounted");
            rows.map(|row| (row.reason.unwrap(), row.value)).collect::<Vec<_>>()
        };
        for started in 1..=2 {
            let agent = Agent::start(folder.path(), &[]);
            agent.wait_for("AGENT-CAPTURE-001", started);
            assert_eq!(agent.end(), 0);
        }
        assert_eq!(unaccounted(), []);
        let agent = Agent::start(folder.path(), &[]);
        wait("the note", || folder.path().join("capturing").exists());
        agent.kill();
        let agent = Agent::start(folder.path(), &[]);
        agent.wait_for("AGENT-CAPTURE-001", 4);
        assert_eq!(agent.end(), 0);
        let told = unaccounted();
        assert_eq!((told.len(), told[0].0.as_str()), (1, "agent_died"), "{told:?}");
        assert!(told[0].1 > 0 && told[0].1 < 120_000_000_000);
        assert!(!folder.path().join("capturing").exists());
    });
}

/// One exchange, as a capture file.
fn capture() -> Vec<u8> {
    let mut talk = Conversation::new("10.0.0.1:5000", "10.0.0.2:80");
    talk.handshake().client(b"GET /one HTTP/1.1\r\nHost: a\r\n\r\n").server(b"HTTP/1.1 204 No Content\r\n\r\n").close();
    pcap(link_type::ETHERNET, &talk.take_packets())
}

#[test]
fn a_growing_file_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (file, whole) = (folder.path().join("grows.pcap"), capture());
    // In the middle of a packet.
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let agent = Agent::start(folder.path(), &["--file", file.to_str().unwrap()]);
    agent.wait_for("AGENT-CAPTURE-001", 1);
    let mut grown = std::fs::OpenOptions::new().append(true).open(&file).unwrap();
    grown.write_all(&whole[whole.len() / 2..]).unwrap();
    wait("the exchange in the spool", || spooled(folder.path()).exchanges.len() == 1);
    assert_eq!(agent.end(), 0);
    let rows = spooled(folder.path());
    assert_eq!((rows.exchanges[0].path.as_deref(), rows.exchanges[0].status), (Some("/one"), Some(204)));
    assert_eq!(rows.sessions.len(), 1);
}

/// More of the same file: packets of another exchange, without the header of the file.
fn more(port: u16) -> Vec<u8> {
    let mut talk = Conversation::new(&format!("10.0.0.1:{port}"), "10.0.0.2:80");
    talk.handshake().client(b"GET /two HTTP/1.1\r\nHost: a\r\n\r\n").server(b"HTTP/1.1 204 No Content\r\n\r\n").close();
    pcap(link_type::ETHERNET, &talk.take_packets()).split_off(24)
}

#[test]
fn what_was_read_of_a_file_is_told_once_however_often_the_agent_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.pcap");
    std::fs::write(&file, capture()).unwrap();
    let arguments = ["--file", file.to_str().unwrap()];
    let paths = || {
        let rows = spooled(folder.path());
        let mut ids: Vec<_> = rows.exchanges.iter().map(|row| (row.path.clone().unwrap(), row.id.clone())).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all, "no exchange is there twice");
        ids.into_iter().map(|(path, _)| path).collect::<Vec<_>>()
    };
    let grow = |port| {
        let mut grown = std::fs::OpenOptions::new().append(true).open(&file).unwrap();
        grown.write_all(&more(port)).unwrap();
    };
    let agent = Agent::start(folder.path(), &arguments);
    wait("the first exchange", || paths() == ["/one"]);
    assert_eq!(agent.end(), 0);
    // It has grown meanwhile; then it grows on, the agent dies, and it grows once more.
    grow(5001);
    let agent = Agent::start(folder.path(), &arguments);
    wait("what came meanwhile", || paths() == ["/one", "/two"]);
    grow(5002);
    wait("what comes now", || paths() == ["/one", "/two", "/two"]);
    agent.kill();
    grow(5003);
    let agent = Agent::start(folder.path(), &arguments);
    wait("what came after its death", || paths() == ["/one", "/two", "/two", "/two"]);
    assert_eq!(agent.end(), 0);
    let rows = spooled(folder.path());
    // What the dead one had not handed over yet went with it: connections are told after their last exchange.
    assert!((2..=4).contains(&rows.sessions.len()), "{:?}", rows.sessions);
    let packets: u64 =
        rows.quality.iter().filter(|row| row.stage == "packets" && row.count == "in").map(|r| r.value).sum();
    // The dead one took its last minute along.
    assert!(packets <= 4 * 9, "{packets}");
    // Another file of the same name is read from its beginning.
    std::fs::write(&file, [&capture()[..24], &more(6000)].concat()).unwrap();
    let agent = Agent::start(folder.path(), &arguments);
    wait("another file", || paths().len() == 5);
    assert_eq!(agent.end(), 0);
}

#[test]
fn damage_in_the_spool_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.pcap");
    std::fs::write(&file, capture()).unwrap();
    let arguments = ["--file", file.to_str().unwrap()];
    let agent = Agent::start(folder.path(), &arguments);
    wait("the exchange in the spool", || spooled(folder.path()).exchanges.len() == 1);
    assert_eq!(agent.end(), 0);
    let is_spool = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "spool");
    let mut files = std::fs::read_dir(folder.path().join("spool")).unwrap().map(|entry| entry.unwrap().path());
    let path = files.find(is_spool).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    // The first batch, behind the headers of file and frame.
    bytes[36 + 76] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let agent = Agent::start(folder.path(), &arguments);
    agent.wait_for("AGENT-SPOOL-004", 1);
    assert!(agent.log().contains(path.file_name().unwrap().to_str().unwrap()), "{}", agent.log());
    assert_eq!(agent.end(), 0);
}

#[test]
fn what_is_wrong_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path(), &["--filter", "tcp prot 80"]);
    let log = folder.path().join("agent.log");
    assert_eq!(agent.wait(), 2);
    let text = std::fs::read_to_string(log).unwrap();
    assert!(text.contains("AGENT-MAIN-001") && text.contains("tcp prot 80"), "{text}");
}

#[test]
fn without_the_right_it_says_what_to_do_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(folder.path(), Some(65_534), Some(65_534)).unwrap();
    let program = folder.path().join("arachne-agent");
    std::fs::copy(env!("CARGO_BIN_EXE_arachne-agent"), &program).unwrap();
    let spool = folder.path().join("spool");
    let output = Command::new(&program).arg("--spool").arg(&spool).uid(65_534).gid(65_534).output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: another user cannot be tried ({error}); run as root");
            return;
        }
    };
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("AGENT-CAPTURE-002") && text.contains("setcap cap_net_raw+ep"), "{text}");
    assert!(text.contains("AmbientCapabilities=CAP_NET_RAW"), "{text}");
    assert_eq!(output.status.code(), Some(4));
}

#[test]
fn a_file_that_comes_later_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("later.pcap");
    let agent = Agent::start(folder.path(), &["--file", file.to_str().unwrap()]);
    agent.wait_for("AGENT-CAPTURE-002", 1);
    std::fs::write(&file, capture()).unwrap();
    wait("the exchange in the spool", || spooled(folder.path()).exchanges.len() == 1);
    assert_eq!(agent.end(), 0);
}
