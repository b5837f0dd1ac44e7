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
    let last = command.lines().last().unwrap();
    assert_eq!(last, "arachne-agent --server http://127.0.0.1:7117 --key-file /etc/arachne-agent/key");
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
