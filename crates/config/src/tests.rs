//! Files that are right, files that are wrong in every way we know, and any text at all.

use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use crate::{Auth, Config, Limit, parse};

fn config(text: &str) -> Config {
    parse("arachne.yml", text.as_bytes(), Path::new("/etc/arachne")).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn mistakes(text: &str) -> String {
    parse("arachne.yml", text.as_bytes(), Path::new("")).expect_err("it has mistakes").to_string()
}

#[test]
fn a_whole_file() {
    let text = "server:\n  listen: 127.0.0.1:7117\n  auth: required\nstorage:\n  path: data\n  retention:\n    exchanges: 30d\n    \
                bodies: 50GiB\nservices:\n  - name: pricing\n    host: Pricing.internal\n    port: 8080\n  - name: rest\n";
    let config = config(text);
    assert_eq!((config.listen, config.auth), ("127.0.0.1:7117".parse().ok(), Some(Auth::Required)));
    assert_eq!(config.data, PathBuf::from("/etc/arachne/data"));
    let limits: Vec<_> = config.retention.iter().map(|one| (one.table, one.limit)).collect();
    assert_eq!(
        limits,
        [("exchanges", Limit::Age(Duration::from_secs(30 * 86_400))), ("bodies", Limit::Bytes(50 << 30))]
    );
    assert_eq!(config.services[0].host.as_deref(), Some("pricing.internal"));
    assert_eq!((config.services[0].port, config.services[1].name.as_str()), (Some(8080), "rest"));
}

#[test]
fn one_limit_for_all_tables() {
    let config = config("storage:\n  path: /var/lib/arachne\n  retention: 7d\n");
    assert_eq!(config.data, PathBuf::from("/var/lib/arachne"));
    assert!(config.retention.len() > 4);
}

#[test]
fn values_are_the_text_that_stands_there() {
    let config = config("storage: { path: NO }\nservices:\n  - { name: 1.10, host: 0755, path: 12:30:45 }\n");
    let service = &config.services[0];
    assert_eq!(config.data, PathBuf::from("/etc/arachne/NO"));
    assert_eq!(
        (service.name.as_str(), service.host.as_deref(), service.path.as_deref()),
        ("1.10", Some("0755"), Some("12:30:45"))
    );
}

#[test]
fn every_mistake_says_where_and_what_to_do() {
    for (text, wanted) in [
        ("", vec!["storage.path: is missing", "/var/lib/arachne"]),
        ("storage:\n", vec!["storage.path: is missing"]),
        (
            "storage:\n  path: d\n  retenion: 7d\n",
            vec!["arachne.yml:3:3: storage.retenion: unknown key", "did you mean `retention`", "|   retenion:"],
        ),
        ("storage:\n  path: d\n  retenion_days: 7\n", vec!["did you mean `retention`"]),
        ("storage:\n  path: d\n  retention: -7d\n", vec!["3:14: storage.retention: `-7d` is no limit"]),
        ("storage:\n  path: d\n  retention: 99999999999999999999d\n", vec!["is no limit"]),
        ("storage:\n  path: d\n  retention: [7]\n", vec!["storage.retention: a list is no limit"]),
        (
            "storage:\n  path: d\n  retention:\n    shops: 3d\n",
            vec!["4:5: storage.retention.shops: unknown key; there are: exchanges"],
        ),
        (
            "server:\n  listen: 8443.5\nstorage:\n  path: d\n  retention: [7]\n",
            vec!["server.listen: `8443.5`", "storage.retention: a list"],
        ),
        ("storage:\n  path: d\nstorage:\n  path: e\n", vec!["3:1: storage: given twice: it stands on line 1"]),
        ("storage: d\n", vec!["storage: keys are expected below it"]),
        ("- a\n", vec!["sections are expected"]),
        ("services: shop\nstorage: {path: d}\n", vec!["services: a list is expected"]),
        ("services:\n  - port: 70000\nstorage: {path: d}\n", vec!["services[0].port: `70000` is no port"]),
        ("services:\n  - host: a\nstorage: {path: d}\n", vec!["services[0].name: is missing"]),
        ("server:\n  auth: yes\nstorage: {path: d}\n", vec!["server.auth: `yes` is neither local nor required"]),
        ("a: &x 1\nb: *x\n", vec!["anchors are not used"]),
        ("a: !!str 1\n", vec!["tags are not used"]),
        ("storage: {path: d}\n---\nstorage: {path: e}\n", vec!["a second document"]),
        ("a: [\n", vec!["no YAML"]),
    ] {
        let told = mistakes(text);
        for part in wanted {
            assert!(told.contains(part), "{text:?} gives\n{told}\nwithout {part:?}");
        }
    }
}

#[test]
fn what_may_be_secret_is_not_repeated() {
    let told = mistakes("storage: {path: d}\nauth:\n  api_key: hunter2\n  api_keyy: hunter3\nhunter4\n");
    assert!(!told.contains("hunter"), "{told}");
}

#[test]
fn bytes_that_are_no_text_are_named_by_their_place() {
    let told = parse("f", b"stor\xffage", Path::new("")).expect_err("no text").to_string();
    assert!(told.contains("byte 4"), "{told}");
    let told = parse("f", b"\x7fELF", Path::new("")).expect_err("no text").to_string();
    assert!(told.contains("byte 0"), "{told}");
}

#[test]
fn depth_and_size_are_bounded() {
    assert!(mistakes(&format!("a: {}1{}", "[".repeat(30), "]".repeat(30))).contains("inside each other"));
    assert!(!mistakes(&format!("a: {}", "[".repeat(20_000))).is_empty());
    let long = vec![b'#'; (1 << 20) + 1];
    assert!(parse("f", &long, Path::new("")).expect_err("too long").to_string().contains("larger than"));
}

proptest! {
    #[test]
    fn any_bytes_give_a_configuration_or_mistakes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse("f", &bytes, Path::new("")).map_err(|mistakes| mistakes.to_string());
    }

    #[test]
    fn any_yaml_like_text_does_too(text in "([a-z]{1,3}: ?|- |\\[|\\]|\\{|\\}|\n|  |\"|'|&a |\\*a|[0-9é#|>%@`]){0,60}") {
        let _ = parse("f", text.as_bytes(), Path::new("")).map_err(|mistakes| mistakes.to_string());
    }
}
