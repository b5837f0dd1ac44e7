//! A session from its frames: the stream, the segments, a frame layer by layer.

use std::sync::Arc;

use arachne_model::table::{PacketRow, SessionRow};
use arachne_server::Auth;
use arachne_store::{MemoryStore, Rows, Store as _, Token};
use arachne_testkit::Conversation;
use arachne_testkit::conversation::Side;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::client::get;
use crate::world::{START, World};

const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// A session `whole` of full frames, `headers` of the same without payload, `none` without frames, `expired` likewise now.
fn store() -> MemoryStore {
    let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80");
    talk.handshake().client(REQUEST).ack(Side::Server).server(&ANSWER[..20]).server(&ANSWER[20..]);
    talk.at_offset(Side::Server, -i32::try_from(ANSWER.len()).expect("short"), &ANSWER[..20]).close();
    let packets = talk.packets();
    let kept = packets.len() as u64;
    let mut rows = Rows::default();
    for (id, kept_packets) in [("whole", kept), ("headers", kept), ("none", 0), ("expired", 3)] {
        rows.sessions.push(SessionRow {
            id: id.to_owned(),
            first: START,
            last: Some(START),
            client_address: "10.0.0.1".to_owned(),
            client_port: 50_000,
            server_address: "10.0.0.2".to_owned(),
            server_port: 80,
            kept_packets,
            client_payload: REQUEST.len() as u64,
            server_payload: ANSWER.len() as u64,
            ..SessionRow::default()
        });
    }
    for (number, packet) in (1..).zip(packets) {
        let headers = &packet.bytes[..54.min(packet.bytes.len())];
        for (session, bytes) in [("whole", &packet.bytes[..]), ("headers", headers)] {
            rows.packets.push(PacketRow {
                session: session.to_owned(),
                time: START + i64::try_from(number).expect("few"),
                number,
                direction: "client".to_owned(),
                link_type: 1,
                length: packet.bytes.len() as u64,
                bytes: bytes.to_vec(),
            });
        }
    }
    let store = MemoryStore::new();
    assert!(store.append(&Token { sender: "t".to_owned(), sequence: 1 }, rows).expect("memory takes all"));
    store
}

fn world() -> World {
    World::on(Arc::new(store()), |_| {})
}

fn ask(world: &World, target: &str) -> Json {
    world.send(&get(&format!("/api/v1/sessions/{target}"))).ok().json()
}

/// What a direction sent, by the pieces of some pages.
fn joined<'a>(pieces: impl IntoIterator<Item = &'a Json>, direction: &str) -> Vec<u8> {
    let mut stream = Vec::new();
    for piece in pieces.into_iter().filter(|piece| piece["direction"] == direction && piece["retransmitted"] == false) {
        assert_eq!(piece["offset"], stream.len(), "{piece}");
        stream.extend(STANDARD.decode(piece["bytes"].as_str().expect("text")).expect("base64"));
    }
    stream
}

#[test]
fn a_stream_is_put_in_order_page_by_page() {
    let world = world();
    let whole = ask(&world, "whole/stream");
    assert_eq!((&whole["complete"], &whole["why_not"], &whole["next"]), (&json!(true), &Json::Null, &Json::Null));
    assert_eq!((&whole["client"]["bytes"], &whole["server"]["bytes"]), (&json!(REQUEST.len()), &json!(ANSWER.len())));
    let pieces = whole["pieces"].as_array().expect("a list");
    assert_eq!((&*joined(pieces, "client"), &*joined(pieces, "server")), (REQUEST, ANSWER));
    let again: Vec<_> = pieces.iter().filter(|piece| piece["retransmitted"] == true).collect();
    assert_eq!((again.len(), &again[0]["offset"], &again[0]["length"]), (1, &json!(0), &json!(20)));
    assert_eq!(pieces[0]["time"], "2026-11-21T10:00:00.000000004Z");
    let (mut paged, mut from) = (Vec::new(), json!(0));
    while !from.is_null() {
        let page = ask(&world, &format!("whole/stream?limit=1&from={from}"));
        from = page["next"].clone();
        paged.extend(page["pieces"].as_array().expect("a list").clone());
    }
    assert_eq!(&paged, pieces);
}

#[test]
fn what_is_missing_is_told_with_what_would_keep_it() {
    let world = world();
    for (id, why, pieces) in [
        (
            "headers",
            "frames were kept without their payload: import the capture again with --full-packets --replace",
            3,
        ),
        ("none", "no frames were kept of this session", 0),
        ("expired", "3 of 3 frames are no longer stored", 0),
    ] {
        let answer = ask(&world, &format!("{id}/stream"));
        assert!(answer["why_not"].as_str().is_some_and(|text| text.starts_with(why)), "{answer}");
        assert_eq!((&answer["complete"], answer["pieces"].as_array().map(Vec::len)), (&json!(false), Some(pieces)));
    }
    let gaps = ask(&world, "headers/stream");
    let of_client = gaps["pieces"].as_array().into_iter().flatten().find(|piece| piece["direction"] == "client");
    let of_client = of_client.expect("its bytes are told of");
    assert_eq!((&of_client["gap"], &of_client["length"]), (&json!(true), &json!(REQUEST.len())));
    assert!(ask(&world, "none/segments")["why_not"].is_string());
    for (target, status) in [
        ("nobody/stream", 404),
        ("nobody/segments", 404),
        ("whole/stream?limit=0", 400),
        ("whole/stream?limit=1048577", 400),
    ] {
        assert_eq!(world.send(&get(&format!("/api/v1/sessions/{target}"))).status, status, "{target}");
    }
}

#[test]
fn segments_make_a_ladder_from_headers_as_well() {
    let world = world();
    let whole = ask(&world, "whole/segments");
    assert_eq!(whole, ask(&world, "headers/segments"));
    let all = whole["segments"].as_array().expect("a list");
    assert_eq!((&all[0]["flags"], &all[0]["sequence"]), (&json!(["SYN"]), &json!(0)));
    assert_eq!((&all[1]["direction"], &all[1]["acknowledgement"]), (&json!("server"), &json!(1)));
    assert_eq!((&all[3]["sequence"], &all[3]["length"]), (&json!(1), &json!(REQUEST.len())));
    assert_eq!(all.iter().filter(|segment| segment["retransmitted"] == true).count(), 1);
    let page = ask(&world, "whole/segments?from=2&limit=3");
    assert_eq!((&page["segments"], &page["next"]), (&json!(all[2..5]), &json!(5)));
    assert_eq!(ask(&world, "whole/segments?from=5")["segments"], json!(all[5..]));
}

#[test]
fn a_frame_has_layers_and_its_payload_a_right_of_its_own() {
    let world = World::on(Arc::new(store()), |config| config.access.auth = Auth::Required);
    let viewer = world.add_token("\"role\":\"viewer\"");
    let ask = |target: &str, token: &str| {
        world.send(&get(&format!("/api/v1/sessions/{target}")).with("Authorization", &format!("Bearer {token}")))
    };
    let frame = ask("whole/packets/4", &world.token).ok().json();
    let names: Vec<_> = frame["layers"].as_array().expect("a list").iter().map(|layer| &layer["name"]).collect();
    assert_eq!(names, ["Ethernet", "IPv4", "TCP", "Payload"]);
    let bytes = |frame: &Json| STANDARD.decode(frame["bytes"].as_str().expect("text")).expect("base64");
    assert!(bytes(&frame).ends_with(REQUEST));
    assert_eq!(
        frame["layers"][2]["fields"][1],
        json!({"name": "destination port", "value": "80", "start": 36, "end": 38})
    );
    let seen = ask("whole/packets/4", &viewer).ok().json();
    assert_eq!((&seen["layers"], seen["kept"].as_u64()), (&frame["layers"], frame["length"].as_u64()));
    assert_eq!(bytes(&seen).len() + REQUEST.len(), bytes(&frame).len(), "headers alone");
    assert_eq!((ask("whole/stream", &viewer).status, ask("whole/segments", &viewer).status), (403, 200));
    for none in ["whole/packets/999", "whole/packets/x", "none/packets/1", "whole/packets/-1"] {
        assert_eq!(ask(none, &viewer).status, 404, "{none}");
    }
}
