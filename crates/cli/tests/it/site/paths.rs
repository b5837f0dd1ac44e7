//! Paths are learned and configured at the server, and all agents go by that: of captured exchanges and of logs.

use nix::sys::signal::Signal;

use super::process::{signal, wait_or};
use super::{Host, SERVER, Site, hosts, web};
use crate::support::arachne;

/// A word of letters for each number: its shape tells nothing.
fn name(n: usize) -> String {
    let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).unwrap());
    format!("{}{}{}name", letter(n), letter(n / 26), letter(n / 676))
}

/// How many rows `arachne sql` counts.
fn count(site: &Site<'_>, question: &str) -> u64 {
    sql(site, question).trim().parse().unwrap_or(0)
}

/// Waits until visits at new paths below `/people` have this template, as they were captured and as nginx logged them.
fn both_go_by(site: &Site<'_>, template: &str, version: u32, mut visit: impl FnMut()) {
    let exchanges = format!(
        "select count(*) from exchanges where url_template = '{template}' and url_template_rules = {}",
        (version << 8) + 1
    );
    let logged = format!(
        "select coalesce(sum(sum), 0) from points where name = 'access.requests' and labels like '%template: {template}%'"
    );
    // Both processes of the agent go by it soon.
    wait_or("templates of exchanges and of logs", || {
        visit();
        std::thread::sleep(std::time::Duration::from_secs(1));
        let (exchanges, logged) = (count(site, &exchanges), count(site, &logged));
        if exchanges > 0 && logged > 0 { Ok(()) } else { Err(format!("{exchanges} captured, {logged} logged")) }
    });
}

/// Waits until the agent was told of this version.
fn told(site: &Site<'_>, version: u64) {
    site.wait_agent("web-1", "it is told of paths", |agent| agent["status"]["paths"] == version);
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
        told(&site, 1);
        let paths: serde_json::Value = serde_json::from_str(&site.ask("GET", "/api/v1/paths", "").unwrap()).unwrap();
        assert_eq!(paths["positions"][0]["prefix"], "/people", "{paths}");
        let mut number = 1000;
        both_go_by(&site, "/people/{word}/cart", 1, || {
            web::visit(&(number..number + 3).map(|n| format!("/people/{}/cart", name(n))).collect::<Vec<_>>());
            number += 3;
        });
        assert_eq!(agent.end(), Some(0));
    });
}

#[test]
fn configured_rules_win_for_captures_and_logs_and_what_is_stored() {
    let text = format!("server:\n  listen: {SERVER}\n  auth: required\nstorage:\n  path: data\n");
    hosts(move |far| {
        let site = Site::with_config(far, &text);
        let folder = site.path("nginx");
        let Some(_nginx) = super::logs::nginx(&site, &folder) else { return };
        let mut words = site.register("web-1");
        words.extend(["--nginx-conf".to_owned(), folder.join("nginx.conf").display().to_string()]);
        let agent = site.start_agent("web-1", Host::Far, &words);
        let visit = || web::visit(&["/people/anna/cart".to_owned(), "/people/7/cart".to_owned()]);
        visit();
        let of_shape = "select count(distinct url_template) from exchanges where url_template_rules = 1";
        wait_or("templates of shape", || {
            let found = count(&site, of_shape);
            if found == 2 { Ok(()) } else { Err(found.to_string()) }
        });
        let hangup = || signal(site.server.as_ref().expect("it runs").id(), Signal::SIGHUP);
        site.put_config(&format!("{text}paths:\n  - /people/{{who}}/**\n"));
        hangup();
        told(&site, 1);
        both_go_by(&site, "/people/{who}/**", 1, visit);
        // What is stored is what it would be had it come now: of one template, and of two again when the rule is gone.
        let stored = |version: u32, templates: &str| {
            let others =
                "select distinct url_template from exchanges where url_path like '/people/%' order by url_template";
            let old = format!("select count(*) from exchanges where url_template_rules < {}", version << 8);
            wait_or("templates of what is stored", || {
                site.ask("POST", "/api/v1/paths/apply", "").ok_or("it is refused")?;
                let found = (count(&site, &old), sql(&site, others));
                if found == (0, templates.to_owned()) { Ok(()) } else { Err(format!("{found:?}")) }
            });
        };
        stored(1, "/people/{who}/**");
        site.put_config(&text);
        hangup();
        told(&site, 2);
        stored(2, "/people/anna/cart\n/people/{id}/cart");
        assert_eq!(agent.end(), Some(0));
    });
}
