//! logparser rules: lines of any application as series.
//!
//! A rule takes fields from a line (groups of an expression, `name=value`, JSON) and makes rates and distributions of them
//! with labels. Rules are compiled into tiers ([`Tier`]); lines find their rules by texts that each match must hold. A
//! line belongs to every rule that it matches. `rate` with a value is seconds per second, or whatever its unit is.

mod compile;
mod grok;
mod metric;
mod pairs;
mod pattern;
mod router;
mod spec;
mod value;

use std::sync::Arc;

pub use metric::{Described, LABEL_BYTES_MAX, LABEL_SETS_MAX, Limited};
pub use pattern::{GROUPS_MAX, PatternError, Tier};
pub use spec::{Each, Kind, MetricSpec, Place, RuleError, RuleSpec, Source};
pub use value::TRANSFORMS;

use crate::access::LINE_BYTES_MAX;
use crate::json::{Json, walk};
use crate::members::Named;
use crate::series::Series;
use crate::windows::{Missed, Windows};
use compile::{Reader, Rule};
use metric::{Cell, Label, Metric};
use router::Router;

/// The rules of one file.
#[derive(Clone, Debug)]
pub struct Rules {
    rules: Vec<Rule>,
    router: Router,
    windows: Windows<RulesWindow>,
    all: u64,
    unmatched: u64,
    cut: u64,
    hits: Vec<usize>,
    /// Of the last line.
    times: Vec<((usize, usize), u64)>,
}

/// What all metrics of all rules counted in a window.
#[derive(Clone, Debug, Default)]
pub struct RulesWindow {
    metrics: Vec<(Arc<Described>, Named<Cell>)>,
}

impl RulesWindow {
    /// All that was counted.
    pub fn series(&self, out: &mut dyn FnMut(Series<'_>)) {
        self.metrics.iter().for_each(|(described, cells)| described.series(cells, out));
    }
}

/// What became of the lines of a file: each matched a rule or did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleLines {
    /// All.
    pub all: u64,
    /// Those that no rule matched.
    pub unmatched: u64,
    /// Those that were cut at [`LINE_BYTES_MAX`] before they were read.
    pub cut: u64,
    /// Matches of no open window.
    pub missed: Missed,
}

/// How a rule does.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleReport {
    /// Its name.
    pub name: String,
    /// Lines that it matched.
    pub hits: u64,
    /// Lines whose time could not be read: they counted when they arrived.
    pub bad_times: u64,
    /// How it reads lines.
    pub tier: Tier,
    /// The text that routes lines to it.
    pub literal: Option<String>,
    /// Why it is no faster.
    pub slow: Vec<String>,
    /// Its metrics: what each is, how many values it had, how many were none, and what did not fit.
    pub metrics: Vec<(Arc<Described>, u64, u64, Option<Limited>)>,
}

impl Rules {
    /// Compiles rules. Each metric keeps at most `label_sets` sets of labels apart. `seed` should be random.
    ///
    /// # Errors
    /// All rules that cannot be used, by their number.
    pub fn new(specs: &[RuleSpec], label_sets: usize, seed: u64) -> Result<Self, Vec<(usize, RuleError)>> {
        let (mut rules, mut errors) = (Vec::new(), Vec::new());
        for (at, spec) in specs.iter().enumerate() {
            match Rule::new(spec, label_sets, seed) {
                Ok(rule) => rules.push(rule),
                Err(error) => errors.push((at, error)),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let literals = rules.iter().map(|rule| match &rule.reader {
            Reader::Pattern(pattern) => pattern.literal.clone(),
            Reader::Json => Some(b"{".to_vec()),
            Reader::KeyValue => Some(b"=".to_vec()),
        });
        let router = Router::new(literals.collect());
        let hits = Vec::with_capacity(rules.len());
        Ok(Self { rules, router, windows: Windows::default(), all: 0, unmatched: 0, cut: 0, hits, times: Vec::new() })
    }

    /// Counts a line without its line feed; `arrived` (nanoseconds since the Unix epoch) is its time where it has none.
    /// Whether any rule matched.
    pub fn push(&mut self, line: &[u8], arrived: i64) -> bool {
        self.all += 1;
        self.times.clear();
        self.cut += u64::from(line.len() > LINE_BYTES_MAX);
        let line = &line[..line.len().min(LINE_BYTES_MAX)];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut hits = std::mem::take(&mut self.hits);
        self.router.route(line, &mut hits);
        let mut any = false;
        let mut fields = Vec::new();
        for &at in &hits {
            if read(&mut self.rules[at], line, &mut fields) {
                any = true;
                self.add(at, &mut fields, arrived);
            }
        }
        self.hits = hits;
        self.unmatched += u64::from(!any);
        any
    }

    /// A rule matched: its values go into their window.
    fn add(&mut self, at: usize, fields: &mut Vec<Option<&[u8]>>, arrived: i64) {
        let before = self.windows.newest();
        let rule = &mut self.rules[at];
        rule.hits += 1;
        let time = rule.time.as_ref().map(|(layout, field)| layout.read(fields[*field].unwrap_or_default(), arrived));
        rule.bad_times += u64::from(time == Some(None));
        let number = self.windows.enter(time.flatten().unwrap_or(arrived), arrived, RulesWindow::default);
        if let Some(before) = before.filter(|before| Some(*before) != self.windows.newest()) {
            self.rank(before);
        }
        let Some(window) = number.and_then(|number| self.windows.held(number)) else { return };
        let first = self.rules[..at].iter().map(|rule| rule.metrics.len()).sum();
        let rule = &mut self.rules[at];
        let cells = window.of(first, rule);
        let times = &mut self.times;
        let mut add =
            |fields: &[Option<&[u8]>], cells: &mut [(Arc<Described>, Named<Cell>)], metrics: &mut [Metric]| {
                for ((at, metric), (_, cells)) in (first..).zip(metrics).zip(cells) {
                    let time = metric.add(fields, cells);
                    times.extend(time.map(|(slot, value)| ((at, slot.unwrap_or(usize::MAX)), value)));
                }
            };
        match &rule.each {
            None => add(fields, cells, &mut rule.metrics),
            Some((list, skip)) => {
                let own = fields.len();
                for (name, value) in pairs::pairs(fields[*list].unwrap_or_default()) {
                    if skip.iter().any(|skip| skip.as_bytes() == name) {
                        continue;
                    }
                    fields.truncate(own);
                    fields.extend([Some(name), Some(value)]);
                    add(fields, cells, &mut rule.metrics);
                }
            }
        }
    }

    /// The values of distributions that the last line had: of which series, as long as its labels have their slot, and the value.
    #[must_use]
    pub fn times(&self) -> &[((usize, usize), u64)] {
        &self.times
    }

    /// The labels that rules give a line, which is not counted: name and value. Of a list each pair is the label and its name, as
    /// in `stage.session`, with the value as it is written.
    pub fn labels(&mut self, line: &[u8], out: &mut dyn FnMut(&str, &[u8])) {
        let line = &line[..line.len().min(LINE_BYTES_MAX)];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut hits = std::mem::take(&mut self.hits);
        self.router.route(line, &mut hits);
        let mut fields = Vec::new();
        for &at in &hits {
            if read(&mut self.rules[at], line, &mut fields) {
                labels(&self.rules[at], &fields, out);
            }
        }
        self.hits = hits;
    }

    /// At the end of a window, which may be closed by now: who earned a place in it.
    fn rank(&mut self, number: i64) {
        let metrics = self.rules.iter_mut().flat_map(|rule| &mut rule.metrics);
        let mut left = Vec::new();
        if let Some(window) = self.windows.held(number) {
            let ranked = metrics.zip(&mut window.metrics).enumerate();
            left.extend(ranked.map(|(at, (metric, (_, cells)))| (at, metric.rank(number, cells))));
        }
        for window in self.windows.held_mut() {
            for (at, left) in &left {
                let Some((_, cells)) = window.metrics.get_mut(*at) else { continue };
                left.iter().for_each(|(slot, name)| cells.leave(*slot, name));
            }
        }
    }

    /// The windows that are complete, each with its start in nanoseconds since the Unix epoch. To be asked now and then:
    /// they are kept until they are taken.
    pub fn take_closed(&mut self) -> Vec<(i64, RulesWindow)> {
        let mut closed = self.windows.take_closed();
        for (_, window) in &mut closed {
            let metrics = self.rules.iter().flat_map(|rule| &rule.metrics);
            for (metric, (_, cells)) in metrics.zip(&mut window.metrics) {
                cells.settle(|slot| metric.sets.name(slot));
            }
        }
        closed
    }

    /// Closes all windows and gives those that were not taken: at the end of the log.
    pub fn finish(&mut self) -> Vec<(i64, RulesWindow)> {
        if let Some(newest) = self.windows.newest() {
            self.rank(newest);
        }
        self.windows.close();
        self.take_closed()
    }

    /// What became of the lines.
    #[must_use]
    pub fn lines(&self) -> RuleLines {
        RuleLines { all: self.all, unmatched: self.unmatched, cut: self.cut, missed: self.windows.missed() }
    }

    /// How each rule does.
    #[must_use]
    pub fn report(&self) -> Vec<RuleReport> {
        let metrics = |rule: &Rule| {
            let one = |metric: &Metric| (metric.described.clone(), metric.values, metric.bad_values, metric.limited());
            rule.metrics.iter().map(one).collect()
        };
        let report = |rule: &Rule| RuleReport {
            name: rule.name.clone(),
            hits: rule.hits,
            bad_times: rule.bad_times,
            tier: rule.tier(),
            literal: match &rule.reader {
                Reader::Pattern(pattern) => {
                    pattern.literal.as_deref().map(|text| String::from_utf8_lossy(text).into_owned())
                }
                _ => None,
            },
            slow: match &rule.reader {
                Reader::Pattern(pattern) => pattern.slow.clone(),
                _ => Vec::new(),
            },
            metrics: metrics(rule),
        };
        self.rules.iter().map(report).collect()
    }

    /// For a line that nothing matched: the rule that comes nearest, the share of its expression that matches, and the
    /// part that does not. It compiles expressions, so it is for explanations only.
    #[must_use]
    pub fn nearest(&self, line: &[u8]) -> Option<(&str, f64, String)> {
        let line = &line[..line.len().min(LINE_BYTES_MAX)];
        let reach = |rule: &Rule| match &rule.reader {
            Reader::Pattern(pattern) => Some(pattern.reach(line)),
            _ => None,
        };
        let reached = self.rules.iter().filter_map(|rule| Some((rule, reach(rule)?)));
        let (rule, (share, part)) = reached.max_by(|(_, (a, _)), (_, (b, _))| a.total_cmp(b))?;
        if share > 0.0 { Some((rule.name.as_str(), share, part)) } else { None }
    }
}

impl RulesWindow {
    /// The cells of a rule whose metrics start at `first`.
    fn of(&mut self, first: usize, rule: &Rule) -> &mut [(Arc<Described>, Named<Cell>)] {
        let end = first + rule.metrics.len();
        if self.metrics.len() < end {
            self.metrics.resize_with(end, || (Arc::clone(&rule.metrics[0].described), Named::default()));
        }
        let cells = &mut self.metrics[first..end];
        for ((described, _), metric) in cells.iter_mut().zip(&rule.metrics) {
            if !Arc::ptr_eq(described, &metric.described) {
                *described = Arc::clone(&metric.described);
            }
        }
        cells
    }
}

/// The fields that a rule takes from a line; whether it matches.
fn read<'a>(rule: &mut Rule, line: &'a [u8], out: &mut Vec<Option<&'a [u8]>>) -> bool {
    let names = &rule.fields;
    let take = |name: &[u8], value: &'a [u8], out: &mut Vec<Option<&'a [u8]>>| {
        if let Some(at) = names.iter().position(|field| field.as_bytes() == name) {
            out[at] = Some(value);
        }
    };
    match &mut rule.reader {
        Reader::Pattern(pattern) => return pattern.read(line, out),
        Reader::KeyValue => {
            out.clear();
            out.resize(names.len(), None);
            pairs::pairs(line).for_each(|(name, value)| take(name, value, out));
        }
        Reader::Json => {
            out.clear();
            out.resize(names.len(), None);
            let start = memchr::memchr(b'{', line).unwrap_or(line.len());
            let walked = walk(&line[start..], &mut |path, value: Json<'a>| take(path, value.raw(), out));
            if walked.is_none() {
                return false;
            }
        }
    }
    // A line that has none of the fields is of another kind.
    out.iter().any(Option::is_some)
}

/// The labels of a line that a rule matched, each once.
fn labels(rule: &Rule, fields: &[Option<&[u8]>], out: &mut dyn FnMut(&str, &[u8])) {
    // Behind all fields are name and value of a pair.
    let name_of_pair = fields.len();
    let all = rule.metrics.iter().flat_map(|metric| metric.described.labels.iter().zip(&metric.labels));
    let mut told: Vec<(&str, &Label)> = Vec::new();
    for (name, label) in all {
        if told.contains(&(name.as_str(), label)) {
            continue;
        }
        told.push((name, label));
        match (label, &rule.each) {
            (Label::Text(text), _) => out(name, text.as_bytes()),
            (Label::Field(at), _) if *at < name_of_pair => {
                if let Some(value) = fields[*at] {
                    out(name, value);
                }
            }
            (Label::Field(at), Some((list, skip))) if *at == name_of_pair => {
                for (pair, value) in pairs::pairs(fields.get(*list).copied().flatten().unwrap_or_default()) {
                    if !skip.iter().any(|skip| skip.as_bytes() == pair) {
                        out(&format!("{name}.{}", String::from_utf8_lossy(pair)), value);
                    }
                }
            }
            // A value of a pair is no label that tells lines apart.
            (Label::Field(_), _) => {}
        }
    }
}

#[cfg(test)]
mod tests;
