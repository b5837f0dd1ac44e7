//! Logs as they are told, and as they are read.

use arachne_aggregate::access::Format;
use arachne_aggregate::access::job::Settings;
use arachne_aggregate::rules::{Each, Kind, LABEL_SETS_MAX, MetricSpec, RuleSpec, Rules, Source};
use arachne_collectors::logs::{LogSpec, What};
use arachne_delivery::instructions::{AccessLog, CollectedLog, LogMetric, LogRule, LogSource};

/// What is to be followed.
///
/// # Errors
/// A format or a rule that cannot be, with its file.
pub fn specs(logs: &[CollectedLog]) -> Result<Vec<LogSpec>, String> {
    logs.iter().map(|log| spec(log).map_err(|why| format!("collect.logs: {}: {why}", log.file))).collect()
}

fn spec(log: &CollectedLog) -> Result<LogSpec, String> {
    let what = match (&log.access, &log.rule) {
        (Some(access), _) => {
            let format = Box::new(Format::new(&access.format).map_err(|error| error.to_string())?);
            What::Access { format, settings: settings(access), hosts: Vec::new() }
        }
        (None, Some(told)) => {
            let rule = rule(told);
            Rules::new(std::slice::from_ref(&rule), LABEL_SETS_MAX, 0)
                .map_err(|errors| errors.iter().map(|(_, error)| error.to_string()).collect::<Vec<_>>().join("; "))?;
            What::Rules(vec![rule])
        }
        (None, None) => What::Rules(Vec::new()),
    };
    let labels = log.service.iter().map(|service| ("service".to_owned(), service.clone())).collect();
    Ok(LogSpec { pattern: log.file.clone(), labels, what })
}

fn settings(access: &AccessLog) -> Settings {
    let default = Settings::default();
    let or = |told: u64, default: i64| if told == 0 { default } else { i64::try_from(told).unwrap_or(i64::MAX) };
    let mut limits = default.thresholds;
    limits.fast_ns = or(access.fast_ns, limits.fast_ns);
    limits.slow_ns = or(access.medium_ns, limits.slow_ns);
    let templates_max = if access.templates == 0 { default.templates_max } else { access.templates as usize };
    Settings { thresholds: limits, templates_max, long_polls: access.long_polls.clone(), ..default }
}

fn rule(told: &LogRule) -> RuleSpec {
    RuleSpec {
        name: told.name.clone(),
        source: match told.source {
            LogSource::Regex => Source::Regex(told.expression.clone()),
            LogSource::Grok => Source::Grok(told.expression.clone()),
            LogSource::KeyValue => Source::KeyValue,
            LogSource::Json => Source::Json,
        },
        time_field: told.time_field.clone(),
        time_format: told.time_format.clone(),
        timezone: told.timezone.clone(),
        each: told.each.as_ref().map(|field| Each { field: field.clone(), skip: told.each_skip.clone() }),
        metrics: told.metrics.iter().map(metric).collect(),
    }
}

fn metric(told: &LogMetric) -> MetricSpec {
    MetricSpec {
        kind: if told.percentiles { Kind::Percentiles } else { Kind::Rate },
        name: told.name.clone(),
        value: told.value.clone(),
        percents: told.percents.clone(),
        labels: told.labels.iter().map(|label| (label.name.clone(), label.value.clone())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_log_is_told_with_its_file() {
        let access = |format: &str| CollectedLog {
            file: "/a.log".to_owned(),
            service: Some("shop".to_owned()),
            access: Some(AccessLog { format: format.to_owned(), fast_ns: 7, ..AccessLog::default() }),
            rule: None,
        };
        let spec = &specs(&[access("combined")]).expect("it is good")[0];
        assert!(matches!(&spec.what, What::Access { settings, .. } if settings.thresholds.fast_ns == 7));
        assert_eq!(spec.labels, [("service".to_owned(), "shop".to_owned())]);
        let error = specs(&[access("nothing")]).expect_err("it is no format");
        assert!(error.contains("/a.log") && error.contains("nothing"), "{error}");
        let rule = Some(LogRule { expression: "(".to_owned(), ..LogRule::default() });
        let error = specs(&[CollectedLog { access: None, rule, ..access("") }]).expect_err("it is no expression");
        assert!(error.contains("/a.log"), "{error}");
    }
}
