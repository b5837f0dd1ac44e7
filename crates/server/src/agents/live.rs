//! How agents are right now: their last statuses, rates from the last two, questions that wait for an answer.

use arachne_delivery::instructions::Preview;
use arachne_delivery::status::{PreviewResult, Status};
use serde::Serialize;

use super::history::SILENCE;

/// How long the answer to a preview is kept behind the time that was looked, in nanoseconds.
const ANSWER_KEPT: i64 = 600_000_000_000;
/// How long an agent may take to begin, in nanoseconds.
const BEGIN_WITHIN: i64 = 30_000_000_000;

/// From the last two statuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct Rates {
    /// Packets captured.
    pub packets_per_second: f64,
    /// Bytes of them on the wire.
    pub bytes_per_second: f64,
    /// Exchanges found.
    pub exchanges_per_second: f64,
    /// CPU of all its processes, in percent of one core.
    pub cpu_percent: f64,
}

/// An agent that was heard of since the server's start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// Its last status.
    pub status: Status,
    /// When that came, by the server's clock.
    pub received: i64,
    /// From the last two.
    pub rates: Option<Rates>,
    /// What was asked last.
    pub preview: Option<Asked>,
}

/// A preview that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The question.
    pub question: Preview,
    /// When it was asked.
    pub at: i64,
    /// What the agent said last.
    pub result: Option<PreviewResult>,
}

impl Asked {
    /// Whether the agent is still to be asked at `now`.
    fn is_open(&self, now: i64) -> bool {
        let done = self.result.as_ref().is_some_and(|result| result.done);
        !done && now.saturating_sub(self.at) < self.looks() + BEGIN_WITHIN
    }

    /// Whether nobody can want its answer any more.
    pub fn is_stale(&self, now: i64) -> bool {
        now.saturating_sub(self.at) > self.looks() + BEGIN_WITHIN + ANSWER_KEPT
    }

    fn looks(&self) -> i64 {
        i64::from(self.question.seconds) * 1_000_000_000
    }
}

impl Heard {
    /// A status came at `now`. A server keeps no questions for an agent that it cannot ask.
    pub fn take(&mut self, status: Status, now: i64) {
        self.rates = if self.received == 0 { None } else { rates(&self.status, &status) };
        if let Some(asked) = &mut self.preview
            && let Some(result) = status.preview.clone().filter(|result| result.id == asked.question.id)
        {
            asked.result = Some(result);
        }
        (self.status, self.received) = (status, now);
    }

    /// What the agent is to be asked.
    pub fn question(&self, now: i64) -> Option<Preview> {
        self.preview.as_ref().filter(|asked| asked.is_open(now)).map(|asked| asked.question.clone())
    }

    /// Whether it is heard of at `now`.
    pub fn is_online(&self, now: i64) -> bool {
        self.received > 0 && now.saturating_sub(self.received) <= SILENCE
    }
}

/// What changed from one status of a run to the next one, per second; `None` over a restart.
fn rates(before: &Status, after: &Status) -> Option<Rates> {
    let seconds = duration_seconds(after.sent.checked_sub(before.sent)?)?;
    if before.started != after.started {
        return None;
    }
    let rate = |before: u64, after: u64| after.saturating_sub(before) as f64 / seconds;
    let exchanges = |status: &Status| status.stages.get("exchanges").map_or(0, |stage| stage.output);
    let mut cpu = 0.0;
    for process in &after.processes {
        let same = |one: &&arachne_delivery::status::Process| (&one.name, one.pid) == (&process.name, process.pid);
        cpu += rate(before.processes.iter().find(same).map_or(0, |one| one.cpu_ns), process.cpu_ns);
    }
    Some(Rates {
        packets_per_second: rate(before.capture.packets, after.capture.packets),
        bytes_per_second: rate(before.capture.bytes, after.capture.bytes),
        exchanges_per_second: rate(exchanges(before), exchanges(after)),
        cpu_percent: cpu / 1e7,
    })
}

fn duration_seconds(nanoseconds: i64) -> Option<f64> {
    (nanoseconds > 0).then_some(nanoseconds as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use arachne_delivery::status::{Capture, Process, Stage};

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn status(sent: i64, packets: u64, cpu_ns: u64) -> Status {
        Status {
            sent,
            capture: Capture { packets, bytes: 100 * packets, ..Capture::default() },
            stages: [("exchanges".to_owned(), Stage { output: packets / 10, ..Stage::default() })].into(),
            processes: vec![Process { name: "capture".to_owned(), cpu_ns, ..Process::default() }],
            ..Status::default()
        }
    }

    #[test]
    fn rates_come_from_two_statuses_of_one_run() {
        let mut heard = Heard::default();
        heard.take(status(0, 1000, 0), 5);
        assert_eq!(heard.rates, None);
        heard.take(status(2 * SECOND, 3000, 500_000_000), 6);
        let rates = heard.rates.expect("two statuses");
        let expected = Rates {
            packets_per_second: 1000.0,
            bytes_per_second: 100_000.0,
            exchanges_per_second: 100.0,
            cpu_percent: 25.0,
        };
        assert_eq!(rates, expected);
        heard.take(Status { started: 1, ..status(4 * SECOND, 10, 0) }, 7);
        assert_eq!(heard.rates, None, "it was started again");
        heard.take(Status { started: 1, ..status(i64::MIN, 10, 0) }, 8);
        assert_eq!(heard.rates, None, "its clock was set back");
    }

    #[test]
    fn a_question_is_asked_until_it_is_answered() {
        let mut heard = Heard::default();
        let question = Preview { id: "p".to_owned(), seconds: 5, ..Preview::default() };
        heard.preview = Some(Asked { question: question.clone(), at: 0, result: None });
        assert_eq!(heard.question(34 * SECOND), Some(question));
        assert_eq!(heard.question(35 * SECOND), None, "it never began");
        let said = |id: &str, done| Status {
            preview: Some(PreviewResult { id: id.to_owned(), done, ..PreviewResult::default() }),
            ..Status::default()
        };
        heard.take(said("another", true), SECOND);
        assert!(heard.question(SECOND).is_some());
        heard.take(said("p", false), SECOND);
        assert!(heard.question(SECOND).is_some());
        heard.take(said("p", true), SECOND);
        assert!(heard.question(SECOND).is_none());
        let asked = heard.preview.expect("it stays");
        assert!(!asked.is_stale(600 * SECOND) && asked.is_stale(700 * SECOND));
    }
}
