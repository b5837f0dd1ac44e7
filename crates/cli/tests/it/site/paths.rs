//! Paths are learned at the server, and all agents go by what was learned: of captured exchanges and of logs.

use super::process::wait_or;
use super::{Host, Site, hosts, web};
use crate::support::arachne;

/// A word of letters for each number: its shape tells nothing.
fn name(n: usize) -> String {
    let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).unwrap());
    format!("{}{}{}name", letter(n), letter(n / 26), letter(n / 676))
}

/// What `arachne sql` answers, as CSV without its head.
fn sql(site: &Site<'_>, question: &str) -> String {
    let asked = arachne().args(["sql", "--format", "csv", question, "--data"]).arg(site.data()).output().unwrap();
    String::from_utf8(asked.stdout).unwrap().lines().skip(1).collect::<Vec<_>>().join("\n")
}

#[test]
fn names_in_paths_are_learned_once_and_count_for_captures_and_logs_alike() {
    hosts(|far| {
        let site = Site::new(far);
        let folder = site.path("nginx");
        let Some(_nginx) = super::logs::nginx(&site, &folder) else { return };
        let mut words = site.register("web-1");
        words.extend(["--nginx-conf".to_owned(), folder.join("nginx.conf").display().to_string()]);
        let agent = site.start_agent("web-1", Host::Far, &words);
        web::visit(&(0..250).map(|n| format!("/people/{}/cart", name(n))).collect::<Vec<_>>());
        let told = |version: u64| {
            let mut last = serde_json::Value::Null;
            wait_or("what was learned is told to the agent", || {
                last = site.agent("web-1").unwrap_or_default();
                if last["status"]["paths"] == version { Ok(()) } else { Err(last["status"]["paths"].to_string()) }
            });
        };
        told(1);
        let paths: serde_json::Value = serde_json::from_str(&site.ask("GET", "/api/v1/paths", "").unwrap()).unwrap();
        assert_eq!(paths["positions"][0]["prefix"], "/people", "{paths}");
        // Both processes of the agent go by it soon; until then there are names.
        let template = "/people/{word}/cart";
        let count = |question: String| sql(&site, &question).trim().parse::<u64>().unwrap_or(0);
        let mut number = 1000;
        wait_or("templates of exchanges and of logs", || {
            web::visit(&(number..number + 3).map(|n| format!("/people/{}/cart", name(n))).collect::<Vec<_>>());
            number += 3;
            std::thread::sleep(std::time::Duration::from_secs(1));
            let exchanges = count(format!(
                "select count(*) from exchanges where url_template = '{template}' and url_template_rules = 257"
            ));
            let logged = count(format!(
                "select coalesce(sum(sum), 0) from points where name = 'access.requests' and labels like '%template: {template}%'"
            ));
            if exchanges > 0 && logged > 0 { Ok(()) } else { Err(format!("{exchanges} captured, {logged} logged")) }
        });
        assert_eq!(agent.end(), Some(0));
    });
}
