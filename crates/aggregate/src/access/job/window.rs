//! What one window counts: totals, and the same requests by template, status, method, cache status and upstream.

use super::class::{CLASSES, Class};
use crate::members::Named;
use crate::series::{OTHER, Series, Value};
use crate::{Distinct, Histogram};

/// Methods that have counters; all others are `~other`, no request at all is `-`.
const METHODS: [&str; 11] =
    ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", OTHER, "-"];
/// What nginx says of its cache.
const CACHES: [&str; 9] = ["-", "HIT", "MISS", "BYPASS", "EXPIRED", "STALE", "UPDATING", "REVALIDATED", OTHER];

/// Different clients: those that had an error, by template; those that had a slow answer; those that had any other. All of them
/// together are all clients, each once: only those that are looked for have series of their own.
const CLIENTS: &str = "access.clients";

/// The counts of some requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// By class of the request time, in the order of [`CLASSES`].
    pub classes: [u64; CLASSES.len()],
    /// By class of the upstream time: those that asked an upstream.
    pub upstream_classes: [u64; CLASSES.len()],
    /// Bytes sent.
    pub bytes: u64,
    /// Request times in nanoseconds, of timed classes.
    pub request_time: Histogram,
    /// Upstream times in nanoseconds, of timed classes.
    pub upstream_time: Histogram,
    /// By status, in the order in which they came first.
    pub statuses: Vec<(u16, u64)>,
    /// Whose requests ended in an error.
    pub error_clients: Distinct,
}

/// What is counted of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct One {
    pub(super) class: Class,
    pub(super) upstream_class: Option<Class>,
    pub(super) status: u16,
    pub(super) bytes: u64,
    pub(super) request_time: Option<u64>,
    pub(super) upstream_time: Option<u64>,
    /// Who asked, as a hash.
    pub(super) client: Option<u64>,
}

impl Requests {
    pub(super) fn add(&mut self, one: &One) {
        self.classes[one.class as usize] += 1;
        self.bytes = self.bytes.saturating_add(one.bytes);
        match self.statuses.iter_mut().find(|(status, _)| *status == one.status) {
            Some((_, count)) => *count += 1,
            None => self.statuses.push((one.status, 1)),
        }
        if let (true, Some(time)) = (one.class.is_timed(), one.request_time) {
            self.request_time.record(time);
        }
        if let (Class::Error, Some(client)) = (one.class, one.client) {
            self.error_clients.insert(client);
        }
        let Some(class) = one.upstream_class else { return };
        self.upstream_classes[class as usize] += 1;
        if let (true, Some(time)) = (class.is_timed(), one.upstream_time) {
            self.upstream_time.record(time);
        }
    }

    /// How many requests.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.classes.iter().sum()
    }

    fn series(&self, template: &str, out: &mut dyn FnMut(Series<'_>)) {
        let of = |name| ("template", name);
        for (name, counts) in [("access.requests", &self.classes), ("access.upstream.requests", &self.upstream_classes)]
        {
            for (class, count) in CLASSES.iter().zip(counts).filter(|(_, count)| **count > 0) {
                let labels = [of(template), ("class", class.name())];
                out(Series { name, labels: &labels, value: Value::Count(*count) });
            }
        }
        for (status, count) in &self.statuses {
            let labels = [of(template), ("status", &status.to_string())];
            out(Series { name: "access.statuses", labels: &labels, value: Value::Count(*count) });
        }
        if !self.error_clients.is_empty() {
            let labels = [of(template), ("class", Class::Error.name())];
            out(Series { name: CLIENTS, labels: &labels, value: Value::Distinct(&self.error_clients) });
        }
        let labels = [of(template)];
        out(Series { name: "access.bytes", labels: &labels, value: Value::Count(self.bytes) });
        for (name, times) in [("access.time", &self.request_time), ("access.upstream.time", &self.upstream_time)] {
            if !times.is_empty() {
                out(Series { name, labels: &labels, value: Value::Histogram(times) });
            }
        }
    }
}

/// What one upstream server did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// How often it was asked.
    pub attempts: u64,
    /// How long it took each time, in nanoseconds, where that is known.
    pub time: Histogram,
}

/// A window of an access log.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// Requests by class, whatever their template.
    pub(super) total: [u64; CLASSES.len()],
    pub(super) methods: [u64; METHODS.len()],
    pub(super) caches: [u64; CACHES.len()],
    /// By slot of the members, then `~other` as the last.
    pub(super) templates: Named<Requests>,
    pub(super) servers: Named<Server>,
    /// Clients of slow requests, and of all others that were no error.
    slow_clients: Distinct,
    other_clients: Distinct,
}

impl Window {
    pub(super) fn add_request(&mut self, slot: Option<usize>, method: Option<&[u8]>, cache: Option<&[u8]>, one: &One) {
        self.total[one.class as usize] += 1;
        match (one.class, one.client) {
            // These are by template.
            (Class::Error, _) | (_, None) => {}
            (Class::Slow, Some(client)) => self.slow_clients.insert(client),
            (_, Some(client)) => self.other_clients.insert(client),
        }
        let known = |names: &[&str], other: usize, text: &[u8]| {
            names.iter().position(|name| name.as_bytes() == text).unwrap_or(other)
        };
        let method = method.map_or(METHODS.len() - 1, |method| known(&METHODS[..9], 9, method));
        self.methods[method] += 1;
        self.caches[cache.map_or(0, |cache| known(&CACHES, CACHES.len() - 1, cache))] += 1;
        self.templates.at(slot).add(one);
    }

    pub(super) fn add_attempt(&mut self, slot: Option<usize>, nanos: Option<u64>) {
        let server = self.servers.at(slot);
        server.attempts += 1;
        nanos.into_iter().for_each(|nanos| server.time.record(nanos));
    }

    /// None of the templates that are in `~other` up to now has more requests than `most`.
    pub(super) fn bound(&mut self, most: u64) {
        let counted = self.templates.other.count();
        self.templates.bound(most, counted);
    }

    /// Requests by class, in the order of [`CLASSES`], counted whatever their template is.
    #[must_use]
    pub fn totals(&self) -> [u64; CLASSES.len()] {
        self.total
    }

    /// Templates with what was counted of each, the last being `~other`.
    pub fn templates(&self) -> impl Iterator<Item = (&str, &Requests)> {
        self.templates.all()
    }

    /// Upstream servers with what was counted of each, the last being `~other`.
    pub fn servers(&self) -> impl Iterator<Item = (&str, &Server)> {
        self.servers.all()
    }

    /// The error bound of the top: no template within `~other` has more requests than this. Those that came too late for
    /// the top may all be of one template.
    #[must_use]
    pub fn other_max(&self) -> u64 {
        self.templates.other_max(self.templates.other.count())
    }

    /// All that the window counted, as series.
    pub fn series(&self, out: &mut dyn FnMut(Series<'_>)) {
        for (class, count) in CLASSES.iter().zip(self.total).filter(|(_, count)| *count > 0) {
            out(Series { name: "access.total", labels: &[("class", class.name())], value: Value::Count(count) });
        }
        for (name, label, values, counts) in [
            ("access.methods", "method", METHODS.as_slice(), self.methods.as_slice()),
            ("access.cache", "cache", CACHES.as_slice(), self.caches.as_slice()),
        ] {
            for (value, count) in values.iter().zip(counts).filter(|(_, count)| **count > 0) {
                out(Series { name, labels: &[(label, *value)], value: Value::Count(*count) });
            }
        }
        for (class, clients) in [(Class::Slow.name(), &self.slow_clients), (OTHER, &self.other_clients)] {
            if !clients.is_empty() {
                out(Series { name: CLIENTS, labels: &[("class", class)], value: Value::Distinct(clients) });
            }
        }
        for (template, requests) in self.templates().filter(|(_, requests)| requests.count() > 0) {
            requests.series(template, out);
        }
        for (upstream, server) in self.servers().filter(|(_, server)| server.attempts > 0) {
            let labels = [("upstream", upstream)];
            out(Series { name: "access.upstream.attempts", labels: &labels, value: Value::Count(server.attempts) });
            out(Series {
                name: "access.upstream.attempt_time",
                labels: &labels,
                value: Value::Histogram(&server.time),
            });
        }
        out(Series { name: "access.other_max", labels: &[], value: Value::Count(self.other_max()) });
    }
}
