//! Agents: added, told what to do, heard of, revoked.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use arachne_server::Auth;
use serde_json::{Value as Json, json};

use crate::client::{Answer, Call, call, get, post, put};
use crate::world::World;

/// What an agent with this key tells.
fn tell(world: &World, key: &str, status: &Json) -> Answer {
    world.send(&post("/agent/v1/status", status).with("Authorization", key))
}

fn listed(world: &World) -> Vec<Json> {
    world.send(&get("/api/v1/agents")).ok().json().as_array().expect("a list").clone()
}

fn configure(name: &str, tag: &str, config: &Json) -> Call {
    put(&format!("/api/v1/agents/{name}/config"), config).with("If-Match", tag)
}

#[test]
fn an_agent_is_added_heard_of_and_revoked() {
    let world = World::new();
    let answer = world.send(&post("/api/v1/agents", &json!({"name": "web-1"})).with("Host", "localhost:7117"));
    assert_eq!(answer.status, 201);
    let added = answer.json();
    let key = added["key"].as_str().expect("a key").to_owned();
    let command = added["command"].as_str().expect("a command");
    assert!(
        command.contains(&format!("echo {key} > ")) && command.contains("\"http://localhost:7117/agent/v1/program?")
    );
    assert!(
        command.ends_with("\narachne-agent --server http://localhost:7117 --key-file /etc/arachne-agent/key\nfi"),
        "{command}"
    );
    assert_eq!(added["pin"], Json::Null);
    let fresh = &listed(&world)[0];
    assert_eq!((&fresh["name"], &fresh["online"], &fresh["status"]), (&json!("web-1"), &json!(false), &Json::Null));
    assert!(!fresh.to_string().contains(&key[4..]) && fresh["last_seen"].is_null());

    let bearer = format!("Bearer {key}");
    let status = |sent: i64, packets: u64| {
        json!({"protocol": 1, "version": "0.3.0", "sent": sent, "state": "capturing", "of.tomorrow": 1,
            "capture": {"packets": packets}, "processes": [{"name": "capture", "pid": 1, "cpu_ns": 10 * packets}]})
    };
    let told = tell(&world, &bearer, &status(1_000_000_000, 0)).ok().json();
    assert_eq!((&told["agent"], &told["config"]["version"]), (&json!("web-1"), &json!(1)));
    assert_eq!(told["keys"], json!({"redaction": "5ec2e7"}));
    assert!(told["received"].as_i64() <= told["sent"].as_i64(), "{told}");
    tell(&world, &bearer, &status(3_000_000_000, 500)).ok();
    let heard = &listed(&world)[0];
    assert_eq!((&heard["online"], &heard["status"]["state"]), (&json!(true), &json!("capturing")));
    assert_eq!((&heard["rates"]["packets_per_second"], &heard["local"]), (&json!(250.0), &json!(false)));
    assert!(!heard.to_string().contains("5ec2e7"), "secrets of the installation are for agents");

    let revoke = call("DELETE", "/api/v1/agents/web-1");
    assert_eq!((world.send(&revoke).status, world.send(&revoke).status), (204, 204));
    assert_eq!(tell(&world, &bearer, &status(5_000_000_000, 500)).json()["code"], "bad-token");
    assert!(listed(&world)[0]["revoked"].is_string());
    assert_eq!(world.send(&call("DELETE", "/api/v1/agents/none")).status, 404);
    let second = world.add_agent("web-1");
    assert_eq!(
        (tell(&world, &bearer, &json!({"protocol": 1})).status, tell(&world, &second, &json!({"protocol": 1})).status),
        (401, 200)
    );
    assert!(listed(&world)[0]["revoked"].is_null());
}

#[test]
fn names_and_statuses_that_are_none_are_explained() {
    let world = World::new();
    let key = world.add_agent("web-1");
    let added = |name: &str| {
        let answer = world.send(&post("/api/v1/agents", &json!({"name": name})));
        (answer.status, answer.json()["field"].clone())
    };
    assert_eq!(added("web-1"), (409, json!("name")));
    for name in ["", "../a", "a b", "ä", "-a", &"x".repeat(65)] {
        assert_eq!(added(name), (400, json!("name")), "{name}");
    }
    for (status, code) in
        [("{", "bad-status"), ("[1]", "bad-status"), ("{\"protocol\":0}", "version"), ("{\"protocol\":9}", "version")]
    {
        let sent = call("POST", "/agent/v1/status").with("Authorization", &key).body(status);
        let answer = world.send(&sent);
        assert_eq!(answer.json()["code"], code, "{status}: {}", answer.text());
    }
    let large = call("POST", "/agent/v1/status").with("Authorization", &key).body("x".repeat(300 << 10));
    assert_eq!(world.send(&large).status, 413);
}

#[test]
fn a_configuration_is_checked_versioned_and_never_overwritten_unseen() {
    let world = World::new();
    let key = world.add_agent("web-1");
    let tag = world.send(&get("/api/v1/agents/web-1")).ok().header("etag").to_owned();
    assert_eq!(tag, "\"1\"");
    let wanted = json!({"capture": true, "interfaces": ["eth0"], "filter": "tcp port 80", "tags": ["blue"]});
    let bare = put("/api/v1/agents/web-1/config", &wanted);
    assert_eq!(world.send(&bare).json()["code"], "no-precondition");
    let answer = world.send(&configure("web-1", &tag, &wanted)).ok();
    assert_eq!((answer.header("etag"), &answer.json()["config"]["version"]), ("\"2\"", &json!(2)));
    let late = world.send(&configure("web-1", &tag, &wanted));
    assert_eq!((late.status, &late.json()["code"]), (412, &json!("changed")));
    assert_eq!(world.send(&configure("web-1", "\"x\"", &wanted)).status, 412);
    assert_eq!(world.send(&configure("web-1", "*", &wanted)).ok().header("etag"), "\"3\"");
    assert_eq!(world.send(&configure("none", "*", &wanted)).status, 404);
    for (bad, field) in [
        (json!({"interfaces": ["any", "lo"]}), "interfaces"),
        (json!({"filter": "tcp porf 80"}), "filter"),
        (json!({"save": {"keep": "duration:>500"}}), "save.keep"),
        (json!({"limits": {"threads": 0}}), "limits.threads"),
        (json!({"files": ["a.pcap"]}), "files"),
    ] {
        let answer = world.send(&configure("web-1", "*", &bad));
        assert_eq!((answer.status, &answer.json()["field"]), (422, &json!(field)), "{}", answer.text());
    }
    let spans = world.send(&configure("web-1", "*", &json!({"filter": "tcp porf 80"}))).json();
    assert_eq!(spans["diagnostics"][0]["span"], json!({"start": 4, "end": 8}));
    assert_eq!(world.send(&configure("web-1", "*", &json!({"filters": ""}))).status, 400);
    let told = tell(&world, &key, &json!({"protocol": 1, "config": {"received": 1}})).ok().json();
    assert_eq!((&told["config"]["version"], &told["config"]["filter"]), (&json!(3), &json!("tcp port 80")));
    let told = tell(&world, &key, &json!({"protocol": 1, "config": {"received": 3}})).ok().json();
    assert!(told["config"].is_null());
}

#[test]
fn a_preview_goes_to_the_agent_and_back() {
    let world = World::new();
    let key = world.add_agent("web-1");
    let ask = post("/api/v1/agents/web-1/preview", &json!({"filter": "port 80", "interfaces": ["any"], "seconds": 5}));
    assert_eq!(world.send(&ask).json()["code"], "offline");
    tell(&world, &key, &json!({"protocol": 1})).ok();
    let id = world.send(&ask).ok().json()["id"].as_str().expect("an id").to_owned();
    let state = || world.send(&get(&format!("/api/v1/agents/web-1/preview/{id}"))).ok().json();
    assert_eq!(state()["state"], "waiting");
    let told = tell(&world, &key, &json!({"protocol": 1})).ok().json();
    assert_eq!(told["preview"], json!({"id": id, "filter": "port 80", "interfaces": ["any"], "seconds": 5}));
    let result =
        |done: bool| json!({"protocol": 1, "preview": {"id": id, "done": done, "packets": 7, "passed_packets": 3}});
    tell(&world, &key, &result(false)).ok();
    assert_eq!(state()["state"], "looking");
    let told = tell(&world, &key, &result(true)).ok().json();
    assert_eq!(
        (&told["preview"], &state()["state"], &state()["result"]["passed_packets"]),
        (&Json::Null, &json!("done"), &json!(3))
    );
    assert_eq!(world.send(&get("/api/v1/agents/web-1/preview/none")).status, 404);
    let bad = post("/api/v1/agents/web-1/preview", &json!({"filter": "porf", "interfaces": ["any"], "seconds": 5}));
    assert_eq!(world.send(&bad).json()["field"], "filter");
}

#[test]
fn how_an_agent_was() {
    let world = World::new();
    let key = world.add_agent("web-1");
    let status = |state: &str| json!({"protocol": 1, "state": state, "why": "because", "pressure": "bodies"});
    tell(&world, &key, &status("starting")).ok();
    tell(&world, &key, &status("capturing")).ok();
    let history = |query: &str| world.send(&get(&format!("/api/v1/agents/web-1/history{query}"))).ok().json();
    let all = history("");
    let states: Vec<_> = all["states"].as_array().expect("ranges").iter().map(|range| &range["state"]).collect();
    assert_eq!(states, ["starting", "capturing"]);
    assert!(
        all["states"][0]["to"].is_string() && all["states"][1]["to"].is_null() && all["states"][0]["why"] == "because"
    );
    assert_eq!((&all["pressure"][0]["state"], &all["breaker"][0]["state"]), (&json!("bodies"), &json!("closed")));
    assert_eq!(history("?to=2000-01-01")["states"], json!([]));
    assert_eq!(world.send(&get("/api/v1/agents/none/history")).status, 404);
}

#[test]
fn who_reads_changes_no_agent() {
    let world = World::with(|config| config.access.auth = Auth::Required);
    let viewer = format!("Bearer {}", world.add_token("\"role\":\"viewer\""));
    let ask = |call: Call| world.send(&call.with("Authorization", &viewer)).status;
    assert_eq!(ask(get("/api/v1/agents")), 200);
    for refused in [
        post("/api/v1/agents", &json!({"name": "a"})),
        call("DELETE", "/api/v1/agents/a"),
        configure("a", "*", &json!({})),
        post("/api/v1/agents/a/preview", &json!({"interfaces": ["any"], "seconds": 1})),
    ] {
        assert_eq!(ask(refused), 403);
    }
}

#[test]
fn a_host_without_the_program_gets_it_from_the_server() {
    let world = World::new();
    let key = world.add_agent("web-1");
    let wanted = |machine: &str| get(&format!("/agent/v1/program?machine={machine}")).with("Authorization", &key);
    let mut stream = TcpStream::connect(world.address).expect("it listens");
    stream.write_all(&wanted(std::env::consts::ARCH).bytes()).expect("it is open");
    // It is large in a debug build: its head is enough.
    let mut begin = vec![0; 4096];
    stream.read_exact(&mut begin).expect("an answer");
    let text = String::from_utf8_lossy(&begin);
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("\r\n\r\n"), "{text}");
    assert!(begin.windows(4).any(|bytes| bytes == b"\x7fELF"), "{text}");
    let other = world.send(&wanted("pdp11"));
    assert_eq!((other.status, other.json()["code"].as_str()), (404, Some("not-found")));
    assert_eq!(world.send(&get("/agent/v1/program")).status, 401, "for agents alone");
}

#[test]
fn downloads_of_the_program_leave_places_for_others() {
    let world = World::new();
    let key = world.add_agent("web-1");
    // Nobody takes more of it than the head and what fits on the way.
    let begun = || {
        let mut stream = TcpStream::connect(world.address).expect("it listens");
        stream.write_all(&get("/agent/v1/program").with("Authorization", &key).bytes()).expect("it is open");
        let mut head = [0; 12];
        stream.read_exact(&mut head).expect("an answer");
        (String::from_utf8_lossy(&head).into_owned(), stream)
    };
    let open: Vec<_> = (0..4).map(|_| begun()).collect();
    assert!(open.iter().all(|(head, _)| head == "HTTP/1.1 200"));
    let fifth = world.send(&get("/agent/v1/program").with("Authorization", &key));
    assert_eq!((fifth.status, &fifth.json()["code"], fifth.header("retry-after")), (503, &json!("busy"), "10"));
    world.send(&get("/api/v1/agents")).ok();
    drop(open);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while begun().0 != "HTTP/1.1 200" {
        assert!(std::time::Instant::now() < until, "places come back");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
