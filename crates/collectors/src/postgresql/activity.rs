//! What sessions do now: connections by state and wait, statements that still run, who waits for whose lock.

use std::collections::BTreeMap;

use arachne_aggregate::series::OTHER;

use super::client::Connection;
use super::progress::Running;
use super::sql;
use crate::Metric;
use crate::report::Report;

const ACTIVITY: &str = "pg_stat_activity";
pub(super) const CONNECTIONS: Metric = Metric::gauge(
    "postgresql.connection.count",
    "1",
    &["database", "state", "user", "wait"],
    "connections of clients by state (active, idle, idle in transaction, ...) and, of active ones, what kind of thing they wait for",
    "pg_stat_activity, state and wait_event_type",
);
pub(super) const LIMIT: Metric =
    Metric::gauge("postgresql.connection.max", "1", &[], "how many connections the server takes", "max_connections");
pub(super) const TRANSACTION: Metric = Metric::gauge(
    "postgresql.transaction.age",
    "ns",
    &["database", "user"],
    "how long the oldest open transaction is open",
    "pg_stat_activity, xact_start",
);
pub(super) const RUNNING: Metric =
    Metric::gauge("postgresql.running.count", "1", &["database", "user"], "statements that run now", ACTIVITY);
pub(super) const RUNNING_TIME: Metric = Metric::counter(
    "postgresql.running.time",
    "ns",
    &["database", "user"],
    "time in the window of statements that had not ended at its end; when they end, all of their time is in postgresql.statement.time; by statement and without counting twice: postgresql.statement.busy",
    "pg_stat_activity, query_start",
);
pub(super) const RUNNING_AGE: Metric = Metric::gauge(
    "postgresql.running.age",
    "ns",
    &["database", "user"],
    "how long the oldest of them runs",
    "pg_stat_activity, query_start",
);
const LOCK: &[&str] = &["blocker", "blocker_state", "database", "user"];
pub(super) const LOCKS: Metric = Metric::gauge(
    "postgresql.lock.waiting",
    "1",
    LOCK,
    "sessions that wait for a lock, by whom they wait for and what that one does",
    "pg_blocking_pids",
);
pub(super) const LOCK_AGE: Metric = Metric::gauge(
    "postgresql.lock.age",
    "ns",
    LOCK,
    "how long the statement of the longest waiting one runs",
    "pg_blocking_pids, pg_stat_activity",
);
pub(super) const METRICS: &[Metric] =
    &[CONNECTIONS, LIMIT, TRANSACTION, RUNNING, RUNNING_TIME, RUNNING_AGE, LOCKS, LOCK_AGE];

/// Groups with series of their own; the smaller ones are counted together.
const GROUPS_MAX: usize = 200;

/// Adds up `count` and keeps the largest `age` by labels; what is beyond the limit goes together.
fn bounded<const N: usize>(rows: impl Iterator<Item = ([String; N], u64, u64)>) -> Vec<([String; N], u64, u64)> {
    let mut groups: BTreeMap<[String; N], (u64, u64)> = BTreeMap::new();
    for (labels, count, age) in rows {
        let group = groups.entry(labels).or_default();
        *group = (group.0.saturating_add(count), group.1.max(age));
    }
    let mut groups: Vec<_> = groups.into_iter().map(|(labels, (count, age))| (labels, count, age)).collect();
    groups.sort_by_key(|(_, count, age)| std::cmp::Reverse((*count, *age)));
    let rest = groups.split_off(groups.len().min(GROUPS_MAX));
    if !rest.is_empty() {
        let count = rest.iter().map(|(_, count, _)| *count).fold(0, u64::saturating_add);
        let age = rest.iter().map(|(_, _, age)| *age).max().unwrap_or(0);
        groups.push((std::array::from_fn(|_| OTHER.to_owned()), count, age));
    }
    groups
}

fn refs<const N: usize>(labels: &[String; N]) -> [&str; N] {
    labels.each_ref().map(String::as_str)
}

/// Connections, and the ages of transactions.
pub(super) async fn sessions(connection: &Connection, report: &mut Report<'_>) -> Result<(), String> {
    let rows = connection.ask(sql::SESSIONS).await?;
    let by = |names: [&str; 4], row: &super::client::Row| names.map(|name| row.label(name).to_owned());
    let by_state = rows.iter().map(|row| (by(["database", "state", "user", "wait"], row), row.number("count"), 0));
    for (labels, count, _) in bounded(by_state) {
        report.gauge(&CONNECTIONS, &refs(&labels), count);
    }
    let open = rows.iter().filter(|row| row.text("transaction").is_some());
    let ages =
        open.map(|row| (["database", "user"].map(|name| row.label(name).to_owned()), 1, row.seconds("transaction")));
    for (labels, _, age) in bounded(ages) {
        report.gauge(&TRANSACTION, &refs(&labels), age);
    }
    Ok(())
}

/// Statements that run.
pub(super) async fn running(connection: &Connection, report: &mut Report<'_>) -> Result<Vec<Running>, String> {
    let rows = connection.ask(&sql::running(connection.version)).await?;
    let of = |row: &super::client::Row| Running {
        session: row.label("session").to_owned(),
        since: row.label("since").to_owned(),
        database: row.label("database").to_owned(),
        user: row.label("user").to_owned(),
        query: row.text("query").map(str::to_owned),
        age: row.seconds("age"),
        text: row.label("text").to_owned(),
    };
    let all: Vec<_> = rows.iter().map(of).collect();
    let width = u64::try_from(report.width()).unwrap_or(0);
    let labels = |one: &Running| [one.database.clone(), one.user.clone()];
    let mut times: BTreeMap<[String; 2], u64> = BTreeMap::new();
    for one in &all {
        let time = times.entry(labels(one)).or_default();
        *time = time.saturating_add(one.age.min(width));
    }
    for (labels, count, age) in bounded(all.iter().map(|one| (labels(one), 1, one.age))) {
        report.gauge(&RUNNING, &refs(&labels), count);
        report.gauge(&RUNNING_AGE, &refs(&labels), age);
    }
    for (labels, time, _) in bounded(times.into_iter().map(|(labels, time)| (labels, time, 0))) {
        report.counter(&RUNNING_TIME, &refs(&labels), 1, time);
    }
    Ok(all)
}

/// Who waits for whom.
pub(super) async fn locks(connection: &Connection, report: &mut Report<'_>) -> Result<(), String> {
    let rows = connection.ask(sql::LOCKS).await?;
    let waiting = rows.iter().map(|row| {
        let labels = ["blocker", "state", "database", "user"].map(|name| row.label(name).to_owned());
        (labels, row.number("count"), row.seconds("age"))
    });
    for (labels, count, age) in bounded(waiting) {
        report.gauge(&LOCKS, &refs(&labels), count);
        report.gauge(&LOCK_AGE, &refs(&labels), age);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_bounded_and_their_sum_is_kept() {
        let rows = (0..500_u64).map(|n| ([format!("d{}", n % 300)], n, n));
        let groups = bounded(rows);
        assert_eq!(groups.len(), GROUPS_MAX + 1);
        assert_eq!(groups.iter().map(|(_, count, _)| count).sum::<u64>(), 499 * 500 / 2);
        assert_eq!(groups.last().map(|(labels, ..)| labels[0].as_str()), Some(OTHER));
    }
}
