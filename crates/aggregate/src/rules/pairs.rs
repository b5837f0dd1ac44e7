//! Lists of `name=value` within a line: `prepare=0.83 session=4.99`, `HHid#Client=+6; DB#get=+3;`, logfmt.

/// The pairs of a text. Names are words that end at `=`; values end at a space, comma, semicolon or `&`, or are in quotes.
/// What is no pair is passed over.
pub(super) fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let sign = memchr::memchr(b'=', rest)?;
            let before = &rest[..sign];
            let name = before.rsplit(|b| ends(*b)).next().unwrap_or(before);
            let behind = &rest[sign + 1..];
            let (value, taken) = match behind.first() {
                Some(b'"') => quoted(&behind[1..]),
                _ => {
                    let end = behind.iter().position(|b| ends(*b)).unwrap_or(behind.len());
                    (&behind[..end], end)
                }
            };
            rest = &behind[taken..];
            if !name.is_empty() {
                return Some((name, value));
            }
        }
    })
}

fn ends(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b',' | b';' | b'&')
}

/// The text up to the quote that ends it, still escaped, and how many bytes both quotes and it take.
fn quoted(text: &[u8]) -> (&[u8], usize) {
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if text[at] == b'"' {
            return (&text[..at], at + 2);
        }
        at += 2;
    }
    (text, text.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::pairs;

    #[test]
    fn lists_of_all_kinds() {
        let table: &[(&str, &[&str])] = &[
            ("prepare=0.83 session=4.99", &["prepare:0.83", "session:4.99"]),
            ("ms; jersey#beforeHandle=+0; HHid#Client=+6;", &["jersey#beforeHandle:+0", "HHid#Client:+6"]),
            (r#"level=info msg="a b=c \" d" k= =x e"#, &["level:info", r#"msg:a b=c \" d"#, "k:"]),
            (r#"a="cut"#, &["a:cut"]),
            ("none", &[]),
            ("a==b", &["a:=b"]),
        ];
        for (text, expected) in table {
            let shown = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
            let found: Vec<_> = pairs(text.as_bytes()).map(|(a, b)| format!("{}:{}", shown(a), shown(b))).collect();
            assert_eq!(found, *expected, "{text}");
        }
    }
}
