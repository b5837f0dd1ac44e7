//! Shape: module docs, and the size of functions and files.

use super::{Finding, Source, Workspace};
use crate::lexer::{Kind, matching};

/// From here on a function is named in a note.
const FUNCTION_LINES_NOTE: usize = 70;
/// A longer function fails.
const FUNCTION_LINES_MAX: usize = 150;
/// A longer file fails.
const FILE_LINES_MAX: usize = 1200;

const DOCS: &str = "a reader opens a file and wants to know what it is for and what it never does: start it with `//!`";
const FUNCTION: &str = "past one screen look for a seam: branching stays in the parent, pure parts go";
const FILE: &str = "two ideas are two files: split it along the ideas";

/// Files that do not start with module docs.
pub fn check_module_docs(workspace: &Workspace) -> Vec<Finding> {
    let bare = |source: &&Source| !source.text.lines().find(|line| !preamble(line)).is_some_and(starts_docs);
    workspace.rust().filter(bare).map(|s| Finding::new(&s.path, 1, "no module docs", DOCS)).collect()
}

fn preamble(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with("#!")
}

fn starts_docs(line: &str) -> bool {
    line.trim_start().strip_prefix("//!").is_some_and(|words| words.trim().len() >= 5)
}

/// Long functions and files.
pub fn check_size(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in workspace.rust() {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            findings.push(Finding::new(&source.path, lines, format!("a file of {lines} lines"), FILE));
        }
        findings.extend(long_functions(source));
    }
    findings
}

fn long_functions(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for at in source.product_code() {
        let Some((name, first, last)) = function(source, at) else { continue };
        let lines = last - first + 1;
        if lines > FUNCTION_LINES_NOTE {
            let what = format!("fn {name} has {lines} lines");
            let mut finding = Finding::new(&source.path, first, what, FUNCTION);
            finding.note = lines <= FUNCTION_LINES_MAX;
            findings.push(finding);
        }
    }
    findings
}

/// Name, first and last line of the function that starts at token `at`.
fn function(source: &Source, at: usize) -> Option<(&str, usize, usize)> {
    let tokens = &source.tokens;
    if !tokens[at].is("fn") {
        return None;
    }
    let name = tokens.get(at + 1)?.name()?;
    let mut body = at + 2;
    loop {
        match tokens.get(body)?.kind {
            Kind::Punct('{') => break,
            Kind::Punct(';') => return None,
            Kind::Punct('(' | '[') => body = matching(tokens, body)?,
            _ => {}
        }
        body += 1;
    }
    Some((name, tokens[at].line, tokens[matching(tokens, body)?].line))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{shown, workspace};
    use super::{check_module_docs, check_size};

    #[test]
    fn a_file_starts_with_its_purpose() {
        let files = [
            ("a.rs", "#![allow(x)]\n\n//! What it is for.\n"),
            ("b.rs", "use std::fmt;\n//! Too late.\n"),
            ("c.rs", ""),
            ("d.rs", "//!\n"),
        ];
        assert_eq!(
            shown(&check_module_docs(&workspace(&files))),
            ["b.rs:1 no module docs", "c.rs:1 no module docs", "d.rs:1 no module docs"]
        );
    }

    #[test]
    fn long_functions_are_noted_then_refused() {
        let body = |lines: usize| format!("fn f(x: [u8; 3]) -> u8 {{\n{}}}\n", "x;\n".repeat(lines));
        for (lines, expected) in [(68, None), (69, Some(true)), (148, Some(true)), (149, Some(false))] {
            let notes: Vec<_> = check_size(&workspace(&[("a.rs", &body(lines))])).iter().map(|f| f.note).collect();
            assert_eq!(notes.first().copied(), expected, "{lines}");
        }
        assert_eq!(check_size(&workspace(&[("a.rs", &"x;\n".repeat(1201))])).len(), 1);
    }
}
