//! Interfaces: bytes, packets, errors, drops.

use super::device::{Device, growth};
use crate::Metric;
use crate::report::Report;
use crate::text::{Tree, lines, number, text, words};

const LABELS: &[&str] = &["device", "direction"];
const SOURCE: &str = "/proc/net/dev, kernel: networking/statistics";
pub(super) const IO: Metric = Metric::counter(
    "system.network.io",
    "By",
    LABELS,
    "bytes received and sent (direction: receive, transmit)",
    SOURCE,
);
pub(super) const PACKETS: Metric =
    Metric::counter("system.network.packet.count", "1", LABELS, "packets received and sent", SOURCE);
pub(super) const ERRORS: Metric =
    Metric::counter("system.network.errors", "1", LABELS, "packets that were damaged or not sent", SOURCE);
pub(super) const DROPPED: Metric = Metric::counter(
    "system.network.packet.dropped",
    "1",
    LABELS,
    "packets thrown away for want of room or of a taker",
    SOURCE,
);
pub(super) const METRICS: &[Metric] = &[IO, PACKETS, ERRORS, DROPPED];

pub(super) fn read(tree: &Tree, report: &mut Report<'_>) -> Result<(), String> {
    let interfaces = parse(&tree.read("proc/net/dev")?);
    for Device { name, counts } in growth(report, "interface", interfaces, |counts| counts[0].saturating_add(counts[4]))
    {
        let (receive, transmit) = counts.split_at(4);
        for (direction, counts) in [("receive", receive), ("transmit", transmit)] {
            for (metric, count) in METRICS.iter().zip(counts) {
                report.grew(metric, &[&name, direction], *count);
            }
        }
    }
    Ok(())
}

/// Bytes, packets, errors, drops: received, then sent.
fn parse(dev: &[u8]) -> Vec<Device<8>> {
    let interface = |line: &[u8]| {
        // No blank need stand between the name and its first number.
        let colon = line.iter().rposition(|byte| *byte == b':')?;
        let name = text(line[..colon].trim_ascii());
        let mut fields = words(&line[colon + 1..]).map(number);
        let mut counts = [0; 8];
        for (place, count) in counts.iter_mut().enumerate() {
            *count = if place == 4 { fields.nth(4)?? } else { fields.next()?? };
        }
        Some(Device { name, counts })
    };
    lines(dev).filter_map(interface).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headings_are_no_interfaces_and_names_may_have_colons() {
        let file = b"Inter-|   Receive\n face |bytes    packets errs\n    lo:40 7 1 2 0 0 0 0 41 8 3 4 0 0 0 0\neth0:1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\nx: 1 2\n";
        let device = |name: &str, counts| Device { name: name.to_owned(), counts };
        let expected = [device("lo", [40, 7, 1, 2, 41, 8, 3, 4]), device("eth0:1", [1, 2, 3, 4, 9, 10, 11, 12])];
        assert_eq!(parse(file), expected);
    }

    proptest! {
        #[test]
        fn any_bytes_are_interfaces_or_nothing(bytes: Vec<u8>, numbers: Vec<u64>) {
            parse(&bytes);
            parse(format!("eth0: {numbers:?}").replace(['[', ']', ','], "").as_bytes());
        }
    }
}
