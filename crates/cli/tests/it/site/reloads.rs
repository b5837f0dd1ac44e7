//! `arachne.yml` changed again and again, every second time into a broken one, while visitors come to a real nginx, its
//! exchanges are captured by the server's own agent, and the server is asked (R12). `ARACHNE_RELOADS=1000` for so many.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::delivery::{is_balanced, is_delivered};
use super::process::{signal, wait, wait_or};
use super::{SERVER, Site, asked_for, hosts, web};

/// How long a server and its agent may take to end.
const DRAINED: Duration = Duration::from_secs(10);

/// The configuration with these lines in its sections `server`, `agent`, and behind all.
fn text(server: &str, agent: &str, more: &str) -> String {
    format!(
        "server:\n  listen: {SERVER}\n  auth: required\n{server}storage:\n  path: data\nagent:\n  name: web-1\n  \
         interfaces: near\n{agent}{more}"
    )
}

/// What the file is in round `round`: other limits, filters that catch the same, services; every second one is broken.
fn variant(round: u64) -> (String, bool) {
    let filter = ["net 10.9.0.0/24", "net 10.9.0.0/24 and tcp", "tcp and net 10.9.0.0/24"];
    let filter = filter[usize::try_from(round / 2 % 3).unwrap()];
    let agent = format!("  filter: {filter}\n  limits:\n    cpu_percent: {}\n", 80 + round / 2 % 20);
    let more = format!("services:\n  - name: shop-{}\n    port: 8080\n", round / 2 % 7);
    let broken = ["agnet:\n", "services: shop\n", "storage:\n  path: e\n", "agent: {limits: {memory: much}}\n"];
    match round % 2 {
        0 => (text("", &agent, &more), false),
        _ => (text("", &agent, broken[usize::try_from(round / 2 % 4).unwrap()]), true),
    }
}

/// Changes the file, and waits until it is in force or refused.
fn reload(site: &Site<'_>, round: u64) {
    let (text, broken) = variant(round);
    site.put_config(&text);
    signal(site.server.as_ref().expect("it runs").id(), Signal::SIGHUP);
    wait_or(&format!("reload {round}"), || {
        let stands = site.ask("GET", "/api/v1/configuration", "").ok_or_else(|| "a failed request".to_owned())?;
        let stands: Value = serde_json::from_str(&stands).map_err(|error| error.to_string())?;
        if (stands["in_force"] == true) == broken { Err(stands.to_string()) } else { Ok(()) }
    });
}

/// Reloads while two ask as fast as they can; gives how often they asked.
fn reloads_under_load(site: &Site<'_>, rounds: u64) -> u64 {
    let (ended, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    let socket = site.data().join("socket");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    assert!(super::ask(&socket, "GET", "/api/v1/me", "").is_some(), "a request failed");
                    asked.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
        }
        for round in 0..rounds {
            reload(site, round);
        }
        ended.store(true, Ordering::Relaxed);
    });
    asked.into_inner()
}

#[test]
fn reloads_fail_no_request_and_lose_no_packet() {
    let rounds = asked_for("ARACHNE_RELOADS", 20);
    hosts(move |far| {
        let mut site = Site::with_config(far, &variant(0).0);
        let Some(_nginx) = web::nginx(&site) else { return };
        site.wait_agent("web-1", "it captures", |agent| agent["status"]["state"] == "capturing");
        let begun = Instant::now();
        let visitors = web::Visitors::come("visit", 4, Duration::from_millis(5));
        let asked = reloads_under_load(&site, rounds);
        let took = begun.elapsed();
        let visits = usize::try_from(visitors.leave()).unwrap();
        wait("the log of nginx", || web::logged(&site.path("nginx")).len() == visits);
        let logged = web::logged(&site.path("nginx"));
        site.wait_for_each_once(&logged);
        let how = site.wait_agent("web-1", "at rest", |agent| is_delivered(agent) && is_balanced(agent));
        assert_eq!(how["status"]["capture"]["kernel_drops"], 0, "{how}");
        assert_eq!(how["status"]["capture"]["bytes_lost"], 0, "{how}");
        assert_eq!(
            (&how["status"]["delivery"]["failures"], &how["status"]["config"]["error"]),
            (&0.into(), &Value::Null)
        );
        eprintln!(
            "{rounds} reloads in {took:.1?}: {asked} requests, none failed; {visits} exchanges of nginx, none lost"
        );

        // Both end while visitors come: what was captured is there afterwards.
        let visitors = web::Visitors::come("late", 4, Duration::from_millis(5));
        std::thread::sleep(Duration::from_millis(500));
        let begun = Instant::now();
        assert_eq!(site.server.take().and_then(|server| server.end()), Some(0));
        let drained = begun.elapsed();
        visitors.leave();
        assert!(drained <= DRAINED, "{drained:?}");
        eprintln!("the server and its agent ended after {drained:.1?}");
        // No server starts with a broken file.
        site.put_config(&variant(0).0);
        site.start_server();
        let there = site.seen(0).expect("the server answers");
        let late = there.iter().filter(|row| row.path.starts_with("/late/")).count();
        assert!(late > 0 && there.iter().filter(|row| row.path.starts_with("/visit/")).count() == visits);
    });
}
