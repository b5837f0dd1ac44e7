//! A real nginx whose logs are found by themselves: the counts in the store are those of the requests.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::process::{Process, wait};
use super::{Host, Site, hosts, web};
use crate::support::arachne;

const CONFIG: &str = r#"
daemon off; master_process off; pid nginx.pid; error_log error.log;
events { worker_connections 256; }
http {
  log_format timed '$remote_addr [$time_iso8601] "$request" $status $body_bytes_sent "$http_user_agent" $request_time $request_id';
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  include servers/*.conf;
}"#;
const SERVER: &str = r#"
server {
  listen 10.9.0.2:80; server_name shop.example; default_type text/plain; access_log access.log timed;
  location / { return 200 "hello\n"; }
  location /gone/ { return 503 "gone\n"; }
  location /many/ { return 429 "too many\n"; }
}"#;

pub fn nginx(site: &Site<'_>, folder: &Path) -> Option<Process> {
    if Command::new("nginx").arg("-v").output().is_err() {
        eprintln!("skipped: nginx is not installed (Debian package nginx-light)");
        return None;
    }
    for inside in ["body", "proxy", "fcgi", "uwsgi", "scgi", "servers"] {
        std::fs::create_dir_all(folder.join(inside)).unwrap();
    }
    std::fs::write(folder.join("nginx.conf"), CONFIG).unwrap();
    std::fs::write(folder.join("servers/shop.conf"), SERVER).unwrap();
    let folder = folder.to_owned();
    let process = site.far.run(move || {
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "error.log"]);
        Process::start(command, &folder.join("log"))
    });
    wait("nginx", || std::net::TcpStream::connect(web::WEB).is_ok());
    Some(process)
}

/// What `arachne sql` answers, as CSV without its head.
fn sql(site: &Site<'_>, question: &str) -> String {
    let asked = arachne().args(["sql", "--format", "csv", question, "--data"]).arg(site.data()).output().unwrap();
    let told = String::from_utf8(asked.stdout).unwrap();
    told.lines().skip(1).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_requests_of_a_real_nginx_are_counted_by_class_with_no_configuration() {
    hosts(|far| {
        let site = Site::new(far);
        let folder = site.path("nginx");
        let Some(nginx) = nginx(&site, &folder) else { return };
        let mut words = site.register("web-1");
        words.extend(["--nginx-conf".to_owned(), folder.join("nginx.conf").display().to_string()]);
        let agent = site.start_agent("web-1", Host::Far, &words);
        let files = "select count(*) from points where name = 'log.files'";
        wait("the first look at logs", || sql(&site, files).trim().parse::<u64>().is_ok_and(|count| count > 0));
        let paths = |kind: &str, count: usize| (0..count).map(|n| format!("/{kind}/{n}")).collect::<Vec<_>>();
        web::visit(&paths("item", 40));
        web::visit(&paths("gone", 7));
        // Rotated in between, as logrotate does.
        std::fs::rename(folder.join("access.log"), folder.join("access.log.1")).unwrap();
        super::process::signal(nginx.id(), nix::sys::signal::Signal::SIGUSR1);
        wait("the new log", || folder.join("access.log").exists());
        web::visit(&paths("many", 5));
        assert_eq!(agent.end(), Some(0));
        let requests = |class: &str| {
            let of = format!("name = 'access.total' and labels like '%class: {class}%'");
            sql(&site, &format!("select coalesce(sum(sum), 0) from points where {of}")).trim().to_owned()
        };
        let all = || ["fast", "error", "limited", ""].map(requests);
        let mut last = all();
        let expected = ["40", "7", "5", "52"];
        super::process::wait_or("all requests by class", || {
            last = all();
            if last == expected { Ok(()) } else { Err(format!("{last:?}")) }
        });
        let errors =
            sql(&site, "select count(*) from log_records where level = 'error' and log_template = '/gone/{id}'");
        assert_eq!(errors.trim(), "7");
    });
}

/// Lines that are to break something, from a file over an agent, a server and its store to who asks: all there, as they were, and none
/// of them speaks to a terminal.
#[test]
fn hostile_lines_arrive_as_they_were() {
    let Some(hostile) = crate::support::shared("hostile") else { return };
    hosts(move |far| {
        let site = Site::new(far);
        let cases: Value = serde_json::from_slice(&std::fs::read(hostile.join("cases.json")).unwrap()).unwrap();
        let cases = cases.as_array().or_else(|| cases["cases"].as_array()).unwrap();
        let cases: Vec<_> = cases.iter().filter(|case| case["kind"] == "log").collect();
        assert!(cases.len() >= 11, "{} cases", cases.len());
        let folder = site.path("logs");
        std::fs::create_dir(&folder).unwrap();
        let named = |case: &Value| folder.join(format!("{}.log", case["id"].as_str().unwrap()));
        let config: String = cases.iter().map(|case| format!("error_log {};\n", named(case).display())).collect();
        std::fs::write(folder.join("nginx.conf"), config).unwrap();
        let mut words = site.register("web-1");
        words.extend(["--nginx-conf".to_owned(), folder.join("nginx.conf").display().to_string()]);
        let agent = site.start_agent("web-1", Host::Far, &words);
        let files = "select count(*) from points where name = 'log.files'";
        wait("the first look at logs", || sql(&site, files).trim().parse::<u64>().is_ok_and(|count| count > 0));
        for case in &cases {
            let mut bytes = std::fs::read(hostile.join(case["file"].as_str().unwrap())).unwrap();
            if case["unpack"] == "gzip" {
                let packed = std::mem::take(&mut bytes);
                std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(packed.as_slice()), &mut bytes)
                    .unwrap();
            }
            std::fs::write(named(case), bytes).unwrap();
        }
        for case in &cases {
            let file = named(case).display().to_string();
            let count = |what: &str| sql(&site, what).trim().parse::<i64>().unwrap_or(-1);
            let records = format!("select coalesce(sum(weight), 0) from log_records where log_file_path = '{file}'");
            let dropped = format!(
                "select coalesce(sum(sum), 0) from points where name = 'log.records.dropped' and labels like '%{file}%'"
            );
            let (exactly, least) = (case["expect"]["records"].as_i64(), case["expect"]["records_min"].as_i64());
            // The last line of one is indented, and so belongs to the line before; that of the other waits for its end, or for the
            // rotation of its file.
            let less = ["log-csv-formula", "log-no-newline"].iter().any(|id| case["id"] == *id);
            let exactly = exactly.map(|all| all - i64::from(less));
            super::process::wait_or(&format!("{}", case["id"]), || {
                let (kept, dropped) = (count(&records), count(&dropped));
                let fits = match exactly {
                    Some(all) => kept + dropped == all,
                    None => kept >= 1 && kept + dropped >= least.unwrap(),
                };
                if fits { Ok(()) } else { Err(format!("{kept} kept, {dropped} dropped")) }
            });
        }
        // What goes to a terminal cannot steer it, what a browser gets is text in JSON, and what was written is found.
        let shown = arachne()
            .args(["sql", "select message from log_records where octet_length(message) < 4000", "--data"])
            .arg(site.data())
            .output()
            .unwrap();
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
        let shown = String::from_utf8(shown.stdout).unwrap();
        let steers = |c: char| c.is_control() && c != '\n';
        assert!(
            shown.contains("__pwned") && !shown.contains(steers),
            "{:?} {shown:.3000}",
            shown.chars().find(|c| steers(*c))
        );
        let path = named(&serde_json::json!({"id": "log-xss"})).display().to_string();
        let lines = std::fs::read_to_string(&path).unwrap();
        for line in lines.lines() {
            let quoted = line.replace('\'', "''");
            let found = sql(&site, &format!("select count(*) from log_records where message = '{quoted}'"));
            assert_eq!(found.trim(), "1", "{line:?}");
        }
        assert_eq!(agent.end(), Some(0));
    });
}
