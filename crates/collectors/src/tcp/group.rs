//! Connections added up: who began them, which service they are of, with whom.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use arachne_aggregate::Histogram;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::message::{STATES, Socket};

/// A range of addresses, as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// The addresses that share the first `bits` with `address`.
    #[must_use]
    pub fn new(address: IpAddr, bits: u8) -> Self {
        Self { address, bits }
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (a, b, size) = match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
            _ => return false,
        };
        let rest = size - u32::from(self.bits).min(size);
        rest >= 128 || a >> rest == b >> rest
    }
}

/// Whether an address is of some private network: it means something to its owner.
fn private(address: IpAddr) -> bool {
    match address {
        // 100.64.0.0/10 is RFC 6598, which clouds use inside.
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// What connections are grouped by. The peer is None outside of the own networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub inbound: bool,
    pub port: u16,
    pub peer: Option<IpAddr>,
}

/// A group of connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub states: BTreeMap<&'static str, u64>,
    /// Nanoseconds, of connections that were acknowledged something since the last reading.
    pub rtt: Histogram,
    pub rtt_min: Histogram,
    pub used: Used,
}

/// Counters of a connection, or how far they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub segments: u64,
    pub retransmitted: u64,
    pub sent: u64,
    pub received: u64,
}

impl Group {
    pub(super) fn connections(&self) -> u64 {
        self.states.values().sum()
    }

    pub(super) fn add(&mut self, more: &Self) {
        for (state, count) in &more.states {
            *self.states.entry(state).or_default() += count;
        }
        self.rtt.merge(&more.rtt);
        self.rtt_min.merge(&more.rtt_min);
        self.used.add(&more.used);
    }
}

impl Used {
    fn add(&mut self, more: &Self) {
        self.segments = self.segments.saturating_add(more.segments);
        self.retransmitted = self.retransmitted.saturating_add(more.retransmitted);
        self.sent = self.sent.saturating_add(more.sent);
        self.received = self.received.saturating_add(more.received);
    }

    /// Both are of one connection; the kernel's 32-bit counters go round.
    fn since(&self, before: &Self) -> Self {
        let round = |now: u64, before: u64| u64::from((now as u32).wrapping_sub(before as u32));
        Self {
            segments: round(self.segments, before.segments),
            retransmitted: round(self.retransmitted, before.retransmitted),
            sent: self.sent.saturating_sub(before.sent),
            received: self.received.saturating_sub(before.received),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Known {
    used: Used,
    reading: u64,
}

/// Connections as they were at the last reading, so that their counters are told as what was added.
#[derive(Debug, Default)]
pub(super) struct Connections {
    known: HashMap<u64, Known, RandomState>,
    reading: u64,
}

/// One reading.
pub(super) struct Grouping<'a> {
    connections: &'a mut Connections,
    own: &'a [Network],
    listening: HashSet<u16>,
    first: bool,
    /// Milliseconds since the last reading.
    since: u64,
    pub groups: HashMap<Key, Group, RandomState>,
}

impl Connections {
    /// Begins a reading. `listening` are the ports of listeners; `since` is how long the last one is ago, in milliseconds, and
    /// `first` says that there was none.
    pub(super) fn read<'a>(
        &'a mut self,
        own: &'a [Network],
        listening: HashSet<u16>,
        first: bool,
        since: u64,
    ) -> Grouping<'a> {
        self.reading += 1;
        Grouping { connections: self, own, listening, first, since, groups: HashMap::default() }
    }
}

impl Grouping<'_> {
    pub(super) fn add(&mut self, socket: &Socket) {
        let inbound = self.listening.contains(&socket.local.1);
        let port = if inbound { socket.local.1 } else { socket.remote.1 };
        let peer = socket.remote.0;
        let own = private(peer) || self.own.iter().any(|network| network.contains(peer));
        let group = self.groups.entry(Key { inbound, port, peer: own.then_some(peer) }).or_default();
        let state = STATES.get(usize::from(socket.state)).unwrap_or(&STATES[0]);
        *group.states.entry(state).or_default() += 1;
        let Some(info) = socket.info else { return };
        let used = Used {
            segments: info.segments.into(),
            retransmitted: info.retransmitted.into(),
            sent: info.sent,
            received: info.received,
        };
        let known = Known { used, reading: self.connections.reading };
        match self.connections.known.insert(socket.cookie, known) {
            Some(before) => group.used.add(&used.since(&before.used)),
            // All are read each time: one that was not there is new.
            None if !self.first => group.used.add(&used),
            None => {}
        }
        // Before anything was acknowledged the kernel has a guess, and of those at rest it has what once was.
        if info.rtt > 0 && u64::from(info.silent) <= self.since && socket.state != 2 {
            group.rtt.record(u64::from(info.rtt) * 1000);
            // Nothing measured is the largest number.
            if info.rtt_min > 0 && info.rtt_min != u32::MAX {
                group.rtt_min.record(u64::from(info.rtt_min) * 1000);
            }
        }
    }

    /// Ends the reading: what was not there is closed.
    pub(super) fn end(self) -> HashMap<Key, Group, RandomState> {
        let reading = self.connections.reading;
        self.connections.known.retain(|_, known| known.reading == reading);
        self.groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::message::Info;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn socket(cookie: u64, remote: &str, info: Info) -> Socket {
        let (local, remote) = ((ip("10.0.0.1"), 80), (ip(remote), 5000));
        Socket { state: 1, local, remote, cookie, waiting: 0, waiting_max: 0, info: Some(info) }
    }

    fn read(connections: &mut Connections, first: bool, sockets: &[Socket]) -> HashMap<Key, Group, RandomState> {
        let own = [Network::new(ip("203.0.113.0"), 24)];
        let mut grouping = connections.read(&own, HashSet::from([80]), first, 10_000);
        sockets.iter().for_each(|socket| grouping.add(socket));
        grouping.end()
    }

    #[test]
    fn own_networks_are_told_apart_and_others_are_one() {
        let at = |cookie, remote| socket(cookie, remote, Info::default());
        let mut out = at(5, "10.0.0.9");
        out.local.1 = 4000;
        let sockets = [at(1, "192.168.1.1"), at(2, "203.0.113.7"), at(3, "198.51.100.1"), at(4, "2001:db8::1"), out];
        let groups = read(&mut Connections::default(), true, &sockets);
        let mut keys: Vec<_> = groups.iter().map(|(key, group)| (*key, group.connections())).collect();
        keys.sort();
        let key = |inbound, port, peer: Option<&str>| Key { inbound, port, peer: peer.map(ip) };
        let expected = [
            (key(false, 5000, Some("10.0.0.9")), 1),
            (key(true, 80, None), 2),
            (key(true, 80, Some("192.168.1.1")), 1),
            (key(true, 80, Some("203.0.113.7")), 1),
        ];
        assert_eq!(keys, expected);
    }

    #[test]
    fn counters_are_what_was_added_and_the_round_trips_of_who_was_heard() {
        let mut connections = Connections::default();
        let info = |retransmitted, silent| Info {
            rtt: 5,
            rtt_min: u32::MAX,
            retransmitted,
            silent,
            sent: 7,
            ..Info::default()
        };
        let mut one = |first, sockets: &[Socket]| {
            let group = read(&mut connections, first, sockets).into_values().next().expect("one group");
            (group.used.retransmitted, group.used.sent, group.rtt.count(), group.rtt_min.count())
        };
        assert_eq!(one(true, &[socket(1, "10.0.0.2", info(u32::MAX, 0))]), (0, 0, 1, 0));
        assert_eq!(
            one(false, &[socket(1, "10.0.0.2", info(1, 10_001)), socket(2, "10.0.0.2", info(3, 0))]),
            (5, 7, 1, 0)
        );
        assert_eq!(one(false, &[socket(2, "10.0.0.2", info(3, 10_001))]), (0, 0, 0, 0));
        // The first one was closed meanwhile; its cookie is not given again.
        assert_eq!(connections.known.len(), 1);
    }

    #[test]
    fn networks_of_any_size() {
        let cases = [
            ("10.0.0.0", 8, "10.9.9.9", true),
            ("10.0.0.0", 8, "11.0.0.0", false),
            ("0.0.0.0", 0, "1.2.3.4", true),
            ("::", 0, "2001:db8::1", true),
            ("::", 0, "1.2.3.4", false),
            ("10.0.0.1", 32, "10.0.0.1", true),
            ("10.0.0.1", 99, "10.0.0.2", false),
        ];
        for (network, bits, address, expected) in cases {
            assert_eq!(Network::new(ip(network), bits).contains(ip(address)), expected, "{network}/{bits} {address}");
        }
    }
}
