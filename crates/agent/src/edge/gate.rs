//! Which segments are refused under load: those of large connections first, then connections that begin.

use arachne_delivery::status::Pressure;
use arachne_model::DropReason;
use arachne_wire::Segment;
use arachne_wire::packet::flag;

/// Payload bytes from which a connection is large: its first exchanges are seen whole.
const LARGE_BYTES: u64 = 1 << 20;

/// Why `segment` is refused at `level`, if it is. `seen` are the payload bytes that its connection has shown, `None` where
/// it would begin one. What tells the state of a connection passes always.
#[must_use]
pub fn refuse(level: Pressure, segment: &Segment<'_>, seen: Option<u64>) -> Option<DropReason> {
    if level >= Pressure::NewFlows && seen.is_none() {
        return Some(DropReason::NewFlow);
    }
    let tells_state = segment.payload.is_empty() || segment.has(flag::SYN | flag::FIN | flag::RST);
    let large = level >= Pressure::LargeFlows && seen.is_some_and(|bytes| bytes >= LARGE_BYTES);
    (large && !tells_state).then_some(DropReason::LargeFlow)
}

#[cfg(test)]
mod tests {
    use arachne_delivery::status::Pressure;
    use arachne_model::{DropReason, UnixNanos};
    use arachne_wire::flow::{Address, FlowKey};
    use arachne_wire::packet::{Checksum, Segment, flag};

    use super::{LARGE_BYTES, refuse};

    fn segment(flags: u8, payload: &[u8]) -> Segment<'_> {
        let end = |port| (Address::v4([10, 0, 0, 1]), port);
        Segment {
            number: 1,
            at: UnixNanos(0),
            key: FlowKey::new(end(1), end(2), 0).0,
            side: 0,
            ttl: 64,
            ip_id: 0,
            sequence: 0,
            ack: 0,
            flags,
            window: 0,
            urgent: 0,
            checksum_field: 0,
            checksum: Checksum::Good,
            options: &[],
            payload,
            cut: 0,
        }
    }

    #[test]
    fn the_order_of_giving_way() {
        use Pressure::{BodyBytes, LargeFlows, NewFlows, None as Calm};
        let data = segment(flag::ACK, b"x");
        for (level, seen, expected) in [
            (Calm, None, None),
            (BodyBytes, Some(LARGE_BYTES), None),
            (LargeFlows, None, None),
            (LargeFlows, Some(LARGE_BYTES - 1), None),
            (LargeFlows, Some(LARGE_BYTES), Some(DropReason::LargeFlow)),
            (NewFlows, None, Some(DropReason::NewFlow)),
            (NewFlows, Some(0), None),
            (NewFlows, Some(LARGE_BYTES), Some(DropReason::LargeFlow)),
        ] {
            assert_eq!(refuse(level, &data, seen), expected, "{level:?} {seen:?}");
        }
        let end = segment(flag::FIN | flag::ACK, b"x");
        assert_eq!(refuse(NewFlows, &end, Some(LARGE_BYTES)), None, "its end is seen");
        assert_eq!(refuse(NewFlows, &segment(flag::ACK, b""), Some(LARGE_BYTES)), None);
    }
}
