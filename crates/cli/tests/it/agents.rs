//! The real binary: agents added, listed and revoked, in the data folder and through the server that holds it.

use std::fs;
use std::process::Output;

use serde_json::Value as Json;

use crate::store::{Folder, Server, text};
use crate::support::arachne;

fn agents(folder: &Folder, words: &[&str]) -> Output {
    arachne().arg("agents").args(words).arg("--data").arg(folder.path()).output().unwrap()
}

/// What a successful command prints.
fn out(folder: &Folder, words: &[&str]) -> String {
    let done = agents(folder, words);
    assert!(done.status.success(), "{words:?}: {}", text(&done.stderr));
    text(&done.stdout)
}

fn listed(folder: &Folder) -> Vec<(String, String)> {
    let lines = out(folder, &["list", "--format", "ndjson"]);
    let rows = lines.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    rows.map(|row| ["name", "state"].map(|key| row[key].as_str().unwrap().to_owned()).into()).collect()
}

fn key(command: &str) -> String {
    let at = command.find("ara_").unwrap();
    command[at..at + 76].to_owned()
}

#[test]
fn agents_come_and_go_with_and_without_a_server() {
    let folder = Folder::new();
    let command = out(&folder, &["add", "web-1"]);
    let run = "arachne-agent --server http://127.0.0.1:7117 --key-file /etc/arachne-agent/key";
    assert!(command.lines().any(|line| line == run), "{command}");
    let state = |name: &str, state: &str| (name.to_owned(), state.to_owned());
    assert_eq!(listed(&folder), [state("web-1", "offline")]);
    let again = agents(&folder, &["add", "web-1"]);
    assert!(!again.status.success() && text(&again.stderr).contains("already"), "{}", text(&again.stderr));
    let stored = fs::read_to_string(folder.path().join("agents.json")).unwrap();
    assert!(!stored.contains(&key(&command)[4..]));

    let server = Server::start(&folder.path());
    assert_eq!(listed(&folder), [state("web-1", "offline")]);
    let through = out(&folder, &["add", "web-2"]);
    let place = format!("arachne-agent --server http://{} --key-file", server.address);
    assert!(through.contains(&place), "the port that the system chose: {through}");
    assert!(server.get("/api/v1/agents").contains("\"web-2\""));
    out(&folder, &["revoke", "web-1"]);
    assert_eq!(listed(&folder), [state("web-1", "revoked"), state("web-2", "offline")]);
    let none = agents(&folder, &["revoke", "web-3"]);
    assert!(!none.status.success() && text(&none.stderr).contains("no agent"), "{}", text(&none.stderr));
    let bad = agents(&folder, &["add", "../web"]);
    assert!(!bad.status.success() && text(&bad.stderr).contains("is no name"), "{}", text(&bad.stderr));
    drop(server);
    assert!(out(&folder, &["list"]).starts_with("NAME"));
    assert_eq!(listed(&folder), [state("web-1", "revoked"), state("web-2", "offline")]);
}

#[test]
fn an_agent_that_is_added_before_the_server_starts_is_told_what_is_configured() {
    let folder = Folder::new();
    let file = folder.path().with_file_name("arachne.yml");
    let add = |name: &str, server: &str| {
        fs::write(&file, format!("storage: {{path: {}}}\nserver:\n{server}", folder.path().display())).unwrap();
        let done = arachne().args(["agents", "add", name, "--config"]).arg(&file).output().unwrap();
        (done.status.success(), text(&done.stdout), text(&done.stderr))
    };
    let (done, command, err) = add("web-1", "  listen: 127.0.0.1:8443\n");
    assert!(done && command.contains("--server http://127.0.0.1:8443 "), "{command}{err}");
    let (done, command, err) = add("web-2", "  listen: 127.0.0.1:0\n");
    assert!(done && command.contains("--server http://127.0.0.1:PORT ") && err.contains("put it in for PORT"), "{err}");
    let (done, command, err) = add("web-3", "  listen: 0.0.0.0:8443\n  auth: required\n");
    assert!(done && command.contains(":8443 --key-file") && command.contains(" --pin sha256/"), "{command}{err}");
    let (done, _, err) = add("web-4", "  listen: 0.0.0.0:8443\n");
    assert!(!done && err.contains("nobody would be asked for a token"), "{err}");
    let list = arachne().args(["agents", "list", "--config"]).arg(&file).output().unwrap();
    assert!(!text(&list.stdout).contains("web-4"), "nobody has the key of that one");
}

/// A file that names one log.
const LOG: &str = "logs:\n  - plugin: access\n    file: /var/log/shop.log\n    format: combined\n";
/// One that names a check.
const CHECK: &str = "agent:\n  collect: {tcp: no, checks: [http://127.0.0.1:8080/health]}\n";

#[test]
fn an_agent_of_another_host_is_told_by_a_file_what_to_do() {
    let folder = Folder::new();
    let file = folder.path().with_file_name("web-1.yml");
    let configure = |name: &str, content: &str| {
        fs::write(&file, content).unwrap();
        let done = agents(&folder, &["configure", name, file.to_str().unwrap()]);
        (done.status.code(), text(&done.stdout) + &text(&done.stderr))
    };
    out(&folder, &["add", "web-1"]);
    let (code, told) = configure("web-1", LOG);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("set       logs (version 2)\nagent     web-1: everything on any\n"), "{told}");
    assert!(told.contains("log       /var/log/shop.log: requests, as combined\n"), "{told}");

    let server = Server::start(&folder.path());
    let (code, told) = configure("web-1", CHECK);
    assert!(code == Some(0) && told.contains("set       agent.collect (version 3)\n"), "{told}");
    let asked = || {
        let answer = server.get("/api/v1/agents/web-1");
        // Answers come in chunks: what stands between the first and the last bracket is JSON.
        let (first, last) = (answer.find('{').expect("an object"), answer.rfind('}').expect("an object"));
        serde_json::from_str::<Json>(&answer[first..=last]).expect("it is JSON")
    };
    let agent = asked();
    let collect = &agent["config"]["collect"];
    assert_eq!((&collect["tcp"], &collect["logs"][0]["file"]), (&Json::from(false), &Json::from("/var/log/shop.log")));
    assert_eq!(collect["checks"][0], "http://127.0.0.1:8080/health");
    let (code, told) = configure("web-2", CHECK);
    assert!(code == Some(2) && told.contains("there is no agent"), "{told}");
    let (code, told) = configure("web-1", "logs:\n  - plugin: acces\n");
    assert!(code == Some(3) && told.contains("`acces` is neither access nor logparser"), "{told}");
    assert_eq!(asked()["config"]["version"], 3, "nothing changed by what was refused");
}

#[test]
fn a_file_for_an_agent_is_checked_before_it_is_sent() {
    let folder = Folder::new();
    let file = folder.path().with_file_name("web-1.yml");
    let sample = folder.path().with_file_name("access.log");
    fs::write(&file, LOG).unwrap();
    fs::write(&sample, "10.0.0.1 - - [02/Mar/2026:12:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"\n").unwrap();
    let check =
        |more: &[&std::ffi::OsStr]| arachne().arg("check").arg("--agent").arg(&file).args(more).output().unwrap();
    let done = check(&[]);
    assert!(done.status.success() && text(&done.stdout).contains("log       /var/log/shop.log"), "{done:?}");
    let done = check(&["--sample".as_ref(), sample.as_os_str()]);
    assert!(done.status.success() && text(&done.stdout).contains("1 lines"), "{}", text(&done.stdout));
    let refused = arachne().arg("check").arg(&file).output().unwrap();
    assert!(!refused.status.success() && text(&refused.stderr).contains("storage.path: is missing"), "{refused:?}");
}
