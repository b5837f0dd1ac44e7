//! How far the counters of statements came between two readings, through resets, evictions and returns.
//!
//! An entry that was not there at the last reading began after it, so all of it counts. One that began anew meanwhile does
//! too: from PostgreSQL 17 on it says since when it counts; before, it is known by a counter that fell. Since 14 the server says
//! when all were reset. What remains before 17: an entry that was evicted and came back with more than it had counts too little.

use std::collections::HashMap;

/// What names an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub user: String,
    pub database: String,
    pub query: String,
    /// Whether a client sent it, not a function.
    pub top: bool,
}

/// Counters of an entry, or how far they came. Times in nanoseconds, sizes in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub calls: u64,
    pub time: u64,
    pub io: u64,
    pub rows: u64,
    pub read: u64,
    pub temp: u64,
    pub wal: u64,
}

impl Used {
    fn zip(&self, more: &Self, with: impl Fn(u64, u64) -> Option<u64>) -> Option<Self> {
        Some(Self {
            calls: with(self.calls, more.calls)?,
            time: with(self.time, more.time)?,
            io: with(self.io, more.io)?,
            rows: with(self.rows, more.rows)?,
            read: with(self.read, more.read)?,
            temp: with(self.temp, more.temp)?,
            wal: with(self.wal, more.wal)?,
        })
    }

    pub(super) fn add(&mut self, more: &Self) {
        *self = self.zip(more, |a, b| Some(a.saturating_add(b))).unwrap_or(*self);
    }

    /// Time that was no waiting for disks: CPU, and waiting for locks.
    pub(super) fn cpu(&self) -> u64 {
        self.time.saturating_sub(self.io)
    }
}

/// An entry as the server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub key: Key,
    pub used: Used,
    /// Since when it counts, where the server says so.
    pub since: Option<String>,
}

/// The entries of the last reading.
#[derive(Debug, Default)]
pub(super) struct Statements {
    known: Option<HashMap<Key, (Used, Option<String>)>>,
    reset: Option<String>,
}

impl Statements {
    /// Takes all entries of a reading, and when the server reset them last (where it says so). Gives how far each came, without
    /// those that stayed; nothing at the first reading.
    pub(super) fn read(&mut self, entries: Vec<Entry>, reset: Option<String>) -> Vec<(Key, Used)> {
        let was_reset = self.known.is_some() && reset.is_some() && self.reset != reset;
        self.reset = reset;
        let before = self.known.take().map(|known| if was_reset { HashMap::new() } else { known });
        let mut grown = Vec::new();
        let mut known = HashMap::with_capacity(entries.len());
        for Entry { key, used, since } in entries {
            if let Some(before) = &before {
                let same = before.get(&key).filter(|(_, before)| *before == since);
                let growth = same.and_then(|(before, _)| used.zip(before, u64::checked_sub)).unwrap_or(used);
                if growth != Used::default() {
                    grown.push((key.clone(), growth));
                }
            }
            known.insert(key, (used, since));
        }
        self.known = Some(known);
        grown
    }

    /// Forgets all: the next reading is the first.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(query: &str, calls: u64, time: u64, since: Option<&str>) -> Entry {
        let key = Key { user: "u".to_owned(), database: "d".to_owned(), query: query.to_owned(), top: true };
        Entry { key, used: Used { calls, time, ..Used::default() }, since: since.map(str::to_owned) }
    }

    /// Reads several times; of each what came of it, as (query, calls, time).
    fn check(readings: &[(&[Entry], Option<&str>)], expected: &[&[(&str, u64, u64)]]) {
        let mut statements = Statements::default();
        for (number, ((entries, reset), expected)) in readings.iter().zip(expected).enumerate() {
            let grown = statements.read(entries.to_vec(), reset.map(str::to_owned));
            let grown: Vec<_> = grown.iter().map(|(key, used)| (key.query.as_str(), used.calls, used.time)).collect();
            assert_eq!(grown, *expected, "reading {number}");
        }
    }

    /// Four readings of a real server, among them one after the reset of an entry and one after that of all, beside what another
    /// reader found between them.
    #[test]
    #[allow(clippy::print_stderr, reason = "a skipped test says so")]
    fn real_readings_grow_as_another_reader_says() {
        let workspace = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let shared = std::env::var_os("ARACHNE_SHARED").map_or_else(|| workspace.join("../shared"), Into::into);
        let Ok(expected) = std::fs::read(shared.join("logs/expected.json")) else {
            eprintln!("skipped: no logs in {} (ARACHNE_SHARED)", shared.display());
            return;
        };
        let expected: serde_json::Value = serde_json::from_slice(&expected).expect("JSON");
        let mut statements = Statements::default();
        let mut previous: Option<&str> = None;
        for name in ["t0", "t1", "t2_one_reset", "t3_full_reset"] {
            let file = shared.join(format!("logs/postgres/pgss/{name}.csv"));
            let mut reset = None;
            let mut entries = Vec::new();
            for row in csv::Reader::from_path(file).expect("a table").deserialize::<HashMap<String, String>>() {
                let row = row.expect("a row");
                let nanoseconds = |column: &str| (row[column].parse::<f64>().expect(column) * 1e6).round() as u64;
                let count = |column: &str| row[column].parse::<u64>().expect(column);
                let key = Key {
                    user: row["rolname"].clone(),
                    database: row["datname"].clone(),
                    query: row["queryid"].clone(),
                    top: row["toplevel"] == "t",
                };
                let used = Used {
                    calls: count("calls"),
                    time: nanoseconds("total_exec_time"),
                    io: ["blk_read_time", "blk_write_time"].map(nanoseconds).iter().sum(),
                    read: count("shared_blks_read"),
                    temp: count("temp_blks_written"),
                    ..Used::default()
                };
                reset = Some(row["stats_reset"].clone());
                entries.push(Entry { key, used, since: None });
            }
            let grown = statements.read(entries, reset);
            let Some(before) = previous.replace(name) else { continue };
            let said = &expected["postgres/pgss"][format!("{before} -> {name}")];
            let sum = |of: fn(&Used) -> u64| grown.iter().map(|(_, used)| of(used)).sum::<u64>();
            let near = |nanoseconds: u64, milliseconds: &serde_json::Value| {
                let said = milliseconds.as_f64().expect("a number");
                assert!((nanoseconds as f64 / 1e6 - said).abs() < 0.002, "{name}: {nanoseconds} ns, {said} ms");
            };
            assert_eq!(Some(sum(|used| used.calls)), said["sum_calls"].as_u64(), "{name}");
            near(sum(|used| used.time), &said["sum_exec_ms"]);
            near(sum(|used| used.io), &said["sum_io_ms"]);
            for (top, of) in [
                ("top_by_exec_ms", (|used| used.time) as fn(&Used) -> u64),
                ("top_by_io_ms", |used| used.io),
                ("top_by_cpu_ms_exec_minus_io", Used::cpu),
            ] {
                for (place, said) in said[top].as_array().expect(top).iter().enumerate() {
                    let mut order: Vec<_> = grown.iter().filter(|(_, used)| of(used) > 0).collect();
                    order.sort_by_key(|(_, used)| std::cmp::Reverse(of(used)));
                    let Some((key, used)) = order.get(place) else { continue };
                    near(of(used), &said["value"]);
                    assert_eq!(
                        (Some(&*key.query), Some(used.calls)),
                        (said["queryid"].as_str(), said["calls"].as_u64()),
                        "{name} {top}"
                    );
                }
            }
        }
    }

    #[test]
    fn growth_is_the_difference_and_new_entries_count_wholly() {
        let readings: [(&[Entry], _); 4] = [
            (&[entry("a", 5, 50, None)], None),
            (&[entry("a", 7, 90, None), entry("b", 1, 9, None)], None),
            (&[entry("a", 7, 90, None), entry("b", 2, 9, None)], None),
            (&[], None),
        ];
        check(&readings, &[&[], &[("a", 2, 40), ("b", 1, 9)], &[("b", 1, 0)], &[]]);
    }

    #[test]
    fn resets_evictions_and_returns_never_count_backwards() {
        // One entry reset, or evicted and back with less: a counter fell.
        let fell: [(&[Entry], _); 2] = [(&[entry("a", 5, 50, None)], None), (&[entry("a", 1, 60, None)], None)];
        check(&fell, &[&[], &[("a", 1, 60)]]);
        // Away at one reading, back at the next: all of it is new, whatever it was.
        let back: [(&[Entry], _); 3] =
            [(&[entry("a", 5, 50, None)], None), (&[], None), (&[entry("a", 6, 51, None)], None)];
        check(&back, &[&[], &[], &[("a", 6, 51)]]);
        // All reset, and busier than before since then: the server says when.
        let reset: [(&[Entry], _); 2] =
            [(&[entry("a", 5, 50, None)], Some("1")), (&[entry("a", 6, 51, None)], Some("2"))];
        check(&reset, &[&[], &[("a", 6, 51)]]);
        // Evicted and back with more between two readings: from 17 on the entry says so.
        let since: [(&[Entry], _); 3] = [
            (&[entry("a", 5, 50, Some("1"))], Some("1")),
            (&[entry("a", 6, 51, Some("2"))], Some("1")),
            (&[entry("a", 8, 53, Some("2"))], Some("1")),
        ];
        check(&since, &[&[], &[("a", 6, 51)], &[("a", 2, 2)]]);
        // The first reading after a pause knows nothing.
        let mut statements = Statements::default();
        statements.read(vec![entry("a", 5, 50, None)], None);
        statements.restart();
        assert_eq!(statements.read(vec![entry("a", 9, 90, None)], None), []);
    }

    proptest! {
        /// With the marks of PostgreSQL 17 the sum of all growth is all that was executed after the first reading and before the
        /// last, except what an entry did between its last reading and its eviction.
        #[test]
        fn sums_are_exact_where_the_server_says_since_when(steps in proptest::collection::vec((0_usize..3, 0_u64..5, any::<bool>()), 1..40)) {
            let mut server = [(0_u64, 0_u64); 3];
            let mut statements = Statements::default();
            let (mut executed, mut told) = (0, 0);
            statements.read(Vec::new(), Some("0".to_owned()));
            for (number, (which, calls, evict)) in steps.into_iter().enumerate() {
                if evict {
                    server[which] = (0, number as u64 + 1);
                }
                server[which].0 += calls;
                executed += calls;
                let name = |at: usize| ["a", "b", "c"][at];
                let entries = server.iter().enumerate().filter(|(_, (calls, _))| *calls > 0);
                let entries = entries.map(|(at, (calls, since))| entry(name(at), *calls, 0, Some(&since.to_string()))).collect();
                told += statements.read(entries, Some("0".to_owned())).iter().map(|(_, used)| used.calls).sum::<u64>();
                prop_assert_eq!(told, executed);
            }
        }
    }
}
