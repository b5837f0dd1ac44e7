//! One line: an event's level, code, message and fields, as text or JSON.

use std::fmt;

use tracing::Event;
use tracing::field::{Field, Visit};

use crate::text::{push_json, push_value, visible};
use crate::{Level, LogCode};

/// The value of a field.
enum Value {
    /// Text from wherever: hidden characters are escaped.
    Text(String),
    /// A number or a truth value, which is its own JSON.
    Plain(String),
}

/// An event that is about to be printed.
pub(super) struct Line {
    tracing_level: tracing::Level,
    /// Of the code, where there is one.
    code_level: Option<Level>,
    pub(super) code: Option<String>,
    pub(super) message: String,
    fields: Vec<(&'static str, Value)>,
}

impl Line {
    /// A line without text.
    pub(super) const fn new(tracing_level: tracing::Level, code_level: Option<Level>) -> Self {
        Self { tracing_level, code_level, code: None, message: String::new(), fields: Vec::new() }
    }

    /// The line of `event`.
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut line = Self::new(*event.metadata().level(), None);
        event.record(&mut line);
        line.code_level = line.code.as_deref().and_then(LogCode::find).map(|code| code.level);
        if line.code.is_none() {
            // Without a code the reader needs to know at least whose event it is.
            line.fields.push(("target", Value::Text(event.metadata().target().to_owned())));
        }
        line
    }

    /// Adds a field.
    pub(super) fn push_number(&mut self, name: &'static str, value: impl fmt::Display) {
        self.fields.push((name, Value::Plain(value.to_string())));
    }

    fn push_text(&mut self, field: &Field, text: String) {
        match field.name() {
            "message" => self.message = text,
            "code" => self.code = Some(text),
            name => self.fields.push((name, Value::Text(text))),
        }
    }

    /// The level of the code, else of the event; `None` for what is finer than a code can be.
    fn level(&self) -> Option<Level> {
        self.code_level.or(match self.tracing_level {
            tracing::Level::ERROR => Some(Level::Error),
            tracing::Level::WARN => Some(Level::Warn),
            tracing::Level::INFO => Some(Level::Info),
            _ => None,
        })
    }

    const fn finer(&self) -> &'static str {
        if matches!(self.tracing_level, tracing::Level::TRACE) { "trace" } else { "debug" }
    }

    /// `warning: packets were cut by the snap length  code=READ-NET-002 packets=3`, with the line end.
    pub(super) fn text(&self) -> String {
        let word = self.level().map_or_else(|| self.finer(), Level::word);
        let mut out = format!("{word}: {}", visible(&self.message));
        let mut blank = "  ";
        if let Some(code) = &self.code {
            out.push_str("  code=");
            push_value(&mut out, code);
            blank = " ";
        }
        for (name, value) in &self.fields {
            out.push_str(blank);
            out.push_str(name);
            out.push('=');
            match value {
                Value::Text(text) => push_value(&mut out, text),
                Value::Plain(text) => out.push_str(text),
            }
            blank = " ";
        }
        out.push('\n');
        out
    }

    /// A JSON object with the line end; `time` in nanoseconds since the Unix epoch.
    pub(super) fn json(&self, time: u64) -> String {
        let level = self.level().map_or_else(|| self.finer(), Level::name);
        let mut out = format!("{{\"time\":\"{}\",\"level\":\"{level}\"", Rfc3339(time));
        if let Some(code) = &self.code {
            out.push_str(",\"code\":");
            push_json(&mut out, code);
        }
        out.push_str(",\"message\":");
        push_json(&mut out, &self.message);
        out.push_str(",\"fields\":{");
        for (index, (name, value)) in self.fields.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            push_json(&mut out, name);
            out.push(':');
            match value {
                Value::Text(text) => push_json(&mut out, text),
                Value::Plain(text) => out.push_str(text),
            }
        }
        out.push_str("}}\n");
        out
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push_text(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push_text(field, value.to_owned());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push_number(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push_number(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push_number(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.push_number(field.name(), value);
        } else {
            self.push_text(field, value.to_string());
        }
    }
}

/// Nanoseconds since the Unix epoch as `2026-11-21T10:02:11.304000000Z`.
struct Rfc3339(u64);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
    }
}

/// Year, month and day of a day since 1970-01-01, counted in years that begin in March, so that the leap day is last.
const fn civil(days: u64) -> (u64, u64, u64) {
    let from_march_0000 = days + 719_468;
    let (era, day_of_era) = (from_march_0000 / 146_097, from_march_0000 % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + (month <= 2) as u64, month, day)
}

#[cfg(test)]
mod tests {
    use super::Rfc3339;

    #[test]
    fn times_are_civil() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000000007Z"),
            (951_782_399, "2000-02-28T23:59:59.000000007Z"),
            (951_782_400, "2000-02-29T00:00:00.000000007Z"),
            (951_868_800, "2000-03-01T00:00:00.000000007Z"),
            (1_704_067_199, "2023-12-31T23:59:59.000000007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000007Z"),
        ] {
            assert_eq!(Rfc3339(seconds * 1_000_000_000 + 7).to_string(), expected);
        }
    }
}
