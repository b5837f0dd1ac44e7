//! From the packet to the answer of the API.

use std::thread;

use serde_json::Value;

use super::process::wait;
use super::{Host, Site, hosts, ip, now, web};

/// Whether every stage that an agent tells of is in balance.
pub fn is_balanced(agent: &Value) -> bool {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    agent["status"]["stages"].as_object().is_some_and(|stages| {
        stages.values().all(|stage| {
            let dropped = stage["dropped"].as_object().into_iter().flat_map(|reasons| reasons.values()).map(number);
            number(&stage["input"]) == number(&stage["output"]) + number(&stage["in_flight"]) + dropped.sum::<u64>()
        })
    })
}

/// Whether nothing is on its way from an agent to the server.
pub fn is_delivered(agent: &Value) -> bool {
    let spool = &agent["status"]["spool"];
    agent["online"] == true && spool["live_batches"] == 0 && spool["backlog_batches"] == 0
}

#[test]
fn each_exchange_of_a_real_nginx_is_counted_once() {
    hosts(|far| {
        let site = Site::new(far);
        let Some(_nginx) = web::nginx(&site) else { return };
        let agent = site.start_agent("web-1", Host::Far, &site.register("web-1"));
        let visitors = (0..4).map(|visitor| {
            thread::spawn(move || {
                for connection in 0..5 {
                    let path = |n| format!("/{}/{visitor}/{connection}/{n}", if n % 7 == 0 { "gone" } else { "shop" });
                    web::visit(&(0..20).map(path).collect::<Vec<_>>());
                }
            })
        });
        visitors.collect::<Vec<_>>().into_iter().for_each(|visitor| visitor.join().unwrap());
        // nginx logs an exchange after it sent its last byte.
        wait("400 lines in the log of nginx", || web::logged(&site.path("nginx")).len() == 400);
        let logged = web::logged(&site.path("nginx"));
        site.wait_for_each_once(&logged);
        let how = site.wait_agent("web-1", "at rest", |agent| {
            is_delivered(agent) && is_balanced(agent) && agent["status"]["stages"]["exchanges"]["output"] == 400
        });
        assert_eq!(how["status"]["state"], "capturing");
        assert_eq!(how["status"]["capture"]["kernel_drops"], 0);
        assert_eq!(how["status"]["stages"]["spool"]["output"], how["delivered"]["rows"], "what left is what came");
        assert!(how["delivered"]["lag_ns"].as_i64().is_some_and(|lag| lag > 0), "{how}");
        assert_eq!(agent.end(), Some(0));
    });
}

#[test]
fn a_way_that_swallows_everything_is_noticed_and_made_up_for() {
    hosts(|far| {
        let site = Site::new(far);
        web::serve(&site, "hello");
        let agent = site.start_agent("web-1", Host::Far, &site.register("web-1"));
        let mut paths = vec!["/before".to_owned()];
        web::visit(&paths);
        site.wait_for_each_once(&paths);
        // Frames to the server go to nobody: no answer, no refusal.
        far.run(|| ip("neigh replace 10.9.1.1 lladdr 02:00:00:00:00:99 dev far nud permanent"));
        let (cut, log) = (now(), site.path("web-1.log"));
        let mut noticed = 0;
        while !agent.said().contains("AGENT-NET-001") {
            let path = format!("/while/{}", paths.len());
            web::visit(std::slice::from_ref(&path));
            paths.push(path);
            noticed = now() - cut;
            assert!(noticed < 60_000_000_000, "nobody notices: {}", log.display());
            thread::sleep(std::time::Duration::from_millis(50));
        }
        assert!(noticed < 25_000_000_000, "15 s on a machine with nothing else to do: {noticed} ns");
        assert!(site.seen(0).is_some_and(|rows| rows.len() == 1), "nothing came");
        far.run(|| ip("neigh del 10.9.1.1 dev far"));
        site.wait_for_each_once(&paths);
        let how = site.wait_agent("web-1", "all is made up for", |agent| {
            is_delivered(agent) && agent["status"]["delivery"]["state"] == "closed"
        });
        assert!(how["status"]["delivery"]["failures"].as_u64().is_some_and(|failures| failures > 0), "{how}");
        paths.push("/after".to_owned());
        web::visit(&paths[paths.len() - 1..]);
        site.wait_for_each_once(&paths);
        assert_eq!(agent.end(), Some(0));
    });
}
