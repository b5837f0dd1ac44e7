//! From the packet to the answer of the API.

use std::thread;

use serde_json::Value;

use super::process::wait;
use super::{Host, Site, hosts, web};

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
