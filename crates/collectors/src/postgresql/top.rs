//! The heaviest statements as points, with their texts.

use std::collections::{BTreeMap, HashMap};

use arachne_aggregate::series::OTHER;

use super::client::{Connection, Row};
use super::progress::{Progress, Running};
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
pub(super) const BUSY: Metric = Metric::counter(
    "postgresql.statement.busy",
    "ns",
    LABELS,
    "time that statements took in the window, those included that still run: what was told so is left out when they end. Before PostgreSQL 14 only those that ended",
    "pg_stat_statements, pg_stat_activity: query_id, query_start",
);
pub(super) const TEXT: Metric = Metric::gauge(
    "postgresql.statement.text",
    "By",
    &["id", "text"],
    "the text of a statement without constants and comments, up to 4 KiB; told when it gets a name, and again each half hour",
    SOURCE,
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
pub(super) const METRICS: &[Metric] = &[TIME, BUSY, TEXT, CPU, IO, ROWS, READ, TEMP, WAL, EVICTED];

/// Statements with series of their own, and how many earn that by each measure.
const PLACES: usize = 400;
const EACH: usize = 50;
/// How often whole texts are told, in seconds.
const TEXTS: i64 = 1800;

/// A text.
#[derive(Clone, Debug, Default)]
struct Text {
    whole: String,
    /// Whether it is that of an entry, not what a client sent.
    sure: bool,
    /// When it was told, in seconds since the Unix epoch.
    told: Option<i64>,
}

/// What a statement did.
#[derive(Clone, Copy, Debug, Default)]
struct Did {
    used: Used,
    /// Time, told as it was taken.
    busy: u64,
}

impl Did {
    fn add(&mut self, more: &Self) {
        self.used.add(&more.used);
        self.busy = self.busy.saturating_add(more.busy);
    }
}

/// The name of a statement in [`Places`]: number, database, level, user.
fn name(query: &str, database: &str, level: &str, user: &str) -> String {
    format!("{query}\0{database}\0{level}\0{user}")
}

/// What a reading found.
pub(super) struct Entries {
    grown: Vec<(Key, Used)>,
    /// Where the extension is; None where it is not.
    schema: Option<String>,
    hidden: usize,
}

/// What is known of statements.
#[derive(Debug)]
pub(super) struct Top {
    statements: Statements,
    places: Places,
    progress: Progress,
    /// By the number of the statement, of those that have places.
    texts: HashMap<String, Text>,
}

impl Top {
    pub(super) fn new() -> Self {
        Self {
            statements: Statements::default(),
            places: Places::new(PLACES, EACH),
            progress: Progress::default(),
            texts: HashMap::new(),
        }
    }

    /// Forgets what the counters were.
    pub(super) fn restart(&mut self) {
        self.statements.restart();
        self.progress.restart();
    }

    /// Reads all statements.
    pub(super) async fn read(&mut self, connection: &Connection, report: &mut Report<'_>) -> Result<Entries, String> {
        let extension = connection.ask(sql::EXTENSION).await?;
        let Some(extension) = extension.first() else {
            return Ok(Entries { grown: Vec::new(), schema: None, hidden: 0 });
        };
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
        Ok(Entries { grown: self.statements.read(entries, reset), schema: Some(schema.to_owned()), hidden })
    }

    /// Tells of those that did something, and of those that run, which were looked at after all were read.
    pub(super) async fn tell(
        &mut self,
        connection: &Connection,
        Entries { grown, schema, hidden }: Entries,
        running: &[Running],
        report: &mut Report<'_>,
    ) -> Result<Option<Missing>, String> {
        self.progress.look(running);
        let width = u64::try_from(report.width()).unwrap_or(0);
        let mut sums: BTreeMap<String, Did> = BTreeMap::new();
        for (Key { user, database, query, top }, used) in grown {
            // What runs within a function is not told while it runs.
            let busy = if top { self.progress.rest(&database, &query, used.time) } else { used.time };
            let level = if top { "top" } else { "nested" };
            sums.entry(name(&query, &database, level, &user)).or_default().add(&Did { used, busy });
        }
        let mut sent = HashMap::new();
        for one in running {
            let Some(query) = &one.query else { continue };
            let did = Did { busy: one.age.min(width), ..Did::default() };
            sums.entry(name(query, &one.database, "top", &one.user)).or_default().add(&did);
            sent.insert(query.as_str(), one.text.as_str());
        }
        let measures: [&dyn Fn(&Did) -> u64; 9] = [
            &|did| did.busy,
            &|did| did.used.time,
            &|did| did.used.cpu(),
            &|did| did.used.io,
            &|did| did.used.rows,
            &|did| did.used.read,
            &|did| did.used.temp,
            &|did| did.used.wal,
            &|did| did.used.calls,
        ];
        let (named, other) = self.places.split(report.seconds(), sums, &measures, Did::add);
        self.learn(connection, schema.as_deref(), &named, &sent).await?;
        for (key, did) in &named {
            let mut parts = key.split('\0');
            let mut part = || parts.next().unwrap_or_default();
            let (id, database, level, user) = (part(), part(), part(), part());
            let text = self.texts.get(id).map_or("", |text| text.whole.as_str());
            tell(report, &[database, id, level, query_text::cut(text), user], did);
            self.tell_text(id, report);
        }
        if let Some(did) = other {
            tell(report, &[OTHER; 5], &did);
        }
        if schema.is_none() {
            return Ok(Some(not_there()));
        }
        Ok((hidden > 0).then(|| hidden_statements(hidden)))
    }

    /// Tells the whole text now and then.
    fn tell_text(&mut self, id: &str, report: &mut Report<'_>) {
        let now = report.seconds();
        let Some(text) = self.texts.get_mut(id).filter(|text| !text.whole.is_empty()) else { return };
        if text.told.is_none_or(|told| now < told || now - told >= TEXTS) {
            text.told = Some(now);
            report.gauge(&TEXT, &[id, &text.whole], text.whole.len() as u64);
        }
    }

    /// Asks for the texts of statements that got a place, once each; one that runs and never ended has what its client `sent`.
    async fn learn(
        &mut self,
        connection: &Connection,
        schema: Option<&str>,
        named: &BTreeMap<String, Did>,
        sent: &HashMap<&str, &str>,
    ) -> Result<(), String> {
        let ids = || named.keys().filter_map(|key| key.split('\0').next());
        let is_known =
            |id: &str, did: &Did| self.texts.get(id).is_some_and(|text| text.sure || did.used == Used::default());
        let unknown = named.iter().filter_map(|(key, did)| Some((key.split('\0').next()?, did)));
        let unknown: Vec<&str> = unknown.filter(|(id, did)| !is_known(id, did)).map(|(id, _)| id).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let rows = match schema {
            Some(schema) => connection.ask(&sql::texts(schema, &unknown)).await?,
            None => Vec::new(),
        };
        let unknown: Vec<String> = unknown.into_iter().map(str::to_owned).collect();
        if self.texts.len() > PLACES * 4 {
            let held: Vec<String> = ids().map(str::to_owned).collect();
            self.texts.retain(|id, _| held.contains(id));
        }
        // Those that are gone meanwhile, too: they are not asked for again.
        for id in unknown {
            let whole = sent.get(id.as_str()).map(|text| query_text::sent(text));
            let text = Text { sure: whole.is_none(), whole: whole.unwrap_or_default(), told: None };
            self.texts.insert(id, text);
        }
        for row in &rows {
            let text = Text { whole: query_text::whole(row.label("text")), sure: true, told: None };
            self.texts.insert(row.label("query").to_owned(), text);
        }
        Ok(())
    }
}

fn tell(report: &mut Report<'_>, labels: &[&str], Did { used, busy }: &Did) {
    if *busy > 0 {
        report.grew(&BUSY, labels, *busy);
    }
    if *used == Used::default() {
        return;
    }
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
