//! Minutes of what the parser counted, as rows. Their sums over all minutes are the counts of the whole run.

use arachne_model::table::QualityRow;
use arachne_model::{Anomaly, AnomalySet, DropReason, Ledger, UnixNanos};

/// How often each flag was raised.
type Counts = [u64; 64];

/// Counts records between two minutes.
#[derive(Default)]
pub struct Quality {
    exchanges: FlagCounts,
    sessions: FlagCounts,
    not_kept: u64,
    /// What was in flight at the end of the minute before.
    before: Ledger,
}

struct FlagCounts(Counts);

impl Default for FlagCounts {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl FlagCounts {
    fn add(&mut self, flags: AnomalySet) {
        for flag in flags.iter() {
            self.0[flag as usize & 63] += 1;
        }
    }
}

impl Quality {
    /// An exchange was found, and `kept` or not.
    pub fn exchange(&mut self, flags: AnomalySet, kept: bool) {
        self.exchanges.add(flags);
        self.not_kept += u64::from(!kept);
    }

    /// A session was found.
    pub fn session(&mut self, flags: AnomalySet) {
        self.sessions.add(flags);
    }

    /// The rows of the minute that began at `start` and counted `counts`. Counts of nothing have no row; what is in
    /// flight has one when it is so now or was at the end of the minute before.
    pub fn minute(&mut self, start: UnixNanos, counts: &Ledger, source: &str, agent: &str) -> Vec<QualityRow> {
        let mut rows = self.part(start, counts, source, agent);
        for ((name, stage), (_, before)) in counts.stages().into_iter().zip(self.before.stages()) {
            if stage.in_flight > 0 || before.in_flight > 0 {
                let row = QualityRow::of_agent(start.0, agent, (name, "in_flight", None, stage.in_flight));
                rows.push(QualityRow { source: source.to_owned(), ..row });
            }
        }
        self.before = counts.clone();
        rows
    }

    /// The rows of what was counted in a part of the minute that began at `start`, and that is not over: all but what is in
    /// flight, which is told at its end.
    pub fn part(&mut self, start: UnixNanos, counts: &Ledger, source: &str, agent: &str) -> Vec<QualityRow> {
        let mut counts = counts.clone();
        let not_kept = std::mem::take(&mut self.not_kept).min(counts.exchanges.output);
        counts.exchanges.output -= not_kept;
        counts.exchanges.drop(DropReason::NotKept, not_kept);
        let mut rows = Vec::new();
        let mut push = |stage: &str, count: &str, reason: Option<&str>, value: u64| {
            let row = QualityRow::of_agent(start.0, agent, (stage, count, reason, value));
            rows.push(QualityRow { source: source.to_owned(), ..row });
        };
        for (name, stage) in counts.stages() {
            for (count, value) in [("in", stage.input), ("out", stage.output)] {
                if value > 0 {
                    push(name, count, None, value);
                }
            }
            stage.reasons().for_each(|(reason, value)| push(name, "dropped", Some(reason.name()), value));
        }
        if counts.bytes_lost > 0 {
            push("bytes", "lost", None, counts.bytes_lost);
        }
        for (stage, flags) in [("sessions", &mut self.sessions), ("exchanges", &mut self.exchanges)] {
            let flags = std::mem::take(flags).0;
            for (anomaly, value) in Anomaly::ALL.iter().zip(flags).filter(|(_, value)| *value > 0) {
                push(stage, "anomaly", Some(anomaly.name()), value);
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::Quality;
    use arachne_model::{Anomaly, DropReason, Ledger, UnixNanos};

    #[test]
    fn a_minute_balances_also_when_exchanges_were_left_out() {
        let mut quality = Quality::default();
        let mut counts = Ledger::default();
        counts.exchanges.input = 5;
        counts.exchanges.output = 3;
        counts.exchanges.in_flight = 2;
        counts.packets.input = 1;
        counts.packets.drop(DropReason::Udp, 1);
        quality.exchange(Anomaly::Gap.into(), true);
        quality.exchange(Anomaly::Gap.into(), false);
        let rows = quality.minute(UnixNanos(60), &counts, "s", "a");
        let told: Vec<_> = rows
            .iter()
            .map(|r| (r.stage.as_str(), r.count.as_str(), r.reason.as_deref().unwrap_or("-"), r.value))
            .collect();
        assert_eq!(
            told,
            [
                ("packets", "in", "-", 1),
                ("packets", "dropped", "udp", 1),
                ("exchanges", "in", "-", 5),
                ("exchanges", "out", "-", 2),
                ("exchanges", "dropped", "not_kept", 1),
                ("exchanges", "anomaly", "gap", 2),
                ("exchanges", "in_flight", "-", 2),
            ]
        );
        let rows = quality.minute(UnixNanos(120), &Ledger::default(), "s", "a");
        assert_eq!(rows.len(), 1, "nothing is in flight any more: {rows:?}");
    }

    #[test]
    fn what_is_in_flight_is_told_once_in_a_minute_of_several_parts() {
        let (mut quality, mut counts) = (Quality::default(), Ledger::default());
        (counts.exchanges.input, counts.exchanges.in_flight) = (2, 2);
        let told = |rows: Vec<super::QualityRow>| rows.into_iter().map(|r| (r.count, r.value)).collect::<Vec<_>>();
        assert_eq!(told(quality.part(UnixNanos(60), &counts, "s", "a")), [("in".to_owned(), 2)]);
        counts.exchanges.input = 0;
        assert_eq!(told(quality.minute(UnixNanos(60), &counts, "s", "a")), [("in_flight".to_owned(), 2)]);
    }
}
