//! The list of agents.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn registry() -> (Registry, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    (Registry::open(folder.path()).expect("no file yet"), folder)
}

#[test]
fn a_key_is_shown_once_and_stored_hashed() {
    let (registry, folder) = registry();
    let key = registry.add("web-1", 7).expect("a new name");
    assert!(key.starts_with("ara_") && key.len() == 76);
    let file = folder.path().join("agents.json");
    let text = fs::read_to_string(&file).expect("it was written");
    assert!(!text.contains(&key[4..]));
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    let again = Registry::open(folder.path()).expect("the same file");
    assert_eq!(again.list(), registry.list());
    assert_eq!(again.by_key(&key).as_deref(), Some("web-1"));
    for wrong in ["", "ara_", &key[..75], &key.replace("ara_", "arc_"), &format!("ara_{}", "0".repeat(72))] {
        assert_eq!(again.by_key(wrong), None, "{wrong}");
    }
}

#[test]
fn a_revoked_key_is_none_and_its_name_may_come_back() {
    let (registry, folder) = registry();
    let key = registry.add("web-1", 7).expect("a new name");
    assert!(matches!(registry.add("web-1", 8), Err(RegistryError::Known(_))));
    let tags = vec!["blue".to_owned()];
    registry.configure("web-1", AgentConfig { tags: tags.clone(), ..AgentConfig::default() }, Some(1)).expect("1");
    assert!(registry.revoke("web-1", 9).expect("it is there"));
    assert!(!registry.revoke("web-1", 10).expect("it is there"));
    assert!(matches!(registry.revoke("web-2", 9), Err(RegistryError::Unknown(_))));
    assert_eq!(registry.by_key(&key), None);
    assert_eq!(Registry::open(folder.path()).expect("a file").one("web-1").and_then(|one| one.revoked), Some(9));
    let second = registry.add("web-1", 11).expect("it was revoked");
    assert_eq!((registry.by_key(&key), registry.by_key(&second).as_deref()), (None, Some("web-1")));
    assert_eq!(
        registry.one("web-1").expect("it is there").config,
        AgentConfig { version: 2, tags, ..AgentConfig::default() }
    );
}

#[test]
fn two_editors_do_not_overwrite_each_other() {
    let (registry, _folder) = registry();
    registry.add("a", 0).expect("a new name");
    let wanted = |capture| AgentConfig { capture, ..AgentConfig::default() };
    assert_eq!(registry.configure("a", wanted(false), Some(1)).expect("version 1").config.version, 2);
    let refused = registry.configure("a", wanted(true), Some(1)).expect_err("it has version 2");
    assert!(matches!(refused, RegistryError::Changed(2)), "{refused}");
    assert_eq!(registry.configure("a", wanted(true), None).expect("any version").config.version, 3);
}

#[test]
fn the_own_agent_keeps_its_key_and_follows_the_file() {
    let (registry, folder) = registry();
    let key_file = folder.path().join("agents/local.key");
    let config = |capture| AgentConfig { capture, ..AgentConfig::default() };
    let adopt = |capture| registry.adopt("local", &key_file, config(capture), 1).expect("room");
    adopt(true);
    let key = fs::read_to_string(&key_file).expect("it was written");
    assert_eq!(fs::metadata(&key_file).expect("it is there").permissions().mode() & 0o777, 0o600);
    let version = || registry.one("local").map(|agent| (agent.local, agent.config.version));
    assert_eq!((registry.by_key(&key).as_deref(), version()), (Some("local"), Some((true, 1))));
    adopt(true);
    assert_eq!((fs::read_to_string(&key_file).ok(), version()), (Some(key.clone()), Some((true, 1))));
    adopt(false);
    assert_eq!(version(), Some((true, 2)));
    fs::remove_file(&key_file).expect("it is there");
    adopt(false);
    assert_eq!((registry.by_key(&key), version()), (None, Some((true, 2))));
    registry.adopt("other", &folder.path().join("other.key"), config(true), 2).expect("room");
    assert_eq!(registry.list().iter().map(|agent| agent.local).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn an_agent_of_another_host_is_not_taken_over() {
    let (registry, folder) = registry();
    let key = registry.add("web-1", 0).expect("a new name");
    let adopt = || registry.adopt("web-1", &folder.path().join("web-1.key"), AgentConfig::default(), 1);
    let before = registry.list();
    assert!(matches!(adopt(), Err(RegistryError::Elsewhere(name)) if name == "web-1"));
    assert_eq!((registry.list(), registry.by_key(&key).as_deref()), (before, Some("web-1")));
    assert!(!folder.path().join("web-1.key").exists());
    registry.revoke("web-1", 2).expect("it is there");
    adopt().expect("nobody has it");
    assert!(registry.by_key(&key).is_none() && registry.one("web-1").is_some_and(|agent| agent.local));
}

#[test]
fn what_was_revoked_longest_ago_gives_way() {
    let entry = |n: usize, revoked| AgentEntry {
        name: n.to_string(),
        sha256: String::new(),
        created: 0,
        revoked,
        local: false,
        config: AgentConfig::default(),
    };
    let mut agents: Vec<_> = (0..AGENTS_MAX).map(|n| entry(n, None)).collect();
    assert!(matches!(make_room(&mut agents), Err(RegistryError::Full)));
    (agents[5].revoked, agents[3].revoked) = (Some(1), Some(2));
    make_room(&mut agents).expect("one was revoked");
    assert!(agents.len() == AGENTS_MAX - 1 && !agents.iter().any(|agent| agent.name == "5"));
}

#[test]
fn a_broken_or_newer_file_is_refused_and_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("agents.json");
    for text in ["{", "{\"version\":2,\"agents\":[]}", "{\"version\":1,\"agents\":[],\"x\":1}"] {
        fs::write(&file, text).expect("a file");
        let error = Registry::open(folder.path()).expect_err("it is broken");
        assert!(matches!(error, RegistryError::Content { .. }), "{error}");
        assert_eq!(fs::read_to_string(&file).expect("it is there"), text);
    }
}
