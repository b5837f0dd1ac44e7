//! Which packets come out of the ring, and how.

use std::net::UdpSocket;
use std::ops::ControlFlow;
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use arachne_capture::interface::filter::{Filter, Program, Scope};
use arachne_capture::interface::{LiveCapture, LiveOptions, LivePacket, Turn, interfaces, open};
use arachne_testkit::{Ip, link, network};

use crate::net::{hosts, ip};

/// A capture on one thread of what passes `filter`.
pub fn capture(filter: &str, scope: &Scope) -> LiveCapture {
    open(&LiveOptions::default(), &program(filter, scope)).unwrap().remove(0)
}

fn program(filter: &str, scope: &Scope) -> Program {
    Filter::parse(filter).unwrap().program(scope).unwrap()
}

/// Shows packets to `look` until it breaks off. Half a minute is more than anything here takes.
pub fn each(capture: &mut LiveCapture, mut look: impl FnMut(&LivePacket<'_>) -> ControlFlow<()>) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(30) {
        if let Turn::Block(mut block) = capture.poll(Duration::from_millis(100)).unwrap() {
            while let Some(packet) = block.next_packet() {
                if look(&packet).is_break() {
                    return;
                }
            }
        }
    }
    panic!("what was waited for did not come");
}

fn index(name: &str) -> Option<u32> {
    interfaces().unwrap().into_iter().find(|interface| interface.name == name).map(|interface| interface.index)
}

/// Sends datagrams with the numbers of `range` to port 9 of `to`.
fn send(to: &str, range: std::ops::Range<u32>) {
    let to = format!("{to}:9");
    let socket = UdpSocket::bind(if to.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" }).unwrap();
    for number in range {
        // Nobody listens: refusals of earlier ones come back as errors.
        let _ = socket.send_to(&number.to_be_bytes(), &to);
    }
}

/// The number in a datagram to port 9.
fn number(packet: &LivePacket<'_>) -> Option<u32> {
    let view = packet.view();
    let udp = match view.protocol {
        0x0800 if view.network[9] == 17 => &view.network[20..],
        0x86dd if view.network[6] == 17 => &view.network[40..],
        _ => return None,
    };
    let payload = udp.get(8..12).filter(|_| udp[2..4] == [0, 9])?;
    Some(u32::from_be_bytes(payload.try_into().unwrap()))
}

/// Numbers of datagrams until `last` came.
fn numbers(capture: &mut LiveCapture, last: u32) -> Vec<u32> {
    let mut found = Vec::new();
    each(capture, |packet| {
        found.extend(number(packet));
        if found.last() == Some(&last) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found
}

fn all(count: u32) -> Vec<u32> {
    (0..count).collect()
}

/// By it one process can take the place of another, see `edge::relay` of the agent.
#[test]
fn a_packet_has_the_same_time_in_every_ring() {
    hosts(|_| {
        let mut rings = [1, 2].map(|_| capture("udp dst port 9", &Scope::default()));
        // The kernel begins to mark packets by and by.
        std::thread::sleep(Duration::from_millis(100));
        send("10.9.0.2", 0..500);
        let times = rings.each_mut().map(|ring| {
            let mut times = std::collections::BTreeMap::new();
            each(ring, |packet| {
                times.extend(number(packet).map(|number| (number, packet.packet.timestamp.0)));
                if times.len() == 500 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            times
        });
        assert_eq!(times[0], times[1]);
    });
}

#[test]
fn packets_come_with_interface_and_time_and_the_position_follows() {
    hosts(|far| {
        let mut live = capture("", &Scope::default());
        far.run(|| send("10.9.0.1", 0..1));
        let near = index("near").unwrap();
        let mut captured = None;
        each(&mut live, |packet| match number(packet) {
            Some(_) => {
                assert_eq!((packet.interface, packet.is_outgoing(), packet.wire_bytes), (near, false, 46));
                assert_eq!(packet.packet.data.len(), packet.packet.original_length as usize);
                captured = Some(packet.packet.timestamp);
                ControlFlow::Break(())
            }
            None => ControlFlow::Continue(()),
        });
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(30) {
            if let Turn::Drained(at) = live.poll(Duration::from_millis(20)).unwrap()
                && Some(at) > captured
            {
                return;
            }
        }
        panic!("the position stands still");
    });
}

#[test]
fn both_families_and_both_directions() {
    hosts(|far| {
        let mut live = capture("udp port 9", &Scope::default());
        far.run(|| send("10.9.0.1", 0..10));
        assert_eq!(numbers(&mut live, 9), all(10));
        far.run(|| send("[fd09::1]", 0..10));
        assert_eq!(numbers(&mut live, 9), all(10));
        send("[fd09::2]", 0..10);
        assert_eq!(numbers(&mut live, 9), all(10));
    });
}

#[test]
fn the_loopback_shows_each_packet_once() {
    hosts(|_| {
        let mut live = capture("udp", &Scope::default());
        send("127.0.0.1", 0..500);
        assert_eq!(numbers(&mut live, 499), all(500));
    });
}

/// Sends frames on an interface of this host, link header and all.
fn inject(name: &str, frames: &[Vec<u8>]) {
    let is_link = |entry: &nix::ifaddrs::InterfaceAddress| {
        entry.interface_name == name && entry.address.is_some_and(|a| a.as_link_addr().is_some())
    };
    let link = nix::ifaddrs::getifaddrs().unwrap().find(is_link).unwrap().address.unwrap();
    let flags = rustix::net::SocketFlags::CLOEXEC;
    let family = rustix::net::AddressFamily::PACKET;
    let socket = rustix::net::socket_with(family, rustix::net::SocketType::RAW, flags, None).unwrap();
    nix::sys::socket::bind(socket.as_raw_fd(), &link).unwrap();
    for frame in frames {
        assert_eq!(rustix::net::send(&socket, frame, rustix::net::SendFlags::empty()).unwrap(), frame.len());
    }
}

#[test]
fn tags_are_told_and_stand_in_the_frame() {
    let ip = |number: u32| {
        let udp = network::udp(7, 9, &number.to_be_bytes());
        Ip::new([10, 55, 0, 2].into(), [10, 55, 0, 1].into()).protocol(17).bytes(&udp)
    };
    let frames = [
        link::vlan(&[(0x8100, 5)], &ip(0)),
        link::vlan(&[(0x8100, 6)], &ip(1)),
        link::vlan(&[(0x88a8, 5), (0x8100, 7)], &ip(2)),
        link::ethernet(&ip(3)),
        link::vlan(&[(0x8100, 0x2005)], &ip(4)),
    ];
    hosts(move |far| {
        let mut live = capture("vlan 5 or port 9", &Scope::default());
        far.run(move || inject("far", &frames));
        let mut found = Vec::new();
        each(&mut live, |packet| {
            let data = packet.packet.data;
            // Cooked header, then what the kernel took off.
            let tags: Vec<u8> = if data[0] == 8 { Vec::new() } else { [&data[..2], &data[20..24]].concat() };
            found.push((packet.view().vlan, tags, number(packet)));
            if found.len() == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let expected = [
            (Some(5), vec![0x81, 0, 0, 5, 8, 0], Some(0)),
            (Some(6), vec![0x81, 0, 0, 6, 8, 0], Some(1)),
            (Some(5), vec![0x88, 0xa8, 0, 5, 0x81, 0], None),
            (None, vec![], Some(3)),
            (Some(0x2005), vec![0x81, 0, 0x20, 5, 8, 0], Some(4)),
        ];
        assert_eq!(found, expected);
    });
}

#[test]
fn interfaces_come_and_go_while_it_captures() {
    hosts(|far| {
        let mut live = capture("udp port 9", &Scope::default());
        assert_eq!(index("late"), None);
        ip("link add name late type veth peer name later");
        ip("link set dev later up");
        ip("addr add 10.77.0.1/24 dev late");
        ip("link set dev late up");
        ip("neigh add 10.77.0.2 lladdr 02:00:00:00:00:02 dev late");
        let late = interfaces().unwrap().into_iter().find(|i| i.name == "late").unwrap();
        assert!(late.up && late.addresses.contains(&"10.77.0.1".parse().unwrap()), "{late:?}");
        send("10.77.0.2", 0..1);
        each(&mut live, |packet| {
            assert_eq!((packet.interface, packet.is_outgoing()), (late.index, true));
            ControlFlow::Break(())
        });
        ip("link del dev late");
        assert_eq!(index("late"), None);
        far.run(|| send("10.9.0.1", 0..3));
        assert_eq!(numbers(&mut live, 2), all(3));
    });
}

#[test]
fn our_own_connection_is_left_out() {
    hosts(|far| {
        let server = far.run(|| std::net::TcpListener::bind("10.9.0.2:7117").unwrap());
        let scope = Scope { interfaces: None, own: vec!["10.9.0.2:7117".parse().unwrap()] };
        let mut live = capture("tcp or udp port 9", &scope);
        drop(std::net::TcpStream::connect("10.9.0.2:7117").unwrap());
        drop(server);
        far.run(|| send("10.9.0.1", 0..1));
        each(&mut live, |packet| {
            assert_eq!(packet.view().network[9], 17, "{packet:?}");
            ControlFlow::Break(())
        });
    });
}

#[test]
fn drops_are_counted_when_the_ring_is_full() {
    hosts(|far| {
        let tiny = LiveOptions { ring_bytes: 0, block_bytes: 0, ..LiveOptions::default() };
        let mut live = open(&tiny, &program("udp port 9", &Scope::default())).unwrap().remove(0);
        assert_eq!(live.ring_bytes(), 128 << 10);
        far.run(|| send("10.9.0.1", 0..5000));
        let mut seen = 0;
        // The last block is handed out by the kernel's timer.
        while let Turn::Block(mut block) = live.poll(Duration::from_secs(1)).unwrap() {
            while block.next_packet().is_some() {
                seen += 1;
            }
        }
        let counters = live.counters().unwrap();
        assert_eq!(counters.packets, 5000);
        assert_eq!(seen + counters.drops, 5000, "{counters:?}");
        assert!(counters.drops > 0, "{counters:?}");
    });
}

#[test]
fn filters_are_swapped_without_losing_a_packet() {
    const COUNT: u32 = 30_000;
    hosts(|far| {
        let scope = Scope::default();
        let programs =
            ["udp", "udp port 9 and not tcp", "ip", "net 10 and udp", "not port 80"].map(|f| program(f, &scope));
        let mut live =
            open(&LiveOptions { ring_bytes: 64 << 20, ..LiveOptions::default() }, &programs[0]).unwrap().remove(0);
        let sent = far.start(|| send("10.9.0.1", 0..COUNT));
        let (mut found, mut swaps) = (Vec::new(), 0);
        while found.last() != Some(&(COUNT - 1)) {
            live.set_filter(&programs[swaps % programs.len()]).unwrap();
            swaps += 1;
            if let Turn::Block(mut block) = live.poll(Duration::from_millis(5)).unwrap() {
                while let Some(packet) = block.next_packet() {
                    found.extend(number(&packet));
                }
            } else {
                assert!(found.len() < COUNT as usize && swaps < 10_000, "{} of {COUNT} after {swaps}", found.len());
            }
        }
        sent.recv().unwrap();
        assert_eq!(live.counters().unwrap().drops, 0);
        assert!(found == all(COUNT), "{} of {COUNT} packets", found.len());
        assert!(swaps > 10);
    });
}

#[test]
fn a_long_program_is_taken_by_the_kernel() {
    hosts(|far| {
        let hosts: Vec<String> = (0..150).map(|n| format!("10.8.{n}.9")).collect();
        let mut live = capture(&format!("udp and (host {} or 10.9.0.2)", hosts.join(" or ")), &Scope::default());
        far.run(|| send("10.9.0.1", 0..5));
        assert_eq!(numbers(&mut live, 4), all(5));
    });
}

#[test]
fn threads_share_the_traffic_by_connection() {
    hosts(|far| {
        let options = LiveOptions { threads: 3, ..LiveOptions::default() };
        let mut captures = open(&options, &program("udp port 9", &Scope::default())).unwrap();
        far.run(|| (0..64).for_each(|flow| send("10.9.0.1", flow * 100..flow * 100 + 10)));
        let mut shares = Vec::new();
        for live in &mut captures {
            let mut share = Vec::new();
            while let Turn::Block(mut block) = live.poll(Duration::from_secs(1)).unwrap() {
                while let Some(packet) = block.next_packet() {
                    share.extend(number(&packet));
                }
            }
            shares.push(share);
        }
        let flows =
            |share: &Vec<u32>| share.iter().map(|number| number / 100).collect::<std::collections::BTreeSet<_>>();
        let mut together: Vec<u32> = shares.concat();
        together.sort_unstable();
        let expected: Vec<u32> = (0..64).flat_map(|flow| flow * 100..flow * 100 + 10).collect();
        assert_eq!(together, expected, "each packet once");
        assert_eq!(shares.iter().map(|share| flows(share).len()).sum::<usize>(), 64, "no flow is split");
        assert!(shares.iter().all(|share| !share.is_empty()));
    });
}
