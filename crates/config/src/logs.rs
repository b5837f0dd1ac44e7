//! `logs`: which files of log lines are read and how: access logs by their format, all others by logparser rules.
//!
//! An entry is `plugin`, then its settings beside it or below `config:`. A rule is compiled while it is read, so that what is
//! wrong with an expression is told with its line.

use arachne_aggregate::access::Format;
use arachne_aggregate::access::job::Settings;
use arachne_aggregate::rules::{
    Each, Kind, LABEL_SETS_MAX, MetricSpec, Place as At, RuleError, RuleSpec, Rules, Source,
};
use arachne_model::Thresholds;

use arachne_delivery::instructions::{self, CollectedLog, LogLabel, LogMetric, LogRule, LogSource};

use crate::agent::words;
use crate::mistake::Mistake;
use crate::read::Section;
use crate::tree::{Node, Place, Value};

/// A file of log lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// `file`: its path.
    pub file: String,
    /// `service`: what writes it.
    pub service: Option<String>,
    /// What becomes of its lines.
    pub job: LogJob,
}

/// What becomes of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogJob {
    /// `plugin: access`: they are requests.
    Access(Box<AccessLog>),
    /// `plugin: logparser`: they are what a rule says.
    Rule(Box<RuleSpec>),
}

/// An access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLog {
    /// `format`, as it is written.
    pub written: String,
    /// `format`, compiled.
    pub format: Format,
    /// `fast`, `medium`, `long_polls`, `templates`.
    pub settings: Settings,
}

impl Log {
    /// As agents are told of it.
    #[must_use]
    pub fn told(&self) -> CollectedLog {
        let (access, rule) = match &self.job {
            LogJob::Access(access) => (Some(access.told()), None),
            LogJob::Rule(rule) => (None, Some(told_rule(rule))),
        };
        CollectedLog { file: self.file.clone(), service: self.service.clone(), access, rule }
    }
}

impl AccessLog {
    fn told(&self) -> instructions::AccessLog {
        instructions::AccessLog {
            format: self.written.clone(),
            fast_ns: self.settings.thresholds.fast_ns.unsigned_abs(),
            medium_ns: self.settings.thresholds.slow_ns.unsigned_abs(),
            long_polls: self.settings.long_polls.clone(),
            // At most 10 000.
            templates: u32::try_from(self.settings.templates_max).unwrap_or(u32::MAX),
        }
    }
}

fn told_rule(rule: &RuleSpec) -> LogRule {
    let (source, expression) = match &rule.source {
        Source::Regex(text) => (LogSource::Regex, text.clone()),
        Source::Grok(text) => (LogSource::Grok, text.clone()),
        Source::KeyValue => (LogSource::KeyValue, String::new()),
        Source::Json => (LogSource::Json, String::new()),
    };
    let label = |(name, value): &(String, String)| LogLabel { name: name.clone(), value: value.clone() };
    let metric = |metric: &MetricSpec| LogMetric {
        name: metric.name.clone(),
        percentiles: metric.kind == Kind::Percentiles,
        value: metric.value.clone(),
        percents: metric.percents.clone(),
        labels: metric.labels.iter().map(label).collect(),
    };
    LogRule {
        name: rule.name.clone(),
        source,
        expression,
        time_field: rule.time_field.clone(),
        time_format: rule.time_format.clone(),
        timezone: rule.timezone.clone(),
        each: rule.each.as_ref().map(|each| each.field.clone()),
        each_skip: rule.each.as_ref().map(|each| each.skip.clone()).unwrap_or_default(),
        metrics: rule.metrics.iter().map(metric).collect(),
    }
}

/// Reads the section.
pub(crate) fn logs(node: &Node, mistakes: &mut Vec<Mistake>) -> Vec<Log> {
    let Value::List(list) = &node.value else {
        let what = "a list is expected: `- plugin: access`, or `- plugin: logparser`, with `file:`";
        mistakes.push(node.place.mistake("logs", what));
        return Vec::new();
    };
    let mut logs: Vec<(usize, Log)> = Vec::new();
    for (at, node) in list.iter().enumerate() {
        let path = format!("logs[{at}]");
        let Some(log) = log(node, &path, mistakes) else { continue };
        let requests = |log: &Log| matches!(log.job, LogJob::Access(_));
        let same = |known: &&(usize, Log)| requests(&known.1) && known.1.file == log.file;
        if let Some((first, _)) = logs.iter().find(same).filter(|_| requests(&log)) {
            let why = format!("{} is read as requests by logs[{first}] already: leave one of the two out", log.file);
            mistakes.push(node.place.mistake(&path, why));
        }
        logs.push((at, log));
    }
    logs.into_iter().map(|(_, log)| log).collect()
}

fn log(node: &Node, path: &str, mistakes: &mut Vec<Mistake>) -> Option<Log> {
    let mut outer = Section::of(node, path, mistakes)?;
    let plugin = outer.required("plugin", "logparser", plugin, mistakes);
    let (mut section, below) = match outer.take("config") {
        Some(inner) => {
            outer.end(mistakes);
            (Section::of(inner, &format!("{path}.config"), mistakes)?, inner)
        }
        None => (outer, node),
    };
    let file = section.required("file", "/var/log/app.log", text, mistakes);
    let service = section.scalar("service", text, mistakes);
    let job = match plugin? {
        Plugin::Access => access(&mut section, mistakes).map(|access| LogJob::Access(Box::new(access))),
        Plugin::Rule => rule(&mut section, below, path, mistakes).map(|rule| LogJob::Rule(Box::new(rule))),
    };
    section.end(mistakes);
    Some(Log { file: file?, service, job: job? })
}

#[derive(Clone, Copy)]
enum Plugin {
    Access,
    Rule,
}

fn plugin(text: &str) -> Result<Plugin, String> {
    match text {
        "access" => Ok(Plugin::Access),
        "logparser" => Ok(Plugin::Rule),
        _ => Err(format!("`{text}` is neither access nor logparser")),
    }
}

fn text(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("`` is not enough: a text is expected".to_owned()) } else { Ok(text.to_owned()) }
}

fn access(section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Option<AccessLog> {
    let format =
        |text: &str| Format::new(text).map(|format| (text.to_owned(), format)).map_err(|error| error.to_string());
    let format = section.required("format", "combined", format, mistakes);
    let mut settings = Settings { thresholds: thresholds(section, mistakes), ..Settings::default() };
    settings.templates_max = section.scalar("templates", count, mistakes).unwrap_or(settings.templates_max);
    let key = section.key("long_polls");
    let long_polls = section.take("long_polls").and_then(|node| words(node, &key, mistakes));
    settings.long_polls = long_polls.unwrap_or_default();
    let (written, format) = format?;
    Some(AccessLog { written, format, settings })
}

/// `fast`, `medium`: where the first class ends, and where the second one does.
fn thresholds(section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Thresholds {
    let default = Thresholds::default();
    let places = ["medium", "fast"].map(|key| Some((section.key(key), section.place_of(key)?)));
    let fast_ns = section.scalar("fast", nanos, mistakes).unwrap_or(default.fast_ns);
    let slow_ns = section.scalar("medium", nanos, mistakes).unwrap_or(default.slow_ns);
    if fast_ns > slow_ns
        && let Some((key, place)) = places.into_iter().flatten().next()
    {
        let what = format!(
            "`fast` ends at {} ms and `medium` at {} ms, before it begins: make `fast` the smaller one",
            fast_ns / 1_000_000,
            slow_ns / 1_000_000
        );
        mistakes.push(place.mistake(&key, what));
    }
    Thresholds { fast_ns, slow_ns }
}

/// `500ms`, `1s`.
fn nanos(text: &str) -> Result<i64, String> {
    let found = [("ms", 1_000_000), ("s", 1_000_000_000)]
        .into_iter()
        .find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size)));
    let value = found.and_then(|(number, size): (&str, i64)| number.trim_end().parse::<i64>().ok()?.checked_mul(size));
    value.filter(|nanos| *nanos > 0).ok_or_else(|| format!("`{text}` is no time: write 500ms or 1s"))
}

fn count(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=10_000).contains(number));
    number.ok_or_else(|| format!("`{text}` is no number from 1 to 10000"))
}

/// Reads a rule and compiles it.
fn rule(section: &mut Section<'_>, node: &Node, path: &str, mistakes: &mut Vec<Mistake>) -> Option<RuleSpec> {
    let before = mistakes.len();
    let name = section.scalar("name", text, mistakes).unwrap_or_else(|| path.to_owned());
    let source = source(section, mistakes);
    let time_field = section.scalar("time_field", text, mistakes);
    let time_format = section.scalar("time_field_format", text, mistakes);
    let timezone = section.scalar("timezone", text, mistakes).unwrap_or_default();
    let key = section.key("each");
    let each = section.take("each").and_then(|node| each(node, &key, mistakes));
    let key = section.key("metrics");
    let metrics = section.take("metrics").map_or_else(Vec::new, |node| metrics(node, &key, mistakes));
    let spec = RuleSpec { name, source: source?, time_field, time_format, timezone, each, metrics };
    if mistakes.len() > before {
        return None;
    }
    match Rules::new(std::slice::from_ref(&spec), LABEL_SETS_MAX, 0) {
        Ok(_) => Some(spec),
        Err(errors) => {
            mistakes.extend(errors.into_iter().map(|(_, error)| placed(node, path, &error)));
            None
        }
    }
}

fn source(section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Option<Source> {
    let regex = section.scalar("regex", text, mistakes).map(Source::Regex);
    let grok = section.scalar("grok", text, mistakes).map(Source::Grok);
    let format = section.scalar("format", extractor, mistakes);
    let mut given = [regex, grok, format].into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(source), None) => Some(source),
        (Some(_), Some(_)) => {
            section.wrong(
                "regex",
                "one of `regex`, `grok` and `format` is enough: a line is read in one way",
                mistakes,
            );
            None
        }
        (None, _) => {
            section.missing(
                "regex",
                "'^(?P<time>\\S+ \\S+) took (?P<took>\\d+)ms' (or grok: or format: json)",
                mistakes,
            );
            None
        }
    }
}

fn extractor(text: &str) -> Result<Source, String> {
    match text {
        "json" => Ok(Source::Json),
        "logfmt" | "key=value" => Ok(Source::KeyValue),
        _ => Err(format!("`{text}` is neither json nor logfmt")),
    }
}

/// `each: stages`, or a section with the field and what is passed over.
fn each(node: &Node, key: &str, mistakes: &mut Vec<Mistake>) -> Option<Each> {
    if let Value::Scalar(field) = &node.value {
        return Some(Each { field: field.clone(), skip: Vec::new() });
    }
    let mut section = Section::of(node, key, mistakes)?;
    let field = section.required("field", "stages", text, mistakes);
    let skip = section.take("skip").and_then(|node| words(node, &format!("{key}.skip"), mistakes));
    section.end(mistakes);
    Some(Each { field: field?, skip: skip.unwrap_or_default() })
}

fn metrics(node: &Node, key: &str, mistakes: &mut Vec<Mistake>) -> Vec<MetricSpec> {
    let Value::List(list) = &node.value else {
        mistakes.push(node.place.mistake(key, "a list is expected: `- type: rate`, with `name:`"));
        return Vec::new();
    };
    list.iter().enumerate().filter_map(|(at, node)| metric(node, &format!("{key}[{at}]"), mistakes)).collect()
}

fn metric(node: &Node, path: &str, mistakes: &mut Vec<Mistake>) -> Option<MetricSpec> {
    let mut section = Section::of(node, path, mistakes)?;
    let kind = section.required("type", "rate", kind, mistakes);
    let name = section.required("name", "app.requests.rate", text, mistakes);
    let value = section.scalar("value", text, mistakes);
    let key = section.key("args");
    let percents = section.take("args").map_or_else(Vec::new, |node| percents(node, &key, mistakes));
    let key = section.key("labels");
    let labels = section.take("labels").map_or_else(Vec::new, |node| labels(node, &key, mistakes));
    section.end(mistakes);
    Some(MetricSpec { kind: kind?, name: name?, value, percents, labels })
}

fn kind(text: &str) -> Result<Kind, String> {
    match text {
        "rate" => Ok(Kind::Rate),
        "percentiles" => Ok(Kind::Percentiles),
        _ => Err(format!("`{text}` is neither rate nor percentiles")),
    }
}

fn percents(node: &Node, key: &str, mistakes: &mut Vec<Mistake>) -> Vec<u16> {
    let mut read = |text: &String| {
        let percent = text.parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent));
        if percent.is_none() {
            mistakes.push(node.place.mistake(key, format!("`{text}` is no percentage from 0 to 100")));
        }
        // At most 10 000.
        percent.map(|percent| (percent * 100.0).round() as u16)
    };
    let mut ignored = Vec::new();
    let listed = words(node, key, &mut ignored).unwrap_or_default();
    let percents = listed.iter().filter_map(&mut read).collect();
    mistakes.append(&mut ignored);
    percents
}

fn labels(node: &Node, key: &str, mistakes: &mut Vec<Mistake>) -> Vec<(String, String)> {
    let Value::Map(map) = &node.value else {
        mistakes.push(
            node.place.mistake(key, "names with values are expected: `file: =file` for a group, `dc: east` for a text"),
        );
        return Vec::new();
    };
    let one = |(name, _, node): &(String, Place, Node)| match &node.value {
        Value::Scalar(value) => Some((name.clone(), value.clone())),
        _ => None,
    };
    let labels: Vec<_> = map.iter().filter_map(one).collect();
    if labels.len() < map.len() {
        mistakes.push(node.place.mistake(key, "a label is a group (`=file`) or a text"));
    }
    labels
}

/// Where a part of a rule stands: the byte of its expression where that is known.
fn placed(node: &Node, path: &str, error: &RuleError) -> Mistake {
    let Value::Map(map) = &node.value else { return node.place.mistake(path, error.message.clone()) };
    let find = |names: &[&str]| names.iter().find_map(|name| map.iter().find(|(key, ..)| key == name));
    let found = match error.place {
        At::Source(_) => find(&["regex", "grok"]),
        At::Time => find(&["time_field_format", "time_field"]),
        At::Each => find(&["each"]),
        At::Metrics | At::Metric(_) => find(&["metrics"]),
    };
    let Some((key, _, value)) = found else { return node.place.mistake(path, error.message.clone()) };
    let (mut place, mut name) = (value.place, format!("{path}.{key}"));
    match (error.place, &value.value) {
        // Behind the quote, counted as characters.
        (At::Source(Some(offset)), Value::Scalar(text)) => {
            place.column += 1 + text.char_indices().take_while(|(at, _)| *at < offset).count();
        }
        (At::Metric(at), Value::List(list)) => {
            place = list.get(at).map_or(place, |metric| metric.place);
            name = format!("{name}[{at}]");
        }
        _ => {}
    }
    place.mistake(&name, error.message.clone())
}
