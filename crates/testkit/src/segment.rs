//! TCP segments with every field settable and a right checksum unless told otherwise. Source: RFC 9293, section 3.1.

use std::net::IpAddr;

use crate::checksum;

/// Flag bits of the TCP header.
pub mod flags {
    /// No more data from the sender.
    pub const FIN: u8 = 1;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 2;
    /// Reset the connection.
    pub const RST: u8 = 4;
    /// Push.
    pub const PSH: u8 = 8;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 16;
    /// The urgent pointer counts.
    pub const URG: u8 = 32;
}

/// A TCP segment. Start with [`Segment::new`] and set what differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// Sequence number of the first payload byte, or of the SYN.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// See [`flags`].
    pub flags: u8,
    /// Window as on the wire, unscaled.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options, padded with zeros to a multiple of four; at most 40 bytes are written.
    pub options: Vec<u8>,
    /// Payload.
    pub payload: Vec<u8>,
    /// Added to the right checksum, so anything but 0 makes it wrong.
    pub checksum_error: u16,
}

impl Segment {
    /// A bare ACK from `source` to `destination`.
    #[must_use]
    pub const fn new(source: u16, destination: u16, sequence: u32, acknowledgement: u32) -> Self {
        Self {
            source,
            destination,
            sequence,
            acknowledgement,
            flags: flags::ACK,
            window: 65_535,
            urgent: 0,
            options: Vec::new(),
            payload: Vec::new(),
            checksum_error: 0,
        }
    }

    /// With these flags instead.
    #[must_use]
    pub const fn flags(mut self, flags: u8) -> Self {
        self.flags = flags;
        self
    }

    /// With this payload.
    #[must_use]
    pub fn payload(mut self, payload: &[u8]) -> Self {
        self.payload = payload.to_vec();
        self
    }

    /// With these options behind those there are.
    #[must_use]
    pub fn option(mut self, option: &[u8]) -> Self {
        self.options.extend_from_slice(option);
        self
    }

    /// With a timestamp option (RFC 7323), aligned by two no-operations.
    #[must_use]
    pub fn timestamp(self, value: u32, echo: u32) -> Self {
        let mut option = [1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0];
        option[4..8].copy_from_slice(&value.to_be_bytes());
        option[8..].copy_from_slice(&echo.to_be_bytes());
        self.option(&option)
    }

    /// With a wrong checksum.
    #[must_use]
    pub const fn corrupt(mut self) -> Self {
        self.checksum_error = 1;
        self
    }

    /// The bytes as sent from one address to the other.
    #[must_use]
    pub fn bytes(&self, source: IpAddr, destination: IpAddr) -> Vec<u8> {
        let mut options = self.options.clone();
        options.truncate(40);
        options.resize(options.len().next_multiple_of(4), 0);
        let header = 20 + options.len();
        let mut out = Vec::with_capacity(header + self.payload.len());
        out.extend_from_slice(&self.source.to_be_bytes());
        out.extend_from_slice(&self.destination.to_be_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.acknowledgement.to_be_bytes());
        let words = u8::try_from(header / 4).expect("at most 60 bytes, 15 words");
        out.extend_from_slice(&[words << 4, self.flags]);
        out.extend_from_slice(&self.window.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&self.urgent.to_be_bytes());
        out.extend_from_slice(&options);
        out.extend_from_slice(&self.payload);
        let pseudo = checksum::pseudo_header(source, destination, 6, out.len());
        let sum = checksum::fold(checksum::sum(&out, pseudo)).wrapping_add(self.checksum_error);
        out[16..18].copy_from_slice(&sum.to_be_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::{Segment, flags};
    use crate::checksum;

    #[test]
    fn a_segment_has_its_fields_in_place_and_sums_to_zero() {
        let (a, b) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let segment =
            Segment::new(1, 80, 7, 9).flags(flags::SYN | flags::ACK).option(&[2, 4, 5, 0xb4, 1]).payload(b"abc");
        let bytes = segment.bytes(a, b);
        assert_eq!(bytes.len(), 20 + 8 + 3);
        assert_eq!(bytes[..14], [0, 1, 0, 80, 0, 0, 0, 7, 0, 0, 0, 9, 0x70, 0x12]);
        let valid =
            |bytes: &[u8]| checksum::fold(checksum::sum(bytes, checksum::pseudo_header(a, b, 6, bytes.len()))) == 0;
        assert!(valid(&bytes));
        assert!(!valid(&segment.corrupt().bytes(a, b)));
    }
}
