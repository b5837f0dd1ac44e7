//! A source with its packets at another time: recordings for demonstrations end now.

use arachne_model::UnixNanos;
use arachne_wire::tcp::clock::Clock;

use crate::error::CaptureError;
use crate::packet::{Packet, PacketSource};

/// Packets between two questions whether to go on.
const PAUSE_PACKETS: u64 = 4096;

/// Gives the packets of another source, all earlier or later by the same time.
pub struct Moved<'a> {
    source: &'a mut dyn PacketSource,
    by_ns: i64,
}

impl<'a> Moved<'a> {
    /// The packets of `source`, `by_ns` nanoseconds later; earlier where that is negative. At the ends of time packets
    /// stay there.
    pub fn new(source: &'a mut dyn PacketSource, by_ns: i64) -> Self {
        Self { source, by_ns }
    }
}

impl PacketSource for Moved<'_> {
    #[inline]
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        let by_ns = self.by_ns;
        let moved = |packet: Packet<'_>| UnixNanos(packet.timestamp.0.saturating_add(by_ns));
        Ok(self.source.next_packet()?.map(|packet| Packet { timestamp: moved(packet), ..packet }))
    }

    fn is_buffered(&self) -> bool {
        self.source.is_buffered()
    }

    fn bytes_read(&self) -> u64 {
        self.source.bytes_read()
    }
}

/// Reads `source` to its end and gives the latest time of its packets as [`Clock`] believes it, so that one forged time
/// does not count. `None` without packets, or when `stopped` says so, which is asked now and then.
///
/// Faults are passed over: whoever reads the packets themselves reports them.
pub fn latest_time(source: &mut dyn PacketSource, stopped: impl Fn() -> bool) -> Option<UnixNanos> {
    let (mut clock, mut latest, mut number) = (Clock::default(), None, 0_u64);
    loop {
        if number.is_multiple_of(PAUSE_PACKETS) && stopped() {
            return None;
        }
        number += 1;
        match source.next_packet() {
            Ok(Some(packet)) => latest = Some(clock.observe(packet.timestamp)),
            Ok(None) => return latest,
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use arachne_model::{LinkType, UnixNanos};

    use super::{Moved, latest_time};
    use crate::error::CaptureError;
    use crate::packet::{Packet, PacketSource};

    /// Packets without bytes, at these seconds.
    struct At(Vec<i64>);

    impl PacketSource for At {
        fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
            let packet = |seconds: i64| Packet {
                timestamp: UnixNanos(seconds.saturating_mul(1_000_000_000)),
                bad_timestamp: false,
                link_type: LinkType(1),
                original_length: 0,
                data: &[],
            };
            Ok(if self.0.is_empty() { None } else { Some(packet(self.0.remove(0))) })
        }
        fn is_buffered(&self) -> bool {
            true
        }
        fn bytes_read(&self) -> u64 {
            0
        }
    }

    #[test]
    fn the_latest_time_is_one_that_is_believed() {
        let year = 365 * 86_400;
        for (seconds, latest) in
            [(vec![], None), (vec![5], Some(5)), (vec![5, 9, 7], Some(9)), (vec![5, 40 * year, 6], Some(6))]
        {
            let latest = latest.map(|seconds: i64| UnixNanos(seconds * 1_000_000_000));
            assert_eq!(latest_time(&mut At(seconds.clone()), || false), latest, "{seconds:?}");
        }
        assert_eq!(latest_time(&mut At(vec![5]), || true), None, "it was stopped");
    }

    #[test]
    fn all_packets_move_by_the_same_time() {
        let mut source = At(vec![5, 9, i64::MAX]);
        let mut moved = Moved::new(&mut source, -2_000_000_000);
        let mut at = || moved.next_packet().expect("no fault").map(|packet| packet.timestamp.0);
        assert_eq!((at(), at()), (Some(3_000_000_000), Some(7_000_000_000)));
        assert_eq!((at(), at()), (Some(i64::MAX - 2_000_000_000), None));
        let mut source = At(vec![5]);
        let last = Moved::new(&mut source, i64::MAX).next_packet().expect("no fault").map(|packet| packet.timestamp.0);
        assert_eq!(last, Some(i64::MAX), "no overflow");
    }
}
