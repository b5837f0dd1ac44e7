//! A spool that filled while the server was away is delivered beside what is captured meanwhile (R7).
//!
//! `ARACHNE_SPOOL_MB=100` for so much; `ARACHNE_BIN` for an optimised build. Prints what was measured.

use std::time::{Duration, Instant};

use super::delivery::{is_balanced, is_delivered};
use super::process::wait_or;
use super::{Host, Site, asked_for, hosts, now, spooled, web};

/// Bytes of each answer.
const BODY_BYTES: usize = 8000;
/// How late what is live may be meanwhile.
const LIVE_LAG: Duration = Duration::from_secs(60);

fn spool_bytes(site: &Site<'_>) -> u64 {
    let files = std::fs::read_dir(site.path("web-1").join("spool")).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|about| about.len()).sum()
}

/// Batches in the spool.
fn spooled_batches(site: &Site<'_>) -> usize {
    spooled(&site.path("web-1")).len()
}

#[test]
fn what_waited_is_delivered_beside_what_is_live() {
    let wanted = asked_for("ARACHNE_SPOOL_MB", 4) << 20;
    hosts(move |far| {
        let mut site = Site::new(far);
        web::serve_noise(&site, BODY_BYTES);
        let agent = site.start_agent("web-1", Host::Far, &site.register("web-1"));
        let begin = now();
        let live = web::Visitors::come("live", 1, Duration::from_millis(20));
        wait_or("something live", || {
            let there = site.count(begin).unwrap_or_default();
            if there > 20 { Ok(()) } else { Err(there.to_string()) }
        });
        site.kill_server();
        let (filling, begun) = (web::Visitors::come("waits", 8, Duration::from_millis(1)), Instant::now());
        while spool_bytes(&site) < wanted {
            assert!(begun.elapsed() < Duration::from_secs(600), "{} bytes", spool_bytes(&site));
            std::thread::sleep(Duration::from_millis(100));
        }
        let waited = filling.leave();
        let (bytes, batches, begun) = (spool_bytes(&site), spooled_batches(&site), Instant::now());
        site.start_server();
        let (mut lag, mut drained) = (0, Duration::ZERO);
        wait_or("the backlog", || {
            let how = site.agent("web-1").unwrap_or_default();
            let spool = &how["status"]["spool"];
            drained = begun.elapsed();
            let backlog = spool["backlog_batches"].as_u64();
            // What was the lag before the server went is not of now.
            lag = lag.max(spool["live_lag_ns"].as_u64().filter(|_| backlog == Some(0)).unwrap_or_default());
            let fresh = how["online"] == true;
            if fresh && backlog == Some(0) && spool["delivered"].as_u64() > Some(0) {
                Ok(())
            } else {
                Err(spool.to_string())
            }
        });
        let all = waited + live.leave();
        wait_or("each visit once", || {
            let there = site.count(begin).unwrap_or_default();
            if there == all { Ok(()) } else { Err(format!("{there} of {all}")) }
        });
        let how = site.wait_agent("web-1", "at rest", |agent| is_delivered(agent) && is_balanced(agent));
        let seconds = drained.as_secs_f64();
        let (megabytes, rate) = (bytes as f64 / 1e6, waited as f64 / seconds);
        eprintln!(
            "{megabytes:.1} MB, {batches} batches and {waited} exchanges in {seconds:.1} s: {:.1} MB/s, {rate:.0} exchanges/s beside live ones, \
             which were late by {} ms at most; stages {}",
            megabytes / seconds,
            lag / 1_000_000,
            how["status"]["stages"]["spool"]
        );
        assert!(u128::from(lag) <= LIVE_LAG.as_nanos(), "{lag}");
        assert_eq!(agent.end(), Some(0));
    });
}
