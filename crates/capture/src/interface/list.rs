//! The interfaces of the host as they are now. Ask again to see those that come and go.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::sys::socket::SockaddrStorage;

/// A network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its number, by which packets name it. A name that comes again gets a new one.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether it is switched on.
    pub up: bool,
    /// Whether it is the loopback.
    pub loopback: bool,
    /// Its hardware type, `ARPHRD_` number; 0 where that is not told.
    pub hardware: u16,
    /// Its addresses, ascending.
    pub addresses: Vec<IpAddr>,
}

/// All interfaces of this network namespace, by index.
///
/// # Errors
/// When the kernel does not tell.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let mut found: BTreeMap<String, Interface> = BTreeMap::new();
    for entry in getifaddrs()? {
        // An address with a label of its own (`eth0:1`) belongs to the interface before the colon.
        let name = entry.interface_name.split(':').next().unwrap_or_default().to_owned();
        add(found.entry(name).or_default(), &entry);
    }
    let mut all: Vec<Interface> = found.into_iter().filter_map(|(name, interface)| complete(name, interface)).collect();
    all.sort_by_key(|interface| interface.index);
    Ok(all)
}

fn add(interface: &mut Interface, entry: &InterfaceAddress) {
    interface.up = entry.flags.contains(InterfaceFlags::IFF_UP);
    interface.loopback = entry.flags.contains(InterfaceFlags::IFF_LOOPBACK);
    if let Some(link) = entry.address.as_ref().and_then(SockaddrStorage::as_link_addr) {
        interface.hardware = link.hatype();
        interface.index = u32::try_from(link.ifindex()).unwrap_or(0);
    }
    interface.addresses.extend(entry.address.as_ref().and_then(address));
}

fn address(address: &SockaddrStorage) -> Option<IpAddr> {
    let four = address.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
    four.or_else(|| address.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip())))
}

/// One that went away meanwhile has no index any more.
fn complete(name: String, mut interface: Interface) -> Option<Interface> {
    if interface.index == 0 {
        interface.index = if_nametoindex(name.as_str()).ok()?;
    }
    interface.name = name;
    interface.addresses.sort_unstable();
    interface.addresses.dedup();
    Some(interface)
}

#[cfg(test)]
mod tests {
    use super::interfaces;

    #[test]
    fn the_loopback_is_there() {
        let all = interfaces().unwrap();
        let loopback = all.iter().find(|interface| interface.loopback).unwrap();
        assert_eq!((loopback.name.as_str(), loopback.hardware), ("lo", libc::ARPHRD_LOOPBACK));
        assert!(loopback.index > 0 && all.is_sorted_by_key(|interface| interface.index));
        assert!(!loopback.up || loopback.addresses.iter().any(std::net::IpAddr::is_loopback));
    }
}
