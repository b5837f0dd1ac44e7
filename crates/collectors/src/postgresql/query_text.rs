//! The text of a statement as a label: without comments, without constants, on one line, cut.
//!
//! `pg_stat_statements` replaces constants of most statements; utility statements keep theirs before PostgreSQL 16, passwords
//! included. So everything that could be one is replaced here once more, whatever the server did.

/// Bytes of a text as a label of everything that is measured of a statement.
pub(super) const TEXT_BYTES_MAX: usize = 200;
/// Bytes of a text where it is told once, to be read and copied.
pub(super) const WHOLE_BYTES_MAX: usize = 4096;

/// What stands for a constant.
const CONSTANT: &str = "?";

/// The beginning of a text, as a label.
pub(super) fn cut(text: &str) -> &str {
    text[..text.floor_char_boundary(TEXT_BYTES_MAX)].trim_end()
}

/// The text as a label, whole up to [`WHOLE_BYTES_MAX`].
pub(super) fn whole(text: &str) -> String {
    clean(text, |_| CONSTANT.to_owned())
}

/// The same of a text as the client sent it: constants have the numbers that `pg_stat_statements` gives to most of them, so that
/// a statement is called alike before and after it first ended.
pub(super) fn sent(text: &str) -> String {
    let numbers = text.split('$').skip(1).filter_map(|rest| {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse::<usize>().ok()
    });
    let first = numbers.max().unwrap_or(0);
    clean(text, |at| format!("${}", first.saturating_add(at)))
}

/// Without comments, on one line; `constant` says what stands for the first constant, the second, ….
///
/// Source: PostgreSQL documentation, 4.1 Lexical Structure. A text that is cut in the middle of a constant or comment ends there.
fn clean(text: &str, constant: impl Fn(usize) -> String) -> String {
    let mut constants = 0;
    let mut constant = move || {
        constants += 1;
        constant(constants)
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if out.len() >= WHOLE_BYTES_MAX {
            break;
        }
        let word = &rest[..word_length(rest)];
        let after_word = &rest[word.len()..];
        if first.is_whitespace() {
            blank(&mut out);
            rest = rest.trim_start();
        } else if let Some(end) = comment(rest) {
            blank(&mut out);
            rest = end;
        } else if first == '"' {
            let length = quoted(&rest[1..], '"', false) + 1;
            out.extend(rest[..length].chars().map(|letter| if letter.is_control() { ' ' } else { letter }));
            rest = &rest[length..];
        } else if let Some(end) = dollar_quoted(rest) {
            out.push_str(&constant());
            rest = end;
        } else if first == '\'' || (after_word.starts_with('\'') && is_prefix(word)) {
            let at = if first == '\'' { 0 } else { word.len() };
            let escapes = word.eq_ignore_ascii_case("e");
            out.push_str(&constant());
            rest = &rest[at + 1 + quoted(&rest[at + 1..], '\'', escapes)..];
        } else if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|next: char| next.is_ascii_digit()))
        {
            out.push_str(&constant());
            rest = &rest[number_length(rest)..];
        } else if word.is_empty() {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.push_str(word);
            rest = after_word;
        }
    }
    out.truncate(out.floor_char_boundary(WHOLE_BYTES_MAX));
    out.truncate(out.trim_end().len());
    out
}

fn blank(out: &mut String) {
    if !out.is_empty() && !out.ends_with(' ') {
        out.push(' ');
    }
}

/// Letters, digits, `_` and `$` from a letter, `_` or, for parameters, `$` on.
fn word_length(text: &str) -> usize {
    if !text.starts_with(|first: char| first.is_alphabetic() || first == '_' || first == '$') {
        return 0;
    }
    text.find(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '$').unwrap_or(text.len())
}

/// What stands before a quote belongs to the constant.
fn is_prefix(word: &str) -> bool {
    ["e", "b", "x", "n"].iter().any(|prefix| word.eq_ignore_ascii_case(prefix))
}

/// What follows a comment, where one begins here; block comments nest.
fn comment(text: &str) -> Option<&str> {
    if text.starts_with("--") {
        return Some(text.find('\n').map_or("", |end| &text[end..]));
    }
    let mut rest = text.strip_prefix("/*")?;
    let mut depth = 1;
    while depth > 0 {
        let Some(at) = rest.find(['*', '/']) else { return Some("") };
        rest = &rest[at..];
        depth = match rest.get(..2) {
            Some("*/") => depth - 1,
            Some("/*") => depth + 1,
            _ => {
                rest = &rest[1..];
                continue;
            }
        };
        rest = &rest[2..];
    }
    Some(rest)
}

/// How long what is quoted is, from behind the first quote to behind the last. A doubled quote goes on.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' && escapes {
            letters.next();
        } else if letter == quote && letters.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// What follows `$tag$ ... $tag$`, where that begins here.
fn dollar_quoted(text: &str) -> Option<&str> {
    let tag = text.strip_prefix('$')?;
    let end = tag.find('$')?;
    let is_tag = |tag: &str| !tag.starts_with(|first: char| first.is_ascii_digit());
    let name = tag[..end].chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    if !name || !is_tag(tag) {
        return None;
    }
    let (mark, body) = text.split_at(end + 2);
    Some(body.find(mark).map_or("", |at| &body[at + mark.len()..]))
}

/// Digits, points, exponents with their sign, and other bases: more than numbers allow, so that nothing of one is left.
fn number_length(text: &str) -> usize {
    let mut before = ' ';
    let goes_on = |letter: char| {
        let sign = (letter == '+' || letter == '-') && (before == 'e' || before == 'E');
        before = letter;
        letter.is_alphanumeric() || letter == '.' || letter == '_' || sign
    };
    text.find({
        let mut goes_on = goes_on;
        move |letter: char| !goes_on(letter)
    })
    .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn constants_and_comments_go_and_the_rest_stays() {
        let cases = [
            ("SELECT  *\n\tFROM t1 WHERE a = $1 -- why\n AND b = 'it''s' ", "SELECT * FROM t1 WHERE a = $1 AND b = ?"),
            ("select 1, -2.5e-7, .5, 0x1F, 1_000 from a.b2", "select ?, -?, ?, ?, ? from a.b2"),
            ("ALTER ROLE x PASSWORD 'geheim'", "ALTER ROLE x PASSWORD ?"),
            (r"select E'a\'b', b'01', N'x', e'\\' , c", "select ?, ?, ?, ? , c"),
            (r"select 'a\', c", "select ?, c"),
            ("do $$ begin 'x' end $$; do $a$ $b$ 7 $a$ x", "do ?; do ? x"),
            ("select \"Odd \"\"name 1\" /* a /* b */ 'c' */ from t$1", "select \"Odd \"\"name 1\" from t$1"),
            ("/* only */", ""),
            ("select 'cut in the mid", "select ?"),
            ("select $cut in the mid", "select $cut in the mid"),
            ("select /* cut", "select"),
            ("a/b*c", "a/b*c"),
            ("U&'d\\0061t'", "U&?"),
        ];
        for (text, expected) in cases {
            assert_eq!(whole(text), expected, "{text}");
        }
        assert_eq!(sent("select $1, 'a', 7 from t -- $9x"), "select $1, $10, $11 from t");
        assert_eq!(sent("select pg_sleep(30)"), "select pg_sleep($1)");
        let long = format!("select {}", "column_of_it, ".repeat(100));
        assert_eq!((whole(&long).len(), cut(&whole(&long)).len()), (long.trim_end().len(), 200));
    }

    proptest! {
        #[test]
        fn no_quoted_text_and_no_number_is_left(
            parts in proptest::collection::vec("select |from t|--\n|/\\*|\\*/|\\$1|\\$a\\$|\\$\\$|\"|e|7|'|é|\\\\|[a-z '\"$]{0,5}", 0..30),
            secret in "[0-9]{6}",
        ) {
            let text = parts.concat();
            let long = whole(&text.repeat(200));
            prop_assert!(long.len() <= WHOLE_BYTES_MAX && cut(&long).len() <= TEXT_BYTES_MAX);
            prop_assert!(!long.contains('\n'));
            let hidden = whole(&format!("set a = '{secret}', b = {secret}, c = $x${secret}$x$ -- {secret}\n{text}"));
            prop_assert!(!hidden.contains(&secret), "{hidden}");
            let hidden = sent(&format!("set a = '{secret}', b = {secret}, c = $x${secret}$x$ -- {secret}\n{text}"));
            prop_assert!(!hidden.contains(&secret), "{hidden}");
        }

        #[test]
        fn any_text_is_a_label(text: String) {
            whole(&text);
            sent(&text);
        }
    }
}
