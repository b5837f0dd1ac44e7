//! A real nginx whose logs are found by themselves: the counts in the store are those of the requests.

use std::path::Path;
use std::process::Command;

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
