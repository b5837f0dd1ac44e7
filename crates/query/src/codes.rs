//! Lines of logs by what they say: code (of lines without one their template), service and level; and what of it is new, gone,
//! or came at once.
//!
//! A kept line stands for `weight` lines, so that lines can be told though few were kept; what a click lists are the kept ones.

use std::collections::{BTreeMap, BTreeSet};

use arachne_model::table::{LogRow, Row as _};
use arachne_store::{
    Buckets, GroupRequest, Groups, Key, ListRequest, Measure, Measured, Number, Order, Scalar, Scanned, TimeRange,
};
use serde::{Deserialize, Serialize};

use crate::Queries;
use crate::drill::Drill;
use crate::error::{QueryError, at_most};
use crate::fields::{Split, split};
use crate::histogram::ladder;
use crate::limits::{CODES, GROUPS_MAX, SPARK, TOP_MAX};
use crate::list::Cost;
use crate::scope::{Mode, Resolved, Scope};
use crate::series::{Compare, Shift};
use crate::time::{Instant, Span, When};

/// What a group is known by, in this order.
const KEY: [&str; 4] = ["log.code", "log.template", "service", "level"];
/// Levels from the gravest; lines that tell none may be grave, and stand behind warnings.
const LEVELS: [Option<&str>; 7] =
    [Some("fatal"), Some("error"), Some("warn"), None, Some("info"), Some("debug"), Some("trace")];
/// Fewer lines in a bucket are no burst.
const BURST_LINES: i64 = 10;
/// A burst has so many times the lines of an ordinary bucket.
const BURST_TIMES: f64 = 5.0;
/// What was not seen for so long is new: a week.
const KNOWN: Span = Span(7 * 86_400_000_000_000);

/// Lines of logs by code, service and level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CodesQuery {
    /// A filter on log records, such as `level:error service:shop`.
    pub filter: String,
    /// The first instant inside; where the table begins unless given.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub from: Option<When>,
    /// The first instant behind; where the table ends unless given.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub to: Option<When>,
    /// At most so many buckets of `spark`, of a width that people can read.
    pub buckets: u32,
    /// The range that `before` is about, and in which lines were that are gone now.
    pub compare: Compare,
    /// The time zone that days and weeks of `compare` follow, such as `Europe/Berlin`; empty for UTC.
    pub zone: String,
    /// What had no line for so long before the range is new, such as `7d`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub known: Span,
    /// Groups told apart, the gravest levels first, of each the most lines; all further ones are one.
    pub limit: usize,
}

impl Default for CodesQuery {
    fn default() -> Self {
        Self {
            filter: String::new(),
            from: None,
            to: None,
            buckets: SPARK,
            compare: Compare::Previous,
            zone: String::new(),
            known: KNOWN,
            limit: CODES,
        }
    }
}

/// What is remarkable about a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CodeState {
    /// It had no line for as long before the range as `known` says, though lines of others are known from then.
    New,
    /// It has no line in the range, and had some in the range that is compared with.
    Gone,
    /// One bucket has at least ten lines, and five times as many as the others and the compared range on average.
    Burst,
}

/// A line that stands for its group: the newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CodeSample {
    /// The id of the record.
    pub id: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub start: Instant,
    /// Who read it.
    pub agent: String,
    /// The file it stood in.
    pub file: String,
    /// The line.
    pub message: String,
    /// The request it belongs to, where it says so.
    pub request: Option<String>,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CodeRow {
    /// The log code; null of lines that have none, which are told apart by their template.
    pub code: Option<String>,
    /// The template; null where there is a code, whose lines may have several.
    pub template: Option<String>,
    /// What wrote it; null where that is not known.
    pub service: Option<String>,
    /// fatal, error, warn, info, debug or trace; null where the line does not say.
    pub level: Option<String>,
    /// Different templates, in the range or, of what is gone, in the compared one.
    pub templates: u64,
    /// Lines: of each kept one as many as it stands for.
    pub lines: i64,
    /// Lines that were kept: what a click lists.
    pub records: u64,
    /// Lines in the compared range.
    pub before: i64,
    /// The first in the range; null of what is gone.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub first: Option<Instant>,
    /// The newest in the range; of what is gone the newest in the compared range.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub last: Option<Instant>,
    /// Lines by bucket.
    pub spark: Vec<i64>,
    /// What is remarkable.
    pub states: Vec<CodeState>,
    /// The newest line; null where it cannot be told from others.
    pub sample: Option<CodeSample>,
    /// What a click opens; of what is gone in the compared range.
    pub drill: Drill,
}

/// Lines of some groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CodeCounts {
    /// Lines.
    pub lines: i64,
    /// Lines that were kept.
    pub records: u64,
    /// Lines in the compared range.
    pub before: i64,
}

/// Lines of logs by code, service and level. Bucket `n` is `[start + n * step_ns, start + (n + 1) * step_ns)`, cut to
/// `[from, to)`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CodesAnswer {
    /// Where bucket 0 starts.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub start: Instant,
    /// Width of a bucket in nanoseconds.
    pub step_ns: i64,
    /// Number of buckets.
    pub count: u32,
    /// Start of the range.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub from: Instant,
    /// End of the range.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub to: Instant,
    /// Start of the range that is compared with.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub compared_from: Instant,
    /// End of the range that is compared with.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub compared_to: Instant,
    /// The oldest line that what is new was compared with; null where none is older than the range: then nothing is called new.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub known_from: Option<Instant>,
    /// The groups, the gravest levels first, of each the most lines.
    pub rows: Vec<CodeRow>,
    /// All others together. Rows and this give the total.
    pub other: CodeCounts,
    /// Everything.
    pub total: CodeCounts,
    /// How many groups there are; null when there were too many to tell apart.
    pub groups: Option<u64>,
    /// What it cost.
    pub scanned: Cost,
}

/// What was counted of a group.
#[derive(Clone, Debug, Default)]
struct Tally {
    templates: BTreeSet<Scalar>,
    records: u64,
    lines: i64,
    first: Option<i64>,
    last: Option<i64>,
    spark: Vec<i64>,
}

/// Groups by code, template (null where there is a code), service and level.
#[derive(Debug, Default)]
struct Found {
    groups: BTreeMap<[Scalar; 4], Tally>,
    /// Lines and records beyond the most groups that are told apart.
    rest: Option<(i64, u64)>,
    scanned: Scanned,
}

impl Queries<'_> {
    /// Lines of logs by code, service and level.
    ///
    /// # Errors
    /// When the question is not in order, beyond a limit, or the store cannot answer.
    pub fn codes(&self, query: &CodesQuery) -> Result<CodesAnswer, QueryError> {
        at_most("limit", "groups", query.limit, TOP_MAX)?;
        let scope = Scope {
            table: LogRow::TABLE.name.to_owned(),
            filter: query.filter.clone(),
            from: query.from,
            to: query.to,
            mode: Mode::Start,
            ..Scope::default()
        };
        let now = self.resolve(&scope)?;
        let range = now.selection.range;
        let buckets = ladder::buckets(range, None, Some(query.buckets))?;
        let compared = Shift::new(query.compare, &query.zone, range, buckets.step)?.range(range);
        let before = now.during(compared);
        let known = now.during(TimeRange { from: range.from.saturating_sub(query.known.0), to: range.from });
        let requests = [request(&now, Some(buckets)), request(&before, None), request(&known, None)];
        let mut found = self.store.group(&requests, self.watch)?.into_iter();
        let mut next = |count| Found::read(found.next().unwrap_or_default(), count);
        let asked = Asked { now: &now, before: &before, range, buckets, compared };
        let (found, past, earlier) = (next(buckets.count), next(0), next(0));
        let mut answer = asked.answer(&found, &past, &earlier, query.limit)?;
        for row in &mut answer.rows {
            let selected = if row.records > 0 { &now } else { &before };
            row.sample = self.sample(selected, row)?;
        }
        Ok(answer)
    }

    /// The newest line of a group.
    fn sample(&self, among: &Resolved, row: &CodeRow) -> Result<Option<CodeSample>, QueryError> {
        let (Some(Instant(last)), true) = (row.last, row.drill.exact) else { return Ok(None) };
        let columns = ["id", "agent", "log.file.path", "message", "request.id"];
        let own =
            among.and(among.parse(&row.drill.filter)?).during(TimeRange { from: last, to: last.saturating_add(1) });
        let request = ListRequest {
            selection: own.selection,
            order: Order { by: Number::Column(among.table.start), descending: true },
            after: None,
            limit: 1,
            columns: columns.into_iter().filter_map(|name| among.table.column(name)).collect(),
        };
        let found = self.store.list(&request, self.watch)?.rows.into_iter().next();
        let Some(Ok([id, agent, file, message, request])) = found.map(<[Scalar; 5]>::try_from) else { return Ok(None) };
        let [id, agent, file, message] = [id, agent, file, message].map(|value| text(value).unwrap_or_default());
        Ok(Some(CodeSample { id, start: Instant(last), agent, file, message, request: text(request) }))
    }
}

/// Counts by key, and by bucket where there are some.
fn request(of: &Resolved, buckets: Option<Buckets>) -> GroupRequest {
    let column = |name| of.table.column(name);
    let mut keys: Vec<Key> = KEY.into_iter().filter_map(column).map(Key::Column).collect();
    keys.extend(buckets.map(Key::Bucket));
    let start = Number::Column(of.table.start);
    let mut measures = vec![Measure::Count, Measure::Min(start), Measure::Max(start)];
    measures.extend(column("weight").map(|weight| Measure::Sum(Number::Column(weight))));
    GroupRequest { selection: of.selection.clone(), keys, measures, groups_max: GROUPS_MAX, whole: false }
}

impl Found {
    /// Reads the answer to [`request`].
    fn read(groups: Groups, count: u32) -> Self {
        let mut found = Self { scanned: groups.scanned, ..Self::default() };
        for group in groups.groups {
            let mut key = group.key.into_iter();
            let mut next = || key.next().unwrap_or(Scalar::Null);
            let [code, template, service, level, bucket] = [next(), next(), next(), next(), next()];
            let part = if code == Scalar::Null { template.clone() } else { Scalar::Null };
            let tally = found.groups.entry([code, part, service, level]).or_default();
            tally.spark.resize(count as usize, 0);
            tally.templates.insert(template);
            let (lines, records) = tally.add(&group.measures);
            tally.lines = tally.lines.saturating_add(lines);
            tally.records += records;
            let place = if let Scalar::Int(bucket) = bucket { usize::try_from(bucket).ok() } else { None };
            if let Some(bar) = place.and_then(|at| tally.spark.get_mut(at)) {
                *bar = bar.saturating_add(lines);
            }
        }
        found.rest = groups.rest.map(|measures| Tally::default().add(&measures));
        found
    }

    fn lines(&self) -> i64 {
        let rest = self.rest.map_or(0, |(lines, _)| lines);
        self.groups.values().fold(rest, |sum, tally| sum.saturating_add(tally.lines))
    }

    fn records(&self) -> u64 {
        self.rest.map_or(0, |(_, records)| records) + self.groups.values().map(|tally| tally.records).sum::<u64>()
    }
}

impl Tally {
    /// Takes the ends of a group, and gives its lines and records.
    fn add(&mut self, measures: &[Measured]) -> (i64, u64) {
        let [Measured::Int(records), Measured::Extreme(first), Measured::Extreme(last), lines @ Measured::Sum(_)] =
            measures
        else {
            return (0, 0);
        };
        self.first = [self.first, *first].into_iter().flatten().min();
        self.last = self.last.max(*last);
        (lines.number(), u64::try_from(*records).unwrap_or(0))
    }

    /// Whether one bucket stands out of the others, of which the compared range is made of, too.
    fn bursts(&self, before: i64) -> bool {
        let most = self.spark.iter().copied().max().unwrap_or(0);
        let others = self.spark.len().saturating_sub(1).max(1) as f64;
        let usual =
            (self.lines.saturating_sub(most) as f64 / others).max(before as f64 / self.spark.len().max(1) as f64);
        most >= BURST_LINES && most as f64 >= BURST_TIMES * usual
    }
}

/// What is answered.
struct Asked<'a> {
    now: &'a Resolved,
    before: &'a Resolved,
    range: TimeRange,
    buckets: Buckets,
    compared: TimeRange,
}

impl Asked<'_> {
    fn answer(&self, found: &Found, past: &Found, earlier: &Found, limit: usize) -> Result<CodesAnswer, QueryError> {
        let gone = past.groups.iter().filter(|(key, _)| !found.groups.contains_key(*key));
        let lines_before = |key: &[Scalar; 4]| past.groups.get(key).map_or(0, |tally| tally.lines);
        let mut ranked: Vec<(&[Scalar; 4], &Tally, bool)> =
            found.groups.iter().map(|(key, tally)| (key, tally, false)).collect();
        ranked.extend(gone.map(|(key, tally)| (key, tally, true)));
        ranked.sort_by(|(a, x, _), (b, y, _)| {
            gravity(&a[3]).cmp(&gravity(&b[3])).then_with(|| y.lines.cmp(&x.lines)).then_with(|| a.cmp(b))
        });
        let known_from = earlier.groups.values().filter_map(|tally| tally.first).min();
        let groups = found.rest.is_none().then_some(ranked.len() as u64);
        ranked.truncate(limit);
        let mut rows = Vec::with_capacity(ranked.len());
        for (key, tally, gone) in ranked {
            let before = lines_before(key);
            let seen = gone || earlier.groups.contains_key(key) || earlier.rest.is_some();
            let mut states = Vec::new();
            states.extend((known_from.is_some() && !seen).then_some(CodeState::New));
            states.extend(gone.then_some(CodeState::Gone));
            states.extend((!gone && tally.bursts(before)).then_some(CodeState::Burst));
            rows.push(self.row(key, tally, gone, before, states)?);
        }
        let total = CodeCounts { lines: found.lines(), records: found.records(), before: past.lines() };
        let other = rows.iter().fold(total, |rest, row| CodeCounts {
            lines: rest.lines.saturating_sub(row.lines),
            records: rest.records.saturating_sub(row.records),
            before: rest.before.saturating_sub(row.before),
        });
        let mut scanned = found.scanned;
        scanned += past.scanned;
        scanned += earlier.scanned;
        Ok(CodesAnswer {
            start: Instant(self.buckets.origin),
            step_ns: self.buckets.step,
            count: self.buckets.count,
            from: Instant(self.range.from),
            to: Instant(self.range.to),
            compared_from: Instant(self.compared.from),
            compared_to: Instant(self.compared.to),
            known_from: known_from.map(Instant),
            rows,
            other,
            total,
            groups,
            scanned: scanned.into(),
        })
    }

    fn row(
        &self,
        key: &[Scalar; 4],
        tally: &Tally,
        gone: bool,
        before: i64,
        states: Vec<CodeState>,
    ) -> Result<CodeRow, QueryError> {
        let among = if gone { self.before } else { self.now };
        let has_code = key[0] != Scalar::Null;
        // A code says what a template would: its lines may have several.
        let named = |at: &usize| !(has_code && *at == 1);
        let splits =
            (0..KEY.len()).filter(named).map(|at| split(among, "by", KEY[at])).collect::<Result<Vec<Split>, _>>()?;
        let values: Vec<Scalar> = (0..KEY.len()).filter(named).map(|at| key[at].clone()).collect();
        let [code, template, service, level] = key.clone().map(text);
        Ok(CodeRow {
            code,
            template,
            service,
            level,
            templates: tally.templates.len() as u64,
            lines: if gone { 0 } else { tally.lines },
            records: if gone { 0 } else { tally.records },
            before,
            first: tally.first.filter(|_| !gone).map(Instant),
            last: tally.last.map(Instant),
            spark: if gone { vec![0; self.buckets.count as usize] } else { tally.spark.clone() },
            states,
            sample: None,
            drill: Drill::to(among, &splits, &values),
        })
    }
}

fn gravity(level: &Scalar) -> usize {
    let level = if let Scalar::Text(level) = level { Some(&**level) } else { None };
    LEVELS.iter().position(|known| *known == level).unwrap_or(LEVELS.len())
}

fn text(value: Scalar) -> Option<String> {
    if let Scalar::Text(text) = value { Some(text.into()) } else { None }
}
