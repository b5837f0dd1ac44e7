//! Questions, by version. Columns were renamed over the years; the names here are ours.
//!
//! Source: PostgreSQL documentation 12 to 17, F.30 `pg_stat_statements` and 28.2 The Cumulative Statistics System.

use super::query_text::WHOLE_BYTES_MAX as TEXT_BYTES_MAX;

/// Version 1.8 of the extension as a number.
const fn extension(major: u32, minor: u32) -> u32 {
    major * 100 + minor
}

/// "1.10" as 110.
pub(super) fn extension_version(text: &str) -> Option<u32> {
    let (major, minor) = text.split_once('.')?;
    Some(extension(major.parse().ok()?, minor.parse().ok().filter(|minor| *minor < 100)?))
}

/// All entries without their texts, which the server would read from a file. `version` is the extension's: it stays behind the
/// server's after an upgrade until somebody updates it. `schema` is quoted already.
pub(super) fn statements(schema: &str, version: u32) -> String {
    let since = |at: u32, column: &'static str, before: &'static str| if version >= at { column } else { before };
    let time = since(108, "s.total_exec_time + s.total_plan_time", "s.total_time");
    let wal = since(108, "s.wal_bytes", "0");
    let top = since(109, "s.toplevel", "true");
    let io = match version {
        111.. => {
            "s.shared_blk_read_time + s.shared_blk_write_time + s.local_blk_read_time + s.local_blk_write_time + s.temp_blk_read_time + s.temp_blk_write_time"
        }
        110 => "s.blk_read_time + s.blk_write_time + s.temp_blk_read_time + s.temp_blk_write_time",
        _ => "s.blk_read_time + s.blk_write_time",
    };
    let counted = since(111, "extract(epoch from s.stats_since)", "null");
    format!(
        "select coalesce(r.rolname, s.userid::text) as \"user\", coalesce(d.datname, s.dbid::text) as database, s.queryid::text as query, \
         {top} as top, s.calls, {time} as time, {io} as io, s.rows, \
         (s.shared_blks_read + s.local_blks_read) * current_setting('block_size')::bigint as read, \
         (s.temp_blks_read + s.temp_blks_written) * current_setting('block_size')::bigint as temp, {wal} as wal, {counted} as since \
         from {schema}.pg_stat_statements(false) s left join pg_roles r on r.oid = s.userid left join pg_database d on d.oid = s.dbid"
    )
}

/// The texts of some entries, cut.
pub(super) fn texts(schema: &str, queries: &[&str]) -> String {
    // Numbers, from the server itself; what is none is left out.
    let ids: Vec<&str> = queries.iter().copied().filter(|query| query.parse::<i64>().is_ok()).collect();
    format!(
        "select distinct on (queryid) queryid::text as query, left(query, {TEXT_BYTES_MAX}) as text from {schema}.pg_stat_statements(true) \
         where queryid = any('{{{}}}'::bigint[])",
        ids.join(",")
    )
}

/// When all entries were reset, and how many were thrown out for want of room. Not before version 1.9.
pub(super) fn statements_info(schema: &str, version: u32) -> Option<String> {
    let sql = format!("select extract(epoch from stats_reset) as reset, dealloc from {schema}.pg_stat_statements_info");
    (version >= 109).then_some(sql)
}

/// Where the extension is.
pub(super) const EXTENSION: &str = "select extversion as version, quote_ident(n.nspname) as schema from pg_extension e join pg_namespace n on n.oid = e.extnamespace \
     where extname = 'pg_stat_statements'";

/// Sessions of clients by what they do. The one that asks is not counted.
pub(super) const SESSIONS: &str = "select coalesce(datname, '') as database, coalesce(usename, '') as \"user\", \
     coalesce(state, 'unknown') as state, case when state = 'active' then coalesce(wait_event_type, 'none') else 'none' end as wait, \
     count(*) as count, max(extract(epoch from clock_timestamp() - xact_start)) as transaction \
     from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() group by 1, 2, 3, 4";

/// Statements that run now, and for how long; since PostgreSQL 14 with their number.
pub(super) fn running(server: u32) -> String {
    let query = if server >= 140_000 { "query_id::text" } else { "null" };
    format!(
        "select pid::text as session, coalesce(datname, '') as database, coalesce(usename, '') as \"user\", \
         coalesce(query_start::text, '') as since, {query} as query, left(query, {TEXT_BYTES_MAX}) as text, \
         extract(epoch from clock_timestamp() - query_start) as age \
         from pg_stat_activity where backend_type = 'client backend' and state = 'active' and pid <> pg_backend_pid()"
    )
}

/// Who waits for whose lock.
pub(super) const LOCKS: &str = "select coalesce(w.datname, '') as database, coalesce(w.usename, '') as \"user\", \
     coalesce(b.usename, 'prepared transaction') as blocker, coalesce(b.state, 'none') as state, count(*) as count, \
     max(extract(epoch from clock_timestamp() - w.query_start)) as age \
     from pg_stat_activity w cross join lateral unnest(pg_blocking_pids(w.pid)) as p(pid) left join pg_stat_activity b on b.pid = p.pid \
     where w.wait_event_type = 'Lock' group by 1, 2, 3, 4";

/// Databases, with the age of their oldest transaction ids.
pub(super) const DATABASES: &str = "select s.datname as database, s.xact_commit as committed, s.xact_rollback as aborted, \
     s.blks_hit as hit, s.blks_read as read, s.tup_returned as returned, s.tup_fetched as fetched, s.tup_inserted as inserted, \
     s.tup_updated as updated, s.tup_deleted as deleted, s.temp_bytes as temp, s.deadlocks, age(d.datfrozenxid) as age \
     from pg_stat_database s join pg_database d on d.oid = s.datid where d.datallowconn";

/// What databases take on disks. The server walks all files for it.
pub(super) const SIZES: &str = "select datname as database, pg_database_size(oid) as size from pg_database where datallowconn \
     and (has_database_privilege(oid, 'connect') or pg_has_role('pg_read_all_stats', 'member'))";

/// Checkpoints, and who wrote buffers.
pub(super) fn checkpoints(server: u32) -> &'static str {
    if server >= 170_000 {
        "select c.num_timed as timed, c.num_requested as requested, c.write_time as write, c.sync_time as sync, \
         c.buffers_written as checkpointer, b.buffers_clean as cleaner, \
         (select sum(writes) from pg_stat_io where backend_type = 'client backend') as backend \
         from pg_stat_checkpointer c, pg_stat_bgwriter b"
    } else {
        "select checkpoints_timed as timed, checkpoints_req as requested, checkpoint_write_time as write, checkpoint_sync_time as sync, \
         buffers_checkpoint as checkpointer, buffers_clean as cleaner, buffers_backend as backend from pg_stat_bgwriter"
    }
}

/// How far replicas are behind, in bytes and time; on a replica, how far it is itself.
pub(super) const REPLICATION: &str = "select coalesce(nullif(application_name, ''), client_addr::text, 'unknown') as replica, \
     greatest(pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end, replay_lsn), 0) as bytes, \
     extract(epoch from replay_lag) as time from pg_stat_replication \
     union all select '~self', greatest(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), 0), \
     case when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0 \
     else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) end where pg_is_in_recovery()";

/// Write-ahead log that is kept for who has not read it yet.
pub(super) const SLOTS: &str = "select slot_name as slot, active::text as active, \
     greatest(pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end, restart_lsn), 0) as bytes \
     from pg_replication_slots where restart_lsn is not null";

/// What the server is set to.
pub(super) const SETTINGS: &str = "select current_setting('max_connections') as connections, current_setting('track_io_timing') as timing, \
     pg_has_role('pg_read_all_stats', 'usage')::text as rights";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_asked_for_columns_that_it_has() {
        // PostgreSQL 12 to 17 come with 1.7, 1.8, 1.9, 1.10, 1.10, 1.11.
        let cases = [
            (
                "1.7",
                "s.total_time as time",
                "s.blk_read_time + s.blk_write_time as io",
                "true as top",
                "0 as wal",
                "null as since",
            ),
            (
                "1.8",
                "total_plan_time as time",
                "s.blk_write_time as io",
                "true as top",
                "s.wal_bytes as wal",
                "null as since",
            ),
            (
                "1.9",
                "total_plan_time as time",
                "s.blk_write_time as io",
                "s.toplevel as top",
                "s.wal_bytes as wal",
                "null as since",
            ),
            (
                "1.10",
                "total_plan_time as time",
                "s.temp_blk_write_time as io",
                "s.toplevel as top",
                "s.wal_bytes as wal",
                "null as since",
            ),
            (
                "1.11",
                "total_plan_time as time",
                "s.shared_blk_read_time +",
                "s.toplevel as top",
                "s.wal_bytes as wal",
                "s.stats_since) as since",
            ),
        ];
        for (version, time, io, top, wal, since) in cases {
            let number = extension_version(version).expect("a version");
            let sql = statements("public", number);
            for part in [time, io, top, wal, since] {
                assert!(sql.contains(part), "{version}: {part}: {sql}");
            }
            assert_eq!(statements_info("public", number).is_some(), number >= 109);
        }
        assert_eq!(["1", "1.x", "1.100", ""].map(extension_version), [None; 4]);
        assert!(running(130_000).contains("null as query") && running(140_000).contains("query_id::text as query"));
    }

    #[test]
    fn only_numbers_are_put_into_a_question() {
        assert!(texts("public", &["-5", "7'; drop", "8"]).contains("'{-5,8}'"));
    }
}
