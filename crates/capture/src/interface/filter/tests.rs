//! What filters refuse and how; what stands around them; programs with far jumps. What they catch is compared with
//! tcpdump in `tests/bpf.rs`.

use std::net::SocketAddr;

use super::{Filter, PacketView, Program, Scope};

/// The refusal: what, the marked text, what is offered.
#[track_caller]
fn refused(text: &str, marked: &str, fix: Option<&str>) {
    let error = Filter::parse(text).expect_err(text);
    assert_eq!((&text[error.span.clone()], error.fix.as_deref()), (marked, fix), "{text}: {error}");
    assert_eq!(error.caret(text).lines().count(), 2, "{text}");
}

#[test]
fn mistakes_are_marked_and_mended() {
    refused("prot 80", "prot", Some("port"));
    refused("tcp prot 80", "prot", Some("port"));
    refused("hots 10.0.0.1", "hots", Some("host"));
    refused("80", "80", Some("port 80"));
    refused("tcp 80", "80", Some("port 80"));
    refused("ip 10.0.0.1", "10.0.0.1", Some("and host 10.0.0.1"));
    refused("tcp host 10.0.0.1", "10.0.0.1", Some("and 10.0.0.1"));
    refused("port 80-90", "80-90", Some("range 80-90"));
    refused("port 80, 443", ",", Some(" or "));
    refused("port 80 & tcp", "&", Some("&&"));
    refused("port 80 port 443", "", Some("and "));
    refused("(port 80", "(", Some(")"));
    refused("port 80)", ")", None);
    refused("host 10.0.0.0/8", "10.0.0.0/8", Some("net 10.0.0.0/8"));
    refused("net 10.0.0.1/8", "10.0.0.1/8", Some("10.0.0.0/8"));
    refused("net fd00::1/16", "fd00::1/16", Some("fd00::/16"));
    refused("host localhost", "localhost", Some("127.0.0.1 or ::1"));
    refused("host 10.1", "10.1", Some("net 10.1"));
    refused("host example.com", "example.com", None);
    refused("port 70000", "70000", None);
    refused("port", "port", None);
    refused("src and 80", "80", None);
    refused("not", "", None);
    refused("port 80 and", "", None);
    refused("tcp[13] & 2 != 0", "[", None);
    refused("ether host 00:11:22:33:44:55", "ether", None);
    refused("vlan 5000", "5000", None);
    refused("icmp port 80", "80", None);
    refused("net 10.0.0.0/33", "10.0.0.0/33", None);
    refused("src proto 6", "src proto", None);
    refused("less many", "many", None);
    refused("ip6 host 10.0.0.1", "10.0.0.1", None);
    refused("tcp \u{1F980}", "\u{1F980}", None);
}

#[test]
fn the_caret_stands_below_the_place() {
    let text = "tcp and\nprot 80";
    let error = Filter::parse(text).unwrap_err();
    assert_eq!(error.caret(text), "tcp and?prot 80\n        ^^^^");
    assert_eq!(error.to_string(), "\"prot\" is no word of a filter; did you mean `port`?");
}

#[test]
fn sizes_and_nesting_are_limited() {
    let nested = |n: usize| format!("{}tcp{}", "(".repeat(n), ")".repeat(n));
    assert!(Filter::parse(&nested(64)).is_ok());
    assert_eq!(Filter::parse(&nested(65)).unwrap_err().span, 64..65);
    assert!(Filter::parse(&"!".repeat(10_000)).is_err());
    assert!(Filter::parse(&"(".repeat(16 * 1024)).is_err());
    assert!(Filter::parse(&" ".repeat(16 * 1024 + 1)).is_err());
    let many = vec!["host 1.1.1.1"; 400].join(" or ");
    let error = Filter::parse(&many).unwrap_err();
    assert!(error.message.contains("instructions"), "{error}");
}

/// An IPv4 packet from 10.0.0.1:1000 to 10.0.0.2:`port`.
fn tcp4(port: u16) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 3, 232];
    packet.extend(port.to_be_bytes());
    packet.resize(40, 0);
    packet
}

fn view(network: &[u8]) -> PacketView<'_> {
    let protocol = if network[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
    let length = u32::try_from(network.len()).unwrap();
    PacketView { network, length, protocol, interface: 3, hardware: 1, kind: 0, vlan: None }
}

fn program(text: &str, scope: &Scope) -> Program {
    Filter::parse(text).unwrap().program(scope).unwrap()
}

#[test]
fn interfaces_loopback_and_own_connections() {
    let packet = tcp4(7117);
    let here = view(&packet);
    let on = |interfaces: &[u32]| Scope { interfaces: Some(interfaces.to_vec()), own: Vec::new() };
    let any = Scope::default();
    assert!(program("", &any).passes(&here) && program("tcp", &on(&[1, 3])).passes(&here));
    assert!(!program("tcp", &on(&[1, 2])).passes(&here) && !program("", &on(&[])).passes(&here));
    let loopback = PacketView { hardware: 772, ..here };
    assert!(program("", &any).passes(&loopback));
    assert!(!program("", &any).passes(&PacketView { kind: 4, ..loopback }), "seen again when it arrives");
    assert!(program("", &any).passes(&PacketView { kind: 4, ..here }));
    let own = |server: &str| Scope { interfaces: None, own: vec![server.parse::<SocketAddr>().unwrap()] };
    for server in ["10.0.0.2:7117", "10.0.0.1:1000", "[::ffff:10.0.0.2]:7117"] {
        assert!(!program("", &own(server)).passes(&here), "{server}");
    }
    for server in ["10.0.0.2:7118", "10.0.0.1:7117", "10.0.0.3:7117", "[fd00::1]:7117"] {
        assert!(program("", &own(server)).passes(&here), "{server}");
    }
    let mut six = vec![0x60, 0, 0, 0, 0, 20, 6, 64];
    six.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1].repeat(2));
    six.extend(&packet[20..]);
    assert!(!program("", &own("[fd00::1]:7117")).passes(&view(&six)));
    assert!(program("", &own("[fd00::1]:7118")).passes(&view(&six)));
}

#[test]
fn tags_are_looked_through_and_told() {
    let packet = tcp4(80);
    let plain = view(&packet);
    let tagged = PacketView { vlan: Some(0x6007), ..plain };
    let cases =
        [("port 80", true, true), ("vlan", false, true), ("vlan 7 and port 80", false, true), ("vlan 8", false, false)];
    for (text, without, with) in cases {
        let program = program(text, &Scope::default());
        assert_eq!((program.passes(&plain), program.passes(&tagged)), (without, with), "{text}");
    }
    // What kernels before 6.11 show of a packet that leaves with its tag in the frame; and an inner tag that arrives.
    let program = program("port 80", &Scope::default());
    assert!(program.passes(&PacketView { protocol: 0x8100, kind: 4, ..plain }));
    assert!(!program.passes(&PacketView { protocol: 0x8100, kind: 0, ..plain }));
}

#[test]
fn far_jumps_reach() {
    let hosts = |last: &str| {
        let many: Vec<String> = (0..150).map(|n| format!("10.9.{n}.9")).collect();
        format!("host {} or {last}", many.join(" or "))
    };
    let packet = tcp4(80);
    for (text, passes) in [(hosts("10.0.0.2"), true), (hosts("10.0.0.3"), false)] {
        let (yes, no) = (program(&text, &Scope::default()), program(&format!("not ({text})"), &Scope::default()));
        assert!(yes.instructions().len() > 2000);
        assert_eq!((yes.passes(&view(&packet)), no.passes(&view(&packet))), (passes, !passes));
    }
}

#[test]
fn each_jump_stays_inside_and_leads_to_a_verdict() {
    for text in ["", "tcp", "not (port 80 or 443) and vlan 3 or less 90", &vec!["portrange 1-9"; 60].join(" and ")] {
        let program = program(text, &Scope { interfaces: Some(vec![1, 2]), own: vec!["[fd00::1]:1".parse().unwrap()] });
        let all = program.instructions();
        for (at, i) in all.iter().enumerate() {
            let far = if i.code == 0x05 { i.k as usize } else { usize::from(i.jump_true.max(i.jump_false)) };
            assert!(i.code == 0x06 || at + 1 + far < all.len(), "{text}: {at} {i:?}");
        }
        assert_eq!(all.last().map(|i| i.code), Some(0x06));
    }
}
