//! Whether an agent can do what it is told to: a bad configuration is refused here, with the reason and the place, and never
//! reaches an agent.

use std::path::Path;

use arachne_delivery::instructions::{AgentConfig, AgentLimits, Preview, Service};
use arachne_filter::{Settings, parse};
use arachne_model::table::{ExchangeRow, Row as _};

use crate::parts::CaptureFilter;
use crate::problem::{Mistake, MistakeFix, Problem};

/// Bytes of a filter.
const FILTER_BYTES_MAX: usize = 8 << 10;
/// Interfaces, files.
const NAMES_MAX: usize = 64;
/// Bytes of the name of an interface (IFNAMSIZ less its end).
const INTERFACE_BYTES_MAX: usize = 15;
/// Bytes of a path.
const PATH_BYTES_MAX: usize = 4095;
/// Tags, and bytes of each.
const TAGS_MAX: usize = 32;
const TAG_BYTES_MAX: usize = 64;
/// Rules of services and of redaction, and bytes of each text in them.
const RULES_MAX: usize = 1000;
const RULE_BYTES_MAX: usize = 255;
/// Seconds of a preview.
const PREVIEW_SECONDS_MAX: u32 = 60;

fn wrong(field: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new("bad-config", detail).at(field)
}

/// Whether `config` can be followed. `filter` judges filters of captures; without it only their length counts.
///
/// # Errors
/// The first part that cannot be, with the reason.
pub(crate) fn config(config: &AgentConfig, filter: Option<&dyn CaptureFilter>) -> Result<(), Problem> {
    if config.interfaces.is_empty() && config.files.is_empty() && config.capture {
        return Err(wrong("interfaces", "name at least one interface (`any` is all), or a file"));
    }
    interfaces(&config.interfaces)?;
    capture_filter("filter", &config.filter, filter)?;
    files(&config.files)?;
    keep(&config.save.keep)?;
    limits(&config.limits)?;
    services(&config.services)?;
    if config.redaction.names.len() > RULES_MAX || !config.redaction.names.iter().all(|name| is_word(name)) {
        let detail = format!("at most {RULES_MAX} names, each of 1 to {RULE_BYTES_MAX} bytes without blanks");
        return Err(wrong("redaction.names", detail));
    }
    if config.tags.len() > TAGS_MAX || !config.tags.iter().all(|tag| is_word(tag) && tag.len() <= TAG_BYTES_MAX) {
        let detail = format!("at most {TAGS_MAX} tags, each of 1 to {TAG_BYTES_MAX} bytes without blanks");
        return Err(wrong("tags", detail));
    }
    if config.until.is_some_and(|until| until <= 0) {
        return Err(wrong("until", "it is an instant in nanoseconds since 1970"));
    }
    Ok(())
}

/// Whether an agent can answer `preview`.
///
/// # Errors
/// As for [`config`].
pub(crate) fn preview(preview: &Preview, filter: Option<&dyn CaptureFilter>) -> Result<(), Problem> {
    if preview.interfaces.is_empty() {
        return Err(wrong("interfaces", "name at least one interface; `any` is all"));
    }
    interfaces(&preview.interfaces)?;
    if !(1..=PREVIEW_SECONDS_MAX).contains(&preview.seconds) {
        return Err(wrong("seconds", format!("it is 1 to {PREVIEW_SECONDS_MAX}")));
    }
    capture_filter("filter", &preview.filter, filter)
}

fn interfaces(names: &[String]) -> Result<(), Problem> {
    let odd = |name: &&String| {
        let strange = |byte: u8| byte == b'/' || !byte.is_ascii_graphic();
        name.is_empty() || name.len() > INTERFACE_BYTES_MAX || name.bytes().any(strange)
    };
    if let Some(name) = names.iter().find(odd) {
        let detail = format!(
            "`{}` is no name of an interface: 1 to {INTERFACE_BYTES_MAX} characters of ASCII without blanks and `/`",
            name.escape_debug()
        );
        return Err(wrong("interfaces", detail));
    }
    if names.len() > NAMES_MAX {
        return Err(wrong("interfaces", format!("at most {NAMES_MAX}; `any` is all")));
    }
    if names.len() > 1 && names.iter().any(|name| name == "any") {
        return Err(wrong("interfaces", "`any` stands alone: it is all interfaces"));
    }
    Ok(())
}

fn files(paths: &[String]) -> Result<(), Problem> {
    let odd = |path: &&String| {
        let long = path.len() > PATH_BYTES_MAX || path.contains('\0');
        long || !Path::new(path).is_absolute()
    };
    match paths.iter().find(odd) {
        Some(path) => Err(wrong("files", format!("`{}` is no absolute path on the agent's host", path.escape_debug()))),
        None if paths.len() > NAMES_MAX => Err(wrong("files", format!("at most {NAMES_MAX}"))),
        None => Ok(()),
    }
}

fn capture_filter(field: &'static str, text: &str, filter: Option<&dyn CaptureFilter>) -> Result<(), Problem> {
    if text.len() > FILTER_BYTES_MAX {
        return Err(wrong(field, format!("the filter is over {FILTER_BYTES_MAX} bytes")));
    }
    let Some(bad) = filter.and_then(|filter| filter.check(text).err()) else { return Ok(()) };
    let detail = bad.message.clone();
    let fixes = bad.fix.map(|fix| MistakeFix { label: format!("write `{fix}`"), replacement: fix });
    let mistake = Mistake {
        code: "bad-capture-filter",
        message: bad.message,
        span: bad.span.into(),
        fixes: fixes.into_iter().collect(),
    };
    Err(Problem { diagnostics: Box::new([mistake]), ..wrong(field, detail) })
}

fn keep(text: &str) -> Result<(), Problem> {
    if text.len() > FILTER_BYTES_MAX {
        return Err(wrong("save.keep", format!("the filter is over {FILTER_BYTES_MAX} bytes")));
    }
    let parsed = parse(text, ExchangeRow::TABLE, &Settings::default());
    if parsed.predicate.is_some() {
        return Ok(());
    }
    let detail = parsed.diagnostics.iter().map(|one| &*one.message).collect::<Vec<_>>().join("; ");
    let diagnostics = parsed.diagnostics.into_iter().map(Mistake::from).collect();
    Err(Problem { diagnostics, ..wrong("save.keep", detail) })
}

fn limits(limits: &AgentLimits) -> Result<(), Problem> {
    let AgentLimits { memory_bytes, ring_bytes, spool_bytes, body_bytes, .. } = *limits;
    let mib = 1_u64 << 20;
    for (field, value, least, most) in [
        ("limits.memory_bytes", memory_bytes, 32 * mib, 65_536 * mib),
        ("limits.ring_bytes", ring_bytes, mib, 4096 * mib),
        ("limits.spool_bytes", spool_bytes, 16 * mib, 1_048_576 * mib),
        ("limits.body_bytes", body_bytes, 0, 64 * mib),
        ("limits.threads", limits.threads.into(), 1, 64),
        ("limits.cpu_percent", limits.cpu_percent.into(), 0, 6400),
        ("limits.megabytes_per_minute", limits.megabytes_per_minute.into(), 0, 1_000_000),
    ] {
        if !(least..=most).contains(&value) {
            return Err(wrong(field, format!("it is {value}, and may be {least} to {most}")));
        }
    }
    if ring_bytes >= memory_bytes {
        return Err(wrong("limits.ring_bytes", "the ring is part of the memory: it must be smaller than memory_bytes"));
    }
    Ok(())
}

fn services(rules: &[Service]) -> Result<(), Problem> {
    let fits = |text: &String| (1..=RULE_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    let good = |rule: &Service| fits(&rule.name) && rule.host.iter().chain(&rule.path).all(fits);
    if rules.len() > RULES_MAX || !rules.iter().all(good) {
        let detail = format!("at most {RULES_MAX} rules; name, host and path are texts of 1 to {RULE_BYTES_MAX} bytes");
        return Err(wrong("services", detail));
    }
    Ok(())
}

fn is_word(text: &str) -> bool {
    (1..=RULE_BYTES_MAX).contains(&text.len()) && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use arachne_delivery::instructions::{Redaction, Save};

    use super::*;
    use crate::parts::BadCaptureFilter;

    struct Picky;

    impl CaptureFilter for Picky {
        fn check(&self, text: &str) -> Result<(), BadCaptureFilter> {
            match text.find("porf") {
                None => Ok(()),
                Some(at) => Err(BadCaptureFilter {
                    message: "`porf` is no keyword".to_owned(),
                    span: at..at + 4,
                    fix: Some("port".to_owned()),
                }),
            }
        }
    }

    fn refused(config: &AgentConfig) -> Problem {
        super::config(config, Some(&Picky)).expect_err("it cannot be followed")
    }

    #[test]
    fn the_default_can_be_followed() {
        assert_eq!(config(&AgentConfig::default(), Some(&Picky)), Ok(()));
        let stopped = AgentConfig { capture: false, interfaces: Vec::new(), ..AgentConfig::default() };
        assert_eq!(config(&stopped, None), Ok(()));
    }

    #[test]
    fn what_cannot_be_followed_names_its_place() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let default = AgentConfig::default;
        let limits = |limits| AgentConfig { limits, ..default() };
        let service = |name: &str| Service { name: name.to_owned(), ..Service::default() };
        for (bad, field) in [
            (AgentConfig { interfaces: texts(&[]), ..default() }, "interfaces"),
            (AgentConfig { interfaces: texts(&["any", "lo"]), ..default() }, "interfaces"),
            (AgentConfig { interfaces: texts(&["eth0; rm -rf"]), ..default() }, "interfaces"),
            (AgentConfig { interfaces: texts(&["0123456789abcdef"]), ..default() }, "interfaces"),
            (AgentConfig { files: texts(&["relative.pcap"]), ..default() }, "files"),
            (AgentConfig { filter: "x".repeat(9000), ..default() }, "filter"),
            (AgentConfig { tags: texts(&["two words"]), ..default() }, "tags"),
            (AgentConfig { until: Some(-1), ..default() }, "until"),
            (AgentConfig { services: vec![service("")], ..default() }, "services"),
            (
                AgentConfig { redaction: Redaction { names: texts(&[""]), ..Redaction::default() }, ..default() },
                "redaction.names",
            ),
            (limits(AgentLimits { threads: 0, ..AgentLimits::default() }), "limits.threads"),
            (limits(AgentLimits { ring_bytes: 1 << 30, ..AgentLimits::default() }), "limits.ring_bytes"),
            (limits(AgentLimits { memory_bytes: 1, ..AgentLimits::default() }), "limits.memory_bytes"),
        ] {
            let problem = refused(&bad);
            assert_eq!((problem.code, problem.field), ("bad-config", Some(field)), "{problem:?}");
        }
    }

    #[test]
    fn filters_are_judged_with_the_place_and_a_fix() {
        let bad = AgentConfig { filter: "tcp porf 80".to_owned(), ..AgentConfig::default() };
        let problem = refused(&bad);
        let mistake = &problem.diagnostics[0];
        assert_eq!((problem.field, mistake.span.start, mistake.span.end), (Some("filter"), 4, 8));
        assert_eq!(mistake.fixes[0].replacement, "port");
        let save = Save { keep: "duration:>500".to_owned(), ..Save::default() };
        let problem = refused(&AgentConfig { save, ..AgentConfig::default() });
        assert_eq!((problem.field, problem.diagnostics.is_empty()), (Some("save.keep"), false));
    }

    #[test]
    fn previews() {
        let good = Preview { interfaces: vec!["any".to_owned()], seconds: 5, ..Preview::default() };
        assert_eq!(preview(&good, Some(&Picky)), Ok(()));
        for (bad, field) in [
            (Preview { seconds: 0, ..good.clone() }, "seconds"),
            (Preview { seconds: 61, ..good.clone() }, "seconds"),
            (Preview { interfaces: Vec::new(), ..good.clone() }, "interfaces"),
            (Preview { filter: "porf".to_owned(), ..good }, "filter"),
        ] {
            assert_eq!(preview(&bad, Some(&Picky)).expect_err("it is bad").field, Some(field));
        }
    }
}
