//! What a click on a series opens: points are sums, so never exactly their rows.
//!
//! What an access log says stands beside the exchanges that an agent saw; all else beside lines of logs. A drill of a series stands
//! alone: its filter says all that the filter of the series says in the language of the other table, or why it cannot.

use arachne_filter::{Class, Field, HeaderSide, Predicate, Test, TextTest, render};
use arachne_model::table::{ExchangeRow, LogRow, PointRow, Row as _, Table, Value};
use arachne_store::Scalar;

use crate::drill::Drill;
use crate::fields::Split;
use crate::scope::Mode;

/// The drill of the series of `metric` whose fields `by` have the values `key`, of points that pass `filter`.
pub(super) fn drill(metric: &str, filter: &Predicate, by: &[Split], key: &[Scalar]) -> Drill {
    let table = if metric.starts_with("access.") { ExchangeRow::TABLE } else { LogRow::TABLE };
    let browser = metric.starts_with("browser.");
    let mut told = Told { table, browser, terms: Vec::new(), left_out: Vec::new() };
    if browser {
        told.terms.extend(render::term(table, "service", Value::Text("browser")));
    }
    told.filter(filter);
    for (split, value) in by.iter().zip(key) {
        match value {
            Scalar::Text(text) => told.any(&split.field, &[text]),
            _ => told.left_out.push(split.name.clone()),
        }
    }
    told.drill()
}

/// The drill of all series that are not shown.
pub(super) fn others(metric: &str, filter: &Predicate) -> Drill {
    let mut drill = drill(metric, filter, &[], &[]);
    let also = "the rows of all series are listed, not only of those that are one here";
    drill.reason = Some(drill.reason.map_or_else(|| also.to_owned(), |reason| format!("{reason}; {also}")));
    drill
}

/// A filter of another table in the making.
struct Told {
    table: &'static Table,
    /// Of what browsers tell: a record is of a page with all its measures, and of the service `browser`, so these do not tell records apart.
    browser: bool,
    terms: Vec<String>,
    /// What could not be said.
    left_out: Vec<String>,
}

impl Told {
    fn filter(&mut self, filter: &Predicate) {
        match filter {
            Predicate::All => {}
            Predicate::And(parts) => parts.iter().for_each(|part| self.filter(part)),
            Predicate::Is(field, Test::Text(TextTest::OneOf(values))) => {
                self.any(field, &values.iter().map(String::as_str).collect::<Vec<_>>());
            }
            _ => self.left_out.push("a part of the filter".to_owned()),
        }
    }

    /// That a field of points has one of these values.
    fn any(&mut self, field: &Field, values: &[&str]) {
        let Some(name) = name(field) else { return };
        let measure = self.browser && matches!(name, "stage" | "vital" | "outcome" | "service" | "server");
        let term = |value: &&str| if measure { None } else { term(self.table, name, value) };
        let terms: Option<Vec<String>> = values.iter().map(term).collect();
        match terms {
            Some(terms) if terms.len() > 1 => self.terms.push(format!("({})", terms.join(" or "))),
            Some(terms) => self.terms.extend(terms),
            None => self.left_out.push(name.to_owned()),
        }
    }

    fn drill(self) -> Drill {
        let exchanges = self.table.name == ExchangeRow::TABLE.name;
        let mut reason = if exchanges {
            "the log counted requests; listed are the exchanges that an agent saw of them".to_owned()
        } else {
            "points are sums; listed are the lines of logs that were kept beside them".to_owned()
        };
        if !self.left_out.is_empty() {
            reason.push_str(&format!("; not told apart there: {}", self.left_out.join(", ")));
        }
        // A log is written when an exchange ends.
        let mode = if exchanges { Mode::End } else { Mode::Start };
        Drill { view: self.table.name, filter: self.terms.join(" "), mode, exact: false, reason: Some(reason) }
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

/// The same of a row of the table; `None` where that cannot be said.
fn term(table: &'static Table, label: &str, value: &str) -> Option<String> {
    let text = |name: &str| render::term(table, name, Value::Text(value));
    if value.starts_with('~') {
        return None;
    }
    if table.name == LogRow::TABLE.name {
        return match label {
            "agent" | "service" | "level" => text(label),
            "code" => text("log.code"),
            "template" => text("log.template"),
            "file" => text("log.file.path"),
            label => text(&format!("field.{label}")),
        };
    }
    let status = |status: i64| render::term(table, "http.response.status_code", Value::Int(status));
    match label {
        "agent" | "service" => text(label),
        "template" => text("url.template"),
        "method" => text("http.request.method"),
        "server" | "host" => text("http.request.header.host"),
        "status" => status(value.parse().ok()?),
        "class" if value == "limited" => status(429),
        "class" => Class::from_name(value).and_then(|_| text("class")),
        "upstream" => {
            let (address, port) = value.rsplit_once(':')?;
            let address = render::term(table, "server.address", Value::Text(address.trim_matches(['[', ']'])))?;
            Some(format!("{address} {}", render::term(table, "server.port", Value::Int(port.parse().ok()?))?))
        }
        _ => None,
    }
}
