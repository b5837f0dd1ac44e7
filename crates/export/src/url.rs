//! The absolute URL of a stored exchange: always a valid URI, whatever was sent.
//!
//! Source: RFC 3986, section 2 and appendix A.

use std::net::Ipv6Addr;

use arachne_model::table::ExchangeRow;

/// `http://host/path?query`. A host that is none in a URI gives way to the address of the server; other bytes that a URI
/// may not hold are percent-encoded.
#[must_use]
pub fn absolute(row: &ExchangeRow) -> String {
    let mut url = String::from("http://");
    match row.host.as_deref().filter(|host| is_authority(host)) {
        Some(host) => url.push_str(host),
        None if row.server_address.contains(':') => {
            url.push_str(&format!("[{}]:{}", row.server_address, row.server_port));
        }
        None => url.push_str(&format!("{}:{}", row.server_address, row.server_port)),
    }
    let path = row.path.as_deref().unwrap_or_default();
    if !path.starts_with('/') {
        url.push('/');
    }
    push_encoded(&mut url, path);
    if let Some(query) = &row.query {
        url.push('?');
        push_encoded(&mut url, query);
    }
    url
}

/// Whether `text` is a name or address with an optional port, as every reader takes it.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => (host, port),
        _ => (text, "1"),
    };
    let is_port = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let is_host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)),
    };
    is_port && is_host
}

fn push_encoded(url: &mut String, text: &str) {
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let escape = bytes.get(at + 1..at + 3).is_some_and(|next| next.iter().all(u8::is_ascii_hexdigit));
        let stays = match byte {
            b'%' => escape,
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=".contains(byte),
        };
        if stays {
            url.push(char::from(*byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let check = |host: Option<&str>, path: Option<&str>, query: Option<&str>, expected: &str| {
            let row = ExchangeRow {
                host: host.map(str::to_owned),
                path: path.map(str::to_owned),
                query: query.map(str::to_owned),
                server_address: "10.0.0.9".to_owned(),
                server_port: 8080,
                ..ExchangeRow::default()
            };
            assert_eq!(absolute(&row), expected);
        };
        check(Some("api.shop"), Some("/a"), Some("b=c"), "http://api.shop/a?b=c");
        check(Some("a b"), Some("/a b\"<"), None, "http://10.0.0.9:8080/a%20b%22%3C");
        check(Some("[::1]:80"), Some("*"), None, "http://[::1]:80/*");
        check(None, None, None, "http://10.0.0.9:8080/");
        check(Some("x:99999"), Some("/%41%zz"), None, "http://10.0.0.9:8080/%41%25zz");
    }
}
