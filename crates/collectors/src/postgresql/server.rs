//! The server as a whole: databases, checkpoints, replication.

use super::client::Connection;
use super::sql;
use crate::Metric;
use crate::report::Report;

const DATABASE: &str = "pg_stat_database";
const BGWRITER: &str = "pg_stat_bgwriter; since 17 pg_stat_checkpointer and pg_stat_io";
pub(super) const COMMITS: Metric = Metric::counter(
    "postgresql.transactions",
    "1",
    &["database", "outcome"],
    "transactions that ended: committed, aborted",
    DATABASE,
);
pub(super) const BLOCKS: Metric = Metric::counter(
    "postgresql.blocks",
    "1",
    &["database", "from"],
    "blocks found in the server's memory (memory) or not (disk, or the system's cache)",
    DATABASE,
);
pub(super) const ROWS: Metric = Metric::counter(
    "postgresql.rows",
    "1",
    &["database", "operation"],
    "rows: returned (read), fetched (by an index, or needed), inserted, updated, deleted",
    DATABASE,
);
pub(super) const TEMP: Metric =
    Metric::counter("postgresql.temp", "By", &["database"], "temporary files written", DATABASE);
pub(super) const DEADLOCKS: Metric = Metric::counter("postgresql.deadlocks", "1", &["database"], "deadlocks", DATABASE);
pub(super) const AGE: Metric = Metric::gauge(
    "postgresql.xid.age",
    "1",
    &["database"],
    "transactions since the oldest that is not frozen; at 2 thousand millions the server stops",
    "pg_database, datfrozenxid",
);
pub(super) const SIZE: Metric = Metric::gauge(
    "postgresql.database.size",
    "By",
    &["database"],
    "size on disks; read every five minutes",
    "pg_database_size",
);
pub(super) const CHECKPOINTS: Metric = Metric::counter(
    "postgresql.checkpoints",
    "1",
    &["reason"],
    "checkpoints: timed, or requested (by size of the log, or by somebody)",
    BGWRITER,
);
pub(super) const CHECKPOINT_TIME: Metric = Metric::counter(
    "postgresql.checkpoint.time",
    "ns",
    &["phase"],
    "time that checkpoints took to write and to sync; told when one ends",
    BGWRITER,
);
pub(super) const BUFFERS: Metric = Metric::counter(
    "postgresql.buffers.written",
    "1",
    &["by"],
    "buffers written: by the checkpointer, by the cleaner ahead of need, by a backend that had to wait for it",
    BGWRITER,
);
pub(super) const LAG: Metric = Metric::gauge(
    "postgresql.replication.lag",
    "By",
    &["replica"],
    "log that a replica has not applied yet; ~self on a replica itself",
    "pg_stat_replication",
);
pub(super) const LAG_TIME: Metric = Metric::gauge(
    "postgresql.replication.lag.time",
    "ns",
    &["replica"],
    "how old what it applied last is, while it is behind",
    "pg_stat_replication, pg_last_xact_replay_timestamp",
);
pub(super) const SLOTS: Metric = Metric::gauge(
    "postgresql.replication.slot.retained",
    "By",
    &["active", "slot"],
    "log kept for a slot",
    "pg_replication_slots",
);
pub(super) const METRICS: &[Metric] =
    &[COMMITS, BLOCKS, ROWS, TEMP, DEADLOCKS, AGE, SIZE, CHECKPOINTS, CHECKPOINT_TIME, BUFFERS, LAG, LAG_TIME, SLOTS];

/// Databases that are told: of servers with more, the first in the server's order.
const DATABASES_MAX: usize = 200;

/// Databases. `sizes` says whether to ask for what takes the server long.
pub(super) async fn databases(connection: &Connection, sizes: bool, report: &mut Report<'_>) -> Result<(), String> {
    for row in connection.ask(sql::DATABASES).await?.iter().take(DATABASES_MAX) {
        let database = row.label("database");
        for outcome in ["committed", "aborted"] {
            report.total(&COMMITS, &[database, outcome], row.number(outcome));
        }
        for (from, column) in [("memory", "hit"), ("disk", "read")] {
            report.total(&BLOCKS, &[database, from], row.number(column));
        }
        for operation in ["returned", "fetched", "inserted", "updated", "deleted"] {
            report.total(&ROWS, &[database, operation], row.number(operation));
        }
        report.total(&TEMP, &[database], row.number("temp"));
        report.total(&DEADLOCKS, &[database], row.number("deadlocks"));
        report.gauge(&AGE, &[database], row.number("age"));
    }
    if sizes {
        for row in connection.ask(sql::SIZES).await?.iter().take(DATABASES_MAX) {
            report.gauge(&SIZE, &[row.label("database")], row.number("size"));
        }
    }
    Ok(())
}

/// Checkpoints and written buffers.
pub(super) async fn checkpoints(connection: &Connection, report: &mut Report<'_>) -> Result<(), String> {
    for row in connection.ask(sql::checkpoints(connection.version)).await? {
        for reason in ["timed", "requested"] {
            report.total(&CHECKPOINTS, &[reason], row.number(reason));
        }
        for phase in ["write", "sync"] {
            report.total(&CHECKPOINT_TIME, &[phase], row.milliseconds(phase));
        }
        for by in ["checkpointer", "cleaner", "backend"] {
            report.total(&BUFFERS, &[by], row.number(by));
        }
    }
    Ok(())
}

/// Replicas and slots.
pub(super) async fn replication(connection: &Connection, report: &mut Report<'_>) -> Result<(), String> {
    for row in connection.ask(sql::REPLICATION).await?.iter().take(DATABASES_MAX) {
        report.gauge(&LAG, &[row.label("replica")], row.number("bytes"));
        // Null while nothing is to be applied.
        report.gauge(&LAG_TIME, &[row.label("replica")], row.seconds("time"));
    }
    for row in connection.ask(sql::SLOTS).await?.iter().take(DATABASES_MAX) {
        report.gauge(&SLOTS, &[row.label("active"), row.label("slot")], row.number("bytes"));
    }
    Ok(())
}
