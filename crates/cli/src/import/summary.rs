//! The last lines of an import: what was found, what is stored, and what was left out.

use arachne_model::table::{TABLE_COUNT, TABLES};

use crate::output::human::{grouped, size};
use crate::output::json::{push, push_int};

/// What became rows, over all sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Rows by table, in the order of [`TABLES`].
    pub rows: [u64; TABLE_COUNT],
    /// By how many bytes the store grew on disk.
    pub bytes: u64,
    /// Sources that were there before, whole.
    pub already: u64,
    /// Frames for which there was no room while it was not known whether they are kept.
    pub frames_given_up: u64,
}

impl Stored {
    /// `  stored: 51 621 exchanges, 20 664 tcp_sessions · 12.3 MiB on disk`.
    #[must_use]
    pub fn text(&self) -> String {
        let tables = TABLES.iter().zip(self.rows).filter(|(_, rows)| *rows > 0);
        let rows: Vec<_> = tables.map(|(table, rows)| format!("{} {}", grouped(rows), table.name)).collect();
        let rows = if rows.is_empty() { "nothing".to_owned() } else { rows.join(", ") };
        let mut text = format!("  stored: {rows} · {} on disk\n", size(self.bytes));
        if self.frames_given_up > 0 {
            text.push_str(&format!(
                "  frames not kept: {} memcap (a memory limit was reached)\n",
                grouped(self.frames_given_up)
            ));
        }
        text
    }

    /// The same as `{"stored":{...}}`.
    pub fn push_json(&self, out: &mut Vec<u8>) {
        push(out, "{\"stored\":{");
        for (table, rows) in TABLES.iter().zip(self.rows) {
            push(out, "\"");
            push(out, table.name);
            push(out, "\":");
            push_int(out, rows);
            push(out, ",");
        }
        push(out, "\"bytes\":");
        push_int(out, self.bytes);
        push(out, ",\"already\":");
        push_int(out, self.already);
        push(out, ",\"frames_given_up\":");
        push_int(out, self.frames_given_up);
        push(out, "}}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::Stored;

    #[test]
    fn for_people_and_programs() {
        let stored = Stored { rows: [1200, 3, 0, 0, 7, 0, 0, 0], bytes: 2048, already: 1, frames_given_up: 0 };
        assert_eq!(stored.text(), "  stored: 1 200 exchanges, 3 tcp_sessions, 7 capture_quality · 2.0 KiB on disk\n");
        let mut out = Vec::new();
        stored.push_json(&mut out);
        let json: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        assert_eq!((&json["stored"]["exchanges"], &json["stored"]["already"]), (&1200.into(), &1.into()));
        assert_eq!(Stored::default().text(), "  stored: nothing · 0 B on disk\n");
    }
}
