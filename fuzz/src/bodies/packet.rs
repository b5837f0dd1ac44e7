//! Frames of any link type through the decoder.

use arachne_model::{LinkType, UnixNanos};
use arachne_wire::packet::explain::explain;
use arachne_wire::{Decoder, Engine, Frame};

use super::{Checked, audit, end, small_limits};

const LINKS: [LinkType; 16] = [
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::PPP,
    LinkType::PPP_HDLC,
    LinkType::PPP_ETHER,
    LinkType::C_HDLC,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::NFLOG,
    LinkType::RAW_BSD,
    LinkType::RAW_OPENBSD,
    LinkType(105),
];

/// Frames, each behind four bytes: link type, seconds since the last, length (16 bits; the high bit says that the
/// capture cut the frame).
pub fn packet(mut data: &[u8]) {
    let limits = small_limits();
    let mut decoder = Decoder::new(&limits);
    let (mut engine, mut sink) = (Engine::new(&limits, 1, true), Checked::default());
    let (mut number, mut at) = (0, 0_i64);
    while let [link, wait, high, low, rest @ ..] = data {
        let length = usize::from(u16::from_be_bytes([high & 0x7f, *low])).min(rest.len());
        let (bytes, behind) = rest.split_at(length);
        data = behind;
        number += 1;
        at += i64::from(*wait) * 100_000_000;
        let frame = Frame {
            number,
            at: UnixNanos(at),
            link_type: LINKS[usize::from(*link) % LINKS.len()],
            original_length: u32::try_from(length).unwrap_or(0) + u32::from(high >> 7) * 1000,
            data: bytes,
        };
        if let Some(segment) = decoder.decode(&frame) {
            assert!(segment.side < 2);
            let _ = (segment.timestamp(), segment.window_scale());
        }
        let layers = explain(&frame, limits.nesting_max);
        assert!(layers.iter().all(|layer| layer.start <= layer.end && layer.end <= length));
        assert_eq!(decoder.packets.in_flight, decoder.held().0);
        assert!(decoder.held().1 <= limits.fragment_bytes_max);
        engine.packet(&frame, &mut sink);
        audit(&engine);
    }
    decoder.finish();
    let packets = &decoder.packets;
    assert_eq!(packets.input, packets.output + packets.dropped_total());
    end(engine, sink);
}
