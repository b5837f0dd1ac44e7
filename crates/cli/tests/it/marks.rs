//! The real binary: marks set and removed, in the data folder and through the server that holds it.

use std::process::Output;

use serde_json::Value as Json;

use crate::store::{Folder, Server, text};
use crate::support::arachne;

fn mark(folder: &Folder, words: &[&str]) -> Output {
    arachne().arg("mark").args(words).arg("--data").arg(folder.path()).output().unwrap()
}

/// The id of a mark that is set.
fn set(folder: &Folder, words: &[&str]) -> String {
    let done = mark(folder, words);
    assert!(done.status.success(), "{words:?}: {}", text(&done.stderr));
    text(&done.stdout).trim().to_owned()
}

#[test]
fn marks_come_and_go_with_and_without_a_server() {
    let folder = Folder::new();
    let none = mark(&folder, &["too early"]);
    assert!(!none.status.success() && text(&none.stderr).contains("there is no store"), "{}", text(&none.stderr));
    std::fs::create_dir(folder.path()).unwrap();
    let words = ["release 42", "--kind", "release", "--service", "cart", "--at", "2026-11-22T10:00:00Z"];
    let release = set(&folder, &[&words[..], &["--label", "commit=abc"]].concat());
    let server = Server::start(&folder.path());
    let note = set(&folder, &["switch replaced"]);
    let listed = || -> Json {
        let answer = server.get("/api/v1/marks");
        serde_json::from_str(&answer[answer.find("\r\n\r\n").unwrap()..]).unwrap()
    };
    let both = listed();
    assert_eq!(
        (&both["marks"][0]["id"], &both["marks"][0]["labels"]["commit"]),
        (&Json::from(release.as_str()), &Json::from("abc"))
    );
    assert_eq!((&both["marks"][1]["id"], &both["total"]), (&Json::from(note), &Json::from(2)));
    assert!(mark(&folder, &["--remove", &release]).status.success());
    let again = mark(&folder, &["--remove", &release]);
    assert!(!again.status.success() && text(&again.stderr).contains("no mark"), "{}", text(&again.stderr));
    assert_eq!(listed()["total"], 1);
    for wrong in [&["x", "--label", "a"][..], &["x", "--at", "soon"], &["x", "--kind", "two words"], &[]] {
        assert_eq!(mark(&folder, wrong).status.code(), Some(2), "{wrong:?}");
    }
}
