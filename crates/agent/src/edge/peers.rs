//! Who talks: addresses for which names may be looked up. That is done elsewhere; here they are only told.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Addresses that are remembered, and that wait to be told. Policy: further ones are told when these were forgotten.
const PEERS_MAX: usize = 4096;
/// They are told again after so long: names change, and some have none yet.
const AGAIN: Duration = Duration::from_secs(600);

/// See the module.
#[derive(Debug)]
pub struct Peers {
    wanted: bool,
    told: HashSet<IpAddr>,
    new: Vec<IpAddr>,
    since: Instant,
}

impl Peers {
    /// Remembers them where they are `wanted`.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        Self { wanted, told: HashSet::new(), new: Vec::new(), since: Instant::now() }
    }

    /// Whether they are wanted from now on.
    pub fn want(&mut self, wanted: bool) {
        if self.wanted != wanted {
            *self = Self::new(wanted);
        }
    }

    /// One that talks, in the network of the host.
    #[inline]
    pub fn seen(&mut self, address: IpAddr) {
        if self.wanted && self.told.len() < PEERS_MAX && self.told.insert(address) {
            self.new.push(address);
        }
    }

    /// Those that are new.
    pub fn take(&mut self) -> Vec<IpAddr> {
        if self.since.elapsed() >= AGAIN {
            self.since = Instant::now();
            self.told.clear();
        }
        std::mem::take(&mut self.new)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Instant;

    use super::{AGAIN, PEERS_MAX, Peers};

    #[test]
    fn each_is_told_once_in_a_while_and_their_number_is_bounded() {
        let mut peers = Peers::new(true);
        let address = |n: usize| Ipv4Addr::from_bits(u32::try_from(n).expect("few")).into();
        (0..2 * PEERS_MAX).for_each(|n| peers.seen(address(n)));
        peers.seen(address(0));
        assert_eq!(peers.take().len(), PEERS_MAX);
        peers.seen(address(0));
        assert!(peers.take().is_empty());
        peers.since = Instant::now().checked_sub(AGAIN).expect("the machine runs for longer");
        assert!(peers.take().is_empty());
        peers.seen(address(0));
        assert_eq!(peers.take(), [address(0)]);
        peers.want(false);
        peers.seen(address(1));
        assert!(peers.take().is_empty());
    }
}
