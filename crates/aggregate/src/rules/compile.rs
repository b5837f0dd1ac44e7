//! A rule compiled: which fields it takes from a line, and where they go.

use super::grok;
use super::metric::{Label, Metric};
use super::pattern::{Pattern, Tier};
use super::spec::{Kind, Place, RuleError, RuleSpec, Source};
use super::value::Value;
use crate::time::Layout;

/// How lines are read.
#[derive(Clone, Debug)]
pub(super) enum Reader {
    Pattern(Box<Pattern>),
    KeyValue,
    Json,
}

/// A rule ready for lines.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) reader: Reader,
    /// The names of the fields that are taken, in the order of their places.
    pub(super) fields: Vec<String>,
    pub(super) time: Option<(Layout, usize)>,
    /// The place of the list, and the names that are passed over; the places behind all fields are `name` and `value`.
    pub(super) each: Option<(usize, Vec<String>)>,
    pub(super) metrics: Vec<Metric>,
    pub(super) hits: u64,
    pub(super) bad_times: u64,
}

impl Rule {
    pub(super) fn new(spec: &RuleSpec, sets: usize, seed: u64) -> Result<Self, RuleError> {
        if spec.metrics.is_empty() {
            return Err(RuleError::new(Place::Metrics, "it has no metric: nothing would come of it"));
        }
        let mut fields = Vec::new();
        let time = time(spec, &mut fields)?;
        let each = spec.each.as_ref().map(|each| (place(&mut fields, &each.field), each.skip.clone()));
        // Fields of pairs stand behind those of the line, however many these are in the end.
        let metrics: Vec<Parts> =
            spec.metrics.iter().enumerate().map(|(at, _)| parts(spec, at, &mut fields)).collect::<Result<_, _>>()?;
        let reader = reader(&spec.source, &fields)?;
        let own = fields.len();
        let metrics = spec.metrics.iter().zip(metrics).map(|(metric, parts)| {
            let value = parts.value.map(|(value, place)| (value, place.among(own)));
            let labels = parts.labels.into_iter().map(|label| match label {
                Ok(place) => Label::Field(place.among(own)),
                Err(text) => Label::Text(text),
            });
            Metric::new(metric, value, labels.collect(), sets, seed)
        });
        let metrics = metrics.collect();
        Ok(Self { name: spec.name.clone(), reader, fields, time, each, metrics, hits: 0, bad_times: 0 })
    }

    pub(super) fn tier(&self) -> Tier {
        match &self.reader {
            Reader::Pattern(pattern) => pattern.tier(),
            Reader::KeyValue | Reader::Json => Tier::Split,
        }
    }
}

/// A field of the line, or of a pair of its list.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Own(usize),
    PairName,
    PairValue,
}

impl Slot {
    fn among(self, own: usize) -> usize {
        match self {
            Self::Own(at) => at,
            Self::PairName => own,
            Self::PairValue => own + 1,
        }
    }
}

struct Parts {
    value: Option<(Value, Slot)>,
    labels: Vec<Result<Slot, String>>,
}

fn place(fields: &mut Vec<String>, name: &str) -> usize {
    fields.iter().position(|field| field == name).unwrap_or_else(|| {
        fields.push(name.to_owned());
        fields.len() - 1
    })
}

fn slot(spec: &RuleSpec, fields: &mut Vec<String>, name: &str) -> Slot {
    match (spec.each.is_some(), name) {
        (true, "name") => Slot::PairName,
        (true, "value") => Slot::PairValue,
        _ => Slot::Own(place(fields, name)),
    }
}

fn time(spec: &RuleSpec, fields: &mut Vec<String>) -> Result<Option<(Layout, usize)>, RuleError> {
    match (&spec.time_field, &spec.time_format) {
        (None, None) => Ok(None),
        (Some(field), Some(format)) => {
            let layout = Layout::new(format, &spec.timezone);
            let layout = layout.map_err(|error| RuleError::new(Place::Time, error.to_string()))?;
            Ok(Some((layout, place(fields, field))))
        }
        (Some(_), None) => {
            let message = "time_field needs time_field_format: as Go writes it (2006-01-02 15:04:05), as strptime does, rfc3339, unix or unix_ms";
            Err(RuleError::new(Place::Time, message))
        }
        (None, Some(_)) => {
            Err(RuleError::new(Place::Time, "time_field_format needs time_field: the group with the time"))
        }
    }
}

fn parts(spec: &RuleSpec, at: usize, fields: &mut Vec<String>) -> Result<Parts, RuleError> {
    let metric = &spec.metrics[at];
    let wrong = |message: &str| RuleError::new(Place::Metric(at), message);
    if metric.kind == Kind::Percentiles && metric.value.is_none() {
        return Err(wrong("percentiles need a value: the group whose distribution they are of"));
    }
    if metric.percents.iter().any(|percent| *percent > 10_000) {
        return Err(wrong("percentiles lie between 0 and 100"));
    }
    let value = match &metric.value {
        None => None,
        Some(text) => {
            let value = Value::new(text).map_err(|message| wrong(&message))?;
            let slot = slot(spec, fields, &value.field);
            Some((value, slot))
        }
    };
    let labels = metric.labels.iter().map(|(_, text)| match text.strip_prefix('=') {
        Some(field) => Ok(slot(spec, fields, field)),
        None => Err(text.clone()),
    });
    Ok(Parts { value, labels: labels.collect() })
}

fn reader(source: &Source, fields: &[String]) -> Result<Reader, RuleError> {
    let pattern = |text: &str| Ok(Reader::Pattern(Box::new(Pattern::new(text, fields)?)));
    match source {
        Source::Regex(text) => pattern(text),
        Source::Grok(text) => match grok::expand(text) {
            Ok(text) => pattern(&text),
            Err((at, name)) => {
                Err(RuleError::new(Place::Source(Some(at)), format!("`{name}` is no grok name that is known")))
            }
        },
        Source::KeyValue => Ok(Reader::KeyValue),
        Source::Json => Ok(Reader::Json),
    }
}
