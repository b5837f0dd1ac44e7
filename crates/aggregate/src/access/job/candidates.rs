//! Who has no place yet and is watched within a window, in case it gets heavy: templates and upstream servers.

use super::window::{One, Requests};
use super::{Class, Settings};
use crate::members::{Members, Named};
use crate::top::{KEY_BYTES_MAX, Rank, Tally, Top};

/// Candidates for places within a window.
#[derive(Clone, Debug)]
pub(super) struct Candidates {
    requests: Top,
    upstream: Top,
    errors: Top,
    servers: Top,
}

/// Candidates by a measure, what members weigh by it, and the least that earns a place.
type Measure<'a> = (&'a Top, &'a dyn Fn(&Requests) -> u128, u128);

const ONCE: Tally = Tally { count: 1, sum: 0 };

/// The name of a server: its address, cut where that of a candidate is.
pub(super) fn server(address: &[u8]) -> Option<&str> {
    let address = std::str::from_utf8(address).ok()?;
    Some(&address[..address.floor_char_boundary(KEY_BYTES_MAX - 1)])
}

impl Candidates {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            requests: Top::new(capacity, Rank::Count),
            upstream: Top::new(capacity, Rank::Sum),
            errors: Top::new(capacity, Rank::Count),
            servers: Top::new(capacity, Rank::Count),
        }
    }

    pub(super) fn add(&mut self, template: &str, one: &One) {
        self.requests.add(template, ONCE);
        if let Some(nanos) = one.upstream_time {
            self.upstream.add(template, Tally { sum: nanos.into(), ..ONCE });
        }
        if one.class == Class::Error {
            self.errors.add(template, ONCE);
        }
    }

    /// A server without a place was asked.
    pub(super) fn add_server(&mut self, server: &str) {
        self.servers.add(server, ONCE);
    }

    pub(super) fn servers(&self) -> &Top {
        &self.servers
    }

    /// The most requests that one of them may have.
    pub(super) fn heaviest(&self) -> u64 {
        u64::try_from(self.requests.most()).unwrap_or(u64::MAX)
    }

    /// The heaviest of members and candidates by each measure, each once.
    pub(super) fn earners(&self, window: &Named<Requests>, members: &Members, settings: &Settings) -> Vec<String> {
        let floor = u128::from(settings.errors_min);
        let errors = |requests: &Requests| u128::from(requests.classes[Class::Error as usize]);
        let measures: [Measure<'_>; 3] = [
            (&self.requests, &|requests| requests.count().into(), 1),
            (&self.upstream, &|requests| requests.upstream_time.sum(), 1),
            (&self.errors, &errors, floor),
        ];
        let mut earners = Vec::new();
        for (at, (top, weight, floor)) in measures.into_iter().enumerate() {
            let inside = window.slots().map(|(slot, requests)| (weight(requests), members.name(slot).as_ref()));
            let by_sum = at == 1;
            let outside = top.heaviest(settings.top).0.into_iter();
            let outside = outside.map(|one| (if by_sum { one.tally.sum } else { one.tally.count.into() }, one.key));
            let mut all: Vec<_> = inside.chain(outside).filter(|(weight, _)| *weight >= floor).collect();
            all.sort_unstable_by(|a, b| b.cmp(a));
            earners.extend(all.into_iter().take(settings.top).map(|(_, name)| name.to_owned()));
        }
        earners.sort_unstable();
        earners.dedup();
        earners
    }
}
