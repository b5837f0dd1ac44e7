//! UDP datagrams, for those who look at more than TCP. Source: RFC 768.

use super::{Frame, Layer, Outer, Step, start, step};
use crate::bytes::be16;

/// A UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// VXLAN or Geneve network, 0 for none.
    pub network: u32,
    /// What is in it, as far as it was captured.
    pub payload: &'a [u8],
}

/// The outermost datagram in `frame` that comes from `port`, if there is one in one piece. Layers are walked as
/// [`super::Decoder`] does, at most `nesting_max` of them.
#[must_use]
pub fn datagram<'a>(frame: &Frame<'a>, port: u16, nesting_max: u32) -> Option<Datagram<'a>> {
    let mut outer = Outer { may_be_cut: true, network: 0, depth: 0 };
    let mut layer = start(frame).ok()?;
    for _ in 0..nesting_max {
        if let Layer::Transport(17, _, data) = &layer
            && be16(data, 0)? == port
        {
            return Some(Datagram { network: outer.network, payload: data.get(8..)? });
        }
        layer = match step(layer, &mut outer).ok()? {
            Step::Inner(inner) => inner,
            Step::Segment(..) | Step::Fragment(_) => return None,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Datagram, datagram};
    use crate::packet::Frame;
    use arachne_model::{LinkType, UnixNanos};

    fn udp(source: u16, payload: &[u8]) -> Vec<u8> {
        let length = |extra: usize| u16::try_from(payload.len() + extra).expect("short").to_be_bytes();
        let mut bytes = vec![0x45, 0];
        bytes.extend(length(28));
        bytes.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        bytes.extend(source.to_be_bytes());
        bytes.extend([0, 99]);
        bytes.extend(length(8));
        bytes.extend([0, 0]);
        bytes.extend(payload);
        bytes
    }

    fn found(bytes: &[u8]) -> Option<Datagram<'_>> {
        let frame = Frame {
            number: 1,
            at: UnixNanos(0),
            link_type: LinkType::RAW,
            original_length: u32::try_from(bytes.len()).expect("short"),
            data: bytes,
        };
        datagram(&frame, 53, 16)
    }

    #[test]
    fn from_the_port_and_no_other() {
        let bytes = udp(53, b"abc");
        let datagram = found(&bytes).expect("it is one");
        assert_eq!((datagram.payload, datagram.network), (&b"abc"[..], 0));
        assert_eq!(found(&udp(54, b"abc")), None);
        for end in 0..28 {
            assert_eq!(found(&bytes[..end]), None, "{end}");
        }
    }
}
