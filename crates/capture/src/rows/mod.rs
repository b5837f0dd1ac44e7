//! From records to rows of the store: ids, names, and law 8: secrets are replaced here, before a row exists.
//!
//! A [`RowMaker`] makes the rows of one source. It does no I/O and has no clock; the same records give the same rows.
//! What is not here: which rows are kept, and where they go.

mod bodies;
mod collect;
mod exchange;
mod hosts;
mod id;
mod lines;
mod quality;
mod service;
mod session;
mod source;
mod text;
mod who;

use std::collections::BTreeSet;
use std::net::IpAddr;

use arachne_aggregate::template::Normaliser;
use arachne_content::redact::Redactor;
use arachne_model::table::{ExchangeRow, HostRow, QualityRow};
use arachne_model::{AnomalySet, Exchange, Ledger, Limits, TcpSession, UnixNanos};

pub use collect::{Choice, Collector, Tally};
pub use exchange::all_anomalies;
pub use id::{SourceKey, wire_key};
pub use service::ServiceRule;
pub use source::{ContentHash, set_hash};

use bodies::Bodies;
use exchange::Facts;
pub use hosts::NameKind;
use hosts::{HostNames, is_name};
use lines::Lines;
use quality::Quality;
use session::SessionTexts;

/// Version of what this module and the parser below it make of the same bytes. Higher whenever rows change.
pub const ROWS_VERSION: u32 = 1;

/// Where a capture was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vantage {
    /// On the host of the clients.
    Client,
    /// On the host of the servers.
    Server,
    /// On the way.
    Between,
}

impl Vantage {
    /// The value of the column `vantage`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Between => "between",
        }
    }
}

/// What is said of all rows of a source.
#[derive(Clone, Debug, Default)]
pub struct RowOptions {
    /// The agent, or the content hash of a file.
    pub source: String,
    /// Name of the agent or of the host that the capture was made on.
    pub agent: String,
    /// Where it was made, if that is known.
    pub vantage: Option<Vantage>,
    /// Addresses of the host that it is made on. Where there are some, they tell the vantage of each row: at the server
    /// where the server is here, at the client where only that is, between otherwise.
    pub local: BTreeSet<IpAddr>,
    /// Words for the column `tags`.
    pub tags: Vec<String>,
    /// Rules for the column `service`; the first that matches counts.
    pub services: Vec<ServiceRule>,
    /// All caps; `host_names_max` counts here.
    pub limits: Limits,
}

/// Makes the rows of a source.
pub struct RowMaker {
    options: RowOptions,
    vantage: Option<String>,
    tags: Option<String>,
    key: SourceKey,
    redactor: Redactor,
    normaliser: Normaliser,
    sessions: SessionTexts,
    lines: Lines,
    known_bodies: Bodies,
    quality: Quality,
    hosts: HostNames,
    /// What the lines of the request and of the response told.
    facts: [Facts; 2],
    /// Rows to be used again.
    spare: Vec<ExchangeRow>,
    /// First and last packet of all sessions.
    span: Option<(UnixNanos, UnixNanos)>,
}

impl RowMaker {
    /// For one source.
    #[must_use]
    pub fn new(options: RowOptions, redactor: Redactor, normaliser: Normaliser) -> Self {
        Self {
            vantage: options.vantage.map(|vantage| vantage.name().to_owned()),
            tags: text::words(&options.tags),
            key: SourceKey::new(&options.source),
            hosts: HostNames::new(options.limits.host_names_max),
            options,
            redactor,
            normaliser,
            sessions: SessionTexts::default(),
            lines: Lines::default(),
            known_bodies: Bodies::default(),
            quality: Quality::default(),
            facts: Default::default(),
            spare: Vec::new(),
            span: None,
        }
    }

    /// Call once for each exchange whose row was made: it is counted as `kept` or left out, and its names are learned.
    pub fn settle(&mut self, exchange: &Exchange, row: &ExchangeRow, kept: bool) {
        self.quality.exchange(all_anomalies(exchange), kept);
        let Some(host) = row.host.as_deref().filter(|_| kept).map(service::host_name) else { return };
        let place = (exchange.server.address, exchange.network);
        let span = (exchange.start, row.end.map_or(exchange.start, UnixNanos));
        // What is known was found to be a name before.
        if !self.hosts.seen(place, host, NameKind::Header, span) && is_name(host) {
            self.hosts.add(place, host, NameKind::Header, span);
        }
    }

    /// Other options and rules from now on; the source stays what it is.
    pub fn reconfigure(&mut self, options: RowOptions, redactor: Redactor, normaliser: Normaliser) {
        let source = std::mem::take(&mut self.options.source);
        self.vantage = options.vantage.map(|vantage| vantage.name().to_owned());
        self.tags = text::words(&options.tags);
        self.options = RowOptions { source, ..options };
        self.redactor = redactor;
        self.normaliser = normaliser;
        // What is remembered was made by the rules of before.
        self.lines = Lines::default();
        self.known_bodies = Bodies::default();
    }

    /// `address` is called `name`, as was seen at `at`.
    pub fn name(&mut self, address: (IpAddr, u32), name: &str, kind: NameKind, at: UnixNanos) {
        if is_name(name) {
            self.hosts.add(address, name, kind, (at, at));
        }
    }

    /// The names of addresses that were not told yet, and those whose last sight is an hour past what was told.
    pub fn new_names(&mut self) -> Vec<HostRow> {
        self.hosts.news(&self.options.source)
    }

    /// The rows of a minute; see [`crate::PipelineSink::minute`].
    pub fn minute(&mut self, start: UnixNanos, counts: &Ledger) -> Vec<QualityRow> {
        self.quality.minute(start, counts, &self.options.source, &self.options.agent)
    }

    /// The rows of a part of a minute that is not over: what is in flight is told at its end, by [`Self::minute`].
    pub fn part_of_minute(&mut self, start: UnixNanos, counts: &Ledger) -> Vec<QualityRow> {
        self.quality.part(start, counts, &self.options.source, &self.options.agent)
    }

    /// The names of addresses, at the end. `names` are those of the capture itself; they are taken to hold as long as it.
    #[must_use]
    pub fn finish<'a>(mut self, names: impl IntoIterator<Item = &'a (IpAddr, String)>) -> Vec<HostRow> {
        if let Some(span) = self.span {
            for (address, name) in names {
                self.hosts.add((*address, 0), name, NameKind::Capture, span);
            }
        }
        self.hosts.rows(&self.options.source)
    }

    fn note_session(&mut self, session: &TcpSession, flags: AnomalySet) {
        self.quality.session(flags);
        let (first, last) = self.span.unwrap_or((session.first, session.last));
        self.span = Some((first.min(session.first), last.max(session.last)));
    }
}

/// The value of the column `vantage` of a connection.
fn vantage_of<'a>(options: &RowOptions, fixed: Option<&'a str>, client: IpAddr, server: IpAddr) -> Option<&'a str> {
    if options.local.is_empty() {
        return fixed;
    }
    let here = |address: &IpAddr| address.is_loopback() || options.local.contains(address);
    let vantage = match (here(&server), here(&client)) {
        (true, _) => Vantage::Server,
        (false, true) => Vantage::Client,
        (false, false) => Vantage::Between,
    };
    Some(vantage.name())
}

#[cfg(test)]
mod tests;
