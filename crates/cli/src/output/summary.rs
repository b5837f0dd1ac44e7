//! The last lines for people: how much was found, how fast, and what was not used and why.

use std::fmt::Write as _;
use std::time::Duration;

use arachne_model::{DropReason, Ledger, Stage};

use super::human::{counted, duration, grouped, rate};
use super::json::{push, push_int};

/// What a run has to tell at its end.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The counts.
    pub ledger: &'a Ledger,
    /// Bytes read of the input, as stored.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
}

impl Run<'_> {
    /// `51 621 exchanges in 20 664 sessions · 812 272 packets · 0 lost · 0.21 s (3.4 GB/s)`, and a line for each stage
    /// that dropped something. With `all` the ordinary reasons are told too.
    #[must_use]
    pub fn text(&self, all: bool) -> String {
        let ledger = self.ledger;
        let lost = match ledger.bytes_lost {
            0 => "0 lost".to_owned(),
            lost => format!("{} lost", counted(lost, "byte")),
        };
        let mut text = format!(
            "{} in {} · {} · {lost} · {} ({})\n",
            counted(ledger.exchanges.output, "exchange"),
            counted(ledger.sessions.input, "session"),
            counted(ledger.packets.input, "packet"),
            duration(self.nanos()),
            rate(self.bytes, self.nanos()),
        );
        for (name, stage) in ledger.stages() {
            push_drops(&mut text, name, stage, all);
        }
        text
    }

    /// The first line as `{"summary":{...}}`; what was dropped and why is in the line of `--stats`.
    pub fn push_json(&self, out: &mut Vec<u8>) {
        let ledger = self.ledger;
        push(out, "{\"summary\":");
        let mut before = "{\"";
        for (name, value) in [
            ("exchanges", ledger.exchanges.output),
            ("sessions", ledger.sessions.input),
            ("packets", ledger.packets.input),
            ("bytes_lost", ledger.bytes_lost),
            ("bytes_read", self.bytes),
            ("duration_ns", self.nanos()),
        ] {
            push(out, before);
            push(out, name);
            push(out, "\":");
            push_int(out, value);
            before = ",\"";
        }
        push(out, "}}\n");
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.took.as_nanos()).unwrap_or(u64::MAX)
    }
}

fn push_drops(text: &mut String, name: &str, stage: &Stage, all: bool) {
    let told: Vec<_> = stage.reasons().filter(|(reason, _)| all || !is_ordinary(*reason)).collect();
    if told.is_empty() {
        return;
    }
    let _ = write!(text, "  {name} not used: ");
    for (at, (reason, count)) in told.into_iter().enumerate() {
        let separator = if at > 0 { "; " } else { "" };
        let _ = write!(text, "{separator}{} {} ({})", grouped(count), reason.name(), reason.words());
    }
    text.push('\n');
}

/// What every healthy capture holds: other traffic, and copies of what was used.
const fn is_ordinary(reason: DropReason) -> bool {
    matches!(
        reason,
        DropReason::NotIp
            | DropReason::Udp
            | DropReason::Icmp
            | DropReason::OtherTransport
            | DropReason::Duplicate
            | DropReason::Retransmission
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use arachne_model::{DropReason, Ledger};

    use super::Run;

    fn summary(ledger: &Ledger, bytes: u64, took: Duration, all: bool) -> String {
        Run { ledger, bytes, took }.text(all)
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.exchanges.output = 51_621;
        ledger.sessions.input = 20_664;
        ledger.packets.input = 812_272;
        ledger.packets.drop(DropReason::Udp, 4);
        ledger
    }

    #[test]
    fn one_line_when_all_is_well() {
        let text = summary(&ledger(), 714_000_000, Duration::from_millis(210), false);
        assert_eq!(text, "51 621 exchanges in 20 664 sessions · 812 272 packets · 0 lost · 210 ms (3.4 GB/s)\n");
    }

    #[test]
    fn losses_have_their_reasons() {
        let mut ledger = ledger();
        ledger.bytes_lost = 1460;
        ledger.packets.drop(DropReason::MalformedIp, 2);
        ledger.bytes.drop(DropReason::Memcap, 1000);
        let text = summary(&ledger, 1, Duration::from_secs(2), false);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].contains(" · 1 460 bytes lost · 2.00 s "), "{text}");
        assert_eq!(lines[1], "  packets not used: 2 malformed_ip (an IP header that is cut or impossible)");
        assert_eq!(lines[2], "  bytes not used: 1 000 memcap (a memory limit was reached)");
        assert!(summary(&ledger, 1, Duration::from_secs(2), true).contains("4 udp"));
    }

    #[test]
    fn programs_get_numbers() {
        let mut out = Vec::new();
        Run { ledger: &ledger(), bytes: 7, took: Duration::from_nanos(9) }.push_json(&mut out);
        let expected = concat!(
            r#"{"summary":{"exchanges":51621,"sessions":20664,"packets":812272,"bytes_lost":0,"#,
            r#""bytes_read":7,"duration_ns":9}}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(out).expect("ASCII"), expected);
    }
}
