//! A backend that asks the server which holds the data folder, through the socket in it.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use arachne_query::{HistogramQuery, ListQuery, Panel, SeriesQuery, TopQuery};
use arachne_sql::Rows;
use serde_json::{Value as Json, json};

use super::args::ExportFormat;
use super::backend::Backend;
use super::export::Exported;
use crate::http;
use crate::progress::Waiting;
use crate::read::console::Console;

/// See the module.
pub struct Remote {
    socket: PathBuf,
    console: Console,
}

impl Remote {
    /// The server that listens on `socket`.
    #[must_use]
    pub const fn new(socket: PathBuf, console: Console) -> Self {
        Self { socket, console }
    }

    fn post(&self, path: &str, body: &Json) -> Result<impl Read> {
        self.send("POST", path, Some(body))
    }

    /// A request, and the body of its answer.
    fn send(&self, method: &str, path: &str, body: Option<&Json>) -> Result<Box<dyn Read>> {
        let stream = http::connect(&self.socket)?;
        let text = body.map(Json::to_string).unwrap_or_default();
        let answer = http::request(stream, method, path, text.as_bytes())?;
        if answer.status < 300 {
            return Ok(Box::new(answer.body));
        }
        bail!("{}", problem(answer.status, answer.body))
    }

    fn panel(&self, panel: &Panel) -> Result<Json> {
        let panels = json!({ "panels": [panel] });
        let waiting = Waiting::new(self.console.passing_bar);
        for line in BufReader::new(self.post("/api/v1/query/batch", &panels)?).lines() {
            let line: Json = serde_json::from_str(&line?).context("the server answered what is not JSON")?;
            if let Some(problem) = line.get("problem").or_else(|| line["panel"].get("problem")) {
                bail!("{}", detail(problem));
            }
            if let Some(answer) = line["panel"].get("answer") {
                return Ok(answer.clone());
            }
            let number = |name: &str| line["progress"][name].as_u64().unwrap_or_default();
            waiting.at(number("rows"), number("rows_total"));
        }
        bail!("the server ended its answer too early")
    }
}

/// The words of a problem (RFC 9457).
fn problem(status: u16, body: impl Read) -> String {
    let mut text = Vec::new();
    // A problem is short; what cannot be read is not told.
    let _ = body.take(64 << 10).read_to_end(&mut text);
    serde_json::from_slice(&text).map_or_else(|_| format!("the server answered with status {status}"), |p| detail(&p))
}

fn detail(problem: &Json) -> String {
    let text = |name: &str| problem[name].as_str().unwrap_or_default();
    let (title, detail) = (text("title"), text("detail"));
    if detail.is_empty() { title.to_owned() } else { detail.to_owned() }
}

impl Backend for Remote {
    fn list(&self, query: &ListQuery) -> Result<Json> {
        self.panel(&Panel::List(query.clone()))
    }

    fn histogram(&self, query: &HistogramQuery) -> Result<Json> {
        self.panel(&Panel::Histogram(query.clone()))
    }

    fn top(&self, query: &TopQuery) -> Result<Json> {
        self.panel(&Panel::Top(query.clone()))
    }

    fn series(&self, query: &SeriesQuery) -> Result<Json> {
        self.panel(&Panel::Series(query.clone()))
    }

    fn sql(&self, statement: &str, rows: &mut dyn Rows) -> Result<()> {
        let mut names: Vec<String> = Vec::new();
        for line in BufReader::new(self.post("/api/v1/sql", &json!({ "statement": statement }))?).lines() {
            let line: Json = serde_json::from_str(&line?).context("the server answered what is not JSON")?;
            let flow = if names.is_empty() {
                let listed = line["columns"].as_array().into_iter().flatten();
                names = listed.filter_map(Json::as_str).map(str::to_owned).collect();
                rows.names(&names)
            } else if line.get("problem").is_some_and(Json::is_object) && !names.iter().any(|name| name == "problem") {
                bail!("{}", detail(&line["problem"]));
            } else {
                rows.row(names.iter().map(|name| line[name].clone()).collect())
            };
            if flow == ControlFlow::Break(()) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn export(&self, what: &Exported, format: ExportFormat, out: &mut dyn Write) -> Result<()> {
        let path = match (format, &what.session) {
            (ExportFormat::Pcapng, Some(session)) => format!("/api/v1/sessions/{}/pcapng", http::encoded(session)),
            (format, _) => format!("/api/v1/export/{}{}", name(format)?, parameters(what)),
        };
        let mut body = self.send("GET", &path, None)?;
        std::io::copy(&mut body, out)?;
        Ok(())
    }
}

fn name(format: ExportFormat) -> Result<&'static str> {
    Ok(match format {
        ExportFormat::Pcapng => "packets.pcapng",
        ExportFormat::Har => "exchanges.har",
        ExportFormat::Ndjson => "exchanges.ndjson",
        ExportFormat::Csv => "exchanges.csv",
        ExportFormat::Curl => bail!("a server gives cURL commands one by one: /api/v1/exchanges/ID/curl"),
    })
}

fn parameters(what: &Exported) -> String {
    let given = [("filter", Some(&what.filter)), ("from", what.from.as_ref()), ("to", what.to.as_ref())];
    let pairs = given.iter().filter_map(|(name, value)| value.map(|value| format!("{name}={}", http::encoded(value))));
    format!("?{}", pairs.collect::<Vec<_>>().join("&"))
}
