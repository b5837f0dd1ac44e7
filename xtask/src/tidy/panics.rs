//! No `unwrap` outside tests; each `expect` states its proof.

use super::{Finding, Source, Workspace};
use crate::lexer::Kind;

/// A proof shorter than this says nothing.
const PROOF_CHARS_MIN: usize = 10;

const UNWRAP: &str = "bytes from outside never crash us: return an error or a flagged record; where it cannot fail, say \
                      why in `expect(\"...\")`";
const PROOF: &str = "an expect states why it cannot fail, in words that a reader can check";

/// Checks all Rust files.
pub fn check(workspace: &Workspace) -> Vec<Finding> {
    workspace.rust().flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for at in source.product_code() {
        let token = |ahead: usize| source.tokens.get(at + ahead);
        let dot = token(0).is_some_and(|t| t.is_punct('.') || t.kind == Kind::PathSeparator);
        let (Some(name), Some(argument)) = (token(1), token(3)) else { continue };
        let call = token(2).is_some_and(|t| t.is_punct('('));
        if dot && name.is("unwrap") && (argument.is_punct(')') || !call) {
            findings.push(Finding::new(&source.path, name.line, "unwrap outside tests", UNWRAP));
        }
        let short = matches!(&argument.kind, Kind::Str(text) if text.chars().count() < PROOF_CHARS_MIN);
        if dot && call && (name.is("expect") || name.is("expect_err")) && short {
            findings.push(Finding::new(&source.path, name.line, "expect without a proof", PROOF));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::testing::{shown, workspace};
    use super::check;

    #[test]
    fn unwrap_and_bare_expect_are_found() {
        let source = "fn f() {\n x.unwrap();\n x.expect(\"ok\");\n x.expect(\"checked two lines above\");\n y.map(Option::unwrap);\n}\n\
                      #[cfg(test)]\nmod tests { fn g() { x.unwrap(); } }";
        let expected = [
            "crates/a/src/lib.rs:2 unwrap outside tests",
            "crates/a/src/lib.rs:3 expect without a proof",
            "crates/a/src/lib.rs:5 unwrap outside tests",
        ];
        assert_eq!(
            shown(&check(&workspace(&[("crates/a/src/lib.rs", source), ("crates/a/tests/t.rs", source)]))),
            expected
        );
    }

    #[test]
    fn relatives_of_unwrap_are_fine() {
        let source = "fn f() { x.unwrap_or(1); x.unwrap_or_default(); p.expect(b','); \"x.unwrap()\"; }";
        assert!(check(&workspace(&[("crates/a/src/lib.rs", source)])).is_empty());
    }
}
