//! Filters catch what tcpdump's catch: the same expressions over the same frames, packet by packet. Two words differ on
//! purpose and are not asked here: VLAN tags are looked through, and names of services hold for all protocols.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::cast_possible_truncation)]

mod common;

use std::fs;
use std::io::Cursor;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use arachne_capture::interface::filter::{Filter, PacketView, Scope};
use arachne_capture::{CaptureReader, ReadOptions};
use arachne_model::LinkType;
use arachne_testkit::conversation::Packet;
use arachne_testkit::{Conversation, Ip, Random, Segment, capture, link, network};
use proptest::prelude::*;

/// The frames that tcpdump lets pass; `None` where it refuses the expression.
fn by_tcpdump(file: &Path, expression: &str) -> Option<Vec<Vec<u8>>> {
    let output = Command::new("tcpdump").arg("-r").arg(file).args(["-w", "-", expression]).output().unwrap();
    // It looks ahead: what cannot be is refused, and catches nothing.
    if String::from_utf8_lossy(&output.stderr).contains("rejects all packets") {
        return Some(Vec::new());
    }
    output.status.success().then(|| frames_of(output.stdout))
}

fn reader(bytes: Vec<u8>) -> CaptureReader {
    CaptureReader::new(Cursor::new(bytes), &ReadOptions::default()).unwrap()
}

fn frames_of(bytes: Vec<u8>) -> Vec<Vec<u8>> {
    let mut reader = reader(bytes);
    let mut frames = Vec::new();
    while let Some(packet) = reader.next_packet().unwrap() {
        frames.push(packet.data.to_vec());
    }
    frames
}

fn by_us(frames: &[Vec<u8>], expression: &str) -> Vec<Vec<u8>> {
    let program = Filter::parse(expression).unwrap_or_else(|e| panic!("{expression}: {e}")).program(&Scope::default());
    let program = program.unwrap();
    let passes = |frame: &[u8]| {
        let view = PacketView::of_frame(LinkType::ETHERNET, frame, frame.len() as u32);
        view.is_some_and(|view| program.passes(&view))
    };
    frames.iter().filter(|frame| passes(frame)).cloned().collect()
}

/// One file of all frames, in a folder that goes when the test ends.
struct World {
    folder: tempfile::TempDir,
    frames: Vec<Vec<u8>>,
}

impl World {
    /// Frames without VLAN tags. `None` where tcpdump is not installed.
    fn new(mut frames: Vec<Vec<u8>>) -> Option<Self> {
        if Command::new("tcpdump").arg("--version").output().is_err() {
            eprintln!("skipped: tcpdump is not installed");
            return None;
        }
        frames.retain(|frame| frame.len() >= 14 && !matches!(frame[12..14], [0x81, 0] | [0x88, 0xa8] | [0x91, 0]));
        let packets: Vec<Packet> = frames.iter().map(|bytes| Packet { at: 0, bytes: bytes.clone() }).collect();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("all.pcap"), capture::pcap(1, &packets)).unwrap();
        Some(Self { folder, frames })
    }

    #[track_caller]
    fn check(&self, expression: &str) -> usize {
        let expected = by_tcpdump(&self.folder.path().join("all.pcap"), expression);
        let expected = expected.unwrap_or_else(|| panic!("tcpdump refuses {expression:?}"));
        let found = by_us(&self.frames, expression);
        assert_eq!(found.len(), expected.len(), "{expression}");
        assert!(found == expected, "{expression}: other frames");
        found.len()
    }
}

/// Frames of each kind that a filter tells apart.
fn generated() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for (client, server) in
        [("10.0.0.1:50000", "10.0.0.2:80"), ("[fd00::1]:50000", "[fd00::2]:443"), ("192.168.7.9:443", "10.1.2.3:8080")]
    {
        let mut talk = Conversation::new(client, server);
        talk.handshake().client(b"GET / HTTP/1.1\r\n\r\n").server(&[b'x'; 900]).close();
        frames.extend(talk.packets().iter().map(|packet| packet.bytes.clone()));
    }
    let four: (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 53].into());
    let six: (IpAddr, IpAddr) = ("fd00::1".parse().unwrap(), "fd00::53".parse().unwrap());
    let udp = network::udp(5353, 53, &[7; 64]);
    for (source, destination) in [four, six] {
        for protocol in [1, 2, 6, 17, 47, 58, 132] {
            let ip = Ip { protocol, ..Ip::new(source, destination) };
            frames.push(link::ethernet(&ip.bytes(&udp)));
            frames.extend(ip.fragments(&udp, 16).iter().map(|packet| link::ethernet(packet)));
        }
        let tcp = Segment::new(40000, 80, 1, 1).payload(b"x").bytes(source, destination);
        frames.push(link::ethernet(
            &Ip { protocol: 0, ..Ip::new(source, destination) }.bytes(&network::extension(6, 0, &tcp)),
        ));
    }
    for operation in [1, 2] {
        let mut arp =
            vec![0, 1, 8, 0, 6, 4, 0, operation, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2];
        frames.push(link::ethernet_of(0x0806, &arp));
        arp.resize(46, 0);
        frames.push(link::ethernet_of(0x8035, &arp));
    }
    frames.push(link::ethernet_of(0x88cc, &[1; 20]));
    frames
}

/// With some that are cut in their headers.
fn with_cut() -> Vec<Vec<u8>> {
    let mut frames = generated();
    let cut: Vec<Vec<u8>> = frames.iter().step_by(5).map(|frame| frame[..frame.len().min(30)].to_vec()).collect();
    frames.extend(cut);
    frames
}

#[test]
fn each_kind_of_word_catches_the_same() {
    let Some(world) = World::new(with_cut()) else { return };
    let expressions = [
        "",
        "ip",
        "ip6",
        "arp",
        "rarp",
        "tcp",
        "udp",
        "sctp",
        "icmp",
        "icmp6",
        "igmp",
        "ip proto 47",
        "ip6 proto 17",
        "proto 6",
        "ip proto \\udp",
        "host 10.0.0.1",
        "src host 10.0.0.1",
        "dst 10.0.0.2",
        "src and dst net 10",
        "ip host 10.0.0.1",
        "arp host 10.0.0.2",
        "rarp src host 10.0.0.1",
        "host fd00::1",
        "ip6 src host fd00::2",
        "net 10",
        "net 10.0.0.0/30",
        "net 192.168",
        "dst net 10.1.2",
        "net 10.0.0.0 mask 255.255.0.0",
        "net fd00::/16",
        "net fd00::/121",
        "src net 0.0.0.0/0",
        "net ::/0",
        "port 80",
        "src port 443",
        "dst port 53",
        "tcp port 80",
        "udp port 53",
        "sctp src port 5353",
        "src and dst port 53",
        "portrange 50-100",
        "tcp dst portrange 400-450",
        "portrange 443-80",
        "port 80 or 443",
        "port (80 or 443 or 53)",
        "not port 80",
        "! tcp",
        "tcp and not port 80",
        "tcp port 80 or udp port 53 and host fd00::1",
        "port 80 and (src 10.0.0.1 or dst 10.0.0.2)",
        "host 10.0.0.1 or 10.0.0.2 and not 10.0.0.53",
        "not (tcp or udp)",
        "src or dst host 10.0.0.2",
        "tcp || udp && ip6",
        "less 60",
        "greater 60",
        "greater 100 and less 900",
        "src net 10.0.0.0/24",
        "src port 53 or 80 or 443",
        "dst host 10.0.0.1 or fd00::1",
        "not src net 10 and ip",
    ];
    let caught: usize = expressions.iter().map(|expression| world.check(expression)).sum();
    assert!(caught > 500, "{caught}");
}

#[test]
fn the_shared_captures_are_caught_the_same() {
    let Some(folder) = common::shared("captures") else {
        eprintln!("skipped: no shared captures, see ARACHNE_SHARED");
        return;
    };
    let mut frames = Vec::new();
    for name in ["mixed/all-protocols.pcap", "frag/http-request.pcap", "frag/ipv6.pcap", "mixed/web-browsing.pcap"] {
        let mut reader = reader(fs::read(folder.join(name)).unwrap());
        while let Ok(Some(packet)) = reader.next_packet() {
            if packet.link_type == LinkType::ETHERNET && packet.original_length as usize == packet.data.len() {
                frames.push(packet.data.to_vec());
            }
        }
    }
    let Some(world) = World::new(frames) else { return };
    let expressions = [
        "tcp",
        "udp port 53",
        "port 80 or 443",
        "not tcp and not udp",
        "arp or icmp or icmp6",
        "ip6",
        "net 192.168 and not port 80",
        "greater 1000",
        "portrange 1-1023 and less 200",
    ];
    let caught: usize = expressions.iter().map(|expression| world.check(expression)).sum();
    assert!(caught > 1000, "{caught}");
}

/// An expression of words that both take.
fn expression(random: &mut Random, depth: usize) -> String {
    let pick = |random: &mut Random, words: &[&str]| words[random.below(words.len())].to_owned();
    if depth > 0 && !random.one_in(3) {
        let (a, b) = (expression(random, depth - 1), expression(random, depth - 1));
        return match random.below(4) {
            0 => format!("not ({a})"),
            1 => format!("({a}) and {b}"),
            2 => format!("{a} or ({b})"),
            _ => format!("{a} and {b}"),
        };
    }
    let not = if random.one_in(4) { "not " } else { "" };
    let dir = pick(random, &["", "src ", "dst ", "src or dst ", "src and dst "]);
    let word = match random.below(5) {
        0 => pick(random, &["tcp", "udp", "ip", "ip6", "arp", "icmp", "icmp6", "less 90", "greater 300"]),
        1 => format!(
            "{dir}host {}",
            pick(random, &["10.0.0.1", "10.0.0.2", "10.0.0.53", "fd00::1", "fd00::53", "192.168.7.9"])
        ),
        2 => format!(
            "{dir}net {}",
            pick(random, &["10", "10.0.0.0/30", "192.168", "fd00::/64", "10.1.2.0/24", "0.0.0.0/1"])
        ),
        3 => format!(
            "{}{dir}port {}",
            pick(random, &["", "tcp ", "udp ", "sctp "]),
            pick(random, &["80", "443", "53", "50000", "8080"])
        ),
        _ => format!("{dir}portrange {}", pick(random, &["1-79", "80-443", "50000-65535"])),
    };
    format!("{not}{word}")
}

/// Cut frames are left out: tcpdump drops needless loads from long expressions, and with them what they refuse.
#[test]
fn any_expression_catches_the_same() {
    let Some(world) = World::new(generated()) else { return };
    for seed in 0..150 {
        world.check(&expression(&mut Random::new(seed), 3));
    }
}

proptest! {
    #[test]
    fn no_text_crashes(text in "(?s).{0,80}") {
        if let Err(error) = Filter::parse(&text) {
            prop_assert!(text.get(error.span.clone()).is_some(), "{:?}", error.span);
            let raw = error.caret(&text).contains('\u{1b}');
            prop_assert!(!raw);
        }
    }

    #[test]
    fn no_words_crash(words in prop::collection::vec(prop::sample::select(vec![
        "tcp", "port", "80", "host", "10.0.0.1", "::1", "net", "10/8", "and", "or", "not", "(", ")", "vlan", "src", "dst", "mask",
        "portrange", "1-2", "proto", "less", "greater", "ip6", "255.0.0.0", "!", "&&", "ether", "-", "/", "99999999999",
    ]), 0..20), bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let text = words.join(" ");
        if let Ok(filter) = Filter::parse(&text) {
            let program = filter.program(&Scope::default()).unwrap();
            if let Some(view) = PacketView::of_frame(LinkType::ETHERNET, &bytes, 80) {
                let _ = program.passes(&view);
            }
        }
    }
}
