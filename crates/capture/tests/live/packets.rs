//! Which packets come out of the ring, and how.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use arachne_capture::interface::filter::Program;
use arachne_capture::interface::{LiveCapture, LiveOptions, LivePacket, Turn, interfaces, open};

use crate::net::hosts;

/// Turns until `done` says so, or ten seconds.
fn collect(capture: &mut LiveCapture, mut done: impl FnMut(&LivePacket<'_>) -> bool) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        if let Turn::Block(mut block) = capture.poll(Duration::from_millis(100)).unwrap() {
            while let Some(packet) = block.next_packet() {
                if done(&packet) {
                    return;
                }
            }
        }
    }
    panic!("what was waited for did not come");
}

#[test]
fn a_datagram_is_seen_with_its_interface_and_time() {
    hosts(|far| {
        let mut captures = open(&LiveOptions::default(), &Program::everything()).unwrap();
        far.run(|| UdpSocket::bind("10.9.0.2:0").unwrap().send_to(b"hello there", "10.9.0.1:9").unwrap());
        let index = interfaces().unwrap().into_iter().find(|i| i.name == "near").unwrap().index;
        collect(&mut captures[0], |packet| {
            let found = packet.packet.data.ends_with(b"hello there");
            assert!(!found || packet.interface == index);
            found
        });
    });
}
