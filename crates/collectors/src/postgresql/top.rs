//! The heaviest statements as points, with their texts.

use std::collections::{BTreeMap, HashMap};

use arachne_aggregate::series::OTHER;

use super::client::{Connection, Row};
use super::statements::{Entry, Key, Statements, Used};
use super::{query_text, sql};
use crate::place::Places;
use crate::report::Report;
use crate::{Metric, Missing};

const LABELS: &[&str] = &["database", "id", "level", "query", "user"];
const SOURCE: &str = "pg_stat_statements";
pub(super) const TIME: Metric = Metric::counter(
    "postgresql.statement.time",
    "ns",
    LABELS,
    "time of statements that ended, planning included; count is the calls, so the mean is that of one",
    "pg_stat_statements, total_exec_time and total_plan_time",
);
pub(super) const CPU: Metric = Metric::counter(
    "postgresql.statement.cpu.time",
    "ns",
    LABELS,
    "the part of it that was no waiting for disks: CPU, and waiting for locks",
    "pg_stat_statements, total less block times",
);
pub(super) const IO: Metric = Metric::counter(
    "postgresql.statement.io.time",
    "ns",
    LABELS,
    "the part of it that was reading and writing blocks; needs track_io_timing",
    "pg_stat_statements, block times",
);
pub(super) const ROWS: Metric =
    Metric::counter("postgresql.statement.rows", "1", LABELS, "rows returned or changed", SOURCE);
pub(super) const READ: Metric =
    Metric::counter("postgresql.statement.read", "By", LABELS, "blocks that were not in the server's memory", SOURCE);
pub(super) const TEMP: Metric =
    Metric::counter("postgresql.statement.temp", "By", LABELS, "temporary files read and written", SOURCE);
pub(super) const WAL: Metric =
    Metric::counter("postgresql.statement.wal", "By", LABELS, "write-ahead log; since PostgreSQL 13", SOURCE);
pub(super) const EVICTED: Metric = Metric::counter(
    "postgresql.statements.evicted",
    "1",
    &[],
    "statements thrown out of pg_stat_statements for want of room: what they did before is lost; since PostgreSQL 14",
    "pg_stat_statements_info, dealloc",
);
pub(super) const METRICS: &[Metric] = &[TIME, CPU, IO, ROWS, READ, TEMP, WAL, EVICTED];

/// Statements with series of their own, and how many earn that by each measure.
const PLACES: usize = 250;
const EACH: usize = 30;

/// What is known of statements.
#[derive(Debug)]
pub(super) struct Top {
    statements: Statements,
    places: Places,
    /// By the number of the statement, of those that have places.
    texts: HashMap<String, String>,
}

impl Top {
    pub(super) fn new() -> Self {
        Self { statements: Statements::default(), places: Places::new(PLACES, EACH), texts: HashMap::new() }
    }

    /// Forgets what the counters were.
    pub(super) fn restart(&mut self) {
        self.statements.restart();
    }

    /// Reads all statements and tells of those that did something.
    pub(super) async fn read(
        &mut self,
        connection: &Connection,
        report: &mut Report<'_>,
    ) -> Result<Option<Missing>, String> {
        let extension = connection.ask(sql::EXTENSION).await?;
        let Some(extension) = extension.first() else { return Ok(Some(not_there())) };
        let (schema, version) = (extension.label("schema"), extension.label("version"));
        let version =
            sql::extension_version(version).ok_or_else(|| format!("pg_stat_statements {version}: no version"))?;
        let reset = match sql::statements_info(schema, version) {
            Some(sql) => info(&connection.ask(&sql).await?, report),
            None => None,
        };
        let rows = connection.ask(&sql::statements(schema, version)).await?;
        let hidden = rows.iter().filter(|row| row.text("query").is_none()).count();
        let entries = rows.iter().filter_map(entry).collect();
        let mut sums: BTreeMap<String, Used> = BTreeMap::new();
        for (Key { user, database, query, top }, used) in self.statements.read(entries, reset) {
            let level = if top { "top" } else { "nested" };
            sums.entry(format!("{query}\0{database}\0{level}\0{user}")).or_default().add(&used);
        }
        let measures: [&dyn Fn(&Used) -> u64; 8] = [
            &|used| used.time,
            &Used::cpu,
            &|used| used.io,
            &|used| used.rows,
            &|used| used.read,
            &|used| used.temp,
            &|used| used.wal,
            &|used| used.calls,
        ];
        let (named, other) = self.places.split(report.seconds(), sums, &measures, Used::add);
        self.learn(connection, schema, &named).await?;
        for (key, used) in &named {
            let mut parts = key.split('\0');
            let mut part = || parts.next().unwrap_or_default();
            let (id, database, level, user) = (part(), part(), part(), part());
            let text = self.texts.get(id).map_or("", String::as_str);
            tell(report, &[database, id, level, text, user], used);
        }
        if let Some(used) = other {
            tell(report, &[OTHER; 5], &used);
        }
        Ok((hidden > 0).then(|| hidden_statements(hidden)))
    }

    /// Asks for the texts of statements that got a place, once each.
    async fn learn(
        &mut self,
        connection: &Connection,
        schema: &str,
        named: &BTreeMap<String, Used>,
    ) -> Result<(), String> {
        let ids = || named.keys().filter_map(|key| key.split('\0').next());
        let unknown: Vec<&str> = ids().filter(|id| !self.texts.contains_key(*id)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let rows = connection.ask(&sql::texts(schema, &unknown)).await?;
        // Those that are gone meanwhile, too: they are not asked for again.
        let unknown: Vec<String> = unknown.into_iter().map(str::to_owned).collect();
        if self.texts.len() > PLACES * 4 {
            let held: Vec<String> = ids().map(str::to_owned).collect();
            self.texts.retain(|id, _| held.contains(id));
        }
        self.texts.extend(unknown.into_iter().map(|id| (id, String::new())));
        self.texts.extend(rows.iter().map(|row| (row.label("query").to_owned(), query_text::label(row.label("text")))));
        Ok(())
    }
}

fn tell(report: &mut Report<'_>, labels: &[&str], used: &Used) {
    report.counter(&TIME, labels, used.calls, used.time);
    let parts = [
        (&CPU, used.cpu()),
        (&IO, used.io),
        (&ROWS, used.rows),
        (&READ, used.read),
        (&TEMP, used.temp),
        (&WAL, used.wal),
    ];
    for (metric, sum) in parts.into_iter().filter(|(_, sum)| *sum > 0) {
        report.grew(metric, labels, sum);
    }
}

fn info(rows: &[Row], report: &mut Report<'_>) -> Option<String> {
    let row = rows.first()?;
    report.total(&EVICTED, &[], row.number("dealloc"));
    row.text("reset").map(str::to_owned)
}

/// None of statements that the role may not see.
fn entry(row: &Row) -> Option<Entry> {
    let key = Key {
        user: row.label("user").to_owned(),
        database: row.label("database").to_owned(),
        query: row.text("query")?.to_owned(),
        top: row.label("top") != "f",
    };
    let used = Used {
        calls: row.number("calls"),
        time: row.milliseconds("time"),
        io: row.milliseconds("io"),
        rows: row.number("rows"),
        read: row.number("read"),
        temp: row.number("temp"),
        wal: row.number("wal"),
    };
    Some(Entry { key, used, since: row.text("since").map(str::to_owned) })
}

fn not_there() -> Missing {
    Missing {
        what: "statements and their times".to_owned(),
        why: "the extension pg_stat_statements is not in the database that the agent connects to".to_owned(),
        fix: "run what `arachne setup postgresql` prints in that database".to_owned(),
    }
}

fn hidden_statements(count: usize) -> Missing {
    Missing {
        what: format!("{count} statements of other users"),
        why: "the role may not read them".to_owned(),
        fix: "grant pg_monitor to the role of the agent".to_owned(),
    }
}
