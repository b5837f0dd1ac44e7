//! What stands around each filter: which interfaces count, the loopback once, and nothing of our own traffic.

use std::net::{IpAddr, SocketAddr};

use super::code::{Ancillary, Code, Load, address_at, all, any, ether_type, first_fragment, is, not, protocol};

/// `PACKET_OUTGOING`: this host sends it.
pub const OUTGOING: u32 = 4;

/// `ARPHRD_LOOPBACK`.
const LOOPBACK: u32 = 772;

/// Number of TCP.
const TCP: u32 = 6;

/// Which packets a filter is asked about at all. On the loopback, which shows each packet when it is sent and when it
/// arrives, only arriving ones count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Indices of the interfaces; `None` is all, those that come later too.
    pub interfaces: Option<Vec<u32>>,
    /// Servers of our own connections: TCP to and from them is left out.
    pub own: Vec<SocketAddr>,
}

impl Scope {
    /// The filter, behind what stands around it.
    pub(super) fn around(&self, filter: Option<Code>) -> Code {
        let kind = |number| is(Load::Beside(Ancillary::Kind), number);
        let mut parts = vec![not(all([is(Load::Beside(Ancillary::Hardware), LOOPBACK), kind(OUTGOING)]))];
        match self.interfaces.as_deref() {
            None => {}
            // None at all: no packet goes out and does not.
            Some([]) => parts.push(all([kind(OUTGOING), not(kind(OUTGOING))])),
            Some(indices) => {
                parts.push(any(indices.iter().map(|index| is(Load::Beside(Ancillary::Interface), *index))));
            }
        }
        parts.extend(self.own.iter().map(|server| not(connection(*server))));
        parts.extend(filter);
        all(parts)
    }
}

/// TCP to or from a server.
fn connection(server: SocketAddr) -> Code {
    let (address, port) = (server.ip().to_canonical(), u32::from(server.port()));
    let end = |at, load| all([address_at(at, address, 128), is(load, port)]);
    match address {
        IpAddr::V4(_) => all([
            protocol(ether_type::IP),
            is(Load::Byte(9), TCP),
            first_fragment(),
            any([end(12, Load::Behind(0)), end(16, Load::Behind(2))]),
        ]),
        IpAddr::V6(_) => all([
            protocol(ether_type::IP6),
            is(Load::Byte(6), TCP),
            any([end(8, Load::Half(40)), end(24, Load::Half(42))]),
        ]),
    }
}
