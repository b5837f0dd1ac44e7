//! What the kernel passes: the filter of a configuration, its interfaces, and nothing of the agent's own traffic.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use arachne_capture::interface::LivePacket;
use arachne_capture::interface::filter::{Filter, FilterError, PacketView, Program, Scope};

use crate::channel::Setup;

/// The name that stands for all interfaces.
const ANY: &str = "any";

/// Why a configuration captures nothing.
#[derive(Debug, thiserror::Error)]
pub enum ScopeError {
    /// The filter.
    #[error("the filter cannot be read: {error}\n{}", .error.caret(.text))]
    Filter {
        /// Its text.
        text: String,
        /// What is wrong.
        error: FilterError,
    },
    /// No interface is named.
    #[error("no interface is named: `any` is all of them")]
    NoInterface,
    /// The program.
    #[error("the filter with its interfaces is too long for the kernel: {0}")]
    TooLong(FilterError),
}

/// The program of a setup. An interface that is not there is waited for: it counts as soon as it comes.
///
/// # Errors
/// See [`ScopeError`].
pub fn program(setup: &Setup) -> Result<Program, ScopeError> {
    of(setup, &setup.config.interfaces, &setup.config.filter)
}

/// For a preview: all packets of `interfaces`, and those that pass `filter`.
///
/// # Errors
/// See [`ScopeError`].
pub fn preview(setup: &Setup, interfaces: &[String], filter: &str) -> Result<(Program, Program), ScopeError> {
    let interfaces = if interfaces.is_empty() { &setup.config.interfaces } else { interfaces };
    Ok((of(setup, interfaces, "")?, of(setup, interfaces, filter)?))
}

fn of(setup: &Setup, interfaces: &[String], filter: &str) -> Result<Program, ScopeError> {
    if interfaces.is_empty() {
        return Err(ScopeError::NoInterface);
    }
    let wanted = |name: &str| interfaces.iter().any(|wanted| wanted == name);
    let indices = || setup.interfaces.iter().filter(|one| wanted(&one.name)).map(|one| one.index).collect();
    let scope = Scope { interfaces: (!wanted(ANY)).then(indices), own: setup.servers.clone() };
    let parsed = Filter::parse(filter).map_err(|error| ScopeError::Filter { text: filter.to_owned(), error })?;
    parsed.program(&scope).map_err(ScopeError::TooLong)
}

/// Whether packets of an interface are captured.
#[must_use]
pub fn captures(interfaces: &[String], name: &str) -> bool {
    interfaces.iter().any(|wanted| wanted == ANY || wanted == name)
}

/// The end of a packet that most likely serves, as `10.0.0.1:5432 tcp`; what it is where it has no ports.
#[must_use]
pub fn end_of(packet: &LivePacket<'_>) -> String {
    end(&packet.view())
}

fn end(view: &PacketView<'_>) -> String {
    match view.protocol {
        0x0800 => ip4(view.network),
        0x86dd => ip6(view.network),
        0x0806 => Some("arp".to_owned()),
        other => Some(format!("ethertype 0x{other:04x}")),
    }
    .unwrap_or_else(|| "cut".to_owned())
}

fn ip4(bytes: &[u8]) -> Option<String> {
    let header = usize::from(bytes.first()? & 15) * 4;
    let address = |at: usize| Some(IpAddr::from(Ipv4Addr::from(*bytes.get(at..)?.first_chunk::<4>()?)));
    ends(*bytes.get(9)?, address(12)?, address(16)?, bytes.get(header..)?)
}

fn ip6(bytes: &[u8]) -> Option<String> {
    let address = |at: usize| Some(IpAddr::from(Ipv6Addr::from(*bytes.get(at..)?.first_chunk::<16>()?)));
    ends(*bytes.get(6)?, address(8)?, address(24)?, bytes.get(40..)?)
}

fn ends(protocol: u8, source: IpAddr, target: IpAddr, behind: &[u8]) -> Option<String> {
    let name = match protocol {
        6 => "tcp",
        17 => "udp",
        1 | 58 => return Some(format!("{target} icmp")),
        other => return Some(format!("{target} protocol {other}")),
    };
    let port = |at: usize| behind.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
    let (from, to) = (port(0)?, port(2)?);
    // The lower port serves, mostly.
    let (address, port) = if from < to { (source, from) } else { (target, to) };
    Some(format!("{} {name}", std::net::SocketAddr::new(address, port)))
}

#[cfg(test)]
mod tests {
    use arachne_capture::interface::filter::PacketView;
    use arachne_delivery::instructions::AgentConfig;

    use super::{captures, end, program};
    use crate::channel::{HostInterface, Setup};

    fn setup(interfaces: &[&str], filter: &str) -> Setup {
        let config = AgentConfig {
            interfaces: interfaces.iter().map(|name| (*name).to_owned()).collect(),
            filter: filter.to_owned(),
            ..AgentConfig::default()
        };
        let eth0 = HostInterface { index: 2, name: "eth0".to_owned(), ..HostInterface::default() };
        Setup { config, interfaces: vec![eth0], servers: vec![server(1), server(3)], ..Setup::default() }
    }

    fn server(host: u8) -> std::net::SocketAddr {
        ([10, 0, 0, host], 7117).into()
    }

    fn view(network: &[u8], protocol: u16, interface: u32) -> PacketView<'_> {
        let length = u32::try_from(network.len()).expect("short");
        PacketView { network, length, protocol, interface, hardware: 1, kind: 0, vlan: None }
    }

    fn tcp(source: [u8; 4], from: u16, target: [u8; 4], to: u16) -> Vec<u8> {
        let mut bytes = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0];
        bytes.extend(source);
        bytes.extend(target);
        bytes.extend(from.to_be_bytes());
        bytes.extend(to.to_be_bytes());
        bytes.extend([0; 16]);
        bytes
    }

    #[test]
    fn interfaces_filter_and_own_traffic() {
        let packet = tcp([10, 0, 0, 9], 5000, [10, 0, 0, 2], 80);
        let passes = |interfaces: &[&str], filter: &str, index: u32, packet: &[u8]| {
            program(&setup(interfaces, filter)).expect("sound").passes(&view(packet, 0x0800, index))
        };
        assert!(passes(&["any"], "", 7, &packet));
        assert!(passes(&["eth0"], "tcp port 80", 2, &packet));
        assert!(!passes(&["eth0"], "tcp port 80", 3, &packet));
        assert!(!passes(&["eth0"], "tcp port 81", 2, &packet));
        assert!(!passes(&["eth1"], "", 2, &packet), "it is not there");
        assert!(!passes(&["any"], "", 2, &tcp([10, 0, 0, 9], 5000, [10, 0, 0, 1], 7117)), "its own");
        assert!(!passes(&["any"], "", 2, &tcp([10, 0, 0, 1], 7117, [10, 0, 0, 9], 5000)), "its own");
        assert!(!passes(&["any"], "", 2, &tcp([10, 0, 0, 3], 7117, [10, 0, 0, 9], 5000)), "at another address");
        assert!(passes(&["any"], "", 2, &tcp([10, 0, 0, 4], 7117, [10, 0, 0, 9], 5000)));
        assert!(program(&setup(&[], "")).is_err());
        let error = program(&setup(&["any"], "tcp prot 80")).expect_err("no word").to_string();
        assert!(error.contains("tcp prot 80\n    ^"), "{error}");
    }

    #[test]
    fn what_a_preview_calls_packets() {
        let told = |network: &[u8], protocol| end(&view(network, protocol, 1));
        assert_eq!(told(&tcp([10, 0, 0, 9], 5000, [10, 0, 0, 2], 80), 0x0800), "10.0.0.2:80 tcp");
        assert_eq!(told(&tcp([10, 0, 0, 9], 80, [10, 0, 0, 2], 5000), 0x0800), "10.0.0.9:80 tcp");
        assert_eq!(told(&[0x45], 0x0800), "cut");
        assert_eq!(told(&[], 0x88cc), "ethertype 0x88cc");
        assert!(captures(&["any".to_owned()], "eth9") && !captures(&["eth0".to_owned()], "eth9"));
    }
}
