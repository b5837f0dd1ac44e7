//! What browsers tell: from any site and without a token, and nothing is given away for it.

use std::time::{Duration, Instant};

use arachne_server::Auth;

use crate::client::{Call, call};
use crate::world::World;

/// As a page of another site sends it, behind a proxy that passes its own Host on.
fn beacon(method: &str, query: &str) -> Call {
    call(method, &format!("/rum?{query}"))
        .with("Origin", "https://shop.example")
        .with("Sec-Fetch-Site", "cross-site")
        .with("User-Agent", "a browser")
}

/// Waits until a record holds a text.
fn wait_for(world: &World, text: &str) {
    let (begun, patience) = (Instant::now(), Duration::from_secs(30));
    loop {
        let token = format!("Bearer {}", world.token);
        let listed = call("GET", "/api/v1/log_records?columns=message&from=-1h").with("Authorization", &token);
        if world.send(&listed).ok().text().contains(text) {
            return;
        }
        assert!(begun.elapsed() < patience, "no record with {text}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_page_of_any_site_may_tell_and_learns_nothing() {
    let world = World::with(|config| config.access.auth = Auth::Required);
    for method in ["POST", "GET"] {
        let answer = world.send(&beacon(method, &format!("v=1&p={method}-page")));
        assert_eq!((answer.status, answer.text().as_str()), (204, ""));
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("set-cookie"), "");
    }
    wait_for(&world, "POST-page a browser");
    wait_for(&world, "GET-page a browser");
    assert_eq!(world.send(&beacon("POST", "")).status, 400);
    assert_eq!(world.send(&beacon("PUT", "v=1")).status, 405);
    // All else still asks where a page is from.
    let other = call("GET", "/api/v1/exchanges").with("Origin", "https://shop.example");
    assert_eq!(world.send(&other).status, 403);
}

#[test]
fn the_script_is_for_any_page() {
    let world = World::new();
    let script = world.send(&call("GET", "/rum.js").with("Origin", "https://shop.example")).ok();
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(script.header("cross-origin-resource-policy"), "cross-origin");
    assert!(script.text().contains("sendBeacon"));
}

#[test]
fn too_many_are_refused_and_nobody_else_suffers() {
    let world = World::with(|config| (config.limits.rate, config.limits.burst) = (1, 5));
    let statuses: Vec<u16> = (0..12).map(|_| world.send(&beacon("POST", "v=1&p=x")).status).collect();
    assert_eq!(&statuses[..5], [204; 5]);
    assert!(statuses[5..].contains(&429), "{statuses:?}");
    assert_eq!(world.send(&call("GET", "/healthz")).status, 200);
}

#[test]
fn where_they_are_not_wanted_there_is_no_such_route() {
    let world = World::with(|config| config.access.beacons = Some(false));
    assert_eq!(world.send(&beacon("POST", "v=1&p=x")).status, 404);
    assert_eq!(world.send(&call("GET", "/rum.js")).status, 404);
}
