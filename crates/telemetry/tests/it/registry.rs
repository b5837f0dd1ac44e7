//! The table of codes: well formed, and the same as the sources and the page say.

use std::path::{Path, PathBuf};
use std::{env, fs};

use arachne_telemetry::codes::ALL;
use arachne_telemetry::{Level, render_markdown, sources};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The texts of the Rust files under `folder`.
fn rust_sources(folder: &Path, texts: &mut Vec<(PathBuf, String)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            rust_sources(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push((path.clone(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The sources of all crates, `crates/*/src`.
fn crate_sources() -> Vec<(PathBuf, String)> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(workspace().join("crates")).unwrap() {
        rust_sources(&entry.unwrap().path().join("src"), &mut texts);
    }
    texts
}

#[test]
fn codes_are_well_formed_unique_and_sorted() {
    for code in ALL {
        assert!(sources::is_code(code.id), "{code}");
        assert_eq!(code.constant, code.id.replace('-', "_"));
    }
    assert!(ALL.windows(2).all(|pair| pair[0].id < pair[1].id), "sorted, each once");
}

#[test]
fn numbers_of_a_feature_have_no_holes() {
    let mut last = ("", 0);
    for code in ALL {
        let (feature, number) = code.id.rsplit_once('-').unwrap();
        let expected = if feature == last.0 { last.1 + 1 } else { 1 };
        assert_eq!(number.parse::<u32>().unwrap(), expected, "{code}: retired codes stay in the table");
        last = (feature, expected);
    }
}

#[test]
fn texts_are_written_as_the_style_guide_says() {
    for code in ALL {
        let message = code.message;
        assert!(message.starts_with(|c: char| c.is_lowercase()) && !message.ends_with('.'), "{code}: {message}");
        assert!(message.bytes().all(|b| b.is_ascii_graphic() || b == b' '), "{code}: {message}");
        for text in [code.meaning, code.cause, code.action] {
            assert!(text.starts_with(|c: char| c.is_uppercase()) && text.ends_with('.'), "{code}: {text}");
            assert!(!text.contains(['|', '\n']), "{code}: {text}");
        }
        assert_eq!(code.since.split('.').count(), 3, "{code}");
    }
    assert!(ALL.iter().any(|code| code.level == Level::Info));
}

#[test]
fn every_code_in_the_sources_is_in_the_table() {
    let texts = crate_sources();
    assert!(texts.len() > 10, "the sources were found");
    // The checks of this crate hold made-up codes as test input, and the services of the scene have codes of their own.
    let checks = Path::new("telemetry/src/sources.rs");
    let foreign = |path: &Path| path.ends_with(checks) || path.components().any(|part| part.as_os_str() == "scene");
    for (path, text) in texts.iter().filter(|(path, _)| !foreign(path)) {
        let unknown: Vec<_> = sources::unknown(text).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", path.display());
    }
}

#[test]
fn the_page_is_up_to_date() {
    let path = workspace().join("docs/log-codes.md");
    let page = render_markdown();
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &page).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == page, "docs/log-codes.md is old: run with UPDATE_EXPECT=1");
}
