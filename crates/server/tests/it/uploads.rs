//! Uploads are streamed, known by content, imported one by one, and leave nothing behind.

use serde_json::{Value as Json, json};

use crate::client::{Call, call, get};
use crate::world::World;

pub const PCAP: [u8; 24] = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0];

pub fn upload(label: &str, body: &[u8]) -> Call {
    let label: String = label.bytes().map(|byte| format!("%{byte:02x}")).collect();
    call("POST", &format!("/api/v1/uploads?label={label}")).with("Content-Type", "application/octet-stream").body(body)
}

/// Follows an operation to its end.
pub fn ended(world: &World, target: &str) -> Json {
    loop {
        let operation = world.send(&get(target)).ok().json();
        if !["waiting", "running"].contains(&operation["state"].as_str().expect("text")) {
            return operation;
        }
    }
}

fn left(world: &World) -> usize {
    std::fs::read_dir(world.data.join("uploads")).expect("it is there").count()
}

#[test]
fn a_capture_is_imported() {
    let world = World::new();
    let taken = world.send(&upload("mon.pcap", &PCAP));
    assert_eq!(taken.status, 202, "{}", taken.text());
    let operation = ended(&world, taken.header("location"));
    assert_eq!((&operation["state"], &operation["label"]), (&json!("finished"), &json!("mon.pcap")));
    assert_eq!(operation["import"]["rows"]["exchanges"], 1);
    assert_eq!(left(&world), 0);
    assert_eq!(world.send(&get("/api/v1/operations")).ok().json()[0]["id"], operation["id"]);
}

#[test]
fn what_fails_is_told_without_paths() {
    let world = World::new();
    let refused = ended(&world, world.send(&upload("bad", &PCAP)).header("location"));
    assert_eq!((&refused["state"], &refused["problem"]["code"]), (&json!("failed"), &json!("not-a-capture")));
    let code = arachne_telemetry::codes::SERVER_IMPORT_001;
    let before = arachne_telemetry::count_of(&code);
    let broken = ended(&world, world.send(&upload("broken", &PCAP)).header("location"));
    assert_eq!(broken["problem"]["code"], "internal");
    assert!(!broken.to_string().contains("secret"), "{broken}");
    assert!(arachne_telemetry::count_of(&code) > before, "SERVER-IMPORT-001");
}

#[test]
fn one_goes_on_others_wait_and_each_is_stopped() {
    let world = World::with(|config| config.limits.uploads = 2);
    let slow = world.send(&upload("slow", &PCAP)).ok();
    let next = world.send(&upload("next", &PCAP)).ok();
    let busy = world.send(&upload("more", &PCAP));
    assert_eq!((busy.status, &busy.json()["code"]), (503, &json!("busy")));
    let state = |target: &str| world.send(&get(target)).ok().json()["state"].clone();
    assert_eq!(state(next.header("location")), "waiting");
    assert_eq!(world.send(&call("DELETE", slow.header("location"))).status, 202);
    assert_eq!(ended(&world, slow.header("location"))["state"], "stopped");
    assert_eq!(ended(&world, next.header("location"))["state"], "finished");
    assert_eq!(left(&world), 0);
}

#[test]
fn limits_hold_while_bytes_come() {
    let world = World::with(|config| config.limits.upload_bytes = 100);
    let large = [&PCAP[..], &[0; 1000]].concat();
    let refused = world.send(&upload("large", &large));
    assert_eq!((refused.status, &refused.json()["code"]), (413, &json!("too-large")));
    let torn = upload("torn", &PCAP).with("Content-Length", "1000");
    let mut stream = std::net::TcpStream::connect(world.address).expect("it listens");
    std::io::Write::write_all(&mut stream, &torn.bytes()).expect("it takes requests");
    stream.shutdown(std::net::Shutdown::Write).expect("it is open");
    assert!(matches!(crate::client::read(stream).status, 0 | 400));
    assert_eq!(left(&world), 0);
}

#[test]
fn what_was_left_is_removed_at_the_start() {
    let world = World::with(|config| {
        let folder = config.data.join("uploads");
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(folder.join("0123"), b"left by a kill").expect("a file");
    });
    assert_eq!(left(&world), 0);
}

#[test]
fn labels_and_filters_are_checked() {
    let world = World::new();
    let keep = call("POST", "/api/v1/uploads?keep=nonsense:1").with("Content-Type", "application/gzip").body(PCAP);
    let answer = world.send(&keep);
    assert_eq!((answer.status, &answer.json()["field"]), (400, &json!("keep")));
    let form = call("POST", "/api/v1/uploads").with("Content-Type", "multipart/form-data; boundary=x").body(PCAP);
    assert_eq!(world.send(&form).status, 415);
}
