//! Where the fuzzer starts: inputs made by the testkit, a handful for each target.

use std::net::IpAddr;

use arachne_testkit::capture::{pcap, pcapng};
use arachne_testkit::conversation::Packet;
use arachne_testkit::{Conversation, link};

/// Each target with its seeds.
#[must_use]
pub fn all() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    vec![
        ("file", files()),
        ("packet", packets()),
        ("tcp", segments()),
        ("http", turns()),
        ("content", bodies()),
        ("bpf", filters()),
    ]
}

fn filters() -> Vec<Vec<u8>> {
    let texts = [
        "tcp port 80 or 443 and not host 10.0.0.1",
        "src net 10.0.0.0/8 || (dst host fd00::1 && portrange 1-1023)",
        "vlan 5 and ip6 proto tcp and greater 100",
        "port (80 or not 443) and net 192.168.0.0 mask 255.255.0.0",
        "icmp or icmp6 or arp and inbound or less 90",
        "prot 80",
    ];
    let frame = talk()[3].bytes.clone();
    texts.iter().map(|text| [text.as_bytes(), &[0], &frame].concat()).collect()
}

fn talk() -> Vec<Packet> {
    let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80");
    talk.segment_size(60).handshake().client(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc").close();
    talk.packets().to_vec()
}

fn files() -> Vec<Vec<u8>> {
    let packets = talk();
    let raw: Vec<Packet> =
        packets.iter().map(|packet| Packet { at: packet.at, bytes: packet.bytes[14..].to_vec() }).collect();
    let swapped: Vec<u8> = pcap(1, &packets[..2])[..24].chunks(4).flat_map(|word| word.iter().rev().copied()).collect();
    vec![pcap(1, &packets), pcapng(1, &packets), pcap(101, &raw), swapped, pcapng(113, &[]), b"\x1f\x8b\x08".to_vec()]
}

fn framed(link_type: u8, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for frame in frames {
        let length = u16::try_from(frame.len()).unwrap_or(0).to_be_bytes();
        out.extend_from_slice(&[link_type, 1, length[0], length[1]]);
        out.extend_from_slice(frame);
    }
    out
}

/// Carries a packet between two hosts.
type Wrap = fn(IpAddr, IpAddr, &[u8]) -> Vec<u8>;

fn packets() -> Vec<Vec<u8>> {
    let (a, b): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
    let inner: Vec<Vec<u8>> = talk().iter().map(|packet| packet.bytes[14..].to_vec()).collect();
    let ways: [Wrap; 11] = [
        |_, _, p| link::ethernet(p),
        |_, _, p| link::vlan(&[(0x88a8, 1), (0x8100, 2)], p),
        |_, _, p| link::mpls(&[1, 2], p),
        |_, _, p| link::pppoe(1, p),
        |a, b, p| link::ethernet(&link::gre(a, b, p)),
        |a, b, p| link::ethernet(&link::ip_in_ip(a, b, p)),
        |a, b, p| link::ethernet(&link::vxlan(a, b, 1, &link::ethernet(p))),
        |a, b, p| link::ethernet(&link::geneve(a, b, 1, &[0; 4], &link::ethernet(p))),
        |a, b, p| link::ethernet(&link::gtp_u(a, b, 1, p)),
        |_, _, p| link::sll(p),
        |_, _, p| link::null(p),
    ];
    let links = [0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 4];
    let mut seeds: Vec<Vec<u8>> = ways
        .iter()
        .zip(links)
        .map(|(wrap, link)| framed(link, &inner[..5].iter().map(|p| wrap(a, b, p)).collect::<Vec<_>>()))
        .collect();
    let whole = arachne_testkit::Ip::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
    seeds.push(framed(1, &whole.fragments(&inner[3][20..], 16)));
    let six = arachne_testkit::Ip::new("fd00::1".parse().unwrap_or(a), "fd00::2".parse().unwrap_or(b));
    seeds.push(framed(3, &six.fragments(&inner[3][20..], 16)));
    seeds
}

fn segments() -> Vec<Vec<u8>> {
    // Side and quirks, flags, place and acknowledgement (12 bits each), length, time, change.
    let syn = [0, 0x02, 0, 0, 0, 0, 1, 1];
    let answer = [1, 0x12, 0, 0, 0, 0, 1, 1];
    let ask = [0, 0x10, 0, 0, 0, 28, 1, 2];
    let reply = [1, 0x10, 0, 0xc0, 1, 41, 1, 2];
    let ends = [[0, 0x11, 28, 0x90, 2, 0, 1, 3], [1, 0x11, 41, 0xd0, 1, 0, 1, 3]];
    let normal = [&[syn, answer, ask, reply][..], &ends].concat().concat();
    let reordered = [[syn, answer, reply, ask], [ends[1], ends[0], reply, ask]].concat().concat();
    let middle = [ask, reply, [2, 0x10, 5, 0, 0, 28, 1, 4], [0x46, 0x10, 30, 0, 0, 40, 60, 9]].concat();
    vec![normal, reordered, middle]
}

fn turns() -> Vec<Vec<u8>> {
    let turns: [&[u8]; 12] = [
        b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n\xf5HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n\xf5HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
        b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n\xf5HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nHTTP/1.1 304 No\r\n\r\n",
        b"GET /old\r\n\xf5<html>",
        b"GET /\r\nHost: x\r\n\r\n\xf5HTTP/1.0 200 OK\r\n\r\nuntil close",
        b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n\xf5HTTP/1.1 200 OK\r\n\r\n\xf5bytes",
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n\xf5HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n\xf5\x81\x82abcdef",
        b"GET /a HTTP/1.1\nA: b\n c\n\n\xf5HTTP/1.1 200\nContent-Length: 1, 1\n\nx",
        b"a:b x\r\nGET / HTTP/1.1\r\n\r\n\xf5HELLO\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HEAD /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n\xf5HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\xf5GET /b HTTP/1.1\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHo\xf6x\r\n\r\nGET /b HTTP/1.1\r\n\r\n\xf5HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab\xf6cde",
        b"\r\n\r\nPUT /a HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: gzip, chunked\r\n\r\nzz\r\n\xf5",
    ];
    turns.iter().map(|turn| turn.to_vec()).collect()
}

fn bodies() -> Vec<Vec<u8>> {
    // "hello hello" in gzip, zlib, brotli (stored) and zstd (raw block), written down by hand.
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\x05\0\xfa\xffhello\x86\xa6\x106\x05\0\0\0";
    let zlib = b"\x78\x01\x01\x05\0\xfa\xffhello\x06\x2c\x02\x15";
    let brotli = b"\x0b\x02\x80hello\x03";
    let zstd = b"\x28\xb5\x2f\xfd\x20\x05\x29\0\0hello";
    let coded: [(u8, &[u8]); 6] = [(0, gzip), (1, zlib), (2, brotli), (3, zstd), (4, b"plain"), (6, gzip)];
    coded.iter().map(|(coding, body)| [&[*coding, 3], *body].concat()).collect()
}
