//! Segments of one connection in any order, with any numbers.

use arachne_model::UnixNanos;
use arachne_wire::flow::{Address, FlowKey};
use arachne_wire::packet::Checksum;
use arachne_wire::{Segment, Shard};

use super::{Checked, small_limits};

/// What the sides say; segments carry pieces of it by their sequence number, so that copies are mostly equal.
const SPOKEN: [&[u8]; 2] = [
    b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcdeGET /c HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nxyzHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
];

/// First sequence numbers: the client's wraps.
const STARTS: [u32; 2] = [u32::MAX - 40, 7000];

/// Eight bytes for each segment: side and quirks, flags, sequence and acknowledgement (from the start of the stream,
/// 12 bits each), length, window, time, a byte that changes the payload.
pub fn tcp(data: &[u8]) {
    let mut shard = Shard::new(&small_limits(), 1, true);
    let mut sink = Checked::default();
    let mut at = 1_000_000_000_000;
    for (index, op) in data.chunks_exact(8).enumerate() {
        let [quirks, flags, a, b, c, length, time, change] = *op else { continue };
        let from_client = quirks & 1 == 0;
        let me = usize::from(!from_client);
        let (place, ack) = (u32::from(a) | u32::from(b & 15) << 8, u32::from(b >> 4) | u32::from(c) << 4);
        let far = if quirks & 0x80 != 0 { u32::from(change) << 24 } else { 0 };
        let mut payload = spoken(me, place, usize::from(length));
        if quirks & 0x40 != 0
            && let Some(byte) = payload.first_mut()
        {
            *byte ^= change;
        }
        let ends = [(Address::v4([10, 0, 0, 1]), 50_000), (Address::v4([10, 0, 0, 2]), 80)];
        let (key, side) = FlowKey::new(ends[me], ends[1 - me], 0);
        at += i64::from(time) * 20_000_000;
        let segment = Segment {
            number: index as u64 + 1,
            at: UnixNanos(at),
            key,
            side,
            ttl: if quirks & 0x20 != 0 { 64 } else { 32 },
            ip_id: u16::from(change & 3),
            // A SYN stands before the first byte.
            sequence: STARTS[me].wrapping_add(place).wrapping_add(far).wrapping_sub(u32::from(flags >> 1 & 1)),
            ack: STARTS[1 - me].wrapping_add(ack),
            flags: flags & 0x37,
            window: u16::from(c) << 4,
            urgent: u16::from(time & 15),
            checksum_field: u16::from(length),
            checksum: [Checksum::Good, Checksum::Good, Checksum::Bad, Checksum::Offloaded]
                [usize::from(quirks >> 1 & 3)],
            options: if quirks & 8 != 0 { &[1, 1, 8, 10, 0, 0, 9, 9, 0, 0, 0, 0] } else { &[] },
            payload: &payload,
            cut: if quirks & 16 != 0 { 5 } else { 0 },
        };
        shard.segment(&segment, &mut sink);
        check(&shard);
    }
    let alive: Vec<u32> = shard.alive_sessions().map(|(_, slot)| slot).collect();
    alive.into_iter().for_each(|slot| shard.finish(slot, &mut sink));
    check(&shard);
    assert_eq!(shard.audit(), (0, 0));
    assert!(shard.shared().ledger.stages().iter().all(|(_, counts)| counts.in_flight == 0));
    assert_eq!(shard.shared().open_bodies, 0);
}

fn spoken(me: usize, place: u32, length: usize) -> Vec<u8> {
    let from = usize::try_from(place).unwrap_or(0);
    (from..from + length).map(|at| SPOKEN[me][at % SPOKEN[me].len()]).collect()
}

fn check(shard: &Shard) {
    let (held, counted) = shard.audit();
    assert_eq!(held, counted);
    if let Err(error) = shard.shared().ledger.check() {
        panic!("{error}");
    }
}
