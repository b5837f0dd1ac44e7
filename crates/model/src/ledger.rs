//! Law 1, nothing vanishes: at each stage `in = out + dropped{reason} + in_flight`.

use std::fmt;

macro_rules! drop_reasons {
    ($($variant:ident $name:literal $words:literal;)*) => {
        /// Why something that came into a stage did not leave it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum DropReason {
            $(#[doc = $words] $variant,)*
        }

        impl DropReason {
            /// All reasons, in a fixed order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name, as in `--stats`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it means, for people.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }
    };
}

drop_reasons! {
    LinkTypeUnread "link_type_unread" "the link type exists but is not read";
    NotIp "not_ip" "a frame that carries no IP (ARP, LLDP, ...)";
    Udp "udp" "UDP, which carries no TCP session";
    Icmp "icmp" "ICMP";
    OtherTransport "other_transport" "another transport protocol";
    Encrypted "encrypted" "IPsec ESP";
    Empty "empty" "a record without bytes";
    MalformedLink "malformed_link" "a link header that is cut or impossible";
    MalformedIp "malformed_ip" "an IP header that is cut or impossible";
    MalformedTcp "malformed_tcp" "a TCP header that is cut or impossible";
    NestingLimit "nesting_limit" "more headers inside each other than the limit";
    FragmentExpired "fragment_expired" "fragments whose rest did not come";
    FragmentOverlap "fragment_overlap" "fragments that overlap";
    FragmentLimit "fragment_limit" "fragments over the limit, or beyond 64 KiB";
    Duplicate "duplicate" "the same packet captured twice";
    Retransmission "retransmission" "bytes that were there before";
    OutOfWindow "out_of_window" "outside the receive window";
    BadChecksum "bad_checksum" "wrong checksum and a better copy, or nobody acknowledged it";
    Paws "paws" "an old segment by its timestamp";
    Urgent "urgent" "an urgent byte, which the application does not get in the stream";
    AfterClose "after_close" "after the end of the connection";
    Memcap "memcap" "a memory limit was reached";
    Unfinished "unfinished" "still waiting when the input ended";
    NotKept "not_kept" "left out by the filter on what to keep";
    LargeFlow "large_flow" "a large connection gave way under load";
    NewFlow "new_flow" "a new connection gave way under load";
}

impl DropReason {
    /// Whether the recorder was short of something, and not the traffic: a loss.
    #[must_use]
    pub const fn is_own(self) -> bool {
        matches!(self, Self::Memcap | Self::NestingLimit | Self::FragmentLimit | Self::LargeFlow | Self::NewFlow)
    }
}

/// The number of reasons.
const REASONS: usize = DropReason::ALL.len();

/// The count of one stage for one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// What came in.
    pub input: u64,
    /// What left as meant.
    pub output: u64,
    /// What is inside now.
    pub in_flight: u64,
    dropped: [u64; REASONS],
}

impl Default for Stage {
    fn default() -> Self {
        Self { input: 0, output: 0, in_flight: 0, dropped: [0; REASONS] }
    }
}

impl Stage {
    /// Counts `n` as dropped for `reason`.
    #[inline]
    pub const fn drop(&mut self, reason: DropReason, n: u64) {
        self.dropped[reason as usize] += n;
    }

    /// What was dropped for `reason`.
    #[must_use]
    pub const fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// Everything that was dropped.
    #[must_use]
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// The reasons that occurred, with their counts.
    pub fn reasons(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL.iter().map(|r| (*r, self.dropped(*r))).filter(|(_, n)| *n > 0)
    }

    /// What was counted since `before`; [`Self::in_flight`] is what is inside now.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut dropped = self.dropped;
        for (now, then) in dropped.iter_mut().zip(before.dropped) {
            *now -= then;
        }
        Self {
            input: self.input - before.input,
            output: self.output - before.output,
            in_flight: self.in_flight,
            dropped,
        }
    }

    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &Self) {
        self.input += other.input;
        self.output += other.output;
        self.in_flight += other.in_flight;
        for (mine, theirs) in self.dropped.iter_mut().zip(other.dropped) {
            *mine += theirs;
        }
    }

    /// What was dropped since the recorder was short of something.
    #[must_use]
    pub fn own_losses(&self) -> u64 {
        self.reasons().filter(|(reason, _)| reason.is_own()).map(|(_, count)| count).sum()
    }

    fn balanced(&self) -> bool {
        self.input == self.output + self.dropped_total() + self.in_flight
    }
}

/// The counts of all stages between bytes and exchanges.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Ledger {
    /// Captured packets; `output` carried a TCP segment.
    pub packets: Stage,
    /// TCP segments; `output` was used.
    pub segments: Stage,
    /// TCP payload bytes; `output` reached a protocol in order.
    pub bytes: Stage,
    /// TCP sessions; `output` was closed and reported.
    pub sessions: Stage,
    /// Exchanges; `output` was reported.
    pub exchanges: Stage,
    /// TCP payload bytes that were never captured although the peer acknowledged them or data after them came: loss
    /// that is inferred. Not part of an equation, they never came in.
    pub bytes_lost: u64,
}

/// A stage whose equation does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imbalance {
    /// The name of the stage.
    pub stage: &'static str,
    /// Its counts.
    pub counts: Box<Stage>,
}

impl fmt::Display for Imbalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = &self.counts;
        write!(
            f,
            "{}: in {} != out {} + dropped {} + in flight {}",
            self.stage,
            c.input,
            c.output,
            c.dropped_total(),
            c.in_flight
        )
    }
}

impl std::error::Error for Imbalance {}

impl Ledger {
    /// The stages with their names, in the order of the pipeline.
    #[must_use]
    pub fn stages(&self) -> [(&'static str, &Stage); 5] {
        [
            ("packets", &self.packets),
            ("segments", &self.segments),
            ("bytes", &self.bytes),
            ("sessions", &self.sessions),
            ("exchanges", &self.exchanges),
        ]
    }

    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &Self) {
        self.packets.add(&other.packets);
        self.segments.add(&other.segments);
        self.bytes.add(&other.bytes);
        self.sessions.add(&other.sessions);
        self.exchanges.add(&other.exchanges);
        self.bytes_lost += other.bytes_lost;
    }

    /// What was counted since `before`, an earlier state of the same ledger. What is in flight is what is so now: at each
    /// stage `in = out + dropped + in_flight - before.in_flight`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            packets: self.packets.since(&before.packets),
            segments: self.segments.since(&before.segments),
            bytes: self.bytes.since(&before.bytes),
            sessions: self.sessions.since(&before.sessions),
            exchanges: self.exchanges.since(&before.exchanges),
            bytes_lost: self.bytes_lost - before.bytes_lost,
        }
    }

    /// Checks `in = out + dropped + in_flight` at every stage.
    ///
    /// # Errors
    /// The first stage that does not balance.
    pub fn check(&self) -> Result<(), Imbalance> {
        match self.stages().into_iter().find(|(_, stage)| !stage.balanced()) {
            None => Ok(()),
            Some((stage, counts)) => Err(Imbalance { stage, counts: Box::new(counts.clone()) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DropReason, Ledger};

    #[test]
    fn a_lost_unit_is_found() {
        let mut ledger = Ledger::default();
        ledger.packets.input = 3;
        ledger.packets.output = 1;
        ledger.packets.drop(DropReason::Udp, 1);
        let error = ledger.check().expect_err("one packet is unaccounted");
        assert_eq!(error.to_string(), "packets: in 3 != out 1 + dropped 1 + in flight 0");
        ledger.packets.in_flight = 1;
        assert_eq!(ledger.check(), Ok(()));
    }

    #[test]
    fn counts_since_then_and_levels_of_now() {
        let mut before = Ledger::default();
        before.bytes.input = 5;
        before.bytes.in_flight = 5;
        let mut now = before.clone();
        now.bytes.input += 2;
        now.bytes.in_flight = 3;
        now.bytes.drop(DropReason::Paws, 4);
        let since = now.since(&before).bytes;
        assert_eq!((since.input, since.in_flight, since.dropped_total()), (2, 3, 4));
    }

    #[test]
    fn ledgers_add_up() {
        let mut a = Ledger::default();
        a.bytes.input = 5;
        a.bytes.drop(DropReason::Retransmission, 5);
        let mut b = a.clone();
        b.add(&a);
        assert_eq!(b.bytes.dropped(DropReason::Retransmission), 10);
        assert_eq!(b.bytes.reasons().collect::<Vec<_>>(), [(DropReason::Retransmission, 10)]);
    }
}
