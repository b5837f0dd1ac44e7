//! Reads `expected.json`: the readings of each file by several tools, in one form.
//!
//! The readings do not all tell the same: Suricata leaves out the port of a host, tshark's second list has no hosts, Zeek
//! writes `-` for what is missing. A result is brought into the form of a reading before they are compared.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Row;

/// What Suricata writes where it has not seen the request of a response.
const NOT_SEEN: &str = "/libhtp::request_uri_not_seen";

/// How one tool reads a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The tool.
    pub name: &'static str,
    form: Form,
    rows: Vec<Row>,
}

/// What a tool tells of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// All four columns.
    Whole,
    /// The host without its port.
    HostWithoutPort,
    /// No host, and no responses without a request.
    RequestsWithoutHost,
}

impl Reading {
    fn new(name: &'static str, form: Form, rows: &[Row]) -> Self {
        Self { name, form, rows: project(form, rows) }
    }

    /// The rows, in the form of this tool.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What was found, in the form of this tool.
    #[must_use]
    pub fn project(&self, found: &[Row]) -> Vec<Row> {
        project(self.form, found)
    }
}

fn project(form: Form, rows: &[Row]) -> Vec<Row> {
    let without_port = |host: &Option<String>| host.as_deref().map(|host| strip_port(host).to_owned());
    match form {
        Form::Whole => rows.to_vec(),
        Form::HostWithoutPort => rows.iter().map(|row| Row { host: without_port(&row.host), ..row.clone() }).collect(),
        Form::RequestsWithoutHost => {
            let requests = rows.iter().filter(|row| row.method.is_some());
            requests.map(|row| Row { host: None, ..row.clone() }).collect()
        }
    }
}

fn strip_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// All files of `expected.json` that hold HTTP/1, with their readings: the main one first; more only where they differ.
#[derive(Debug)]
pub struct Expected {
    /// Path below the captures folder to readings.
    pub files: BTreeMap<String, Vec<Reading>>,
}

impl Expected {
    /// Reads the text of `expected.json`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| format!("expected.json: {error}"))?;
        let files = json["files"].as_object().ok_or("expected.json has no `files`")?;
        let readings = files.iter().map(|(name, facts)| (name.clone(), readings(facts)));
        let files = readings.filter(|(_, readings)| readings.iter().any(|reading| !reading.rows.is_empty())).collect();
        Ok(Self { files })
    }
}

fn readings(facts: &Value) -> Vec<Reading> {
    let mut main = rows(&facts["http_requests"]);
    main.extend(rows(&facts["http_responses_without_request"]));
    let mut all = vec![Reading::new("tshark", Form::Whole, &main)];
    if facts.get("differs").is_none() {
        return all;
    }
    let second = &facts["http_without_ooo_reassembly"]["list"];
    if second.is_array() {
        all.push(Reading::new("tshark without out-of-order reassembly", Form::RequestsWithoutHost, &rows(second)));
    }
    // An empty list of Suricata's means nothing: it does not read every link type and tunnel.
    let suricata = rows(&facts["suricata_7_0_10"]["http"]);
    if !suricata.is_empty() {
        all.push(Reading::new("suricata", Form::HostWithoutPort, &suricata));
    }
    for log in list(&facts["upstream"]["logs"]).iter().filter(|log| log["log"] == "http.log") {
        all.push(Reading::new("zeek", Form::HostWithoutPort, &rows(&log["rows"])));
    }
    all
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn rows(value: &Value) -> Vec<Row> {
    list(value).iter().map(row).collect()
}

fn row(value: &Value) -> Row {
    let text = |key: &str| value[key].as_str().filter(|text| !["-", "(empty)", NOT_SEEN].contains(text));
    let status = &value["status"];
    let number = status.as_u64().and_then(|status| u16::try_from(status).ok());
    let status = number.or_else(|| text("status_code").and_then(|status| status.parse().ok()));
    Row::new(text("method"), text("host"), text("uri"), status)
}

#[cfg(test)]
mod tests {
    use super::{Expected, strip_port};
    use crate::golden::Row;

    #[test]
    fn zeek_rows_are_read() {
        let text = r#"{"files": {"z": {"differs": [], "upstream": {"logs": [{"log": "http.log", "rows": [
            {"method": "-", "host": "-", "uri": "(empty)", "status_code": "400"}]}, {"log": "weird.log", "rows": []}]}}}}"#;
        let expected = Expected::parse(text).unwrap();
        let reading = &expected.files["z"][1];
        assert_eq!((reading.name, reading.rows()), ("zeek", &[Row::new(None, None, None, Some(400))][..]));
    }

    #[test]
    fn ports_are_stripped_from_names_only() {
        for (host, name) in [("h:80", "h"), ("h", "h"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("h:", "h:")] {
            assert_eq!(strip_port(host), name);
        }
    }

    #[test]
    fn other_json_is_refused_in_words() {
        assert!(Expected::parse("{").unwrap_err().starts_with("expected.json: "));
        assert_eq!(Expected::parse("{}").unwrap_err(), "expected.json has no `files`");
    }
}
