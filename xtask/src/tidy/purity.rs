//! Purity of the PURE crates: their sources name no clock, I/O, thread, randomness, logging, or async.
//!
//! Imports are resolved as far as a file shows them: grouped `use` trees, renames and imported modules
//! (`use std::time; time::Instant::now()`). Test code may do what it likes.

use std::collections::BTreeMap;

use super::arrows::PURE;
use super::{Finding, Source, Workspace};
use crate::lexer::{Kind, Token};

/// Paths that nothing in a PURE crate may name, nor anything below them.
const FORBIDDEN: &[&str] = &[
    "std::time::Instant",
    "std::time::SystemTime",
    "std::time::UNIX_EPOCH",
    "std::fs",
    "std::io",
    "std::os",
    "std::env",
    "std::process",
    "std::thread",
    "std::thread_local",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::net::ToSocketAddrs",
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::collections::hash_map",
    "std::collections::hash_set",
    "std::hash::RandomState",
    "hashbrown::DefaultHashBuilder",
    "foldhash::fast::RandomState",
    "foldhash::quality::RandomState",
    "rand",
    "getrandom",
    "tokio",
    "tracing",
    "log",
];
/// Macros that print.
const MACROS: &[&str] = &["println", "eprintln", "print", "eprint", "dbg", "thread_local"];

const ADVICE: &str = "a PURE crate has no I/O, threads, clock, randomness, logging or async, so that tests own time and \
                      order: take time and seeds as arguments, report oddities as anomalies and counts";

/// Scans the sources of all PURE crates.
pub fn check(workspace: &Workspace) -> Vec<Finding> {
    let pure = |path: &str| PURE.iter().any(|(name, _)| path.starts_with(&format!("crates/{name}/")));
    workspace.rust().filter(|source| pure(&source.path)).flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Vec<Finding> {
    let code: Vec<&Token> = source.product_code().map(|at| &source.tokens[at]).collect();
    let mut scan = Scan { file: &source.path, code: &code, imports: BTreeMap::new(), findings: Vec::new() };
    if source.path.ends_with("/build.rs") {
        scan.report(1, "a build script");
    }
    scan.uses();
    scan.paths();
    scan.findings
}

struct Scan<'a> {
    file: &'a str,
    code: &'a [&'a Token],
    /// What a name in this file stands for.
    imports: BTreeMap<String, String>,
    findings: Vec<Finding>,
}

impl Scan<'_> {
    fn report(&mut self, line: usize, what: &str) {
        let finding = Finding::new(self.file, line, format!("{what} in a PURE crate"), ADVICE);
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// All `use` and `extern crate` items: checks them and remembers what their names mean.
    fn uses(&mut self) {
        for at in 0..self.code.len() {
            if self.code[at].is("use") {
                self.tree(at + 1, String::new());
            } else if self.code[at].is("extern") && self.code.get(at + 1).is_some_and(|t| t.is("crate")) {
                self.tree(at + 2, String::new());
            }
        }
    }

    /// One use tree behind `prefix`; returns the token behind it.
    fn tree(&mut self, mut at: usize, prefix: String) -> usize {
        let mut path = prefix;
        while let Some(token) = self.code.get(at) {
            match &token.kind {
                Kind::Ident { name, .. } if name == "as" => {
                    let alias = self.code.get(at + 1).and_then(|t| t.name()).unwrap_or_default().to_owned();
                    self.import(token.line, &path, &alias);
                    return at + 2;
                }
                Kind::Ident { name, .. } if name != "self" || path.is_empty() => push_segment(&mut path, name),
                Kind::Ident { .. } | Kind::PathSeparator => {}
                Kind::Punct('{') => return self.group(at + 1, &path),
                Kind::Punct('*') => {
                    self.glob(token.line, &path);
                    return at + 1;
                }
                _ => break,
            }
            at += 1;
        }
        let line = self.code.get(at.saturating_sub(1)).map_or(1, |t| t.line);
        let last = path.rsplit("::").next().unwrap_or_default().to_owned();
        self.import(line, &path, &last);
        at
    }

    fn group(&mut self, mut at: usize, prefix: &str) -> usize {
        while let Some(token) = self.code.get(at) {
            match token.kind {
                Kind::Punct('}') => return at + 1,
                Kind::Punct(',') => at += 1,
                // Always moves on: a tree that starts with something odd would end where it began.
                _ => at = self.tree(at, prefix.to_owned()).max(at + 1),
            }
        }
        at
    }

    fn import(&mut self, line: usize, path: &str, name: &str) {
        self.path(line, path);
        self.imports.insert(name.to_owned(), path.to_owned());
    }

    /// A glob may bring in anything below it.
    fn glob(&mut self, line: usize, path: &str) {
        let inside = format!("{}::", core_as_std(path));
        if FORBIDDEN.iter().any(|forbidden| forbidden.starts_with(&inside)) {
            self.report(line, &format!("{path}::*, which brings in what is forbidden,"));
        }
        self.path(line, path);
    }

    fn path(&mut self, line: usize, path: &str) {
        let path = core_as_std(path);
        let hit = FORBIDDEN.iter().find(|f| path == **f || path.starts_with(&format!("{f}::")));
        if hit.is_some() {
            self.report(line, &path);
        }
    }

    /// All paths in expressions and types, macros that print, and `async`.
    fn paths(&mut self) {
        let mut at = 0;
        while at < self.code.len() {
            let token = self.code[at];
            let Kind::Ident { name, .. } = &token.kind else {
                at += 1;
                continue;
            };
            if token.is("async") || token.is("await") {
                self.report(token.line, name);
            }
            let (path, next) = self.whole_path(at);
            let bang = self.code.get(next).is_some_and(|t| t.is_punct('!'));
            let last = path.rsplit("::").next().unwrap_or_default();
            if bang && MACROS.contains(&last) {
                self.report(token.line, &format!("{last}!"));
            }
            if path.contains("::") && !self.member(at) {
                self.resolve(token.line, &path);
            }
            at = next;
        }
    }

    /// Identifiers joined by `::` from `at`, and the token behind them.
    fn whole_path(&self, at: usize) -> (String, usize) {
        let mut path = String::new();
        let mut next = at;
        while let Some(name) = self.code.get(next).and_then(|t| t.name()) {
            push_segment(&mut path, name);
            let more = self.code.get(next + 1).is_some_and(|t| t.kind == Kind::PathSeparator)
                && self.code.get(next + 2).is_some_and(|t| t.name().is_some());
            if !more {
                return (path, next + 1);
            }
            next += 2;
        }
        (path, next.max(at + 1))
    }

    fn member(&self, at: usize) -> bool {
        at.checked_sub(1).and_then(|before| self.code.get(before)).is_some_and(|t| t.is_punct('.'))
    }

    /// Checks `path` as written and with its first name replaced by what was imported under it.
    fn resolve(&mut self, line: usize, path: &str) {
        self.path(line, path);
        let (first, rest) = path.split_once("::").unwrap_or((path, ""));
        if let Some(full) = self.imports.get(first).filter(|full| *full != first) {
            let full = format!("{full}::{rest}");
            self.path(line, &full);
        }
    }
}

fn push_segment(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push_str("::");
    }
    path.push_str(name);
}

/// `core` and `alloc` name the same items as `std`.
fn core_as_std(path: &str) -> String {
    for other in ["core", "alloc"] {
        if let Some(rest) = path.strip_prefix(other).filter(|rest| rest.is_empty() || rest.starts_with("::")) {
            return format!("std{rest}");
        }
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{shown, workspace};
    use super::check;

    fn found(source: &str) -> Vec<String> {
        shown(&check(&workspace(&[("crates/wire/src/x.rs", source)])))
    }

    #[test]
    fn each_violation_is_seen() {
        let table = [
            ("use std::time::Instant;", "std::time::Instant"),
            ("fn f() { std::time::SystemTime::now(); }", "std::time::SystemTime::now"),
            ("fn f() { ::std::fs::read(x); }", "std::fs::read"),
            ("use std::{fmt, fs};", "std::fs"),
            ("use std::{fmt::{self, Debug}, net::{IpAddr, TcpStream}};", "std::net::TcpStream"),
            ("use std::time; fn f() { time::Instant::now(); }", "std::time::Instant::now"),
            ("use std::time as t; fn f() { t::Instant::now(); }", "std::time::Instant::now"),
            ("use std as s; fn f() { s::thread::spawn(g); }", "std::thread::spawn"),
            ("extern crate std as s; fn f() { s::env::var(g); }", "std::env::var"),
            ("use std::time::*;", "std::time::*, which brings in what is forbidden,"),
            ("use std::io::{self, Read};", "std::io"),
            ("use std::collections::HashMap;", "std::collections::HashMap"),
            ("type M = std::collections::HashSet<u8>;", "std::collections::HashSet"),
            ("use core::time::{Instant as Now};", "std::time::Instant"),
            ("fn f() { println!(\"x\"); }", "println!"),
            ("fn f() { std::eprintln!(\"x\"); }", "eprintln!"),
            ("fn f() { tracing::info!(\"x\"); }", "tracing::info"),
            ("fn f() -> u8 { rand::random() }", "rand::random"),
            ("async fn f() {}", "async"),
            ("use std::process;", "std::process"),
        ];
        for (source, what) in table {
            let findings = found(source);
            let expected = format!("crates/wire/src/x.rs:1 {what} in a PURE crate");
            assert!(findings.contains(&expected), "{source}: {findings:?}");
        }
    }

    #[test]
    fn what_is_pure_passes() {
        let table = [
            "use std::net::{IpAddr, Ipv4Addr}; use std::time::Duration; use std::collections::{BTreeMap, VecDeque};",
            "//! reads std::fs never\n/* std::time::Instant */ const X: &str = \"std::fs::read println!\";",
            "#[cfg(test)] mod tests { use std::collections::HashMap; use std::fs; }",
            "fn f(x: X) { x.log(); x.rand.random(); self::fs::read(); my::io::x(); }",
            "use crate::time::Clock; use hashbrown::HashMap; mod fs {}",
            "fn r#async() {}",
            "use {",
            "use a::{{{;",
        ];
        for source in table {
            assert_eq!(found(source), [""; 0], "{source}");
        }
    }

    #[test]
    fn only_pure_crates_are_bound() {
        let source = "use std::fs;";
        assert!(
            check(&workspace(&[("crates/capture/src/lib.rs", source), ("crates/wire/tests/t.rs", source)])).is_empty()
        );
        assert_eq!(check(&workspace(&[("crates/model/src/lib.rs", source), ("crates/wire/build.rs", "")])).len(), 2);
    }
}
