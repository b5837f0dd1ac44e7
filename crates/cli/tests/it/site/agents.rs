//! Several agents that see the same exchanges.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::process::wait_or;
use super::{Host, Site, hosts, now, web};

#[test]
fn agents_on_both_ends_show_each_rate_once() {
    hosts(|far| {
        let site = Site::new(far);
        web::serve(&site, "hello");
        let begin = now();
        let agents = [("client", Host::Near), ("server", Host::Far)];
        let agents = agents.map(|(name, host)| site.start_agent(name, host, &site.register(name)));
        let paths: Vec<_> = (0..60).map(|n| format!("/both/{n}")).collect();
        for path in &paths {
            web::visit(std::slice::from_ref(path));
            // So slowly that both agents close several batches meanwhile.
            thread::sleep(Duration::from_millis(20));
            if let Some(rows) = site.seen(begin) {
                let mut counted: Vec<_> = rows.iter().filter(|row| row.counted).map(|row| &row.path).collect();
                let all = counted.len();
                counted.sort();
                counted.dedup();
                assert_eq!(counted.len(), all, "at no moment an exchange counts twice");
            }
        }
        wait_or("two rows of each exchange", || {
            let rows = site.seen(begin).unwrap_or_default();
            if rows.len() == 2 * paths.len() { Ok(()) } else { Err(format!("{} rows", rows.len())) }
        });
        let rows = site.seen(begin).expect("the server answers");
        assert!(rows.iter().all(|row| row.counted == (row.agent == "server")), "the server's side counts: {rows:?}");
        let all = paths.len() as u64;
        let bars = site.timeline(begin).expect("the server answers");
        let of_agents: Vec<_> =
            bars["series"].as_array().unwrap().iter().map(|one| (&one["key"], &one["total"])).collect();
        assert_eq!((bars["total"].as_u64(), of_agents), (Some(all), vec![(&json!("server"), &json!(all))]));
        let heights = bars["series"][0]["values"].as_array().unwrap().iter().filter_map(Value::as_u64);
        assert_eq!(heights.sum::<u64>(), all, "the bars have each once: {bars}");
        assert_eq!(agents.map(|agent| agent.end()), [Some(0), Some(0)]);
    });
}
