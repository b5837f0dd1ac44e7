//! A cURL command that repeats a request.

use arachne_filter::header_values;
use arachne_model::table::{BodyRow, ExchangeRow};

use crate::url;

/// Headers that cURL makes itself, or that would contradict what it sends.
const OWN: [&str; 6] = ["content-length", "transfer-encoding", "connection", "accept-encoding", "expect", "te"];

/// A command for a POSIX shell. What was redacted stays so. A body is given where it is kept whole and is text.
#[must_use]
pub fn command(row: &ExchangeRow, body: Option<&BodyRow>) -> String {
    let mut command = String::from("curl --globoff --path-as-is");
    let method = row.method.as_deref().unwrap_or("GET");
    if method == "HEAD" {
        command.push_str(" --head");
    } else {
        push_option(&mut command, "--request", method);
    }
    let lines = row.request_headers.as_deref().unwrap_or_default();
    for line in lines.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let own = OWN.iter().any(|o| o.eq_ignore_ascii_case(name));
        // "Name;" is cURL's form of a header without a value.
        if !own && !name.is_empty() {
            let value = value.trim();
            let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
            push_option(&mut command, "--header", &header);
        }
    }
    if header_values(lines, "accept-encoding").next().is_some() {
        command.push_str(" --compressed");
    }
    match body.filter(|b| !b.cut && b.withheld.is_none()).map(|b| std::str::from_utf8(&b.bytes)) {
        // NUL cannot be in an argument.
        Some(Ok(text)) if !text.is_empty() && !text.contains('\0') => push_option(&mut command, "--data-raw", text),
        _ => {}
    }
    command.push_str(" -- ");
    command.push_str(&quoted(&url::absolute(row)));
    command
}

fn push_option(command: &mut String, option: &str, value: &str) {
    command.push(' ');
    command.push_str(option);
    command.push(' ');
    command.push_str(&quoted(value));
}

/// In single quotes nothing means anything to a shell but the quote itself. Controls that a terminal would obey when the
/// command is pasted are left out; line feeds stay, in the quotes.
fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    for character in text.chars() {
        match character {
            '\'' => out.push_str("'\\''"),
            '\n' | '\t' => out.push(character),
            other if other.is_control() => {}
            other => out.push(other),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_becomes_a_command() {
        let row = ExchangeRow {
            method: Some("POST".to_owned()),
            host: Some("shop".to_owned()),
            path: Some("/cart".to_owned()),
            request_headers: Some(
                "Host: shop\nX-Evil: '; rm -rf /\nContent-Length: 3\nAccept-Encoding: gzip\nX-Empty: \n".to_owned(),
            ),
            ..ExchangeRow::default()
        };
        let body = BodyRow { bytes: b"a'b".to_vec(), ..BodyRow::default() };
        assert_eq!(
            command(&row, Some(&body)),
            "curl --globoff --path-as-is --request 'POST' --header 'Host: shop' --header 'X-Evil: '\\''; rm -rf /' \
             --header 'X-Empty;' --compressed --data-raw 'a'\\''b' -- 'http://shop/cart'"
        );
    }

    #[test]
    fn no_text_leaves_its_quotes() {
        for text in ["'", "a\u{1b}]0;x\u{7}", "$(x)`y`\\", "\r\n"] {
            let quoted = quoted(text);
            let inner = quoted.replace("'\\''", "");
            assert_eq!(inner.matches('\'').count(), 2, "{quoted}");
            assert!(!quoted.contains(['\u{1b}', '\u{7}', '\r']));
        }
    }
}
