//! Who asked, as a hash that is the same on every host, so that a client of many servers counts once.

use siphasher::sip::SipHasher13;

/// How a socket for both versions of IP writes an address of version 4; one for version 4 alone leaves it out.
const MAPPED: &[u8] = b"::ffff:";

/// The hash of an address as it stands in the log. None where no address stands there, which is nobody in particular.
///
/// It has no key, since all hosts would have to know it: who owns many addresses can choose those that count for more. They would
/// count as many clients anyway.
pub(super) fn client(address: &[u8]) -> Option<u64> {
    let address = address.strip_prefix(MAPPED).unwrap_or(address);
    (!address.is_empty()).then(|| SipHasher13::new().hash(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_one_hash_wherever_it_is_seen() {
        assert_eq!(client(b"192.0.2.7"), client(b"::ffff:192.0.2.7"));
        assert_ne!(client(b"192.0.2.7"), client(b"192.0.2.8"));
        // Stored sketches of other versions of this program are merged with it.
        assert_eq!(client(b"192.0.2.7"), Some(147_430_810_394_997_531));
        assert_eq!(client(b""), None);
    }
}
