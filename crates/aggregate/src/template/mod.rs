//! The URL normaliser: of the many paths that one piece of code answers, one template.
//!
//! `template = f(path, rules)`, so stored data can be normalised again when rules change: a result is valid for the
//! [`VERSION`] of the built-in rules and the [`Normaliser::fingerprint`] of the whole set. A template is its own template.
//!
//! Built in: query and fragment go, matrix parameters (`;jsessionid=…`) go with them; each segment is judged by its shape
//! alone (`segment`), never by what was seen before; depth and length are capped with `{…}` for the rest. An absolute URL
//! stands for its path, `*` and `host:port` stay. Configured rules win over all of it.
//!
//! Which words are names is learned from many paths together ([`learn`]) and then a rule like others: configured ones come before it.
//! It does not join `/a` and `/a/`, which a server may answer differently.

pub mod learn;
mod rules;
mod segment;
mod shape;

use std::collections::BTreeMap;

use learn::Position;
use rules::Rules;
pub use rules::{Rule, RuleError};

/// Rises when the built-in rules give another template for any path.
pub const VERSION: u32 = 1;
/// Bytes of a template at most. Policy: the segment that does not fit becomes `{…}` and ends it.
pub const TEMPLATE_BYTES_MAX: usize = 200;
/// Segments of a template at most. Policy: `{…}` stands for the rest.
pub const DEPTH_MAX: usize = 12;

/// What stands for the rest of a path.
const REST: &str = "/{…}";

/// What a learned name becomes.
const NAME: &str = "{word}";

/// The built-in rules and those of one installation.
#[derive(Clone, Debug, Default)]
pub struct Normaliser {
    rules: Rules,
    /// Words that stay, by the template before the position of names.
    learned: BTreeMap<String, Vec<String>>,
    /// Version of the set: of what was learned, and of the configured rules that went with it.
    version: u32,
}

impl Normaliser {
    /// Puts `rules` before the built-in ones; of several that match, the first counts.
    ///
    /// # Errors
    /// [`RuleError`] for the first rule that says nothing sensible.
    pub fn new(rules: Vec<Rule>) -> Result<Self, RuleError> {
        Ok(Self { rules: Rules::new(rules)?, ..Self::default() })
    }

    /// The same with other configured rules: those of `rules` that say something sensible.
    #[must_use]
    pub fn with_rules(self, rules: impl IntoIterator<Item = Rule>) -> Self {
        Self { rules: Rules::lenient(rules), ..self }
    }

    /// The same with what was learned: the set of this `version`, 0 for none.
    #[must_use]
    pub fn with_learned(self, version: u32, positions: Vec<Position>) -> Self {
        let kept = |mut position: Position| {
            position.kept.sort_unstable();
            (position.prefix, position.kept)
        };
        Self { learned: positions.into_iter().map(kept).collect(), version, ..self }
    }

    /// Names the rules that rows are made by: the version of those of the installation (24 bits), and [`VERSION`] (8 bits).
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version << 8 | VERSION
    }

    /// Names the whole set of rules: 64-bit FNV-1a over [`Self::version`] and the configured rules in their order.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.rules.fingerprint(self.version())
    }

    /// Replaces `out` by the template of `target`, a request target of any form. At most [`TEMPLATE_BYTES_MAX`] bytes,
    /// without control characters. Allocates nothing once `out` is large enough.
    pub fn normalise(&self, target: &str, out: &mut String) {
        out.clear();
        let end = target.find(['?', '#']).unwrap_or(target.len());
        let path = path_of(&target[..end]);
        if path == "*" || is_authority(path) {
            out.push_str(path);
        } else if let Some(template) = self.rules.find(path) {
            out.push_str(template);
        } else {
            write(path, &self.learned, out);
        }
    }
}

/// The path of a URL with a scheme; anything else as it is.
fn path_of(target: &str) -> &str {
    if target.starts_with('/') {
        return target;
    }
    match target.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) => {
            rest.find('/').map_or("/", |slash| &rest[slash..])
        }
        _ => target,
    }
}

/// `host:port`, the target of CONNECT.
fn is_authority(target: &str) -> bool {
    target.len() <= TEMPLATE_BYTES_MAX
        && target.rsplit_once(':').is_some_and(|(host, port)| {
            (1..=5).contains(&port.len())
                && port.bytes().all(|b| b.is_ascii_digit())
                && !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
        })
}

fn write(path: &str, learned: &BTreeMap<String, Vec<String>>, out: &mut String) {
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').enumerate().peekable();
    while let Some((depth, segment)) = segments.next() {
        let mark = out.len();
        if depth < DEPTH_MAX {
            let kept = if learned.is_empty() { None } else { learned.get(out.as_str()) };
            out.push('/');
            segment::write(segment.split(';').next().unwrap_or_default(), out);
            let word = &out[mark + 1..];
            if learn::is_word(word)
                && kept.is_some_and(|kept| kept.binary_search_by(|known| known.as_str().cmp(word)).is_err())
            {
                out.truncate(mark + 1);
                out.push_str(NAME);
            }
            // Room stays for the sign that something is missing.
            let room = if segments.peek().is_none() { 0 } else { REST.len() };
            if out.len() + room <= TEMPLATE_BYTES_MAX {
                continue;
            }
        }
        out.truncate(mark);
        out.push_str(REST);
        break;
    }
}

#[cfg(test)]
mod tests;
