//! The level of a line and its log code.

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the words are those of the logs")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

/// Words for levels.
const WORDS: &[(&str, Level)] = &[
    ("TRACE", Level::Trace),
    ("DEBUG", Level::Debug),
    ("INFO", Level::Info),
    ("NOTICE", Level::Info),
    ("WARN", Level::Warn),
    ("WARNING", Level::Warn),
    ("ERROR", Level::Error),
    ("ERR", Level::Error),
    ("SEVERE", Level::Error),
    ("CRITICAL", Level::Fatal),
    ("CRIT", Level::Fatal),
    ("ALERT", Level::Fatal),
    ("EMERG", Level::Fatal),
    ("FATAL", Level::Fatal),
    ("PANIC", Level::Fatal),
];
/// Levels stand at the start of lines.
const SEARCHED: usize = 256;

/// The level that a line names: a word in capitals, or any in `level=…`, `"level":"…"` and `[…]`. None where it names none.
#[must_use]
pub fn level(line: &[u8]) -> Option<Level> {
    let line = &line[..line.len().min(SEARCHED)];
    let is_letter = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let mut at = 0;
    while at < line.len() {
        let start = at + line[at..].iter().position(is_letter)?;
        let end = start + line[start..].iter().position(|b| !is_letter(b)).unwrap_or(line.len() - start);
        let word = &line[start..end];
        let found = WORDS.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(word));
        if let Some((_, level)) = found
            && (word.iter().all(u8::is_ascii_uppercase) || is_named(&line[..start], line.get(end)))
        {
            return Some(*level);
        }
        at = end;
    }
    None
}

/// Whether what stands before and behind a word says that it is a level.
fn is_named(before: &[u8], behind: Option<&u8>) -> bool {
    let before = before.strip_suffix(b"\"").unwrap_or(before).trim_ascii_end();
    match before.last() {
        Some(b'[') => behind == Some(&b']'),
        Some(b'=' | b':') => {
            let key = before[..before.len() - 1].trim_ascii_end();
            let key = key.strip_suffix(b"\"").unwrap_or(key);
            ["level", "lvl", "severity"].iter().any(|name| key.to_ascii_lowercase().ends_with(name.as_bytes()))
        }
        _ => false,
    }
}

/// The log code of a line, such as `PAY-CARD-000`: `[A-Z]+-[A-Z]+-` and three digits, on its own.
#[must_use]
pub fn code(line: &[u8]) -> Option<&str> {
    let part =
        |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_') || b.is_ascii_lowercase();
    let words = line.split(|b| !part(b));
    words.filter_map(|word| std::str::from_utf8(word).ok()).find(|word| is_code(word))
}

fn is_code(word: &str) -> bool {
    let capitals =
        |part: Option<&str>| part.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_uppercase()));
    let mut parts = word.split('-');
    capitals(parts.next())
        && capitals(parts.next())
        && parts.next().is_some_and(|p| p.len() == 3 && p.bytes().all(|b| b.is_ascii_digit()))
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_codes_of_lines() {
        let table = [
            ("2015-10-14 15:13:00,201 ERROR: [P-C-003] unhandled", Some(Level::Error), Some("P-C-003")),
            ("2015-10-21 10:47:10.532 [Grizzly-worker(14)] INFO response: 200", Some(Level::Info), None),
            (r#"{"ts":1,"level":"warn","msg":"an error"}"#, Some(Level::Warn), None),
            ("time=1 level=debug msg=x", Some(Level::Debug), None),
            ("2026/03/02 09:00:00 [error] 31#31: *1 upstream timed out", Some(Level::Error), None),
            ("no error was found, for your information", None, None),
            ("UTF-ABC-0012 UTF-8-123 A-B-123-4", None, None),
            ("(A-B-123)", None, Some("A-B-123")),
        ];
        for (line, expected, named) in table {
            assert_eq!((level(line.as_bytes()), code(line.as_bytes())), (expected, named), "{line}");
        }
    }
}
