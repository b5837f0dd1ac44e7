//! Each log code is said where it belongs, by the real binary.

use std::path::Path;

use arachne_testkit::conversation::{Packet, Side};
use arachne_testkit::segment::{Segment, flags};
use arachne_testkit::{Conversation, capture};
use serde_json::Value;

use crate::support::{Ran, exchange, pcap, read_bytes, read_file};

/// The line of `code` on stderr, as text and as JSON.
fn said(bytes: &[u8], words: &str, code: &str) -> (String, Value) {
    let text = read_bytes(bytes, words);
    let json = read_bytes(bytes, &format!("{words} --log-format json"));
    let line = |ran: &Ran| ran.err.lines().find(|line| line.contains(code)).map(str::to_owned);
    let found = line(&text).unwrap_or_else(|| panic!("no {code} in {}", text.err));
    let parsed: Value = serde_json::from_str(&line(&json).expect("the same is said")).expect("JSON");
    assert_eq!(parsed["code"], code);
    assert!(found.ends_with("file=-") || parsed["fields"]["file"] == "-", "{found}");
    (found, parsed)
}

fn said_of(bytes: &[u8], code: &str, fields: &[(&str, Value)]) {
    let (text, json) = said(bytes, "", code);
    for (name, value) in fields {
        assert_eq!(&json["fields"][name], value, "{text}");
    }
}

fn talk() -> Conversation {
    let mut talk = Conversation::new("10.0.0.7:5000", "10.0.0.9:80");
    talk.handshake();
    talk
}

#[test]
fn damaged_and_refused_files() {
    let good = pcap(&exchange(5000, "/"));
    let at = (good.len() - 16 - 54) as u64;
    said_of(&good[..good.len() - 1], "READ-FILE-001", &[("offset", at.into())]);
    said_of(b"a text", "READ-FILE-002", &[]);
    let ran = read_file(Path::new("/does/not/exist"), "");
    assert!(ran.err.contains("code=READ-FILE-003 file=/does/not/exist error=\"cannot open: "), "{}", ran.err);
}

#[test]
fn oddities_of_files() {
    let mut small = pcap(&exchange(5000, "/"));
    small[16..20].copy_from_slice(&20_u32.to_le_bytes());
    said_of(&small, "READ-FILE-004", &[]);
    let mut zone = pcap(&exchange(5000, "/"));
    zone[8..12].copy_from_slice(&3600_u32.to_le_bytes());
    said_of(&zone, "READ-FILE-007", &[]);
    // A decryption secrets block: type, length of the secrets, the secrets.
    let secrets = [&0x544c_534b_u32.to_le_bytes()[..], &4_u32.to_le_bytes(), b"none"].concat();
    let file = [capture::section(), capture::block(10, &secrets)].concat();
    said_of(&file, "READ-FILE-005", &[("blocks", 1.into())]);
    assert!(!read_bytes(&file, "--keep-secrets").err.contains("READ-FILE-005"));
    // A simple packet block before any other has no time.
    let packet = exchange(5000, "/")[0].bytes.clone();
    let simple = [&u32::try_from(packet.len()).unwrap().to_le_bytes()[..], &packet, &[0; 2]].concat();
    let file = [capture::section(), capture::interface(1), capture::block(3, &simple)].concat();
    said_of(&file, "READ-FILE-006", &[("packets", 1.into())]);
}

#[test]
fn packets_that_are_not_whole_or_not_read() {
    let packets = exchange(5000, "/");
    said_of(&capture::pcap(105, &packets), "READ-NET-001", &[("packets", 9.into()), ("link_types", "105".into())]);
    let mut pcap = capture::PcapWriter::new(Vec::new(), 1).unwrap();
    for packet in &packets {
        let whole = u32::try_from(packet.bytes.len()).unwrap();
        pcap.packet_cut(packet.at, &packet.bytes[..packet.bytes.len().min(60)], whole).unwrap();
    }
    said_of(&pcap.finish().unwrap(), "READ-NET-002", &[("packets", 2.into())]);
}

#[test]
fn packets_captured_twice() {
    let twice: Vec<Packet> = exchange(5000, "/").into_iter().flat_map(|packet| [packet.clone(), packet]).collect();
    said_of(&pcap(&twice), "READ-NET-003", &[("packets", 9.into())]);
}

#[test]
fn offload_and_lost_bytes() {
    let mut offload = Conversation::new("10.0.0.7:5000", "10.0.0.9:80");
    let send = |talk: &mut Conversation, kind: u8, payload: &[u8]| {
        let segment = talk.draft(Side::Client).flags(kind).payload(payload).corrupt();
        let segment =
            Segment { acknowledgement: if kind == flags::SYN { 0 } else { segment.acknowledgement }, ..segment };
        let taken = payload.len() + usize::from(kind == flags::SYN);
        talk.segment(Side::Client, &segment).skip(Side::Client, taken);
    };
    send(&mut offload, flags::SYN, b"");
    let answer = offload.draft(Side::Server).flags(flags::SYN | flags::ACK);
    offload.segment(Side::Server, &answer).skip(Side::Server, 1);
    for _ in 0..4 {
        send(&mut offload, flags::PSH | flags::ACK, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        offload.server(b"HTTP/1.1 204 No Content\r\n\r\n");
    }
    said_of(&pcap(offload.packets()), "READ-TCP-001", &[("sides", 1.into())]);
    let mut lossy = talk();
    lossy.client(b"GET / HTTP/1.1\r\n\r\n").server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    lossy.skip(Side::Server, 10).ack(Side::Client).close();
    said_of(&pcap(lossy.packets()), "READ-TCP-002", &[("bytes", 10.into())]);
}

#[test]
fn a_limit_that_is_reached_names_what_was_given_up() {
    let mut flood = talk();
    // Every other byte is missing, up to more pieces than may wait.
    for at in 0..17_000 {
        flood.at_offset(Side::Client, 2 * at + 1, b"x");
    }
    let (text, json) = said(&pcap(flood.packets()), "", "READ-LIMIT-001");
    assert!(json["fields"]["limit"].as_str().is_some_and(|limit| limit.contains("gap_segments_max")), "{text}");
    assert_eq!(
        (&json["fields"]["given_up"], &json["fields"]["count"]),
        (&"waiting for missing bytes of connections".into(), &1.into())
    );
}

#[test]
fn quiet_and_loud() {
    let mut lossy = talk();
    lossy.client(b"GET / HTTP/1.1\r\n\r\n").skip(Side::Server, 10).ack(Side::Client).close();
    let file = pcap(lossy.packets());
    let lines = |words: &str| read_bytes(&file, words).err.lines().count();
    assert_eq!((lines("-qq"), lines("-q")), (0, 1), "{}", read_bytes(&file, "-q").err);
    assert!(lines("") >= 2 && lines("-v") >= lines(""));
    let damaged = &file[..file.len() - 1];
    assert_eq!(read_bytes(damaged, "-qq").err.lines().count(), 1, "errors are always said");
}

#[test]
fn every_line_of_a_json_log_is_json() {
    let good = pcap(&exchange(5000, "/"));
    let ran = read_bytes(&good[..good.len() - 1], "--log-format json --stats -v");
    let lines: Vec<Value> = ran.err.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines[0]["code"], "READ-FILE-001");
    assert_eq!(lines[1]["summary"]["exchanges"], 1);
    assert_eq!(lines[2]["exchanges"]["out"], 1);
}
