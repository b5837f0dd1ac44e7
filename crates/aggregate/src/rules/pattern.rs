//! One expression compiled for lines: on bytes, only with the groups that are asked for, and as a one-pass DFA where it
//! can be one.
//!
//! A one-pass DFA finds all groups in one walk but must know where to start. So it is tried at column 0 first, which is
//! where log lines match: the leftmost match that starts there is the one that a search would find. Only where that fails
//! the general engine searches on, so nothing matches differently.

use regex_automata::dfa::onepass;
use regex_automata::meta;
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input};
use regex_syntax::hir::{Capture, Hir, HirKind};

/// Groups of an expression at most.
pub const GROUPS_MAX: usize = 64;
/// Bytes that a compiled expression may take, in each of its forms.
const COMPILED_BYTES_MAX: usize = 4 << 20;
/// Shorter texts route too many lines to be worth a search.
const LITERAL_BYTES_MIN: usize = 2;

/// How lines are read, fastest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Taken apart without an expression.
    Split,
    /// A one-pass DFA.
    OnePass,
    /// A search by the general engine.
    General,
}

impl Tier {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::OnePass => "one-pass",
            Self::General => "general",
        }
    }
}

/// An expression that is none, or too much of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// What is wrong and what to do.
    pub message: String,
    /// The byte of the expression where it is wrong.
    pub offset: Option<usize>,
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    onepass: Option<(onepass::DFA, onepass::Cache)>,
    general: meta::Regex,
    /// For each field that was asked for, its group.
    groups: Vec<usize>,
    slots: Vec<Option<NonMaxUsize>>,
    /// A text that is in every line that matches.
    pub(crate) literal: Option<Vec<u8>>,
    /// Why it is no faster.
    pub(crate) slow: Vec<String>,
    hir: Hir,
}

impl Pattern {
    /// Compiles an expression; `fields` are the groups that are wanted, all of which it must have.
    pub(crate) fn new(text: &str, fields: &[String]) -> Result<Self, PatternError> {
        let mut slow = Vec::new();
        let whole = parse(text, &mut slow)?;
        if whole.properties().explicit_captures_len() > GROUPS_MAX {
            return Err(PatternError { message: format!("more than {GROUPS_MAX} groups"), offset: None });
        }
        let mut names = Vec::new();
        let hir = keep(whole, fields, &mut names);
        let group = |field: &String| match names.iter().position(|name| name == field) {
            Some(at) => Ok(at + 1),
            None => Err(PatternError {
                message: format!("has no group (?P<{field}>…), which a metric or label names"),
                offset: None,
            }),
        };
        let groups = fields.iter().map(group).collect::<Result<Vec<_>, _>>()?;
        let onepass = match one_pass(&hir) {
            Ok(dfa) => {
                let cache = dfa.create_cache();
                Some((dfa, cache))
            }
            Err(reason) => {
                slow.push(reason);
                None
            }
        };
        let literal = literal(&hir).filter(|literal| literal.len() >= LITERAL_BYTES_MIN);
        if literal.is_none() {
            slow.push("no text that every match has: it is tried on each line".to_owned());
        }
        let general = general(&hir)?;
        let slots = vec![None; 2 * (names.len() + 1)];
        Ok(Self { onepass, general, groups, slots, literal, slow, hir })
    }

    pub(crate) fn tier(&self) -> Tier {
        if self.onepass.is_some() { Tier::OnePass } else { Tier::General }
    }

    /// Finds the first match and puts the fields into `out`; None for a group that took no part. Whether it matched at all.
    pub(crate) fn read<'a>(&mut self, line: &'a [u8], out: &mut Vec<Option<&'a [u8]>>) -> bool {
        let mut matched = false;
        if let Some((dfa, cache)) = &mut self.onepass {
            let input = Input::new(line).anchored(Anchored::Yes);
            matched = dfa.try_search_slots(cache, &input, &mut self.slots).is_ok_and(|found| found.is_some());
        }
        if !matched {
            matched = self.general.search_slots(&Input::new(line), &mut self.slots).is_some();
        }
        out.clear();
        if matched {
            out.extend(self.groups.iter().map(|group| {
                let (start, end) = (self.slots[2 * group]?, self.slots[2 * group + 1]?);
                line.get(start.get()..end.get())
            }));
        }
        matched
    }

    /// How far into a line that does not match the expression goes: the share of its parts that match, and the part that
    /// does not. For explanations: it compiles anew.
    pub(crate) fn reach(&self, line: &[u8]) -> (f64, String) {
        let HirKind::Concat(parts) = self.hir.kind() else { return (0.0, self.hir.to_string()) };
        for count in (1..parts.len()).rev() {
            let Ok(start) = general(&Hir::concat(parts[..count].to_vec())) else { continue };
            if start.is_match(line) {
                return (count as f64 / parts.len() as f64, parts[count].to_string());
            }
        }
        (0.0, parts.first().map_or_else(String::new, ToString::to_string))
    }
}

/// Parses for bytes; only where an expression needs Unicode for Unicode.
fn parse(text: &str, slow: &mut Vec<String>) -> Result<Hir, PatternError> {
    match parsed(text, false) {
        Ok(hir) => Ok(hir),
        Err(first) => match parsed(text, true) {
            Ok(hir) => {
                slow.push("a class of letters that are not ASCII".to_owned());
                Ok(hir)
            }
            Err(_) => Err(explained(&first)),
        },
    }
}

fn parsed(text: &str, unicode: bool) -> Result<Hir, Box<regex_syntax::Error>> {
    regex_syntax::ParserBuilder::new().unicode(unicode).utf8(false).build().parse(text).map_err(Box::new)
}

fn explained(error: &regex_syntax::Error) -> PatternError {
    let (message, offset) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.span().start.offset),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), error.span().start.offset),
        other => return PatternError { message: other.to_string(), offset: None },
    };
    PatternError { message, offset: Some(offset) }
}

/// The expression with only the groups that are wanted, numbered anew in their order; their names.
fn keep(hir: Hir, wanted: &[String], names: &mut Vec<String>) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Repetition(mut repetition) => {
            repetition.sub = Box::new(keep(*repetition.sub, wanted, names));
            Hir::repetition(repetition)
        }
        HirKind::Capture(capture) => match capture.name {
            Some(name) if wanted.iter().any(|wanted| **wanted == *name) => {
                names.push(name.to_string());
                let index = u32::try_from(names.len()).unwrap_or(u32::MAX);
                let sub = Box::new(keep(*capture.sub, wanted, names));
                Hir::capture(Capture { index, name: Some(name), sub })
            }
            _ => keep(*capture.sub, wanted, names),
        },
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(|part| keep(part, wanted, names)).collect()),
        HirKind::Alternation(parts) => {
            Hir::alternation(parts.into_iter().map(|part| keep(part, wanted, names)).collect())
        }
    }
}

fn one_pass(hir: &Hir) -> Result<onepass::DFA, String> {
    let config = thompson::Config::new().utf8(false).nfa_size_limit(Some(COMPILED_BYTES_MAX));
    let nfa = thompson::Compiler::new().configure(config).build_from_hir(hir).map_err(|error| error.to_string())?;
    let config = onepass::Config::new().size_limit(Some(COMPILED_BYTES_MAX));
    onepass::Builder::new().configure(config).build_from_nfa(nfa).map_err(|_| {
        "two ways to go on at some byte (`.*` or `\\S+` before a text that it may hold too, `.*?`): it cannot be one-pass; \
         say what cannot be in it, such as [^:]+"
            .to_owned()
    })
}

fn general(hir: &Hir) -> Result<meta::Regex, PatternError> {
    let config = meta::Config::new()
        .utf8_empty(false)
        .nfa_size_limit(Some(COMPILED_BYTES_MAX))
        .hybrid_cache_capacity(COMPILED_BYTES_MAX);
    let built = meta::Builder::new().configure(config).build_from_hir(hir);
    built.map_err(|error| PatternError {
        message: format!(
            "takes more than {COMPILED_BYTES_MAX} bytes when it is compiled: make its repetitions shorter ({error})"
        ),
        offset: None,
    })
}

/// The longest text that every match holds.
fn literal(hir: &Hir) -> Option<Vec<u8>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(literal.0.to_vec()),
        HirKind::Capture(capture) => literal(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => literal(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().filter_map(literal).max_by_key(Vec::len),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str, fields: &[&str]) -> Pattern {
        let fields: Vec<_> = fields.iter().map(|field| (*field).to_owned()).collect();
        Pattern::new(text, &fields).expect("the test has a good expression")
    }

    fn found(text: &str, fields: &[&str], line: &[u8]) -> Option<Vec<Option<String>>> {
        let mut out = Vec::new();
        let shown = |part: &Option<&[u8]>| part.map(|part| String::from_utf8_lossy(part).into_owned());
        pattern(text, fields).read(line, &mut out).then(|| out.iter().map(shown).collect())
    }

    #[test]
    fn the_expression_of_the_article_is_one_pass_and_routed() {
        let text = r"(?P<datetime>\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}),\d+ [^:]+: applied XSL (?P<xsl_file>\S+) in (?P<xsl_time>\d+\.\d+)ms";
        let one = pattern(text, &["xsl_time", "xsl_file"]);
        assert_eq!((one.tier(), one.slow.is_empty()), (Tier::OnePass, true));
        assert_eq!(one.literal.as_deref(), Some(b": applied XSL ".as_slice()));
        let line = b"2015-10-14 15:12:00,865 INFO: applied XSL ambient/view.xsl in 22.50ms";
        let expected = Some(vec![Some("22.50".to_owned()), Some("ambient/view.xsl".to_owned())]);
        assert_eq!(found(text, &["xsl_time", "xsl_file"], line), expected);
        let behind: Vec<u8> = [b"\xff\xfe app: ", line.as_slice()].concat();
        assert_eq!(found(text, &["xsl_time", "xsl_file"], &behind), expected);
        let (reach, missing) = one.reach(b"2015-10-14 15:12:00,865 INFO: applied XSL ambient/view.xsl took 22.50ms");
        assert!(reach > 0.5 && missing.contains("in"), "{reach} {missing}");
    }

    #[test]
    fn what_is_slow_says_why() {
        assert_eq!(pattern(r"(?P<a>.*?) x(?P<b>.*)", &["a", "b"]).tier(), Tier::General);
        let one = pattern(r"(?i)(?P<a>\d+)", &["a"]);
        assert_eq!((one.literal.clone(), one.slow.len()), (None, 1));
        assert_eq!(found("(?P<a>x)?y", &["a"], b"y"), Some(vec![None]));
        assert_eq!(found("[а-я]+ (?P<a>.)", &["a"], "привет \u{1}".as_bytes()), Some(vec![Some("\u{1}".to_owned())]));
    }

    #[test]
    fn what_is_no_expression_says_where() {
        let error = |text: &str, field: &str| Pattern::new(text, &[field.to_owned()]).expect_err("it is none");
        assert_eq!(error("ab(c", "x").offset, Some(2));
        assert!(error("abc", "x").message.contains("(?P<x>"));
        assert!(error("((a{500}){500}){500}", "x").message.contains("x"));
        assert!(Pattern::new("((a{500}){500}){500}", &[]).is_err());
        assert!(error(&"(a)".repeat(65), "x").message.contains("64"));
    }
}
