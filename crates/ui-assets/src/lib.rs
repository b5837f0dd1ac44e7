//! The files of the web UI: built from `ui/` by this crate's build script, held in the program, found by path.
//!
//! Which files there are, and the ways to build without Node (`UI_DIST`, `UI_SKIP`), stand in `build.rs`. How they are
//! served is the server's matter.

/// A file of the web UI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Where it is, from the root of the UI, without a slash in front: `index.html`, `assets/index-B4x1.js`.
    pub path: &'static str,
    /// Its bytes.
    pub raw: &'static [u8],
    /// Its bytes in brotli, where that is shorter.
    pub br: Option<&'static [u8]>,
    /// Its bytes in gzip, where that is shorter.
    pub gz: Option<&'static [u8]>,
    /// A weak entity tag of its content, quotes included: the codings are the same content.
    pub etag: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// All files, sorted by path.
#[must_use]
pub fn all() -> &'static [Asset] {
    ASSETS
}

/// The file at `path`, without a slash in front. O(log files).
#[must_use]
pub fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok().map(|at| &ASSETS[at])
}

/// The page that every view of the UI starts from.
#[must_use]
pub fn index() -> &'static Asset {
    find("index.html").expect("the build script refuses a UI without index.html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_path() {
        assert!(all().is_sorted_by(|a, b| a.path < b.path));
        for asset in all() {
            assert_eq!(find(asset.path), Some(asset));
            assert!(!asset.path.starts_with('/') && !asset.path.ends_with(".br"), "{}", asset.path);
            assert!(asset.etag.starts_with("W/\"") && asset.etag.ends_with('"'), "{}", asset.etag);
        }
        assert!(index().raw.starts_with(b"<!doctype html>"));
        for none in ["", "/index.html", "assets", "../Cargo.toml"] {
            assert_eq!(find(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_packed_is_shorter_and_is_of_its_coding() {
        for asset in all() {
            assert!(asset.br.is_none_or(|br| br.len() < asset.raw.len()), "{}", asset.path);
            assert!(asset.gz.is_none_or(|gz| gz.len() < asset.raw.len() && gz.starts_with(&[0x1f, 0x8b])));
        }
    }
}
