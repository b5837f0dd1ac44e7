//! How the web UI is served.

use crate::client::{call, get};
use crate::world::{UI, World};

#[test]
fn every_view_starts_from_the_page() {
    let world = World::new();
    for target in ["/", "/index.html", "/explore/http?from=now-1h", "/s/0123", "/assetsx", "/apis", "/a%2e%2e/b"] {
        let page = world.send(&get(target)).ok();
        assert_eq!(page.body, UI[2].raw, "{target}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("cache-control"), "no-cache");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        let policy = page.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types svelte-trusted-html arachne-worker",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        let again = world.send(&get(target).with("If-None-Match", page.header("etag")).with("Accept-Encoding", "br"));
        assert_eq!((again.status, again.body.len(), again.header("content-encoding")), (304, 0, ""));
    }
    let head = world.send(&call("HEAD", "/explore"));
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(world.send(&call("POST", "/explore")).status, 404);
}

#[test]
fn hashed_files_stay_for_good_in_the_coding_that_is_taken() {
    let world = World::new();
    let script = |coding: &str| world.send(&get("/assets/app-1.js").with("Accept-Encoding", coding)).ok();
    for (given, coding, body) in [
        ("gzip, deflate, br", "br", UI[1].br),
        ("gzip, deflate", "gzip", UI[1].gz),
        ("identity", "", Some(UI[1].raw)),
        ("br;q=0", "", Some(UI[1].raw)),
    ] {
        let answer = script(given);
        assert_eq!((answer.header("content-encoding"), Some(&*answer.body)), (coding, body), "{given}");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(answer.header("vary"), "accept-encoding");
        assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
        assert_eq!(answer.header("etag"), UI[1].etag);
    }
    let icon = world.send(&get("/icon.svg").with("Accept-Encoding", "br")).ok();
    assert_eq!((icon.header("content-type"), icon.header("cache-control")), ("image/svg+xml", "no-cache"));
}

#[test]
fn a_missing_file_is_never_a_page() {
    let world = World::new();
    for target in ["/assets/app-0.js", "/assets/", "/assets", "/api/v1/nonsense", "/api", "/api/", "//api/x"] {
        let none = world.send(&get(target));
        assert_eq!((none.status, none.header("content-type")), (404, "application/problem+json"), "{target}");
        assert_eq!(none.header("cache-control"), "no-store", "{target}");
    }
}
