//! The row of an exchange, and its bodies.

use std::borrow::Cow;
use std::net::IpAddr;

use arachne_aggregate::template;
use arachne_content::redact::Redactor;
use arachne_model::table::{BodyRow, ExchangeRow};
use arachne_model::{Anomaly, AnomalySet, Exchange, Message, UnixNanos};
use arachne_wire::target::{Target, method, protocol_version, status, target};

use super::id::wire_key;
use super::lines::{Fact, Lines};
use super::text::{cow, some_text, text, words};
use super::{RowMaker, service};

/// What header lines tell of an exchange; the first of a name counts.
#[derive(Default)]
struct Facts {
    host: Option<String>,
    user: Option<String>,
    forwarded_for: Option<IpAddr>,
    forwarded: Option<IpAddr>,
    trace_id: Option<String>,
    request_id: Option<(u8, String)>,
    content_type: Option<String>,
}

impl Facts {
    fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::Host(host) => set(&mut self.host, host),
            Fact::User(user) => set(&mut self.user, user),
            Fact::ForwardedFor(address) => set(&mut self.forwarded_for, address),
            Fact::Forwarded(address) => set(&mut self.forwarded, address),
            Fact::Trace(id) => set(&mut self.trace_id, id),
            Fact::ContentType(media_type) => set(&mut self.content_type, media_type),
            Fact::Request(rank, id) => {
                if self.request_id.as_ref().is_none_or(|(known, _)| rank < known) {
                    self.request_id = Some((*rank, id.clone()));
                }
            }
        }
    }
}

fn set<T: Clone>(place: &mut Option<T>, value: &T) {
    if place.is_none() {
        *place = Some(value.clone());
    }
}

/// The header lines of a message after redaction, and what they tell.
fn head(message: Option<&Message>, known: &mut Lines, redactor: &Redactor) -> (Option<String>, Facts) {
    let mut facts = Facts::default();
    let Some(message) = message else { return (None, facts) };
    let mut lines = String::with_capacity(message.head.len());
    for (name, value) in message.headers() {
        let line = known.of(name, value, redactor);
        if let Some(fact) = &line.fact {
            facts.take(fact);
        }
        lines.push_str(&line.text);
    }
    (Some(lines), facts)
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
/// or it was given up: nothing more will come.
fn end(exchange: &Exchange) -> UnixNanos {
    exchange.end.or(exchange.response_start).or(exchange.request_end).unwrap_or(exchange.start)
}

/// The path and query of a request after redaction.
fn path_and_query(request: Option<&Message>, redactor: &Redactor) -> (Option<String>, Option<String>) {
    let Some(message) = request else { return (None, None) };
    let sent = target(message);
    let target: Cow<'_, [u8]> = cow(redactor.target(sent), sent);
    let parts = Target::split(method(message), &target);
    (parts.path.map(text), parts.query.map(text))
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
        let (request, response) = (exchange.request.as_ref(), exchange.response.as_ref());
        let (request_headers, asked) = head(request, &mut self.lines, &self.redactor);
        let (response_headers, answered) = head(response, &mut self.lines, &self.redactor);
        let (path, query) = path_and_query(request, &self.redactor);
        let wire_key = wire_key(exchange.client, exchange.server, exchange.first_sequence);
        let place = (exchange.session_start, exchange.session);
        let (session, [client_address, server_address]) = self.session_texts(place, exchange.client, exchange.server);
        let origin = asked.forwarded_for.or(asked.forwarded);
        let bodies = [("request", request), ("response", response)];
        ExchangeRow {
            id: self.key.exchange(exchange.start, wire_key),
            start: exchange.start.0,
            end: Some(end(exchange).0),
            request_end: exchange.request_end.map(|at| at.0),
            response_start: exchange.response_start.map(|at| at.0),
            provisional: false,
            source: self.options.source.clone(),
            agent: self.options.agent.clone(),
            vantage: self.vantage.clone(),
            counted: true,
            wire_key: wire_key.cast_signed(),
            session,
            protocol: "http".to_owned(),
            version: protocol_version(exchange).and_then(some_text),
            origin: origin.map_or_else(|| client_address.clone(), |address| address.to_string()),
            client_address,
            client_port: exchange.client.port,
            server_address,
            server_port: exchange.server.port,
            service: service::service(
                &self.options.services,
                asked.host.as_deref().unwrap_or_default(),
                exchange.server,
                path.as_deref().unwrap_or_default(),
            ),
            user: asked.user,
            method: request.map(method).and_then(some_text),
            host: asked.host,
            template: path.as_deref().map(|path| self.template(path)),
            template_rules: template::VERSION,
            path,
            query,
            status: response.map(status).filter(|status| *status > 0),
            interim: words(&exchange.interim),
            request_headers,
            response_headers,
            content_type: answered.content_type,
            request_size: request.map_or(0, |m| m.wire_bytes),
            request_body_size: request.map_or(0, |m| m.body.size),
            request_body_decoded: decoded_size(request),
            response_size: response.map_or(0, |m| m.wire_bytes),
            response_body_size: response.map_or(0, |m| m.body.size),
            response_body_decoded: decoded_size(response),
            bodies: words(bodies.into_iter().filter(|(_, message)| has_body(*message)).map(|(name, _)| name)),
            trace_id: asked.trace_id.or(answered.trace_id),
            request_id: asked.request_id.or(answered.request_id).map(|(_, id)| id),
            rtt: exchange.handshake_rtt_ns,
            retransmissions: exchange.retransmissions,
            anomalies: words(all_anomalies(exchange).iter().map(Anomaly::name)),
            tags: self.tags.clone(),
        }
    }

    fn template(&self, path: &str) -> String {
        let mut template = String::with_capacity(path.len());
        self.normaliser.normalise(path, &mut template);
        template
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
