//! What TCP as a whole counted: attempts, resets, retransmissions, overflows of accept queues.

use std::collections::HashMap;

use crate::Metric;
use crate::report::Report;
use crate::text::{Tree, lines, number, words};

pub(super) const EVENTS: Metric = Metric::counter(
    "tcp.host.events",
    "1",
    &["event"],
    "opened_out, opened_in, failed (attempts), reset (connections), sent and received (segments), retransmitted, timeout, damaged, \
listen_overflow (full accept queues), listen_drop",
    "/proc/net/snmp and /proc/net/netstat, RFC 4022",
);
pub(super) const TIME_WAIT: Metric = Metric::gauge(
    "tcp.host.time_wait",
    "1",
    &[],
    "closed connections that still hold their ports",
    "/proc/net/sockstat, tw",
);
pub(super) const METRICS: &[Metric] = &[EVENTS, TIME_WAIT];

const NAMES: [(&str, &str); 11] = [
    ("ActiveOpens", "opened_out"),
    ("PassiveOpens", "opened_in"),
    ("AttemptFails", "failed"),
    ("EstabResets", "reset"),
    ("OutSegs", "sent"),
    ("InSegs", "received"),
    ("RetransSegs", "retransmitted"),
    ("InErrs", "damaged"),
    ("TCPTimeouts", "timeout"),
    ("ListenOverflows", "listen_overflow"),
    ("ListenDrops", "listen_drop"),
];

pub(super) fn read(tree: &Tree, report: &mut Report<'_>) -> Result<(), String> {
    let files = [(tree.read("proc/net/snmp")?, "Tcp:"), (tree.read("proc/net/netstat")?, "TcpExt:")];
    let counts: HashMap<&[u8], u64> = files.iter().flat_map(|(file, protocol)| counts(file, protocol)).collect();
    for (name, event) in NAMES {
        if let Some(count) = counts.get(name.as_bytes()) {
            report.total(&EVENTS, &[event], *count);
        }
    }
    let sockstat = tree.read("proc/net/sockstat")?;
    if let Some(count) = time_wait(&sockstat) {
        report.gauge(&TIME_WAIT, &[], count);
    }
    Ok(())
}

/// Names and numbers stand in two lines that begin with the protocol.
fn counts<'a>(file: &'a [u8], protocol: &str) -> Vec<(&'a [u8], u64)> {
    let mut of = lines(file).filter_map(|line| line.strip_prefix(protocol.as_bytes()));
    let (Some(names), Some(values)) = (of.next(), of.next()) else { return Vec::new() };
    words(names).zip(words(values)).filter_map(|(name, value)| Some((name, number(value)?))).collect()
}

fn time_wait(sockstat: &[u8]) -> Option<u64> {
    let mut words = words(lines(sockstat).find_map(|line| line.strip_prefix(b"TCP:"))?);
    words.find(|word| *word == b"tw")?;
    number(words.next()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_numbers_are_paired() {
        let file = b"Ip: A\nIp: 1\nTcp: RtoMin MaxConn OutSegs\nTcp: 200 -1 77\n";
        assert_eq!(counts(file, "Tcp:"), [(&b"RtoMin"[..], 200), (b"OutSegs", 77)]);
        assert_eq!(time_wait(b"sockets: used 25\nTCP: inuse 1 orphan 0 tw 9 alloc 1 mem 51\n"), Some(9));
    }

    proptest! {
        #[test]
        fn any_bytes_are_counts_or_nothing(bytes: Vec<u8>) {
            counts(&bytes, "");
            time_wait(&[b"TCP:", &bytes[..]].concat());
        }
    }
}
