//! Dependencies: declared once in the root manifest, each with the reason why it is here.

use super::{Finding, Workspace};

const REASON: &str = "few dependencies, each with its reason: append `# why it is here` to the line";
const INHERIT: &str =
    "one place for versions: declare it in the root [workspace.dependencies] and write `name.workspace = true`";

/// Checks the root manifest and those of the crates.
pub fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in workspace.sources.iter().filter(|s| s.path.ends_with("Cargo.toml") && !s.path.starts_with("fuzz/")) {
        let root = source.path == "Cargo.toml";
        for (number, section, line) in entries(&source.text) {
            if root && section == "workspace.dependencies" && !has_reason(line) {
                findings.push(Finding::new(&source.path, number, format!("no reason beside `{}`", name(line)), REASON));
            }
            if !root && section.ends_with("dependencies") && !line.contains("workspace = true") {
                let what = format!("`{}` is not inherited from the workspace", name(line));
                findings.push(Finding::new(&source.path, number, what, INHERIT));
            }
        }
    }
    findings
}

/// (line number, section, line) of each line that starts an entry.
fn entries(text: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    let mut section = "";
    text.lines().enumerate().filter_map(move |(index, line)| {
        if let Some(header) = line.strip_prefix('[') {
            section = header.split(']').next().unwrap_or_default();
            return None;
        }
        let starts = line.starts_with(|c: char| c.is_ascii_alphanumeric()) && line.contains('=');
        starts.then_some((index + 1, section, line))
    })
}

fn name(line: &str) -> &str {
    line.split(['=', '.']).next().unwrap_or(line).trim()
}

/// Our own crates need no reason beside them.
fn has_reason(line: &str) -> bool {
    line.contains("path = ") || line.split_once('#').is_some_and(|(_, reason)| reason.trim().len() >= 10)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{shown, workspace};
    use super::check;

    #[test]
    fn a_dependency_needs_a_reason_and_one_home() {
        let root = "[workspace.dependencies]\nmine = { path = \"crates/mine\" }\nmemchr = \"2\" # finds line ends fast\nrand = \"1\"\n";
        let own = "[dependencies]\nmemchr.workspace = true\nrand = \"1\"\n[lints]\nworkspace = true\n";
        let all = workspace(&[("Cargo.toml", root), ("crates/wire/Cargo.toml", own)]);
        let expected = [
            "Cargo.toml:4 no reason beside `rand`",
            "crates/wire/Cargo.toml:3 `rand` is not inherited from the workspace",
        ];
        assert_eq!(shown(&check(&all)), expected);
    }
}
