//! Exchanges as a table for people. Rows appear as they come, so widths follow from the terminal, not from the data.

use arachne_model::{Exchange, Message, UnixNanos};

use super::layout::{Align, Column, GAP, Row, Style};
use super::notes;
use super::target::{Target, method, status};
use super::time::Clock;
use super::{Output, SourceLabel, human};
use crate::visible::{push_visible, visible};

/// What stands for a half that was not captured.
pub const NOTHING: &str = "–";

/// How a table is drawn.
#[derive(Clone, Copy, Debug, Default)]
pub struct TableStyle {
    /// The columns of the terminal; `None` when it is not one: nothing is cut then.
    pub width: Option<usize>,
    /// Whether colour is on.
    pub color: bool,
}

/// Writes what all tables share: file headings, date lines, the heading, rows.
#[derive(Debug)]
pub struct Sheet {
    style: TableStyle,
    columns: Vec<Column>,
    clock: Clock,
    heading_due: bool,
    date: String,
    rows_before: bool,
}

impl Sheet {
    /// A sheet with these columns.
    #[must_use]
    pub fn new(style: TableStyle, columns: Vec<Column>) -> Self {
        let clock = Clock::default();
        Self { style, columns, clock, heading_due: true, date: String::new(), rows_before: false }
    }

    /// A heading for another source, where there are several.
    pub fn begin_source(&mut self, source: &SourceLabel<'_>, out: &mut Vec<u8>) {
        if source.among_many {
            if self.rows_before {
                out.push(b'\n');
            }
            self.line(out, &format!("==> {} <==", visible(source.name)), Style::Bold);
            self.rows_before = true;
            self.heading_due = true;
            self.date.clear();
        }
    }

    /// A row that starts at `at`. `cell` gives text and style for the name of a column.
    pub fn row(&mut self, at: UnixNanos, out: &mut Vec<u8>, mut cell: impl FnMut(&str) -> (String, Style)) {
        if std::mem::take(&mut self.heading_due) {
            self.heading(out);
        }
        self.rows_before = true;
        let date = self.clock.date(at);
        if date != self.date {
            self.line(out, &format!("{date} UTC"), Style::Dim);
            self.date = date;
        }
        let time = self.clock.time_of_day(at);
        let mut row = Row::new(out, self.style.color, self.style.width.is_some());
        for column in &self.columns {
            match column.name {
                "START" => row.cell(column, &time, Style::Plain),
                name => {
                    let (text, style) = cell(name);
                    row.cell(column, &text, style);
                }
            }
        }
        row.end();
    }

    /// A line of its own below a row, cut to the terminal.
    pub fn line(&self, out: &mut Vec<u8>, text: &str, style: Style) {
        let whole = Column { name: "", width: self.style.width.unwrap_or_default(), align: Align::Left };
        let mut row = Row::new(out, self.style.color, self.style.width.is_some());
        row.cell(&whole, text, style);
        row.end();
    }

    fn heading(&self, out: &mut Vec<u8>) {
        let mut row = Row::new(out, self.style.color, self.style.width.is_some());
        for column in &self.columns {
            row.cell(column, column.name, Style::Bold);
        }
        row.end();
    }
}

/// The table format of exchanges; see the module.
#[derive(Debug)]
pub struct Table {
    sheet: Sheet,
    headers: bool,
}

impl Table {
    /// `headers` prints header lines below each row.
    #[must_use]
    pub fn new(style: TableStyle, headers: bool) -> Self {
        Self { sheet: Sheet::new(style, columns(style.width)), headers }
    }

    fn header_lines(&self, message: Option<&Message>, mark: char, out: &mut Vec<u8>) {
        for (name, value) in message.into_iter().flat_map(Message::headers) {
            let text = format!("    {mark} {}: {}", visible(name), visible(value));
            self.sheet.line(out, &text, Style::Dim);
        }
    }
}

impl Output for Table {
    fn begin_source(&mut self, source: &SourceLabel<'_>, out: &mut Vec<u8>) {
        self.sheet.begin_source(source, out);
    }

    fn exchange(&mut self, exchange: &Exchange, out: &mut Vec<u8>) {
        self.sheet.row(exchange.start, out, |name| cell(name, exchange));
        if self.headers {
            self.header_lines(exchange.request.as_ref(), '>', out);
            self.header_lines(exchange.response.as_ref(), '<', out);
        }
    }
}

fn cell(column: &str, exchange: &Exchange) -> (String, Style) {
    let plain = |text: String| (text, Style::Plain);
    let nothing = || (NOTHING.to_owned(), Style::Dim);
    match column {
        "CLIENT" => plain(exchange.client.to_string()),
        "SERVER" => plain(exchange.server.to_string()),
        "REQUEST" => plain(request_text(exchange)),
        "STATUS" => exchange.response.as_ref().map_or_else(nothing, |m| status_text(status(m))),
        "SIZE" => exchange.response.as_ref().map_or_else(nothing, |m| plain(human::size(m.body.size))),
        "TIME" => exchange.duration_ns().map_or_else(nothing, |ns| plain(human::duration(ns))),
        _ => (notes::of_exchange(exchange), Style::Yellow),
    }
}

/// `GET host/path?query`, safe for a terminal.
#[must_use]
pub fn request_text(exchange: &Exchange) -> String {
    let Some(request) = &exchange.request else { return NOTHING.to_owned() };
    let target = Target::of(exchange);
    let host = request.header("host").filter(|h| !h.is_empty()).or(target.authority).unwrap_or_default();
    let mut text = String::new();
    push_visible(&mut text, method(request));
    text.push(' ');
    match target.path {
        None => push_visible(&mut text, host),
        // The authority form of CONNECT is the target itself; Host often lacks the port.
        Some(authority) if target.is_authority_form() => push_visible(&mut text, authority),
        Some(path) => {
            push_visible(&mut text, host);
            if !host.is_empty() && !path.starts_with(b"/") {
                text.push(' ');
            }
            push_visible(&mut text, path);
        }
    }
    if let Some(query) = target.query {
        text.push('?');
        push_visible(&mut text, query);
    }
    text
}

fn status_text(status: u16) -> (String, Style) {
    let style = match status {
        200..=299 => Style::Green,
        300..=399 => Style::Cyan,
        400..=499 => Style::Yellow,
        500.. => Style::Red,
        _ => Style::Plain,
    };
    if status == 0 { ("?".to_owned(), Style::Red) } else { (status.to_string(), style) }
}

/// The columns that fit, the least needed go first: CLIENT, SERVER, NOTES with SIZE, TIME. REQUEST and NOTES share what
/// is left.
fn columns(width: Option<usize>) -> Vec<Column> {
    use Align::{Left, Right};
    // Name, width (0 shares what is left), alignment, and the terminal width from which it is shown.
    let all = [
        ("START", 12, Left, 0),
        ("CLIENT", 21, Left, 124),
        ("SERVER", 21, Left, 100),
        ("REQUEST", 0, Left, 0),
        ("STATUS", 6, Right, 0),
        ("SIZE", 8, Right, 72),
        ("TIME", 8, Right, 56),
        ("NOTES", 0, Left, 72),
    ];
    let shown = all.into_iter().filter(|(.., from)| width.is_none_or(|w| w >= *from));
    let mut columns: Vec<_> = shown.map(|(name, width, align, _)| Column { name, width, align }).collect();
    let used = columns.iter().map(|c| c.width + GAP.len()).sum::<usize>() - GAP.len();
    let rest = width.map_or(70, |w| w.saturating_sub(used).max(8));
    let notes = columns.iter().any(|c| c.name == "NOTES");
    let request = if notes { rest * 3 / 5 } else { rest };
    for column in columns.iter_mut().filter(|c| c.width == 0) {
        column.width = if column.name == "REQUEST" { request } else { rest - request };
    }
    columns
}

#[cfg(test)]
mod tests {
    use arachne_model::Anomaly;
    use proptest::prelude::{ProptestConfig, proptest};
    use unicode_width::UnicodeWidthStr as _;

    use super::{Table, TableStyle, request_text};
    use crate::fixtures::{exchange, raw_request, request, response, with_body};
    use crate::output::{Output as _, SourceLabel};
    use crate::visible::is_deceptive;

    fn rows(style: TableStyle, exchanges: &[arachne_model::Exchange]) -> String {
        let mut out = Vec::new();
        let mut table = Table::new(style, false);
        for one in exchanges {
            table.exchange(one, &mut out);
        }
        table.finish(&mut out);
        String::from_utf8(out).expect("tables are text")
    }

    fn shop() -> arachne_model::Exchange {
        let request = request("POST", "/create_session", &[("Host", "api.shop")]);
        let mut x = exchange(Some(request), Some(with_body(response(201, &[]), 1229, b"x")));
        x.retransmissions = 3;
        x
    }

    #[test]
    fn rows_of_all_kinds() {
        let mut later = exchange(None, Some(response(502, &[])));
        later.start = later.start.plus(86_400_000_000_000);
        later.anomalies.insert(Anomaly::Midstream);
        let alone = exchange(Some(request("GET", "/slow?a=\x1b[31m", &[("host", "h")])), None);
        let expected = "\
START         CLIENT                 SERVER                 REQUEST                                     STATUS      SIZE      TIME  NOTES
2024-02-29 UTC
10:02:11.304  10.0.0.7:51234         10.0.0.9:8080          POST api.shop/create_session                   201   1.2 KiB    2.71 s  3 retransmissions
10:02:11.304  10.0.0.7:51234         10.0.0.9:8080          GET h/slow?a=\\x1b[31m                            –         –         –  no response
2024-03-01 UTC
10:02:11.304  10.0.0.7:51234         10.0.0.9:8080          –                                              502       0 B    710 ms  no request; the capture starts in the middle
";
        later.start = later.start.plus(0);
        later.end = Some(later.start.plus(710_000_000));
        assert_eq!(rows(TableStyle::default(), &[shop(), alone, later]), expected);
    }

    #[test]
    fn nothing_found_prints_nothing() {
        assert_eq!(rows(TableStyle::default(), &[]), "");
    }

    #[test]
    fn lines_fit_the_terminal() {
        let mut long = shop();
        long.request = Some(request("GET", &"/日本語".repeat(90), &[("host", "h")]));
        long.anomalies.insert(Anomaly::OverlapConflict);
        for width in [72, 80, 99, 100, 123, 124, 200, 500] {
            let text = rows(TableStyle { width: Some(width), color: false }, &[shop(), long.clone()]);
            assert!(text.lines().all(|l| l.width() <= width), "{width}:\n{text}");
            assert!(text.contains("201") && text.contains("2.71 s"), "{text}");
        }
    }

    #[test]
    fn colour_only_when_asked() {
        assert!(!rows(TableStyle::default(), &[shop()]).contains('\x1b'));
        let colored = rows(TableStyle { width: None, color: true }, &[shop()]);
        assert!(colored.contains("\x1b[32m201\x1b[0m"), "{colored}");
    }

    #[test]
    fn targets_for_people() {
        let check = |method: &str, target: &str, host: &str, expected: &str| {
            let lines = [("Host", host)];
            let lines = if host.is_empty() { &lines[..0] } else { &lines[..] };
            assert_eq!(request_text(&exchange(Some(request(method, target, lines)), None)), expected);
        };
        check("GET", "/a?b", "h:80", "GET h:80/a?b");
        check("GET", "http://other/a?b", "h", "GET h/a?b");
        check("GET", "http://other/a", "", "GET other/a");
        check("CONNECT", "h:443", "h", "CONNECT h:443");
        check("OPTIONS", "*", "h", "OPTIONS h *");
        check("GET", "/a", "", "GET /a");
        check("GET", "", "h", "GET h");
    }

    #[test]
    fn several_sources_have_headings() {
        let mut table = Table::new(TableStyle::default(), true);
        let mut out = Vec::new();
        for (number, name) in [(1, "a\n.pcap"), (2, "b.pcap")] {
            table.begin_source(&SourceLabel { name: name.as_bytes(), number, among_many: true }, &mut out);
            table.exchange(&shop(), &mut out);
        }
        let text = String::from_utf8(out).expect("tables are text");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "==> a\\n.pcap <==");
        assert_eq!(lines[4], "    > Host: api.shop");
        assert_eq!((lines[5], lines[6]), ("", "==> b.pcap <=="));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn no_control_byte_in_any_line(method: Vec<u8>, target: Vec<u8>, name: Vec<u8>, value: Vec<u8>) {
            let request = raw_request(&method, &target, b"HTTP/1.1", &[(&name, &value), (&b"host".to_vec(), &value)]);
            let mut table = Table::new(TableStyle::default(), true);
            let mut out = Vec::new();
            table.exchange(&exchange(Some(request), None), &mut out);
            let text = String::from_utf8(out).expect("tables are text");
            assert!(!text.chars().any(|c| c != '\n' && is_deceptive(c)), "{text:?}");
        }
    }

    #[test]
    fn no_row_is_wider_than_the_terminal() {
        let mut odd = shop();
        odd.retransmissions = 7;
        for width in 36..300 {
            let table = rows(TableStyle { width: Some(width), color: false }, &[shop(), odd.clone()]);
            for line in table.lines() {
                assert!(line.width() <= width, "{width}: {line}");
            }
            assert!(table.contains("POST api"), "{width}: {table}");
        }
    }
}
