//! TCP sessions instead of exchanges: as a table or as ndjson.
//!
//! Keys of ndjson, in this order: `tcp.session`, `start`, `established` (RFC 3339 or null), `duration_ns` (first to last
//! packet), `client.address`, `client.port`, `server.address`, `server.port`, `network.vni` (VXLAN or Geneve network or
//! null), `network.protocol.name`, `tls.client.server_name`, `tls.client.alpn` (list of names, null without TLS), `close`,
//! `syn_seen`, `handshake_rtt_ns`, `exchanges`, then for `client.` and `server.`, each what that side sent: `packets`,
//! `bytes`, `payload`, `retransmitted`, `reordered`, `overlapped`, `missing`, `duplicate_acks`, `zero_windows`,
//! `keep_alives`, `rtt_min_ns`, `rtt_mean_ns`; at last `anomalies`, and `log.file.path` with several sources.

use arachne_model::{Anomaly, DirectionFacts, Protocol, TcpSession};

use super::json::{push, push_base64, push_int, push_names, push_opt_int, push_string, push_text_member};
use super::layout::{Align, Column, GAP, Style};
use super::ndjson::{push_ends, source_member};
use super::notes;
use super::table::{NOTHING, Sheet, TableStyle};
use super::time::Clock;
use super::{Output, SourceLabel, human};
use crate::key;
use crate::visible::push_visible;

/// Sessions as ndjson; see the module.
#[derive(Debug, Default)]
pub struct SessionNdjson {
    clock: Clock,
    source: Vec<u8>,
}

impl Output for SessionNdjson {
    fn begin_source(&mut self, source: &SourceLabel<'_>, _out: &mut Vec<u8>) {
        self.source = source_member(source);
    }

    fn session(&mut self, session: &TcpSession, out: &mut Vec<u8>) {
        push(out, "{\"tcp.session\":");
        push_int(out, session.number);
        push(out, ",\"start\":\"");
        self.clock.push_rfc3339(out, session.first);
        push(out, "\",\"established\":");
        match session.established {
            None => push(out, "null"),
            Some(at) => {
                out.push(b'"');
                self.clock.push_rfc3339(out, at);
                out.push(b'"');
            }
        }
        push(out, ",\"duration_ns\":");
        push_int(out, session.last.since(session.first));
        push_ends(out, session.client, session.server);
        push_facts(out, session);
        push_direction(out, "client", &session.client_facts);
        push_direction(out, "server", &session.server_facts);
        push(out, key!("anomalies").plain);
        push_names(out, session.anomalies.iter().map(Anomaly::name));
        out.extend_from_slice(&self.source);
        push(out, "}\n");
    }
}

fn push_facts(out: &mut Vec<u8>, session: &TcpSession) {
    push(out, key!("network.vni").plain);
    push_opt_int(out, Some(session.network).filter(|n| *n != 0));
    push(out, ",\"network.protocol.name\":\"");
    push(out, session.protocol.name());
    out.push(b'"');
    let tls = match &session.protocol {
        Protocol::Tls { server_name, alpn } => Some((server_name.as_deref(), alpn)),
        _ => None,
    };
    push_text_member(out, key!("tls.client.server_name"), tls.and_then(|(name, _)| name));
    push(out, key!("tls.client.alpn").plain);
    match tls {
        None => push(out, "null"),
        Some((_, alpn)) => push_alpn(out, alpn),
    }
    push(out, ",\"close\":\"");
    push(out, session.close.name());
    push(out, "\",\"syn_seen\":");
    push(out, if session.syn_seen { "true" } else { "false" });
    push(out, ",\"handshake_rtt_ns\":");
    push_opt_int(out, session.handshake_rtt_ns);
    push(out, ",\"exchanges\":");
    push_int(out, session.exchanges);
}

/// A list of names, then all of them in base64 where one is not UTF-8.
fn push_alpn(out: &mut Vec<u8>, alpn: &[Vec<u8>]) {
    let mut exact = true;
    let separator = |at: usize| if at > 0 { "," } else { "" };
    out.push(b'[');
    for (at, name) in alpn.iter().enumerate() {
        push(out, separator(at));
        exact &= push_string(out, name);
    }
    out.push(b']');
    if !exact {
        push(out, key!("tls.client.alpn").base64);
        out.push(b'[');
        for (at, name) in alpn.iter().enumerate() {
            push(out, separator(at));
            push_base64(out, name);
        }
        out.push(b']');
    }
}

fn push_direction(out: &mut Vec<u8>, side: &str, facts: &DirectionFacts) {
    let mean = facts.rtt_sum_ns.checked_div(facts.rtt_count);
    let members = [
        ("packets", Some(facts.packets)),
        ("bytes", Some(facts.bytes)),
        ("payload", Some(facts.payload)),
        ("retransmitted", Some(facts.retransmitted)),
        ("reordered", Some(facts.reordered)),
        ("overlapped", Some(facts.overlapped)),
        ("missing", Some(facts.missing)),
        ("duplicate_acks", Some(facts.duplicate_acks)),
        ("zero_windows", Some(facts.zero_windows)),
        ("keep_alives", Some(facts.keep_alives)),
        ("rtt_min_ns", facts.rtt_min_ns),
        ("rtt_mean_ns", mean),
    ];
    for (name, value) in members {
        for part in [",\"", side, ".", name, "\":"] {
            push(out, part);
        }
        push_opt_int(out, value);
    }
}

/// Sessions as a table; see the module.
#[derive(Debug)]
pub struct SessionTable {
    sheet: Sheet,
}

impl SessionTable {
    /// A table drawn so.
    #[must_use]
    pub fn new(style: TableStyle) -> Self {
        Self { sheet: Sheet::new(style, columns(style.width)) }
    }
}

impl Output for SessionTable {
    fn begin_source(&mut self, source: &SourceLabel<'_>, out: &mut Vec<u8>) {
        self.sheet.begin_source(source, out);
    }

    fn session(&mut self, session: &TcpSession, out: &mut Vec<u8>) {
        self.sheet.row(session.first, out, |name| cell(name, session));
    }
}

fn cell(column: &str, session: &TcpSession) -> (String, Style) {
    let plain = |text: String| (text, Style::Plain);
    let (client, server) = (&session.client_facts, &session.server_facts);
    match column {
        "CLIENT" => plain(session.client.to_string()),
        "SERVER" => plain(session.server.to_string()),
        "PROTOCOL" => plain(protocol_text(&session.protocol)),
        "CLOSE" => plain(session.close.name().to_owned()),
        "PACKETS" => plain(client.packets.saturating_add(server.packets).to_string()),
        "SENT" => plain(human::size(client.bytes)),
        "RECEIVED" => plain(human::size(server.bytes)),
        "RTT" => {
            session.handshake_rtt_ns.map_or_else(|| (NOTHING.to_owned(), Style::Dim), |ns| plain(human::duration(ns)))
        }
        "TIME" => plain(human::duration(session.last.since(session.first))),
        "EXCHANGES" => plain(session.exchanges.to_string()),
        _ => (notes::of_session(session), Style::Yellow),
    }
}

/// `http`, or `tls api.shop` with the server name.
fn protocol_text(protocol: &Protocol) -> String {
    let mut text = protocol.name().to_owned();
    if let Protocol::Tls { server_name: Some(name), .. } = protocol {
        text.push(' ');
        push_visible(&mut text, name);
    }
    text
}

/// The columns that fit; the least needed go first.
fn columns(width: Option<usize>) -> Vec<Column> {
    use Align::{Left, Right};
    // Name, width, alignment, and the terminal width from which it is shown.
    let all = [
        ("START", 12, Left, 0),
        ("CLIENT", 21, Left, 138),
        ("SERVER", 21, Left, 86),
        ("PROTOCOL", 16, Left, 0),
        ("CLOSE", 17, Left, 170),
        ("PACKETS", 7, Right, 138),
        ("SENT", 8, Right, 40),
        ("RECEIVED", 8, Right, 50),
        ("RTT", 8, Right, 150),
        ("TIME", 8, Right, 60),
        ("EXCHANGES", 9, Right, 106),
    ];
    let shown = all.into_iter().filter(|(.., from)| width.is_none_or(|w| w >= *from));
    let mut columns: Vec<_> = shown.map(|(name, width, align, _)| Column { name, width, align }).collect();
    let used: usize = columns.iter().map(|c| c.width + GAP.len()).sum();
    let rest = width.map_or(30, |w| w.saturating_sub(used));
    if rest >= 8 {
        columns.push(Column { name: "NOTES", width: rest, align: Left });
    }
    columns
}

#[cfg(test)]
mod tests {
    use arachne_model::{Anomaly, Protocol};
    use unicode_width::UnicodeWidthStr as _;

    use super::{SessionNdjson, SessionTable};
    use crate::fixtures::session;
    use crate::output::Output;
    use crate::output::table::TableStyle;

    fn text(mut output: impl Output, sessions: &[arachne_model::TcpSession]) -> String {
        let mut out = Vec::new();
        sessions.iter().for_each(|s| output.session(s, &mut out));
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn ndjson_row() {
        let row = text(SessionNdjson::default(), &[session(4)]);
        assert!(
            row.starts_with("{\"tcp.session\":4,\"start\":\"2024-02-29T10:02:11.304000000Z\",\"established\":\"2024-")
        );
        let value: serde_json::Value = serde_json::from_str(&row).expect("valid JSON");
        let check = |key: &str, expected: serde_json::Value| assert_eq!(value[key], expected, "{key}");
        check("duration_ns", 3_000_000_000_u64.into());
        check("client.address", "10.0.0.7".into());
        check("network.protocol.name", "http".into());
        check("network.vni", serde_json::Value::Null);
        check("close", "fin".into());
        check("server.rtt_mean_ns", 300.into());
        check("client.rtt_mean_ns", serde_json::Value::Null);
        check("client.bytes", 1200.into());
        check("anomalies", serde_json::json!([]));
    }

    #[test]
    fn names_from_the_wire_are_only_text() {
        let mut tls = session(1);
        tls.network = 7;
        tls.protocol =
            Protocol::Tls { server_name: Some(b"a\x1b\xff".to_vec()), alpn: vec![b"h2".to_vec(), vec![255]] };
        let value: serde_json::Value =
            serde_json::from_str(&text(SessionNdjson::default(), &[tls.clone()])).expect("valid JSON");
        assert_eq!(value["tls.client.server_name"], "a\u{1b}\u{fffd}");
        assert_eq!(value["tls.client.server_name.base64"], "YRv/");
        assert_eq!(value["tls.client.alpn.base64"], serde_json::json!(["aDI=", "/w=="]));
        assert_eq!(value["network.vni"], 7);
        let table = text(SessionTable::new(TableStyle::default()), &[tls]);
        assert!(table.contains("tls a\\x1b\\xff"), "{table}");
    }

    #[test]
    fn table_fits() {
        let mut odd = session(1);
        odd.anomalies.insert(Anomaly::Midstream);
        odd.client_facts.retransmitted = 2;
        for width in [64, 86, 106, 137, 138, 150, 170, 200] {
            let text = text(SessionTable::new(TableStyle { width: Some(width), color: false }), &[odd.clone()]);
            assert!(text.lines().all(|l| l.width() <= width), "{width}:\n{text}");
        }
        let text = text(SessionTable::new(TableStyle::default()), &[odd]);
        assert!(text.ends_with("2 retransmissions; the capture starts in the middle\n"), "{text}");
    }
}
