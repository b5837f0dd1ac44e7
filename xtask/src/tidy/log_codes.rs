//! Log codes: what the sources name and what `docs/log-codes.md` lists are the same set.
//!
//! That the page equals the registry, is sorted and well formed is tested in `crates/telemetry`, which makes it.

use std::collections::BTreeMap;

use super::{Finding, Workspace};
use crate::lexer::Kind;

const PAGE: &str = "docs/log-codes.md";
const UNLISTED: &str =
    "users look codes up: add it to the registry in crates/telemetry and generate docs/log-codes.md anew";
const UNUSED: &str = "a code that no source names is dead: retire it in the registry, never reuse it";

/// Compares both.
pub fn check(workspace: &Workspace) -> Vec<Finding> {
    let named = named(workspace);
    let Some(page) = workspace.text(PAGE) else {
        let missing = |(code, (file, line)): (&String, &(String, usize))| {
            Finding::new(file, *line, format!("{code} is named, but {PAGE} does not exist"), UNLISTED)
        };
        return named.iter().map(missing).collect();
    };
    let listed = listed(page);
    let mut findings = Vec::new();
    for (code, (file, line)) in &named {
        if !listed.contains_key(code) {
            findings.push(Finding::new(file, *line, format!("{code} is not in {PAGE}"), UNLISTED));
        }
    }
    for (code, line) in &listed {
        if !named.contains_key(code) {
            findings.push(Finding::new(PAGE, *line, format!("{code} is in no source"), UNUSED));
        }
    }
    findings
}

/// Codes in string literals, outside tests and outside this tool: code to (file, line).
fn named(workspace: &Workspace) -> BTreeMap<String, (String, usize)> {
    let mut named = BTreeMap::new();
    for source in workspace.rust().filter(|source| !source.path.starts_with("xtask/")) {
        for at in source.product_code() {
            let token = &source.tokens[at];
            if let Kind::Str(text) = &token.kind
                && is_code(text)
            {
                named.entry(text.clone()).or_insert_with(|| (source.path.clone(), token.line));
            }
        }
    }
    named
}

/// Codes in the page: code to line.
fn listed(page: &str) -> BTreeMap<String, usize> {
    let mut listed = BTreeMap::new();
    for (index, line) in page.lines().enumerate() {
        for word in line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|word| is_code(word)) {
            listed.entry(word.to_owned()).or_insert(index + 1);
        }
    }
    listed
}

/// `SERVICE-FEATURE-NNN`: the service of three letters or more.
fn is_code(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let upper = |part: &str, min: usize| part.len() >= min && part.bytes().all(|b| b.is_ascii_uppercase());
    match parts.as_slice() {
        [service, feature, number] => {
            upper(service, 3) && upper(feature, 1) && number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{shown, workspace};
    use super::check;

    #[test]
    fn both_sides_must_agree() {
        let source = (
            "crates/cli/src/main.rs",
            "const A: &str = \"CLI-READ-001\"; const B: &str = \"CLI-READ-002\"; const C: &str = \"A-1\";",
        );
        let page = ("docs/log-codes.md", "# Codes\n| `CLI-READ-001` | x |\n| `CLI-READ-009` | y |\n");
        assert_eq!(
            shown(&check(&workspace(&[source, page]))),
            [
                "crates/cli/src/main.rs:1 CLI-READ-002 is not in docs/log-codes.md",
                "docs/log-codes.md:3 CLI-READ-009 is in no source"
            ]
        );
        assert_eq!(check(&workspace(&[source])).len(), 2);
        assert!(check(&workspace(&[])).is_empty());
    }
}
