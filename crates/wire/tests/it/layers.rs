//! Link layers, tags, tunnels and fragments: whatever carries an exchange, the same exchange comes out.

use std::net::IpAddr;

use arachne_model::{DropReason, Limits, LinkType};
use arachne_testkit::conversation::Packet;
use arachne_testkit::network::{extension, udp};
use arachne_testkit::{Conversation, Ip, Random, link};

use crate::support::{Found, Run, run};

const GET: &[u8] = b">GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const OK: &[u8] = b"<HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Puts something around bytes.
type Wrap = fn(&[u8]) -> Vec<u8>;

/// The IP packets of one exchange.
fn packets(six: bool) -> Vec<Packet> {
    let mut talk = if six { Conversation::new("[fd00::7]:51234", "[fd00::9]:80") } else { crate::support::talk() };
    talk.handshake();
    crate::support::say(&mut talk, &[GET, OK]);
    talk.close();
    talk.packets().iter().map(|p| Packet { at: p.at, bytes: p.bytes[14..].to_vec() }).collect()
}

fn carried(link_type: LinkType, six: bool, wrap: impl Fn(&[u8]) -> Vec<u8>) -> Found {
    let frames: Vec<Packet> = packets(six).iter().map(|p| Packet { at: p.at, bytes: wrap(&p.bytes) }).collect();
    Run { link_type, ..Run::default() }.packets(&frames)
}

#[track_caller]
fn check(what: &str, link_type: LinkType, wrap: impl Fn(&[u8]) -> Vec<u8>) {
    for six in [false, true] {
        let found = carried(link_type, six, &wrap);
        assert_eq!(found.lines(), ["GET /a 200 0/2"], "{what}, IPv6: {six}");
        assert_eq!(found.summary.ledger.packets.output, 9, "{what}");
    }
}

fn ether_type(packet: &[u8]) -> [u8; 2] {
    link::ether_type(packet).to_be_bytes()
}

fn ppp(packet: &[u8]) -> [u8; 2] {
    if packet[0] >> 4 == 6 { [0, 0x57] } else { [0, 0x21] }
}

#[test]
fn link_types() {
    let raw = <[u8]>::to_vec;
    let fixed = |head: &'static [u8]| move |p: &[u8]| [head, p].concat();
    check("Ethernet", LinkType::ETHERNET, link::ethernet);
    check("raw", LinkType::RAW, raw);
    check("raw BSD", LinkType::RAW_BSD, raw);
    check("raw OpenBSD", LinkType::RAW_OPENBSD, raw);
    check("null, little", LinkType::NULL, link::null);
    check("null, big", LinkType::NULL, |p| [&[0, 0, 0, if p[0] >> 4 == 6 { 24 } else { 2 }], p].concat());
    check("loop", LinkType::LOOP, |p| [&[0, 0, 0, if p[0] >> 4 == 6 { 28 } else { 2 }], p].concat());
    check("SLL", LinkType::LINUX_SLL, link::sll);
    check("SLL2", LinkType::LINUX_SLL2, link::sll2);
    check("PPP", LinkType::PPP, |p| [&[0xff, 3][..], &ppp(p), p].concat());
    check("PPP without address", LinkType::PPP, |p| [&ppp(p)[..], p].concat());
    check("PPP, short number", LinkType::PPP, |p| [&ppp(p)[1..], p].concat());
    check("PPP in HDLC", LinkType::PPP_HDLC, |p| [&[0xff, 3][..], &ppp(p), p].concat());
    check("PPPoE session", LinkType::PPP_ETHER, |p| [&[0x11, 0, 0, 1, 0, 2][..], &ppp(p), p].concat());
    check("C-HDLC", LinkType::C_HDLC, |p| [&[0x0f, 0][..], &ether_type(p), p].concat());
    check("NFLOG", LinkType::NFLOG, |p| {
        let length = u16::try_from(p.len() + 4).unwrap().to_le_bytes();
        [&[2, 0, 0, 0, 8, 0, 1, 0, 9, 9, 9, 9][..], &length, &[9, 0], p].concat()
    });
    for (link_type, six) in [(LinkType::IPV4, false), (LinkType::IPV6, true)] {
        assert_eq!(carried(link_type, six, fixed(b"")).lines(), ["GET /a 200 0/2"]);
    }
}

#[test]
fn tags_and_labels() {
    let frame = link::ethernet;
    check("VLAN", LinkType::ETHERNET, |p| link::vlan(&[(0x8100, 5)], p));
    check("QinQ", LinkType::ETHERNET, |p| link::vlan(&[(0x88a8, 5), (0x8100, 6)], p));
    check("old QinQ", LinkType::ETHERNET, |p| link::vlan(&[(0x9100, 5), (0x8100, 6)], p));
    check("MPLS", LinkType::ETHERNET, |p| link::mpls(&[16, 17, 18], p));
    check("PPPoE", LinkType::ETHERNET, |p| link::pppoe(7, p));
    check("MPLS, pseudowire", LinkType::ETHERNET, |p| {
        link::ethernet_of(0x8847, &[&[0, 1, 1, 64, 0, 0, 0, 0][..], &frame(p)].concat())
    });
    check("MPLS, Ethernet", LinkType::ETHERNET, |p| {
        link::ethernet_of(0x8847, &[&[0, 1, 1, 64, 0x52][..], &frame(p)[1..]].concat())
    });
    check("SNAP", LinkType::ETHERNET, |p| {
        link::ethernet_of(100, &[&[0xaa, 0xaa, 3, 0, 0, 0][..], &ether_type(p), p].concat())
    });
    check("padding", LinkType::ETHERNET, |p| [&link::ethernet(p)[..], &[0; 26]].concat());
}

#[test]
fn tunnels() {
    let (a, b) = (address("192.0.2.1"), address("192.0.2.2"));
    let (c, d) = (address("2001:db8::1"), address("2001:db8::2"));
    let ethernet = |bytes: Vec<u8>| link::ethernet(&bytes);
    let gre = |head: &'static [u8]| {
        move |p: &[u8]| link::ethernet(&Ip::new(a, b).protocol(47).bytes(&[head, &link::ethernet(p)].concat()))
    };
    for (outer, (a, b)) in [("4", (a, b)), ("6", (c, d))] {
        check(&format!("GRE over {outer}"), LinkType::ETHERNET, |p| ethernet(link::gre(a, b, p)));
        check(&format!("VXLAN over {outer}"), LinkType::ETHERNET, |p| {
            ethernet(link::vxlan(a, b, 77, &link::ethernet(p)))
        });
        check(&format!("Geneve over {outer}"), LinkType::ETHERNET, |p| {
            ethernet(link::geneve(a, b, 77, &[0; 12], &link::ethernet(p)))
        });
        check(&format!("GTP-U over {outer}"), LinkType::ETHERNET, |p| ethernet(link::gtp_u(a, b, 77, p)));
        check(&format!("IP in IP over {outer}"), LinkType::ETHERNET, |p| ethernet(link::ip_in_ip(a, b, p)));
    }
    check("GRE with all fields", LinkType::ETHERNET, |p| {
        let head = [&[0xb0, 0][..], &ether_type(p), &[0; 12]].concat();
        link::ethernet(&Ip::new(a, b).protocol(47).bytes(&[&head, p].concat()))
    });
    check("NVGRE", LinkType::ETHERNET, gre(&[0x20, 0, 0x65, 0x58, 0, 0, 9, 0]));
    check("ERSPAN I", LinkType::ETHERNET, gre(&[0, 0, 0x88, 0xbe]));
    check("ERSPAN II", LinkType::ETHERNET, gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0]));
    check(
        "ERSPAN III",
        LinkType::ETHERNET,
        gre(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    );
    check("VXLAN-GPE", LinkType::ETHERNET, |p| {
        let next = if p[0] >> 4 == 6 { 2 } else { 1 };
        let inner = [&[0x0c, 0, 0, next, 0, 0, 7, 0], p].concat();
        link::ethernet(&Ip::new(a, b).protocol(17).bytes(&udp(50_000, 4790, &inner)))
    });
    check("authentication header", LinkType::ETHERNET, |p| {
        let (at, version) = if p[0] >> 4 == 6 { (40, 6) } else { (20, 4) };
        let inner = [&[6, 4, 0, 0][..], &[0; 20], &p[at..]].concat();
        let ends = if version == 6 { (address("fd00::7"), address("fd00::9")) } else { (a, b) };
        let mut outer = Ip::new(ends.0, ends.1).protocol(51).bytes(&inner);
        let addresses = if version == 6 { 8..40 } else { 12..20 };
        outer[addresses.clone()].copy_from_slice(&p[addresses]);
        if version == 4 {
            outer[10..12].copy_from_slice(&[0, 0]);
        }
        link::ethernet(&outer)
    });
}

#[test]
fn overlay_networks_keep_equal_addresses_apart() {
    let (a, b) = (address("192.0.2.1"), address("192.0.2.2"));
    let mut frames = Vec::new();
    for packet in packets(false) {
        for network in [1, 2] {
            let bytes = link::ethernet(&link::vxlan(a, b, network, &link::ethernet(&packet.bytes)));
            frames.push(Packet { at: packet.at, bytes });
        }
    }
    let found = run(&frames);
    assert_eq!(found.lines(), ["GET /a 200 0/2", "GET /a 200 0/2"]);
    let mut networks: Vec<u32> = found.sessions.iter().map(|s| s.network).collect();
    networks.sort_unstable();
    assert_eq!(networks, [1, 2]);
}

#[test]
fn extension_headers() {
    let ways: [(&str, u8, Wrap); 3] = [
        ("hop by hop", 0, |tcp| extension(6, 2, tcp)),
        ("routing, then destination options", 43, |tcp| extension(60, 0, &extension(6, 1, tcp))),
        ("an atomic fragment", 44, |tcp| [&[6, 0, 0, 0, 0, 0, 0, 1], tcp].concat()),
    ];
    for (what, first, wrap) in ways {
        let found = carried(LinkType::RAW, true, |p| {
            Ip::new(address("fd00::7"), address("fd00::9")).protocol(first).bytes(&wrap(&p[40..]))
        });
        // The direction follows from the addresses, so put them back.
        assert_eq!(found.summary.ledger.packets.output, 9, "{what}");
    }
    let found = carried(LinkType::RAW, true, |p| {
        let mut out = Ip::new(address("fd00::7"), address("fd00::9")).protocol(0).bytes(&extension(6, 1, &p[40..]));
        out[8..40].copy_from_slice(&p[8..40]);
        out
    });
    assert_eq!(found.lines(), ["GET /a 200 0/2"]);
}

#[test]
fn nesting_ends_at_its_limit() {
    let (a, b) = (address("192.0.2.1"), address("192.0.2.2"));
    let nested = |times: usize| {
        carried(LinkType::RAW, false, move |p| (0..times).fold(p.to_vec(), |inner, _| link::ip_in_ip(a, b, &inner)))
    };
    assert_eq!(nested(5).lines(), ["GET /a 200 0/2"]);
    let deep = nested(20);
    assert_eq!(deep.lines().len(), 0);
    assert_eq!(deep.summary.ledger.packets.dropped(DropReason::NestingLimit), 9);
}

#[test]
fn what_is_no_tcp_has_its_reason() {
    let (a, b) = (address("192.0.2.1"), address("192.0.2.2"));
    let ip = |protocol: u8, bytes: &[u8]| link::ethernet(&Ip::new(a, b).protocol(protocol).bytes(bytes));
    let cases: Vec<(Vec<u8>, DropReason)> = vec![
        (vec![], DropReason::Empty),
        (vec![1; 13], DropReason::MalformedLink),
        (link::ethernet_of(0x0806, &[0; 28]), DropReason::NotIp),
        (link::ethernet_of(0x88cc, &[0; 28]), DropReason::NotIp),
        (ip(17, &udp(53, 53, b"x")), DropReason::Udp),
        (ip(1, &[0; 8]), DropReason::Icmp),
        (ip(50, &[0; 8]), DropReason::Encrypted),
        (ip(132, &[0; 8]), DropReason::OtherTransport),
        (ip(6, &[0; 19]), DropReason::MalformedTcp),
        (link::ethernet_of(0x0800, &[0x45; 19]), DropReason::MalformedIp),
        (link::ethernet_of(0x0800, &[0x25; 40]), DropReason::MalformedIp),
        (link::ethernet_of(0x86dd, &[0x60; 39]), DropReason::MalformedIp),
    ];
    for (frame, reason) in cases {
        let found = run(&[Packet { at: 0, bytes: frame.clone() }]);
        assert_eq!(found.summary.ledger.packets.dropped(reason), 1, "{reason:?} {frame:?}");
    }
    let unread = Run { link_type: LinkType(105), ..Run::default() }.packets(&[Packet { at: 0, bytes: vec![1] }]);
    assert_eq!(unread.summary.ledger.packets.dropped(DropReason::LinkTypeUnread), 1);
}

/// The packets of an exchange, each in fragments.
fn fragments(six: bool, size: usize) -> Vec<Vec<Vec<u8>>> {
    let mut id = 0;
    let whole = |p: &Packet| {
        id += 1;
        let (ends, at) = if six { ((8, 24, 40), 16) } else { ((12, 16, 20), 4) };
        let end = |from: usize| -> IpAddr {
            let bytes = &p.bytes[from..from + at];
            bytes.try_into().map_or_else(|_| <[u8; 16]>::try_from(bytes).unwrap().into(), |v4: [u8; 4]| v4.into())
        };
        Ip::new(end(ends.0), end(ends.1)).id(id).fragments(&p.bytes[ends.2..], size)
    };
    packets(six).iter().map(whole).collect()
}

fn play(pieces: &[Vec<u8>], limits: Limits) -> Found {
    let packets: Vec<Packet> = pieces.iter().map(|p| Packet { at: 0, bytes: link::ethernet(p) }).collect();
    Run { limits, ..Run::default() }.packets(&packets)
}

#[test]
fn fragments_in_any_order_and_twice() {
    for six in [false, true] {
        for seed in 0..40 {
            let mut random = Random::new(seed);
            let mut pieces = Vec::new();
            for mut packet in fragments(six, 8 + random.below(40)) {
                let copy = packet[random.below(packet.len())].clone();
                packet.insert(0, copy);
                random.shuffle(&mut packet);
                // A copy behind the end would begin a datagram anew.
                pieces.append(&mut packet);
            }
            let found = play(&pieces, Limits::default());
            assert_eq!(found.lines(), ["GET /a 200 0/2"], "seed {seed}");
        }
    }
}

#[test]
fn fragments_of_two_datagrams_mix() {
    let packets = fragments(false, 16);
    let (mut all, mut mixed) = (packets[..3].concat(), packets[3..].concat());
    Random::new(3).shuffle(&mut mixed);
    all.append(&mut mixed);
    assert_eq!(play(&all, Limits::default()).lines(), ["GET /a 200 0/2"]);
}

#[test]
fn fragments_that_contradict_refuse_their_datagram() {
    let (a, b) = (address("10.0.0.7"), address("10.0.0.9"));
    let ip = Ip::new(a, b);
    for pieces in [
        vec![ip.fragment(&[1; 16], 0, true), ip.fragment(&[2; 16], 8, true), ip.fragment(&[1; 8], 16, false)],
        vec![ip.fragment(&[1; 16], 0, true), ip.fragment(&[2; 16], 0, true), ip.fragment(&[1; 8], 16, false)],
        vec![ip.fragment(&[1; 8], 16, false), ip.fragment(&[1; 8], 8, false), ip.fragment(&[1; 8], 0, true)],
        vec![ip.fragment(&[1; 8], 16, false), ip.fragment(&[1; 8], 24, true), ip.fragment(&[1; 16], 0, true)],
    ] {
        let found = play(&pieces, Limits::default());
        assert_eq!(found.summary.ledger.packets.dropped(DropReason::FragmentOverlap), 3);
        assert!(found.flags().contains(&"fragment_overlap"));
    }
}

#[test]
fn fragments_expire_and_are_bounded() {
    let (a, b) = (address("10.0.0.7"), address("10.0.0.9"));
    let first = |id: u16| link::ethernet(&Ip::new(a, b).id(id).fragment(&[1; 400], 0, true));
    let at = |n: i64, bytes: Vec<u8>| Packet { at: n * 1_000_000_000, bytes };
    let found = run(&[at(0, first(1)), at(31, first(2)), at(31, first(3))]);
    assert_eq!(found.summary.ledger.packets.dropped(DropReason::FragmentExpired), 3);
    let many: Vec<Packet> = (0..100).map(|id| at(0, first(id))).collect();
    for limits in [
        Limits { fragment_datagrams_max: 10, ..Limits::default() },
        Limits { fragment_bytes_max: 10 * 480, ..Limits::default() },
    ] {
        let found = Run { limits, ..Run::default() }.packets(&many);
        assert!(found.summary.ledger.packets.dropped(DropReason::FragmentLimit) >= 90);
    }
    let beyond = link::ethernet(&Ip::new(a, b).fragment(&[1; 400], 65_528, false));
    assert_eq!(run(&[at(0, beyond)]).summary.ledger.packets.dropped(DropReason::FragmentLimit), 1);
}

#[test]
fn a_tunnel_over_fragments_and_fragments_in_a_tunnel() {
    let (a, b) = (address("192.0.2.1"), address("192.0.2.2"));
    let mut over = Vec::new();
    let mut inside = Vec::new();
    for (id, packet) in (1..).zip(packets(false)) {
        let tunnel = Ip::new(a, b).id(id).protocol(4);
        over.extend(tunnel.fragments(&packet.bytes, 24));
    }
    for piece in fragments(false, 24).concat() {
        inside.push(link::ip_in_ip(a, b, &piece));
    }
    assert_eq!(play(&over, Limits::default()).lines(), ["GET /a 200 0/2"]);
    assert_eq!(play(&inside, Limits::default()).lines(), ["GET /a 200 0/2"]);
}

#[test]
fn destination_options_may_stand_behind_the_fragment_header() {
    let mut pieces = Vec::new();
    for (id, packet) in (1..).zip(packets(true)) {
        let end = |at: usize| IpAddr::from(<[u8; 16]>::try_from(&packet.bytes[at..at + 16]).unwrap());
        let whole = extension(6, 0, &packet.bytes[40..]);
        pieces.extend(Ip::new(end(8), end(24)).id(id).protocol(60).fragments(&whole, 16));
    }
    assert_eq!(play(&pieces, Limits::default()).lines(), ["GET /a 200 0/2"]);
}

#[test]
fn fragments_nested_beyond_the_limit_are_accounted() {
    let (a, b) = (address("192.0.2.1"), address("192.0.2.2"));
    let mut frames = Vec::new();
    let mut inner = vec![7; 64];
    // The first halves wait; the last packet completes one datagram after the other.
    for id in 1..=40 {
        let ip = Ip::new(a, b).id(id).protocol(if id == 1 { 6 } else { 4 });
        frames.push(ip.fragment(&inner[..8], 0, true));
        inner = ip.fragment(&inner[8..], 8, false);
    }
    frames.push(inner);
    let found = play(&frames, Limits::default());
    assert_eq!(found.summary.ledger.packets.input, 41);
}
