//! The hostile captures of kind `secret`, sent once more past a real agent: nothing secret leaves its capture process.

use std::fs;
use std::path::Path;

use arachne_testkit::replay;
use serde_json::json;

use super::delivery::is_delivered;
use super::process::{wait, wait_or};
use super::{Host, Site, hosts, now, spooled};
use crate::secrets::{Answers, Case, Door, ask_all, assert_clean, cases, column, get, has};
use crate::support::arachne;

/// What is asked for whole packets gives what was in them, to whoever has that right.
const OF_PACKETS: &[&str] = &["packets", "pcapng", "/stream", "POST /api/v1/sql", "\"table\":\"packets\""];

/// Sends the cases, as of clients of their own.
fn send(site: &Site<'_>, cases: &[Case], first_client: u8) {
    for (client, case) in (first_client..).zip(cases) {
        let mut frames = replay::frames(&*case.bytes).expect("a capture of Ethernet");
        replay::move_client(&mut frames, client);
        site.far.run(move || replay::send("far", &frames)).expect("root may send");
    }
}

/// All bytes of all files below a folder.
fn everything(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { bytes.extend(everything(&path)) } else { bytes.extend(fs::read(path).unwrap_or_default()) }
    }
    bytes
}

fn assert_no_secret(bytes: &[u8], cases: &[Case], place: &str) {
    for secret in cases.iter().flat_map(|case| &case.secrets) {
        assert!(!has(bytes, secret), "{secret} is in {place}");
    }
}

/// Everything that the agent kept while there was no server.
fn assert_clean_spool(site: &Site<'_>, cases: &[Case]) {
    let folder = site.path("web-1");
    let mut rows = Vec::new();
    wait("all exchanges in the spool", || {
        rows = spooled(&folder);
        rows.iter().map(|rows| rows.exchanges.len()).sum::<usize>() == cases.len()
    });
    let mut told = format!("{rows:?}").into_bytes();
    rows.iter().flat_map(|rows| &rows.bodies).for_each(|body| told.extend(&body.bytes));
    assert!(has(&told, "[redacted:"), "it is told that something was there");
    assert!(rows.iter().any(|rows| !rows.packets.is_empty()), "packets were asked for");
    assert_no_secret(&told, cases, "the rows of the spool");
    assert_no_secret(&everything(&folder), cases, "the files of the spool");
}

/// A session is told some seconds behind its end.
fn wait_for_exchanges(site: &Site<'_>, count: usize, begin: i64) {
    let door = Door::Socket(site.data().join("socket"));
    wait_or("the exchanges and sessions", || {
        let there = site.count(begin).unwrap_or_default();
        let sessions = column(&get(&door, "/api/v1/sessions"), "id").len();
        if (there, sessions) == (count as u64, count) { Ok(()) } else { Err(format!("{there}, {sessions} of {count}")) }
    });
    site.wait_agent("web-1", "all is delivered", is_delivered);
}

/// Asks for packets to be kept.
fn keep_packets(site: &Site<'_>, which: &str, version: u64) {
    let config = json!({"interfaces": ["near"], "filter": "tcp port 80", "save": {"packets": which}});
    site.ask("PUT", "/api/v1/agents/web-1/config", &config.to_string()).expect("it is sound");
    site.wait_agent("web-1", "the configuration", |agent| agent["status"]["config"]["applied"] == version);
}

#[test]
fn no_secret_that_was_captured_live_is_anywhere() {
    let Some(cases) = cases() else { return };
    hosts(move |far| {
        let mut site = Site::new(far);
        let begin = now();
        let door = Door::Socket(site.data().join("socket"));
        let words = site.register("web-1");
        let agent = site.launch(arachne(), "web-1", Host::Near, &words, "tcp port 80");
        keep_packets(&site, "headers", 2);

        site.kill_server();
        send(&site, &cases, 1);
        assert_clean_spool(&site, &cases);
        site.start_server();
        wait_for_exchanges(&site, cases.len(), begin);
        assert_clean(&ask_all(&door), &cases);
        for place in ["data", "web-1", "web-1.log", "serve.log"] {
            let path = site.path(place);
            let bytes = if path.is_dir() { everything(&path) } else { fs::read(path).unwrap() };
            assert_no_secret(&bytes, &cases, place);
        }

        // Whole packets are a right of their own: they have all, and nothing else has more for it.
        keep_packets(&site, "whole", 3);
        send(&site, &cases, 101);
        wait_for_exchanges(&site, 2 * cases.len(), begin);
        let of_packets = |question: &str| OF_PACKETS.iter().any(|part| question.contains(part));
        let (packets, others): (Answers, Answers) = ask_all(&door).into_iter().partition(|one| of_packets(&one.0));
        assert_clean(&others, &cases);
        let shown = |secret: &String| packets.iter().any(|(_, answer)| has(answer, secret));
        assert!(cases.iter().flat_map(|case| &case.secrets).any(shown), "whole packets are whole");
        assert_eq!(agent.end(), Some(0));
    });
}
