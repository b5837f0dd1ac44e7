//! Log codes: the sources name only codes of the registry, each live code is emitted by product code and, from a warning
//! up, named in a test, and the page is the registry's.
//!
//! The rules of the table itself (well formed, unique, sorted) are tested in `crates/telemetry`.

use arachne_telemetry::{Level, LogCode, render_markdown, sources};

use super::{Finding, Source, Workspace};
use crate::lexer::Kind;

const PAGE: &str = "docs/log-codes.md";
const TABLE: &str = "crates/telemetry/src/codes.rs";
const UNLISTED: &str = "users look codes up: add it to crates/telemetry/src/codes.rs";
const UNUSED: &str = "a code that nobody emits is dead: emit it, or set `retired` in crates/telemetry/src/codes.rs";
const UNTESTED: &str = "a warning that no test has seen may never come: name it in a test that makes it come";
const STALE: &str = "the page is generated: run `UPDATE_EXPECT=1 cargo test -p arachne-telemetry` and commit it";

/// Compares sources, tests, registry and page.
pub fn check(workspace: &Workspace) -> Vec<Finding> {
    let emitting = || workspace.rust().filter(|source| emits(source));
    let mut findings: Vec<Finding> = emitting().flat_map(unknown).collect();
    findings.extend(sources::unnamed(emitting().map(emitted)).into_iter().map(unused));
    let untested = sources::unnamed(emitting().map(tested)).into_iter().filter(|code| code.level >= Level::Warn);
    findings.extend(untested.map(|code| Finding::new(TABLE, 1, format!("{} is in no test", code.id), UNTESTED)));
    if workspace.text(PAGE) != Some(render_markdown().as_str()) {
        findings.push(Finding::new(PAGE, 1, "the page is not that of the registry", STALE));
    }
    findings
}

/// The paths behind `emit!(` in product code: a comment, a test or a `use` emits nothing.
fn emitted(source: &Source) -> String {
    let mut paths = String::new();
    for at in source.product_code().filter(|&at| source.tokens[at].is("emit")) {
        let [bang, open, path @ ..] = &source.tokens[at + 1..] else { continue };
        if !(bang.is_punct('!') && open.is_punct('(')) {
            continue;
        }
        for token in path {
            match &token.kind {
                Kind::Ident { name, .. } => paths.push_str(name),
                Kind::PathSeparator => paths.push_str("::"),
                _ => break,
            }
        }
        paths.push('\n');
    }
    paths
}

/// The names and texts in test code.
fn tested(source: &Source) -> String {
    let mut words = String::new();
    for (token, _) in source.tokens.iter().zip(&source.test).filter(|(_, test)| **test) {
        if let Kind::Ident { name: text, .. } | Kind::Str(text) = &token.kind {
            words.push_str(text);
            words.push('\n');
        }
    }
    words
}

/// Whether the file may emit: the registry and this tool only talk about codes, and the services of the scene have their own.
fn emits(source: &Source) -> bool {
    !["xtask/", "crates/telemetry/", "crates/scene/"].iter().any(|folder| source.path.starts_with(folder))
}

/// Codes in string literals that no table lists.
fn unknown(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for token in &source.tokens {
        if let Kind::Str(text) = &token.kind {
            for code in sources::unknown(text) {
                findings.push(Finding::new(&source.path, token.line, format!("{code} is in no table"), UNLISTED));
            }
        }
    }
    findings
}

fn unused(code: &'static LogCode) -> Finding {
    Finding::new(TABLE, 1, format!("{} is emitted nowhere", code.id), UNUSED)
}

#[cfg(test)]
mod tests {
    use arachne_telemetry::{Level, codes, render_markdown};

    use super::super::testing::{shown, workspace};
    use super::check;

    /// A source that emits every live code.
    fn emitting() -> String {
        codes::ALL.iter().map(|code| format!("fn f() {{ emit!(codes::{}, n); }}\n", code.constant)).collect()
    }

    /// A test that names every live code.
    fn testing() -> String {
        codes::ALL.iter().map(|code| format!("const C: &str = \"x {}\";\n", code.id)).collect()
    }

    fn found(main: &str, test: &str, page: &str) -> Vec<String> {
        let files =
            [("crates/cli/src/main.rs", main), ("crates/cli/tests/it/main.rs", test), ("docs/log-codes.md", page)];
        shown(&check(&workspace(&files)))
    }

    #[test]
    fn registry_sources_tests_and_page_agree() {
        assert_eq!(found(&emitting(), &testing(), &render_markdown()), [""; 0]);
    }

    #[test]
    fn each_disagreement_is_found() {
        let warns = codes::ALL.iter().find(|code| code.level >= Level::Warn).expect("something may go wrong");
        let (first, id) = (warns.constant, warns.id);
        let main = format!("{}const A: &str = \"CLI-NOVEL-001\";", emitting().replacen(first, "X", 1));
        let test = testing().replacen(id, "Y", 1);
        let expected = [
            format!("crates/cli/src/main.rs:{} CLI-NOVEL-001 is in no table", codes::ALL.len() + 1),
            format!("crates/telemetry/src/codes.rs:1 {id} is emitted nowhere"),
            format!("crates/telemetry/src/codes.rs:1 {id} is in no test"),
            "docs/log-codes.md:1 the page is not that of the registry".to_owned(),
        ];
        assert_eq!(found(&main, &test, "# Log codes\n"), expected);
    }

    #[test]
    fn what_only_talks_about_a_code_does_not_emit_it() {
        let warns = codes::ALL.iter().find(|code| code.level >= Level::Warn).expect("something may go wrong");
        let (first, id) = (warns.constant, warns.id);
        let rest = emitting().replacen(&format!("emit!(codes::{first}, n);"), "", 1);
        let nowhere = format!("crates/telemetry/src/codes.rs:1 {id} is emitted nowhere");
        for talk in [
            format!("// emit!(codes::{first})"),
            format!("const A: &str = \"{id}\";"),
            format!("use codes::{first};"),
            format!("fn emit() {{ count(&codes::{first}); }}"),
            format!("#[cfg(test)]\nmod tests {{ fn f() {{ emit!(codes::{first}); }} }}"),
        ] {
            assert_eq!(found(&format!("{rest}{talk}"), &testing(), &render_markdown()), [nowhere.as_str()], "{talk}");
        }
    }
}
