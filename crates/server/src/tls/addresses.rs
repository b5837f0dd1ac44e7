//! The names and addresses of this machine, for its certificate.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;

/// Addresses in one certificate; a router may have thousands.
const ADDRESSES_MAX: usize = 64;

/// Host name, `localhost`, and the addresses of all interfaces but those that hold on one link alone.
pub(super) fn names(listen: IpAddr) -> Vec<String> {
    // Without a name or a list the others remain; what agents hold on to is the public key.
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    let mut addresses = BTreeSet::from([Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    if !listen.is_unspecified() {
        addresses.insert(listen);
    }
    let interfaces = getifaddrs().into_iter().flatten();
    addresses.extend(interfaces.filter_map(|interface| address(&interface.address?)).take(ADDRESSES_MAX));
    let hosts = [host, "localhost".to_owned()].into_iter().filter(|name| is_name(name)).collect::<BTreeSet<_>>();
    hosts.into_iter().chain(addresses.iter().map(IpAddr::to_string)).collect()
}

fn address(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::from(v4.ip()));
    let v6 = address.as_sockaddr_in6().map(|v6| v6.ip()).filter(|ip| !ip.is_unicast_link_local());
    v4.or(v6.map(IpAddr::from))
}

/// Whether it can stand in a certificate as a DNS name.
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        let allowed = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        allowed && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts() {
        for good in ["a", "web-1", "web-1.example.com", "127"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "(none)", "a..b", "-a", "a-", "a b", &"a".repeat(64)] {
            assert!(!is_name(bad), "{bad}");
        }
        let all = names(IpAddr::from([10, 9, 8, 7]));
        assert!(["localhost", "127.0.0.1", "::1", "10.9.8.7"].iter().all(|name| all.contains(&(*name).to_owned())));
    }
}
