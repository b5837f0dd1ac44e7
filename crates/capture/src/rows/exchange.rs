//! The row of an exchange, and its bodies.

use std::borrow::Cow;
use std::net::IpAddr;

use arachne_content::redact::Redactor;
use arachne_model::table::{BodyRow, ExchangeRow};
use arachne_model::{Anomaly, AnomalySet, Exchange, Message, UnixNanos};
use arachne_wire::target::{Target, method, protocol_version, status, target};

use super::id::wire_key;
use super::lines::{Fact, Lines};
use super::text::{cow, lossy, put, put_bytes, some_text, words};
use super::{RowMaker, service, vantage_of};

/// Rows that wait to be used again: as many as a batch of an agent has.
const SPARE_MAX: usize = 1024;
/// Rows with longer texts go: they are few, and their memory would stay.
const SPARE_TEXT_MAX: usize = 4096;

/// What header lines tell of an exchange; the first of a name counts.
#[derive(Default)]
pub(super) struct Facts {
    host: Told,
    user: Told,
    forwarded_for: Option<IpAddr>,
    forwarded: Option<IpAddr>,
    trace_id: Told,
    request_id: Told,
    /// How much the request id is wanted.
    request_id_rank: u8,
    content_type: Told,
}

/// A text that may be there, and memory that stays where it is not.
#[derive(Default)]
struct Told {
    is: bool,
    text: String,
}

impl Told {
    fn first(&mut self, text: &str) {
        if !self.is {
            self.set(text);
        }
    }

    fn set(&mut self, text: &str) {
        self.is = true;
        text.clone_into(&mut self.text);
    }

    fn get(&self) -> Option<&str> {
        self.is.then_some(&*self.text)
    }
}

impl Facts {
    fn clear(&mut self) {
        let Self { host, user, forwarded_for, forwarded, trace_id, request_id, request_id_rank: _, content_type } =
            self;
        [host, user, trace_id, request_id, content_type].into_iter().for_each(|told| told.is = false);
        (*forwarded_for, *forwarded) = (None, None);
    }

    fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::Host(host) => self.host.first(host),
            Fact::User(user) => self.user.first(user),
            Fact::ForwardedFor(address) => _ = self.forwarded_for.get_or_insert(*address),
            Fact::Forwarded(address) => _ = self.forwarded.get_or_insert(*address),
            Fact::Trace(id) => self.trace_id.first(id),
            Fact::ContentType(media_type) => self.content_type.first(media_type),
            Fact::Request(rank, id) => {
                if !self.request_id.is || *rank < self.request_id_rank {
                    self.request_id.set(id);
                    self.request_id_rank = *rank;
                }
            }
        }
    }
}

/// Puts the header lines of a message, after redaction, into `lines`, and what they tell into `facts`.
fn head(
    message: Option<&Message>,
    known: &mut Lines,
    redactor: &Redactor,
    facts: &mut Facts,
    lines: &mut Option<String>,
) {
    facts.clear();
    let Some(message) = message else { return *lines = None };
    let lines = lines.get_or_insert_default();
    lines.clear();
    for (name, value) in message.headers() {
        let line = known.of(name, value, redactor);
        if let Some(fact) = &line.fact {
            facts.take(fact);
        }
        lines.push_str(&line.text);
    }
}

/// All flags of an exchange, those of its bodies among them.
pub fn all_anomalies(exchange: &Exchange) -> AnomalySet {
    let mut all = exchange.anomalies;
    for message in [&exchange.request, &exchange.response].into_iter().flatten() {
        if let Some(tap) = &message.body.tap {
            all.merge(tap.anomalies);
        }
    }
    all
}

/// The last instant of an exchange: of its response; where none came, what was last seen of it. Its session is over then,
/// or it was given up: nothing more will come. Packets may be captured in another order than sent, and clocks are set back:
/// nothing of it is before it begins.
fn end(exchange: &Exchange) -> UnixNanos {
    let last = exchange.end.or(exchange.response_start).or(exchange.request_end).unwrap_or(exchange.start);
    last.max(exchange.start)
}

/// Puts the path and the query of a request, after redaction, into their places.
fn path_and_query(
    request: Option<&Message>,
    redactor: &Redactor,
    path: &mut Option<String>,
    query: &mut Option<String>,
) {
    let Some(message) = request else { return (*path, *query) = (None, None) };
    let sent = target(message);
    let target: Cow<'_, [u8]> = cow(redactor.target(sent), sent);
    let parts = Target::split(method(message), &target);
    put(path, parts.path.map(lossy).as_deref());
    put(query, parts.query.map(lossy).as_deref());
}

fn decoded_size(message: Option<&Message>) -> Option<u64> {
    message.and_then(|m| m.body.tap.as_ref()).and_then(|tap| tap.decoded_size)
}

/// Whether bytes of the body were kept.
fn has_body(message: Option<&Message>) -> bool {
    message.is_some_and(|m| m.body.size > 0 && m.body.tap.as_ref().is_some_and(|tap| tap.kept.is_some()))
}

impl RowMaker {
    /// The row of an exchange that is still open (`Engine::open_exchanges`): provisional and without an end. The row that
    /// replaces it has the same id. It is not settled: only the last row counts.
    pub fn open_exchange(&mut self, exchange: &Exchange) -> ExchangeRow {
        ExchangeRow { end: None, provisional: true, ..self.exchange(exchange) }
    }

    /// The row of an exchange. Settle it afterwards ([`Self::settle`]).
    pub fn exchange(&mut self, exchange: &Exchange) -> ExchangeRow {
        let mut row = self.spare.pop().unwrap_or_default();
        self.fill(exchange, &mut row);
        row
    }

    /// Takes rows that nobody needs any more: the next ones are made in their memory.
    pub fn reuse(&mut self, rows: Vec<ExchangeRow>) {
        let room = SPARE_MAX.saturating_sub(self.spare.len());
        let small = |row: &ExchangeRow| {
            let texts = [&row.request_headers, &row.response_headers, &row.path, &row.query];
            texts.into_iter().flatten().map(String::capacity).sum::<usize>() <= SPARE_TEXT_MAX
        };
        self.spare.extend(rows.into_iter().filter(small).take(room));
    }

    /// Sets every column of a row, whatever it was before.
    fn fill(&mut self, exchange: &Exchange, row: &mut ExchangeRow) {
        self.fill_content(exchange, row);
        let (request, response) = (exchange.request.as_ref(), exchange.response.as_ref());
        let bodies = [("request", request), ("response", response)];
        row.start = exchange.start.0;
        row.end = Some(end(exchange).0);
        row.request_end = exchange.request_end.map(|at| at.max(exchange.start).0);
        row.response_start = exchange.response_start.map(|at| at.max(exchange.start).0);
        row.provisional = false;
        row.counted = true;
        row.template_rules = self.normaliser.version();
        row.status = response.map(status).filter(|status| *status > 0);
        row.request_size = request.map_or(0, |m| m.wire_bytes);
        row.request_body_size = request.map_or(0, |m| m.body.size);
        row.request_body_decoded = decoded_size(request);
        row.response_size = response.map_or(0, |m| m.wire_bytes);
        row.response_body_size = response.map_or(0, |m| m.body.size);
        row.response_body_decoded = decoded_size(response);
        row.interim = words(&exchange.interim);
        row.bodies = words(bodies.into_iter().filter(|(_, message)| has_body(*message)).map(|(name, _)| name));
        row.anomalies = words(all_anomalies(exchange).iter().map(Anomaly::name));
        row.rtt = exchange.handshake_rtt_ns;
        row.retransmissions = exchange.retransmissions;
    }

    /// Sets the columns of text, but for words.
    fn fill_content(&mut self, exchange: &Exchange, row: &mut ExchangeRow) {
        let Self {
            options, vantage, tags, facts: [asked, answered], lines, redactor, key, sessions, normaliser, ..
        } = self;
        let (request, response) = (exchange.request.as_ref(), exchange.response.as_ref());
        head(request, lines, redactor, asked, &mut row.request_headers);
        head(response, lines, redactor, answered, &mut row.response_headers);
        path_and_query(request, redactor, &mut row.path, &mut row.query);
        let wire_key = wire_key(exchange.client, exchange.server, exchange.first_sequence);
        row.wire_key = wire_key.cast_signed();
        key.exchange_into(exchange.start, wire_key, &mut row.id);
        let session = sessions.of(key, exchange.session_start, exchange.session);
        let (session, [client_address, server_address]) = session.with_ends(exchange.client, exchange.server);
        session.clone_into(&mut row.session);
        row.client_address.clone_from(client_address);
        row.client_port = exchange.client.port;
        row.server_address.clone_from(server_address);
        row.server_port = exchange.server.port;
        match asked.forwarded_for.or(asked.forwarded) {
            Some(address) => row.origin = address.to_string(),
            None => row.origin.clone_from(client_address),
        }
        row.source.clone_from(&options.source);
        row.agent.clone_from(&options.agent);
        let vantage = vantage_of(options, vantage.as_deref(), exchange.client.address, exchange.server.address);
        put(&mut row.vantage, vantage);
        put(&mut row.tags, tags.as_deref());
        "http".clone_into(&mut row.protocol);
        put_bytes(&mut row.version, protocol_version(exchange).unwrap_or_default());
        put_bytes(&mut row.method, request.map(method).unwrap_or_default());
        let host = asked.host.get();
        let path = row.path.as_deref();
        service::service(&options.services, host.unwrap_or_default(), exchange.server, path.unwrap_or_default())
            .as_ref()
            .clone_into(&mut row.service);
        match path {
            Some(path) => normaliser.normalise(path, row.template.get_or_insert_default()),
            None => row.template = None,
        }
        put(&mut row.host, host);
        put(&mut row.user, asked.user.get());
        put(&mut row.content_type, answered.content_type.get());
        put(&mut row.trace_id, asked.trace_id.get().or(answered.trace_id.get()));
        put(&mut row.request_id, asked.request_id.get().or(answered.request_id.get()));
    }

    /// The rows of the bodies that were kept, after redaction. Takes the bytes out of the exchange.
    pub fn bodies(&mut self, row: &ExchangeRow, exchange: &mut Exchange) -> Vec<BodyRow> {
        let messages = [("request", &mut exchange.request), ("response", &mut exchange.response)];
        let mut rows = Vec::new();
        for (direction, message) in messages {
            if let Some(message) = message.as_mut().filter(|m| has_body(Some(m))) {
                rows.push(self.body(row, direction, message));
            }
        }
        rows
    }

    fn body(&mut self, row: &ExchangeRow, direction: &str, message: &mut Message) -> BodyRow {
        let sent = message.header("content-type").map(<[u8]>::to_vec);
        let content_type = sent.as_deref().map(|value| cow(self.redactor.header(b"content-type", value), value));
        let mut body = BodyRow {
            exchange: row.id.clone(),
            time: row.start,
            direction: direction.to_owned(),
            content_type: content_type.as_deref().and_then(some_text),
            size: message.body.size,
            ..BodyRow::default()
        };
        let Some(tap) = message.body.tap.as_mut() else { return body };
        let kept = tap.kept.take().unwrap_or_default();
        body.decoded_size = tap.decoded_size;
        body.cut = tap.kept_cut;
        if tap.decoded_size.is_none() {
            // Nothing in it can be read, so nothing in it can be replaced.
            body.withheld = Some("encoded".to_owned());
            return body;
        }
        match self.known_bodies.redact(&self.redactor, sent.as_deref(), kept, !tap.kept_cut) {
            Ok(bytes) => body.bytes = bytes,
            Err(reason) => body.withheld = Some(reason.as_str().to_owned()),
        }
        body
    }
}
