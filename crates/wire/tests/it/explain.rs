//! One frame layer by layer: every byte has its place, whatever the bytes are.

use std::net::IpAddr;

use arachne_model::{Limits, LinkType, UnixNanos};
use arachne_testkit::conversation::{Packet, Side};
use arachne_testkit::mutate::mutate;
use arachne_testkit::{Conversation, Random, Segment, link};
use arachne_wire::packet::explain::{Explained, explain};
use arachne_wire::{Decoder, Frame};
use proptest::prelude::{ProptestConfig, any, proptest};

fn frame(data: &[u8], link_type: LinkType, more: u32) -> Frame<'_> {
    let original_length = u32::try_from(data.len()).unwrap() + more;
    Frame { number: 1, at: UnixNanos(0), link_type, original_length, data }
}

/// The layers, after a look at what must hold for any bytes.
fn layers(frame: &Frame<'_>) -> Vec<Explained> {
    let limits = Limits::default();
    let all = explain(frame, limits.nesting_max);
    let mut at = 0;
    for layer in &all {
        assert!(at <= layer.start && layer.start <= layer.end && layer.end <= frame.data.len(), "{all:?}");
        at = layer.end;
        for field in &layer.fields {
            assert!(layer.start <= field.start && field.start <= field.end && field.end <= layer.end, "{layer:?}");
        }
        assert!(layer.header || layer.fields.is_empty());
    }
    let segment = Decoder::new(&limits).decode(frame).map(|segment| segment.sequence.to_string());
    let shown = all.iter().find(|layer| layer.name == "TCP").and_then(|layer| field(layer, "sequence number"));
    assert_eq!(shown, segment, "what is shown is what was understood");
    all
}

fn field(layer: &Explained, name: &str) -> Option<String> {
    layer.fields.iter().find(|field| field.name == name).map(|field| field.value.clone())
}

fn talk() -> Vec<Packet> {
    let mut talk = Conversation::new("10.0.0.7:51234", "10.0.0.9:80");
    talk.sequences(1000, 5000).handshake().client(b"GET / HTTP/1.1\r\n\r\n");
    talk.packets().to_vec()
}

fn names(all: &[Explained]) -> Vec<&str> {
    all.iter().map(|layer| layer.name).collect()
}

#[test]
fn another_version_than_the_link_promised_is_not_read() {
    let mut packet = talk().remove(3).bytes;
    packet[14] = 0xc5;
    assert_eq!(names(&layers(&frame(&packet, LinkType::ETHERNET, 0))), ["Ethernet", "Not read"]);
}

#[test]
fn fields_and_their_places() {
    let packet = talk().remove(3).bytes;
    let all = layers(&frame(&packet, LinkType::ETHERNET, 0));
    assert_eq!(names(&all), ["Ethernet", "IPv4", "TCP", "Payload"]);
    assert_eq!(all.iter().map(|layer| layer.start).collect::<Vec<_>>(), [0, 14, 34, packet.len() - 18]);
    let value = |layer: usize, name: &str| field(&all[layer], name).unwrap_or_default();
    assert_eq!((value(0, "type"), value(1, "protocol")), ("0x0800 (IPv4)".to_owned(), "6 (TCP)".to_owned()));
    assert_eq!((value(1, "source"), value(1, "destination")), ("10.0.0.7".to_owned(), "10.0.0.9".to_owned()));
    assert_eq!((value(2, "sequence number"), value(2, "destination port")), ("1001".to_owned(), "80".to_owned()));
    assert!(value(2, "checksum").ends_with("(right)"), "{}", value(2, "checksum"));
    assert!(value(2, "flags").contains("ACK"));
    let ports = all[2].fields.iter().find(|field| field.name == "destination port").map(|f| (f.start, f.end));
    assert_eq!(ports, Some((36, 38)));
    assert_eq!((&*all[3].summary, all[3].end), ("18 bytes", packet.len()));
}

#[test]
fn options_and_what_is_cut() {
    let mut talk = Conversation::new("[fd00::7]:51234", "[fd00::9]:80");
    let options = [&[2, 4, 5, 0xb4][..], &[4, 2], &[1], &[3, 3, 7], &[5, 10, 0, 0, 0, 1, 0, 0, 0, 9], &[99, 200]];
    let segment =
        options.iter().fold(Segment::new(51234, 80, 1, 1), |segment, option| segment.option(option)).timestamp(7, 8);
    talk.segment(Side::Client, &segment.payload(b"hello"));
    let packet = talk.packets()[0].bytes.clone();
    let all = layers(&frame(&packet, LinkType::ETHERNET, 0));
    assert_eq!(names(&all)[..3], ["Ethernet", "IPv6", "TCP"]);
    for (name, value) in [
        ("option: maximum segment size", "1460"),
        ("option: window scale", "7 (times 128)"),
        ("option: selective acknowledgement", "1-9"),
    ] {
        assert_eq!(field(&all[2], name).as_deref(), Some(value), "{:?}", all[2]);
    }
    assert!(field(&all[2], "option whose length is wrong").is_some(), "{:?}", all[2]);
    let headers = all[2].end;
    let cut = layers(&frame(&packet[..headers], LinkType::ETHERNET, 5));
    assert_eq!(cut.last().map(|layer| (layer.name, &*layer.summary)), Some(("Payload", "0 of 5 bytes were kept")));
    let padded = [&packet[..], &[0; 9]].concat();
    assert_eq!(names(&layers(&frame(&padded, LinkType::ETHERNET, 0))).last(), Some(&"Padding"));
}

#[test]
fn what_carries_packets() {
    let (a, b): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
    let ip = talk().remove(3).bytes[14..].to_vec();
    let inner = link::ethernet(&ip);
    for (link_type, bytes, expected) in [
        (LinkType::ETHERNET, link::vlan(&[(0x88a8, 7), (0x8100, 9)], &ip), &["Ethernet", "VLAN", "VLAN", "IPv4"][..]),
        (LinkType::ETHERNET, link::mpls(&[3, 4], &ip), &["Ethernet", "MPLS", "MPLS", "IPv4"]),
        (LinkType::ETHERNET, link::pppoe(5, &ip), &["Ethernet", "PPPoE", "PPP", "IPv4"]),
        (LinkType::LINUX_SLL, link::sll(&ip), &["Linux cooked", "IPv4"]),
        (LinkType::LINUX_SLL2, link::sll2(&ip), &["Linux cooked 2", "IPv4"]),
        (LinkType::NULL, link::null(&ip), &["Loopback", "IPv4"]),
        (LinkType::RAW, ip.clone(), &["IPv4"]),
        (LinkType::RAW, link::gre(a, b, &ip), &["IPv4", "GRE", "IPv4"]),
        (LinkType::RAW, link::ip_in_ip(a, b, &ip), &["IPv4", "IPv4"]),
        (LinkType::RAW, link::vxlan(a, b, 42, &inner), &["IPv4", "UDP tunnel", "Ethernet", "IPv4"]),
        (LinkType::RAW, link::geneve(a, b, 42, &[], &inner), &["IPv4", "UDP tunnel", "Ethernet", "IPv4"]),
        (LinkType::RAW, link::gtp_u(a, b, 42, &ip), &["IPv4", "UDP tunnel", "IPv4"]),
    ] {
        let all = layers(&frame(&bytes, link_type, 0));
        assert_eq!(names(&all), [expected, &["TCP", "Payload"]].concat());
        assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start), "no byte is left out: {all:?}");
    }
    assert_eq!(names(&layers(&frame(&[], LinkType::ETHERNET, 0))), ["Not read"]);
    assert_eq!(names(&layers(&frame(&ip, LinkType(9999), 0))), ["Not read"]);
    assert_eq!(names(&layers(&frame(&inner[..30], LinkType::ETHERNET, 0))), ["Ethernet", "Not read"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_of_any_link_type(data in proptest::collection::vec(any::<u8>(), 0..200), link_type in 0..300_u32, more in 0..99_u32) {
        layers(&frame(&data, LinkType(link_type), more));
    }

    #[test]
    fn damaged_frames(seed in any::<u64>(), kind in 0..8_usize, cut in 0..60_usize) {
        let (a, b): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "fd00::1".parse().unwrap());
        let ip = talk().remove(3).bytes[14..].to_vec();
        let mut bytes = match kind {
            0 => link::ethernet(&ip),
            1 => link::vlan(&[(0x8100, 9)], &ip),
            2 => link::pppoe(5, &ip),
            3 => link::mpls(&[3], &ip),
            4 => link::ethernet(&link::gre(a, a, &ip)),
            5 => link::ethernet(&link::vxlan(a, a, 42, &link::ethernet(&ip))),
            6 => link::ethernet(&link::gtp_u(a, a, 42, &ip)),
            _ => link::ethernet(&link::ip_in_ip(b, b, &ip)),
        };
        let mut random = Random::new(seed);
        let changes = random.below(6);
        mutate(&mut bytes, changes, &mut random);
        bytes.truncate(bytes.len().saturating_sub(cut));
        layers(&frame(&bytes, LinkType::ETHERNET, u32::try_from(cut).unwrap()));
    }
}
