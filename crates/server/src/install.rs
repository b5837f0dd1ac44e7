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

/// How agents reach a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerAddress {
    /// Scheme, host and port.
    pub url: String,
    /// What its certificate is known by.
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

/// One line for a shell of root: it keeps `key` for root alone, fetches the program where there is none, and starts the agent.
pub(crate) fn command(server: &ServerAddress, key: &str) -> String {
    let url = &server.url;
    // curl knows the pin with two slashes, and asks for a chain of trust beside it unless told not to. What a shell echoes
    // is in no list of processes, what curl is given is.
    let (trust, pin) = match &server.pin {
        Some(pin) => (format!(" -k --pinnedpubkey {}", pin.replacen('/', "//", 1)), format!(" --pin {pin}")),
        None => Default::default(),
    };
    format!(
        "(umask 077; mkdir -p /etc/arachne-agent; echo {key} > {KEY_FILE}) && \\\n\
         {{ command -v arachne-agent >/dev/null || {{ echo 'header = \"Authorization: Bearer {key}\"' | \
         curl -fsS{trust} -K - -o {PROGRAM} \"{url}/agent/v1/program?machine=$(uname -m)\" && chmod 755 {PROGRAM}; }}; }} && \\\n\
         arachne-agent --server {url} --key-file {KEY_FILE}{pin}"
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

    #[test]
    fn a_command_starts_an_agent_and_nothing_else() {
        let pin = Some("sha256/AA+/=".to_owned());
        let text = command(&ServerAddress { url: "https://shop:7117".to_owned(), pin }, "ara_1");
        let expected = [
            "(umask 077; mkdir -p /etc/arachne-agent; echo ara_1 > /etc/arachne-agent/key) && \\",
            "{ command -v arachne-agent >/dev/null || { echo 'header = \"Authorization: Bearer ara_1\"' | curl -fsS -k --pinnedpubkey \
             sha256//AA+/= -K - -o /usr/local/bin/arachne-agent \"https://shop:7117/agent/v1/program?machine=$(uname -m)\" && \
             chmod 755 /usr/local/bin/arachne-agent; }; } && \\",
            "arachne-agent --server https://shop:7117 --key-file /etc/arachne-agent/key --pin sha256/AA+/=",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
        for evil in ["", "a b", "$(reboot)", "a;b", "a`b`", "a\"", "a/../b"] {
            assert!(!is_host(evil), "{evil}");
        }
        assert!(is_host("shop-1.test:7117") && is_host("[::1]:7117"));
    }
}
