//! Log codes: the sources name only codes of the registry, each live code is emitted, and the page is the registry's.
//!
//! The rules of the table itself (well formed, unique, sorted) are tested in `crates/telemetry`.

use arachne_telemetry::{LogCode, render_markdown, sources};

use super::{Finding, Source, Workspace};
use crate::lexer::Kind;

const PAGE: &str = "docs/log-codes.md";
const UNLISTED: &str = "users look codes up: add it to crates/telemetry/src/codes.rs";
const UNUSED: &str = "a code that nobody emits is dead: emit it, or set `retired` in crates/telemetry/src/codes.rs";
const STALE: &str = "the page is generated: run `UPDATE_EXPECT=1 cargo test -p arachne-telemetry` and commit it";

/// Compares sources, registry and page.
pub fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings: Vec<Finding> = workspace.rust().filter(|source| emits(source)).flat_map(unknown).collect();
    let texts = workspace.rust().filter(|source| emits(source)).map(|source| source.text.as_str());
    findings.extend(sources::unnamed(texts).into_iter().map(unused));
    if workspace.text(PAGE) != Some(render_markdown().as_str()) {
        findings.push(Finding::new(PAGE, 1, "the page is not that of the registry", STALE));
    }
    findings
}

/// Whether the file may emit: the registry and this tool only talk about codes.
fn emits(source: &Source) -> bool {
    !["xtask/", "crates/telemetry/"].iter().any(|folder| source.path.starts_with(folder))
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
    Finding::new("crates/telemetry/src/codes.rs", 1, format!("{} is emitted nowhere", code.id), UNUSED)
}

#[cfg(test)]
mod tests {
    use arachne_telemetry::{codes, render_markdown};

    use super::super::testing::{shown, workspace};
    use super::check;

    /// A source that names every live code.
    fn complete() -> String {
        codes::ALL.iter().map(|code| format!("emit!(codes::{});\n", code.constant)).collect()
    }

    #[test]
    fn registry_sources_and_page_agree() {
        let all = complete();
        let files = [("crates/cli/src/main.rs", all.as_str()), ("docs/log-codes.md", &render_markdown())];
        assert_eq!(shown(&check(&workspace(&files))), [""; 0]);
    }

    #[test]
    fn each_disagreement_is_found() {
        let all = format!("{}const A: &str = \"CLI-NOVEL-001\";", complete());
        let missing = all.replacen(codes::ALL[0].constant, "X", 1);
        let files = [("crates/cli/src/main.rs", missing.as_str()), ("docs/log-codes.md", "# Log codes\n")];
        let found = shown(&check(&workspace(&files)));
        let expected = [
            format!("crates/cli/src/main.rs:{} CLI-NOVEL-001 is in no table", codes::ALL.len() + 1),
            format!("crates/telemetry/src/codes.rs:1 {} is emitted nowhere", codes::ALL[0].id),
            "docs/log-codes.md:1 the page is not that of the registry".to_owned(),
        ];
        assert_eq!(found, expected);
    }
}
