//! Ids of rows: the same for the same source, whoever reads it and however often.
//!
//! An id is 48 bits of milliseconds since the Unix epoch and 80 bits of a hash, as 26 characters of Crockford base32: ids
//! sort by time. The hash is BLAKE3 (stable, without a key), cut; what goes in is written down at each function, and must
//! never change.

use arachne_model::{Endpoint, UnixNanos};

/// Crockford's alphabet. Source: crockford.com/base32.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What an id names, as a byte of the hash: two kinds never share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Exchange = b'x' as isize,
    Session = b's' as isize,
    Log = b'l' as isize,
}

/// The source that ids belong to, hashed once.
#[derive(Clone, Debug)]
pub struct SourceKey([u8; 32]);

impl SourceKey {
    /// Of a value of the column `source`.
    #[must_use]
    pub fn new(source: &str) -> Self {
        Self(*blake3::hash(source.as_bytes()).as_bytes())
    }

    /// The id of an exchange, by its wire key.
    #[must_use]
    pub fn exchange(&self, start: UnixNanos, wire_key: u64) -> String {
        let mut id = String::new();
        self.exchange_into(start, wire_key, &mut id);
        id
    }

    /// Puts the id of an exchange into `id`, whose memory is used again.
    pub(super) fn exchange_into(&self, start: UnixNanos, wire_key: u64, id: &mut String) {
        base32(self.id(start, Named::Exchange, wire_key), id);
    }

    /// The id of a session, by the number of its first packet in the source.
    #[must_use]
    pub fn session(&self, start: UnixNanos, number: u64) -> String {
        let mut id = String::new();
        base32(self.id(start, Named::Session, number), &mut id);
        id
    }

    /// The id of a line of a log, by a text that no other line of the source has: its first 8 bytes of BLAKE3, big endian, are the
    /// number.
    #[must_use]
    pub fn log(&self, start: UnixNanos, place: &str) -> String {
        let mut number = [0; 8];
        number.copy_from_slice(&blake3::hash(place.as_bytes()).as_bytes()[..8]);
        let mut id = String::new();
        base32(self.id(start, Named::Log, u64::from_be_bytes(number)), &mut id);
        id
    }

    /// Hashes the hash of the source (32 bytes), the kind (1) and the number (8, big endian).
    fn id(&self, at: UnixNanos, named: Named, number: u64) -> u128 {
        let mut input = [0; 41];
        input[..32].copy_from_slice(&self.0);
        input[32] = named as u8;
        input[33..].copy_from_slice(&number.to_be_bytes());
        let hash = blake3::hash(&input);
        let mut low = [0; 16];
        low[6..].copy_from_slice(&hash.as_bytes()[..10]);
        // Times before 1970 and after 10889 do not occur but in forged captures: they share a front.
        let millis = u128::try_from(at.0.div_euclid(1_000_000)).unwrap_or(0).min((1 << 48) - 1);
        millis << 80 | u128::from_be_bytes(low)
    }
}

/// The wire key: equal for everybody who saw the byte. The first 8 bytes (big endian) of the hash of the smaller end, the
/// larger end (each as 16 bytes of address, IPv4-mapped, and 2 of port) and the raw sequence number (4), all big endian.
#[must_use]
pub fn wire_key(one: Endpoint, other: Endpoint, sequence: u32) -> u64 {
    let end = |end: Endpoint| {
        let address = match end.address {
            std::net::IpAddr::V4(address) => address.to_ipv6_mapped(),
            std::net::IpAddr::V6(address) => address,
        };
        let mut bytes = [0; 18];
        bytes[..16].copy_from_slice(&address.octets());
        bytes[16..].copy_from_slice(&end.port.to_be_bytes());
        bytes
    };
    let (one, other) = (end(one), end(other));
    let mut input = [0; 40];
    input[..18].copy_from_slice(&one.min(other));
    input[18..36].copy_from_slice(&one.max(other));
    input[36..].copy_from_slice(&sequence.to_be_bytes());
    let hash = blake3::hash(&input);
    hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Puts 26 characters for 128 bits, the first of them below 8, into `text`.
fn base32(number: u128, text: &mut String) {
    text.clear();
    text.reserve_exact(26);
    // Two digits, then halves of 12 that fit into machine words.
    for (from, digits) in [(120, 2), (60, 12), (0, 12)] {
        let part = (number >> from) as u64;
        text.extend((0..digits).rev().map(|at| char::from(ALPHABET[(part >> (5 * at)) as usize & 31])));
    }
}

#[cfg(test)]
mod tests {
    use super::{SourceKey, base32, wire_key};
    use arachne_model::{Endpoint, UnixNanos};

    fn end(text: &str) -> Endpoint {
        let parsed: std::net::SocketAddr = text.parse().expect("the test gives address:port");
        Endpoint { address: parsed.ip(), port: parsed.port() }
    }

    #[test]
    fn ids_are_these_for_ever() {
        let key = SourceKey::new("0011223344556677");
        let at = UnixNanos(1_767_225_600_123_456_789);
        assert_eq!(key.exchange(at, 7), "01KDVDNA3V74PMQRG7JRJWY1H3");
        assert_ne!(key.session(at, 7), key.exchange(at, 7));
        assert_ne!(SourceKey::new("other").session(at, 7)[10..], key.session(at, 7)[10..]);
        assert_eq!(key.session(UnixNanos(-5), 7)[..10], *"0000000000");
        assert!(key.session(UnixNanos(i64::MAX), 7) > key.session(at, 7));
    }

    #[test]
    fn crockford() {
        for (number, expected) in [
            (0, "00000000000000000000000000"),
            (u128::MAX, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"),
            (31 << 5 | 10, "000000000000000000000000ZA"),
        ] {
            let mut text = "before".to_owned();
            base32(number, &mut text);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_wire_key_does_not_depend_on_who_looks() {
        let (a, b) = (end("10.0.0.9:80"), end("10.0.0.7:5000"));
        assert_eq!(wire_key(a, b, 9), wire_key(b, a, 9));
        assert_ne!(wire_key(a, b, 9), wire_key(a, b, 10));
        assert_eq!(wire_key(end("[::ffff:10.0.0.9]:80"), b, 9), wire_key(a, b, 9));
        assert_eq!(wire_key(a, b, 9), 11_063_763_603_690_478_525);
    }
}
