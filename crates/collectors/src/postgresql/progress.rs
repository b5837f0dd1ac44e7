//! Statements while they run: what they took so far is told as they take it, and not again when they end.
//!
//! `pg_stat_statements` counts a statement when it ends, all at once: a report of an hour is nothing for an hour and then a peak that
//! was never there. What is seen running is told window by window, and left out of what its entry grew by once it ended. The entry is
//! read before what runs: a statement that ended in between is in the growth of the next reading. One that failed is in none, so what
//! is owed lives for two readings.

use std::collections::HashMap;

/// A statement that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Running {
    /// Its session, and when it began: with the statement that names it.
    pub session: String,
    pub since: String,
    pub database: String,
    pub user: String,
    /// Its number; None where the server does not tell it: before PostgreSQL 14, or without the right.
    pub query: Option<String>,
    /// How long it runs, in nanoseconds.
    pub age: u64,
    /// Its text as the client sent it, constants included.
    pub text: String,
}

/// Which entries of `pg_stat_statements` it will be in: its user may be another one than that of its session.
type Place = (String, String);

/// What was told of those that ran.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Those of the last reading: where they will be counted, and how long they had run.
    seen: HashMap<(String, String, String), (Place, u64)>,
    /// Of those that ended: what was told of them already, in the reading before the last one and since.
    owed: HashMap<Place, (u64, u64)>,
}

impl Progress {
    /// What runs now, after the entries were read.
    pub(super) fn look(&mut self, running: &[Running]) {
        let mut ended = std::mem::take(&mut self.seen);
        for one in running {
            let Some(query) = &one.query else { continue };
            let name = (one.session.clone(), one.since.clone(), query.clone());
            ended.remove(&name);
            self.seen.insert(name, ((one.database.clone(), query.clone()), one.age));
        }
        self.owed.retain(|_, (before, last)| {
            *before = std::mem::take(last);
            *before > 0
        });
        for (place, told) in ended.into_values() {
            let (_, last) = self.owed.entry(place).or_default();
            *last = last.saturating_add(told);
        }
    }

    /// Of the time that an entry grew by, the part that was not told while it was taken.
    pub(super) fn rest(&mut self, database: &str, query: &str, time: u64) -> u64 {
        let Some((before, last)) = self.owed.get_mut(&(database.to_owned(), query.to_owned())) else { return time };
        [before, last].into_iter().fold(time, |time, owed| {
            let told = time.min(*owed);
            *owed -= told;
            time - told
        })
    }

    /// Forgets all.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(session: &str, age: u64) -> Running {
        let text = |text: &str| text.to_owned();
        Running {
            session: text(session),
            since: text("1"),
            database: text("d"),
            user: text("u"),
            query: Some(text("7")),
            age,
            text: text("select 1"),
        }
    }

    /// Of each reading what runs, what the entry grew by, and what of that is news.
    fn check(readings: &[(&[Running], u64, u64)]) {
        let mut progress = Progress::default();
        for (number, (running, growth, rest)) in readings.iter().enumerate() {
            progress.look(running);
            assert_eq!(progress.rest("d", "7", *growth), *rest, "reading {number}");
        }
    }

    #[test]
    fn what_was_told_while_it_ran_is_not_told_again() {
        // 25 s, seen at 8 and 18 of them; others of the same kind end meanwhile.
        check(&[(&[running("1", 8)], 3, 3), (&[running("1", 18)], 2, 2), (&[], 25, 7), (&[], 4, 4)]);
        // It ended after its entry was read: the next reading has it.
        check(&[(&[running("1", 18)], 0, 0), (&[], 0, 0), (&[], 25, 7), (&[], 4, 4)]);
        // Two of a kind, of which one goes on.
        check(&[(&[running("1", 5), running("2", 9)], 0, 0), (&[running("1", 15)], 12, 3), (&[], 21, 6)]);
    }

    #[test]
    fn what_failed_is_owed_by_nobody_for_long() {
        check(&[(&[running("1", 9)], 0, 0), (&[], 0, 0), (&[], 0, 0), (&[], 20, 20)]);
        let mut unnamed = running("1", 9);
        unnamed.query = None;
        check(&[(&[unnamed], 0, 0), (&[], 20, 20)]);
    }

    #[test]
    fn sessions_are_used_again() {
        let again = Running { since: "2".to_owned(), ..running("1", 1) };
        check(&[(&[running("1", 9)], 0, 0), (&[again], 10, 1)]);
    }
}
