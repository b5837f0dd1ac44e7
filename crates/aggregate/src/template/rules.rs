//! Configured rules: patterns of whole paths that win over the built-in rules.

use std::fmt;

use super::TEMPLATE_BYTES_MAX;

/// A pattern and what the paths become that match it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// A path of segments: text that must be equal as sent, `*` or `{name}` for one segment that is not empty, and `**`
    /// at the end for any rest or none. Example: `/users/{user}/orders/**`.
    pub pattern: String,
    /// What the path becomes; the pattern itself when absent. At most 200 bytes.
    pub template: Option<String>,
}

impl Rule {
    /// Whether it says something sensible.
    ///
    /// # Errors
    /// [`RuleError`].
    pub fn check(&self) -> Result<(), RuleError> {
        compile(self.clone()).map(drop)
    }

    /// Whether each path that `later` matches is matched by this rule, too: behind it, `later` is never used. Of senseless rules
    /// nothing is said.
    #[must_use]
    pub fn covers(&self, later: &Self) -> bool {
        let (Ok(earlier), Ok(later)) = (compile(self.clone()), compile(later.clone())) else { return false };
        let mut later = later.pattern.iter();
        for part in &earlier.pattern {
            let covered = match (part, later.next()) {
                (Part::Rest, _) => return true,
                (Part::One, Some(Part::Text(text))) => !text.is_empty(),
                (part, other) => Some(part) == other,
            };
            if !covered {
                return false;
            }
        }
        later.next().is_none()
    }
}

/// A rule that says nothing sensible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleError {
    /// The pattern or template does not start with `/`.
    NoSlash(String),
    /// `**` is not the last segment.
    RestNotLast(String),
    /// `*`, `{` or `}` within a segment, where they would stand for nothing.
    PartOfSegment(String),
    /// Query, fragment or control characters, which no path has.
    NotAPath(String),
    /// A template of more than 200 bytes.
    TooLong(String),
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSlash(text) => write!(
                f,
                "{text:?} does not start with /: write the whole path, such as /{}",
                text.trim_start_matches('/')
            ),
            Self::RestNotLast(text) => write!(f, "{text:?} goes on behind **, which stands for the whole rest"),
            Self::PartOfSegment(text) => {
                write!(f, "{text:?} has a placeholder for part of a segment: use one for all of it")
            }
            Self::NotAPath(text) => write!(f, "{text:?} has ?, # or a control character, which no path has"),
            Self::TooLong(text) => write!(f, "the template {text:?} is longer than {TEMPLATE_BYTES_MAX} bytes"),
        }
    }
}

impl std::error::Error for RuleError {}

/// Rules ready for use.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    rules: Vec<Compiled>,
    /// Templates of all rules, sorted: each is its own template.
    templates: Vec<String>,
}

#[derive(Clone, Debug)]
struct Compiled {
    /// The pattern up to the first placeholder: most rules are passed over by it.
    prefix: String,
    pattern: Vec<Part>,
    source: Rule,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    One,
    Rest,
}

impl Rules {
    pub(super) fn new(rules: Vec<Rule>) -> Result<Self, RuleError> {
        Ok(Self::of(rules.into_iter().map(compile).collect::<Result<_, _>>()?))
    }

    /// Without those that say nothing sensible.
    pub(super) fn lenient(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self::of(rules.into_iter().filter_map(|rule| compile(rule).ok()).collect())
    }

    fn of(rules: Vec<Compiled>) -> Self {
        let mut templates: Vec<_> = rules.iter().map(|rule| rule.template().to_owned()).collect();
        templates.sort_unstable();
        Self { rules, templates }
    }

    /// The template of the first rule that matches, or `path` when it is the template of a rule.
    pub(super) fn find<'a>(&'a self, path: &str) -> Option<&'a str> {
        if self.rules.is_empty() {
            return None;
        }
        if let Ok(at) = self.templates.binary_search_by(|template| template.as_str().cmp(path)) {
            return Some(&self.templates[at]);
        }
        self.rules.iter().find(|rule| rule.matches(path)).map(Compiled::template)
    }

    /// FNV-1a, 64 bits.
    pub(super) fn fingerprint(&self, version: u32) -> u64 {
        let texts = self.rules.iter().flat_map(|rule| [rule.source.pattern.as_str(), rule.template()]);
        // 0xff is in no UTF-8 and ends each text.
        let bytes = texts.flat_map(|text| text.bytes().chain([0xff]));
        version
            .to_le_bytes()
            .into_iter()
            .chain(bytes)
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    }
}

impl Compiled {
    fn template(&self) -> &str {
        self.source.template.as_ref().unwrap_or(&self.source.pattern)
    }

    fn matches(&self, path: &str) -> bool {
        if !path.starts_with(&self.prefix) {
            return false;
        }
        let mut segments = path.split('/').skip(1);
        for part in &self.pattern {
            let fits = match (part, segments.next()) {
                (Part::Rest, _) => return true,
                (Part::Text(text), segment) => segment == Some(text),
                (Part::One, segment) => segment.is_some_and(|segment| !segment.is_empty()),
            };
            if !fits {
                return false;
            }
        }
        segments.next().is_none()
    }
}

fn compile(rule: Rule) -> Result<Compiled, RuleError> {
    for text in std::iter::once(&rule.pattern).chain(&rule.template) {
        if !text.starts_with('/') {
            return Err(RuleError::NoSlash(text.clone()));
        }
        if text.contains(|c: char| c.is_control() || c == '?' || c == '#') {
            return Err(RuleError::NotAPath(text.clone()));
        }
    }
    let pattern = rule.pattern.split('/').skip(1).map(|segment| part(segment, &rule)).collect::<Result<Vec<_>, _>>()?;
    if pattern.iter().rev().skip(1).any(|part| *part == Part::Rest) {
        return Err(RuleError::RestNotLast(rule.pattern));
    }
    let template = rule.template.as_ref().unwrap_or(&rule.pattern);
    if template.len() > TEMPLATE_BYTES_MAX {
        return Err(RuleError::TooLong(template.clone()));
    }
    let texts = pattern.iter().map_while(|part| if let Part::Text(text) = part { Some(text) } else { None });
    let prefix = texts.fold(String::new(), |prefix, text| prefix + "/" + text);
    Ok(Compiled { prefix, pattern, source: rule })
}

fn part(segment: &str, rule: &Rule) -> Result<Part, RuleError> {
    let inside = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    match (segment, inside) {
        ("**", _) => Ok(Part::Rest),
        ("*", _) => Ok(Part::One),
        (_, Some(name)) if !name.contains(['{', '}', '*']) => Ok(Part::One),
        _ if segment.contains(['{', '}', '*']) => Err(RuleError::PartOfSegment(rule.pattern.clone())),
        _ => Ok(Part::Text(segment.to_owned())),
    }
}
