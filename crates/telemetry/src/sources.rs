//! Checks of source texts against the table: which codes they name, and which codes nobody names.
//!
//! The caller reads the files, so these are plain functions for tests and for `xtask`.

use crate::LogCode;
use crate::codes::ALL;

/// What looks like a log code in `source` (`[A-Z]{3,}-[A-Z]+-\d{3}` as a whole word), in order, with repeats.
pub fn literals(source: &str) -> impl Iterator<Item = &str> {
    source.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))).filter(|word| is_code(word))
}

/// Whether `word` is formed as a log code is.
#[must_use]
pub fn is_code(word: &str) -> bool {
    let upper = |part: &str, least: usize| part.len() >= least && part.bytes().all(|b| b.is_ascii_uppercase());
    let mut parts = word.split('-');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(service), Some(feature), Some(number), None) => {
            upper(service, 3)
                && upper(feature, 1)
                && number.len() == 3
                && number.bytes().all(|b| b.is_ascii_digit())
                && number != "000"
        }
        _ => false,
    }
}

/// The codes in `source` that are not in the table.
pub fn unknown(source: &str) -> impl Iterator<Item = &str> {
    literals(source).filter(|id| LogCode::find(id).is_none())
}

/// The live codes that none of `sources` names, neither by its id nor by its constant.
///
/// Given the sources of all crates but this one, these are the codes that nobody emits.
pub fn unnamed<S: AsRef<str>>(sources: impl IntoIterator<Item = S>) -> Vec<&'static LogCode> {
    let mut missing: Vec<_> = ALL.iter().filter(|code| code.retired.is_none()).collect();
    for source in sources {
        let source = source.as_ref();
        missing.retain(|code| !source.contains(code.id) && !source.contains(code.constant));
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::{is_code, literals, unknown, unnamed};
    use crate::codes::ALL;

    #[test]
    fn codes_are_told_from_other_words() {
        for (word, expected) in [
            ("READ-FILE-001", true),
            ("XXX-A-999", true),
            ("READ-FILE-000", false),
            ("READ-FILE-01", false),
            ("READ-FILE-0001", false),
            ("RE-FILE-001", false),
            ("READ-FILE", false),
            ("READ-file-001", false),
            ("READ-FILE-001-X", false),
            ("UTF-8", false),
        ] {
            assert_eq!(is_code(word), expected, "{word}");
        }
        let source = "emit(\"READ-FILE-001\"); // see XXX-NONE-777, not my_READ-FILE-002";
        assert_eq!(literals(source).collect::<Vec<_>>(), ["READ-FILE-001", concat!("XXX-NONE", "-777")]);
        assert_eq!(unknown(source).count(), 1);
    }

    #[test]
    fn a_code_is_named_by_its_id_or_its_constant() {
        let all = unnamed([""; 0]).len();
        assert_eq!(unnamed(["codes::READ_FILE_001", "\"READ-NET-002\""]).len(), all - 2);
        assert_eq!(all, ALL.iter().filter(|code| code.retired.is_none()).count());
    }
}
