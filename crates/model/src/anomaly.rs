//! What was odd about a packet, a session or an exchange: flags with stable names and words for people.
//!
//! Law 6: never guess in silence. Each flag is one bit of an [`AnomalySet`].

use std::fmt;

macro_rules! anomalies {
    ($($variant:ident $name:literal $words:literal;)*) => {
        /// One kind of oddity. Its [`name`](Anomaly::name) is stable and appears in outputs; its
        /// [`words`](Anomaly::words) are for people.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Anomaly {
            $(#[doc = $words] $variant,)*
        }

        impl Anomaly {
            /// All flags, in the order of their bits.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name, as in ndjson `anomalies`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The note for people, lower case, without a full stop.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }
    };
}

anomalies! {
    OverlapConflict "overlap_conflict" "two copies of the same bytes differ, the first was used";
    Gap "gap" "bytes are missing";
    OutOfWindow "out_of_window" "segments outside the window were ignored";
    BadChecksum "bad_checksum" "segments with a wrong checksum";
    SynData "syn_data" "data in the SYN";
    Urgent "urgent" "an urgent byte was taken out of the stream";
    TtlAnomaly "ttl_anomaly" "a segment came over another path (TTL differs)";
    Paws "paws" "an old segment was refused by its timestamp";
    Desync "desync" "the sides do not agree on the sequence numbers";
    Midstream "midstream" "the capture starts in the middle";
    OneSided "one_sided" "only one direction was captured";
    Truncated "truncated" "packets were cut by the snap length";
    Incomplete "incomplete" "it ends before it is complete";
    Memcap "memcap" "a memory limit was reached";
    BadTimestamp "bad_timestamp" "a capture time that cannot be";
    Ambiguous "ambiguous" "framing that two honest parsers may read differently";
    ObsFold "obs_fold" "a header folded over lines";
    BareLf "bare_lf" "lines that end with LF alone";
    BareCr "bare_cr" "CR alone inside a line";
    Nul "nul" "a NUL byte in the head";
    BadCl "bad_cl" "a Content-Length that is no plain number";
    DupCl "dup_cl" "Content-Length given more than once";
    TeAndCl "te_and_cl" "Transfer-Encoding and Content-Length together";
    BadChunk "bad_chunk" "broken chunk framing";
    BadHeader "bad_header" "a header line that breaks the grammar";
    BadMethod "bad_method" "a method that is no token";
    BadVersion "bad_version" "an unusual HTTP version";
    BadStatus "bad_status" "a status that is no number from 100 to 599";
    DupHost "dup_host" "more than one Host header";
    NoHost "no_host" "no Host header";
    HostMismatch "host_mismatch" "Host differs from the target";
    HeaderTooLarge "header_too_large" "a head over the size limit";
    TooManyHeaders "too_many_headers" "more header lines than the limit";
    UnsolicitedResponse "unsolicited_response" "a response nobody asked for";
    Upgrade "upgrade" "the connection changed its protocol";
    BadWebsocket "bad_websocket" "a WebSocket frame that breaks RFC 6455";
    DecompressBomb "decompress_bomb" "the body unpacks beyond the limits";
    DecompressError "decompress_error" "the body does not unpack";
    FragmentOverlap "fragment_overlap" "IP fragments overlap";
    DuplicatePacket "duplicate_packet" "packets were captured twice";
}

/// A set of [`Anomaly`] flags.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct AnomalySet(u64);

impl AnomalySet {
    /// No flag.
    pub const EMPTY: Self = Self(0);

    /// Sets one flag.
    pub const fn insert(&mut self, anomaly: Anomaly) {
        self.0 |= 1 << anomaly as u8;
    }

    /// Sets all flags of `other`.
    pub const fn merge(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether `anomaly` is set.
    #[must_use]
    pub const fn contains(self, anomaly: Anomaly) -> bool {
        self.0 & (1 << anomaly as u8) != 0
    }

    /// Whether no flag is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The flags that are set, in the order of their bits.
    pub fn iter(self) -> impl Iterator<Item = Anomaly> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let next = Anomaly::ALL.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(*next)
        })
    }
}

impl From<Anomaly> for AnomalySet {
    fn from(anomaly: Anomaly) -> Self {
        let mut set = Self::EMPTY;
        set.insert(anomaly);
        set
    }
}

impl fmt::Debug for AnomalySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Anomaly::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Anomaly, AnomalySet};

    #[test]
    fn every_flag_has_its_own_bit_and_name() {
        assert!(Anomaly::ALL.len() <= 64);
        let names: std::collections::BTreeSet<_> = Anomaly::ALL.iter().map(|a| a.name()).collect();
        assert_eq!(names.len(), Anomaly::ALL.len());
        for anomaly in Anomaly::ALL {
            assert_eq!(AnomalySet::from(*anomaly).iter().collect::<Vec<_>>(), [*anomaly]);
        }
    }
}
