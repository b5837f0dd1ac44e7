//! Names of addresses that talk, looked up beside the capture and never in its way: few at a time, remembered for a while, found
//! or not.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use arachne_delivery::breaker::Breaker;
use arachne_delivery::status;
use arachne_model::table::HostRow;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::watch;

use super::resolver::Resolver;
use crate::args::AgentArgs;
use crate::edge::worker::unix_now;

/// Addresses that are remembered. Policy: no further ones are asked for until some are forgotten.
const KNOWN_MAX: usize = 65_536;
/// Addresses that wait to be asked for. Policy: further ones are asked for when they are told again.
const WAITING_MAX: usize = 1024;
/// How long a name holds.
const FOUND_FOR: Duration = Duration::from_secs(3600);
/// How long an address without a name is not asked for again.
const NONE_FOR: Duration = Duration::from_secs(600);
/// Time between two questions.
const PAUSE: Duration = Duration::from_millis(200);
/// Time between two tries while the circuit breaker is open.
const AGAIN: Duration = Duration::from_secs(30);
/// What the circuit breaker guards.
const NAME: &str = "name servers";
/// How long answers wait for others: each telling is a batch of its own.
const GATHER: Duration = Duration::from_secs(2);

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The address.
    pub address: IpAddr,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// When, nanoseconds since the Unix epoch.
    pub at: i64,
}

/// See the module.
#[derive(Debug)]
pub struct Names {
    asks: Sender<IpAddr>,
    finds: Receiver<Vec<Found>>,
    /// Until when an address is not asked for again.
    known: HashMap<IpAddr, Instant>,
    /// Round the name servers, where they are asked.
    breaker: Option<watch::Receiver<status::Breaker>>,
}

impl Names {
    /// Looks up where the command line asks for it; otherwise nothing is ever found.
    #[must_use]
    pub fn start(args: &AgentArgs) -> Self {
        let (asks, asked) = channel(WAITING_MAX);
        let (told, finds) = channel(WAITING_MAX);
        let breaker = args.look_up_names.then(|| {
            let (state, told_breaker) = watch::channel(Breaker::default().status(NAME, false));
            let (resolver, breaker) = (Resolver::new(args.name_server), Breaker::default());
            tokio::spawn(look_up(Asking { resolver, breaker, state, again: AGAIN }, asked, told));
            told_breaker
        });
        Self { asks, finds, known: HashMap::new(), breaker }
    }

    /// How the name servers answer, where they are asked.
    #[must_use]
    pub fn breaker(&self) -> Option<status::Breaker> {
        self.breaker.as_ref().map(|breaker| breaker.borrow().clone())
    }

    /// Asks for those that are not known.
    pub fn ask(&mut self, addresses: &[IpAddr], now: Instant) {
        for address in addresses.iter().filter(|address| has_name(address)) {
            if self.known.get(address).is_some_and(|until| now < *until) {
                continue;
            }
            if self.known.len() >= KNOWN_MAX {
                self.known.retain(|_, until| now < *until);
            }
            if self.known.len() < KNOWN_MAX && self.asks.try_send(*address).is_ok() {
                self.known.insert(*address, now + NONE_FOR);
            }
        }
    }

    /// What was found out next; `None` when nothing is looked up.
    pub async fn found(&mut self) -> Option<Vec<Found>> {
        self.finds.recv().await
    }

    /// Remembers what was found out; its row, still without a source.
    pub fn learn(&mut self, found: Found, now: Instant) -> Option<HostRow> {
        let Found { address, name, at } = found;
        self.known.insert(address, now + if name.is_some() { FOUND_FOR } else { NONE_FOR });
        let kind = "reverse".to_owned();
        name.map(|name| HostRow {
            address: address.to_string(),
            name,
            kind,
            first: at,
            last: Some(at),
            ..HostRow::default()
        })
    }
}

/// The name servers, and a circuit breaker round them: while they are silent one question in a while tries.
struct Asking {
    resolver: Resolver,
    breaker: Breaker,
    state: watch::Sender<status::Breaker>,
    /// [`AGAIN`], but in tests.
    again: Duration,
}

impl Asking {
    /// The name of an address; none while nobody answers, so that it is asked for again later as one that has none.
    async fn name(&mut self, address: IpAddr) -> Option<String> {
        let probing = self.breaker.is_open();
        if probing {
            tokio::time::sleep(self.again).await;
            self.tell(true);
        }
        let begun = Instant::now();
        self.breaker.called();
        let name = self.resolver.name(address).await;
        match &name {
            Ok(_) => self.breaker.succeeded(begun.elapsed()),
            Err(why) => self.breaker.failed(why.clone(), begun.elapsed()),
        }
        self.tell(false);
        name.ok().flatten()
    }

    fn tell(&self, probing: bool) {
        self.state.send_replace(self.breaker.status(NAME, probing));
    }
}

/// Whether somebody may know a name of it.
fn has_name(address: &IpAddr) -> bool {
    let nobody = address.is_unspecified() || address.is_loopback() || address.is_multicast();
    let near = match address {
        IpAddr::V4(address) => address.is_broadcast() || address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !nobody && !near
}

/// One question after the other, until nobody asks or listens any more.
async fn look_up(mut asking: Asking, mut asked: Receiver<IpAddr>, told: Sender<Vec<Found>>) {
    while let Some(first) = asked.recv().await {
        let (mut next, mut found, begun) = (Some(first), Vec::new(), Instant::now());
        while let Some(address) = next {
            let name = asking.name(address).await;
            found.push(Found { address, name, at: unix_now() });
            tokio::time::sleep(PAUSE).await;
            next = if begun.elapsed() < GATHER { asked.try_recv().ok() } else { None };
        }
        if told.send(found).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::sync::mpsc::{Receiver, channel};

    use arachne_delivery::status::BreakerState;
    use tokio::sync::watch;

    use super::{Asking, Breaker, FOUND_FOR, Found, HashMap, IpAddr, NONE_FOR, Names, Resolver, WAITING_MAX, status};

    fn names() -> (Names, Receiver<IpAddr>) {
        let ((asks, asked), (_, finds)) = (channel(WAITING_MAX), channel(1));
        (Names { asks, finds, known: HashMap::new(), breaker: None }, asked)
    }

    fn asked(asked: &mut Receiver<IpAddr>) -> Vec<String> {
        std::iter::from_fn(|| asked.try_recv().ok()).map(|address| address.to_string()).collect()
    }

    #[test]
    fn each_address_is_asked_for_once_while_its_answer_holds() {
        let (mut names, mut queue) = names();
        let now = Instant::now();
        let all = ["10.0.0.1", "127.0.0.1", "0.0.0.0", "224.0.0.1", "fe80::1", "2001:db8::1", "169.254.1.1"];
        let all = all.map(|text| text.parse().expect("an address"));
        names.ask(&all, now);
        names.ask(&all, now);
        assert_eq!(asked(&mut queue), ["10.0.0.1", "2001:db8::1"]);
        let row = names.learn(Found { address: all[0], name: Some("shop".to_owned()), at: 7 }, now).expect("a name");
        let told = (row.address.as_str(), row.name.as_str(), row.kind.as_str(), row.first, row.last);
        assert_eq!(told, ("10.0.0.1", "shop", "reverse", 7, Some(7)));
        assert_eq!(names.learn(Found { address: all[5], name: None, at: 7 }, now), None);
        names.ask(&all, now + NONE_FOR);
        assert_eq!(asked(&mut queue), ["2001:db8::1"]);
        names.ask(&all, now + FOUND_FOR);
        assert_eq!(asked(&mut queue), ["10.0.0.1", "2001:db8::1"]);
    }

    #[tokio::test]
    async fn silent_name_servers_are_left_alone() {
        // Nobody listens there: refused at once, or never answered where packets vanish.
        let resolver = Resolver::new(Some("127.0.0.1:1".parse().expect("an address")));
        let (state, told) = watch::channel(status::Breaker::default());
        let again = Duration::from_millis(300);
        let mut asking = Asking { resolver, breaker: Breaker::default(), state, again };
        let address = "10.0.0.1".parse().expect("an address");
        for _ in 0..3 {
            assert_eq!(asking.name(address).await, None);
        }
        let open = told.borrow().clone();
        assert_eq!((open.state, open.opened, open.calls, open.failures), (BreakerState::Open, 1, 3, 3));
        assert!(open.error.is_some_and(|why| why.starts_with("127.0.0.1:1")));
        let begun = Instant::now();
        assert_eq!(asking.name(address).await, None);
        assert!(begun.elapsed() >= again, "the next one waited");
        assert_eq!((told.borrow().calls, told.borrow().opened), (4, 1));
    }

    #[test]
    fn what_finds_no_room_is_asked_for_another_time() {
        let (mut names, mut queue) = names();
        let now = Instant::now();
        let all: Vec<IpAddr> = (0..2000_u32).map(|n| std::net::Ipv4Addr::from_bits((10 << 24) + n).into()).collect();
        names.ask(&all, now);
        assert_eq!(asked(&mut queue).len(), WAITING_MAX);
        names.ask(&all, now);
        assert_eq!(asked(&mut queue).len(), all.len() - WAITING_MAX);
    }
}
