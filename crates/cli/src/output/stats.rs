//! The one JSON line of `--stats`: what came into each stage, what left it, what was dropped and why.
//!
//! Keys: `packets`, `segments`, `bytes`, `sessions`, `exchanges`, each `{in, out, dropped: {reason: n}, in_flight}` with
//! the reasons that occurred; `anomalies`, the union over the input; `held_bytes_max`. With stream hashes also `streams`,
//! see [`crate::stream_hashes`].

use arachne_model::{Anomaly, AnomalySet, Ledger, Stage};

use super::json::{push, push_int, push_names};
use crate::stream_hashes::StreamHashes;

/// Appends the line.
pub fn push_stats(
    out: &mut Vec<u8>,
    ledger: &Ledger,
    anomalies: AnomalySet,
    held_bytes_max: u64,
    streams: Option<&StreamHashes>,
) {
    out.push(b'{');
    for (name, stage) in ledger.stages() {
        out.push(b'"');
        push(out, name);
        push(out, "\":");
        push_stage(out, stage);
        out.push(b',');
    }
    push(out, "\"anomalies\":");
    push_names(out, anomalies.iter().map(Anomaly::name));
    push(out, ",\"held_bytes_max\":");
    push_int(out, held_bytes_max);
    if let Some(streams) = streams {
        streams.push_members(out);
    }
    push(out, "}\n");
}

fn push_stage(out: &mut Vec<u8>, stage: &Stage) {
    push(out, "{\"in\":");
    push_int(out, stage.input);
    push(out, ",\"out\":");
    push_int(out, stage.output);
    push(out, ",\"dropped\":{");
    for (at, (reason, count)) in stage.reasons().enumerate() {
        push(out, if at > 0 { ",\"" } else { "\"" });
        push(out, reason.name());
        push(out, "\":");
        push_int(out, count);
    }
    push(out, "},\"in_flight\":");
    push_int(out, stage.in_flight);
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use arachne_model::{Anomaly, AnomalySet, DropReason, Ledger};

    use super::push_stats;

    #[test]
    fn the_line() {
        let mut ledger = Ledger::default();
        ledger.packets.input = 12;
        ledger.packets.output = 9;
        ledger.packets.drop(DropReason::Udp, 2);
        ledger.packets.drop(DropReason::NotIp, 1);
        ledger.bytes.input = 4;
        ledger.bytes.in_flight = 4;
        let mut out = Vec::new();
        push_stats(&mut out, &ledger, AnomalySet::from(Anomaly::Gap), 77, None);
        let expected = concat!(
            r#"{"packets":{"in":12,"out":9,"dropped":{"not_ip":1,"udp":2},"in_flight":0},"#,
            r#""segments":{"in":0,"out":0,"dropped":{},"in_flight":0},"#,
            r#""bytes":{"in":4,"out":0,"dropped":{},"in_flight":4},"#,
            r#""sessions":{"in":0,"out":0,"dropped":{},"in_flight":0},"#,
            r#""exchanges":{"in":0,"out":0,"dropped":{},"in_flight":0},"#,
            r#""anomalies":["gap"],"held_bytes_max":77}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(out).expect("ASCII"), expected);
    }
}
