//! Words that must not stand in the repository: folders of a machine, work left for later, tests switched off.

use super::{Finding, Source, Workspace};

/// Folders that exist on one machine only, or mean another thing on each.
const FOLDERS: &[&str] = &["work", "tmp", "root", "home"];
/// Written in two parts, so that this file passes its own check.
const LATER: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];
/// Macros that stand for code that is not there.
const STUBS: &[&str] = &["todo", "unimplemented"];

const PATHS: &str = "a path of somebody's machine works nowhere else: take it from an argument, an environment variable or \
                     a temporary folder made for the purpose";
const UNFINISHED: &str = "do it now or open an issue: what is merged is finished";
const IGNORED: &str = "a test that does not run proves nothing: make it fast, move it to `make soak`, or delete it";

/// Paths such as those of a home folder.
pub fn check_machine_paths(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (source, number, line) in lines(workspace) {
        if let Some(path) = FOLDERS.iter().find_map(|folder| machine_path(line, folder)) {
            findings.push(Finding::new(&source.path, number, format!("the path {path}"), PATHS));
        }
    }
    findings
}

fn lines(workspace: &Workspace) -> impl Iterator<Item = (&Source, usize, &str)> {
    // Locked dependencies and texts of others are not ours to word.
    let ours = |source: &&Source| !["LICENSE", "Cargo.lock"].contains(&source.path.as_str());
    workspace
        .sources
        .iter()
        .filter(ours)
        .flat_map(|s| s.text.lines().enumerate().map(move |(i, line)| (s, i + 1, line)))
}

/// `/folder/name` or a bare `/folder`, when it starts a path. URLs and paths below another folder do not count.
fn machine_path<'a>(line: &'a str, folder: &str) -> Option<&'a str> {
    let needle = format!("/{folder}");
    line.match_indices(&needle).find_map(|(at, _)| {
        let before = line[..at].chars().next_back();
        let starts = before.is_none_or(|c| !c.is_alphanumeric() && !"_-./}$)*~".contains(c));
        let rest = &line[at + needle.len()..];
        let below = rest.strip_prefix('/').is_some_and(|r| r.starts_with(|c: char| c.is_alphanumeric() || c == '.'));
        let end = rest.find(|c: char| !c.is_alphanumeric() && !"_-./".contains(c)).unwrap_or(rest.len());
        (starts && below).then(|| &line[at..at + needle.len() + end])
    })
}

/// Words and macros that promise code for later.
pub fn check_unfinished(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (source, number, line) in lines(workspace) {
        let words = || line.split(|c: char| !c.is_ascii_alphanumeric());
        if let Some(word) = LATER.iter().find(|later| words().any(|word| word == **later)) {
            findings.push(Finding::new(&source.path, number, format!("the word {word}"), UNFINISHED));
        }
    }
    for source in workspace.rust() {
        for pair in source.tokens.windows(2) {
            if STUBS.iter().any(|stub| pair[0].is(stub)) && pair[1].is_punct('!') {
                let what = format!("{}!", pair[0].name().unwrap_or_default());
                findings.push(Finding::new(&source.path, pair[0].line, what, UNFINISHED));
            }
        }
    }
    findings
}

/// Tests that do not run.
pub fn check_ignored_tests(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in workspace.rust() {
        for three in source.tokens.windows(3) {
            if three[0].is_punct('#') && three[1].is_punct('[') && three[2].is("ignore") {
                findings.push(Finding::new(&source.path, three[2].line, "an ignored test", IGNORED));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::testing::{shown, workspace};
    use super::{LATER, check_ignored_tests, check_machine_paths, check_unfinished};

    #[test]
    fn machine_paths_are_found_and_urls_are_not() {
        for folder in super::FOLDERS {
            let bad = format!("run \"/{folder}/me/x.sh\" now");
            let found = shown(&check_machine_paths(&workspace(&[("a.md", &bad)])));
            assert_eq!(found, [format!("a.md:1 the path /{folder}/me/x.sh")]);
            let good = format!("http://host/{folder}/x and $dir/{folder}/x and GET /{folder} HTTP/1.1");
            assert!(check_machine_paths(&workspace(&[("a.md", &good)])).is_empty());
        }
    }

    #[test]
    fn work_for_later_is_found() {
        let text = format!("# {}: later\nfn f() {{ todo!() }}\n// not METHODOLOGY\n", LATER[0]);
        assert_eq!(shown(&check_unfinished(&workspace(&[("a.rs", &text)]))).len(), 2);
    }

    #[test]
    fn ignored_tests_are_found() {
        assert_eq!(check_ignored_tests(&workspace(&[("a.rs", "#[test]\n#[ignore = \"slow\"]\nfn t() {}")])).len(), 1);
        assert!(check_ignored_tests(&workspace(&[("a.rs", "fn f() { \"#[ignore]\"; }")])).is_empty());
    }
}
