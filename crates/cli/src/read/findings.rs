//! From the counts of a run to what the user should know of them.

use std::fmt::Write as _;

use arachne_capture::FileSummary;
use arachne_model::{Anomaly, CloseReason, DropReason, LinkType, TcpSession};
use arachne_wire::Summary;

use super::notice::{Limit, Notice};

/// What the sink saw given up for the sake of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GivenUp {
    /// Connections that were closed early.
    pub connections: u64,
    /// Connections for whose missing bytes the wait was cut short.
    pub waits: u64,
    /// Exchanges that were cut.
    pub exchanges: u64,
}

impl GivenUp {
    /// Counts a session.
    pub fn session(&mut self, session: &TcpSession) {
        let evicted = session.close == CloseReason::Evicted;
        let waited_less = session.anomalies.contains(Anomaly::Memcap) && !evicted;
        self.connections += u64::from(evicted);
        self.waits += u64::from(waited_less);
    }
}

/// How the capture crate words the one oddity that has a code of its own.
const OVER_SNAP_LENGTH: &str = "more than the snap length";

/// What the file itself tells.
#[must_use]
pub fn of_file(summary: &FileSummary, keep_secrets: bool) -> Vec<Notice> {
    let mut notices = Vec::new();
    for oddity in &summary.warnings {
        let oddity = oddity.clone();
        notices.push(match oddity.contains(OVER_SNAP_LENGTH) {
            true => Notice::OverSnapLength { oddity },
            false => Notice::Odd { oddity },
        });
    }
    if summary.secrets_blocks > 0 && !keep_secrets {
        notices.push(Notice::SecretsSkipped { blocks: summary.secrets_blocks });
    }
    if summary.bad_timestamps > 0 {
        notices.push(Notice::BadTimes { packets: summary.bad_timestamps });
    }
    notices
}

/// What the packets tell. `link_types` are those of the file.
#[must_use]
pub fn of_packets<'a>(
    summary: &Summary,
    given_up: GivenUp,
    link_types: impl Iterator<Item = &'a LinkType>,
) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut push = |count: u64, notice: fn(u64) -> Notice| {
        if count > 0 {
            notices.push(notice(count));
        }
    };
    push(summary.truncated_packets, |packets| Notice::Cut { packets });
    push(summary.offloaded_sides, |sides| Notice::OffloadAssumed { sides });
    push(summary.ledger.segments.dropped(DropReason::Duplicate), |packets| Notice::CapturedTwice { packets });
    push(summary.ledger.bytes_lost, |bytes| Notice::BytesLost { bytes });
    let packets = summary.ledger.packets.dropped(DropReason::LinkTypeUnread);
    if packets > 0 {
        notices.push(Notice::LinkTypeUnread { packets, link_types: unread(link_types) });
    }
    notices.extend(limits(summary, given_up).into_iter().map(Notice::LimitReached));
    notices
}

/// The numbers of the link types that are not read.
fn unread<'a>(link_types: impl Iterator<Item = &'a LinkType>) -> String {
    let mut text = String::new();
    for link_type in link_types.filter(|link_type| !link_type.is_read()) {
        let separator = if text.is_empty() { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{}", link_type.0);
    }
    text
}

/// The limits that were reached.
fn limits(summary: &Summary, given_up: GivenUp) -> Vec<Limit> {
    let packets = &summary.ledger.packets;
    let mut reached = Vec::new();
    for (limit, what, count) in [
        ("held_bytes_max", "open connections", given_up.connections),
        ("gap_bytes_max, gap_segments_max", "waiting for missing bytes of connections", given_up.waits),
        ("fragment_bytes_max, fragment_datagrams_max", "fragments", packets.dropped(DropReason::FragmentLimit)),
    ] {
        if count > 0 {
            reached.push(Limit { limit, given_up: what, count });
        }
    }
    // A connection that was given up marks its exchanges, so these tell something new only where there is none.
    if given_up.connections + given_up.waits == 0 {
        let count = given_up.exchanges;
        if count > 0 {
            let limit = "pending_exchanges_max, open_bodies_max";
            reached.push(Limit { limit, given_up: "parts of exchanges", count });
        } else if summary.anomalies.contains(Anomaly::Memcap) {
            // Closed connections go first; they have been reported before.
            reached.push(Limit { limit: "held_bytes_max", given_up: "the memory of closed connections", count: 0 });
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use arachne_model::{Anomaly, DropReason, LinkType};
    use arachne_wire::Summary;

    use super::{GivenUp, of_packets};
    use crate::read::notice::{Limit, Notice};

    fn given_up(summary: &Summary, given_up: GivenUp) -> Vec<(&'static str, u64)> {
        let limit = |notice| match notice {
            Notice::LimitReached(Limit { given_up, count, .. }) => Some((given_up, count)),
            _ => None,
        };
        of_packets(summary, given_up, [].iter()).into_iter().filter_map(limit).collect()
    }

    #[test]
    fn nothing_odd_nothing_said() {
        assert_eq!(of_packets(&Summary::default(), GivenUp::default(), [LinkType::ETHERNET].iter()), []);
    }

    #[test]
    fn each_limit_is_told_once() {
        let mut summary = Summary::default();
        summary.anomalies.insert(Anomaly::Memcap);
        let none = GivenUp::default();
        assert_eq!(given_up(&summary, none), [("the memory of closed connections", 0)]);
        assert_eq!(given_up(&summary, GivenUp { exchanges: 2, ..none }), [("parts of exchanges", 2)]);
        let some = GivenUp { connections: 3, waits: 4, exchanges: 5 };
        let expected = [("open connections", 3), ("waiting for missing bytes of connections", 4)];
        assert_eq!(given_up(&summary, some), expected);
        summary.ledger.packets.drop(DropReason::FragmentLimit, 7);
        assert_eq!(given_up(&summary, some)[2], ("fragments", 7));
    }

    #[test]
    fn link_types_are_named_by_number() {
        let mut summary = Summary::default();
        summary.ledger.packets.drop(DropReason::LinkTypeUnread, 9);
        let found = of_packets(&summary, GivenUp::default(), [LinkType(105), LinkType::RAW, LinkType(147)].iter());
        assert_eq!(found, [Notice::LinkTypeUnread { packets: 9, link_types: "105,147".to_owned() }]);
    }
}
