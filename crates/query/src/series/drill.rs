//! What a click on a series opens: points are sums, so never exactly their rows.
//!
//! What an access log says stands beside the exchanges that an agent saw; where it saw none, and for all else that logs say, beside
//! lines that were kept. What hosts say stands beside what went on there. A drill of a series stands alone: its filter says all that
//! the filter of the series says in the language of the other table, or why it cannot.

use arachne_filter::{Class, Field, HeaderSide, Predicate, Test, TextTest, render};
use arachne_model::table::{ExchangeRow, LogRow, PointRow, Row as _, SessionRow, Table, Value};
use arachne_store::Scalar;

use crate::drill::{Drill, Kept};
use crate::fields::Split;
use crate::scope::Mode;

/// Who tells metrics of these names: what a host does, which has no rows.
const HOSTS: &[&str] = &["system.", "process.", "postgresql.", "redis.", "httpcheck.", "arachne.", "monitor."];

/// Where the rows beside a metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// Requests of an access log.
    Requests,
    /// The same by the time of their upstreams.
    Upstreams,
    /// Lines of logs.
    Lines,
    /// What browsers tell: a record is of a page with all its measures, and of the service `browser`, so these do not tell records apart.
    Browsers,
    /// What rules make of logs: their labels are fields of lines.
    Rules,
    /// Connections of a host.
    Connections,
    /// All else that is measured of a host.
    Host,
}

impl Of {
    fn new(metric: &str) -> Self {
        if metric.starts_with("access.upstream.") {
            Self::Upstreams
        } else if metric.starts_with("access.") {
            Self::Requests
        } else if metric.starts_with("log.") {
            Self::Lines
        } else if metric.starts_with("browser.") {
            Self::Browsers
        } else if metric.starts_with("tcp.") {
            Self::Connections
        } else if HOSTS.iter().any(|host| metric.starts_with(host)) {
            Self::Host
        } else {
            Self::Rules
        }
    }

    /// What is listed, and why it is not exactly what was counted.
    const fn listed(self) -> (&'static Table, Mode, &'static str) {
        match self {
            // A log is written when an exchange ends.
            Self::Requests | Self::Upstreams => (
                ExchangeRow::TABLE,
                Mode::End,
                "the log counted requests; listed are the exchanges that an agent saw of them",
            ),
            Self::Connections => (
                SessionRow::TABLE,
                Mode::Overlap,
                "a reading of a host has no rows; listed are the connections that an agent saw there at that time",
            ),
            Self::Host => (
                ExchangeRow::TABLE,
                Mode::Overlap,
                "a reading of a host has no rows; listed are the exchanges that went on there at that time",
            ),
            Self::Lines | Self::Browsers | Self::Rules => {
                (LogRow::TABLE, Mode::Start, "points are sums; listed are the lines of logs that were kept beside them")
            }
        }
    }

    /// Why lines of logs stand in the place of what is listed.
    const fn instead(self) -> Option<&'static str> {
        match self {
            Self::Requests | Self::Upstreams => Some(
                "no agent captured these requests, or they were encrypted there; listed are the lines of the log that were kept: \
                 all errors, of others some",
            ),
            Self::Connections | Self::Host => Some(
                "a reading of a host has no rows, and nothing was captured there at that time; listed are the lines of logs that were \
                 kept there",
            ),
            Self::Lines | Self::Browsers | Self::Rules => None,
        }
    }
}

/// The drill of the series of `metric` whose fields `by` have the values `key`, of points that pass `filter`.
pub(super) fn drill(metric: &str, filter: &Predicate, by: &[Split], key: &[Scalar]) -> Drill {
    let of = Of::new(metric);
    let (table, mode, why) = of.listed();
    let said = |table, why| {
        let mut told = Told { of, table, terms: Vec::new(), left_out: Vec::new() };
        told.all(filter, by, key);
        told.end(why)
    };
    let (filter, reason) = said(table, why);
    let kept = of.instead().map(|why| {
        let (filter, reason) = said(LogRow::TABLE, why);
        Kept { view: LogRow::TABLE.name, filter, mode: Mode::Start, reason }
    });
    Drill { view: table.name, filter, mode, exact: false, reason: Some(reason), kept }
}

/// The drill of all series that are not shown.
pub(super) fn others(metric: &str, filter: &Predicate) -> Drill {
    let mut drill = drill(metric, filter, &[], &[]);
    let also =
        |reason: &str| format!("{reason}; the rows of all series are listed, not only of those that are one here");
    drill.reason = drill.reason.as_deref().map(also);
    if let Some(kept) = &mut drill.kept {
        kept.reason = also(&kept.reason);
    }
    drill
}

/// A filter of another table in the making.
struct Told {
    of: Of,
    table: &'static Table,
    terms: Vec<String>,
    /// What could not be said.
    left_out: Vec<String>,
}

impl Told {
    fn all(&mut self, filter: &Predicate, by: &[Split], key: &[Scalar]) {
        if self.of == Of::Browsers {
            self.terms.extend(render::term(self.table, "service", Value::Text("browser")));
        }
        self.filter(filter);
        for (split, value) in by.iter().zip(key) {
            match value {
                Scalar::Text(text) => self.any(&split.field, &[text]),
                _ => self.left_out.push(split.name.clone()),
            }
        }
    }

    fn filter(&mut self, filter: &Predicate) {
        match filter {
            Predicate::All => {}
            Predicate::And(parts) => parts.iter().for_each(|part| self.filter(part)),
            Predicate::Is(field, Test::Text(TextTest::OneOf(values))) => {
                self.any(field, &values.iter().map(String::as_str).collect::<Vec<_>>());
            }
            other => match self.part(other) {
                Some(term) => self.terms.push(term),
                // What a host does is told apart by nothing but the host.
                None if self.of == Of::Host => {}
                None => self.left_out.push("a part of the filter".to_owned()),
            },
        }
    }

    /// A filter as one term; `None` where a part of it cannot be said.
    fn part(&self, filter: &Predicate) -> Option<String> {
        match filter {
            Predicate::Not(part) => Some(render::not(&self.part(part)?)),
            Predicate::Or(parts) => either(parts.iter().map(|part| self.part(part)).collect::<Option<_>>()?),
            Predicate::Is(field, Test::Text(TextTest::OneOf(values))) => {
                let name = name(field)?;
                either(values.iter().map(|value| self.term(name, value)).collect::<Option<_>>()?)
            }
            _ => None,
        }
    }

    /// That a field of points has one of these values.
    fn any(&mut self, field: &Field, values: &[&str]) {
        let Some(name) = name(field) else { return };
        let terms: Option<Vec<String>> = values.iter().map(|value| self.term(name, value)).collect();
        match terms.and_then(either) {
            Some(term) => self.terms.push(term),
            None if self.of == Of::Host => {}
            None => self.left_out.push(name.to_owned()),
        }
    }

    /// The same of a row of the table; `None` where that cannot be said.
    fn term(&self, label: &str, value: &str) -> Option<String> {
        if value.starts_with('~') {
            return None;
        }
        let text = |name: &str| render::term(self.table, name, Value::Text(value));
        match (self.table.name, self.of, label) {
            (_, _, "agent") => text("agent"),
            (_, Of::Host, _) => None,
            (name, Of::Connections, label) if name == SessionRow::TABLE.name => self.connection(label, value),
            (_, Of::Connections, _) => None,
            (name, ..) if name == ExchangeRow::TABLE.name => self.exchange(label, value),
            (_, Of::Browsers, "stage" | "vital" | "outcome" | "service" | "server") => None,
            (_, _, "service" | "level") => text(label),
            (_, _, "code") => text("log.code"),
            (_, _, "template") => text("log.template"),
            (_, _, "file") => text("log.file.path"),
            (_, Of::Requests | Of::Upstreams, label) => self.request(label, value),
            (_, Of::Browsers, label) => text(&format!("field.{label}")),
            // A pair of a list is a field of its own: a stage has a value.
            (_, Of::Rules, label) => {
                either([self.field(label, value), self.pair(label, value)].into_iter().flatten().collect())
            }
            _ => None,
        }
    }

    /// A label of an access log, of a captured exchange.
    fn exchange(&self, label: &str, value: &str) -> Option<String> {
        let text = |name: &str| render::term(self.table, name, Value::Text(value));
        let status = |status: i64| render::term(self.table, "http.response.status_code", Value::Int(status));
        match label {
            "service" => text(label),
            "template" => text("url.template"),
            "method" => text("http.request.method"),
            "server" | "host" => text("http.request.header.host"),
            "status" => status(value.parse().ok()?),
            "class" if value == "limited" => status(429),
            // How fast an upstream was is not how fast all was; that all failed is.
            "class" if self.of == Of::Upstreams && value != "error" => None,
            "class" => Class::from_name(value).and_then(|_| text("class")),
            "upstream" => {
                let (address, port) = value.rsplit_once(':')?;
                let address =
                    render::term(self.table, "server.address", Value::Text(address.trim_matches(['[', ']'])))?;
                Some(format!("{address} {}", render::term(self.table, "server.port", Value::Int(port.parse().ok()?))?))
            }
            _ => None,
        }
    }

    /// A label of an access log, of a line that was kept.
    fn request(&self, label: &str, value: &str) -> Option<String> {
        let name = match label {
            "status" => "field.http.response.status_code",
            "method" => "field.http.request.method",
            "class" if self.of == Of::Upstreams => "field.upstream_class",
            // Where several were asked in turn the line has a list, which is not this value.
            "class" | "cache" | "upstream" | "host" => return self.field(label, value),
            _ => return None,
        };
        render::term(self.table, name, Value::Text(value))
    }

    fn field(&self, label: &str, value: &str) -> Option<String> {
        render::term(self.table, &format!("field.{label}"), Value::Text(value))
    }

    /// That a line has a field for this pair of a list.
    fn pair(&self, label: &str, value: &str) -> Option<String> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'#');
        let none = render::term(self.table, &format!("field.{label}.{value}"), Value::Null);
        none.filter(|_| value.bytes().all(good)).and_then(|none| none.strip_prefix('-').map(str::to_owned))
    }

    /// A label of connections, of a captured one.
    fn connection(&self, label: &str, value: &str) -> Option<String> {
        match label {
            "peer" => {
                let address = value.parse::<std::net::IpAddr>().ok()?.to_string();
                let end = |name| render::term(self.table, name, Value::Text(&address));
                either(vec![end("client.address")?, end("server.address")?])
            }
            "port" => render::term(self.table, "server.port", Value::Int(value.parse().ok()?)),
            _ => None,
        }
    }

    fn end(self, why: &str) -> (String, String) {
        let reason = if self.left_out.is_empty() {
            why.to_owned()
        } else {
            format!("{why}; not told apart there: {}", self.left_out.join(", "))
        };
        (self.terms.join(" "), reason)
    }
}

/// One of these; `None` of none.
fn either(mut terms: Vec<String>) -> Option<String> {
    match terms.len() {
        0 | 1 => terms.pop(),
        _ => Some(format!("({})", terms.join(" or "))),
    }
}

/// The name of a label, or of the column `agent`. The name of the metric itself is none.
fn name(field: &Field) -> Option<&str> {
    match field {
        Field::Header(HeaderSide::Labels, name) => Some(name),
        Field::Column(column) if PointRow::TABLE.columns.get(*column)?.name == "name" => None,
        Field::Column(column) => Some(PointRow::TABLE.columns.get(*column)?.name),
        _ => None,
    }
}
