//! What the real capture process may still do: nothing.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use arachne_agent::channel::{Order, Reader, Report, Said, Setup, next_said, send_order};
use arachne_agent::{process, sandbox};
use arachne_delivery::instructions::AgentConfig;
use arachne_delivery::status::Pressure;

use crate::net::hosts;

fn capture_process() -> (UnixStream, Child) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_arachne-agent"));
    let child = command.arg(process::ARGUMENT).stdin(Stdio::from(OwnedFd::from(theirs))).spawn().unwrap();
    (ours, child)
}

#[test]
fn the_capture_process_has_no_rights_and_everything_is_refused() {
    hosts(|_| {
        let (mut ours, mut child) = capture_process();
        let setup = Setup { config: AgentConfig::default(), user: sandbox::NOBODY, ..Setup::default() };
        send_order(&mut ours, &Order::Setup(Box::new(setup))).unwrap();
        send_order(&mut ours, &Order::Probe).unwrap();
        let mut reader = Reader::new(ours.try_clone().unwrap());
        let mut landlock = String::new();
        let probed = loop {
            match next_said(&mut reader).unwrap().expect("it lives") {
                Said::Report(report) => match *report {
                    Report::Ready { landlock: told } => landlock = told,
                    Report::Probed(outcomes) => break outcomes,
                    Report::Failed { why, .. } => panic!("{why}"),
                    _ => {}
                },
                Said::Packed(_) => {}
            }
        };
        for (what, outcome) in &probed {
            assert_eq!(outcome == "allowed", what == "thread", "{what}: {outcome}");
        }
        assert!(probed.len() >= 10, "{probed:?}");
        assert!(probed["send to"].starts_with("Operation not permitted"), "not by its address: {}", probed["send to"]);
        let facts = sandbox::of_process("capture", child.id(), &landlock).unwrap();
        assert!(facts.capabilities.is_empty() && facts.no_new_privs && facts.seccomp, "{facts:?}");
        assert_eq!(facts.uid, sandbox::NOBODY);
        assert!(facts.landlock.starts_with("full") || facts.landlock.starts_with("none: "), "{}", facts.landlock);
        send_order(&mut ours, &Order::Finish).unwrap();
        while next_said(&mut reader).unwrap().is_some() {}
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn the_limit_of_cpu_is_for_all_processes_of_the_agent() {
    hosts(|_| {
        let (mut ours, mut child) = capture_process();
        let mut setup = Setup { config: AgentConfig::default(), user: sandbox::NOBODY, ..Setup::default() };
        // Idle as it is, it never takes so much itself.
        setup.config.limits.cpu_percent = 100;
        send_order(&mut ours, &Order::Setup(Box::new(setup))).unwrap();
        let mut reader = Reader::new(ours.try_clone().unwrap());
        let mut wait_for = |is_it: fn(Pressure) -> bool| loop {
            if let Said::Report(report) = next_said(&mut reader).unwrap().expect("it lives") {
                match *report {
                    Report::Counters(counters) if is_it(counters.pressure) => break,
                    Report::Failed { why, .. } => panic!("{why}"),
                    _ => {}
                }
            }
        };
        wait_for(|pressure| pressure == Pressure::None);
        send_order(&mut ours, &Order::Beside { cores: 1.5 }).unwrap();
        wait_for(|pressure| pressure == Pressure::NewFlows);
        send_order(&mut ours, &Order::Beside { cores: 0.2 }).unwrap();
        wait_for(|pressure| pressure == Pressure::None);
        send_order(&mut ours, &Order::Finish).unwrap();
        while next_said(&mut reader).unwrap().is_some() {}
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn nobody_starts_it_by_hand() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_arachne-agent")).arg(process::ARGUMENT).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("AGENT-MAIN-001"));
}

#[test]
fn a_supervisor_that_is_gone_ends_it() {
    hosts(|_| {
        let (mut ours, mut child) = capture_process();
        send_order(&mut ours, &Order::Setup(Box::default())).unwrap();
        drop(ours);
        assert!(child.wait().is_ok());
    });
}
