//! Which service answered: the first configured rule, else the Host header, else address and port of the server.

use std::borrow::Cow;
use std::net::IpAddr;

use arachne_model::Endpoint;

/// A configured rule. What is absent matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceRule {
    /// The host without its port, in lower case.
    pub host: Option<String>,
    /// The server's address.
    pub address: Option<IpAddr>,
    /// The server's port.
    pub port: Option<u16>,
    /// How the path starts.
    pub path_prefix: Option<String>,
    /// What the service is called.
    pub name: String,
}

impl ServiceRule {
    fn matches(&self, host: &str, server: Endpoint, path: &str) -> bool {
        self.host.as_ref().is_none_or(|wanted| *wanted == host_name(host))
            && self.address.is_none_or(|wanted| wanted == server.address)
            && self.port.is_none_or(|wanted| wanted == server.port)
            && self.path_prefix.as_ref().is_none_or(|prefix| path.starts_with(prefix.as_str()))
    }
}

/// The service of an exchange; `host` in lower case, empty without.
pub fn service<'a>(rules: &'a [ServiceRule], host: &'a str, server: Endpoint, path: &str) -> Cow<'a, str> {
    if let Some(rule) = rules.iter().find(|rule| rule.matches(host, server, path)) {
        return Cow::Borrowed(&rule.name);
    }
    let host = host.strip_suffix(":80").or_else(|| host.strip_suffix(":443")).unwrap_or(host);
    if host.is_empty() { Cow::Owned(server.to_string()) } else { Cow::Borrowed(host) }
}

/// A Host header without its port.
pub fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::{ServiceRule, host_name, service};
    use arachne_model::Endpoint;

    #[test]
    fn rules_then_host_then_address() {
        let server = Endpoint { address: [10, 0, 0, 9].into(), port: 8080 };
        let rule = |name: &str| ServiceRule { name: name.to_owned(), ..ServiceRule::default() };
        let rules = [
            ServiceRule { host: Some("shop".into()), path_prefix: Some("/cart".into()), ..rule("cart") },
            ServiceRule { port: Some(8080), address: Some([10, 0, 0, 8].into()), ..rule("eight") },
            ServiceRule { port: Some(8081), ..rule("other") },
        ];
        let check = |host: &str, path: &str, expected: &str| {
            assert_eq!(service(&rules, host, server, path), expected, "{host} {path}");
        };
        check("shop:8080", "/cart/1", "cart");
        check("shop:8080", "/", "shop:8080");
        check("shop:80", "/", "shop");
        check("shop:443", "/", "shop");
        check("", "/cart", "10.0.0.9:8080");
        let eight = Endpoint { address: [10, 0, 0, 8].into(), port: 8080 };
        assert_eq!(service(&rules, "x", eight, "/"), "eight");
    }

    #[test]
    fn hosts_without_ports() {
        for (host, name) in [("a:1", "a"), ("[::1]:80", "[::1]"), ("::1", "::1"), ("a:b", "a:b"), ("", "")] {
            assert_eq!(host_name(host), name);
        }
    }
}
