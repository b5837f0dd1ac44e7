//! What to run on a host so that its agent finds this server.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, Uri, header};

use crate::app::App;
use crate::config::Config;
use crate::control::encryption;
use crate::serve::ServeError;

/// Where the key of an agent is kept on its host.
const KEY_FILE: &str = "/etc/arachne-agent/key";
/// Where its program is put.
const PROGRAM: &str = "/usr/local/bin/arachne-agent";
/// Where its unit is put, and what that is told.
const UNIT: &str = "/etc/systemd/system/arachne-agent.service";
const ENVIRONMENT: &str = "/etc/arachne-agent/environment";

/// The authorities that a host trusts, where something with a public certificate stands in front of the server.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// How agents reach a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerAddress {
    /// Scheme, host and port.
    pub url: String,
    /// What its certificate is known by; without one, who signed it.
    pub pin: Option<String>,
}

/// What stands for a part of the address that only a running server knows.
const UNKNOWN: [&str; 2] = ["HOST", "PORT"];

/// What to run on a host so that its agent with `key` finds a server of `config` that does not run. What is not known before it
/// does stands there as `HOST` or `PORT`.
///
/// # Errors
/// The server could not start so.
pub fn install(config: &Config, key: &str) -> Result<String, ServeError> {
    if let Some(url) = &config.access.public_url {
        return Ok(command(&ServerAddress { url: url.clone(), pin: None }, key));
    }
    let pin = encryption(&config.access, &config.data)?.map(|tls| tls.pin());
    Ok(command(&address(&own(config.access.listen), pin), key))
}

/// Where others than who asks find a server that listens on `address`.
fn own(address: SocketAddr) -> String {
    let [unknown_host, unknown_port] = UNKNOWN;
    let host = match address.ip() {
        ip if ip.is_unspecified() => host_name().unwrap_or_else(|| unknown_host.to_owned()),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    };
    // The system chooses the port at each start.
    let port = if address.port() == 0 { unknown_port.to_owned() } else { address.port().to_string() };
    format!("{host}:{port}")
}

/// How whoever asks with these `headers` reaches this server; over the socket, how others do.
pub(crate) fn server(app: &App, uri: &Uri, headers: &HeaderMap) -> ServerAddress {
    if let Some(url) = app.public_url() {
        return ServerAddress { url, pin: None };
    }
    let target = uri.authority().map(|authority| authority.as_str());
    let header = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let asked = target.or(header).filter(|host| is_host(host));
    let host = match asked {
        Some(host) if host.contains(':') => host.to_owned(),
        // Over the socket there is no port in the name.
        _ => own(app.address()),
    };
    address(&host, app.pin())
}

fn address(host: &str, pin: Option<String>) -> ServerAddress {
    let scheme = if pin.is_some() { "https" } else { "http" };
    ServerAddress { url: format!("{scheme}://{host}"), pin }
}

/// For a shell of root: it keeps `key` for root alone, fetches the program where there is none, and starts the agent: as a unit where
/// systemd runs, with the one of a package where there is one, and else in the foreground.
pub(crate) fn command(server: &ServerAddress, key: &str) -> String {
    let url = &server.url;
    // curl knows the pin with two slashes, and asks for a chain of trust beside it unless told not to. What a shell echoes
    // is in no list of processes, what curl is given is.
    let (trust, pin, pin_line) = match &server.pin {
        Some(pin) => (
            format!(" -k --pinnedpubkey {}", pin.replacen('/', "//", 1)),
            format!(" --pin {pin}"),
            format!(" ARACHNE_PIN={pin}"),
        ),
        None if url.starts_with("https:") => {
            (String::new(), format!(" --ca {AUTHORITIES}"), format!(" ARACHNE_CA={AUTHORITIES}"))
        }
        None => Default::default(),
    };
    format!(
        "(umask 077; mkdir -p /etc/arachne-agent; echo {key} > {KEY_FILE}) && \\\n\
         {{ command -v arachne-agent >/dev/null || {{ echo 'header = \"Authorization: Bearer {key}\"' | \
         curl -fsS{trust} -K - -o {PROGRAM} \"{url}/agent/v1/program?machine=$(uname -m)\" && chmod 755 {PROGRAM}; }}; }} && \\\n\
         if [ -d /run/systemd/system ]; then \\\n\
         (umask 077; touch {ENVIRONMENT} && sed -i '/^ARACHNE_\\(SERVER\\|PIN\\|CA\\)=/d' {ENVIRONMENT} && \
         printf '%s\\n' ARACHNE_SERVER={url}{pin_line} >> {ENVIRONMENT}) && \\\n\
         {{ systemctl cat arachne-agent >/dev/null 2>&1 || \
         {{ arachne-agent --print-unit > {UNIT}.new && mv {UNIT}.new {UNIT}; }}; }} && \\\n\
         systemctl daemon-reload && systemctl enable arachne-agent && systemctl restart arachne-agent\n\
         else\n\
         arachne-agent --server {url} --key-file {KEY_FILE}{pin}\n\
         fi"
    )
}

/// Whether it may stand in a command: a header is text of a stranger.
fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
}

fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?.trim().to_owned();
    is_host(&name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_an_address_is_told() {
        let of = |address: &str| own(address.parse().expect("an address"));
        assert_eq!(of("10.0.0.9:7117"), "10.0.0.9:7117");
        assert_eq!(of("[::1]:80"), "[::1]:80");
        assert_eq!(of("127.0.0.1:0"), "127.0.0.1:PORT");
    }

    fn of(pin: Option<&str>) -> String {
        let pin = pin.map(str::to_owned);
        command(&ServerAddress { url: "https://shop:7117".to_owned(), pin }, "ara_1")
    }

    #[test]
    fn a_command_starts_an_agent_and_nothing_else() {
        let text = of(Some("sha256/AA+/="));
        let expected = [
            "(umask 077; mkdir -p /etc/arachne-agent; echo ara_1 > /etc/arachne-agent/key) && \\",
            "{ command -v arachne-agent >/dev/null || { echo 'header = \"Authorization: Bearer ara_1\"' | curl -fsS -k --pinnedpubkey \
             sha256//AA+/= -K - -o /usr/local/bin/arachne-agent \"https://shop:7117/agent/v1/program?machine=$(uname -m)\" && \
             chmod 755 /usr/local/bin/arachne-agent; }; } && \\",
            "if [ -d /run/systemd/system ]; then \\",
        ];
        assert_eq!(text.lines().take(3).collect::<Vec<_>>(), expected);
        let run = "arachne-agent --server https://shop:7117 --key-file /etc/arachne-agent/key --pin sha256/AA+/=";
        assert_eq!(text.lines().rev().take(3).collect::<Vec<_>>(), ["fi", run, "else"]);
        let of_authorities = of(None);
        assert!(!of_authorities.contains("pin") && of_authorities.contains("curl -fsS -K -"), "{of_authorities}");
        assert!(of_authorities.contains(" ARACHNE_CA=/etc/ssl/certs/ca-certificates.crt "), "{of_authorities}");
        assert!(of_authorities.contains("/key --ca /etc/ssl/certs/ca-certificates.crt\n"), "{of_authorities}");
        for evil in ["", "a b", "$(reboot)", "a;b", "a`b`", "a\"", "a/../b"] {
            assert!(!is_host(evil), "{evil}");
        }
        assert!(is_host("shop-1.test:7117") && is_host("[::1]:7117"));
    }

    /// The command itself, in a folder instead of the root, with programs that only tell what they were asked.
    #[cfg(unix)]
    #[test]
    fn where_systemd_runs_a_unit_is_enabled_and_started() {
        use std::os::unix::fs::PermissionsExt as _;
        use std::{fs, process::Command};
        let root = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| root.path().join(name);
        for folder in ["bin", "etc/systemd/system", "run/systemd"] {
            fs::create_dir_all(path(folder)).expect("writable");
        }
        let told = path("told");
        let program = |name: &str, text: &str| {
            let text = format!("#!/bin/sh\necho {name} \"$@\" >> {}\n{text}\n", told.display());
            fs::write(path("bin").join(name), text).expect("writable");
            fs::set_permissions(path("bin").join(name), fs::Permissions::from_mode(0o755)).expect("it is ours");
        };
        let unit = path("etc/systemd/system/arachne-agent.service");
        program("systemctl", &format!("[ \"$1\" != cat ] || [ -e {} ]", unit.display()));
        program("arachne-agent", "echo '[Unit]'");
        let run = |pin| {
            let at = |name: &str| format!("{}{name}", root.path().display());
            let command = of(Some(pin)).replace("/etc/", &at("/etc/")).replace("/run/systemd", &at("/run/systemd"));
            let search = format!("{}:{}", path("bin").display(), std::env::var("PATH").unwrap_or_default());
            let output = Command::new("sh").arg("-c").arg(command).env("PATH", search).output().expect("a shell");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let text = fs::read_to_string(&told).expect("something was run");
            fs::remove_file(&told).expect("it is ours");
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let foreground = run("sha256/a");
        assert_eq!(foreground.len(), 1);
        assert!(foreground[0].starts_with("arachne-agent --server https://shop:7117 --key-file "), "{foreground:?}");
        fs::create_dir(path("run/systemd/system")).expect("writable");
        fs::write(path("etc/arachne-agent/environment"), "RUST_BACKTRACE=1\nARACHNE_SERVER=http://old\n")
            .expect("writable");
        let started = ["systemctl daemon-reload", "systemctl enable arachne-agent", "systemctl restart arachne-agent"];
        let asked = |more: &[&'static str]| more.iter().chain(&started).copied().collect::<Vec<_>>();
        assert_eq!(run("sha256/a"), asked(&["systemctl cat arachne-agent", "arachne-agent --print-unit"]));
        assert_eq!(run("sha256/b"), asked(&["systemctl cat arachne-agent"]), "there is a unit");
        let environment = fs::read_to_string(path("etc/arachne-agent/environment")).expect("it was written");
        assert_eq!(environment, "RUST_BACKTRACE=1\nARACHNE_SERVER=https://shop:7117\nARACHNE_PIN=sha256/b\n");
        assert_eq!(fs::read_to_string(unit).expect("it was written").lines().last(), Some("[Unit]"));
        let key = fs::metadata(path("etc/arachne-agent/key")).expect("it was written");
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
}
