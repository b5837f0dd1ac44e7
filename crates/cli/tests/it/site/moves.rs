//! An agent whose program is replaced, and one that moves to another address: the key and the spool are what it is.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::delivery::{is_balanced, is_delivered};
use super::process::wait;
use super::{Host, Site, hosts, ip, spooled, web};
use crate::support::arachne;

const FILTER: &str = "net 10.9.0.0/24";

/// Visits some paths; what waits for them is `seen`.
fn visit(paths: &mut Vec<String>, count: usize) {
    for _ in 0..count {
        paths.push(format!("/visit/{}", paths.len()));
    }
    web::visit(&paths[paths.len() - count..]);
}

/// Waits until all of the last visits are in the spool of an agent that has no server.
fn wait_for_spool(site: &Site<'_>, paths: &[String]) {
    let folder = site.path("web-1");
    wait("the spool", || {
        let rows = spooled(&folder);
        let has =
            |path: &String| rows.iter().flat_map(|rows| &rows.exchanges).any(|row| row.path.as_ref() == Some(path));
        paths.iter().all(has)
    });
}

/// Puts the program at `path` as a package does: a new file in the place of the old one.
fn install(path: &PathBuf) {
    let new = path.with_extension("new");
    fs::copy(arachne().get_program(), &new).unwrap();
    fs::rename(new, path).unwrap();
}

fn epoch(site: &Site<'_>) -> String {
    site.wait_agent("web-1", "it is there", |agent| agent["online"] == true)["status"]["epoch"].to_string()
}

#[test]
fn a_new_program_takes_over_spool_and_epoch() {
    hosts(|far| {
        let mut site = Site::new(far);
        web::serve(&site, "hello");
        let (words, program) = (site.register("web-1"), site.path("arachne"));
        install(&program);
        let agent = site.launch(Command::new(&program), "web-1", Host::Far, &words, FILTER);
        let mut paths = Vec::new();
        visit(&mut paths, 5);
        site.wait_for_each_once(&paths);
        let before = epoch(&site);
        site.kill_server();
        visit(&mut paths, 5);
        wait_for_spool(&site, &paths[5..]);
        // While it runs, as a package is upgraded: its capture process may be started again meanwhile.
        install(&program);
        agent.children().into_iter().for_each(|id| super::process::signal(id, nix::sys::signal::Signal::SIGKILL));
        agent.wait_for("AGENT-CAPTURE-001", 2);
        visit(&mut paths, 5);
        wait_for_spool(&site, &paths[5..]);
        assert_eq!(agent.end(), Some(0));
        let agent = site.launch(Command::new(&program), "web-1", Host::Far, &words, FILTER);
        visit(&mut paths, 5);
        site.start_server();
        site.wait_for_each_once(&paths);
        assert_eq!(epoch(&site), before, "the spool is the same one");
        site.wait_agent("web-1", "at rest", |agent| is_delivered(agent) && is_balanced(agent));
        assert_eq!(agent.end(), Some(0));
    });
}

#[test]
fn an_agent_moves_with_its_key_and_its_spool() {
    hosts(|far| {
        let mut site = Site::new(far);
        web::serve(&site, "hello");
        let words = site.register("web-1");
        let agent = site.start_agent("web-1", Host::Far, &words);
        let mut paths = Vec::new();
        visit(&mut paths, 5);
        site.wait_for_each_once(&paths);
        // Its host gets another address while it runs.
        far.run(|| {
            ip("addr del 10.9.1.2/24 dev far");
            ip("addr add 10.9.1.7/24 dev far");
        });
        visit(&mut paths, 5);
        site.wait_for_each_once(&paths);
        let before = epoch(&site);
        // It goes to another host, with what it had not delivered.
        site.kill_server();
        visit(&mut paths, 5);
        wait_for_spool(&site, &paths[10..]);
        assert_eq!(agent.end(), Some(0));
        let agent = site.start_agent("web-1", Host::Near, &words);
        visit(&mut paths, 5);
        site.start_server();
        site.wait_for_each_once(&paths);
        assert_eq!(epoch(&site), before);
        site.wait_agent("web-1", "at rest", |agent| is_delivered(agent) && is_balanced(agent));
        assert_eq!(agent.end(), Some(0));
    });
}
