//! Crate arrows: which crate may depend on which, and what PURE crates may use from outside.
//!
//! The design's sentence "PURE crates; then content, telemetry → capture, collectors, delivery, store → store-*, query →
//! agent, server → cli" as a table of layers: a crate may depend on crates of lower layers only.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Finding, Workspace};

/// The layers, lowest first. Crates of one layer do not know each other.
const LAYERS: &[&[&str]] = &[
    &["model"],
    &["wire", "aggregate", "filter"],
    &["content", "telemetry", "ui-assets"],
    &["capture", "collectors", "delivery", "store"],
    &["config", "store-parquet", "store-clickhouse", "query", "export"],
    &["agent", "server", "sql"],
    &["cli"],
];

/// PURE crates with the external crates each may use outside tests.
pub const PURE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("wire", &["foldhash", "hashbrown", "memchr"]),
    (
        "aggregate",
        &[
            "aho-corasick",
            "foldhash",
            "hashbrown",
            "memchr",
            "regex-automata",
            "regex-syntax",
            "siphasher",
            "thiserror",
        ],
    ),
    ("filter", &["memchr", "regex"]),
];

/// External crates that only one of ours may name.
const OWNED: &[(&str, &[&str])] = &[
    ("arrow", &["store-parquet", "sql"]),
    ("datafusion", &["sql"]),
    ("parquet", &["store-parquet"]),
    ("clickhouse", &["store-clickhouse"]),
    ("anyhow", &["cli", "xtask"]),
];

const ARROW: &str = "arrows keep I/O away from parsers and engines away from queries (ARCHITECTURE.md): \
                     move the code to the crate that may have it, or pass the data in";
const UNKNOWN: &str = "every crate has its layer: add it to LAYERS in xtask/src/tidy/arrows.rs and to ARCHITECTURE.md";
const DEV_ONLY: &str = "testkit is for tests: name it under [dev-dependencies]";
const PURE_ONLY: &str = "a PURE crate runs in any test with any clock and any packet order: do without it, or add it to \
                         PURE in xtask/src/tidy/arrows.rs and show that it has no I/O, clock or randomness";
const OWNER: &str = "only one crate names it, so that it can be replaced: go through that crate's interface";

/// A dependency of a crate.
#[derive(Debug)]
pub struct Dependency {
    /// The package name.
    pub name: String,
    /// Under `[dev-dependencies]`.
    pub dev: bool,
}

/// A crate of the workspace.
#[derive(Debug)]
pub struct Crate {
    /// The name without `arachne-`.
    pub name: String,
    /// Its manifest, from the workspace root.
    pub manifest: String,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
}

/// Reads the output of `cargo metadata --no-deps`.
///
/// # Errors
/// When it does not look like that.
pub fn from_metadata(json: &str) -> Result<Vec<Crate>> {
    let metadata: Value = serde_json::from_str(json).context("cargo metadata")?;
    let root = metadata["workspace_root"].as_str().context("cargo metadata names no workspace root")?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    Ok(packages.iter().map(|package| one_crate(package, root)).collect())
}

fn one_crate(package: &Value, root: &str) -> Crate {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let manifest = text(&package["manifest_path"]);
    let listed = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    Crate {
        name: short(&text(&package["name"])).to_owned(),
        manifest: manifest.strip_prefix(root).unwrap_or(&manifest).trim_start_matches('/').to_owned(),
        dependencies: listed
            .iter()
            .map(|d| Dependency { name: text(&d["name"]), dev: d["kind"].as_str() == Some("dev") })
            .collect(),
    }
}

fn short(name: &str) -> &str {
    name.strip_prefix("arachne-").unwrap_or(name)
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|crates| crates.contains(&name))
}

/// Whether `from` may depend on our crate `to` outside tests.
fn allowed(from: &str, to: &str) -> bool {
    match (from, to) {
        ("xtask", to) => to == "telemetry",
        ("testkit", to) => to == "model",
        ("scene", _) => false,
        (from, to) => layer(from) > layer(to) && layer(to).is_some(),
    }
}

/// The arrows between our crates, and external crates with one owner.
pub fn check(workspace: &Workspace) -> Vec<Finding> {
    workspace.crates.iter().flat_map(check_crate).collect()
}

fn check_crate(krate: &Crate) -> Vec<Finding> {
    let at = |what: String, advice| Finding::new(&krate.manifest, 1, what, advice);
    let mut findings = Vec::new();
    if layer(&krate.name).is_none() && !["xtask", "testkit", "scene"].contains(&krate.name.as_str()) {
        findings.push(at(format!("crate {} has no layer", krate.name), UNKNOWN));
    }
    for dependency in krate.dependencies.iter().filter(|d| !d.dev) {
        let name = short(&dependency.name);
        let ours = dependency.name.starts_with("arachne-");
        if ours && name == "testkit" {
            findings.push(at(format!("{} depends on testkit outside tests", krate.name), DEV_ONLY));
        } else if ours && !allowed(&krate.name, name) {
            findings.push(at(format!("{} must not depend on {name}", krate.name), ARROW));
        }
        let owners = OWNED.iter().find(|(owned, _)| *owned == dependency.name).map(|(_, owners)| *owners);
        if owners.is_some_and(|owners| !owners.contains(&krate.name.as_str())) {
            findings.push(at(format!("{} must not name {}", krate.name, dependency.name), OWNER));
        }
    }
    findings
}

/// External dependencies of PURE crates against the allow-list.
pub fn check_pure_dependencies(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for krate in &workspace.crates {
        let Some((_, listed)) = PURE.iter().find(|(name, _)| *name == krate.name) else { continue };
        for dependency in krate.dependencies.iter().filter(|d| !d.dev && !d.name.starts_with("arachne-")) {
            if !listed.contains(&dependency.name.as_str()) {
                let what = format!("PURE crate {} depends on {}", krate.name, dependency.name);
                findings.push(Finding::new(&krate.manifest, 1, what, PURE_ONLY));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::testing::{shown, workspace};
    use super::{check, check_pure_dependencies, from_metadata};

    fn found(name: &str, dependencies: &[(&str, &str)]) -> Vec<String> {
        let listed: Vec<_> = dependencies
            .iter()
            .map(|(name, kind)| serde_json::json!({"name": name, "kind": (*kind != "normal").then_some(kind)}))
            .collect();
        let metadata = serde_json::json!({"workspace_root": "/w", "packages": [
            {"name": name, "manifest_path": "/w/crates/x/Cargo.toml", "dependencies": listed}]});
        let mut all = workspace(&[]);
        all.crates = from_metadata(&metadata.to_string()).expect("the metadata is made right above");
        let mut findings = check(&all);
        findings.extend(check_pure_dependencies(&all));
        shown(&findings)
    }

    #[test]
    fn arrows_point_down() {
        assert!(found("arachne-wire", &[("arachne-model", "normal")]).is_empty());
        assert!(found("arachne-content", &[("arachne-wire", "normal"), ("flate2", "normal")]).is_empty());
        assert!(found("arachne-cli", &[("arachne-capture", "normal"), ("anyhow", "normal")]).is_empty());
        for (from, to) in
            [("wire", "content"), ("wire", "filter"), ("model", "wire"), ("capture", "cli"), ("query", "store-parquet")]
        {
            let findings = found(&format!("arachne-{from}"), &[(&format!("arachne-{to}"), "normal")]);
            assert_eq!(findings, [format!("crates/x/Cargo.toml:1 {from} must not depend on {to}")]);
        }
    }

    #[test]
    fn testkit_is_for_tests() {
        assert!(found("arachne-wire", &[("arachne-testkit", "dev")]).is_empty());
        assert_eq!(found("arachne-wire", &[("arachne-testkit", "normal")]).len(), 1);
    }

    #[test]
    fn a_clock_from_outside_does_not_enter_a_pure_crate() {
        let expected = ["crates/x/Cargo.toml:1 PURE crate wire depends on jiff"];
        assert_eq!(found("arachne-wire", &[("jiff", "normal"), ("memchr", "normal")]), expected);
        assert_eq!(found("arachne-wire", &[("jiff", "build")]), expected);
        assert!(found("arachne-wire", &[("proptest", "dev")]).is_empty());
    }

    #[test]
    fn engines_have_one_owner_and_new_crates_need_a_layer() {
        assert_eq!(found("arachne-query", &[("datafusion", "normal")]).len(), 1);
        assert_eq!(found("arachne-novelty", &[]), ["crates/x/Cargo.toml:1 crate novelty has no layer"]);
    }
}
