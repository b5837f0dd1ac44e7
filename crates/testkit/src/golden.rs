//! The golden runner: what a reader finds in captures made by others, against what other tools find in them.
//!
//! Two sets of expectations meet. Where the tools agree, the multiset of (method, host, path and query, status) over
//! `http_requests` and `http_responses_without_request` must be equal. Where `differs` is set there is no single answer:
//! the result must equal one of the readings (tshark, tshark without out-of-order reassembly, Suricata, Zeek), or be a
//! decision of ours, listed in [`decisions`] with its reason and a digest of its rows.

pub mod decisions;
mod expected;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

pub use decisions::Decisions;
pub use expected::{Expected, Reading};

/// One exchange as the golden runner compares it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The method as sent; `None` for a response alone.
    pub method: Option<String>,
    /// The Host header as sent.
    pub host: Option<String>,
    /// Path and query of the request target; `*` and the `host:port` of CONNECT as they are.
    pub uri: Option<String>,
    /// The status of the final response.
    pub status: Option<u16>,
}

impl Row {
    /// A row whose target is brought into the form that all readings share: an absolute target loses scheme and
    /// authority, an empty text is none.
    #[must_use]
    pub fn new(method: Option<&str>, host: Option<&str>, uri: Option<&str>, status: Option<u16>) -> Self {
        let some = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let uri = uri.map(path_and_query);
        Self { method: some(method), host: some(host), uri: some(uri), status }
    }
}

/// The row of one line that `arachne read --format ndjson` prints.
///
/// # Errors
/// What is wrong with the line, in words.
pub fn row_of_ndjson(line: &str) -> Result<Row, String> {
    let json: serde_json::Value = serde_json::from_str(line).map_err(|error| format!("ndjson: {error}: {line}"))?;
    let text = |key: &str| json[key].as_str();
    // Path and query are told apart in ndjson; `/x?` has an empty query, `/x` has none.
    let target = text("url.path").map(|path| match text("url.query") {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    });
    let status = json["http.response.status_code"].as_u64().and_then(|status| u16::try_from(status).ok());
    Ok(Row::new(text("http.request.method"), text("http.request.header.host"), target.as_deref(), status))
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        write!(f, "{} {} {} ", text(&self.method), text(&self.host), text(&self.uri))?;
        match self.status {
            Some(status) => write!(f, "{status}"),
            None => write!(f, "-"),
        }
    }
}

/// `/path?query` of an absolute target, anything else as it is.
fn path_and_query(target: &str) -> &str {
    let Some((scheme, rest)) = target.split_once("://") else { return target };
    if !scheme.bytes().all(|b| b.is_ascii_alphabetic()) || scheme.is_empty() {
        return target;
    }
    rest.find(['/', '?']).map_or("/", |at| &rest[at..])
}

/// How a file came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Equal to the main reading.
    Equal,
    /// The tools differ, and the result equals the one named.
    EqualTo(&'static str),
    /// The tools differ or are wrong, and the result is what the listed decision says.
    Decided(String),
    /// None of these.
    Wrong(Difference),
    /// The reader gave up.
    Failed(String),
}

/// Rows on one side only.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Difference {
    /// Expected, not found, with how often.
    pub missing: Vec<(Row, usize)>,
    /// Found, not expected.
    pub unexpected: Vec<(Row, usize)>,
}

impl Difference {
    /// Rows on either side only.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.missing.iter().chain(&self.unexpected).map(|(_, count)| count).sum()
    }
}

/// The result over all files.
#[derive(Debug, Default)]
pub struct Report {
    /// File and verdict, in order of the names.
    pub files: Vec<(String, Verdict)>,
    /// Decisions that no file used: stale, or for a file that is gone.
    pub unused_decisions: Vec<String>,
}

impl Report {
    /// Files that are equal or decided.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.files.iter().filter(|(_, verdict)| !matches!(verdict, Verdict::Wrong(_) | Verdict::Failed(_))).count()
    }

    /// Percentage of files that are equal or decided; 100 without files.
    #[must_use]
    pub fn percentage(&self) -> f64 {
        if self.files.is_empty() {
            return 100.0;
        }
        #[allow(clippy::cast_precision_loss, reason = "a hundred files, not 2^52")]
        let share = self.passed() as f64 / self.files.len() as f64;
        share * 100.0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (file, verdict) in &self.files {
            match verdict {
                Verdict::Equal => writeln!(f, "equal    {file}")?,
                Verdict::EqualTo(reading) => writeln!(f, "equal    {file} (to {reading}; the tools differ)")?,
                Verdict::Decided(reason) => writeln!(f, "decided  {file}: {reason}")?,
                Verdict::Failed(error) => writeln!(f, "FAILED   {file}: {error}")?,
                Verdict::Wrong(difference) => {
                    writeln!(f, "WRONG    {file}")?;
                    let (missing, unexpected) = (&difference.missing, &difference.unexpected);
                    missing.iter().try_for_each(|(row, n)| writeln!(f, "         - {n} x {row}"))?;
                    unexpected.iter().try_for_each(|(row, n)| writeln!(f, "         + {n} x {row}"))?;
                }
            }
        }
        for file in &self.unused_decisions {
            writeln!(f, "unused decision for {file}")?;
        }
        write!(f, "{} of {} files equal or decided: {:.1} %", self.passed(), self.files.len(), self.percentage())
    }
}

/// The folder of shared captures: `$ARACHNE_SHARED/captures`, default `../shared` beside the workspace. `None`, with a
/// message for the reader of the test's output, where it is absent.
#[must_use]
pub fn captures(workspace: &Path) -> Option<PathBuf> {
    let shared = std::env::var_os("ARACHNE_SHARED").map_or_else(|| workspace.join("../shared"), PathBuf::from);
    let captures = shared.join("captures");
    if captures.join("expected.json").is_file() {
        return Some(captures);
    }
    #[allow(clippy::print_stderr, reason = "a skipped test says so")]
    {
        eprintln!("skipped: no {} (set ARACHNE_SHARED)", captures.join("expected.json").display());
    }
    None
}

/// Runs `read` over every file of `expected` that holds HTTP/1, and judges what it finds.
///
/// `read` gets the path of a file and returns its exchanges, or why it could not.
pub fn run(
    captures: &Path,
    expected: &Expected,
    decisions: &Decisions,
    mut read: impl FnMut(&Path) -> Result<Vec<Row>, String>,
) -> Report {
    let mut report = Report::default();
    let mut used = Vec::new();
    for (file, readings) in &expected.files {
        let verdict = match read(&captures.join(file)) {
            Ok(found) => judge(file, readings, decisions, &found),
            Err(error) => Verdict::Failed(error),
        };
        if matches!(verdict, Verdict::Decided(_)) {
            used.push(file);
        }
        report.files.push((file.clone(), verdict));
    }
    report.unused_decisions = decisions.files().filter(|file| !used.contains(file)).cloned().collect();
    report
}

/// Judges what was found in `file`.
#[must_use]
pub fn judge(file: &str, readings: &[Reading], decisions: &Decisions, found: &[Row]) -> Verdict {
    for (n, reading) in readings.iter().enumerate() {
        if difference(reading.rows(), reading.project(found)) == Difference::default() {
            return if n == 0 { Verdict::Equal } else { Verdict::EqualTo(reading.name) };
        }
    }
    if let Some(decision) = decisions.get(file)
        && decision.holds(found)
    {
        return Verdict::Decided(decision.reason.clone());
    }
    let all = readings.iter().map(|reading| difference(reading.rows(), reading.project(found)));
    Verdict::Wrong(all.min_by_key(Difference::rows).unwrap_or_default())
}

/// The difference of two multisets.
fn difference(expected: &[Row], found: Vec<Row>) -> Difference {
    let mut balance: BTreeMap<Row, (usize, usize)> = BTreeMap::new();
    expected.iter().for_each(|row| balance.entry(row.clone()).or_default().0 += 1);
    found.into_iter().for_each(|row| balance.entry(row).or_default().1 += 1);
    let mut difference = Difference::default();
    for (row, (wanted, got)) in balance {
        if wanted > got {
            difference.missing.push((row, wanted - got));
        } else if got > wanted {
            difference.unexpected.push((row, got - wanted));
        }
    }
    difference
}

#[cfg(test)]
mod tests {
    use super::{Decisions, Difference, Expected, Row, Verdict, judge};

    fn row(method: &str, host: &str, uri: &str, status: u16) -> Row {
        Row::new(Some(method), Some(host), Some(uri), Some(status))
    }

    const SAMPLE: &str = r#"{"files": {
        "a.pcap": {"http_requests": [
            {"method": "GET", "host": "h:8080", "uri": "HTTP://h:8080/x?y", "status": 200},
            {"method": "GET", "host": "h:8080", "uri": "/x?y", "status": 200}],
          "suricata_7_0_10": {"http": []}},
        "b.pcap": {"http_requests": [{"method": "GET", "host": "h:8080", "uri": "/1", "status": null}],
          "http_responses_without_request": [{"status": 400}],
          "suricata_7_0_10": {"http": [{"method": "GET", "host": "h", "uri": "/1", "status": 200},
            {"method": null, "host": null, "uri": "/libhtp::request_uri_not_seen", "status": 400}]},
          "differs": ["they do"]},
        "none.pcap": {"http_requests": []}}}"#;

    #[test]
    fn a_file_without_differences_must_equal_the_main_reading() {
        let expected = Expected::parse(SAMPLE).unwrap();
        assert_eq!(expected.files.keys().collect::<Vec<_>>(), ["a.pcap", "b.pcap"]);
        let judge = |found: &[Row]| judge("a.pcap", &expected.files["a.pcap"], &Decisions::default(), found);
        let twice = [row("GET", "h:8080", "/x?y", 200), row("GET", "h:8080", "/x?y", 200)];
        assert_eq!(judge(&twice), Verdict::Equal);
        let missing = vec![(twice[0].clone(), 1)];
        assert_eq!(judge(&twice[..1]), Verdict::Wrong(Difference { missing, unexpected: vec![] }));
        assert!(matches!(judge(&[]), Verdict::Wrong(_)), "no reading but the main one counts here");
    }

    #[test]
    fn a_file_with_differences_may_equal_any_reading_or_a_decision() {
        let expected = Expected::parse(SAMPLE).unwrap();
        let decisions = {
            let digest = super::decisions::digest(&[row("GET", "h:8080", "/1", 500)]);
            Decisions::parse(&format!("b.pcap: the answer is for another request\n  1 rows, {digest:016x}\n")).unwrap()
        };
        let judge = |found: &[Row]| judge("b.pcap", &expected.files["b.pcap"], &decisions, found);
        let alone = Row::new(None, None, None, Some(400));
        let open = Row { status: None, ..row("GET", "h:8080", "/1", 200) };
        assert_eq!(judge(&[open, alone.clone()]), Verdict::Equal);
        assert_eq!(judge(&[row("GET", "h:8080", "/1", 200), alone]), Verdict::EqualTo("suricata"));
        let decided = Verdict::Decided("the answer is for another request".to_owned());
        assert_eq!(judge(&[row("GET", "h:8080", "/1", 500)]), decided);
        assert!(matches!(judge(&[]), Verdict::Wrong(_)));
    }

    #[test]
    fn lines_of_ndjson_become_rows() {
        let line = r#"{"http.request.method":"GET","http.request.header.host":"h:8080","url.path":"/x","url.query":"y","http.response.status_code":200}"#;
        assert_eq!(super::row_of_ndjson(line), Ok(row("GET", "h:8080", "/x?y", 200)));
        assert_eq!(super::row_of_ndjson(r#"{"http.request.method":null}"#), Ok(Row::new(None, None, None, None)));
        assert!(super::row_of_ndjson("{").is_err());
    }

    #[test]
    fn targets_of_all_forms_come_down_to_path_and_query() {
        let uri = |method, target| Row::new(Some(method), None, Some(target), None).uri;
        for (method, target, expected) in [
            ("GET", "/x?y", Some("/x?y")),
            ("GET", "HTTP://h/x?y", Some("/x?y")),
            ("GET", "http://h", Some("/")),
            ("GET", "/x?u=http://h/y", Some("/x?u=http://h/y")),
            ("OPTIONS", "*", Some("*")),
            ("CONNECT", "h:443", Some("h:443")),
            ("CONNECT", "/h", Some("/h")),
        ] {
            assert_eq!(uri(method, target).as_deref(), expected, "{method} {target}");
        }
    }

    #[test]
    fn the_report_counts_and_names_stale_decisions() {
        let expected = Expected::parse(SAMPLE).unwrap();
        let decisions = Decisions::parse("gone.pcap: a reason\n").unwrap();
        let read = |path: &std::path::Path| match path.ends_with("a.pcap") {
            true => Err("cannot read".to_owned()),
            false => Ok(vec![row("GET", "h:8080", "/1", 200), Row::new(None, None, None, Some(400))]),
        };
        let report = super::run(std::path::Path::new("captures"), &expected, &decisions, read);
        assert_eq!((report.passed(), report.unused_decisions.len()), (1, 1));
        assert!(report.to_string().ends_with("1 of 2 files equal or decided: 50.0 %"), "{report}");
    }
}
