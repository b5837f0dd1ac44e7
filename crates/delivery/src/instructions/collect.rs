//! What an agent collects beside packets. On by default as far as it needs no credentials.

use serde::{Deserialize, Serialize};

use super::Wrong;

/// Logs that are named.
const LOGS_MAX: usize = 256;
/// Bytes of a path, a name, an expression.
const TEXT_BYTES_MAX: usize = 4096;
/// Metrics of a rule, labels of a metric.
const METRICS_MAX: usize = 64;

/// What is collected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Collect {
    /// CPU, memory, disks, network of the host.
    pub system: bool,
    /// Its processes.
    pub process: bool,
    /// Its TCP connections.
    pub tcp: bool,
    /// The logs that the configuration of its nginx names.
    pub nginx: bool,
    /// Further logs.
    pub logs: Vec<CollectedLog>,
}

impl Default for Collect {
    fn default() -> Self {
        Self { system: true, process: true, tcp: true, nginx: true, logs: Vec::new() }
    }
}

impl Collect {
    /// Nothing.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { system: false, process: false, tcp: false, nginx: false, logs: Vec::new() }
    }

    /// Whether there is anything to collect.
    #[must_use]
    pub fn is_anything(&self) -> bool {
        *self != Self::nothing()
    }

    /// Whether an agent can follow it, but for what formats and rules mean.
    ///
    /// # Errors
    /// It cannot.
    pub(super) fn check(&self) -> Result<(), Wrong> {
        let wrong = |detail: String| Err(Wrong { field: "collect.logs", detail });
        if self.logs.len() > LOGS_MAX {
            return wrong(format!("at most {LOGS_MAX}"));
        }
        for log in &self.logs {
            if !log.file.starts_with('/') || log.file.len() > TEXT_BYTES_MAX {
                return wrong(format!("`{}` is no absolute path", log.file.escape_debug()));
            }
            if log.access.is_some() == log.rule.is_some() {
                return wrong(format!(
                    "{}: either `access` or `rule` says what its lines are",
                    log.file.escape_debug()
                ));
            }
            let many = |rule: &LogRule| {
                let labels = rule.metrics.iter().map(|metric| metric.labels.len()).max().unwrap_or(0);
                rule.expression.len() > TEXT_BYTES_MAX || rule.metrics.len() > METRICS_MAX || labels > METRICS_MAX
            };
            if log.rule.as_ref().is_some_and(many) {
                return wrong(format!("{}: the rule is too large", log.file.escape_debug()));
            }
        }
        Ok(())
    }
}

/// A log that is followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CollectedLog {
    /// Its path; may have wildcards.
    pub file: String,
    /// What writes it.
    pub service: Option<String>,
    /// Its lines are requests.
    pub access: Option<AccessLog>,
    /// Its lines are what a rule says.
    pub rule: Option<LogRule>,
}

/// An access log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AccessLog {
    /// The name of a format, or its text as nginx or Apache have it.
    pub format: String,
    /// Requests below so many nanoseconds are fast; 500 ms where it is 0.
    pub fast_ns: u64,
    /// Those below so many are medium; 1 s where it is 0.
    pub medium_ns: u64,
    /// Templates of requests that wait for events.
    pub long_polls: Vec<String>,
    /// Templates with series of their own; 256 where it is 0.
    pub templates: u32,
}

/// A rule for lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct LogRule {
    /// Its name.
    pub name: String,
    /// Where fields come from.
    pub source: LogSource,
    /// The expression, where they come from one.
    pub expression: String,
    /// The field with the time.
    pub time_field: Option<String>,
    /// The layout of it.
    pub time_format: Option<String>,
    /// The offset of times without one.
    pub timezone: String,
    /// A field that is a list of `name=value`.
    pub each: Option<String>,
    /// Names in it that are passed over.
    pub each_skip: Vec<String>,
    /// What is counted.
    pub metrics: Vec<LogMetric>,
}

/// Where the fields of a line come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// The groups of an expression.
    #[default]
    Regex,
    /// The same with `%{NAME:group}` in it.
    Grok,
    /// `name=value` anywhere.
    KeyValue,
    /// A JSON object.
    Json,
}

/// A metric of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct LogMetric {
    /// Its name.
    pub name: String,
    /// Whether the distribution of values is kept, rather than how much came per second.
    pub percentiles: bool,
    /// `field` or `transform:field`.
    pub value: Option<String>,
    /// Percentiles to show, in hundredths of a percent.
    pub percents: Vec<u16>,
    /// Labels: name, and `=field` or text.
    pub labels: Vec<LogLabel>,
}

/// A label of a metric.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct LogLabel {
    /// Its name.
    pub name: String,
    /// `=field` or text.
    pub value: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_followed() {
        let rule = Some(LogRule::default());
        let log = |file: &str, rule: &Option<LogRule>| CollectedLog {
            file: file.into(),
            rule: rule.clone(),
            ..CollectedLog::default()
        };
        let collect = |log: CollectedLog| Collect { logs: vec![log], ..Collect::default() };
        assert!(collect(log("/a.log", &rule)).check().is_ok());
        assert!(collect(log("a.log", &rule)).check().is_err());
        assert!(collect(log("/a.log", &None)).check().is_err());
        let both = CollectedLog { access: Some(AccessLog::default()), ..log("/a.log", &rule) };
        assert!(collect(both).check().is_err());
        let many = LogRule { metrics: vec![LogMetric::default(); 65], ..LogRule::default() };
        assert!(collect(log("/a.log", &Some(many))).check().is_err());
    }

    #[test]
    fn an_empty_one_is_the_default() {
        assert_eq!(serde_json::from_str::<Collect>("{}").expect("all have defaults"), Collect::default());
        assert!(Collect::default().is_anything() && !Collect::nothing().is_anything());
    }
}
