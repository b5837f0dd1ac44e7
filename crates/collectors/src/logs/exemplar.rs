//! The slowest line of each class, and of each series of a rule's times, in what is handed over together: kept whatever was sampled, so
//! that the lines behind a percentile are there.

use std::collections::BTreeMap;
use std::sync::Arc;

use arachne_model::table::LogRow;

use super::sample::Budget;

/// Of what a line is the slowest: a class, or a metric and the slot of its labels.
pub(super) type Of = (usize, usize);

/// Kinds that are told apart. Policy: those that come first.
const KINDS_MAX: usize = 128;
/// The field of such a line.
const FIELD: &str = "exemplar";
const LINE: &str = "exemplar: slowest\n";

/// Where a line is.
#[derive(Clone, Debug)]
enum Line {
    /// Among the records that were kept.
    Kept(usize),
    /// Not kept.
    Left(Box<LogRow>),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Slowest(BTreeMap<Of, (u64, Arc<Line>)>);

impl Slowest {
    /// Of which of these times a line is the slowest up to now.
    pub(super) fn beaten(&self, times: impl IntoIterator<Item = (Of, u64)>) -> Vec<(Of, u64)> {
        let slower = |(of, time): &(Of, u64)| match self.0.get(of) {
            Some((slowest, _)) => time > slowest,
            None => self.0.len() < KINDS_MAX,
        };
        times.into_iter().filter(slower).collect()
    }

    /// That line is the record at `at`.
    pub(super) fn kept(&mut self, of: &[(Of, u64)], at: usize) {
        self.hold(of, Line::Kept(at));
    }

    /// That line was not kept.
    pub(super) fn left(&mut self, of: &[(Of, u64)], row: LogRow) {
        self.hold(of, Line::Left(Box::new(row)));
    }

    fn hold(&mut self, of: &[(Of, u64)], line: Line) {
        let line = Arc::new(line);
        for (of, time) in of {
            // An event of several lines may have several times of a kind.
            // And more of them new than have room.
            let beats = match self.0.get(of) {
                Some((slowest, _)) => time > slowest,
                None => self.0.len() < KINDS_MAX,
            };
            if beats {
                self.0.insert(*of, (*time, Arc::clone(&line)));
            }
        }
    }

    /// Marks those that were kept, and adds those that were not, as far as there is room. How many were added: they stand for
    /// themselves.
    pub(super) fn take(&mut self, rows: &mut Vec<LogRow>, budget: &mut Budget, now: i64) -> u64 {
        let mut all: Vec<_> = std::mem::take(&mut self.0).into_values().map(|(_, line)| line).collect();
        all.sort_unstable_by_key(Arc::as_ptr);
        all.dedup_by(|a, b| Arc::ptr_eq(a, b));
        let before = rows.len();
        for line in all {
            match Arc::unwrap_or_clone(line) {
                Line::Kept(at) => rows.get_mut(at).into_iter().for_each(|row| mark(&mut row.fields)),
                Line::Left(mut row) => {
                    if budget.take(row.message.len() as u64, now) {
                        mark(&mut row.fields);
                        rows.push(*row);
                    }
                }
            }
        }
        (rows.len() - before) as u64
    }
}

/// Puts the field among the others, which are in order.
fn mark(fields: &mut String) {
    let lines = fields.split_inclusive('\n');
    let before = lines.take_while(|line| line.split(": ").next().is_some_and(|name| name < FIELD));
    let at = before.map(str::len).sum();
    if !fields[at..].starts_with(LINE) {
        fields.insert_str(at, LINE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(message: &str, fields: &str) -> LogRow {
        LogRow { message: message.to_owned(), fields: fields.to_owned(), weight: 1, ..LogRow::default() }
    }

    #[test]
    fn the_slowest_of_each_kind_is_there_once_and_marked() {
        let mut slowest = Slowest::default();
        let mut rows = vec![row("kept", "class: slow\nhost: a\n")];
        let (slow, stage) = ((2, 0), (9, 1));
        let of = slowest.beaten([(slow, 5)]);
        slowest.kept(&of, 0);
        // Another one beats it by its stage alone, one that is slowest in both is added once.
        let of = slowest.beaten([(slow, 4), (stage, 1)]);
        assert_eq!(of, [(stage, 1)]);
        slowest.left(&of, row("beaten", ""));
        let of = slowest.beaten([(stage, 7)]);
        slowest.left(&of, row("left", "zone: b\n"));
        assert_eq!(slowest.take(&mut rows, &mut Budget::new(1000), 0), 1);
        let told: Vec<_> = rows.iter().map(|row| (row.message.as_str(), row.fields.as_str())).collect();
        let expected =
            [("kept", "class: slow\nexemplar: slowest\nhost: a\n"), ("left", "exemplar: slowest\nzone: b\n")];
        assert_eq!(told, expected);
        assert_eq!(slowest.take(&mut rows, &mut Budget::new(1000), 0), 0, "each window has its own");
        let of = slowest.beaten([(slow, 1)]);
        slowest.left(&of, row("no room", ""));
        assert_eq!(slowest.take(&mut rows, &mut Budget::new(0), 0), 0);
    }

    #[test]
    fn kinds_are_bounded() {
        let mut slowest = Slowest::default();
        let of = slowest.beaten((0..1000).map(|kind| ((kind, 0), 1)));
        slowest.left(&of[..KINDS_MAX], row("one", ""));
        assert_eq!(slowest.beaten([((0, 0), 2), ((900, 0), 2)]), [((0, 0), 2)]);
        // An event of many lines asks for all of them before it is held.
        let mut slowest = Slowest::default();
        let all: Vec<_> = (0..1000).flat_map(|kind| slowest.beaten([((kind, 0), 1)])).collect();
        slowest.left(&all, row("one", ""));
        assert_eq!(slowest.0.len(), KINDS_MAX);
    }
}
