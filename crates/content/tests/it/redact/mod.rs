//! Redaction from outside: tables of headers, targets and bodies, the hostile captures, and laws.

mod bodies;
mod headers;
mod hostile;
mod laws;

use std::sync::LazyLock;

use arachne_content::redact::{Body, Key, Redactor, Rules};

/// A redactor with the built-in rules and a fixed key.
pub fn redactor() -> Redactor {
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(Key::new([7; 32]), Rules::default()));
    REDACTOR.clone()
}

/// The bytes of a body that is kept, or a text that equals none of them.
pub fn kept(body: Body<'_>) -> Vec<u8> {
    match body {
        Body::Kept(bytes) => bytes.into_owned(),
        Body::Withheld { reason } => format!("withheld: {reason:?}").into_bytes(),
    }
}

/// Fills in `{secret}` places of an expected text with the mark of that secret.
pub fn expected(text: &str) -> String {
    let redactor = redactor();
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("«") {
        let (secret, tail) = after.split_once("»").unwrap();
        out.push_str(before);
        out.push_str(&redactor.mark(secret.as_bytes()));
        rest = tail;
    }
    out + rest
}

/// Asserts a table of texts: what was `«secret»` has become its mark, all else stayed.
pub fn check(input: &str, output: Option<Vec<u8>>, wanted: &str) {
    let output = output.map_or_else(|| input.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert_eq!(output, expected(wanted), "of {input}");
}

/// A table entry where the secret values are marked in the input itself.
pub fn plain(marked: &str) -> String {
    marked.replace(['«', '»'], "")
}
