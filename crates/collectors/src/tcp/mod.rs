//! TCP connections of the host as the kernel knows them: round trips, retransmissions, states, accept queues. One dump per
//! reading over netlink, of the agent's own network namespace; no packet is captured.

mod dump;
mod group;
mod host;
mod message;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::Duration;

use arachne_aggregate::series::OTHER;

pub use self::group::Network;

use self::dump::Diagnosis;
use self::group::{Connections, Group, Key};
use self::message::{CONNECTED, LISTEN, Socket};
use crate::place::Places;
use crate::report::{Readings, Report};
use crate::text::Tree;
use crate::{Collector, Metric, Missing, Sink};

/// What it reads.
pub const SAYS: &str = "TCP connections of the host (of the agent's network namespace: connections inside containers with networks of \
their own are not seen). `direction` is `in` where the local port is listened on, else `out`; `port` is that of the service; `peer` the \
other address where it is private or of the configured own networks, else `~public`. The 80 groups with the most connections and the 80 with \
the most retransmissions have names, all others are `~other`. A connection that opens and closes between two readings is not seen, \
nor is what one did after its last reading; `tcp.host.events` counts all. Round trips include the delay of acknowledgements, so the smallest \
is nearest to a ping. Needs no rights.";

const LABELS: &[&str] = &["direction", "peer", "port"];
const SOURCE: &str = "sock_diag(7), tcp_info";
const COUNT: Metric =
    Metric::gauge("tcp.connection.count", "1", &["direction", "peer", "port", "state"], "connections by state", SOURCE);
const RTT: Metric = Metric::histogram(
    "tcp.rtt",
    "ns",
    LABELS,
    "smoothed round trips of the connections that were acknowledged something in the window",
    SOURCE,
);
const RTT_MIN: Metric =
    Metric::histogram("tcp.rtt.min", "ns", LABELS, "their smallest round trips in the last minutes", SOURCE);
const RETRANSMITTED: Metric = Metric::counter("tcp.segments.retransmitted", "1", LABELS, "segments sent again", SOURCE);
const SEGMENTS: Metric =
    Metric::counter("tcp.segments.sent", "1", LABELS, "segments sent, with those sent again", SOURCE);
const SENT: Metric = Metric::counter("tcp.io.sent", "By", LABELS, "payload sent, with what was sent again", SOURCE);
const RECEIVED: Metric = Metric::counter("tcp.io.received", "By", LABELS, "payload received", SOURCE);
const LISTENERS: &[&str] = &["address", "port"];
const BACKLOG: Metric = Metric::gauge(
    "tcp.listen.backlog",
    "1",
    LISTENERS,
    "connections that wait to be accepted",
    "sock_diag(7), idiag_rqueue",
);
const BACKLOG_MAX: Metric =
    Metric::gauge("tcp.listen.backlog.limit", "1", LISTENERS, "how many may", "sock_diag(7), idiag_wqueue");

/// What it measures.
pub const METRICS: &[&[Metric]] =
    &[&[COUNT, RTT, RTT_MIN, RETRANSMITTED, SEGMENTS, SENT, RECEIVED, BACKLOG, BACKLOG_MAX], host::METRICS];

/// Addresses that are not of the own networks.
pub const PUBLIC: &str = "~public";

const EVERY: Duration = Duration::from_secs(10);
const PLACES: usize = 200;
const EACH: usize = 80;
/// Listeners with series of their own: those where most wait.
const LISTENERS_MAX: usize = 200;

/// Reads the TCP connections of the host every 10 s.
#[derive(Debug)]
pub struct Tcp {
    tree: Tree,
    own: Vec<Network>,
    readings: Readings,
    diagnosis: Option<Diagnosis>,
    connections: Connections,
    places: Places,
    missing: Vec<Missing>,
}

impl Tcp {
    /// Of this network namespace; counters of TCP as a whole come from `/proc` below `root`. Peers in the networks `own` are told
    /// apart, beside all private ones.
    #[must_use]
    pub fn new(root: &Path, own: Vec<Network>) -> Self {
        Self {
            tree: Tree::new(root),
            own,
            readings: Readings::new(EVERY),
            diagnosis: None,
            connections: Connections::default(),
            places: Places::new(PLACES, EACH),
            missing: Vec::new(),
        }
    }
}

impl Collector for Tcp {
    fn name(&self) -> &'static str {
        "tcp"
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn collect(&mut self, now: i64, sink: &mut dyn Sink) -> Result<(), String> {
        let Some(mut report) = self.readings.begin(now, sink) else { return Ok(()) };
        if report.is_first() {
            self.connections = Connections::default();
        }
        let lost = |what: &str, why: String, fix: &str| Missing { what: what.to_owned(), why, fix: fix.to_owned() };
        self.missing.clear();
        if let Err(why) = host::read(&self.tree, &mut report) {
            self.missing.push(lost("counters of TCP as a whole", why, "mount /proc where the agent can read it"));
        }
        // A socket that failed once is opened anew: what is left in it belongs to nobody.
        let diagnosis = self.diagnosis.take().map_or_else(Diagnosis::open, Ok);
        let read = diagnosis.and_then(|mut diagnosis| {
            let groups = connections(&mut diagnosis, &mut self.connections, &self.own, &mut report)?;
            Ok((diagnosis, groups))
        });
        match read {
            Ok((diagnosis, groups)) => {
                self.diagnosis = Some(diagnosis);
                tell(&mut self.places, groups, &mut report);
                Ok(())
            }
            Err(why) => {
                let fix = "load the modules tcp_diag and inet_diag, and let the sandbox allow netlink sockets";
                self.missing.push(lost("round trips, retransmissions and states of connections", why.clone(), fix));
                Err(why)
            }
        }
    }

    fn missing(&self) -> Vec<Missing> {
        self.missing.clone()
    }
}

/// Reads listeners, which are told at once, then connections, which are grouped.
fn connections(
    diagnosis: &mut Diagnosis,
    connections: &mut Connections,
    own: &[Network],
    report: &mut Report<'_>,
) -> Result<BTreeMap<String, Group>, String> {
    let mut listeners = Vec::new();
    diagnosis.each(LISTEN, |socket| listeners.push(socket))?;
    let listening: HashSet<u16> = listeners.iter().map(|socket| socket.local.1).collect();
    tell_listeners(listeners, report);
    let since = u64::try_from(report.width() / 1_000_000).unwrap_or(0);
    let mut grouping = connections.read(own, listening, report.is_first(), since);
    diagnosis.each(CONNECTED, |socket| grouping.add(&socket))?;
    let name = |Key { inbound, port, peer }: Key| {
        let peer = peer.map_or_else(|| PUBLIC.to_owned(), |peer| peer.to_string());
        format!("{}\0{peer}\0{port}", if inbound { "in" } else { "out" })
    };
    Ok(grouping.end().into_iter().map(|(key, group)| (name(key), group)).collect())
}

/// One for each address and port: several processes may share them.
fn tell_listeners(listeners: Vec<Socket>, report: &mut Report<'_>) {
    let mut queues: BTreeMap<(std::net::IpAddr, u16), (u64, u64)> = BTreeMap::new();
    for socket in listeners {
        let queue = queues.entry(socket.local).or_default();
        queue.0 += u64::from(socket.waiting);
        queue.1 += u64::from(socket.waiting_max);
    }
    let mut queues: Vec<_> = queues.into_iter().collect();
    queues.sort_by_key(|(_, (waiting, _))| std::cmp::Reverse(*waiting));
    for ((address, port), (waiting, limit)) in queues.into_iter().take(LISTENERS_MAX) {
        let (address, port) = (address.to_string(), port.to_string());
        report.gauge(&BACKLOG, &[&address, &port], waiting);
        report.gauge(&BACKLOG_MAX, &[&address, &port], limit);
    }
}

fn tell(places: &mut Places, groups: BTreeMap<String, Group>, report: &mut Report<'_>) {
    let retransmitted = |group: &Group| group.used.retransmitted;
    let (named, other) = places.split(report.seconds(), groups, &[&Group::connections, &retransmitted], Group::add);
    let other = other.map(|group| (format!("{OTHER}\0{OTHER}\0{OTHER}"), group));
    for (key, group) in named.into_iter().chain(other) {
        let mut parts = key.split('\0');
        let mut part = || parts.next().unwrap_or_default();
        let labels = [part(), part(), part()];
        let [direction, peer, port] = labels;
        for (state, count) in &group.states {
            report.gauge(&COUNT, &[direction, peer, port, state], *count);
        }
        report.histogram(&RTT, &labels, &group.rtt);
        report.histogram(&RTT_MIN, &labels, &group.rtt_min);
        if !report.is_first() {
            report.grew(&RETRANSMITTED, &labels, group.used.retransmitted);
            report.grew(&SEGMENTS, &labels, group.used.segments);
            report.grew(&SENT, &labels, group.used.sent);
            report.grew(&RECEIVED, &labels, group.used.received);
        }
    }
}

#[cfg(test)]
mod tests;
