//! Lines that are kept: with level, code, template, the request they belong to, and without secrets.

use std::collections::BTreeMap;

use arachne_aggregate::access::job::{Class, Seen};
use arachne_aggregate::beacon::{Beacon, STAGES, VITALS};
use arachne_aggregate::records::{Event, Level, Miner, code, level};
use arachne_aggregate::rules::LABEL_BYTES_MAX;
use arachne_aggregate::time::Layout;
use arachne_content::redact::Redactor;
use arachne_model::table::LogRow;
use memchr::memmem;

use crate::Labels;

/// Longer messages are cut.
const MESSAGE_BYTES_MAX: usize = 16 << 10;
/// Labels of rules that are kept with an event.
const RULE_LABELS_MAX: usize = 64;
/// A time in a line that differs more from its arrival is of another zone, or of another time: the arrival counts then.
const CREDIBLE: i64 = 600_000_000_000;
/// Layouts of times at the start of lines.
const LAYOUTS: &[&str] = &["rfc3339", "%Y-%m-%d %H:%M:%S%f", "%Y-%m-%dT%H:%M:%S%f", "%Y/%m/%d %H:%M:%S"];
/// What a request's name is called.
const REQUEST_KEYS: &[&str] = &["request_id", "requestId", "req_id", "request-id", "trace_id", "traceId", "rid"];
/// Names of requests have so many characters.
const REQUEST_CHARS: std::ops::RangeInclusive<usize> = 8..=64;

/// The name of a level in records and labels.
pub(super) const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Trace => "trace",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
        Level::Fatal => "fatal",
    }
}

/// What an event says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub level: Option<Level>,
    pub code: Option<String>,
    /// Its template, by number of the miner.
    pub template: usize,
}

impl Told {
    /// By its first line.
    pub(super) fn of(event: &Event, miner: &mut Miner) -> Self {
        let end = memchr::memchr(b'\n', &event.text).unwrap_or(event.text.len());
        let first = &event.text[..end];
        let template = miner.add(&String::from_utf8_lossy(&first[..first.len().min(4096)]));
        Self { level: level(first), code: code(first).map(str::to_owned), template }
    }

    pub(super) fn is_error(&self) -> bool {
        self.level >= Some(Level::Error)
    }
}

/// What rules say of an event: labels by name.
#[derive(Debug, Default)]
pub(super) struct RuleLabels(BTreeMap<String, String>);

impl RuleLabels {
    /// Adds one, unless there are too many, or its name is none that a filter can ask for: names of pairs are the line's own.
    pub(super) fn add(&mut self, name: &str, value: &[u8]) {
        let name = name.to_ascii_lowercase();
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'#');
        let fits = name.len() <= LABEL_BYTES_MAX && name.bytes().all(good);
        if fits && self.0.len() < RULE_LABELS_MAX {
            let value = String::from_utf8_lossy(&value[..value.len().min(LABEL_BYTES_MAX)]).into_owned();
            self.0.entry(name).or_insert(value);
        }
    }
}

/// Makes records.
#[derive(Debug)]
pub(crate) struct Records {
    redactor: Redactor,
    layouts: Vec<Layout>,
}

/// Where and when a line stood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub path: &'a str,
    pub service: Option<&'a str>,
    /// What tells it from all others of its path.
    pub offset: u64,
    pub arrived: i64,
}

impl Records {
    /// With a redactor that everything passes.
    pub(crate) fn new(redactor: Redactor) -> Self {
        let layouts = LAYOUTS.iter().filter_map(|text| Layout::new(text, "").ok()).collect();
        Self { redactor, layouts }
    }

    fn row(&self, place: &Place<'_>, text: &[u8], weight: u64) -> LogRow {
        let cut = &text[..text.len().min(MESSAGE_BYTES_MAX)];
        let clean = self.redactor.text(cut);
        LogRow {
            start: place.arrived,
            file: place.path.to_owned(),
            offset: place.offset,
            service: place.service.map(str::to_owned),
            message: String::from_utf8_lossy(clean.as_deref().unwrap_or(cut)).into_owned(),
            weight,
            ..LogRow::default()
        }
    }

    /// A record of any application.
    pub(super) fn event(
        &self,
        place: &Place<'_>,
        event: &Event,
        (told, miner): (&Told, &Miner),
        mut labels: RuleLabels,
        weight: u64,
    ) -> LogRow {
        labels.0.values_mut().for_each(|value| *value = self.clean(value));
        if event.lines > 1 {
            labels.0.insert("lines".to_owned(), event.lines.to_string());
        }
        let fields = Labels::new(labels.0.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        LogRow {
            start: self.time(&event.text, place.arrived),
            level: told.level.map(|level| level_name(level).to_owned()),
            code: told.code.clone(),
            template: self.clean(miner.text(told.template)),
            fields: fields.as_str().to_owned(),
            request: request(&event.text),
            ..self.row(place, &event.text, weight)
        }
    }

    /// A request.
    pub(super) fn request(&self, place: &Place<'_>, line: &[u8], seen: &Seen<'_>, weight: u64) -> LogRow {
        let record = seen.record;
        let text = |raw: Option<&[u8]>| raw.map(|raw| String::from_utf8_lossy(&record.text(raw)).into_owned());
        let number = |value: Option<u64>| value.map(|value| value.to_string());
        let target = record.request.path().map(|path| record.text(path).into_owned());
        let path =
            target.map(|path| String::from_utf8_lossy(&self.redactor.target(&path).unwrap_or(path)).into_owned());
        let fields = [
            ("cache", text(record.cache)),
            ("class", Some(seen.class.name().to_owned())),
            ("client.address", text(record.client)),
            ("host", text(record.host)),
            ("http.request.method", text(record.request.method)),
            ("http.response.status_code", record.status.map(|status| status.to_string())),
            ("request_time_ns", number(record.request_time)),
            ("upstream", text(record.upstreams.addresses)),
            ("upstream_class", seen.upstream_class.map(|class| class.name().to_owned())),
            ("upstream_time_ns", number(record.upstreams.nanos())),
            ("url.path", path),
        ];
        let fields = Labels::new(fields.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))));
        LogRow {
            start: record.at.filter(|at| credible(*at, place.arrived)).unwrap_or(place.arrived),
            level: Some(request_level(seen).to_owned()),
            template: seen.template.to_owned(),
            fields: fields.as_str().to_owned(),
            request: text(record.id).filter(|id| is_request(id)),
            ..self.row(place, line, weight)
        }
    }

    /// A beacon, whose query stands in the line or the request.
    pub(crate) fn beacon(&self, place: &Place<'_>, at: i64, query: &[u8], beacon: &Beacon, weight: u64) -> LogRow {
        let stages = STAGES.iter().zip(beacon.stages).map(|(name, nanos)| (format!("stage.{name}_ns"), nanos));
        let vitals = VITALS.iter().zip(beacon.vitals).map(|(vital, value)| match vital.name {
            "cls" => ("cls".to_owned(), value),
            name => (format!("{name}_ns"), value),
        });
        let server = beacon.server.iter().map(|(name, nanos)| (format!("server_timing.{name}_ns"), Some(*nanos)));
        let rest = [("errors", Some(beacon.errors).filter(|errors| *errors > 0)), ("load_ns", beacon.load)];
        let rest = rest.into_iter().map(|(name, value)| (name.to_owned(), value));
        let numbers = stages.chain(vitals).chain(server).chain(rest);
        let mut fields: Vec<_> = numbers.filter_map(|(name, value)| Some((name, value?.to_string()))).collect();
        fields.push(("page".to_owned(), self.clean(&beacon.page)));
        fields.extend(beacon.rating().map(|rating| ("rating".to_owned(), rating.to_owned())));
        fields.extend(beacon.release.clone().map(|release| ("release".to_owned(), release)));
        let labels = Labels::new(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let target = [b"/stat?", query].concat();
        let clean = self.redactor.target(&target).unwrap_or(target);
        LogRow {
            start: if credible(at, place.arrived) { at } else { place.arrived },
            level: Some(if beacon.is_poor() { "warn" } else { "info" }.to_owned()),
            template: self.clean(&beacon.page),
            fields: labels.as_str().to_owned(),
            request: beacon.request.clone(),
            ..self.row(place, &clean, weight)
        }
    }

    fn clean(&self, text: &str) -> String {
        let clean = self.redactor.text(text.as_bytes());
        clean.map_or_else(|| text.to_owned(), |clean| String::from_utf8_lossy(&clean).into_owned())
    }

    fn time(&self, text: &[u8], arrived: i64) -> i64 {
        let start = text.iter().take(8).position(u8::is_ascii_digit).unwrap_or(0);
        let text = &text[start..];
        let stamp = |blanks: usize| {
            let mut ends =
                text.iter().enumerate().filter(|(_, b)| matches!(b, b' ' | b'\n' | b']' | b'|')).map(|(at, _)| at);
            &text[..ends.nth(blanks).unwrap_or(text.len()).min(40)]
        };
        let words = [stamp(0), stamp(1)];
        let read = |word: &&[u8]| self.layouts.iter().find_map(|layout| layout.read(word, arrived));
        words.iter().find_map(read).filter(|at| credible(*at, arrived)).unwrap_or(arrived)
    }
}

const fn credible(at: i64, arrived: i64) -> bool {
    at.saturating_sub(arrived).unsigned_abs() < CREDIBLE.unsigned_abs()
}

/// The level that a request has as a record.
pub(super) fn request_level(seen: &Seen<'_>) -> &'static str {
    match (seen.class, seen.record.status) {
        (Class::Error, _) => "error",
        (_, Some(400..=499)) => "warn",
        _ => "info",
    }
}

/// The request that a line names.
fn request(text: &[u8]) -> Option<String> {
    let behind = |key: &&str| {
        let at = memmem::find(text, key.as_bytes())? + key.len();
        let rest = &text[at..];
        let start = rest
            .iter()
            .position(|b| !matches!(b, b'"' | b'\'' | b'=' | b':' | b' '))
            .filter(|at| (1..6).contains(at))?;
        let rest = &rest[start..];
        let end =
            rest.iter().position(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'-' | b'_')).unwrap_or(rest.len());
        String::from_utf8(rest[..end].to_vec()).ok().filter(|id| is_request(id))
    };
    REQUEST_KEYS.iter().find_map(behind)
}

fn is_request(id: &str) -> bool {
    REQUEST_CHARS.contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use arachne_content::redact::{Key, Rules};

    use super::*;

    const NOON: i64 = 1_772_452_800_000_000_000;

    fn record(text: &str) -> LogRow {
        let records = Records::new(Redactor::new(Key::new([7; 32]), Rules::default()));
        let mut miner = Miner::new(1);
        let event = Event { text: text.into(), lines: 1, cut: 0 };
        let told = Told::of(&event, &mut miner);
        let place = Place { path: "/a.log", service: Some("shop"), offset: 7, arrived: NOON };
        let mut labels = RuleLabels::default();
        labels.add("Stage.db#get", b"password=hunter2");
        labels.add("no: name", b"1");
        records.event(&place, &event, (&told, &miner), labels, 1)
    }

    #[test]
    fn what_a_line_says_of_itself() {
        let row =
            record("2026-03-02 12:00:01,500 ERROR [P-C-007] card refused request_id=abcdef123456 password=hunter2");
        assert_eq!(row.start, NOON + 1_500_000_000);
        assert_eq!((row.level.as_deref(), row.code.as_deref()), (Some("error"), Some("P-C-007")));
        assert_eq!(row.request.as_deref(), Some("abcdef123456"));
        assert!(!row.message.contains("hunter2") && !row.template.contains("hunter2"), "{row:?}");
        assert!(row.message.contains("card refused"));
        assert!(row.fields.starts_with("stage.db#get: ") && row.fields.lines().count() == 1, "{}", row.fields);
        assert!(!row.fields.contains("hunter2"), "{}", row.fields);
        let other = record("2020-03-02T12:00:01Z INFO hello");
        assert_eq!((other.start, other.level.as_deref()), (NOON, Some("info")));
        let nginx = record("2026/03/02 11:59:58 [error] 31#31: *1 upstream timed out");
        assert_eq!((nginx.start, nginx.level.as_deref()), (NOON - 2_000_000_000, Some("error")));
    }

    #[test]
    fn requests_by_what_they_are_called() {
        for (text, expected) in [
            (r#"{"request_id":"0123456789abcdef"}"#, Some("0123456789abcdef")),
            ("trace_id: aaaa-bbbb-cccc x", Some("aaaa-bbbb-cccc")),
            ("request_id=short", None),
            ("grid of things", None),
        ] {
            assert_eq!(request(text.as_bytes()).as_deref(), expected, "{text}");
        }
    }
}
