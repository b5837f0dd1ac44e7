//! Whether an agent can do what it is told to: a bad configuration is refused here, with the reason and the place, and never
//! reaches an agent. The rules are those of [`AgentConfig::wrongs`]; here filters are judged beside them.

use arachne_delivery::instructions::{AgentConfig, Preview, Wrong, filter_length, interfaces};
use arachne_filter::{Settings, parse};
use arachne_model::table::{ExchangeRow, Row as _};

use crate::parts::CaptureFilter;
use crate::problem::{Mistake, MistakeFix, Problem};

/// Seconds of a preview.
const PREVIEW_SECONDS_MAX: u32 = 60;

fn wrong(field: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new("bad-config", detail).at(field)
}

fn problem(Wrong { field, detail }: Wrong) -> Problem {
    wrong(field, detail)
}

/// Whether `config` can be followed. `filter` judges filters of captures; without it only their length counts.
///
/// # Errors
/// The first part that cannot be, with the reason.
pub(crate) fn config(config: &AgentConfig, filter: Option<&dyn CaptureFilter>) -> Result<(), Problem> {
    config.wrongs().into_iter().next().map_or(Ok(()), |wrong| Err(problem(wrong)))?;
    capture_filter("filter", &config.filter, filter)?;
    keep(&config.save.keep)
}

/// Whether an agent can answer `preview`.
///
/// # Errors
/// As for [`config`].
pub(crate) fn preview(preview: &Preview, filter: Option<&dyn CaptureFilter>) -> Result<(), Problem> {
    if preview.interfaces.is_empty() {
        return Err(wrong("interfaces", "name at least one interface; `any` is all"));
    }
    interfaces(&preview.interfaces).map_err(problem)?;
    if !(1..=PREVIEW_SECONDS_MAX).contains(&preview.seconds) {
        return Err(wrong("seconds", format!("it is 1 to {PREVIEW_SECONDS_MAX}")));
    }
    filter_length("filter", &preview.filter).map_err(problem)?;
    capture_filter("filter", &preview.filter, filter)
}

fn capture_filter(field: &'static str, text: &str, filter: Option<&dyn CaptureFilter>) -> Result<(), Problem> {
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
    let parsed = parse(text, ExchangeRow::TABLE, &Settings::default());
    if parsed.predicate.is_some() {
        return Ok(());
    }
    let detail = parsed.diagnostics.iter().map(|one| &*one.message).collect::<Vec<_>>().join("; ");
    let diagnostics = parsed.diagnostics.into_iter().map(Mistake::from).collect();
    Err(Problem { diagnostics, ..wrong("save.keep", detail) })
}

#[cfg(test)]
mod tests {
    use arachne_delivery::instructions::{AgentLimits, Save};

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
    fn what_cannot_be_followed_names_its_place() {
        assert_eq!(config(&AgentConfig::default(), Some(&Picky)), Ok(()));
        let limits = AgentLimits { threads: 0, ..AgentLimits::default() };
        let problem = refused(&AgentConfig { limits, ..AgentConfig::default() });
        assert_eq!((problem.code, problem.field), ("bad-config", Some("limits.threads")));
        assert!(problem.detail.contains("1 to 64"), "{problem:?}");
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
