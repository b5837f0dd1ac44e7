//! Token buckets, one for each client.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Clients that are remembered. Policy: those whose buckets are full again go first, then all.
const CLIENTS_MAX: usize = 10_000;

/// How many requests each client may still send.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    rate: f64,
    burst: f64,
    clients: HashMap<K, (f64, Instant)>,
}

impl<K: Eq + Hash> Buckets<K> {
    pub fn new(rate: u32, burst: u32) -> Self {
        Self { rate: f64::from(rate.max(1)), burst: f64::from(burst.max(1)), clients: HashMap::new() }
    }

    /// Takes one request of `client` at `now`, or tells how long it has to wait.
    pub fn take(&mut self, client: K, now: Instant) -> Result<(), Duration> {
        if self.clients.len() >= CLIENTS_MAX && !self.clients.contains_key(&client) {
            self.forget(now);
        }
        let (rate, burst) = (self.rate, self.burst);
        let (level, at) = self.clients.entry(client).or_insert((burst, now));
        *level = (*level + now.saturating_duration_since(*at).as_secs_f64() * rate).min(burst);
        *at = now;
        if *level >= 1.0 {
            *level -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - *level) / rate))
    }

    fn forget(&mut self, now: Instant) {
        let (rate, burst) = (self.rate, self.burst);
        let full = |level: f64, at: Instant| level + now.saturating_duration_since(at).as_secs_f64() * rate >= burst;
        self.clients.retain(|_, (level, at)| !full(*level, *at));
        if self.clients.len() >= CLIENTS_MAX {
            self.clients.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let mut buckets = Buckets::new(10, 3);
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        assert!((0..3).all(|_| buckets.take("a", at(0)).is_ok()));
        assert_eq!(buckets.take("a", at(0)), Err(Duration::from_millis(100)));
        assert!(buckets.take("b", at(0)).is_ok(), "another client has its own");
        assert!(buckets.take("a", at(100)).is_ok());
        assert!(buckets.take("a", at(100)).is_err());
    }

    #[test]
    fn clients_are_bounded() {
        let mut buckets = Buckets::new(10, 3);
        let start = Instant::now();
        (0..3 * CLIENTS_MAX).for_each(|client| assert!(buckets.take(client, start).is_ok()));
        assert!(buckets.clients.len() <= CLIENTS_MAX);
    }
}
